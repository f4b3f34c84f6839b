//! API keys as stored: what a key permits, and the hash by which it is recognised. The key itself is nowhere.

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{AgentId, Micros, StoreId, TenantId};

/// One API key of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Public part of the key, unique in the database; a key is looked up and spoken of by it.
    pub prefix: String,
    /// SHA-256 of the whole key text.
    pub secret_hash: Hash,
    /// Whose data it opens.
    pub tenant: TenantId,
    /// Which stores of the tenant; empty: all.
    pub stores: Vec<StoreId>,
    /// Whether it may read.
    pub read: bool,
    /// Whether it may append.
    pub write: bool,
    /// Whether it may administer the tenant: keys of agents and of the API.
    pub admin: bool,
    /// The one agent it may act for; `None`: any of the tenant's.
    pub agent: Option<AgentId>,
    /// Requests per minute, if it has a limit of its own.
    pub rate_limit: Option<u32>,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Micros,
    /// From when on it is refused, if it ends by itself.
    pub expires_at: Option<Micros>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Micros>,
}

impl ApiKey {
    /// Whether the key is accepted at `at`.
    pub fn is_live(&self, at: Micros) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| at < expires)
    }
}

/// Which keys of a tenant to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyQuery {
    /// The tenant.
    pub tenant: TenantId,
    /// Only keys bound to this agent.
    pub agent: Option<AgentId>,
    /// Only keys whose prefix sorts behind this one; empty: from the first.
    pub after: String,
    /// Most keys.
    pub limit: u32,
}
