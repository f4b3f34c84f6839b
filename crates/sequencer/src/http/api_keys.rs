//! API keys: making, listing, replacing and revoking them. A key is shown once, in the reply that makes it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use stateset_api::api_keys::{
    ApiKeyList, ApiKeyMinted, ApiKeyRevoked, ApiKeyView, KeyPermission, MintApiKey, RotateApiKey,
};
use stateset_api::code::Code;
use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::id::{AgentId, Micros, StoreId, TenantId};
use stateset_store::StoreError;
use stateset_store::api_key::{ApiKey, ApiKeyQuery};
use uuid::Uuid;

use super::body::Body;
use super::credential::{Admin, Caller};
use super::idempotency::{IdempotencyKey, Making};
use super::parameters::{Parameters, Segments, parse, parse_optional};
use super::problem::{ApiError, ApiResult};
use crate::identity::REVOCATION_BOUND;
use crate::identity::key::Minted;
use crate::service::Service;

const MAX_NAME_CHARS: usize = 200;
const MAX_STORES: usize = 100;
const MAX_OVERLAP_SECONDS: u32 = 30 * 24 * 60 * 60;
const PAGE: u32 = 100;
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const SHOWN_ONCE: &str = "keep the key now: it is not stored and never shown again";

/// Query of the routes that list and revoke.
#[derive(Debug, Default, Deserialize)]
pub struct ApiKeyParameters {
    #[serde(alias = "tenantId")]
    tenant_id: Option<String>,
    #[serde(alias = "agentId")]
    agent_id: Option<String>,
    after: Option<String>,
}

impl ApiKeyParameters {
    fn tenant(&self, caller: &Caller<Admin>) -> ApiResult<TenantId> {
        let named: Option<Uuid> = parse_optional("tenant_id", self.tenant_id.as_deref(), "a UUID")?;
        caller.tenant_or_own(named.map(TenantId))
    }
}

/// Registers an agent: gives it an id, unless it brings one, and its first API key.
pub async fn register_agent(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    once: IdempotencyKey,
    Body(body): Body<MintApiKey>,
) -> ApiResult<Response> {
    let tenant = caller.tenant_or_own(body.tenant_id.map(TenantId))?;
    let making = once.making(&service, &caller, tenant, &["register", &body.text()]);
    let agent = body.agent_id.map_or_else(|| making.agent(), AgentId);
    let key = wanted(service.clock.now(), tenant, Some(agent), &body)?;
    permit(&caller, &key)?;
    let query = ApiKeyQuery { tenant, agent: Some(agent), after: String::new(), limit: 1 };
    if making.made_before(&service, tenant, key.created_at).await?.is_none()
        && !service.store.api_keys(&query).await?.is_empty()
    {
        return Err(ApiError::new(
            Code::AlreadyExists,
            format!("agent {agent} is registered; POST /api/v1/agents/{agent}/api-keys makes it another key"),
        ));
    }
    add(&service, &making, key).await
}

/// Makes a key for an agent.
pub async fn mint_for_agent(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    once: IdempotencyKey,
    Segments(agent): Segments<String>,
    Body(body): Body<MintApiKey>,
) -> ApiResult<Response> {
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    if body.agent_id.is_some_and(|named| named != agent.0) {
        return Err(ApiError::fault(Code::InvalidRequestBody, "/agentId", "is not the agent of the path"));
    }
    let tenant = caller.tenant_or_own(body.tenant_id.map(TenantId))?;
    let key = wanted(service.clock.now(), tenant, Some(agent), &body)?;
    permit(&caller, &key)?;
    let making = once.making(&service, &caller, tenant, &["mint", &agent.to_string(), &body.text()]);
    add(&service, &making, key).await
}

/// Makes a key, bound to an agent or not.
pub async fn mint(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    once: IdempotencyKey,
    Body(body): Body<MintApiKey>,
) -> ApiResult<Response> {
    let tenant = caller.tenant_or_own(body.tenant_id.map(TenantId))?;
    let key = wanted(service.clock.now(), tenant, body.agent_id.map(AgentId), &body)?;
    permit(&caller, &key)?;
    let making = once.making(&service, &caller, tenant, &["mint", "", &body.text()]);
    add(&service, &making, key).await
}

/// Lists the tenant's keys, as far as the caller could have made them.
pub async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Parameters(query): Parameters<ApiKeyParameters>,
) -> ApiResult<Json<ApiKeyList>> {
    let agent = parse_optional("agent_id", query.agent_id.as_deref(), "a UUID")?.map(AgentId);
    page(&service, &caller, &query, agent).await
}

/// Lists the keys of one agent.
pub async fn list_of_agent(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(agent): Segments<String>,
    Parameters(query): Parameters<ApiKeyParameters>,
) -> ApiResult<Json<ApiKeyList>> {
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    page(&service, &caller, &query, Some(agent)).await
}

