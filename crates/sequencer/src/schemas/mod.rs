//! The schema registry: what payloads of a tenant's events must look like.
//!
//! `admit` says which schemas are taken, `register` adds one, `judge` holds the events of a batch to them. A tenant's
//! schemas are kept in memory for [`FRESH_FOR`]; this process forgets them at once when it changes them, others find a change
//! within that time.
//!
//! Deliberately absent: the event catalogue. Nothing is held to it unless the tenant registers its schemas.

pub mod admit;
pub mod judge;
pub mod register;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use serde_json::Value;
use stateset_contracts::compatibility::Compatibility;
use stateset_ledger::id::{Micros, TenantId};
use stateset_store::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
use stateset_store::{Store, StoreError};

use self::admit::{admit, short};

/// How long a tenant's schemas are believed, in microseconds.
pub const FRESH_FOR: i64 = 5_000_000;
/// Tenants whose schemas are kept; beyond, all are forgotten.
const MOST_TENANTS: usize = 10_000;
/// Places that are named where a payload does not keep its schema.
const MOST_FAULTS: usize = 10;

/// How events are held to schemas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Disabled,
    /// What does not keep its schema is taken, with a warning.
    Warn,
    /// What does not keep its schema is refused; what has none is taken.
    #[default]
    Enforce,
    /// What does not keep a schema is refused.
    Required,
}

impl Mode {
    /// Words and what they mean.
    pub const WORDS: [(&str, Self); 5] = [
        ("disabled", Self::Disabled),
        ("warn", Self::Warn),
        ("enforce", Self::Enforce),
        ("required", Self::Required),
        ("strict", Self::Required),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, mode)| *mode == self).map_or("enforce", |(word, _)| word)
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, mode)| *mode).ok_or(())
    }
}

/// A schema with its compiled form, which is made when it is first needed.
#[derive(Debug)]
pub struct Entry {
    /// As stored; the status may be older than the book's.
    pub row: SchemaVersion,
    compiled: Arc<OnceLock<Result<(Value, Validator), String>>>,
}

/// One place where a payload does not keep its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer into the payload.
    pub path: String,
    /// What is wrong; never repeats the value.
    pub message: String,
}

impl Entry {
    fn compiled(&self) -> &Result<(Value, Validator), String> {
        self.compiled.get_or_init(|| admit(&self.row.text).map_err(|refused| refused.to_string()))
    }

    /// The schema as JSON.
    pub fn json(&self) -> Value {
        self.compiled().as_ref().map_or(Value::Null, |(schema, _)| schema.clone())
    }

    /// Where `payload` does not keep the schema; an error if the stored schema cannot be used any more.
    pub fn violations(&self, payload: &Value) -> Result<Vec<Violation>, String> {
        let (schema, validator) = self.compiled().as_ref().map_err(Clone::clone)?;
        let faults = validator.iter_errors(payload).filter(|fault| {
            !is_kept_apart(schema, fault.schema_path().as_str(), payload.pointer(fault.instance_path().as_str()))
        });
        let violations = faults.take(MOST_FAULTS).map(|fault| Violation {
            path: short(fault.instance_path().as_str()),
            message: short(&fault.masked().to_string()),
        });
        Ok(violations.collect())
    }

    /// Whether events may be held to it.
    pub fn in_force(&self) -> bool {
        matches!(self.row.status, SchemaStatus::Active | SchemaStatus::Deprecated)
    }

    /// Whether it is shown.
    pub fn is_there(&self) -> bool {
        self.row.status != SchemaStatus::Deleted
    }
}

