//! `/api/v1/schemas`: registering schemas, looking at them, deciding what they are for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use stateset_api::code::Code;
use stateset_api::schemas::{
    PayloadFault, PayloadVerdict, RegisterSchema, SchemaList, SchemaPolicyView, SchemaRegistered, SchemaView,
    SetSchemaPolicy, SetSchemaStatus, ValidatePayload,
};
use stateset_contracts::compatibility::Compatibility;
use stateset_ledger::id::{Micros, TenantId};
use stateset_store::schema::{SchemaPolicy, SchemaStatus, SchemaVersion};
use uuid::Uuid;

use super::body::Body;
use super::credential::{Admin, Caller, Demand, Read};
use super::parameters::{Parameters, Segments, parse, parse_optional};
use super::problem::{ApiError, ApiResult};
use crate::schemas::admit::short;
use crate::schemas::register::{NewSchema, register as register_new};
use crate::schemas::{Book, Entry, Mode};
use crate::service::Service;

/// Stands for all types in the route of policies.
const ALL_TYPES: &str = "*";

/// Query of the routes without a body.
#[derive(Debug, Default, Deserialize)]
pub struct SchemaParameters {
    #[serde(alias = "tenantId")]
    tenant_id: Option<String>,
    #[serde(alias = "eventType")]
    event_type: Option<String>,
}

impl SchemaParameters {
    /// The tenant of the request.
    pub fn tenant<P: Demand>(&self, caller: &Caller<P>) -> ApiResult<TenantId> {
        let named: Option<Uuid> = parse_optional("tenant_id", self.tenant_id.as_deref(), "a UUID")?;
        caller.tenant_or_own(named.map(TenantId))
    }
}

/// Registers a schema. The same one again is the one that is there.
pub async fn register(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Body(body): Body<RegisterSchema>,
) -> ApiResult<Json<SchemaRegistered>> {
    let tenant = administered(&caller, body.tenant_id)?;
    let text = match body.schema_json {
        Value::String(text) => text,
        schema => schema.to_string(),
    };
    let compatibility = body.compatibility.as_deref().map(|word| level("/compatibility", word)).transpose()?;
    let new = NewSchema { subject: body.event_type, text, description: body.description, compatibility };
    let (row, created) = register_new(&service, tenant, new).await?;
    Ok(Json(SchemaRegistered { created, schema: view_of(tenant, &row) }))
}

/// Lists a tenant's schemas.
pub async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SchemaList>> {
    let tenant = query.tenant(&caller)?;
    let book = book(&service, tenant).await?;
    Ok(Json(listed(&service, tenant, &book, query.event_type.as_deref())))
}

