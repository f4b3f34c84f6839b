//! The real other sides of the sinks.

mod handler;
#[cfg(feature = "kafka")]
pub(crate) mod kafka;
pub(crate) mod mail;
pub(crate) mod sequencer;
pub(crate) mod webhook;

use std::sync::Arc;

use serde_json::json;
use stateset_outbox::delivery::LoggedEvent;
use stateset_relay::record::Record;
use stateset_relay::sink::Sink;
use uuid::Uuid;

pub(crate) use handler::HandlerPeer;
#[cfg(feature = "kafka")]
pub(crate) use kafka::KafkaPeer;
pub(crate) use mail::MailPeer;
pub(crate) use sequencer::SequencerPeer;
pub(crate) use webhook::WebhookPeer;

/// A destination under test. What it received is what its own side says, not what the sink claims.
pub(crate) trait Peer: Sized {
    async fn start() -> Self;
    fn sink(&self) -> Arc<dyn Sink>;
    /// Every event in the order the destination took it.
    async fn received(&self) -> Vec<Uuid>;
    async fn vanish(&mut self);
    async fn come_back(&mut self);
    /// An event that this destination definitely refuses.
    fn poison(&self, number: i64, key: &str) -> Record;
    /// One that it takes.
    fn good(&self, number: i64, key: &str) -> Record {
        event(number, key)
    }
}

pub(crate) const TENANT: Uuid = Uuid::from_u128(0x7e4a_0000_0000_4000_8000_0000_0000_0001);
pub(crate) const STORE: Uuid = Uuid::from_u128(0x5703_0000_0000_4000_8000_0000_0000_0002);

/// An order event whose id is random: destinations are shared by tests, and some dedupe.
pub(crate) fn event(number: i64, key: &str) -> Record {
    Record::new(LoggedEvent {
        log_id: number,
        log_epoch: 0,
        xid: 0,
        shard: 0,
        tenant: TENANT,
        store: STORE,
        event_id: Uuid::new_v4(),
        event_key: None,
        event_type: "order.created".to_owned(),
        schema_version: 1,
        entity_type: "order".to_owned(),
        entity_id: key.to_owned(),
        order_key: Some(key.to_owned()),
        payload: json!({ "amount_cents": 25_998, "number": number }).to_string(),
        metadata: Some(json!({ "user_email": "cust@example.com" }).to_string()),
        correlation_id: Some("checkout-1".to_owned()),
        causation_id: None,
        command_id: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        agent_id: None,
        agent_key_id: None,
        created_at: "2025-08-25T20:00:00Z".to_owned(),
        written_at: 1_756_152_000_000_000,
    })
}
