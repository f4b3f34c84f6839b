use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use stateset_relay::record::Record;
use stateset_relay::sink::Sink;
use stateset_relay::sink::kafka::{Kafka, KafkaSettings};
use stateset_testkit::kafka::Broker;
use uuid::Uuid;

use super::{Peer, event};

/// A message as a consumer of its own sees it.
#[derive(Clone, Debug)]
pub(crate) struct Consumed {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) headers: HashMap<String, String>,
}

impl Consumed {
    pub(crate) fn event_id(&self) -> Uuid {
        self.headers["event_id"].parse().unwrap()
    }
}

/// Reads every committed message of a topic, partition by partition.
pub(crate) async fn consume(bootstrap: &str, topic: &str) -> Vec<Consumed> {
    let (bootstrap, topic) = (bootstrap.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || consume_now(&bootstrap, &topic)).await.unwrap()
}

fn consume_now(bootstrap: &str, topic: &str) -> Vec<Consumed> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "the-tests")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let patience = Duration::from_secs(30);
    let metadata = consumer.fetch_metadata(Some(topic), patience).unwrap();
    let partitions: Vec<i32> =
        metadata.topics()[0].partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
    let mut all = TopicPartitionList::new();
    for partition in &partitions {
        all.add_partition_offset(topic, *partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let (mut messages, mut ended) = (Vec::new(), 0);
    while ended < partitions.len() {
        match consumer.poll(patience).expect("the broker answers") {
            Ok(message) => messages.push(Consumed {
                partition: message.partition(),
                key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
                value: String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned(),
                bytes: message.payload().unwrap_or_default().to_vec(),
                headers: message
                    .headers()
                    .unwrap()
                    .iter()
                    .map(|header| (header.key.to_owned(), String::from_utf8(header.value.unwrap().to_vec()).unwrap()))
                    .collect(),
            }),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
        }
    }
    messages
}

/// A broker of its own, because it is stopped.
pub(crate) struct KafkaPeer {
    broker: Broker,
    pub(crate) topic: String,
}

pub(crate) fn settings(bootstrap: &str, topic: &str) -> KafkaSettings {
    KafkaSettings { topics: vec![("*".to_owned(), topic.to_owned())], ..KafkaSettings::new(bootstrap) }
}

impl Peer for KafkaPeer {
    async fn start() -> Self {
        Self { broker: Broker::start().await.unwrap(), topic: format!("suite.{}", Uuid::new_v4()) }
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(Kafka::new(settings(self.broker.bootstrap(), &self.topic)).unwrap())
    }

    async fn received(&self) -> Vec<Uuid> {
        consume(self.broker.bootstrap(), &self.topic).await.iter().map(Consumed::event_id).collect()
    }

    async fn vanish(&mut self) {
        self.broker.stop().await.unwrap();
    }

    async fn come_back(&mut self) {
        self.broker.start_again().await.unwrap();
    }

    fn poison(&self, number: i64, key: &str) -> Record {
        let mut record = event(number, key);
        record.event.payload = format!("{{\"blob\":\"{}\"}}", "x".repeat(2_000_000));
        record
    }
}
