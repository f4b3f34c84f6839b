//! API keys: who may call, and what that permits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of every route that makes an API key; each member is also accepted in snake case. A misspelt member is refused: it
/// could have been the one that limits the key.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MintApiKey {
    /// Tenant of the key; default: the caller's own.
    #[serde(default, alias = "tenant_id")]
    pub tenant_id: Option<Uuid>,
    /// The one agent the key may act for; default: any of the tenant's, or a new one where an agent is registered.
    #[serde(default, alias = "agent_id")]
    pub agent_id: Option<Uuid>,
    /// What people call it, at most 200 characters.
    #[serde(default)]
    pub name: String,
    /// More about it; kept behind the name.
    #[serde(default)]
    pub description: String,
    /// Stores it is for; empty: all of the tenant's.
    #[serde(default, alias = "store_ids")]
    pub store_ids: Vec<Uuid>,
    /// `read`, `write`, `admin`; default: read and write.
    #[serde(default)]
    pub permissions: Option<Vec<KeyPermission>>,
    /// Instead of `permissions`: read only.
    #[serde(default, alias = "read_only")]
    pub read_only: bool,
    /// Instead of `permissions`: admin as well.
    #[serde(default)]
    pub admin: bool,
    /// Requests per minute of this key, besides those of its tenant; default: no limit of its own.
    #[serde(default, alias = "rate_limit")]
    pub rate_limit: Option<u32>,
    /// From when on it is refused, RFC 3339; default: it does not end by itself.
    #[serde(default, alias = "expires_at")]
    pub expires_at: Option<String>,
}

impl MintApiKey {
    /// The request in one spelling: equal texts ask for equal keys.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("texts, ids and lists of them are JSON")
    }
}

/// What a key permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyPermission {
    /// Reading events, proofs and public keys.
    Read,
    /// Appending, acknowledging, committing.
    Write,
    /// Keys of agents and of the API.
    Admin,
}

/// Body of a rotation.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateApiKey {
    /// Tenant of the key; default: the caller's own.
    #[serde(default, alias = "tenant_id")]
    pub tenant_id: Option<Uuid>,
    /// How long the old key is still accepted, in seconds, at most 30 days; default: it ends at once.
    #[serde(default, alias = "overlap_seconds")]
    pub overlap_seconds: u32,
}

/// A new key. This reply is the only place where it is ever shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyMinted {
    /// Always true.
    pub success: bool,
    /// The whole key, to be sent as `Authorization: ApiKey <key>`.
    pub api_key: String,
    /// The agent it acts for, if it is bound to one.
    pub agent_id: Option<Uuid>,
    /// The tenant.
    pub tenant_id: Uuid,
    /// Everything else about it.
    pub key: ApiKeyView,
    /// What to do with it.
    pub message: &'static str,
}

/// A key as it is listed: everything but the key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyView {
    /// Public part of the key; names it.
    pub prefix: String,
    /// What people call it.
    pub name: String,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// Its stores; empty: all of the tenant's.
    pub store_ids: Vec<Uuid>,
    /// What it permits.
    pub permissions: Vec<KeyPermission>,
    /// The one agent it may act for.
    pub agent_id: Option<Uuid>,
    /// Requests per minute.
    pub rate_limit: Option<u32>,
    /// When it was made.
    pub created_at: String,
    /// From when on it is refused.
    pub expires_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// `active`, `expired` or `revoked`, now.
    pub status: &'static str,
}

/// Reply to a listing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyList {
    /// Keys by prefix, revoked ones too.
    pub keys: Vec<ApiKeyView>,
    /// How many are here.
    pub count: usize,
    /// Send it as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Reply to a revocation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyRevoked {
    /// Always true.
    pub success: bool,
    /// The key as it is now.
    pub key: ApiKeyView,
    /// From when on it is refused.
    pub message: String,
}
