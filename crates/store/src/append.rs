//! One atomic append, possibly to several streams.

use stateset_ledger::agent_key::KeyChange;
use stateset_ledger::bytes::Hash;
use stateset_ledger::event::{Header, ReceiptSignature};
use stateset_ledger::id::{Micros, Scope, Sequence};
use stateset_ledger::stream::{StreamHead, StreamTile};

use crate::stream::{HeadSignature, StreamNo};

/// One event with its place.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// Everything that never changes.
    pub header: &'a Header,
    /// Its place.
    pub sequence: Sequence,
    /// The published receipt's signature, unless the client asked for the flush signature only.
    pub receipt: Option<ReceiptSignature>,
}

/// Payloads of consecutive events, sealed one by one and stored together, because a row per payload costs the database
/// more than the payload itself. Segments stay small (see `payload::SEGMENT_BYTES` of the service), so that reading one
/// event never drags a megabyte along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadSegment {
    /// First event whose payload is inside.
    pub first: Sequence,
    /// Last event whose payload is inside.
    pub last: Sequence,
    /// Which key sealed them; `None` when payloads are stored in the clear.
    pub key_id: Option<[u8; 8]>,
    /// `u32` end offset per payload (big-endian, relative to the end of the offsets), then the sealed payloads.
    pub sealed: Vec<u8>,
}

/// Everything one stream gains by one append.
#[derive(Clone, Debug)]
pub struct StreamAppend<'a> {
    /// Which stream.
    pub stream: StreamNo,
    /// Its tenant and store.
    pub scope: Scope,
    /// Size it must still have.
    pub expected_size: u64,
    /// The tenant's key stream and the size the key facts were read at; the append is refused if it has moved.
    pub key_stream: Option<(StreamNo, u64)>,
    /// New events, consecutive from `expected_size + 1`.
    pub events: Vec<NewEvent<'a>>,
    /// Their payloads, covering exactly the same places.
    pub payloads: Vec<PayloadSegment>,
    /// Tiles the events complete.
    pub tiles: &'a [StreamTile],
    /// Head afterwards.
    pub head: &'a StreamHead,
    /// Root of that head.
    pub root: Hash,
    /// Signature on that head.
    pub signed: HeadSignature,
    /// Time of sequencing of all these events.
    pub at: Micros,
    /// Changes of the key registry that these events record; only in a key stream.
    pub key_changes: Vec<(Sequence, KeyChange)>,
}

/// What became of one stream's part of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Durable.
    Committed,
    /// The stream or its key stream had moved; nothing of this stream was written.
    Moved,
}
