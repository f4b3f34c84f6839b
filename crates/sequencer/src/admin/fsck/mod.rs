//! Checks a database by deriving everything in it again from the stored bytes of the events.
//!
//! From each payload its hash, from the fields the content hash, under the registered key the signature; from these the
//! leaves, the stream tree with its tiles, compact range and signed head, the batches with their state roots; from the
//! head log's records its entries, tiles and every checkpoint, and that each record says what the streams and batches
//! say; and that no row lies outside of all this. What is found is reported with the table and the place, the first
//! difference of each stream and of the log, because what follows a difference follows from it.
//!
//! It reads only, and may run beside a server: each stream is checked up to the head it had when its turn came.

mod keys;
mod log;
mod stream;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{BatchId, Micros};
use stateset_store::StoreError;
use stateset_store::maintenance::{Maintenance, RawHead};
use stateset_store::stream::StreamNo;

use self::keys::Keys;
use crate::keyring::Keyring;

const STREAMS: u32 = 256;

/// A difference between what is stored and what follows from the events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The table that is wrong, as far as that can be told.
    pub table: &'static str,
    /// Which row.
    pub place: String,
    /// What does not fit.
    pub fault: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.table, self.place, self.fault)
    }
}

/// What was checked and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Streams derived.
    pub streams: u64,
    /// Events derived.
    pub events: u64,
    /// Signatures verified: of agents, receipts, heads and checkpoints.
    pub signatures: u64,
    /// Tiles compared, of streams and the log.
    pub tiles: u64,
    /// Batches derived.
    pub batches: u64,
    /// Records of the head log derived.
    pub records: u64,
    /// Checkpoints verified.
    pub checkpoints: u64,
    /// Differences.
    pub findings: Vec<Finding>,
}

/// Why a check could not be finished.
#[derive(Debug)]
enum Stop {
    /// A difference; the rest of the stream or log would only repeat it.
    Found(Finding),
    /// The database does not answer.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn found<T>(table: &'static str, place: impl Into<String>, fault: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Found(Finding { table, place: place.into(), fault: fault.into() }))
}

/// What the head log says of one stream, for the stream to confirm.
#[derive(Debug, Default)]
struct Logged {
    /// Size and root of each `HEAD` record, with its index.
    heads: Vec<(u64, Hash, u64)>,
    /// The batch records by index: first and last sequence, root, state before and after.
    batches: HashMap<u64, (u64, u64, Hash, Hash, Hash)>,
    /// When the stream was opened, by its `OPEN` record.
    opened: Option<Micros>,
}

/// Everything the parts of a check share.
struct Check {
    store: Arc<dyn Maintenance>,
    keyring: Arc<Keyring>,
    keys: Keys,
    report: Report,
    logged: HashMap<StreamNo, Logged>,
    /// Ids of batches, which are unique over all streams.
    batches_seen: HashMap<BatchId, StreamNo>,
}

/// Checks everything. `progress` is told how many events have been derived. With `first_only` the first difference ends it.
pub async fn run(
    store: Arc<dyn Maintenance>,
    keyring: Arc<Keyring>,
    first_only: bool,
    mut progress: impl FnMut(u64),
) -> Result<Report, StoreError> {
    let keys = Keys::read(store.as_ref()).await?;
    let mut check =
        Check { store, keyring, keys, report: Report::default(), logged: HashMap::new(), batches_seen: HashMap::new() };
    let strays = check.strays().await;
    check.note(strays)?;
    // The log first: what it holds by now, every stream holds by the time it is looked at.
    let log = if check.is_over(first_only) { Ok(()) } else { check.log().await };
    check.note(log)?;
    let mut after = StreamNo(i64::MIN);
    while !check.is_over(first_only) {
        let heads = check.store.all_streams(after, STREAMS).await?;
        let Some(last) = heads.last() else { break };
        after = last.row.stream;
        for head in heads {
            let outcome = check.stream(&head, &mut progress).await;
            check.note(outcome)?;
            if check.is_over(first_only) {
                break;
            }
        }
    }
    Ok(check.report)
}

impl Check {
    fn is_over(&self, first_only: bool) -> bool {
        first_only && !self.report.findings.is_empty()
    }

    fn note(&mut self, outcome: Result<(), Stop>) -> Result<(), StoreError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Found(finding)) => {
                self.report.findings.push(finding);
                Ok(())
            },
            // A column that cannot be is a difference like any other; a database that is away is not.
            Err(Stop::Store(StoreError::Corrupt(cause))) => {
                self.report.findings.push(Finding {
                    table: "unknown",
                    place: "a row that cannot be read".to_owned(),
                    fault: cause.to_string(),
                });
                Ok(())
            },
            Err(Stop::Store(error)) => Err(error),
        }
    }

    async fn strays(&mut self) -> Result<(), Stop> {
        let Some((table, rows)) = self.store.strays().await?.into_iter().next() else { return Ok(()) };
        let table = TABLES.iter().find(|known| **known == table).copied().unwrap_or("unknown");
        found(table, format!("{rows} rows"), "lie behind the head of their stream or log, or belong to none")
    }

    /// One stream, with what belongs to it.
    async fn stream(&mut self, head: &RawHead, progress: &mut impl FnMut(u64)) -> Result<(), Stop> {
        let logged = self.logged.remove(&head.row.stream).unwrap_or_default();
        let before = self.report.events;
        stream::check(self, head, logged, |events| progress(before + events)).await?;
        if head.row.scope.is_key_stream() {
            self.agent_keys(head).await?;
        }
        self.report.streams += 1;
        Ok(())
    }
}

const TABLES: [&str; 10] = [
    "events",
    "event_payload",
    "stream_tiles",
    "batches",
    "cursors",
    "logged_heads",
    "agent_keys",
    "log_records",
    "log_tiles",
    "checkpoints",
];
