//! `keys api` and `keys agent`.

use anyhow::anyhow;
use serde_json::{Value, json};
use stateset_api::api_keys::{ApiKeyView, MintApiKey};
use stateset_ledger::id::{AgentId, TenantId};
use stateset_sequencer::admin::keys::{self, MintError};
use stateset_sequencer::clock::{Clock as _, SystemClock};

use crate::commands::{Outcome, site};
use crate::show::{Done, Stopped, json, line, table};
use crate::{AgentKeyCommand, ApiKeyCommand, MintArguments};

pub(crate) async fn api(as_json: bool, command: ApiKeyCommand) -> Outcome {
    match command {
        ApiKeyCommand::List { tenant, agent } => {
            let site = site().await?;
            let now = SystemClock.now();
            let keys = keys::list(&*site.store(), TenantId(tenant), agent.map(AgentId), now).await?;
            show(as_json, &keys)?;
        },
        ApiKeyCommand::Mint(arguments) => mint(as_json, arguments).await?,
        ApiKeyCommand::Revoke { tenant, prefix } => {
            let site = site().await?;
            let key = keys::revoke(&*site.store(), TenantId(tenant), &prefix, SystemClock.now()).await?;
            let missing = || Stopped::Missing(anyhow!("tenant {tenant} has no API key {prefix}"));
            show(as_json, &[key.ok_or_else(missing)?])?;
        },
    }
    Ok(Done::Well)
}

async fn mint(as_json: bool, arguments: MintArguments) -> Result<(), Stopped> {
    let MintArguments { tenant, name, stores, permissions, agent, rate_limit, expires_at } = arguments;
    let permissions: Option<Vec<_>> = (!permissions.is_empty()).then_some(permissions);
    let permissions = permissions
        .map(|words| words.into_iter().map(|word| serde_json::from_value(Value::String(word))).collect())
        .transpose()
        .map_err(|fault| Stopped::Usage(anyhow!("--permission: {fault}")))?;
    let wish = MintApiKey {
        name,
        store_ids: stores,
        permissions,
        agent_id: agent,
        rate_limit,
        expires_at,
        ..MintApiKey::default()
    };
    let site = site().await?;
    let minted = keys::mint(&*site.store(), TenantId(tenant), &wish, SystemClock.now()).await.map_err(|error| {
        let usage = matches!(error, MintError::Wish(_));
        if usage { Stopped::Usage(error.into()) } else { error.into() }
    })?;
    if as_json { Ok(json(&minted)?) } else { Ok(line(&minted.api_key)?) }
}

fn show(as_json: bool, keys: &[ApiKeyView]) -> anyhow::Result<()> {
    if as_json {
        return json(&json!({ "keys": keys }));
    }
    let rows = keys.iter().map(|key| {
        let permissions: Vec<_> = key.permissions.iter().map(|p| format!("{p:?}").to_lowercase()).collect();
        let until = key.revoked_at.as_ref().or(key.expires_at.as_ref()).cloned().unwrap_or_default();
        vec![key.prefix.clone(), key.name.clone(), permissions.join(", "), key.status.to_owned(), until]
    });
    table(&["prefix", "name", "permits", "", "until"], rows.collect())
}

pub(crate) async fn agent(as_json: bool, command: AgentKeyCommand) -> Outcome {
    let AgentKeyCommand::List { tenant, agent } = command;
    let site = site().await?;
    let keys = keys::agents(&*site.store(), TenantId(tenant), agent.map(AgentId), SystemClock.now()).await?;
    if as_json {
        json(&json!({ "keys": keys }))?;
    } else {
        let rows = keys.iter().map(|key| {
            let agent = key.agent_id.map(|agent| agent.to_string()).unwrap_or_default();
            let until = key.revoked_at.as_ref().or(key.valid_to.as_ref()).cloned().unwrap_or_default();
            vec![agent, key.key_id.to_string(), key.public_key.to_hex(), key.status.to_owned(), until]
        });
        table(&["agent", "key", "public key", "", "until"], rows.collect())?;
    }
    Ok(Done::Well)
}
