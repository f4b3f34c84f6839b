//! Commitments and proofs.

use serde::{Deserialize, Serialize};
use stateset_ledger::bytes::{Hash, Salt, Signature};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where a batch is anchored on a chain. This version anchors nothing, so every member but the first is null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Anchor {
    /// Whether a chain has confirmed it.
    pub is_anchored: bool,
    /// Which chain.
    pub chain_id: Option<u64>,
    /// Which transaction.
    pub chain_tx_hash: Option<String>,
    /// Which block.
    pub chain_block_number: Option<u64>,
    /// When, RFC 3339.
    pub anchored_at: Option<String>,
}

/// A VES batch commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Commitment {
    /// Its id.
    pub batch_id: Uuid,
    /// Owner of the store.
    pub tenant_id: Uuid,
    /// The store.
    pub store_id: Uuid,
    /// Version of the tree's rules, 1.
    pub ves_version: u32,
    /// Levels between leaves and root.
    pub tree_depth: usize,
    /// Events in it.
    pub leaf_count: u64,
    /// Leaves with padding: the next power of two.
    pub padded_leaf_count: u64,
    /// Root of the batch tree.
    #[schema(value_type = String)]
    pub merkle_root: Hash,
    /// State root before; zero for the first batch.
    #[schema(value_type = String)]
    pub prev_state_root: Hash,
    /// State root after.
    #[schema(value_type = String)]
    pub new_state_root: Hash,
    /// First event.
    pub sequence_start: u64,
    /// Last event.
    pub sequence_end: u64,
    /// When, RFC 3339.
    pub committed_at: String,
    /// Where it is anchored.
    #[serde(flatten)]
    pub anchor: Anchor,
}

/// A commitment under the names of the first API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlatCommitment {
    /// Its id.
    pub batch_id: Uuid,
    /// Owner of the store.
    pub tenant_id: Uuid,
    /// The store.
    pub store_id: Uuid,
    /// State root before; zero for the first batch.
    #[schema(value_type = String)]
    pub prev_state_root: Hash,
    /// State root after.
    #[schema(value_type = String)]
    pub new_state_root: Hash,
    /// Root of the batch tree.
    #[schema(value_type = String)]
    pub events_root: Hash,
    /// Events in it.
    pub event_count: u64,
    /// First event.
    pub sequence_start: u64,
    /// Last event.
    pub sequence_end: u64,
    /// When, RFC 3339.
    pub committed_at: String,
    /// Where it is anchored.
    #[serde(flatten)]
    pub anchor: Anchor,
}

/// A page of commitments, in order of sequence.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CommitmentList<C> {
    /// All that the page holds, anchored or not.
    pub commitments: Vec<C>,
    /// How many.
    pub count: usize,
    /// The `from` of the next page.
    pub next_sequence: u64,
    /// Whether there is a next page.
    pub has_more: bool,
}

/// Body of `POST …/commitments`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CommitRequest {
    /// Owner of the store; also accepted as `tenantId`.
    #[serde(alias = "tenantId")]
    pub tenant_id: Uuid,
    /// The store; also accepted as `storeId`.
    #[serde(alias = "storeId")]
    pub store_id: Uuid,
    /// First event; left out: right behind the last batch.
    #[serde(default, alias = "sequenceStart")]
    pub sequence_start: Option<u64>,
    /// Last event; left out: the newest, or as far as one batch goes.
    #[serde(default, alias = "sequenceEnd")]
    pub sequence_end: Option<u64>,
}

/// What vouches for a leaf's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeafKind {
    /// An agent's signature is in the leaf.
    Ves,
    /// Nobody signed; the leaf is salted.
    Unsigned,
}

/// That an event is in a VES batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchProof {
    /// The event's place.
    pub sequence_number: u64,
    /// The batch.
    pub batch_id: Uuid,
    /// Root of the batch tree.
    #[schema(value_type = String)]
    pub merkle_root: Hash,
    /// What is proved.
    #[serde(flatten)]
    pub place: BatchPlace,
}

/// The same under the names of the first API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlatBatchProof {
    /// The event's place.
    pub sequence_number: u64,
    /// The batch.
    pub batch_id: Uuid,
    /// Root of the batch tree.
    #[schema(value_type = String)]
    pub events_root: Hash,
    /// What is proved.
    #[serde(flatten)]
    pub place: BatchPlace,
}

/// A leaf's place in a batch tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchPlace {
    /// The event's leaf.
    #[schema(value_type = String)]
    pub leaf_hash: Hash,
    /// Its place in the batch, from zero.
    pub leaf_index: u64,
    /// Events in the batch; the state root binds it, the batch root alone does not.
    pub leaf_count: u64,
    /// Siblings, leaf to root.
    #[schema(value_type = Vec<String>)]
    pub proof_path: Vec<Hash>,
    /// Per sibling, whether the running hash is the left child.
    pub directions: Vec<bool>,
    /// Who vouches for the content.
    pub leaf_kind: LeafKind,
}

