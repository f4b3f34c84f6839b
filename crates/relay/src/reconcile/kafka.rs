//! What the topics of a destination hold since a time: read from the brokers, without a group's offsets.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};
use stateset_outbox::Scope;
use tokio::time::Instant;
use uuid::Uuid;

use super::Held;
use crate::kafka::{SecurityError, Watch};
use crate::sink::kafka::KafkaSettings;
use crate::task::joined;

/// Most records of one scan: some hundred megabytes of memory.
pub const MOST_RECORDS: u64 = 1_000_000;
/// Longest wait for one answer, and for the next record.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a failure waits for its reason.
const COMPLAINTS: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(250);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Records of the scope, in no order across partitions.
    pub held: Vec<Held>,
    /// Records that name another tenant or store, or no event of ours.
    pub foreign: u64,
    /// What was read: `order.events (6 partitions)`.
    pub topics: Vec<String>,
    /// What a reader must know to understand the result.
    pub notes: Vec<String>,
}

/// Why topics were not read.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// Security that cannot be had.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The client library refused the configuration.
    #[error("the Kafka client cannot be configured: {0}")]
    Client(#[source] KafkaError),
    /// The brokers do not answer, or will not.
    #[error("the brokers cannot be read: {0}")]
    Unreachable(String),
    /// More than [`MOST_RECORDS`].
    #[error("there are more than 1,000,000 records since then; take a shorter time")]
    TooMany,
}

impl ConsumerContext for Watch {}

/// Reads every topic that `settings` map types to, from the first record at or after `since` (milliseconds since 1970 UTC)
/// to the end it had when it was begun. Only committed records count.
///
/// # Errors
/// [`ScanError::Unreachable`] if a broker does not answer within 20 seconds.
pub async fn scan(settings: &KafkaSettings, scope: Scope, since: i64) -> Result<Scan, ScanError> {
    settings.security.check()?;
    let (config, topics) = (settings.security.client(&settings.brokers, &settings.more), settings.topics.clone());
    let topics: BTreeSet<String> = topics.into_iter().map(|(_, topic)| topic).collect();
    let reading = tokio::task::spawn_blocking(move || read(config, &topics, scope, since));
    joined(reading.await).await
}

fn read(mut config: ClientConfig, topics: &BTreeSet<String>, scope: Scope, since: i64) -> Result<Scan, ScanError> {
    config
        // The client wants one; nothing is committed, so no group comes to be.
        .set("group.id", "stateset-reconcile")
        .set("client.id", "stateset-reconcile")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("allow.auto.create.topics", "false");
    let watch = Watch::default();
    let client: BaseConsumer<Watch> = config.create_with_context(watch.clone()).map_err(ScanError::Client)?;
    let reader = Reader { client, watch, scope };
    let mut scan = Scan::default();
    for topic in topics {
        reader.topic(topic, since, &mut scan)?;
    }
    Ok(scan)
}

struct Reader {
    client: BaseConsumer<Watch>,
    watch: Watch,
    scope: Scope,
}

/// Where reading a partition begins, and the end it has.
struct Part {
    number: i32,
    from: i64,
    end: i64,
}

