//! Agent keys in memory: decompressed once, checked against the key stream's size before they are relied on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::id::{AgentId, KeyId, TenantId};
use stateset_ledger::signature::PublicKey;
use stateset_store::{Store, StoreError};

/// Agents remembered at most; beyond it the cache starts over, which costs one query per agent in use.
const MAX_AGENTS: usize = 10_000;

/// The keys of one agent as of one size of its tenant's key stream.
#[derive(Debug, Default)]
pub struct AgentKeys {
    /// Size of the key stream these keys are as of.
    pub as_of: u64,
    /// The keys by number.
    pub keys: HashMap<KeyId, (AgentKey, PublicKey)>,
}

/// Keys by agent. A cached answer may be old; every append names the key-stream size it relied on and is refused by the
/// store if that has moved, so that a revoked key is never accepted.
#[derive(Default)]
pub struct KeyCache {
    agents: Mutex<HashMap<(TenantId, AgentId), Arc<AgentKeys>>>,
}

impl KeyCache {
    /// The agent's keys, from memory if they are there.
    pub async fn get(&self, store: &dyn Store, tenant: TenantId, agent: AgentId) -> Result<Arc<AgentKeys>, StoreError> {
        let cached = self.agents.lock().unwrap_or_else(PoisonError::into_inner).get(&(tenant, agent)).cloned();
        match cached {
            Some(keys) => Ok(keys),
            None => self.refresh(store, tenant, agent).await,
        }
    }

    /// The agent's keys from the store.
    pub async fn refresh(
        &self,
        store: &dyn Store,
        tenant: TenantId,
        agent: AgentId,
    ) -> Result<Arc<AgentKeys>, StoreError> {
        let (as_of, found) = store.agent_keys(tenant, Some(agent)).await?;
        let mut keys = HashMap::with_capacity(found.len());
        for key in found {
            let public = PublicKey::new(&key.public_key).map_err(StoreError::corrupt)?;
            keys.insert(key.key, (key, public));
        }
        let keys = Arc::new(AgentKeys { as_of, keys });
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if agents.len() >= MAX_AGENTS {
            agents.clear();
        }
        agents.insert((tenant, agent), Arc::clone(&keys));
        Ok(keys)
    }
}