/// Revokes a key.
pub async fn revoke(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(prefix): Segments<String>,
    Parameters(query): Parameters<ApiKeyParameters>,
) -> ApiResult<Json<ApiKeyRevoked>> {
    let tenant = query.tenant(&caller)?;
    end(&service, &caller, tenant, None, &prefix).await
}

/// Revokes a key of one agent.
pub async fn revoke_of_agent(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments((agent, prefix)): Segments<(String, String)>,
    Parameters(query): Parameters<ApiKeyParameters>,
) -> ApiResult<Json<ApiKeyRevoked>> {
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    let tenant = query.tenant(&caller)?;
    end(&service, &caller, tenant, Some(agent), &prefix).await
}

/// Replaces a key by one that permits the same; the old one ends at once, or after an overlap.
pub async fn rotate(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    once: IdempotencyKey,
    Segments(prefix): Segments<String>,
    Body(body): Body<RotateApiKey>,
) -> ApiResult<Response> {
    let tenant = caller.tenant_or_own(body.tenant_id.map(TenantId))?;
    if body.overlap_seconds > MAX_OVERLAP_SECONDS {
        let message = format!("must be at most {MAX_OVERLAP_SECONDS}");
        return Err(ApiError::fault(Code::InvalidRequestBody, "/overlapSeconds", message));
    }
    let old = find(&service, &caller, tenant, None, &prefix).await?;
    let now = service.clock.now();
    let making = once.making(&service, &caller, tenant, &["rotate", &prefix, &body.overlap_seconds.to_string()]);
    if let Some(made) = making.made_before(&service, tenant, now).await? {
        return Ok(shown(&made, &making, now, true));
    }
    if !old.is_live(now) {
        return Err(ApiError::new(Code::Conflict, format!("key {prefix} is over; make a new one")));
    }
    let minted = making.minted();
    let successor = ApiKey { prefix: minted.prefix.clone(), secret_hash: minted.hash, created_at: now, ..old };
    let retire_at = Micros(now.0.saturating_add(i64::from(body.overlap_seconds) * 1_000_000));
    let rotated = service.store.rotate_api_key(&prefix, retire_at, &successor).await;
    // Even after an error: the rotation may have landed.
    service.identity.forget(&prefix);
    match rotated {
        Ok(()) => Ok(shown(&successor, &making, now, false)),
        Err(error) => repeated(&service, &making, tenant, now, error).await,
    }
}

/// The key that a body asks for, without a secret yet.
pub fn wanted(now: Micros, tenant: TenantId, agent: Option<AgentId>, body: &MintApiKey) -> ApiResult<ApiKey> {
    let fault = |pointer: &str, message: String| Err(ApiError::fault(Code::InvalidRequestBody, pointer, message));
    let name = [body.name.trim(), body.description.trim()].into_iter().filter(|text| !text.is_empty());
    let name = name.collect::<Vec<_>>().join(": ");
    if name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return fault(
            "/name",
            format!("must be at most {MAX_NAME_CHARS} characters, none of them a control character"),
        );
    }
    if body.store_ids.len() > MAX_STORES {
        return fault("/storeIds", format!("must be at most {MAX_STORES}; leave it empty for all stores"));
    }
    if body.rate_limit == Some(0) {
        return fault("/rateLimit", "must be at least 1; leave it out for the server's limit".to_owned());
    }
    let spelled_out = body.permissions.as_ref();
    if spelled_out.is_some() && (body.read_only || body.admin) {
        return fault("/permissions", "stands beside readOnly or admin; use one of the two forms".to_owned());
    }
    if spelled_out.is_some_and(Vec::is_empty) {
        return fault("/permissions", "is empty; leave it out for read and write".to_owned());
    }
    let has = |permission, otherwise| spelled_out.map_or(otherwise, |list| list.contains(&permission));
    let expires_at = match body.expires_at.as_deref().map(parse_rfc3339).transpose() {
        Ok(at) if at.is_some_and(|at| at <= now) => return fault("/expiresAt", "is past".to_owned()),
        Ok(at) => at,
        Err(error) => return fault("/expiresAt", error.to_string()),
    };
    Ok(ApiKey {
        prefix: String::new(),
        secret_hash: stateset_ledger::bytes::Hash::ZERO,
        tenant,
        stores: body.store_ids.iter().copied().map(StoreId).collect(),
        read: has(KeyPermission::Read, true),
        write: has(KeyPermission::Write, !body.read_only),
        admin: has(KeyPermission::Admin, body.admin),
        agent,
        rate_limit: body.rate_limit,
        name,
        created_at: now,
        expires_at,
        revoked_at: None,
    })
}

/// Nobody gives away more than they have.
fn permit(caller: &Caller<Admin>, key: &ApiKey) -> ApiResult<()> {
    if caller.may_grant(key) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::InsufficientPermissions,
        "a key may permit no more than the credential that makes it: permissions, stores and agent",
    ))
}

