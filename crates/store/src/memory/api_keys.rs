//! API keys.

use stateset_ledger::id::{AgentId, Micros, TenantId};

use super::State;
use crate::api_key::{ApiKey, ApiKeyQuery};
use crate::error::StoreError;

impl State {
    pub(super) fn add_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        if self.api_keys.contains_key(&key.prefix) {
            return Err(StoreError::Conflict);
        }
        self.api_keys.insert(key.prefix.clone(), key.clone());
        Ok(())
    }

    pub(super) fn list_api_keys(&self, query: &ApiKeyQuery) -> Vec<ApiKey> {
        let wanted = |key: &&ApiKey| {
            key.tenant == query.tenant
                && query.agent.is_none_or(|agent| key.agent == Some(agent))
                && key.prefix > query.after
        };
        self.api_keys.values().filter(wanted).take(query.limit as usize).cloned().collect()
    }

    pub(super) fn revoke_api_key(
        &mut self,
        tenant: TenantId,
        agent: Option<AgentId>,
        prefix: &str,
        now: Micros,
    ) -> Option<ApiKey> {
        let key = self.api_keys.get_mut(prefix)?;
        if key.tenant != tenant || agent.is_some_and(|agent| key.agent != Some(agent)) {
            return None;
        }
        key.revoked_at = key.revoked_at.or(Some(now));
        Some(key.clone())
    }

    pub(super) fn rotate_api_key(
        &mut self,
        prefix: &str,
        retire_at: Micros,
        successor: &ApiKey,
    ) -> Result<(), StoreError> {
        let taken = self.api_keys.contains_key(&successor.prefix);
        let key = self.api_keys.get_mut(prefix).ok_or(StoreError::Conflict)?;
        if taken || key.tenant != successor.tenant || !key.is_live(successor.created_at) {
            return Err(StoreError::Conflict);
        }
        key.expires_at = Some(key.expires_at.map_or(retire_at, |at| at.min(retire_at)));
        self.add_api_key(successor)
    }
}
