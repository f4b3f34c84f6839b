//! What the sequencer signs: one event's place, a stream's head after a flush, and the chain of VES batches.

use crate::bytes::{Hash, Preimage};
use crate::domain;
use crate::id::{EventId, KeyId, Micros, Scope, Sequence};

/// Identity of a stream in hashes: 32 bytes from tenant and store.
pub fn stream_id(scope: Scope) -> Hash {
    Preimage::new(domain::STREAM).fixed(scope.tenant.as_bytes()).fixed(scope.store.as_bytes()).hash()
}

/// The hash a published receipt signs: this event, with this content, has this place.
pub fn receipt_hash(scope: Scope, event_id: EventId, sequence: Sequence, content_hash: &Hash) -> Hash {
    Preimage::new(domain::RECEIPT)
        .fixed(scope.tenant.as_bytes())
        .fixed(scope.store.as_bytes())
        .fixed(event_id.as_bytes())
        .u64(sequence.get())
        .fixed(&content_hash.0)
        .hash()
}

/// A stream's head after one flush, signed once for all events of the flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushHead {
    /// Which stream.
    pub stream_id: Hash,
    /// Events in the stream.
    pub size: u64,
    /// Root of its RFC 6962 tree.
    pub root: Hash,
    /// When the flush was sequenced.
    pub at: Micros,
    /// Which sequencer key signs.
    pub key: KeyId,
}

impl FlushHead {
    /// The signed hash: `VES_FLUSH_V1 ‖ stream id ‖ u64 size ‖ root ‖ u64 microseconds ‖ u32 key id`.
    pub fn hash(&self) -> Hash {
        Preimage::new(domain::FLUSH)
            .fixed(&self.stream_id.0)
            .u64(self.size)
            .fixed(&self.root.0)
            .fixed(&self.at.0.to_be_bytes())
            .u32(self.key.0)
            .hash()
    }
}

/// The next state root of a stream's chain of VES batches; the first batch's `previous` is [`Hash::ZERO`].
pub fn state_root(
    stream_id: &Hash,
    previous: &Hash,
    merkle_root: &Hash,
    start: Sequence,
    end: Sequence,
    leaf_count: u32,
) -> Hash {
    Preimage::new(domain::STATE_ROOT)
        .fixed(&stream_id.0)
        .fixed(&previous.0)
        .fixed(&merkle_root.0)
        .u64(start.get())
        .u64(end.get())
        .u32(leaf_count)
        .hash()
}

/// Leaf of the first sequencer's trees. Kept for verifying old exports; new events never use it.
pub fn legacy_leaf(scope: Scope, sequence: Sequence, payload_hash: &Hash, entity_type: &str, entity_id: &str) -> Hash {
    Preimage::new(domain::LEGACY_LEAF)
        .fixed(scope.tenant.as_bytes())
        .fixed(scope.store.as_bytes())
        .u64(sequence.get())
        .fixed(&payload_hash.0)
        .text(entity_type)
        .text(entity_id)
        .hash()
}
