//! Agent keys: registering, listing, revoking; the signed directory and the sequencer's own keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use stateset_api::code::Code;
use stateset_api::keys::{
    AgentKeyView, KeyChanged, KeyDirectory, KeyList, PublicKeyBundle, RegisterKey, SequencerKeyView, SequencerKeys,
};
use stateset_ledger::agent_key::{AgentKey, KeyChange};
use stateset_ledger::bytes::{Preimage, PublicKeyBytes, Signature};
use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::domain;
use stateset_ledger::id::{AgentId, KeyId, Micros, Scope, StoreId, TenantId};
use stateset_ledger::json;
use stateset_ledger::note::VerifierKey;
use stateset_ledger::signature::{PublicKey, Signer as _, proof_of_possession_challenge};
use stateset_store::StoreError;

use super::body::Body;
use super::credential::{Admin, Caller, Read};
use super::parameters::{Parameters, Segments, parse, parse_optional, uuid};
use super::problem::{ApiError, ApiResult};
use crate::append::{Outcome, ReceiptMode, Submission};
use crate::service::Service;

const ALGORITHM: &str = "ed25519";

/// Query of the key routes.
#[derive(Debug, Default, Deserialize)]
pub struct KeyQuery {
    #[serde(alias = "tenantId")]
    tenant_id: Option<String>,
    #[serde(alias = "agentId")]
    agent_id: Option<String>,
}

impl KeyQuery {
    fn tenant(&self) -> ApiResult<TenantId> {
        uuid("tenant_id", self.tenant_id.as_deref()).map(TenantId)
    }
}

/// Registers a key. Registering the same key again is a success; other bytes under a used number are refused.
pub async fn register(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Body(body): Body<RegisterKey>,
) -> ApiResult<Json<KeyChanged>> {
    let tenant = TenantId(body.tenant_id);
    caller.whole_tenant(tenant)?;
    caller.agent(AgentId(body.agent_id))?;
    let change = registration(&service, &body)?;
    if find(&service, tenant, &change).await?.is_none() {
        log_changes(&service, tenant, vec![change.clone()]).await?;
    }
    let registered = registered_as(&service, tenant, &change).await?;
    Ok(Json(changed(tenant, &registered, "registered", registered.registered.get())))
}

/// Revokes a key from now on; what it signed before stays valid.
pub async fn revoke(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments((agent, key)): Segments<(String, String)>,
    Parameters(query): Parameters<KeyQuery>,
) -> ApiResult<Json<KeyChanged>> {
    let tenant = query.tenant()?;
    caller.whole_tenant(tenant)?;
    let agent_id = AgentId(parse("agent_id", &agent, "a UUID")?);
    caller.agent(agent_id)?;
    let change = KeyChange::Revoke {
        agent: agent_id,
        key: KeyId(parse("key_id", &key, "a key number")?),
        revoked_at: service.clock.now(),
    };
    let (_, number) = change.key();
    let not_found = || no_such_key(agent_id, number);
    let known = find(&service, tenant, &change).await?.ok_or_else(not_found)?;
    let sequence = match known.revoked_at {
        Some(_) => place_of(&service, tenant, &change).await?,
        None => only(&log_changes(&service, tenant, vec![change.clone()]).await?),
    };
    let revoked = find(&service, tenant, &change).await?.ok_or_else(not_found)?;
    Ok(Json(changed(tenant, &revoked, "revoked", sequence)))
}