/// Lists the schemas of one type.
pub async fn of_type(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(event_type): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SchemaList>> {
    let tenant = query.tenant(&caller)?;
    let book = book(&service, tenant).await?;
    Ok(Json(listed(&service, tenant, &book, Some(&event_type))))
}

/// The schema that events of a type are held to.
pub async fn latest(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(event_type): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SchemaView>> {
    let tenant = query.tenant(&caller)?;
    let book = book(&service, tenant).await?;
    let entry = book.in_force(&event_type, None).ok_or_else(not_found)?;
    Ok(Json(view(tenant, entry)))
}

/// One schema.
pub async fn one(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(number): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SchemaView>> {
    let tenant = query.tenant(&caller)?;
    let book = book(&service, tenant).await?;
    let number: u32 = parse("schema_id", &number, "a number")?;
    Ok(Json(view(tenant, find(&book, number).filter(|entry| entry.is_there()).ok_or_else(not_found)?)))
}

/// Changes the status of a schema.
pub async fn set_status(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(number): Segments<String>,
    Body(body): Body<SetSchemaStatus>,
) -> ApiResult<Json<SchemaView>> {
    let tenant = administered(&caller, body.tenant_id)?;
    let number: u32 = parse("schema_id", &number, "a number")?;
    let status = SchemaStatus::of(&body.status).filter(|status| *status != SchemaStatus::Deleted).ok_or_else(|| {
        ApiError::fault(Code::InvalidRequestBody, "/status", "is `active`, `deprecated` or `disabled`")
    })?;
    change(&service, tenant, number, status).await
}

/// Takes a schema out of force and out of sight; a second time changes nothing.
pub async fn remove(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(number): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SchemaView>> {
    let tenant = query.tenant(&caller)?;
    caller.whole_tenant(tenant)?;
    let number: u32 = parse("schema_id", &number, "a number")?;
    change(&service, tenant, number, SchemaStatus::Deleted).await
}

/// Decides how events of a type, or of all, are held to schemas.
pub async fn set_policy(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(event_type): Segments<String>,
    Body(body): Body<SetSchemaPolicy>,
) -> ApiResult<Json<SchemaPolicyView>> {
    let tenant = administered(&caller, body.tenant_id)?;
    let subject = if event_type == ALL_TYPES { String::new() } else { subject(event_type)? };
    let mode = body.mode.as_deref().map(str::parse::<Mode>).transpose().map_err(|()| {
        ApiError::fault(Code::InvalidRequestBody, "/mode", "is `disabled`, `warn`, `enforce` or `required`")
    })?;
    let compatibility = body.compatibility.as_deref().map(|word| level("/compatibility", word)).transpose()?;
    let policy = SchemaPolicy {
        subject: subject.clone(),
        mode: mode.map(|mode| mode.word().to_owned()),
        compatibility: compatibility.map(|level| level.word().to_owned()),
    };
    decide(&service, tenant, &policy).await?;
    let book = book(&service, tenant).await?;
    Ok(Json(policy_view(&service, &book, &subject)))
}

/// Holds a payload to the schema of its type.
pub async fn validate(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Body(body): Body<ValidatePayload>,
) -> ApiResult<Json<PayloadVerdict>> {
    let tenant = caller.tenant_or_own(body.tenant_id.map(TenantId))?;
    let book = book(&service, tenant).await?;
    let entry = book.in_force(&body.event_type, body.schema_version).ok_or_else(not_found)?;
    let found = entry.violations(&body.payload).map_err(|fault| ApiError::new(Code::InvalidSchema, fault))?;
    let errors: Vec<PayloadFault> =
        found.into_iter().map(|one| PayloadFault { path: one.path, message: one.message }).collect();
    Ok(Json(PayloadVerdict {
        valid: errors.is_empty(),
        schema_id: entry.row.number,
        schema_version: entry.row.version,
        errors,
    }))
}

/// The tenant of a change: schemas are of all its stores.
fn administered(caller: &Caller<Admin>, named: Option<Uuid>) -> ApiResult<TenantId> {
    let tenant = caller.tenant_or_own(named.map(TenantId))?;
    caller.whole_tenant(tenant)?;
    Ok(tenant)
}

/// The tenant's schemas as they are now: whoever asks here may just have changed them with another process.
pub(super) async fn book(service: &Service, tenant: TenantId) -> ApiResult<Arc<Book>> {
    Ok(service.schemas.fresh(service.store.as_ref(), tenant, service.clock.now()).await?)
}

/// A subject's name within its bounds.
pub(super) fn subject(name: String) -> ApiResult<String> {
    if (1..=255).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    let message = "must have 1 to 255 characters, none of them a control character";
    Err(ApiError::fault(Code::InvalidParameter, "event_type", message))
}

pub(super) fn level(pointer: &str, word: &str) -> ApiResult<Compatibility> {
    word.parse().map_err(|fault: stateset_contracts::compatibility::UnknownCompatibility| {
        ApiError::fault(Code::InvalidRequestBody, pointer, short(&fault.to_string()))
    })
}

pub(super) async fn decide(service: &Service, tenant: TenantId, policy: &SchemaPolicy) -> ApiResult<()> {
    let decided = service.store.set_schema_policy(tenant, policy).await;
    // Even after an error: it may have landed.
    service.schemas.forget(tenant);
    Ok(decided?)
}

pub(super) async fn status(service: &Service, tenant: TenantId, number: u32, status: SchemaStatus) -> ApiResult<bool> {
    let changed = service.store.set_schema_status(tenant, number, status).await;
    // Even after an error: it may have landed.
    service.schemas.forget(tenant);
    Ok(changed?)
}

async fn change(service: &Service, tenant: TenantId, number: u32, wanted: SchemaStatus) -> ApiResult<Json<SchemaView>> {
    if !status(service, tenant, number, wanted).await? {
        return Err(not_found());
    }
    let book = book(service, tenant).await?;
    Ok(Json(view(tenant, find(&book, number).ok_or_else(not_found)?)))
}

pub(super) fn find(book: &Book, number: u32) -> Option<&Entry> {
    book.entries.iter().find(|entry| entry.row.number == number)
}

pub(super) fn not_found() -> ApiError {
    ApiError::new(Code::SchemaNotFound, "the tenant has no such schema")
}

fn listed(service: &Service, tenant: TenantId, book: &Book, event_type: Option<&str>) -> SchemaList {
    let wanted = |entry: &&Entry| entry.is_there() && event_type.is_none_or(|wanted| entry.row.subject == wanted);
    let schemas: Vec<SchemaView> = book.entries.iter().filter(wanted).map(|entry| view(tenant, entry)).collect();
    let policy = policy_view(service, book, event_type.unwrap_or_default());
    SchemaList { count: schemas.len(), schemas, policy }
}

fn policy_view(service: &Service, book: &Book, subject: &str) -> SchemaPolicyView {
    SchemaPolicyView {
        mode: book.mode(subject, service.schemas.mode).word(),
        compatibility: book.compatibility(subject).word(),
    }
}

fn view(tenant: TenantId, entry: &Entry) -> SchemaView {
    view_of(tenant, &entry.row)
}

fn view_of(tenant: TenantId, row: &SchemaVersion) -> SchemaView {
    SchemaView {
        schema_id: row.number,
        tenant_id: tenant.0,
        event_type: row.subject.clone(),
        version: row.version,
        status: row.status.word(),
        schema_json: serde_json::from_str(&row.text).unwrap_or_default(),
        description: row.description.clone(),
        created_at: Micros::to_rfc3339(row.created_at),
    }
}
