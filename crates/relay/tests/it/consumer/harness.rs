//! A consumer whose effects are events in its own log: one row per effect, on both engines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use sqlx::Transaction;
use stateset_outbox::consumer::{Consumer, Failure, Handler, Ignored, Incoming, Verdict};
use stateset_outbox::{Engine, Entity, Event, EventType, Outbox, Payload};
use stateset_relay::backoff::Backoff;
use stateset_relay::consumer::ConsumerSettings;
use uuid::Uuid;

use crate::engine::harness::Database;

/// Writes an event `effect.taken` for each event, about its key, in the same transaction.
pub(crate) struct Effects<DB: Engine> {
    outbox: Outbox<DB>,
    /// How often the handler fails by key; forever for `u32::MAX`.
    failing: Mutex<BTreeMap<String, u32>>,
}

impl<DB: Engine> Effects<DB> {
    pub(crate) fn new(outbox: Outbox<DB>) -> Self {
        Self { outbox, failing: Mutex::default() }
    }

    pub(crate) fn fail(self, key: &str, times: u32) -> Self {
        self.failing.lock().unwrap().insert(key.to_owned(), times);
        self
    }
}

impl<DB: Engine> Handler<DB> for Effects<DB> {
    type State = ();

    async fn read(&self, _: &mut Transaction<'static, DB>, _: &Incoming) -> Result<(), Failure> {
        Ok(())
    }

    fn judge(&self, (): &(), event: &Incoming) -> Verdict<()> {
        match event.event_type.as_str() {
            "order.illegal" => Verdict::Quarantine("not legal".to_owned()),
            "product.created" => Verdict::Ignore(Ignored::NotOurs),
            _ => Verdict::Apply(()),
        }
    }

    async fn apply(&self, tx: &mut Transaction<'static, DB>, (): (), event: &Incoming) -> Result<(), Failure> {
        let payload = json!({ "of": event.event_id, "key": event.key, "sequence": event.sequence });
        let effect = Event::new(EventType::new("effect.taken"), Payload::new(payload), None);
        self.outbox.write_event(tx, effect.about(Entity::new("order", &event.key))).await?;
        // After the write, so that a failure has something to take back.
        if let Some(left) = self.failing.lock().unwrap().get_mut(&event.key).filter(|left| **left > 0) {
            *left = left.saturating_sub(u32::from(*left != u32::MAX));
            return Err("told to fail".into());
        }
        Ok(())
    }
}

/// What an effect says of itself.
#[derive(serde::Deserialize)]
pub(crate) struct Effect {
    pub(crate) of: Uuid,
    pub(crate) key: String,
    pub(crate) sequence: Option<i64>,
}

/// Every effect, in the order of its transaction's writes.
pub(crate) async fn effects(database: &impl Database) -> Vec<Effect> {
    let rows =
        database.column("SELECT payload FROM outbox.event_log WHERE event_type = 'effect.taken' ORDER BY id").await;
    rows.iter().map(|payload| serde_json::from_str(payload).unwrap()).collect()
}

pub(crate) fn consumer<D: Database>(database: &D) -> Consumer<D::Db, Effects<D::Db>> {
    Consumer::new(database.outbox().clone(), "effects", Effects::new(database.outbox().clone()))
}

/// Short waits; everything else as by default.
pub(crate) fn settings(brokers: &str, topics: &[&str]) -> ConsumerSettings {
    let mut settings = ConsumerSettings::new(brokers, format!("group-{}", Uuid::new_v4()));
    settings.topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
    settings.commit_every = Duration::from_millis(20);
    settings.backoff = Backoff {
        initial: Duration::from_millis(50),
        max: Duration::from_millis(200),
        retries: 3,
        ..Backoff::default()
    };
    settings
}

/// A producer that is not ours.
#[derive(Clone)]
pub(crate) struct Producer(Arc<FutureProducer>);

impl Producer {
    pub(crate) fn new(brokers: &str) -> Self {
        let mut config = ClientConfig::new();
        let config = config.set("bootstrap.servers", brokers).set("partitioner", "murmur2_random");
        Self(Arc::new(config.create().unwrap()))
    }

    /// All of them, in order, each acknowledged.
    pub(crate) async fn send(&self, topic: &str, records: impl IntoIterator<Item = (String, Vec<u8>, Option<Uuid>)>) {
        let mut sent = Vec::new();
        for (key, value, id) in records {
            let headers = id.map(|id| {
                let id = id.to_string();
                OwnedHeaders::new().insert(Header { key: "event_id", value: Some(&id) })
            });
            let mut record: FutureRecord<'_, String, Vec<u8>> = FutureRecord::to(topic).key(&key).payload(&value);
            record.headers = headers;
            sent.push(self.0.send_result(record).map_err(|(error, _)| error).unwrap());
        }
        for acknowledgement in sent {
            acknowledgement.await.unwrap().map_err(|(error, _)| error).unwrap();
        }
    }
}

pub(crate) fn envelope(event_type: &str, key: &str, number: usize) -> Vec<u8> {
    json!({ "type": event_type, "order_id": key, "timestamp": "2025-08-25T20:00:00Z", "data": { "number": number }, "version": 1 })
        .to_string()
        .into_bytes()
}
