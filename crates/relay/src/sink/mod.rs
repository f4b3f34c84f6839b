//! Destinations. A sink is given events in order and answers one [`Outcome`] per event.
//!
//! What a sink promises:
//!
//! * one outcome per record, in the order of the records, whatever happens;
//! * [`Outcome::Accepted`] only after the destination has the event durably, as far as it can say;
//! * within a lane, no record is tried after one that failed ([`Outcome::NotTried`] instead), unless the sink pipelines
//!   and the destination keeps the order; the engine acknowledges only what is in order either way;
//! * trying the same record again is harmless or recognisable at the destination: the event id is always sent;
//! * nothing is begun once [`Batch::holds`] says no;
//! * it returns: every wait inside has a limit.
//!
//! To add one: implement [`Sink`], and give the conformance suite in `tests/it/suite.rs` a way to make the destination
//! work, refuse and vanish.

pub mod by_lane;
pub mod handler;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod mail;
#[cfg(feature = "personal")]
pub mod reveal;
pub mod sequencer;
pub mod upcasting;
pub mod webhook;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::record::Record;

/// Longest stored explanation of a failure, in bytes. A page of HTML from a proxy is not worth more.
const WHY_BYTES: usize = 1_024;

/// The future of one batch.
pub type Publishing<'a> = Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>>;

/// What one call sends.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// The shard group whose lease covers the call: what a sink fences by.
    pub group: u16,
    /// In log order.
    pub records: &'a [Record],
    holds: Option<&'a (dyn Fn() -> bool + Send + Sync)>,
}

impl<'a> Batch<'a> {
    /// Records of one shard group, in log order.
    pub fn new(group: u16, records: &'a [Record]) -> Self {
        Self { group, records, holds: None }
    }

    /// Ends when `holds` says so: a worker that was paused past its lease must not go on with what it had begun.
    #[must_use]
    pub fn while_holding(self, holds: &'a (dyn Fn() -> bool + Send + Sync)) -> Self {
        Self { holds: Some(holds), ..self }
    }

    /// The same call with other records in the place of these.
    #[must_use]
    pub fn with_records<'b>(&self, records: &'b [Record]) -> Batch<'b>
    where
        'a: 'b,
    {
        Batch { group: self.group, records, holds: self.holds }
    }

    /// Whether the batch may still be sent. To be asked before every record that is sent by itself.
    pub fn holds(&self) -> bool {
        self.holds.is_none_or(|holds| holds())
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("group", &self.group)
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}

/// The future of [`Sink::bury`].
pub type Burying<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A record whose delivery is about to become a dead letter.
#[derive(Clone, Copy, Debug)]
pub struct Dead<'a> {
    /// What was not delivered.
    pub record: &'a Record,
    /// `exhausted`, `refused`, `undecodable`.
    pub class: &'static str,
    /// What the last try said.
    pub why: &'a Why,
    /// Real tries.
    pub attempts: u32,
}

/// A destination.
pub trait Sink: Send + Sync {
    /// Sends `batch` and says for each record what became of it.
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a>;

    /// Why `record` has no form for this destination, if so. It is then held, uses up no attempt, and is looked at
    /// again when the configuration changes.
    fn unmapped(&self, _record: &Record) -> Option<Why> {
        None
    }

    /// Leaves copies of what is being given up where those look who look after this destination. Best effort, and at
    /// least once: the dead letter in the database is the truth.
    fn bury<'a>(&'a self, _dead: Vec<Dead<'a>>) -> Burying<'a> {
        Box::pin(std::future::ready(()))
    }

    /// Most records of one call.
    fn batch_limit(&self) -> usize {
        1_000
    }

    /// Longest that one call may take: leases are extended while it runs, and a worker that lost its lease waits no
    /// longer than this for the call.
    fn call_limit(&self) -> Duration {
        Duration::from_mins(1)
    }
}

/// A sink that is chosen when the program runs, so that it can be wrapped too.
impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        (**self).publish(batch)
    }

    fn unmapped(&self, record: &Record) -> Option<Why> {
        (**self).unmapped(record)
    }

    fn bury<'a>(&'a self, dead: Vec<Dead<'a>>) -> Burying<'a> {
        (**self).bury(dead)
    }

    fn batch_limit(&self) -> usize {
        (**self).batch_limit()
    }

    fn call_limit(&self) -> Duration {
        (**self).call_limit()
    }
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The destination has it. `Some`: it also proved so, which makes the delivery acknowledged.
    Accepted(Option<Evidence>),
    /// This event failed and may succeed later. Uses up an attempt.
    Retry {
        /// What the destination asked for, at least.
        after: Option<Duration>,
        /// For people.
        why: Why,
    },
    /// The destination is down or will not talk to us at all. Opens the breaker, uses up nothing.
    Unavailable(Why),
    /// A definite refusal, which a person may overturn: a dead letter at once.
    Refused(Why),
    /// The destination's deterministic no, which nothing overturns: final, and the lane goes on.
    Rejected(Why),
    /// The sink did not get to it, because of another record's failure.
    NotTried,
}

/// What a destination gave as proof, stored as received.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Which kind, for instance `sequencer`.
    pub kind: &'static str,
    /// The event's place at the destination, if it has one.
    pub remote_sequence: Option<u64>,
    /// The proof itself.
    pub body: Value,
    /// Why it proves nothing: the delivery stays delivered, flagged, and is not acknowledged.
    pub flaw: Option<Why>,
}

/// Why something failed, in words, without secrets and bounded in length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// A stable lower-case word to count and filter by, such as `timeout` or `http_503`.
    pub class: String,
    /// A sentence.
    pub message: String,
}

impl Why {
    /// Cuts the message at the limit.
    pub fn new(class: impl Into<String>, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        if message.len() > WHY_BYTES {
            let cut = (0..=WHY_BYTES).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
            message.truncate(cut);
            message.push('…');
        }
        // Text columns cannot hold it, and a failure must always be storable.
        if message.contains('\0') {
            message = message.replace('\0', "\u{fffd}");
        }
        Self { class: class.into(), message }
    }
}

impl Outcome {
    /// A retry at the policy's own pace.
    pub fn retry(class: &str, message: impl Into<String>) -> Self {
        Self::Retry { after: None, why: Why::new(class, message) }
    }

    /// Whether the events behind this one in its lane may be tried now.
    pub fn lets_lane_go_on(&self) -> bool {
        matches!(self, Self::Accepted(_) | Self::Rejected(_))
    }
}