/// Stores the key, unless the same request has before. If it is unknown whether it was stored, its secret is not shown; who
/// sent an `Idempotency-Key` asks again, and nobody else will ever know it.
async fn add(service: &Service, making: &Making, key: ApiKey) -> ApiResult<Response> {
    let (tenant, now) = (key.tenant, key.created_at);
    if let Some(made) = making.made_before(service, tenant, now).await? {
        return Ok(shown(&made, making, now, true));
    }
    let minted = making.minted();
    let key = ApiKey { prefix: minted.prefix.clone(), secret_hash: minted.hash, ..key };
    match service.store.add_api_key(&key).await {
        Ok(()) => Ok(shown(&key, making, now, false)),
        Err(error) => repeated(service, making, tenant, now, error).await,
    }
}

/// A key that could not be stored, because the same request was faster; any other error stays one.
async fn repeated(
    service: &Service,
    making: &Making,
    tenant: TenantId,
    now: Micros,
    error: StoreError,
) -> ApiResult<Response> {
    if matches!(error, StoreError::Conflict)
        && let Some(made) = making.made_before(service, tenant, now).await?
    {
        return Ok(shown(&made, making, now, true));
    }
    Err(error.into())
}

/// A new key with its text.
pub fn minted(key: &ApiKey, minted: &Minted, now: Micros) -> ApiKeyMinted {
    ApiKeyMinted {
        success: true,
        api_key: minted.text.as_str().to_owned(),
        agent_id: key.agent.map(|agent| agent.0),
        tenant_id: key.tenant.0,
        key: view(key, now),
        message: SHOWN_ONCE,
    }
}

fn shown(key: &ApiKey, making: &Making, now: Micros, again: bool) -> Response {
    let body = minted(key, making.minted(), now);
    let mut response = ([(CACHE_CONTROL, "no-store")], Json(body)).into_response();
    if again {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

async fn page(
    service: &Service,
    caller: &Caller<Admin>,
    query: &ApiKeyParameters,
    agent: Option<AgentId>,
) -> ApiResult<Json<ApiKeyList>> {
    let tenant = query.tenant(caller)?;
    let after = query.after.clone().unwrap_or_default();
    let mut keys = service.store.api_keys(&ApiKeyQuery { tenant, agent, after, limit: PAGE }).await?;
    let next = keys.last().filter(|_| keys.len() == PAGE as usize).map(|last| last.prefix.clone());
    keys.retain(|key| caller.may_grant(key));
    let now = service.clock.now();
    let keys: Vec<ApiKeyView> = keys.iter().map(|key| view(key, now)).collect();
    Ok(Json(ApiKeyList { count: keys.len(), keys, next }))
}

/// A key of the tenant that the caller could have made. Any other does not exist.
async fn find(
    service: &Service,
    caller: &Caller<Admin>,
    tenant: TenantId,
    agent: Option<AgentId>,
    prefix: &str,
) -> ApiResult<ApiKey> {
    let found = service.store.api_key(prefix).await?;
    let visible = |key: &ApiKey| {
        key.tenant == tenant && agent.is_none_or(|agent| key.agent == Some(agent)) && caller.may_grant(key)
    };
    found.filter(visible).ok_or_else(not_found)
}

async fn end(
    service: &Service,
    caller: &Caller<Admin>,
    tenant: TenantId,
    agent: Option<AgentId>,
    prefix: &str,
) -> ApiResult<Json<ApiKeyRevoked>> {
    find(service, caller, tenant, agent, prefix).await?;
    let now = service.clock.now();
    let ended = service.store.revoke_api_key(tenant, agent, prefix, now).await;
    // Even after an error: the revocation may have landed.
    service.identity.forget(prefix);
    let key = ended?.ok_or_else(not_found)?;
    Ok(Json(ApiKeyRevoked {
        success: true,
        key: view(&key, now),
        message: format!("refused here from now on, and by other processes within {} s", REVOCATION_BOUND / 1_000_000),
    }))
}

fn not_found() -> ApiError {
    ApiError::new(Code::ApiKeyNotFound, "the tenant has no such API key that you may administer")
}

/// The key as it is listed at `now`.
pub fn view(key: &ApiKey, now: Micros) -> ApiKeyView {
    let granted =
        [(key.read, KeyPermission::Read), (key.write, KeyPermission::Write), (key.admin, KeyPermission::Admin)];
    ApiKeyView {
        prefix: key.prefix.clone(),
        name: key.name.clone(),
        tenant_id: key.tenant.0,
        store_ids: key.stores.iter().map(|store| store.0).collect(),
        permissions: granted.into_iter().filter_map(|(has, permission)| has.then_some(permission)).collect(),
        agent_id: key.agent.map(|agent| agent.0),
        rate_limit: key.rate_limit,
        created_at: key.created_at.to_rfc3339(),
        expires_at: key.expires_at.map(Micros::to_rfc3339),
        revoked_at: key.revoked_at.map(Micros::to_rfc3339),
        status: if key.revoked_at.is_some() {
            "revoked"
        } else if key.is_live(now) {
            "active"
        } else {
            "expired"
        },
    }
}