/// Replaces a key: registers the new one and revokes the old one in one step. For an overlap register the new key first and
/// revoke the old one later.
pub async fn rotate(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments((agent, key)): Segments<(String, String)>,
    Body(body): Body<RegisterKey>,
) -> ApiResult<Json<KeyChanged>> {
    let tenant = TenantId(body.tenant_id);
    caller.whole_tenant(tenant)?;
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    caller.agent(agent)?;
    let old = KeyId(parse("key_id", &key, "a key number")?);
    if body.agent_id != agent.0 {
        return Err(ApiError::fault(Code::InvalidRequestBody, "/agentId", "is not the agent of the path"));
    }
    if body.key_id == old.0 {
        return Err(ApiError::fault(
            Code::InvalidRequestBody,
            "/keyId",
            "is the key to be replaced; choose a new number",
        ));
    }
    let register = registration(&service, &body)?;
    let revoke = KeyChange::Revoke { agent, key: old, revoked_at: service.clock.now() };
    let known = find(&service, tenant, &revoke).await?.ok_or_else(|| no_such_key(agent, old))?;
    let new = find(&service, tenant, &register).await?;
    if new.as_ref().is_some_and(|new| !is_same(new, &register)) {
        return Err(taken(body.key_id));
    }
    match (known.revoked_at.is_some(), new.is_some()) {
        // The answer to an earlier request was lost.
        (true, true) => {},
        (true, false) => {
            return Err(ApiError::new(Code::Conflict, format!("key {old} is revoked; register the new key instead")));
        },
        (false, true) => drop(log_changes(&service, tenant, vec![revoke]).await?),
        (false, false) => drop(log_changes(&service, tenant, vec![register.clone(), revoke]).await?),
    }
    let registered = registered_as(&service, tenant, &register).await?;
    Ok(Json(changed(tenant, &registered, "registered, and the old one revoked", registered.registered.get())))
}

/// Lists the keys of a tenant, or of one agent.
pub async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(query): Parameters<KeyQuery>,
) -> ApiResult<Json<KeyList>> {
    let tenant = query.tenant()?;
    caller.store(Scope::key_stream(tenant))?;
    let agent = parse_optional("agent_id", query.agent_id.as_deref(), "a UUID")?.map(AgentId);
    let (_, keys) = service.store.agent_keys(tenant, agent).await?;
    let now = service.clock.now();
    let keys: Vec<_> = keys.iter().map(|key| AgentKeyView { agent_id: Some(key.agent.0), ..view(key, now) }).collect();
    Ok(Json(KeyList { total: keys.len(), keys }))
}

/// The agent's keys, signed by the sequencer, for receivers that pin them.
pub async fn directory(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(agent): Segments<String>,
    Parameters(query): Parameters<KeyQuery>,
) -> ApiResult<Json<KeyDirectory>> {
    let tenant = query.tenant()?;
    caller.store(Scope::key_stream(tenant))?;
    let agent = AgentId(parse("agent_id", &agent, "a UUID")?);
    let (_, keys) = service.store.agent_keys(tenant, Some(agent)).await?;
    let now = service.clock.now();
    let mut directory = KeyDirectory {
        agent_id: agent.0,
        tenant_id: tenant.0,
        keys: keys.iter().map(|key| view(key, now)).collect(),
        signed_at: now.to_rfc3339(),
        directory_signature: None,
    };
    let text = serde_json::to_vec(&directory).expect("a directory holds only strings and numbers");
    let canonical = json::canonical(&text).expect("JSON made here is sound");
    let hash = Preimage::new(domain::KEY_DIRECTORY).raw(&canonical).hash();
    directory.directory_signature = Some(service.signer.sign(&hash.0));
    Ok(Json(directory))
}

/// The sequencer's keys; needs no credential, because receipts are worth nothing to somebody who cannot check them.
pub async fn sequencer(State(service): State<Arc<Service>>) -> ApiResult<Json<SequencerKeys>> {
    let keys = service.store.sequencer_keys().await?;
    Ok(Json(SequencerKeys {
        sequencer_id: service.sequencer_id.to_string(),
        log_origin: service.log_origin.clone(),
        log_verifier_key: log_verifier_key(&service, &service.signer.public_key())?,
        keys: keys
            .into_iter()
            .map(|(number, public_key, added_at)| {
                Ok(SequencerKeyView {
                    key_version: number.0,
                    algorithm: ALGORITHM,
                    public_key,
                    log_verifier_key: log_verifier_key(&service, &public_key)?,
                    added_at: added_at.to_rfc3339(),
                    current: number == service.signer.number(),
                })
            })
            .collect::<ApiResult<Vec<_>>>()?,
    }))
}

