//! Kafka, through an idempotent producer that waits for all replicas. Key = order key, so an order's events share a
//! partition; value = the [contract](crate::contract)'s envelope.
//!
//! Messages are pipelined: a batch is enqueued, then every acknowledgement is awaited. The producer keeps a partition's
//! order over its own retries. It cannot tell a worker that was paused beyond its lease from a live one; a *transactional*
//! destination can: each shard group has its own `transactional.id`, and the broker refuses the older producer.

mod message;
mod transaction;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};
use tokio::time::{Instant, sleep};

use super::{Batch, Burying, Dead, Outcome, Publishing, Sink, Why};
use crate::contract::OrderIdMode;
use crate::kafka::{DeadLetterTopic, Failure, KafkaSecurity, SECURITY_SETTINGS, SecurityError, Watch};
use crate::record::Record;
use message::Message;

/// A producer that says what its connections complain of.
type Sender = FutureProducer<Watch>;

/// How Kafka is reached and what goes where.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// TLS, user and password.
    pub security: KafkaSecurity,
    /// Patterns over event types and their topics; the first that matches counts.
    pub topics: Vec<(String, String)>,
    /// How an order key becomes `order_id`.
    pub order_id_mode: OrderIdMode,
    /// From enqueueing to giving up. Keep it below half of the lease: what a paused worker still has in its queue after
    /// this time is dropped, not sent late.
    pub delivery_timeout: Duration,
    /// Largest message, at most the topic's `max.message.bytes`.
    pub message_bytes: usize,
    /// Prefix of the transactional ids, one per shard group; `None` for an idempotent producer without transactions.
    /// The same for all workers of a destination, different for each destination.
    pub transactional_prefix: Option<String>,
    /// Copies of dead letters go to the topic of this name behind the event's own, such as `.dlq`; `None`: no copies.
    pub dead_letter_suffix: Option<String>,
    /// Further settings of librdkafka, for instance `compression.type`. Those this sink depends on, and secrets, cannot be
    /// set here.
    pub more: Vec<(String, String)>,
}

/// Settings that the guarantees depend on.
const OURS: [&str; 7] = [
    "acks",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.idempotence",
    "message.timeout.ms",
    "partitioner",
    "transactional.id",
];

/// Kafka cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSinkError {
    /// A setting this sink decides.
    #[error("{0} is decided by the destination and cannot be set: order and durability depend on it")]
    Reserved(String),
    /// A setting that is set from [`KafkaSettings::security`] only.
    #[error("{0} cannot be set among the further settings: TLS and SASL have settings of their own (tls, sasl)")]
    SetElsewhere(String),
    /// Security that cannot be had.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The client library refused the configuration.
    #[error("the Kafka client cannot be configured")]
    Client(#[source] KafkaError),
}

/// Kafka as a destination.
pub struct Kafka {
    settings: KafkaSettings,
    /// By shard group for a transactional destination, else one for all.
    producers: Mutex<HashMap<u16, Arc<Sender>>>,
    dead_letters: Option<DeadLetterTopic>,
    watch: Watch,
}

impl KafkaSettings {
    /// The topics of the event contracts and the defaults: 6 seconds, 1 MB, no transactions.
    pub fn new(brokers: impl Into<String>) -> Self {
        let topics = [
            ("order.*", "order.events"),
            ("payment.*", "payment.events"),
            ("shipping.*", "shipping.events"),
            ("shipment.*", "shipping.events"),
            ("return.*", "order.events"),
        ];
        Self {
            brokers: brokers.into(),
            security: KafkaSecurity::default(),
            topics: topics.map(|(glob, topic)| (glob.to_owned(), topic.to_owned())).into(),
            order_id_mode: OrderIdMode::default(),
            delivery_timeout: Duration::from_secs(6),
            message_bytes: 1_000_000,
            transactional_prefix: None,
            dead_letter_suffix: None,
            more: Vec::new(),
        }
    }

