//! The head log as rows: one publisher at a time, fenced by an epoch.

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{BatchId, Micros};
use stateset_ledger::tree::frontier::Frontier;

use crate::batch::Batch;
use crate::stream::{StreamNo, StreamRow};

/// The right to publish, until somebody else takes it. Every write names the epoch; a write under an old one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherLease {
    /// Grows with every change of owner.
    pub epoch: i64,
    /// When it lapses unless renewed.
    pub until: Micros,
}

/// Where the head log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Compact range of the tree over the blinded entries.
    pub frontier: Frontier,
    /// Key from which salts are derived. Random, made with the log.
    pub blinding_key: [u8; 32],
    /// The newest signed checkpoint, if any.
    pub checkpoint: Option<Checkpoint>,
}

/// A signed checkpoint note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Entries it covers.
    pub size: u64,
    /// The signed note, as served.
    pub note: String,
}

/// What has happened since the last round.
#[derive(Clone, Debug, Default)]
pub struct Unpublished {
    /// Streams whose size is above their last published one, with the index of their previous `HEAD` record.
    pub heads: Vec<(StreamRow, Option<u64>)>,
    /// Batches without a record, with the stream's tenant and store in `heads` order or not.
    pub batches: Vec<(StreamRow, Batch)>,
}

/// One record to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The stream it is about.
    pub stream: StreamNo,
    /// The record's bytes.
    pub record: Vec<u8>,
    /// For a `HEAD` record: the stream size it publishes.
    pub head_size: Option<u64>,
    /// For a `VCMT` record: the batch it publishes.
    pub batch: Option<BatchId>,
}

/// A completed tile of the head log: level 0 holds RFC 6962 leaf hashes of the blinded entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTile {
    /// Level.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
    /// The 256 hashes.
    pub hashes: Vec<Hash>,
}

/// One atomic round of publishing.
#[derive(Clone, Debug)]
pub struct Round {
    /// Size the log must still have.
    pub expected_size: u64,
    /// New records in order.
    pub records: Vec<NewRecord>,
    /// Tiles they complete.
    pub tiles: Vec<LogTile>,
    /// Compact range afterwards.
    pub frontier: Frontier,
    /// The note that will be served for the new size.
    pub checkpoint: Checkpoint,
    /// When.
    pub at: Micros,
}

/// A record as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its index.
    pub index: u64,
    /// The stream it is about.
    pub stream: StreamNo,
    /// The record's bytes.
    pub record: Vec<u8>,
}