/// The verifier key of checkpoints that were signed with this sequencer key.
fn log_verifier_key(service: &Service, key: &PublicKeyBytes) -> ApiResult<String> {
    let key = PublicKey::new(key).map_err(StoreError::corrupt)?;
    VerifierKey::new(&service.log_origin, key)
        .map(|verifier| verifier.to_string())
        .map_err(|fault| ApiError::new(Code::InternalError, format!("LOG_ORIGIN: {fault}")))
}

fn no_such_key(agent: AgentId, key: KeyId) -> ApiError {
    ApiError::new(Code::AgentKeyNotFound, format!("agent {agent} has no key {key} in this tenant"))
}

fn taken(key: u32) -> ApiError {
    ApiError::new(
        Code::AlreadyExists,
        format!("key {key} of this agent exists with other bytes or validity; register another key id"),
    )
}

/// The place of the one change that was asked for.
fn only(places: &[u64]) -> u64 {
    places.first().copied().expect("one change was logged")
}

/// The registration that a body asks for, its key checked.
fn registration(service: &Service, body: &RegisterKey) -> ApiResult<KeyChange> {
    let public_key = checked_key(service, body)?;
    let valid_from = instant("/validFrom", body.valid_from.as_deref())?;
    let valid_to = instant("/validTo", body.valid_to.as_deref())?;
    if valid_from.zip(valid_to).is_some_and(|(from, to)| from > to) {
        return Err(ApiError::fault(Code::InvalidRequestBody, "/validTo", "is before validFrom"));
    }
    Ok(KeyChange::Register { agent: AgentId(body.agent_id), key: KeyId(body.key_id), public_key, valid_from, valid_to })
}

/// The registered key, if it is the one that was to be registered.
async fn registered_as(service: &Service, tenant: TenantId, change: &KeyChange) -> ApiResult<AgentKey> {
    let found = find(service, tenant, change).await?;
    let (_, key) = change.key();
    found.filter(|found| is_same(found, change)).ok_or_else(|| taken(key.0))
}

fn checked_key(service: &Service, body: &RegisterKey) -> ApiResult<PublicKeyBytes> {
    let algorithm = body.key_algorithm.as_ref();
    let supported = algorithm.is_none_or(|value| {
        value.as_u64() == Some(1) || value.as_str().is_some_and(|name| name.eq_ignore_ascii_case(ALGORITHM))
    });
    if !supported {
        return Err(ApiError::fault(Code::UnsupportedAlgorithm, "/keyAlgorithm", "only 1 (ed25519) is supported"));
    }
    let bundled = body.public_key_bundle.as_ref().map(|bundle| bundle.ed25519_public_key.as_str());
    let text = body.public_key.as_deref().or(bundled);
    let text = text.ok_or_else(|| ApiError::fault(Code::InvalidRequestBody, "/publicKey", "is required"))?;
    let invalid = |fault: String| ApiError::fault(Code::InvalidPublicKey, "/publicKey", fault);
    let bytes = PublicKeyBytes::from_hex(text).map_err(|fault| invalid(fault.to_string()))?;
    let key = PublicKey::new(&bytes).map_err(|fault| invalid(fault.to_string()))?;
    let Some(bundle) = &body.proof_of_possession_bundle else {
        return if service.possession_proof_required {
            Err(ApiError::fault(
                Code::InvalidProofOfPossession,
                "/proofOfPossessionBundle/ed25519Pop",
                "is required; KEY_POSSESSION_PROOF=optional lifts this for clients that cannot send it",
            ))
        } else {
            Ok(bytes)
        };
    };
    let fault = |message: String| {
        ApiError::fault(Code::InvalidProofOfPossession, "/proofOfPossessionBundle/ed25519Pop", message)
    };
    let proof = Signature::from_hex(&bundle.ed25519_pop).map_err(|error| fault(error.to_string()))?;
    key.verify(&proof_of_possession_challenge(&bytes).0, &proof).map_err(|error| fault(error.to_string()))?;
    Ok(bytes)
}

