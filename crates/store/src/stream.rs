//! Streams as rows: their dense number, their head, and the sequencer's signature on it.

use stateset_ledger::bytes::{Hash, Signature};
use stateset_ledger::id::{KeyId, Micros, Scope};
use stateset_ledger::stream::StreamHead;

/// Dense number of a stream, given when it is opened. It leads every key, and it never leaves the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamNo(pub i64);

/// The sequencer's signature on a stream's head (`VES_FLUSH_V1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadSignature {
    /// Which sequencer key.
    pub key: KeyId,
    /// Over the flush hash.
    pub signature: Signature,
}

/// A stream opened for appending.
#[derive(Clone, Debug)]
pub struct OpenStream {
    /// Its number.
    pub stream: StreamNo,
    /// Tenant and store.
    pub scope: Scope,
    /// Head with tails, ready to be planned on.
    pub head: StreamHead,
    /// The tenant's key stream and its size, read in the same snapshot; `None` if this stream is the key stream.
    pub key_stream: Option<(StreamNo, u64)>,
}

/// A stream as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// Its number.
    pub stream: StreamNo,
    /// Tenant and store.
    pub scope: Scope,
    /// Events in it.
    pub size: u64,
    /// Root of its tree.
    pub root: Hash,
    /// When the last event was sequenced; `None` for an empty stream.
    pub last_at: Option<Micros>,
    /// Signature on the head; `None` for an empty stream.
    pub signed: Option<HeadSignature>,
    /// When it was opened.
    pub opened_at: Micros,
}
