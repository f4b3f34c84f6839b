//! The part of the Confluent schema registry's API that its clients need to serialise JSON: `/subjects`, `/schemas/ids`,
//! `/compatibility`, `/config`. A subject that is a type of event is what events of that type are held to; under any other
//! name, such as `order.events-value`, schemas are only kept.
//!
//! Deliberately absent: Avro and Protobuf, references between schemas, contexts, modes, exporters, soft deletion as a step
//! of its own (`?permanent`): what is deleted is out of sight, and its number and version stay taken.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stateset_api::code::Code;
use stateset_api::schemas::{
    CompatibilityLevel, CompatibilityVerdict, FoundSchema, SchemaId, SchemaTypes, SetCompatibility, SubjectList,
    SubjectSchema, SubjectVersion, SubjectVersions,
};
use stateset_contracts::json_schema::sorted;
use stateset_ledger::id::TenantId;
use stateset_store::schema::{SchemaPolicy, SchemaStatus};

use super::body::Body;
use super::credential::{Admin, Caller, Read, Valid};
use super::parameters::{Parameters, Segments};
use super::problem::{ApiError, ApiResult};
use super::schemas::{SchemaParameters, book, decide, find, level as read_level, not_found, status, subject as named};
use crate::schemas::admit::admit;
use crate::schemas::register::{NewSchema, differences, known, register as register_new};
use crate::schemas::{Book, Entry};
use crate::service::Service;

const KIND: &str = "JSON";
const LATEST: &str = "latest";

/// The registry's own numbers for what went wrong.
const SUBJECT_NOT_FOUND: u32 = 40_401;
const VERSION_NOT_FOUND: u32 = 40_402;
const SCHEMA_NOT_FOUND: u32 = 40_403;
const INVALID_SCHEMA: u32 = 42_201;
const INVALID_VERSION: u32 = 42_202;
const INVALID_LEVEL: u32 = 42_203;
const INCOMPATIBLE: u32 = 409;

/// Clients of the registry send `Basic`: the password is the API key, the user name is not looked at. On these routes only.
pub fn basic_as_key(request: &mut Request) {
    if request.uri().path().starts_with("/api/") {
        return;
    }
    let basic = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let decoded = basic.and_then(|text| String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok());
    let key =
        decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| format!("ApiKey {password}"));
    if let Some(mut value) = key.and_then(|key| HeaderValue::from_str(&key).ok()) {
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
}

/// Names of all subjects.
pub async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SubjectList>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    let names: BTreeSet<&String> =
        book.entries.iter().filter(|entry| entry.is_there()).map(|entry| &entry.row.subject).collect();
    Ok(Json(SubjectList(names.into_iter().cloned().collect())))
}

/// Versions of a subject.
pub async fn versions(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(subject): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SubjectVersions>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    let versions: Vec<u32> = book.versions(&subject).map(|entry| entry.row.version).collect();
    if versions.is_empty() {
        return Err(no_subject());
    }
    Ok(Json(SubjectVersions(versions)))
}

/// Registers a schema.
pub async fn register(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(subject): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
    Body(body): Body<SubjectSchema>,
) -> ApiResult<Json<SchemaId>> {
    let tenant = query.tenant(&caller)?;
    caller.whole_tenant(tenant)?;
    only_json(&body)?;
    let new = NewSchema { subject, text: body.schema, description: String::new(), compatibility: None };
    let registered = register_new(&service, tenant, new).await.map_err(|error| match error.code() {
        Code::InvalidSchema => error.registry(INVALID_SCHEMA),
        Code::SchemaIncompatible => error.registry(INCOMPATIBLE),
        _ => error,
    });
    Ok(Json(SchemaId { id: registered?.0.number }))
}

/// Looks for a schema under a subject.
pub async fn lookup(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(subject): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
    Body(body): Body<SubjectSchema>,
) -> ApiResult<Json<FoundSchema>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    only_json(&body)?;
    if book.versions(&subject).next().is_none() {
        return Err(no_subject());
    }
    let (schema, _) = admit(&body.schema).map_err(|refused| invalid(&refused.to_string()))?;
    let row = known(&book, &subject, &sorted(schema)).ok_or_else(|| not_found().registry(SCHEMA_NOT_FOUND))?;
    Ok(Json(found(find(&book, row.number).ok_or_else(not_found)?)))
}

/// A version of a subject.
pub async fn version(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments((subject, version)): Segments<(String, String)>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<FoundSchema>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    Ok(Json(found(numbered(&book, &subject, &version)?)))
}

/// A schema by its number.
pub async fn by_id(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(number): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<FoundSchema>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    // What was written under a schema that is deleted must stay readable.
    let entry = number.parse().ok().and_then(|number| find(&book, number));
    let entry = entry.ok_or_else(|| not_found().registry(SCHEMA_NOT_FOUND))?;
    Ok(Json(FoundSchema { subject: None, id: None, version: None, ..found(entry) }))
}

/// Kinds of schema.
pub async fn types(_caller: Caller<Valid>) -> Json<SchemaTypes> {
    Json(SchemaTypes(vec![KIND]))
}

