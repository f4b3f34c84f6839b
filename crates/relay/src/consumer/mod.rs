//! A consumer of Kafka topics: a member of a group that takes every record in a transaction of its own database, and
//! commits its offset strictly after that.
//!
//! What is promised: an event has its effect once ([`stateset_outbox::consumer`]), because a record that comes again
//! after a crash, a rebalance or a producer's retry meets the inbox. Records of one key are taken in order; a key that
//! fails waits for itself only. One record that cannot be read goes to quarantine and blocks nothing. Memory is bounded:
//! a partition that is ahead of its database is paused.
//!
//! The decisions are pure: [`RawRecord::decode`], what may begin and what may be committed (`partition`), what a failure
//! means (`take`).
//!
//! Deliberately absent: transactions of Kafka. The consumer's truth is its own database.

mod client;
mod decode;
mod partition;
mod run;
mod stats;
mod take;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use stateset_outbox::Engine;
use stateset_outbox::consumer::{Consumer, Handler};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::kafka::{DeadLetterTopic, KafkaSecurity, SECURITY_SETTINGS, SecurityError, Watch};
use crate::task::joined;
use client::{Context, Finished};
use run::Run;
use stats::Stats;
use take::Taking;

pub use decode::RawRecord;
pub use stats::ConsumerStats;

/// What is consumed, and how.
#[derive(Clone, Debug)]
pub struct ConsumerSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// TLS, user and password.
    pub security: KafkaSecurity,
    /// Topics; one that begins with `^` is a pattern of librdkafka.
    pub topics: Vec<String>,
    /// The group whose members share the partitions.
    pub group: String,
    /// Records taken at once, each in a transaction on a connection of its own: at most the pool has.
    pub concurrency: usize,
    /// Waits between failed tries of a handler; then the event goes to quarantine.
    pub backoff: Backoff,
    /// How often finished offsets are committed. What was finished later comes again after a crash, without effect.
    pub commit_every: Duration,
    /// How often waiting events are looked at for their deadline.
    pub housekeeping: Duration,
    /// Copies of what goes to quarantine go to the topic of this name behind the record's own, such as `.dlq`.
    pub dead_letter_suffix: Option<String>,
    /// Further settings of librdkafka. Those this consumer depends on, and secrets, cannot be set here.
    pub more: Vec<(String, String)>,
}

impl ConsumerSettings {
    /// The topics of the event contracts, and the defaults: 8 at once, commits every 200 ms.
    pub fn new(brokers: impl Into<String>, group: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            security: KafkaSecurity::default(),
            topics: ["order.events", "payment.events", "shipping.events"].map(str::to_owned).into(),
            group: group.into(),
            concurrency: 8,
            backoff: Backoff::default(),
            commit_every: Duration::from_millis(200),
            housekeeping: Duration::from_secs(30),
            dead_letter_suffix: None,
            more: Vec::new(),
        }
    }
}

/// Settings that the guarantees depend on.
const OURS: [&str; 6] = [
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "group.id",
    "isolation.level",
    "partition.assignment.strategy",
];

/// Why a consumer did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// A setting this consumer decides.
    #[error("{0} is decided by the consumer and cannot be set: one effect per event depends on it")]
    Reserved(String),
    /// A setting that is set from [`ConsumerSettings::security`] only.
    #[error("{0} cannot be set among the further settings: TLS and SASL have settings of their own")]
    SetElsewhere(String),
    /// Security that cannot be had.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The client library refused the configuration.
    #[error("the Kafka client cannot be configured")]
    Client(#[source] KafkaError),
    /// The client ended for good.
    #[error("the Kafka client cannot go on: {0}")]
    Fatal(String),
}

/// A consumer that runs.
pub struct RunningConsumer {
    monitor: ConsumerMonitor,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ConsumerError>>,
}

