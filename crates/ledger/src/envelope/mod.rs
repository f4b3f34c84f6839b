//! From received JSON to a [`Candidate`]: everything about one event that can be decided without the log.
//!
//! Start with [`read`]. It parses, checks limits and hashes; it does not check the signature, because that needs the
//! agent's key and costs thirty times the rest, so the caller does it where and when it wants ([`Candidate::verify`]).

mod legacy;
mod members;
mod ves;

use uuid::Uuid;

use crate::bytes::{Hash, Salt};
use crate::clock;
use crate::event::{Annotations, Candidate, Seal};
use crate::id::{AgentId, Micros, Scope};
use crate::json;
use crate::limits;
use crate::rejection::Cause;
use crate::signature::PublicKey;
use members::{Members, Text};

/// Which envelope a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeKind {
    /// VES version 1 or 2, signed.
    Ves,
    /// The first sequencer's envelope, unsigned.
    Legacy,
}

/// What the batch, the service and the clock say about every event of a request.
#[derive(Clone, Debug)]
pub struct Admission<'a> {
    /// Which envelope is expected.
    pub kind: EnvelopeKind,
    /// The agent named by the request; every event must name it too.
    pub agent: AgentId,
    /// Tenant and store of the batch.
    pub scope: Scope,
    /// Largest payload in bytes.
    pub max_payload_bytes: usize,
    /// Furthest `created_at` may lie ahead of `now`, if the scope sets a bound.
    pub max_future_skew_ms: Option<i64>,
    /// The server's clock.
    pub now: Micros,
    /// Trace context of the request.
    pub traceparent: Option<&'a str>,
}

/// The ids one can learn from an envelope even when it is rejected, to name it in the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `event_id`, if it could be read.
    pub event_id: Option<Uuid>,
    /// `tenant_id` and `store_id`, if both could be read.
    pub scope: Option<Scope>,
}

/// Reads just enough of an envelope to name it; never fails.
pub fn identify(raw: &str) -> Identity {
    #[derive(serde::Deserialize)]
    #[expect(clippy::struct_field_names, reason = "the names are those of the members")]
    struct Ids<'a> {
        #[serde(borrow, default)]
        event_id: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow, default)]
        tenant_id: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow, default)]
        store_id: Option<&'a serde_json::value::RawValue>,
    }
    let Ok(ids) = serde_json::from_str::<Ids<'_>>(raw) else { return Identity::default() };
    let uuid = |raw: Option<&serde_json::value::RawValue>| serde_json::from_str::<Uuid>(raw?.get()).ok();
    let scope = uuid(ids.tenant_id)
        .zip(uuid(ids.store_id))
        .map(|(tenant, store)| Scope::new(crate::id::TenantId(tenant), crate::id::StoreId(store)));
    Identity { event_id: uuid(ids.event_id), scope }
}

/// Reads one envelope into a candidate, or says why it is not admissible.
///
/// `salt` seals an unsigned event and is ignored for a signed one.
pub fn read(raw: &str, admission: &Admission<'_>, salt: Salt) -> Result<Candidate, Cause> {
    let members: Members<'_> = serde_json::from_str(raw).map_err(|fault| malformed(&fault))?;
    let mut candidate = match admission.kind {
        EnvelopeKind::Ves => ves::read(&members, admission)?,
        EnvelopeKind::Legacy => legacy::read(&members, admission, salt)?,
    };
    candidate.warnings.splice(0..0, warnings(&members.unknown)?);
    Ok(candidate)
}

impl Candidate {
    /// Checks the agent's signature; an unsigned event has none to check.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Cause> {
        match &self.header.seal {
            Seal::Signed { signature, .. } => {
                key.verify(&self.header.content_hash.0, signature).map_err(|_| Cause::Signature)
            },
            Seal::Unsigned { .. } => Ok(()),
        }
    }
}

/// serde names the member in its message where it can; it is the only place that knows it.
fn malformed(fault: &serde_json::Error) -> Cause {
    let text = fault.to_string();
    match text.split_once(": ") {
        Some((field, rest)) if field.len() < 32 && field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
            Cause::field(field, rest)
        },
        _ => Cause::Malformed(text),
    }
}

