//! Enrolment: an administrator makes a one-time token for one agent; the agent's machine spends it to register its signing
//! key and an API key of its own making.
//!
//! A token is an API key that permits nothing. Spending it replaces it by the machine's key in one transaction, so it is
//! spent once, however many try.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use stateset_api::api_keys::MintApiKey;
use stateset_api::code::Code;
use stateset_api::enrolment::{Enrol, Enrolled, EnrolmentToken, MintEnrolmentToken};
use stateset_ledger::id::{AgentId, Micros, TenantId};
use stateset_store::StoreError;
use stateset_store::api_key::ApiKey;

use super::agent_keys::{changed, find, log_changes, registered_as, registration};
use super::api_keys::{permit, view, wanted};
use super::body::Body;
use super::credential::{Admin, Caller, Valid};
use super::idempotency::{IdempotencyKey, Making};
use super::parameters::{Segments, parse};
use super::problem::{ApiError, ApiResult};
use crate::identity::key;
use crate::service::Service;

const DEFAULT_SECONDS: u32 = 60 * 60;
const MAX_SECONDS: u32 = 7 * 24 * 60 * 60;
const SHOWN_ONCE: &str =
    "give it to `sync init --token` on the agent's machine; it works once and is never shown again";

/// Makes a token.
pub async fn mint(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    once: IdempotencyKey,
    Segments(agent): Segments<String>,
    Body(body): Body<MintEnrolmentToken>,
) -> ApiResult<Response> {
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    let tenant = caller.tenant_or_own(body.tenant_id.map(TenantId))?;
    // Registering an agent's key concerns all stores of the tenant.
    caller.whole_tenant(tenant)?;
    caller.agent(agent)?;
    let seconds = body.expires_in_seconds.unwrap_or(DEFAULT_SECONDS);
    if !(1..=MAX_SECONDS).contains(&seconds) {
        let message = format!("must be from 1 to {MAX_SECONDS}");
        return Err(ApiError::fault(Code::InvalidRequestBody, "/expiresInSeconds", message));
    }
    let request = format!("{seconds} {:?} {}", body.store_ids, body.name);
    let making = once.making(&service, &caller, tenant, &["enrolment", &agent.to_string(), &request]);
    let now = service.clock.now();
    let asked = MintApiKey { store_ids: body.store_ids, name: body.name, ..MintApiKey::default() };
    let machine = wanted(now, tenant, Some(agent), &asked)?;
    permit(&caller, &machine)?;
    if let Some(made) = making.made_before(&service, tenant, now).await? {
        return Ok(shown(&made, &making, agent));
    }
    let minted = making.minted();
    let token = ApiKey {
        prefix: minted.prefix.clone(),
        secret_hash: minted.hash,
        read: false,
        write: false,
        expires_at: Some(Micros(now.0.saturating_add(i64::from(seconds) * 1_000_000))),
        ..machine
    };
    match service.store.add_api_key(&token).await {
        Ok(()) => Ok(shown(&token, &making, agent)),
        Err(error) => match making.made_before(&service, tenant, now).await? {
            Some(made) => Ok(shown(&made, &making, agent)),
            None => Err(error.into()),
        },
    }
}

fn shown(token: &ApiKey, making: &Making, agent: AgentId) -> Response {
    let reply = EnrolmentToken {
        success: true,
        token: making.minted().text.as_str().to_owned(),
        agent_id: agent.0,
        tenant_id: token.tenant.0,
        store_ids: token.stores.iter().map(|store| store.0).collect(),
        expires_at: token.expires_at.map(Micros::to_rfc3339),
        message: SHOWN_ONCE,
    };
    ([(CACHE_CONTROL, "no-store")], Json(reply)).into_response()
}

/// Spends a token.
pub async fn enrol(
    State(service): State<Arc<Service>>,
    caller: Caller<Valid>,
    Body(body): Body<Enrol>,
) -> ApiResult<Json<Enrolled>> {
    let Some((tenant, agent, prefix)) = caller.enrolment() else {
        return Err(ApiError::new(Code::InsufficientPermissions, "the credential is no enrolment token"));
    };
    if (TenantId(body.key.tenant_id), AgentId(body.key.agent_id)) != (tenant, agent) {
        return Err(ApiError::new(Code::InsufficientPermissions, "the token is for another agent"));
    }
    caller.tenant(tenant)?;
    if !key::is_prefix(&body.api_key_prefix) {
        let message = "must be 16 lower-case hexadecimal digits";
        return Err(ApiError::fault(Code::InvalidRequestBody, "/apiKeyPrefix", message));
    }
    let change = registration(&service, &body.key)?;
    let token = service.store.api_key(prefix).await?.ok_or_else(spent)?;
    // The registration first: repeated it changes nothing, while a spent token could not be repeated.
    if find(&service, tenant, &change).await?.is_none() {
        log_changes(&service, tenant, vec![change.clone()]).await?;
    }
    let registered = registered_as(&service, tenant, &change).await?;
    let now = service.clock.now();
    let machine = ApiKey {
        prefix: body.api_key_prefix,
        secret_hash: body.api_key_hash,
        read: true,
        write: true,
        created_at: now,
        expires_at: None,
        ..token
    };
    let done = service.store.rotate_api_key(prefix, now, &machine).await;
    // Even after an error: it may have landed.
    service.identity.forget(prefix);
    done.map_err(|error| if matches!(error, StoreError::Conflict) { spent() } else { error.into() })?;
    Ok(Json(Enrolled {
        success: true,
        signing_key: changed(tenant, &registered, "registered", registered.registered.get()),
        api_key: view(&machine, now),
    }))
}

/// The same answer as for every credential that is not accepted any more.
fn spent() -> ApiError {
    ApiError::new(Code::InvalidApiKey, "the API key is not valid")
}
