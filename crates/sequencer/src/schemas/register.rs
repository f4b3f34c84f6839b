//! Adding a schema.

use serde_json::Value;
use stateset_api::code::Code;
use stateset_api::problem::Fault;
use stateset_contracts::compatibility::{Compatibility, check};
use stateset_contracts::json_schema::sorted;
use stateset_ledger::id::TenantId;
use stateset_store::StoreError;
use stateset_store::schema::{SchemaStatus, SchemaVersion};

use super::Book;
use super::admit::{admit, short};
use crate::http::problem::{ApiError, ApiResult};
use crate::service::Service;

/// Most schemas of a tenant, deleted ones too.
const MOST_SCHEMAS: usize = 1_000;
/// Most bytes of all schemas of a tenant: they are kept in memory.
const MOST_BYTES: usize = 4 * 1024 * 1024;
const MOST_SUBJECT_CHARS: usize = 255;
const MOST_DESCRIPTION_CHARS: usize = 1_000;
/// Times somebody else may be faster.
const ATTEMPTS: usize = 5;
/// Differences that are named.
const MOST_DIFFERENCES: usize = 20;

/// A schema that shall be registered.
pub struct NewSchema {
    /// Of which subject.
    pub subject: String,
    /// JSON Schema.
    pub text: String,
    /// A sentence for people.
    pub description: String,
    /// What it must agree with, instead of what is set.
    pub compatibility: Option<Compatibility>,
}

/// Registers a schema; answers it with whether it is new. The same schema under the same subject is registered once.
pub async fn register(service: &Service, tenant: TenantId, new: NewSchema) -> ApiResult<(SchemaVersion, bool)> {
    check_texts(&new)?;
    let (schema, _) = admit(&new.text).map_err(|refused| {
        ApiError::fault(Code::InvalidSchema, format!("/schema{}", refused.pointer), refused.message)
    })?;
    let schema = sorted(schema);
    for _ in 0..ATTEMPTS {
        let now = service.clock.now();
        let book = service.schemas.fresh(service.store.as_ref(), tenant, now).await?;
        if let Some(known) = known(&book, &new.subject, &schema) {
            return Ok((known, false));
        }
        admissible(&book, &new)?;
        compatible(&book, &new.subject, new.compatibility, &schema)?;
        let taken = book.entries.iter().filter(|entry| entry.row.subject == new.subject);
        let row = SchemaVersion {
            number: book.entries.iter().map(|entry| entry.row.number).max().unwrap_or(0) + 1,
            version: taken.map(|entry| entry.row.version).max().unwrap_or(0) + 1,
            subject: new.subject.clone(),
            status: SchemaStatus::Active,
            text: new.text.clone(),
            description: new.description.clone(),
            created_at: now,
        };
        let added = service.store.add_schema(tenant, &row).await;
        // Even after an error: it may have landed.
        service.schemas.forget(tenant);
        match added {
            Ok(()) => return Ok((row, true)),
            Err(StoreError::Conflict) => {},
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::new(Code::Conflict, "others register schemas of this tenant at the same time; try again"))
}

/// The same schema under the same subject, whatever its layout.
pub fn known(book: &Book, subject: &str, schema: &Value) -> Option<SchemaVersion> {
    let same = book.versions(subject).rev().find(|entry| sorted(entry.json()) == *schema);
    same.map(|entry| entry.row.clone())
}

/// What keeps `schema` from following `history`, the oldest first.
pub fn differences(compatibility: Compatibility, history: &[Value], schema: &Value) -> Vec<String> {
    let found = check(compatibility, history, schema);
    found.iter().take(MOST_DIFFERENCES).map(|difference| short(&difference.to_string())).collect()
}

fn compatible(book: &Book, subject: &str, wanted: Option<Compatibility>, schema: &Value) -> ApiResult<()> {
    let history: Vec<Value> = book.versions(subject).map(super::Entry::json).collect();
    let compatibility = wanted.unwrap_or_else(|| book.compatibility(subject));
    let found = differences(compatibility, &history, schema);
    if found.is_empty() {
        return Ok(());
    }
    let detail = format!("{subject} is {compatibility}: {}", found.join("; "));
    let faults = found.into_iter().map(|message| Fault { pointer: "/schema".to_owned(), message });
    Err(ApiError::new(Code::SchemaIncompatible, detail).with_faults(faults.collect()))
}

fn admissible(book: &Book, new: &NewSchema) -> ApiResult<()> {
    let bytes: usize = book.entries.iter().map(|entry| entry.row.text.len()).sum();
    if book.entries.len() < MOST_SCHEMAS && bytes + new.text.len() <= MOST_BYTES {
        return Ok(());
    }
    let message = format!("a tenant has at most {MOST_SCHEMAS} schemas of {MOST_BYTES} bytes together");
    Err(ApiError::fault(Code::InvalidSchema, "/schema", message))
}

fn check_texts(new: &NewSchema) -> ApiResult<()> {
    let fits = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    if !fits(&new.subject, 1, MOST_SUBJECT_CHARS) {
        let message = format!("must have 1 to {MOST_SUBJECT_CHARS} characters, none of them a control character");
        return Err(ApiError::fault(Code::InvalidSchema, "/eventType", message));
    }
    if !fits(&new.description, 0, MOST_DESCRIPTION_CHARS) {
        let message =
            format!("must have at most {MOST_DESCRIPTION_CHARS} characters, none of them a control character");
        return Err(ApiError::fault(Code::InvalidRequestBody, "/description", message));
    }
    Ok(())
}