impl Reader {
    /// One topic at a time: the end of a partition is told by its number only.
    fn topic(&self, topic: &str, since: i64, scan: &mut Scan) -> Result<(), ScanError> {
        let metadata = self.client.fetch_metadata(Some(topic), PATIENCE).map_err(|error| self.lost(&error))?;
        let found = metadata.topics().iter().find(|one| one.name() == topic);
        let numbers: Vec<i32> =
            found.into_iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
        if numbers.is_empty() {
            scan.notes.push(format!("the topic {topic} does not exist: what should be in it counts as missing"));
            return Ok(());
        }
        scan.topics.push(format!("{topic} ({} partitions)", numbers.len()));
        let parts = self.parts(topic, &numbers, since, scan)?;
        let mut open: BTreeSet<i32> = parts.iter().map(|part| part.number).collect();
        let mut places = TopicPartitionList::new();
        for part in &parts {
            places
                .add_partition_offset(topic, part.number, Offset::Offset(part.from))
                .map_err(|error| self.lost(&error))?;
        }
        self.client.assign(&places).map_err(|error| self.lost(&error))?;
        let mut deadline = Instant::now() + PATIENCE;
        while !open.is_empty() {
            match self.client.poll(POLL) {
                Some(Ok(message)) => {
                    deadline = Instant::now() + PATIENCE;
                    let part = parts.iter().find(|part| part.number == message.partition());
                    let end = part.map_or(0, |part| part.end);
                    if message.offset() < end {
                        self.take(&message, scan)?;
                    }
                    if message.offset() + 1 >= end {
                        open.remove(&message.partition());
                    }
                },
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    deadline = Instant::now() + PATIENCE;
                    open.remove(&number);
                },
                Some(Err(error)) if error.rdkafka_error_code().is_some() && Instant::now() < deadline => {
                    tracing::debug!(%error, topic, "reading goes on");
                },
                Some(Err(error)) => return Err(self.lost(&error)),
                None if Instant::now() < deadline => {},
                None => return Err(self.silent(topic)),
            }
        }
        self.client.unassign().map_err(|error| self.lost(&error))
    }

    /// Partitions that hold anything since then.
    fn parts(&self, topic: &str, numbers: &[i32], since: i64, scan: &mut Scan) -> Result<Vec<Part>, ScanError> {
        let mut times = TopicPartitionList::new();
        for number in numbers {
            times
                .add_partition_offset(topic, *number, Offset::Offset(since.max(0)))
                .map_err(|error| self.lost(&error))?;
        }
        let found = self.client.offsets_for_times(times, PATIENCE).map_err(|error| self.lost(&error))?;
        let mut parts = Vec::new();
        for number in numbers {
            let (low, high) =
                self.client.fetch_watermarks(topic, *number, PATIENCE).map_err(|error| self.lost(&error))?;
            let from = match found.find_partition(topic, *number).map(|place| place.offset()) {
                Some(Offset::Offset(place)) => place.max(low),
                _ => high,
            };
            if low > 0 && from == low && from < high {
                scan.notes.push(format!(
                    "{topic}/{number} begins at offset {low}: what its retention removed counts as missing"
                ));
            }
            if from < high {
                parts.push(Part { number: *number, from, end: high });
            }
        }
        Ok(parts)
    }

    fn take(&self, message: &BorrowedMessage<'_>, scan: &mut Scan) -> Result<(), ScanError> {
        let of = |name: &str| {
            let headers = message.headers()?;
            let value = headers.iter().filter(|header| header.key == name).last()?.value?;
            std::str::from_utf8(value).ok()
        };
        let id = |name: &str| of(name).and_then(|text| Uuid::try_parse(text).ok());
        let ours = id("tenant") == Some(self.scope.tenant) && id("store") == Some(self.scope.store);
        match id("event_id").filter(|_| ours) {
            None => scan.foreign += 1,
            Some(event_id) => scan.held.push(Held {
                event_id,
                log_id: of("sequence").and_then(|text| text.parse().ok()),
                sequence: None,
                at: format!("{}/{}/{}", message.topic(), message.partition(), message.offset()),
                replay: of("replay").is_some(),
            }),
        }
        let read = scan.foreign + u64::try_from(scan.held.len()).unwrap_or(u64::MAX);
        if read > MOST_RECORDS { Err(ScanError::TooMany) } else { Ok(()) }
    }

    fn lost(&self, error: &KafkaError) -> ScanError {
        // What the connections complain of is told while somebody listens.
        let deadline = Instant::now() + COMPLAINTS;
        while self.watch.complaint().is_none() && Instant::now() < deadline {
            drop(self.client.poll(POLL));
        }
        let why = self.watch.complaint().map_or_else(|| error.to_string(), |complaint| complaint.message);
        ScanError::Unreachable(why)
    }

    fn silent(&self, topic: &str) -> ScanError {
        let seconds = PATIENCE.as_secs();
        let why = self.watch.complaint().map(|complaint| complaint.message);
        ScanError::Unreachable(why.unwrap_or_else(|| format!("no record of {topic} came within {seconds} s")))
    }
}
