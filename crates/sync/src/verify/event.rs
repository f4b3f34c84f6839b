//! One event as it was pulled: decoded, hashed, its signature checked under the key that was valid when it got its place.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;
use stateset_api::event::{Envelope, PayloadHashForm};
use stateset_ledger::agent_key::{AgentKey, KeyStatus};
use stateset_ledger::bytes::{Hash, Salt};
use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::envelope::{self, Admission, EnvelopeKind};
use stateset_ledger::event::{Annotations, EnvelopeVersion, Header, PayloadForm, Seal};
use stateset_ledger::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence};
use stateset_ledger::json;
use stateset_ledger::signature::PublicKey;
use uuid::Uuid;

/// Keys of agents and of the sequencer, decompressed once.
#[derive(Clone, Default)]
pub(crate) struct KeyRing {
    pub(crate) agents: HashMap<(AgentId, KeyId), (PublicKey, AgentKey)>,
    pub(crate) sequencer: BTreeMap<u32, PublicKey>,
}

/// An event that is what its agent signed, or what nobody signed and claims nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) header: Header,
    /// What the signed tree must hold at its place.
    pub(crate) leaf: Hash,
    pub(crate) signed: bool,
    pub(crate) sequenced_at: String,
    /// The payload; `None` for an encrypted one.
    pub(crate) payload: Option<String>,
}

/// Why an event is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    pub(crate) code: &'static str,
    pub(crate) reason: String,
    /// What it says it is about, if that can be read: it counts as a version of that entity.
    pub(crate) entity: Option<(String, String)>,
}

/// A place of the stream, with what was found there.
pub(crate) struct Judged {
    pub(crate) sequence: Sequence,
    pub(crate) raw: Box<RawValue>,
    pub(crate) verdict: Result<Box<Checked>, Suspect>,
}

/// What is read of an envelope however broken the rest is.
#[derive(Deserialize)]
struct Outline {
    ves_version: u32,
    sequence_number: u64,
    source_agent_id: Uuid,
    sequenced_at: String,
}

/// Judges the envelope that was shown for `sequence`.
pub(crate) fn judge(raw: Box<RawValue>, scope: Scope, sequence: Sequence, keys: &KeyRing, now: Micros) -> Judged {
    let verdict = check(raw.get(), scope, sequence, keys, now).map(Box::new).map_err(|(code, reason)| Suspect {
        code,
        reason,
        entity: entity(raw.get()),
    });
    Judged { sequence, raw, verdict }
}