    fn client(&self, group: u16) -> ClientConfig {
        let timeout = self.delivery_timeout.as_millis().to_string();
        let mut config = self.security.client(&self.brokers, &self.more);
        config
            .set("client.id", "stateset-relay")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // As Java's producers place keys; librdkafka's own default would put the same order elsewhere.
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", &timeout)
            .set("message.max.bytes", self.message_bytes.to_string())
            .set("linger.ms", "2")
            // A broker that comes back should be noticed within the patience of a probe.
            .set("reconnect.backoff.max.ms", "1000")
            .set("queue.buffering.max.kbytes", "65536");
        if let Some(prefix) = &self.transactional_prefix {
            config.set("transactional.id", format!("{prefix}-{group}"));
            config.set("transaction.timeout.ms", self.delivery_timeout.saturating_mul(2).as_millis().to_string());
        }
        config
    }
}

impl Kafka {
    /// Checks the settings; connects in the background.
    pub fn new(settings: KafkaSettings) -> Result<Self, KafkaSinkError> {
        let among =
            |names: &[&str]| settings.more.iter().map(|(name, _)| name).find(|name| names.contains(&name.as_str()));
        if let Some(name) = among(&OURS) {
            return Err(KafkaSinkError::Reserved(name.clone()));
        }
        if let Some(name) = among(&SECURITY_SETTINGS) {
            return Err(KafkaSinkError::SetElsewhere(name.clone()));
        }
        settings.security.check()?;
        let copies = settings
            .dead_letter_suffix
            .clone()
            .map(|suffix| DeadLetterTopic::new(settings.security.client(&settings.brokers, &settings.more), suffix));
        let dead_letters = copies.transpose().map_err(KafkaSinkError::Client)?;
        let sink = Self { settings, producers: Mutex::default(), dead_letters, watch: Watch::default() };
        if sink.settings.transactional_prefix.is_none() {
            sink.producer(0).map_err(KafkaSinkError::Client)?;
        }
        Ok(sink)
    }

    /// The producer of the group, a new one if the last one ended in a fatal error.
    fn producer(&self, group: u16) -> Result<Arc<Sender>, KafkaError> {
        let mut producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = producers.get(&group) {
            if producer.client().fatal_error().is_none() {
                return Ok(Arc::clone(producer));
            }
            tracing::warn!(group, "the Kafka producer ended in a fatal error; a new one takes over");
        }
        let config = self.settings.client(group);
        let producer: Arc<Sender> = Arc::new(config.create_with_context(self.watch.clone())?);
        producers.insert(group, Arc::clone(&producer));
        Ok(producer)
    }

    /// Forgets a producer that must not be used again.
    fn forget(&self, group: u16) {
        self.producers.lock().unwrap_or_else(PoisonError::into_inner).remove(&group);
    }

    async fn publish_batch(&self, batch: Batch<'_>) -> Vec<Outcome> {
        let (messages, mut outcomes) = self.prepare(batch.records);
        if messages.is_empty() {
            return outcomes;
        }
        let sent = if self.settings.transactional_prefix.is_some() {
            self.publish_transaction(batch.group, messages).await
        } else {
            match self.producer(0) {
                Ok(producer) => send(&producer, messages, self.settings.delivery_timeout).await,
                Err(error) => messages.into_iter().map(|(index, _)| (index, unavailable(&error))).collect(),
            }
        };
        for (index, outcome) in sent {
            if let Some(place) = outcomes.get_mut(index) {
                *place = self.explain(outcome);
            }
        }
        outcomes
    }