/// Whether a value that breaks a schema is the commitment to a personal one, in a member that is marked `x-pii`: writers keep
/// such values out of what is signed, and only they can hold them to the schema.
fn is_kept_apart(schema: &Value, keyword: &str, value: Option<&Value>) -> bool {
    let is_commitment = |value: &Value| {
        let members = value.as_object().filter(|members| members.len() == 1);
        let digits = members.and_then(|members| members.get("$personal")).and_then(Value::as_str);
        digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let marked = keyword.rsplit_once('/').and_then(|(member, _)| schema.pointer(member)?.get("x-pii"));
    marked == Some(&Value::Bool(true)) && value.is_some_and(is_commitment)
}

/// A tenant's schemas.
#[derive(Debug, Default)]
pub struct Book {
    /// By number, deleted ones too.
    pub entries: Vec<Entry>,
    policies: Vec<SchemaPolicy>,
}

impl Book {
    fn new(stored: SchemaBook, before: Option<&Self>) -> Self {
        let known = |number: u32| before?.entries.iter().find(|entry| entry.row.number == number);
        let entry = |row: SchemaVersion| Entry {
            compiled: known(row.number).map(|entry| Arc::clone(&entry.compiled)).unwrap_or_default(),
            row,
        };
        Self { entries: stored.versions.into_iter().map(entry).collect(), policies: stored.policies }
    }

    /// Whether the tenant has neither registered nor decided anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.policies.is_empty()
    }

    fn policy(&self, subject: &str) -> Option<&SchemaPolicy> {
        self.policies.iter().find(|policy| policy.subject == subject)
    }

    /// The decision on one subject as it was made; empty if there is none.
    pub fn own_policy(&self, subject: &str) -> SchemaPolicy {
        let none = || SchemaPolicy { subject: subject.to_owned(), ..SchemaPolicy::default() };
        self.policy(subject).cloned().unwrap_or_else(none)
    }

    /// How events of a type are held to schemas.
    pub fn mode(&self, subject: &str, server: Mode) -> Mode {
        let word = |policy: Option<&SchemaPolicy>| policy?.mode.as_deref()?.parse().ok();
        word(self.policy(subject)).or_else(|| word(self.policy(""))).unwrap_or(server)
    }

    /// What a new version must agree with.
    pub fn compatibility(&self, subject: &str) -> Compatibility {
        let word = |policy: Option<&SchemaPolicy>| policy?.compatibility.as_deref()?.parse().ok();
        word(self.policy(subject)).or_else(|| word(self.policy(""))).unwrap_or_default()
    }

    /// The versions of a subject that are shown, in order.
    pub fn versions<'a>(&'a self, subject: &'a str) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.row.subject == subject && entry.is_there())
    }

    /// The schema to which an event is held: the version it names if that is in force, else the newest.
    pub fn in_force(&self, event_type: &str, version: Option<u32>) -> Option<&Entry> {
        let subject = |subject: &str| {
            let in_force = || self.entries.iter().filter(|entry| entry.row.subject == subject && entry.in_force());
            let named = version.and_then(|version| in_force().find(|entry| entry.row.version == version));
            named.or_else(|| in_force().max_by_key(|entry| entry.row.version)).map(|entry| entry.row.number)
        };
        let canonical = stateset_contracts::catalogue::canonical(event_type);
        let number = subject(event_type).or_else(|| subject(canonical))?;
        self.entries.iter().find(|entry| entry.row.number == number)
    }
}

/// Schemas of all tenants, as far as they were needed lately.
#[derive(Debug)]
pub struct Registry {
    /// `SCHEMA_VALIDATION_MODE`.
    pub mode: Mode,
    books: Mutex<HashMap<TenantId, (Micros, Arc<Book>)>>,
}

impl Registry {
    /// Nothing known yet.
    pub fn new(mode: Mode) -> Self {
        Self { mode, books: Mutex::default() }
    }

    /// A tenant's schemas, at most [`FRESH_FOR`] old.
    pub async fn book(&self, store: &dyn Store, tenant: TenantId, now: Micros) -> Result<Arc<Book>, StoreError> {
        if let Some((as_of, book)) = self.kept(tenant)
            && (0..FRESH_FOR).contains(&(now.0 - as_of.0))
        {
            return Ok(book);
        }
        self.fresh(store, tenant, now).await
    }

    /// A tenant's schemas as they are now.
    pub async fn fresh(&self, store: &dyn Store, tenant: TenantId, now: Micros) -> Result<Arc<Book>, StoreError> {
        let before = self.kept(tenant);
        let stored = store.schemas(tenant).await?;
        let book = Arc::new(Book::new(stored, before.as_ref().map(|(_, book)| book.as_ref())));
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if books.len() >= MOST_TENANTS {
            books.clear();
        }
        books.insert(tenant, (now, Arc::clone(&book)));
        Ok(book)
    }

    /// Makes the next look go to the database.
    pub fn forget(&self, tenant: TenantId) {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
    }

    fn kept(&self, tenant: TenantId) -> Option<(Micros, Arc<Book>)> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.get(&tenant).map(|(as_of, book)| (*as_of, Arc::clone(book)))
    }
}