type Fault = (&'static str, String);

fn check(raw: &str, scope: Scope, sequence: Sequence, keys: &KeyRing, now: Micros) -> Result<Checked, Fault> {
    let undecodable = |fault: String| ("UNDECODABLE", fault);
    let outline: Outline = serde_json::from_str(raw).map_err(|fault| undecodable(fault.to_string()))?;
    if outline.sequence_number != sequence.get() {
        return Err(undecodable(format!("it says that its place is {}, not {sequence}", outline.sequence_number)));
    }
    let sequenced_at = parse_rfc3339(&outline.sequenced_at).map_err(|fault| undecodable(fault.to_string()))?;
    let (header, payload) = match outline.ves_version {
        0 => unsigned(raw, scope)?,
        _ => signed(raw, scope, AgentId(outline.source_agent_id), now)?,
    };
    let is_signed = match header.seal {
        Seal::Signed { key, .. } => {
            verify(&header, key, scope, sequenced_at, keys)?;
            true
        },
        Seal::Unsigned { .. } => false,
    };
    let leaf = header.leaf(scope, sequence);
    Ok(Checked { header, leaf, signed: is_signed, sequenced_at: outline.sequenced_at, payload })
}

/// The rules an event had to pass to be sequenced, applied once more.
fn signed(raw: &str, scope: Scope, agent: AgentId, now: Micros) -> Result<(Header, Option<String>), Fault> {
    let admission = Admission {
        kind: EnvelopeKind::Ves,
        agent,
        scope,
        max_payload_bytes: usize::MAX,
        max_future_skew_ms: None,
        now,
        traceparent: None,
    };
    let candidate =
        envelope::read(raw, &admission, Salt::ZERO).map_err(|cause| ("EVENT_INVALID", format!("{cause}")))?;
    let plain = candidate.header.payload_form == PayloadForm::Plain;
    let payload = plain.then(|| String::from_utf8_lossy(&candidate.payload).into_owned());
    Ok((candidate.header, payload))
}

/// H11: which key, over which hash, and why not.
fn verify(header: &Header, key: KeyId, scope: Scope, at: Micros, keys: &KeyRing) -> Result<(), Fault> {
    let Seal::Signed { signature, .. } = header.seal else { return Ok(()) };
    let agent = header.agent;
    let public_key = if scope.is_key_stream() && agent == AgentId::NIL {
        let known = keys.sequencer.get(&key.0);
        known.ok_or_else(|| ("SEQUENCER_KEY_UNKNOWN", format!("the sequencer's key {key} is not trusted here")))?
    } else {
        let (public_key, registered) = keys.agents.get(&(agent, key)).ok_or_else(|| {
            ("AGENT_KEY_UNKNOWN", format!("agent {agent} has no key {key} in the tenant's key stream"))
        })?;
        let status = registered.status(at);
        if status != KeyStatus::Active {
            let text = format!("key {key} of agent {agent} was {} when the event was sequenced", status.name());
            return Err(("AGENT_KEY_NOT_VALID", text));
        }
        public_key
    };
    public_key.verify(&header.content_hash.0, &signature).map_err(|_| {
        let text = format!(
            "the signature does not verify under key {key} ({}) of agent {agent} over the hash {} that follows from the \
             event's fields: they were changed, or another key signed",
            public_key.to_bytes(),
            header.content_hash
        );
        ("EVENT_SIGNATURE_INVALID", text)
    })
}

/// An event of the first API: its hashes must fit, and nobody vouches for them.
fn unsigned(raw: &str, scope: Scope) -> Result<(Header, Option<String>), Fault> {
    let undecodable = |fault: String| ("UNDECODABLE", fault);
    let event: Envelope = serde_json::from_str(raw).map_err(|fault| undecodable(fault.to_string()))?;
    if (event.tenant_id, event.store_id) != (scope.tenant.0, scope.store.0) {
        return Err(("EVENT_INVALID", "it is another store's".to_owned()));
    }
    let hash = |text: &str| Hash::from_hex(text).map_err(|fault| undecodable(fault.to_string()));
    let salt = event.leaf_salt.as_deref().map(Salt::from_hex);
    let salt = salt.and_then(Result::ok).ok_or_else(|| undecodable("leaf_salt is missing".to_owned()))?;
    let payload = event.payload.ok_or_else(|| undecodable("payload is missing".to_owned()))?;
    let bytes = payload.get().as_bytes();
    let canonical = json::canonical(bytes).map_err(|fault| undecodable(fault.to_string()))?;
    let stated = hash(&event.payload_plain_hash)?;
    let (form, computed) = match event.payload_hash_form {
        Some(PayloadHashForm::LegacyCanonical) => (PayloadForm::LegacyCanonical, Hash::of(&[&canonical])),
        Some(PayloadHashForm::LegacySorted) if Hash::of(&[&canonical]) == stated => (PayloadForm::LegacySorted, stated),
        Some(PayloadHashForm::LegacySorted) => {
            let computed = json::legacy::payload_hash(bytes).map_err(|fault| undecodable(fault.to_string()))?;
            (PayloadForm::LegacySorted, computed)
        },
        _ => (PayloadForm::Plain, json::payload_hash(&canonical)),
    };
    if stated != computed {
        let text = format!("the stated payload hash is {stated}, the payload's is {computed}");
        return Err(("EVENT_INVALID", text));
    }
    let mut header = Header {
        event_id: EventId(event.event_id),
        version: EnvelopeVersion::Legacy,
        agent: AgentId(event.source_agent_id),
        entity_type: event.entity_type,
        entity_id: event.entity_id,
        event_type: event.event_type,
        created_at: event.created_at,
        payload_form: form,
        payload_hash: stated,
        cipher_hash: hash(&event.payload_cipher_hash)?,
        content_hash: Hash::ZERO,
        seal: Seal::Unsigned { salt },
        command_id: event.command_id,
        base_version: event.base_version,
        order_key: event.order_key,
        correlation_id: event.correlation_id,
        annotations: Annotations::default(),
    };
    header.content_hash = header.derive_content_hash(scope);
    Ok((header, Some(payload.get().to_owned())))
}

fn entity(raw: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Entity {
        entity_type: String,
        entity_id: String,
    }
    let entity: Entity = serde_json::from_str(raw).ok()?;
    Some((entity.entity_type, entity.entity_id))
}
