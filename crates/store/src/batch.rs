//! VES batch commitments as rows.

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{BatchId, Micros, Sequence};

use crate::stream::StreamNo;

/// One committed batch. Batches of a stream are contiguous from sequence 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub batch: BatchId,
    /// Which stream.
    pub stream: StreamNo,
    /// First event.
    pub start: Sequence,
    /// Last event.
    pub end: Sequence,
    /// Root of the batch tree.
    pub merkle_root: Hash,
    /// State root before.
    pub previous_state_root: Hash,
    /// State root after.
    pub state_root: Hash,
    /// Roots of the batch tree's 256-leaf subtrees, so that a proof reads one of them and not the whole batch.
    pub chunk_roots: Vec<Hash>,
    /// When it was committed.
    pub committed_at: Micros,
    /// Its record's index in the head log, once published.
    pub log_index: Option<u64>,
}

impl Batch {
    /// Number of events.
    pub fn leaf_count(&self) -> u64 {
        self.end.get() - self.start.get() + 1
    }
}

/// How far a stream's batches reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchFrontier {
    /// Last committed sequence, 0 if none.
    pub end: u64,
    /// State root after it, zero if none.
    pub state_root: Hash,
}