/// A misspelt optional member would silently switch off what it asks for, so it is a fault; any other unknown member is
/// only worth a warning.
fn warnings(unknown: &[String]) -> Result<Vec<String>, Cause> {
    let mut warnings = Vec::new();
    for name in unknown {
        if let Some(meant) = json::members::near_miss(name, &members::OPTIONAL) {
            return Err(Cause::field(name.clone(), format!("is not known; {meant} was probably meant")));
        }
        warnings.push(format!("member {name:?} is not known and was ignored"));
    }
    Ok(warnings)
}

fn required<T>(value: Option<T>, name: &'static str) -> Result<T, Cause> {
    value.ok_or(Cause::Missing(name))
}

/// A string member within `max` bytes, not empty and without U+0000, which no text column can hold.
fn text(value: Option<&Text<'_>>, name: &'static str, max: usize) -> Result<String, Cause> {
    let text = required(value, name)?;
    checked_text(&text.0, name, max)
}

fn checked_text(text: &str, name: &'static str, max: usize) -> Result<String, Cause> {
    if text.is_empty() {
        return Err(Cause::field(name, "must not be empty"));
    }
    if text.len() > max {
        return Err(Cause::field(name, format!("has {} bytes; {max} are allowed", text.len())));
    }
    if text.contains('\0') {
        return Err(Cause::field(name, "must not contain U+0000"));
    }
    Ok(text.to_owned())
}

fn reference(value: Option<&Text<'_>>, name: &'static str) -> Result<Option<String>, Cause> {
    value.map(|text| checked_text(&text.0, name, limits::REFERENCE_BYTES)).transpose()
}

fn hash(value: Option<&Text<'_>>, name: &'static str) -> Result<Hash, Cause> {
    Hash::from_hex(&required(value, name)?.0).map_err(|fault| Cause::field(name, fault.to_string()))
}

fn created_at(members: &Members<'_>, admission: &Admission<'_>) -> Result<String, Cause> {
    let text = &required(members.created_at.as_ref(), "created_at")?.0;
    let at = clock::parse_rfc3339(text).map_err(|fault| Cause::field("created_at", fault.to_string()))?;
    let ahead_ms = at.0.saturating_sub(admission.now.0) / 1_000;
    match admission.max_future_skew_ms {
        Some(max) if ahead_ms > max => Err(Cause::TooFarInFuture { ahead_ms }),
        _ => Ok(text.clone().into_owned()),
    }
}

fn check_batch(members: &Members<'_>, admission: &Admission<'_>) -> Result<(), Cause> {
    let tenant = required(members.tenant_id, "tenant_id")?;
    let store = required(members.store_id, "store_id")?;
    if tenant != admission.scope.tenant.0 || store != admission.scope.store.0 {
        return Err(Cause::ScopeMismatch);
    }
    let agent = required(
        members.source_agent,
        match admission.kind {
            EnvelopeKind::Ves => "source_agent_id",
            EnvelopeKind::Legacy => "source_agent",
        },
    )?;
    if agent == admission.agent.0 { Ok(()) } else { Err(Cause::AgentMismatch) }
}

fn check_payload_size(payload: &str, admission: &Admission<'_>) -> Result<(), Cause> {
    if payload.len() > admission.max_payload_bytes {
        return Err(Cause::PayloadTooLarge { bytes: payload.len(), limit: admission.max_payload_bytes });
    }
    Ok(())
}

fn annotations(members: &Members<'_>, admission: &Admission<'_>) -> Result<Annotations, Cause> {
    let metadata = match members.metadata {
        None => None,
        Some(raw) if !raw.get().starts_with('{') => return Err(Cause::field("metadata", "must be a JSON object")),
        Some(raw) if raw.get().len() > limits::METADATA_BYTES => {
            return Err(Cause::field("metadata", format!("is larger than {} bytes", limits::METADATA_BYTES)));
        },
        Some(raw) => {
            json::canonical(raw.get().as_bytes()).map_err(|fault| Cause::field("metadata", fault.to_string()))?;
            Some(raw.get().into())
        },
    };
    if members.schema_version == Some(0) {
        return Err(Cause::field("schema_version", "starts at 1"));
    }
    Ok(Annotations {
        causation_id: reference(members.causation_id.as_ref(), "causation_id")?,
        schema_version: members.schema_version,
        metadata,
        traceparent: admission.traceparent.map(str::to_owned),
        legacy_signature: None,
    })
}