fn instant(pointer: &str, text: Option<&str>) -> ApiResult<Option<Micros>> {
    text.map(|text| {
        parse_rfc3339(text).map_err(|fault| ApiError::fault(Code::InvalidRequestBody, pointer, fault.to_string()))
    })
    .transpose()
}

async fn find(service: &Service, tenant: TenantId, change: &KeyChange) -> ApiResult<Option<AgentKey>> {
    let (agent, number) = change.key();
    let (_, keys) = service.store.agent_keys(tenant, Some(agent)).await?;
    Ok(keys.into_iter().find(|key| key.key == number))
}

fn is_same(known: &AgentKey, change: &KeyChange) -> bool {
    match change {
        KeyChange::Register { public_key, valid_from, valid_to, .. } => {
            known.public_key == *public_key && known.valid_from == *valid_from && known.valid_to == *valid_to
        },
        KeyChange::Revoke { .. } => known.revoked_at.is_some(),
    }
}

/// Appends the changes to the tenant's key stream; the registry changes in the same transaction. Answers the place of each,
/// also of one that was there already, whoever made it: the caller's second look at the registry says whether it is the same.
async fn log_changes(service: &Service, tenant: TenantId, changes: Vec<KeyChange>) -> ApiResult<Vec<u64>> {
    let candidate = |change: &KeyChange| {
        change.to_candidate(tenant, service.clock.now(), service.signer.as_ref(), service.signer.number())
    };
    let submission = Submission {
        scope: Scope::key_stream(tenant),
        candidates: Arc::new(changes.iter().map(candidate).collect()),
        keys: None,
        receipts: ReceiptMode::Each,
        key_changes: changes.iter().cloned().enumerate().collect(),
    };
    let placed = service.appender.append(submission).await?;
    let mut places = Vec::with_capacity(changes.len());
    for (change, outcome) in changes.iter().zip(&placed.outcomes) {
        places.push(match outcome {
            Outcome::Placed(place) | Outcome::Duplicate(place) => place.sequence.get(),
            // The same change with another time or key: somebody else was first.
            Outcome::Rejected(_) => place_of(service, tenant, change).await?,
        });
    }
    Ok(places)
}

/// Where a change stands in the tenant's key stream.
async fn place_of(service: &Service, tenant: TenantId, change: &KeyChange) -> ApiResult<u64> {
    let found = service.store.event(tenant, Some(&[StoreId::NIL]), change.event_id(tenant)).await?;
    let place = found.first().map(|found| found.event.sequence.get());
    place.ok_or_else(|| ApiError::new(Code::Conflict, "the change of the key was refused; read the keys again"))
}

fn changed(tenant: TenantId, key: &AgentKey, what: &str, sequence: u64) -> KeyChanged {
    KeyChanged {
        success: true,
        tenant_id: tenant.0,
        agent_id: key.agent.0,
        key_id: key.key.0,
        key_algorithm: ALGORITHM,
        message: format!("key {} is {what}", key.key),
        key_stream_sequence: sequence,
    }
}

/// The key as it is listed at `now`, without its agent.
pub fn view(key: &AgentKey, now: Micros) -> AgentKeyView {
    AgentKeyView {
        agent_id: None,
        key_id: key.key.0,
        algorithm: ALGORITHM,
        public_key: key.public_key,
        public_key_bundle: PublicKeyBundle { ed25519_public_key: key.public_key.to_hex() },
        valid_from: key.valid_from.map(Micros::to_rfc3339),
        valid_to: key.valid_to.map(Micros::to_rfc3339),
        revoked_at: key.revoked_at.map(Micros::to_rfc3339),
        status: key.status(now).name(),
        key_stream_sequence: key.registered.get(),
    }
}