/// Joins the group and takes what comes.
pub fn start<DB: Engine, H: Handler<DB> + 'static>(
    consumer: Consumer<DB, H>,
    settings: ConsumerSettings,
) -> Result<RunningConsumer, ConsumerError> {
    let among = |names: &[&str]| settings.more.iter().map(|(name, _)| name).find(|name| names.contains(&name.as_str()));
    if let Some(name) = among(&OURS) {
        return Err(ConsumerError::Reserved(name.clone()));
    }
    if let Some(name) = among(&SECURITY_SETTINGS) {
        return Err(ConsumerError::SetElsewhere(name.clone()));
    }
    settings.security.check()?;
    let copies = settings
        .dead_letter_suffix
        .clone()
        .map(|suffix| DeadLetterTopic::new(settings.security.client(&settings.brokers, &settings.more), suffix));
    let dead_letters = copies.transpose().map_err(ConsumerError::Client)?;
    let (stats, watch, finished) = (Arc::new(Stats::default()), Watch::default(), Finished::default());
    let (revoked, revocations) = unbounded_channel();
    let context = Context { watch: watch.clone(), stats: Arc::clone(&stats), finished: finished.clone(), revoked };
    let client = client::connect(settings.security.client(&settings.brokers, &settings.more), &settings.group, context)
        .map_err(ConsumerError::Client)?;
    let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
    client.subscribe(&topics).map_err(ConsumerError::Client)?;
    let name = consumer.name().to_owned();
    let stop = CancellationToken::new();
    let taking = Taking {
        consumer: Arc::new(consumer),
        stats: Arc::clone(&stats),
        backoff: settings.backoff,
        dead_letters,
        stop: stop.clone(),
    };
    let run = Run::new(Arc::new(client), Arc::new(taking), finished, settings);
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    #[expect(clippy::disallowed_methods, reason = "the handle is kept: stop and ended wait for it")]
    let task = tokio::spawn(async move {
        // However it ends.
        let _guard = guard;
        run.run(revocations).await
    });
    Ok(RunningConsumer { monitor: ConsumerMonitor { name, stats, watch, ended }, stop, task })
}

/// A consumer as others see it. Cheap to clone; outlives the consumer, and then says that it has ended.
#[derive(Clone)]
pub struct ConsumerMonitor {
    name: String,
    stats: Arc<Stats>,
    watch: Watch,
    ended: CancellationToken,
}

impl ConsumerMonitor {
    /// Counters since the start.
    pub fn stats(&self) -> ConsumerStats {
        self.stats.read()
    }

    /// The same as Prometheus' text.
    pub fn prometheus(&self) -> String {
        self.stats().prometheus(&self.name)
    }

    /// Why the broker cannot be talked to, if it said so.
    pub fn outage(&self) -> Option<String> {
        self.watch.complaint().map(|complaint| complaint.message)
    }

    /// Why it does not do its work, if so: it has ended, the broker refuses it, it is more than so many records behind.
    pub fn reasons(&self, most: i64) -> Vec<String> {
        let name = &self.name;
        let ended = self.ended.is_cancelled().then(|| format!("consumer {name}: it has ended; its log says why"));
        let outage = self.outage().map(|why| format!("consumer {name}: {why}"));
        let lag: i64 = self.stats().lag.values().sum();
        let behind = (lag > most).then(|| format!("consumer {name}: it is {lag} records behind, more than {most}"));
        ended.into_iter().chain(outage).chain(behind).collect()
    }
}

impl RunningConsumer {
    /// Looks at it from elsewhere: for a listener of health checks.
    pub fn monitor(&self) -> ConsumerMonitor {
        self.monitor.clone()
    }

    /// Counters since the start.
    pub fn stats(&self) -> ConsumerStats {
        self.monitor.stats()
    }

    /// The same as Prometheus' text.
    pub fn prometheus(&self) -> String {
        self.monitor.prometheus()
    }

    /// Why the broker cannot be talked to, if it said so.
    pub fn outage(&self) -> Option<String> {
        self.monitor.outage()
    }

    /// Whether it has ended by itself.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends in order: takes nothing more, lets what is being taken come to its end, commits, leaves the group. After
    /// `grace` it is cut off, as by a kill, which costs redeliveries and nothing else. `false`: it had to be.
    pub async fn stop(mut self, grace: Duration) -> Result<bool, ConsumerError> {
        self.stop.cancel();
        if let Ok(ended) = timeout(grace, &mut self.task).await {
            return joined(ended).await.map(|()| true);
        }
        self.task.abort();
        Ok(false)
    }

    /// Waits for it to end by itself, which it does only when it cannot go on.
    pub async fn ended(self) -> Result<(), ConsumerError> {
        joined(self.task.await).await
    }
}
