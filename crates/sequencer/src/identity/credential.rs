//! What a caller may do: the one place where that is decided. Pure.

use std::num::NonZeroU32;
use std::sync::Arc;

use stateset_ledger::id::{AgentId, Micros, Scope, StoreId, TenantId};
use stateset_store::api_key::ApiKey;

/// What a route demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Reading events, proofs and public keys.
    Read,
    /// Appending, acknowledging, committing.
    Write,
    /// Changing who may do what.
    Admin,
}

impl Permission {
    /// Lower-case name, as keys and tokens spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// What somebody who was recognised may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// `None`: any tenant.
    pub tenant: Option<TenantId>,
    /// `None`: all stores of the tenant.
    pub stores: Option<Arc<[StoreId]>>,
    /// Whether it may read.
    pub read: bool,
    /// Whether it may append.
    pub write: bool,
    /// Whether it may administer.
    pub admin: bool,
    /// The one agent it may act for; `None`: any.
    pub agent: Option<AgentId>,
    /// Requests per minute, if it has a limit of its own.
    pub rate_limit: Option<u32>,
    /// What was shown, and so how long it holds.
    pub shown: Shown,
}

/// What a credential follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The bootstrap key, or nothing where nothing is asked for.
    Standing,
    /// The minted key with this prefix.
    Key(String),
    /// A token that ends then.
    Token(Micros),
}

impl Credential {
    /// Everything for every tenant: the bootstrap key, and everybody where nobody is asked.
    pub const fn everything() -> Self {
        Self {
            tenant: None,
            stores: None,
            read: true,
            write: true,
            admin: true,
            agent: None,
            rate_limit: None,
            shown: Shown::Standing,
        }
    }

    /// Whether it has the permission at all, for whatever it is about.
    pub fn holds(&self, permission: Permission) -> bool {
        match permission {
            Permission::Read => self.read,
            Permission::Write => self.write,
            Permission::Admin => self.admin,
        }
    }

    /// Whether it is about this tenant.
    pub fn reaches(&self, tenant: TenantId) -> bool {
        self.tenant.is_none_or(|own| own == tenant)
    }

    /// Whether it is about this store. A tenant's key stream is open to all its readers: it holds public keys, without
    /// which nobody can check an event of any store.
    pub fn reaches_store(&self, scope: Scope) -> bool {
        let listed = |stores: &Arc<[StoreId]>| scope.is_key_stream() || stores.contains(&scope.store);
        self.reaches(scope.tenant) && self.stores.as_ref().is_none_or(listed)
    }

    /// The minted key's prefix and its own requests per minute, if it has a rate of its own.
    pub fn own_rate(&self) -> Option<(&str, NonZeroU32)> {
        match &self.shown {
            Shown::Key(prefix) => Some((prefix, NonZeroU32::new(self.rate_limit?)?)),
            Shown::Standing | Shown::Token(_) => None,
        }
    }

    /// Whether it may act for this agent.
    pub fn acts_for(&self, agent: AgentId) -> bool {
        self.agent.is_none_or(|own| own == agent)
    }

    /// The stores it sees of its tenants; `None`: all.
    pub fn visible_stores(&self) -> Option<Vec<StoreId>> {
        self.stores.as_ref().map(|stores| stores.iter().copied().chain([StoreId::NIL]).collect())
    }

    /// Whether it may make, see or end a key like this one: an administrator of the tenant, for nothing beyond what it may
    /// do itself.
    pub fn may_grant(&self, key: &ApiKey) -> bool {
        let within =
            |own: &Arc<[StoreId]>| !key.stores.is_empty() && key.stores.iter().all(|store| own.contains(store));
        self.admin
            && self.reaches(key.tenant)
            && (self.read || !key.read)
            && (self.write || !key.write)
            && self.stores.as_ref().is_none_or(within)
            && self.agent.is_none_or(|own| key.agent == Some(own))
    }
}
