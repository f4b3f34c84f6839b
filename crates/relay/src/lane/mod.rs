//! What one round means: pure decisions between reading a destination's work and writing the result.
//!
//! A round is a list of deliveries of one destination and shard group, in log order, either *fresh* (read from the log,
//! no row exists) or *parked* (an open row exists). [`choose`] says which are sent, [`settle`] turns the sink's answers
//! into the one [`Plan`] that is written in one transaction.
//!
//! The rules, which hold for every answer a sink can give:
//!
//! * nothing is lost: a fresh delivery at or before [`Plan::upto`] is through or has a row; one behind it is read again;
//! * order: a lane is through up to its first failure, never beyond; what the destination accepted beyond it is sent
//!   again, after the failed one;
//! * an attempt is used up only by a real try;
//! * other lanes are not affected.

mod choose;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use stateset_outbox::delivery::{DeliveryState, HeldReason, Lane};

pub use choose::{Choice, choose};
pub use settle::settle;

use crate::policy::Policy;
use crate::sink::{Evidence, Why};

/// One delivery of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Place in the log.
    pub log_id: i64,
    /// Its lane.
    pub lane: Lane,
    /// Where it comes from.
    pub origin: Origin,
    /// What there is to send.
    pub content: Content,
    /// The policy of its route.
    pub policy: Arc<Policy>,
}

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Read from the log through the cursor.
    Fresh,
    /// Has an open row.
    Parked {
        /// Attempts so far.
        attempts: u32,
    },
}

/// What there is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An event for this destination.
    Event,
    /// An event that no route wants.
    NotWanted,
    /// An event that cannot be read; parks its lane, never its batch.
    Undecodable(Why),
    /// An event that has no form for this destination yet; waits without using up attempts.
    Unmapped(Why),
}

/// What a round changes. Written as a whole, if the lease still holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The cursor may move to this place, inclusive; `None` leaves it.
    pub upto: Option<i64>,
    /// Fresh deliveries that went through without a row.
    pub delivered: u64,
    /// Fresh events that no route wants.
    pub unrouted: u64,
    /// Rows to write, in log order.
    pub rows: Vec<Row>,
    /// Proofs of acceptance.
    pub receipts: Vec<(i64, Evidence)>,
    /// The destination must stop until an operator resumes it: which event, and why.
    pub stop: Option<(i64, Why)>,
    /// The destination could not be reached, and why.
    pub unavailable: Option<Why>,
    /// At least one record got an answer of the destination itself.
    pub reached: bool,
    /// Accepted by the destination behind a failure of their lane: they will be sent again, in order.
    pub to_repeat: u64,
}

/// The new standing of one delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Place in the log.
    pub log_id: i64,
    /// Its lane.
    pub lane: Lane,
    /// Attempts so far.
    pub attempts: u32,
    /// Where it stands now.
    pub standing: Standing,
    /// The try that led there, if one did.
    pub tried: Option<Try>,
}

/// Where a delivery with a row stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Through, and proved if there is a receipt for it.
    Delivered {
        /// There is evidence that proves it.
        proved: bool,
    },
    /// To be tried again.
    RetryWait {
        /// Not before this much time has passed.
        wait: Duration,
    },
    /// Waits for something else.
    Held(HeldReason, Option<Why>),
    /// To be tried as soon as possible.
    Pending,
    /// A dead letter.
    Dead {
        /// Whether the lane goes on without it.
        lane_goes_on: bool,
        /// Why.
        class: DeadClass,
        /// The last failure.
        why: Why,
    },
    /// The destination's final no.
    Rejected,
}

/// A real try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// `accepted`, `retry`, `refused` or `rejected`.
    pub outcome: &'static str,
    /// What was wrong; with `accepted`, what is wrong with the evidence.
    pub why: Option<Why>,
}

/// Why a delivery is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadClass {
    /// All attempts failed.
    Exhausted,
    /// The destination refused it.
    Refused,
    /// It could not be read.
    Undecodable,
}

impl DeadClass {
    /// The word in tables and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Refused => "refused",
            Self::Undecodable => "undecodable",
        }
    }
}

impl Standing {
    /// Whether the events behind it may be sent.
    pub fn lane_goes_on(&self) -> bool {
        match self {
            Self::Delivered { .. } | Self::Rejected => true,
            Self::Dead { lane_goes_on, .. } => *lane_goes_on,
            Self::RetryWait { .. } | Self::Held(..) | Self::Pending => false,
        }
    }

    /// The state in the database.
    pub fn state(&self) -> DeliveryState {
        match self {
            Self::Delivered { proved: false } => DeliveryState::Delivered,
            Self::Delivered { proved: true } => DeliveryState::Acknowledged,
            Self::RetryWait { .. } => DeliveryState::RetryWait,
            Self::Held(..) => DeliveryState::Held,
            Self::Pending => DeliveryState::Pending,
            Self::Dead { .. } => DeliveryState::Dead,
            Self::Rejected => DeliveryState::Rejected,
        }
    }
}