/// Whether a schema may follow this one version.
pub async fn compatible(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments((subject, version)): Segments<(String, String)>,
    Parameters(query): Parameters<SchemaParameters>,
    Body(body): Body<SubjectSchema>,
) -> ApiResult<Json<CompatibilityVerdict>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    only_json(&body)?;
    let history = [numbered(&book, &subject, &version)?.json()];
    let (schema, _) = admit(&body.schema).map_err(|refused| invalid(&refused.to_string()))?;
    let messages = differences(book.compatibility(&subject), &history, &schema);
    Ok(Json(CompatibilityVerdict { is_compatible: messages.is_empty(), messages }))
}

/// What new versions must agree with.
pub async fn level(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<CompatibilityLevel>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    Ok(Json(CompatibilityLevel { compatibility_level: book.compatibility("").word() }))
}

/// The same of one subject.
pub async fn level_of(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(subject): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<CompatibilityLevel>> {
    let book = book(&service, query.tenant(&caller)?).await?;
    Ok(Json(CompatibilityLevel { compatibility_level: book.compatibility(&subject).word() }))
}

/// Decides what new versions must agree with.
pub async fn set_level(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Parameters(query): Parameters<SchemaParameters>,
    Body(body): Body<SetCompatibility>,
) -> ApiResult<Json<SetCompatibility>> {
    let tenant = query.tenant(&caller)?;
    set(&service, &caller, tenant, String::new(), &body).await
}

/// The same for one subject.
pub async fn set_level_of(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(subject): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
    Body(body): Body<SetCompatibility>,
) -> ApiResult<Json<SetCompatibility>> {
    let tenant = query.tenant(&caller)?;
    set(&service, &caller, tenant, named(subject)?, &body).await
}

/// Takes all versions of a subject out of sight.
pub async fn remove(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments(subject): Segments<String>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SubjectVersions>> {
    let tenant = query.tenant(&caller)?;
    caller.whole_tenant(tenant)?;
    let book = book(&service, tenant).await?;
    let mut versions = Vec::new();
    for entry in book.entries.iter().filter(|entry| entry.row.subject == subject) {
        if entry.is_there() {
            status(&service, tenant, entry.row.number, SchemaStatus::Deleted).await?;
        }
        versions.push(entry.row.version);
    }
    if versions.is_empty() {
        return Err(no_subject());
    }
    Ok(Json(SubjectVersions(versions)))
}

/// Takes one version out of sight.
pub async fn remove_version(
    State(service): State<Arc<Service>>,
    caller: Caller<Admin>,
    Segments((subject, version)): Segments<(String, String)>,
    Parameters(query): Parameters<SchemaParameters>,
) -> ApiResult<Json<SubjectVersion>> {
    let tenant = query.tenant(&caller)?;
    caller.whole_tenant(tenant)?;
    let book = book(&service, tenant).await?;
    let wanted = |entry: &&Entry| entry.row.subject == subject && entry.row.version.to_string() == version;
    let entry = match book.entries.iter().find(wanted) {
        Some(entry) => entry,
        None => numbered(&book, &subject, &version)?,
    };
    status(&service, tenant, entry.row.number, SchemaStatus::Deleted).await?;
    Ok(Json(SubjectVersion(entry.row.version)))
}

async fn set(
    service: &Service,
    caller: &Caller<Admin>,
    tenant: TenantId,
    subject: String,
    body: &SetCompatibility,
) -> ApiResult<Json<SetCompatibility>> {
    caller.whole_tenant(tenant)?;
    let wanted = read_level("/compatibility", &body.compatibility).map_err(|error| error.registry(INVALID_LEVEL))?;
    let before = book(service, tenant).await?.own_policy(&subject);
    decide(service, tenant, &SchemaPolicy { compatibility: Some(wanted.word().to_owned()), ..before }).await?;
    Ok(Json(SetCompatibility { compatibility: wanted.word().to_owned() }))
}

fn numbered<'a>(book: &'a Book, subject: &'a str, version: &str) -> ApiResult<&'a Entry> {
    if book.versions(subject).next().is_none() {
        return Err(no_subject());
    }
    // Some clients write the newest as -1.
    if [LATEST, "-1"].contains(&version) {
        return book.versions(subject).next_back().ok_or_else(no_subject);
    }
    let number: u32 = version.parse().map_err(|_| {
        let message = format!("{version:.40?} is neither a number nor `{LATEST}`");
        ApiError::fault(Code::InvalidParameter, "version", message).registry(INVALID_VERSION)
    })?;
    let missing = || not_found().registry(VERSION_NOT_FOUND);
    book.versions(subject).find(|entry| entry.row.version == number).ok_or_else(missing)
}

fn only_json(body: &SubjectSchema) -> ApiResult<()> {
    if body.schema_type.as_deref() != Some(KIND) {
        return Err(invalid("schemaType must be JSON: events are JSON"));
    }
    if !body.references.is_empty() {
        return Err(invalid("references are not taken: a schema is self-contained"));
    }
    Ok(())
}

fn invalid(message: &str) -> ApiError {
    ApiError::fault(Code::InvalidSchema, "/schema", message).registry(INVALID_SCHEMA)
}

fn no_subject() -> ApiError {
    ApiError::new(Code::SchemaNotFound, "the tenant has no schema under this subject").registry(SUBJECT_NOT_FOUND)
}

fn found(entry: &Entry) -> FoundSchema {
    FoundSchema {
        subject: Some(entry.row.subject.clone()),
        id: Some(entry.row.number),
        version: Some(entry.row.version),
        schema_type: KIND,
        schema: entry.row.text.clone(),
    }
}
