//! Bodies of the two ingest routes.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use stateset_ledger::bytes::{Hash, Signature};
use utoipa::ToSchema;
use uuid::Uuid;

/// One event that was not sequenced. The same shape on both routes, as the published clients expect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Rejection {
    /// The event's id, or null if it could not be read.
    pub event_id: Option<Uuid>,
    /// Position in the request, from 0.
    pub index: usize,
    /// The published reason, lower case.
    pub reason: String,
    /// Stable code.
    pub code: &'static str,
    /// A sentence that names the fault and the fix.
    pub message: String,
}

/// Something worth telling about an event that was taken nevertheless.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Warning {
    /// The event's id.
    pub event_id: Uuid,
    /// What was noticed.
    pub message: String,
}

macro_rules! receipt {
    ($(#[$attribute:meta])* $name:ident) => {
        #[derive(Clone, Debug, Serialize, ToSchema)]
        $(#[$attribute])*
        pub struct $name {
            /// Which sequencer.
            #[schema(value_type = String)]
            pub sequencer_id: Arc<str>,
            /// The event.
            pub event_id: Uuid,
            /// Its place.
            pub sequence_number: u64,
            /// When it got it, RFC 3339.
            #[schema(value_type = String)]
            pub sequenced_at: Arc<str>,
            /// What is signed: `VES_RECEIPT_V1` over stream, event, place and content.
            #[schema(value_type = String)]
            pub receipt_hash: Hash,
            /// Leaf of the event in the stream tree and in its VES batch.
            #[schema(value_type = String)]
            pub leaf_hash: Hash,
            /// `ed25519`, or `flush` if the stream head's signature vouches for it.
            pub signature_alg: &'static str,
            /// Signature over the receipt hash; empty for `flush`.
            #[serde(serialize_with = "signature_or_empty")]
            #[schema(value_type = String)]
            pub sequencer_signature: Option<Signature>,
            /// Which sequencer key signed.
            pub sequencer_key_version: u32,
            /// Whether the event was in the log before this request.
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            pub duplicate: bool,
            /// Inclusion path in the stream tree, if `paths=each` was asked for.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Vec<String>>)]
            pub path: Option<Vec<Hash>>,
        }
    };
}

receipt!(
    /// Evidence that an event has its place.
    #[serde(rename_all = "camelCase")]
    Receipt
);
receipt!(
    /// The same evidence under the names of the first API.
    FlatReceipt
);

impl From<Receipt> for FlatReceipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            sequencer_id: receipt.sequencer_id,
            event_id: receipt.event_id,
            sequence_number: receipt.sequence_number,
            sequenced_at: receipt.sequenced_at,
            receipt_hash: receipt.receipt_hash,
            leaf_hash: receipt.leaf_hash,
            signature_alg: receipt.signature_alg,
            sequencer_signature: receipt.sequencer_signature,
            sequencer_key_version: receipt.sequencer_key_version,
            duplicate: receipt.duplicate,
            path: receipt.path,
        }
    }
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn signature_or_empty<S: Serializer>(signature: &Option<Signature>, serializer: S) -> Result<S::Ok, S::Error> {
    match signature {
        Some(signature) => signature.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}

/// The stream's signed head after the flush that took the batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamHead {
    /// `VES_STREAM_V1` over tenant and store.
    #[schema(value_type = String)]
    pub stream_id: Hash,
    /// Events in the stream.
    pub size: u64,
    /// Root of the stream tree (RFC 6962 over the leaves).
    #[schema(value_type = String)]
    pub root: Hash,
    /// Microseconds since 1970 at which the head was signed.
    pub signed_at_us: i64,
    /// Which sequencer key signed.
    pub key_version: u32,
    /// Signature over `VES_FLUSH_V1` of the above.
    #[schema(value_type = String)]
    pub signature: Signature,
    /// Proof that the batch's new events are the leaves `first_index ..` of this tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_proof: Option<RangeProof>,
}

/// Inclusion of consecutive leaves in a stream tree.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RangeProof {
    /// Zero-based index of the first leaf: its sequence minus one.
    pub first_index: u64,
    /// Number of leaves.
    pub count: u64,
    /// Roots of the largest complete subtrees left of the range, in order.
    #[schema(value_type = Vec<String>)]
    pub left: Vec<Hash>,
    /// Roots of the largest complete subtrees right of the range, in order.
    #[schema(value_type = Vec<String>)]
    pub right: Vec<Hash>,
}

/// Reply of `POST /api/v1/ves/events/ingest`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VesIngestReply {
    /// Names this request.
    pub batch_id: Uuid,
    /// New events.
    pub events_accepted: usize,
    /// Events that were in the log before.
    pub events_duplicate: usize,
    /// Events that were not sequenced.
    pub events_rejected: usize,
    /// Place of the first new event.
    pub sequence_start: Option<u64>,
    /// Place of the last new event.
    pub sequence_end: Option<u64>,
    /// Events in the stream.
    pub head_sequence: u64,
    /// In request order; left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<Rejection>,
    /// In request order, for new events and duplicates; left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipt>,
    /// Left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The stream's signed head; left out if nothing of the batch is in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamHead>,
}

/// Reply of `POST /api/v1/events/ingest`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IngestReply {
    /// Names this request.
    pub batch_id: Uuid,
    /// New events.
    pub events_accepted: usize,
    /// Events that were in the log before.
    pub events_duplicate: usize,
    /// Events that were not sequenced.
    pub events_rejected: usize,
    /// Place of the first new event.
    pub assigned_sequence_start: Option<u64>,
    /// Place of the last new event.
    pub assigned_sequence_end: Option<u64>,
    /// Events in the stream.
    pub head_sequence: u64,
    /// In request order; left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<Rejection>,
    /// In request order, for new events and duplicates; left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<FlatReceipt>,
    /// Left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The stream's signed head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamHead>,
}

/// Body of both ingest routes, for documentation; the service parses each event on its own.
#[derive(Debug, ToSchema)]
pub struct IngestBody {
    /// The agent whose events these are; also accepted as `agentId`.
    pub agent_id: Uuid,
    /// 1 to 1000 envelopes of one store.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<Box<RawValue>>,
}
