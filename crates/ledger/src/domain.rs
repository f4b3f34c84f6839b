//! Domain separators: the exact ASCII that starts each preimage.

/// Plaintext payload hash.
pub const PAYLOAD_PLAIN: &str = "VES_PAYLOAD_PLAIN_V1";
/// Additional data of an encrypted payload.
pub const PAYLOAD_AAD: &str = "VES_PAYLOAD_AAD_V1";
/// Hash of an encrypted payload.
pub const PAYLOAD_CIPHER: &str = "VES_PAYLOAD_CIPHER_V1";
/// Hash over the recipients of an encrypted payload.
pub const RECIPIENTS: &str = "VES_RECIPIENTS_V1";
/// Event signing hash, version 1 and the inner hash of version 2.
pub const EVENT_SIGNATURE: &str = "VES_EVENTSIG_V1";
/// Event signing hash, version 2.
pub const EVENT_SIGNATURE_V2: &str = "VES_EVENTSIG_V2";
/// Leaf of a signed event.
pub const LEAF: &str = "VES_LEAF_V1";
/// Leaf of an unsigned event (ours).
pub const UNSIGNED_LEAF: &str = "VES_UNSIGNED_LEAF_V1";
/// Field hash of an unsigned event (ours).
pub const UNSIGNED_EVENT: &str = "VES_UNSIGNED_EVENT_V1";
/// Padding leaf of a VES batch tree.
pub const PAD_LEAF: &str = "VES_PAD_LEAF_V1";
/// Inner node of a VES batch tree.
pub const NODE: &str = "VES_NODE_V1";
/// Stream id.
pub const STREAM: &str = "VES_STREAM_V1";
/// Sequencer receipt.
pub const RECEIPT: &str = "VES_RECEIPT_V1";
/// Signed head of a stream after a flush (ours).
pub const FLUSH: &str = "VES_FLUSH_V1";
/// State-root chain of VES batches.
pub const STATE_ROOT: &str = "VES_STATE_ROOT_V1";
/// Proof of possession of a key.
pub const PROOF_OF_POSSESSION: &str = "VES_POP_V1";
/// Signed key directory.
pub const KEY_DIRECTORY: &str = "VES_KEYDIR_V1";
/// Leaf of the legacy protocol.
pub const LEGACY_LEAF: &str = "STATESET_COMMITMENT_LEAF_V1";
/// Head-log record: a stream reached a size (ours).
pub const HEAD: &str = "VES_HEAD_V1";
/// Head-log record: a stream was opened (ours).
pub const OPEN: &str = "VES_OPEN_V1";
/// Head-log record: a VES batch was committed (ours).
pub const BATCH: &str = "VES_VCMT_V1";
/// Blinded head-log entry (ours).
pub const BLINDED: &str = "VES_HEADB_V1";