/// Body of `POST …/proofs/verify`. Hexadecimal with or without `0x`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct VerifyRequest {
    /// The leaf.
    #[serde(alias = "leafHash")]
    #[schema(value_type = String)]
    pub leaf_hash: Hash,
    /// The batch's root; also accepted as `events_root`.
    #[serde(alias = "events_root", alias = "merkleRoot", alias = "eventsRoot")]
    #[schema(value_type = String)]
    pub merkle_root: Hash,
    /// Siblings, leaf to root, at most 64.
    #[serde(alias = "proofPath")]
    #[schema(value_type = Vec<String>)]
    pub proof_path: Vec<Hash>,
    /// The leaf's place in the batch, from zero.
    #[serde(alias = "leafIndex")]
    pub leaf_index: u64,
    /// The commitment's leaf count. With it the check is strict; without it padding and inner nodes pass, as they do in
    /// published clients.
    #[serde(default, alias = "leafCount")]
    pub leaf_count: Option<u64>,
}

/// Verdict on a batch proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// Whether it holds.
    pub valid: bool,
    /// The leaf that was checked.
    #[schema(value_type = String)]
    pub leaf_hash: Hash,
    /// The root it was checked against.
    #[schema(value_type = String)]
    pub merkle_root: Hash,
    /// Whether the leaf count was part of the check.
    pub strict: bool,
    /// Why it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Verdict under the names of the first API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlatVerdict {
    /// Whether it holds.
    pub valid: bool,
    /// The leaf that was checked.
    #[schema(value_type = String)]
    pub leaf_hash: Hash,
    /// The root it was checked against.
    #[schema(value_type = String)]
    pub events_root: Hash,
    /// Whether the leaf count was part of the check.
    pub strict: bool,
    /// Why it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// That an event is in its stream's tree, and that a head of that tree is in the head log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InclusionProof {
    /// The event's place.
    pub sequence_number: u64,
    /// `VES_STREAM_V1` over tenant and store.
    #[schema(value_type = String)]
    pub stream_id: Hash,
    /// The event's leaf: the tree's entry, whose leaf hash is `SHA-256(0x00 ‖ leaf)`.
    #[schema(value_type = String)]
    pub leaf_hash: Hash,
    /// Who vouches for the content.
    pub leaf_kind: LeafKind,
    /// Place in the tree, from zero.
    pub leaf_index: u64,
    /// Events in the tree.
    pub tree_size: u64,
    /// Root of the tree.
    #[schema(value_type = String)]
    pub root: Hash,
    /// Siblings, leaf to root (RFC 9162).
    #[schema(value_type = Vec<String>)]
    pub path: Vec<Hash>,
    /// The sequencer's signature on this very tree, if it is the newest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_head: Option<SignedHead>,
    /// The stream's newest head in the head log; left out before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logged_head: Option<LoggedHead>,
}

/// The sequencer's signature on a stream's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedHead {
    /// Microseconds since 1970 at which the head was signed.
    pub signed_at_us: i64,
    /// Which sequencer key signed.
    pub key_version: u32,
    /// Signature over `VES_FLUSH_V1` of stream id, size, root, time and key.
    #[schema(value_type = String)]
    pub signature: Signature,
}

/// A `HEAD` record of the head log with all that leads from it to a signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoggedHead {
    /// Events in the stream at this head.
    pub size: u64,
    /// Root of the stream tree at this head.
    #[schema(value_type = String)]
    pub root: Hash,
    /// Place of the record in the log, from zero.
    pub log_index: u64,
    /// Opens the blinded entry: `SHA-256(VES_HEADB_V1 ‖ salt ‖ record)`.
    #[schema(value_type = String)]
    pub salt: Salt,
    /// The record's bytes, hexadecimal.
    pub record: String,
    /// Entries of the log the checkpoint covers.
    pub log_size: u64,
    /// Siblings from the entry to the checkpoint's root.
    #[schema(value_type = Vec<String>)]
    pub log_path: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

/// That a stream's tree continues an older one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsistencyProof {
    /// `VES_STREAM_V1` over tenant and store.
    #[schema(value_type = String)]
    pub stream_id: Hash,
    /// Events in the older tree.
    pub from_size: u64,
    /// Root of the older tree.
    #[schema(value_type = String)]
    pub from_root: Hash,
    /// Events in the newer tree.
    pub to_size: u64,
    /// Root of the newer tree.
    #[schema(value_type = String)]
    pub to_root: Hash,
    /// The proof (RFC 9162); empty if the older tree is empty or the same.
    #[schema(value_type = Vec<String>)]
    pub path: Vec<Hash>,
}

/// What opens an entry of the head log: whoever has it recomputes the public entry and sees what was logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Opening {
    /// `OPEN`, `HEAD` or `VCMT`.
    pub kind: String,
    /// Index of the entry.
    pub log_index: u64,
    /// Salt of the entry.
    #[schema(value_type = String)]
    pub salt: Salt,
    /// The record, hexadecimal.
    pub record: String,
}

/// Openings of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpeningList {
    /// `VES_STREAM_V1` over tenant and store.
    #[schema(value_type = String)]
    pub stream_id: Hash,
    /// Newest first for heads, with the stream's `OPEN` at the end; in order for batches.
    pub openings: Vec<Opening>,
    /// How many are here.
    pub count: usize,
    /// There are more: for heads the `before` of the next page, for batches its `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}
