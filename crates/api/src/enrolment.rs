//! Setting up an agent's machine with a one-time token.

use serde::{Deserialize, Serialize};
use stateset_ledger::bytes::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api_keys::ApiKeyView;
use crate::keys::{KeyChanged, RegisterKey};

/// Body of `POST /api/v1/agents/{agent_id}/enrolment-tokens`; each member is also accepted in snake case.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MintEnrolmentToken {
    /// Tenant of the agent; default: the caller's own.
    #[serde(default, alias = "tenant_id")]
    pub tenant_id: Option<Uuid>,
    /// Stores that the machine's API key will be for; empty: all of the tenant's.
    #[serde(default, alias = "store_ids")]
    pub store_ids: Vec<Uuid>,
    /// What people will call the machine's API key, at most 200 characters.
    #[serde(default)]
    pub name: String,
    /// How long the token is accepted, in seconds, at most 7 days; default: one hour.
    #[serde(default, alias = "expires_in_seconds")]
    pub expires_in_seconds: Option<u32>,
}

/// A new token. This reply is the only place where it is ever shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentToken {
    /// Always true.
    pub success: bool,
    /// The token, to be given to `sync init --token`.
    pub token: String,
    /// The one agent it is for.
    pub agent_id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// Stores that the machine's API key will be for; empty: all of the tenant's.
    pub store_ids: Vec<Uuid>,
    /// From when on it is refused, RFC 3339.
    pub expires_at: Option<String>,
    /// What to do with it.
    pub message: &'static str,
}

/// Body of `POST /api/v1/agents/enrol`, sent with the token as credential: the agent's signing key, and an API key that the
/// machine has made for itself. Its secret never leaves the machine, so a reply that is lost costs nothing.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enrol {
    /// The signing key.
    #[serde(flatten)]
    pub key: RegisterKey,
    /// 16 lower-case hexadecimal digits: the middle of `ss_<prefix>_<secret>`.
    #[serde(alias = "api_key_prefix")]
    pub api_key_prefix: String,
    /// SHA-256 of the whole API key, whose secret is 43 characters of base64url made from 32 random bytes.
    #[serde(alias = "api_key_hash")]
    #[schema(value_type = String)]
    pub api_key_hash: Hash,
}

/// Reply to an enrolment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    /// Always true.
    pub success: bool,
    /// The signing key.
    pub signing_key: KeyChanged,
    /// The API key that is accepted from now on.
    pub api_key: ApiKeyView,
}
