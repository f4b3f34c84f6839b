//! `<topic>.dlq`: a copy of what was given up, for those who look at topics. The database is the truth: a copy may come
//! twice, and one that cannot be written is missed by nobody but the log.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::Watch;

/// Longest wait for the acknowledgement of one copy.
const PATIENCE: Duration = Duration::from_secs(6);

/// Writes copies.
pub(crate) struct DeadLetterTopic {
    producer: FutureProducer<Watch>,
    suffix: String,
}

/// Why something was given up: its headers.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Such as `exhausted`, `refused`, `illegal`.
    pub(crate) class: String,
    /// In words.
    pub(crate) reason: String,
    /// Real tries.
    pub(crate) attempts: u32,
    /// Who gave it up: `relay`, or the name of a consumer.
    pub(crate) by: String,
    /// Where it was, or was to be.
    pub(crate) topic: String,
    /// `topic/partition/offset`, of a record that was read.
    pub(crate) source: Option<String>,
}

impl DeadLetterTopic {
    /// `config` reaches the brokers.
    pub(crate) fn new(mut config: ClientConfig, suffix: String) -> Result<Self, KafkaError> {
        config
            .set("client.id", "stateset-dead-letters")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", PATIENCE.as_millis().to_string());
        Ok(Self { producer: config.create_with_context(Watch::default())?, suffix })
    }

    /// Writes one copy; says in the log if that fails. A value that is too large is left out, and the headers say so.
    pub(crate) async fn write(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: OwnedHeaders,
        failure: &Failure,
    ) -> bool {
        let topic = format!("{}{}", failure.topic, self.suffix);
        let headers = with_failure(headers, failure);
        let written = match self.send(&topic, key, value, headers.clone()).await {
            Err(error) if error.rdkafka_error_code() == Some(Code::MessageSizeTooLarge) => {
                let omitted = headers.insert(Header { key: "failure_value_omitted", value: Some("too_large") });
                self.send(&topic, key, None, omitted).await
            },
            result => result,
        };
        if let Err(error) = &written {
            tracing::warn!(topic, %error, "a dead letter was not copied to its topic; the database has it");
        }
        written.is_ok()
    }

    async fn send(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: OwnedHeaders,
    ) -> Result<(), KafkaError> {
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).headers(headers);
        record.key = key;
        record.payload = value;
        self.producer.send(record, PATIENCE).await.map(|_| ()).map_err(|(error, _)| error)
    }
}

fn with_failure(headers: OwnedHeaders, failure: &Failure) -> OwnedHeaders {
    let attempts = failure.attempts.to_string();
    let all = [
        ("failure_class", Some(failure.class.as_str())),
        ("failure_reason", Some(failure.reason.as_str())),
        ("failure_attempts", Some(attempts.as_str())),
        ("failure_by", Some(failure.by.as_str())),
        ("failure_topic", Some(failure.topic.as_str())),
        ("failure_source", failure.source.as_deref()),
    ];
    all.into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}
