//! From a record to a Kafka message: topic, key, contract envelope, headers.

use rdkafka::message::{Header, OwnedHeaders};
use stateset_contracts::catalogue::canonical;
use stateset_outbox::delivery::type_matches;

use super::KafkaSettings;
use crate::contract;
use crate::record::Record;
use crate::sink::Why;

/// Kafka's own headers and framing beside key, value and our headers, generously.
const OVERHEAD_BYTES: usize = 512;

/// A message ready to be enqueued.
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    pub(super) headers: OwnedHeaders,
}

impl KafkaSettings {
    pub(super) fn topic(&self, event_type: &str) -> Option<&str> {
        // An alias goes where its canonical type goes, unless a glob names the alias itself.
        let names = [event_type, canonical(event_type)];
        let topic = |name: &str| self.topics.iter().find(|(glob, _)| type_matches(glob, name));
        names.into_iter().find_map(topic).map(|(_, topic)| topic.as_str())
    }

    pub(super) fn unmapped(&self, record: &Record) -> Option<Why> {
        if self.topic(&record.event.event_type).is_none() {
            let text = format!("no topic is configured for events of type {}", record.event.event_type);
            return Some(Why::new("no_topic", text));
        }
        contract::unmapped(record, self.order_id_mode)
    }

    /// Everything that can be wrong with a message is found here, before anything is enqueued: a message that fails
    /// inside the producer would fail after the ones behind it were sent.
    pub(super) fn message(&self, record: &Record) -> Result<Message, Why> {
        let topic = self.topic(&record.event.event_type).unwrap_or_default().to_owned();
        let key = record.event.order_key.clone().unwrap_or_default();
        let value = contract::envelope(record, self.order_id_mode)?;
        let (headers, header_bytes) = headers(record);
        let bytes = key.len() + value.len() + header_bytes + OVERHEAD_BYTES;
        if bytes > self.message_bytes {
            let text = format!("the message has {bytes} bytes; {} are allowed (message.max.bytes)", self.message_bytes);
            return Err(Why::new("message_too_large", text));
        }
        Ok(Message { topic, key, value, headers })
    }
}

impl KafkaSettings {
    /// Key, value and headers for the topic of dead letters: the envelope, or the payload as it is where it has none.
    pub(super) fn copy(&self, record: &Record) -> (String, Vec<u8>, OwnedHeaders) {
        let value = contract::envelope(record, self.order_id_mode)
            .unwrap_or_else(|_| record.event.payload.clone().into_bytes());
        (record.event.order_key.clone().unwrap_or_default(), value, headers(record).0)
    }
}

/// What consumers need beside the envelope, plainly and as a `CloudEvent` in binary mode.
fn headers(record: &Record) -> (OwnedHeaders, usize) {
    let event = &record.event;
    let id = event.event_id.to_string();
    let source = format!("/tenants/{}/stores/{}", event.tenant, event.store);
    let all = [
        ("content-type", Some("application/json".to_owned())),
        ("event_id", Some(id.clone())),
        ("sequence", Some(event.log_id.to_string())),
        ("tenant", Some(event.tenant.to_string())),
        ("store", Some(event.store.to_string())),
        ("schema_version", Some(event.schema_version.to_string())),
        ("correlation_id", event.correlation_id.clone()),
        ("causation_id", event.causation_id.clone()),
        ("traceparent", event.traceparent.clone()),
        ("replay", record.replay_job.map(|job| job.to_string())),
        ("ce_specversion", Some("1.0".to_owned())),
        ("ce_id", Some(id)),
        ("ce_source", Some(source)),
        ("ce_type", Some(event.event_type.clone())),
        ("ce_subject", Some(format!("{}/{}", event.entity_type, event.entity_id))),
        ("ce_time", Some(event.created_at.clone())),
        ("ce_partitionkey", event.order_key.clone()),
    ];
    let mut headers = OwnedHeaders::new_with_capacity(all.len());
    let mut bytes = 0;
    for (key, value) in all {
        if let Some(value) = value {
            bytes += key.len() + value.len() + 8;
            headers = headers.insert(Header { key, value: Some(&value) });
        }
    }
    (headers, bytes)
}
