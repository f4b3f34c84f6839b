//! The schema registry: our own routes, and the subset of the Confluent API that its clients need.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::Fault;

/// Body of `POST /api/v1/schemas`; each member is also accepted in snake case.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterSchema {
    /// Tenant; default: the caller's own.
    #[serde(default, alias = "tenant_id")]
    pub tenant_id: Option<Uuid>,
    /// The type of event whose payloads it describes.
    #[serde(alias = "event_type")]
    pub event_type: String,
    /// JSON Schema: an object, or its text.
    #[serde(alias = "schema_json")]
    #[schema(value_type = Object)]
    pub schema_json: Value,
    /// A sentence for people.
    #[serde(default)]
    pub description: String,
    /// What this version must agree with, instead of what is set for the type: `NONE`, `BACKWARD`, `FORWARD`, `FULL`, the
    /// latter three also with `_TRANSITIVE`.
    #[serde(default)]
    pub compatibility: Option<String>,
}

/// A registered schema.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaView {
    /// Number among the tenant's schemas.
    pub schema_id: u32,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// The type of event, or another subject that a client named.
    pub event_type: String,
    /// Place in the subject's history, from 1.
    pub version: u32,
    /// `active`, `deprecated` or `disabled`.
    pub status: &'static str,
    /// The schema.
    #[schema(value_type = Object)]
    pub schema_json: Value,
    /// A sentence for people.
    pub description: String,
    /// RFC 3339.
    pub created_at: String,
}

/// Reply to a registration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchemaRegistered {
    /// Whether this made it; `false`: the same schema was there.
    pub created: bool,
    /// The schema.
    #[serde(flatten)]
    pub schema: SchemaView,
}

/// Schemas of a tenant, by number.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchemaList {
    /// The schemas.
    pub schemas: Vec<SchemaView>,
    /// How many.
    pub count: usize,
    /// What holds for types without a decision of their own.
    pub policy: SchemaPolicyView,
}

/// What holds for a type of event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchemaPolicyView {
    /// How events are held to schemas: `disabled`, `warn`, `enforce` or `required`.
    pub mode: &'static str,
    /// What a new version must agree with.
    pub compatibility: &'static str,
}

/// Body of `PUT …/status`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetSchemaStatus {
    /// Tenant; default: the caller's own.
    #[serde(default, alias = "tenant_id")]
    pub tenant_id: Option<Uuid>,
    /// `active`, `deprecated` or `disabled`.
    pub status: String,
}

/// Body of `PUT …/policy`. What is left out is as the server, or the tenant for all types, says.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetSchemaPolicy {
    /// Tenant; default: the caller's own.
    #[serde(default, alias = "tenant_id")]
    pub tenant_id: Option<Uuid>,
    /// `disabled`, `warn`, `enforce` or `required` (`strict` means the same).
    #[serde(default)]
    pub mode: Option<String>,
    /// `NONE`, `BACKWARD`, `FORWARD`, `FULL`, the latter three also with `_TRANSITIVE`.
    #[serde(default)]
    pub compatibility: Option<String>,
}

/// Body of `POST /api/v1/schemas/validate`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidatePayload {
    /// Tenant; default: the caller's own.
    #[serde(default, alias = "tenant_id")]
    pub tenant_id: Option<Uuid>,
    /// The type of event.
    #[serde(alias = "event_type")]
    pub event_type: String,
    /// The version to hold it to; default: the newest in force.
    #[serde(default, alias = "schema_version")]
    pub schema_version: Option<u32>,
    /// The payload.
    #[schema(value_type = Object)]
    pub payload: Value,
}

/// Whether a payload keeps a schema.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayloadVerdict {
    /// Whether it does.
    pub valid: bool,
    /// Which schema.
    pub schema_id: u32,
    /// Its version.
    pub schema_version: u32,
    /// Where it does not, at most ten places.
    pub errors: Vec<PayloadFault>,
}

/// One place where a payload does not keep its schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PayloadFault {
    /// JSON Pointer into the payload.
    pub path: String,
    /// What is wrong; never repeats the value.
    pub message: String,
}

impl From<PayloadFault> for Fault {
    fn from(fault: PayloadFault) -> Self {
        Self { pointer: fault.path, message: fault.message }
    }
}

/// Names of subjects.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubjectList(pub Vec<String>);

/// Versions of a subject.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubjectVersions(pub Vec<u32>);

/// A version of a subject.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubjectVersion(pub u32);

/// Kinds of schema: `["JSON"]`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchemaTypes(pub Vec<&'static str>);

/// A schema as Confluent clients send it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectSchema {
    /// JSON Schema, as text.
    pub schema: String,
    /// `JSON`.
    #[serde(default)]
    pub schema_type: Option<String>,
    /// Must be empty: schemas that refer to others are not taken.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub references: Vec<Value>,
}

/// A schema as Confluent clients read it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundSchema {
    /// Its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// `JSON`.
    pub schema_type: &'static str,
    /// JSON Schema, as text.
    pub schema: String,
}

/// The number of a schema.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchemaId {
    /// Number among the tenant's schemas.
    pub id: u32,
}

/// Whether a schema may follow.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompatibilityVerdict {
    /// Whether it may.
    pub is_compatible: bool,
    /// Why not.
    pub messages: Vec<String>,
}

/// Body of `PUT /config`.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct SetCompatibility {
    /// `NONE`, `BACKWARD`, `FORWARD`, `FULL`, the latter three also with `_TRANSITIVE`.
    pub compatibility: String,
}

/// What a new version must agree with.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompatibilityLevel {
    /// `NONE`, `BACKWARD`, `FORWARD`, `FULL`, the latter three also with `_TRANSITIVE`.
    pub compatibility_level: &'static str,
}
