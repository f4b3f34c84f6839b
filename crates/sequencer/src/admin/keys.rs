//! API keys and agent keys, straight from the database: for the operator whose server has no bootstrap key, or is down.

use stateset_api::api_keys::{ApiKeyMinted, ApiKeyView, MintApiKey};
use stateset_api::keys::AgentKeyView;
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::id::{AgentId, Micros, TenantId};
use stateset_store::api_key::{ApiKey, ApiKeyQuery};
use stateset_store::{Store, StoreError};

use crate::http::{agent_keys, api_keys};
use crate::identity::key;

const PAGE: u32 = 1_000;

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The wish cannot be met; holds the member and the fault.
    #[error("{0}")]
    Wish(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes an API key. The reply is the only place where it is ever shown.
pub async fn mint(
    store: &dyn Store,
    tenant: TenantId,
    wish: &MintApiKey,
    now: Micros,
) -> Result<ApiKeyMinted, MintError> {
    let wanted = api_keys::wanted(now, tenant, wish.agent_id.map(AgentId), wish)
        .map_err(|fault| MintError::Wish(fault.detail().to_owned()))?;
    let minted = key::mint();
    let key = ApiKey { prefix: minted.prefix.clone(), secret_hash: minted.hash, ..wanted };
    store.add_api_key(&key).await?;
    Ok(api_keys::minted(&key, &minted, now))
}

/// All API keys of a tenant, or those bound to `agent`, revoked ones too.
pub async fn list(
    store: &dyn Store,
    tenant: TenantId,
    agent: Option<AgentId>,
    now: Micros,
) -> Result<Vec<ApiKeyView>, StoreError> {
    let (mut views, mut after) = (Vec::new(), String::new());
    loop {
        let keys = store.api_keys(&ApiKeyQuery { tenant, agent, after: after.clone(), limit: PAGE }).await?;
        views.extend(keys.iter().map(|key| api_keys::view(key, now)));
        match keys.last() {
            Some(last) if keys.len() == PAGE as usize => last.prefix.clone_into(&mut after),
            _ => return Ok(views),
        }
    }
}

/// Revokes an API key; running servers obey within two seconds. `None` if the tenant has no such key.
pub async fn revoke(
    store: &dyn Store,
    tenant: TenantId,
    prefix: &str,
    now: Micros,
) -> Result<Option<ApiKeyView>, StoreError> {
    Ok(store.revoke_api_key(tenant, None, prefix, now).await?.map(|key| api_keys::view(&key, now)))
}

/// The signing keys of a tenant's agents, or of one, revoked ones too.
pub async fn agents(
    store: &dyn Store,
    tenant: TenantId,
    agent: Option<AgentId>,
    now: Micros,
) -> Result<Vec<AgentKeyView>, StoreError> {
    let (_, keys) = store.agent_keys(tenant, agent).await?;
    let view = |key: &AgentKey| AgentKeyView { agent_id: Some(key.agent.0), ..agent_keys::view(key, now) };
    Ok(keys.iter().map(view).collect())
}