    /// That time ran out is no reason; what the connections complained of is.
    fn explain(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Accepted(evidence) => {
                self.watch.clear();
                Outcome::Accepted(evidence)
            },
            Outcome::Unavailable(why) => Outcome::Unavailable(match self.watch.complaint() {
                Some(complaint) => Why::new(complaint.class, complaint.message),
                None => why,
            }),
            other => other,
        }
    }

    async fn copy_dead(&self, dead: Vec<Dead<'_>>) {
        let Some(copies) = &self.dead_letters else { return };
        for Dead { record, class, why, attempts } in dead {
            let failure = Failure {
                class: class.to_owned(),
                reason: format!("{}: {}", why.class, why.message),
                attempts,
                by: "relay".to_owned(),
                topic: self.settings.topic(&record.event.event_type).unwrap_or("unrouted").to_owned(),
                source: None,
            };
            let (key, value, headers) = self.settings.copy(record);
            if !copies.write(Some(key.as_bytes()), Some(&value), headers, &failure).await {
                // The next one would wait just as long.
                return;
            }
        }
    }

    /// Messages with their place in the batch. What has no message is refused, and its lane is not sent any further.
    fn prepare(&self, records: &[Record]) -> (Vec<(usize, Message)>, Vec<Outcome>) {
        let mut outcomes = vec![Outcome::NotTried; records.len()];
        let mut messages = Vec::with_capacity(records.len());
        let mut refused = std::collections::HashSet::new();
        for (index, (record, outcome)) in records.iter().zip(&mut outcomes).enumerate() {
            if refused.contains(&record.lane()) {
                continue;
            }
            match self.settings.message(record) {
                Ok(message) => messages.push((index, message)),
                Err(why) => {
                    refused.insert(record.lane());
                    *outcome = Outcome::Refused(why);
                },
            }
        }
        (messages, outcomes)
    }
}

/// Enqueues everything, then awaits every acknowledgement.
async fn send(producer: &Sender, messages: Vec<(usize, Message)>, patience: Duration) -> Vec<(usize, Outcome)> {
    let deadline = Instant::now() + patience;
    let mut waiting: Vec<(usize, Result<DeliveryFuture, Outcome>)> = Vec::with_capacity(messages.len());
    let mut down = false;
    for (index, message) in messages {
        let enqueued = if down { Err(Outcome::NotTried) } else { enqueue(producer, message, deadline).await };
        down |= matches!(enqueued, Err(Outcome::Unavailable(_)));
        waiting.push((index, enqueued));
    }
    let mut outcomes = Vec::with_capacity(waiting.len());
    for (index, enqueued) in waiting {
        let outcome = match enqueued {
            Err(outcome) => outcome,
            Ok(acknowledgement) => match acknowledgement.await {
                Ok(Ok(_)) => Outcome::Accepted(None),
                Ok(Err((error, _))) => failure(&error),
                Err(_) => Outcome::Unavailable(Why::new("cancelled", "the producer was closed before the answer came")),
            },
        };
        outcomes.push((index, outcome));
    }
    outcomes
}

/// A full queue is no failure: the producer is given time to send.
async fn enqueue(producer: &Sender, message: Message, deadline: Instant) -> Result<DeliveryFuture, Outcome> {
    let Message { topic, key, value, headers } = message;
    let mut record: FutureRecord<'_, String, Vec<u8>> =
        FutureRecord::to(&topic).key(&key).payload(&value).headers(headers);
    loop {
        match producer.send_result(record) {
            Ok(acknowledgement) => return Ok(acknowledgement),
            Err((error, back)) if is_queue_full(&error) && Instant::now() < deadline => {
                record = back;
                sleep(Duration::from_millis(5)).await;
            },
            Err((error, _)) => return Err(failure(&error)),
        }
    }
}

fn is_queue_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(Code::QueueFull)
}

/// Only what is about this one message is the message's fault.
fn failure(error: &KafkaError) -> Outcome {
    match error.rdkafka_error_code() {
        Some(
            code @ (Code::MessageSizeTooLarge | Code::InvalidMessage | Code::InvalidMessageSize | Code::InvalidRecord),
        ) => Outcome::Refused(Why::new(class(code), error.to_string())),
        _ => unavailable(error),
    }
}

fn unavailable(error: &KafkaError) -> Outcome {
    let class = error.rdkafka_error_code().map_or_else(|| "kafka".to_owned(), class);
    Outcome::Unavailable(Why::new(class, error.to_string()))
}

fn class(code: Code) -> String {
    format!("kafka_{code:?}").to_ascii_lowercase()
}

impl Sink for Kafka {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(self.publish_batch(batch))
    }

    fn unmapped(&self, record: &Record) -> Option<Why> {
        self.settings.unmapped(record)
    }

    fn bury<'a>(&'a self, dead: Vec<Dead<'a>>) -> Burying<'a> {
        Box::pin(self.copy_dead(dead))
    }

    fn batch_limit(&self) -> usize {
        5_000
    }

    fn call_limit(&self) -> Duration {
        self.settings.delivery_timeout * 3
    }
}
