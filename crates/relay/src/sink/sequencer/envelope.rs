//! From a record to the signed envelope the sequencer takes. The same record always gives the same bytes: key number and
//! `created_at` were stored when the event was written, so a push after a lost reply is the same push.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use stateset_ledger::bytes::{Hash, Signature};
use stateset_ledger::event::{Annotations, EnvelopeVersion, Header, PayloadForm, Seal};
use stateset_ledger::id::{AgentId, EventId, KeyId};
use stateset_ledger::json;
use stateset_ledger::signature::Signer;
use uuid::Uuid;

use crate::record::Record;
use crate::sink::Why;

/// The agent in whose name events are pushed, with every key it has signed with.
#[derive(Clone)]
pub struct SigningAgent {
    /// Registered at the sequencer.
    pub id: AgentId,
    /// By number. A key stays here after a rotation as long as events that were written under it may be pushed.
    pub keys: BTreeMap<u32, Arc<dyn Signer>>,
}

/// An event ready to be pushed.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The JSON text.
    pub json: Box<RawValue>,
    /// What the receipt must name.
    pub content_hash: Hash,
    /// The agent's, over the content hash.
    pub signature: Signature,
}

#[derive(Serialize)]
struct Members<'a> {
    ves_version: u8,
    event_id: Uuid,
    tenant_id: Uuid,
    store_id: Uuid,
    source_agent_id: Uuid,
    agent_key_id: u32,
    entity_type: &'a str,
    entity_id: &'a str,
    event_type: &'a str,
    created_at: &'a str,
    payload_kind: u8,
    payload: &'a RawValue,
    payload_plain_hash: Hash,
    payload_cipher_hash: Hash,
    agent_signature: Signature,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<&'a str>,
    schema_version: i32,
}

impl SigningAgent {
    /// Why this event cannot be signed now, if so: something an operator can mend.
    pub fn unmapped(&self, record: &Record) -> Option<Why> {
        let event = &record.event;
        match key_id(record) {
            None => {
                Some(Why::new("unsigned", "the event was written without a signing key: configure one in the writer"))
            },
            Some(_) if event.agent_id.is_some_and(|agent| agent != self.id.0) => Some(Why::new(
                "other_agent",
                "the event was written in the name of another agent than this destination's",
            )),
            Some(key_id) if !self.keys.contains_key(&key_id) => {
                let text = format!("the event is signed with key {key_id}, which this worker was not given");
                Some(Why::new("signing_key_missing", text))
            },
            Some(_) => None,
        }
    }

    /// Signs, over `base_version` too, the version of the entity that the event builds on. An error is a fault of the event
    /// that no retry mends.
    pub fn envelope(&self, record: &Record, base_version: Option<u64>) -> Result<Envelope, Why> {
        let missing = || Why::new("signing_key_missing", "no signing key");
        let key_id = key_id(record).ok_or_else(missing)?;
        let signer = self.keys.get(&key_id).ok_or_else(missing)?;
        let not_json = |fault: String| Why::new("payload", format!("the payload has no canonical form: {fault}"));
        let canonical =
            json::canonical(record.event.payload.as_bytes()).map_err(|fault| not_json(fault.to_string()))?;
        let payload: &RawValue =
            serde_json::from_str(&record.event.payload).map_err(|fault| not_json(fault.to_string()))?;
        let mut header = Header { base_version, ..self.header(record, key_id) };
        header.payload_hash = json::payload_hash(&canonical);
        header.content_hash = header.derive_content_hash(record.scope());
        let signature = signer.sign(&header.content_hash.0);
        let json = serde_json::value::to_raw_value(&Members {
            ves_version: header.version.number(),
            event_id: record.event.event_id,
            tenant_id: record.event.tenant,
            store_id: record.event.store,
            source_agent_id: self.id.0,
            agent_key_id: key_id,
            entity_type: &record.event.entity_type,
            entity_id: &record.event.entity_id,
            event_type: &record.event.event_type,
            created_at: &record.event.created_at,
            payload_kind: 0,
            payload,
            payload_plain_hash: header.payload_hash,
            payload_cipher_hash: Hash::ZERO,
            agent_signature: signature,
            command_id: record.event.command_id,
            base_version,
            order_key: record.event.order_key.as_deref(),
            correlation_id: record.event.correlation_id.as_deref(),
            causation_id: record.event.causation_id.as_deref(),
            schema_version: record.event.schema_version,
        });
        let json = json.map_err(|fault| not_json(fault.to_string()))?;
        Ok(Envelope { json, content_hash: header.content_hash, signature })
    }

    fn header(&self, record: &Record, key_id: u32) -> Header {
        Header {
            event_id: EventId(record.event.event_id),
            version: EnvelopeVersion::V2,
            agent: self.id,
            entity_type: record.event.entity_type.clone(),
            entity_id: record.event.entity_id.clone(),
            event_type: record.event.event_type.clone(),
            created_at: record.event.created_at.clone(),
            payload_form: PayloadForm::Plain,
            payload_hash: Hash::ZERO,
            cipher_hash: Hash::ZERO,
            content_hash: Hash::ZERO,
            // The hash names the key; the signature itself is no part of it.
            seal: Seal::Signed { key: KeyId(key_id), signature: Signature([0; 64]) },
            command_id: record.event.command_id,
            base_version: None,
            order_key: None,
            correlation_id: None,
            annotations: Annotations::default(),
        }
    }
}

fn key_id(record: &Record) -> Option<u32> {
    record.event.agent_key_id.and_then(|id| u32::try_from(id).ok())
}
