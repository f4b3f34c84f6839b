//! The broker client: its settings, and what it tells us.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;

use super::stats::Stats;
use crate::kafka::Watch;

pub(super) type Client = StreamConsumer<Context>;
/// Topic and partition.
pub(super) type Place = (String, i32);

/// How far each partition is finished.
#[derive(Clone, Debug, Default)]
pub(super) struct Finished(Arc<Mutex<HashMap<Place, i64>>>);

impl Finished {
    pub(super) fn set(&self, place: &Place, upto: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone(), upto);
    }

    fn take(&self, place: &Place) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(place)
    }
}

/// What the client calls.
pub(super) struct Context {
    pub(super) watch: Watch,
    pub(super) stats: Arc<Stats>,
    pub(super) finished: Finished,
    pub(super) revoked: UnboundedSender<Vec<Place>>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        self.watch.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let mut lag = std::collections::BTreeMap::new();
        for (topic, all) in &statistics.topics {
            for (number, partition) in &all.partitions {
                let committed = partition.committed_offset;
                if *number >= 0 && partition.hi_offset >= 0 && committed >= 0 {
                    lag.insert((topic.clone(), *number), (partition.hi_offset - committed).max(0));
                }
            }
        }
        self.stats.change(|stats| stats.lag = lag);
    }
}

impl ConsumerContext for Context {
    /// Before the partitions go, what is finished is committed; what is not comes to whoever has them next, and the
    /// inbox keeps it from having a second effect.
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(partitions) = rebalance else { return };
        let places: Vec<Place> =
            partitions.elements().iter().map(|it| (it.topic().to_owned(), it.partition())).collect();
        let mut offsets = TopicPartitionList::new();
        for place in &places {
            if let Some(upto) = self.finished.take(place) {
                offsets.add_partition_offset(&place.0, place.1, Offset::Offset(upto)).ok();
            }
        }
        // Without waiting: this runs in the middle of the work of others. The request goes out before the one that gives
        // the partitions up.
        if offsets.count() > 0
            && let Err(error) = consumer.commit(&offsets, CommitMode::Async)
        {
            tracing::debug!(%error, "offsets were not committed before a rebalance");
        }
        self.stats.change(|stats| stats.revoked += 1);
        // Closed: the consumer has stopped, and nothing is in hand any more.
        self.revoked.send(places).ok();
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        match result {
            Ok(()) => {
                self.watch.clear();
                self.stats.change(|stats| stats.commits += 1);
            },
            Err(error) => tracing::debug!(%error, "offsets were not committed"),
        }
    }
}

/// What may be set otherwise.
const DEFAULTS: [(&str, &str); 8] = [
    ("auto.offset.reset", "earliest"),
    ("client.id", "stateset-consumer"),
    // Bounds what is fetched ahead of the partitions in hand.
    ("queued.max.messages.kbytes", "16384"),
    ("reconnect.backoff.max.ms", "1000"),
    // How soon the group notices a member that vanished.
    ("session.timeout.ms", "15000"),
    // For the gauge of how far behind we are.
    ("statistics.interval.ms", "5000"),
    // How soon a topic that did not exist is noticed.
    ("topic.metadata.refresh.interval.ms", "10000"),
    ("topic.metadata.propagation.max.ms", "10000"),
];

/// A client that commits nothing by itself.
pub(super) fn connect(mut config: ClientConfig, group: &str, context: Context) -> KafkaResult<Client> {
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        // The same partition of every topic goes to the same member, and so do all events of an order.
        .set("partition.assignment.strategy", "range");
    for (name, value) in DEFAULTS {
        if config.get(name).is_none() {
            config.set(name, value);
        }
    }
    config.create_with_context(context)
}
