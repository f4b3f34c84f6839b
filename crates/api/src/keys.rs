//! Agent keys and the sequencer's own.

use serde::{Deserialize, Serialize};
use stateset_ledger::bytes::{PublicKeyBytes, Signature};
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `POST /api/v1/agents/keys`; each member is also accepted in snake case.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterKey {
    /// Tenant of the agent.
    #[serde(alias = "tenant_id")]
    pub tenant_id: Uuid,
    /// The agent.
    #[serde(alias = "agent_id")]
    pub agent_id: Uuid,
    /// Number of the key, chosen by the agent, never reused.
    #[serde(alias = "key_id")]
    pub key_id: u32,
    /// Ed25519 public key, hexadecimal; may stand in `publicKeyBundle` instead.
    #[serde(default, alias = "public_key")]
    pub public_key: Option<String>,
    /// First instant of validity, RFC 3339.
    #[serde(default, alias = "valid_from")]
    pub valid_from: Option<String>,
    /// Last instant of validity, RFC 3339.
    #[serde(default, alias = "valid_to")]
    pub valid_to: Option<String>,
    /// 1 or `ed25519`; others are not supported.
    #[serde(default, alias = "key_algorithm")]
    #[schema(value_type = Option<Object>)]
    pub key_algorithm: Option<serde_json::Value>,
    /// The published form that names the algorithm of each key.
    #[serde(default, alias = "public_key_bundle")]
    pub public_key_bundle: Option<PublicKeyBundle>,
    /// Signature by the new key over the hash of `VES_POP_V1` and the public key.
    #[serde(default, alias = "proof_of_possession_bundle")]
    pub proof_of_possession_bundle: Option<PossessionBundle>,
}

/// Public keys by algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicKeyBundle {
    /// Ed25519, hexadecimal.
    #[serde(alias = "ed25519_public_key")]
    pub ed25519_public_key: String,
}

/// Proofs of possession by algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PossessionBundle {
    /// Ed25519, hexadecimal.
    #[serde(alias = "ed25519_pop")]
    pub ed25519_pop: String,
}

/// Reply to a registration or revocation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyChanged {
    /// Always true.
    pub success: bool,
    /// Tenant.
    pub tenant_id: Uuid,
    /// Agent.
    pub agent_id: Uuid,
    /// Key number.
    pub key_id: u32,
    /// `ed25519`.
    pub key_algorithm: &'static str,
    /// What was done.
    pub message: String,
    /// Place of the change in the tenant's key stream.
    pub key_stream_sequence: u64,
}

/// One agent key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentKeyView {
    /// The agent; left out in a directory, which names it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Uuid>,
    /// Key number.
    pub key_id: u32,
    /// `ed25519`.
    pub algorithm: &'static str,
    /// Public key, hexadecimal.
    #[schema(value_type = String)]
    pub public_key: PublicKeyBytes,
    /// The same under the published bundle name.
    pub public_key_bundle: PublicKeyBundle,
    /// First instant of validity.
    pub valid_from: Option<String>,
    /// Last instant of validity.
    pub valid_to: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// `active`, `not_yet_valid`, `expired` or `revoked`, now.
    pub status: &'static str,
    /// Place of the registration in the tenant's key stream.
    pub key_stream_sequence: u64,
}

/// Reply of `GET /api/v1/agents/keys`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyList {
    /// All keys, revoked ones too.
    pub keys: Vec<AgentKeyView>,
    /// How many.
    pub total: usize,
}

/// Reply of `GET /api/v1/agents/{agent_id}/signing-keys`: everything but the signature is what the signature covers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyDirectory {
    /// The agent.
    pub agent_id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// All its keys, revoked ones too.
    pub keys: Vec<AgentKeyView>,
    /// When the directory was signed, RFC 3339.
    pub signed_at: String,
    /// Sequencer's signature over the hash of `VES_KEYDIR_V1` and the RFC 8785 form of the other members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub directory_signature: Option<Signature>,
}

/// Reply of `GET /.well-known/ves-keys`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SequencerKeys {
    /// Name of the sequencer in receipts.
    pub sequencer_id: String,
    /// Name of the head log in checkpoints.
    pub log_origin: String,
    /// Verifier key of the head log's checkpoints, in the form of signed notes.
    pub log_verifier_key: String,
    /// Every key this sequencer ever signed with, the current one last.
    pub keys: Vec<SequencerKeyView>,
}

/// One sequencer key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SequencerKeyView {
    /// Its number, `sequencerKeyVersion` in receipts.
    pub key_version: u32,
    /// `ed25519`.
    pub algorithm: &'static str,
    /// Public key, hexadecimal.
    #[schema(value_type = String)]
    pub public_key: PublicKeyBytes,
    /// Verifier key of checkpoints signed with it, in the form of signed notes.
    pub log_verifier_key: String,
    /// First use, RFC 3339.
    pub added_at: String,
    /// Whether new receipts are signed with it.
    pub current: bool,
}
