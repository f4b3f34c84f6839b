//! The worker: from the outbox to destinations.
//!
//! Per destination a *manager* holds leases of shard groups and keeps them alive; per lease a *group* reads a chunk,
//! decides ([`crate::lane`]), publishes and settles, one round after the other. Lanes that failed are parked, and come up
//! again when they are due. Nothing is kept in memory that the database does not know: a worker that dies is replaced
//! after its lease, and what it had published without settling comes again, at most one chunk per shard group.
//!
//! Deliberately absent: a rule about when anything is retried or given up; those are pure and elsewhere.

pub(crate) mod exposition;
mod group;
mod manager;
mod rollups;
mod round;
mod stats;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use stateset_outbox::delivery::{Counts, DeliveryError, DeliveryStore, NewRoute, Registration, Start};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::breaker;
use crate::clock::{Clock, SystemClock};
use crate::metrics::{self, EventMetrics};
use crate::policy::{NotAPolicy, Policy};
use crate::sink::Sink;
use crate::sink::handler::Handler;
use crate::task::joined;
use group::Shared;
use manager::Manager;
use rollups::Rollups;
use round::Routes;
use stats::Stats;

pub use crate::latency::Latency;
pub use exposition::Durations;
pub use stats::{DestinationStats, TypeStats};

type SinkHandle = Arc<dyn Sink>;

/// How a worker works. The defaults suit most.
#[derive(Clone, Debug)]
pub struct Options {
    /// Shown to people, and unique among running workers: host, process, something random.
    pub worker: String,
    /// How long a worker that vanished keeps its shard groups.
    pub lease: Duration,
    /// Shortest interval of polling; used while there was something to do lately.
    pub poll_min: Duration,
    /// Longest interval of polling.
    pub poll_max: Duration,
    /// Most events of one chunk. What is sent again after a kill is at most one chunk per shard group.
    pub chunk: u16,
    /// Most shard groups of each destination this worker takes; 64 are all.
    pub groups: u16,
    /// Waits while the database does not answer.
    pub database_backoff: Backoff,
    /// How long the counts of minutes are kept in the database.
    pub keep_metrics: Duration,
}

impl Options {
    /// The defaults under this worker name: lease 15 s, polling every 50 ms to 5 s, chunks of up to 5,000 events.
    pub fn new(worker: impl Into<String>) -> Self {
        Self {
            worker: worker.into(),
            lease: Duration::from_secs(15),
            poll_min: Duration::from_millis(50),
            poll_max: Duration::from_secs(5),
            chunk: 5_000,
            groups: 64,
            database_backoff: Backoff {
                initial: Duration::from_millis(100),
                max: Duration::from_secs(5),
                ..Backoff::default()
            },
            keep_metrics: metrics::RETENTION,
        }
    }
}

/// A worker that was not started yet.
pub struct Relay {
    store: Arc<dyn DeliveryStore>,
    options: Options,
    clock: Arc<dyn Clock>,
    metrics: Arc<EventMetrics>,
    destinations: Vec<(Registration, SinkHandle)>,
}

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database, or what it holds.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// A stored policy of another version of this program.
    #[error("the routes of {destination} cannot be understood; register them again")]
    Policy {
        /// Which destination.
        destination: String,
        /// What is wrong.
        #[source]
        source: NotAPolicy,
    },
    /// Two destinations of one name.
    #[error("the destination {0:?} is given twice")]
    Twice(String),
}

impl Relay {
    /// A worker on this database.
    pub fn new(store: Arc<dyn DeliveryStore>, options: Options) -> Self {
        let metrics = Arc::new(EventMetrics::new());
        Self { store, options, clock: Arc::new(SystemClock), metrics, destinations: Vec::new() }
    }

    /// Delivers to `sink` what the registration's routes take.
    #[must_use]
    pub fn destination(mut self, registration: Registration, sink: SinkHandle) -> Self {
        self.destinations.push((registration, sink));
        self
    }

    /// Calls `handler` for each event whose type matches, as a destination of its own called `name`: its success is
    /// never repeated because of another subscriber's failure.
    #[must_use]
    pub fn subscribe(self, name: &str, type_glob: &str, policy: &Policy, handler: Handler) -> Self {
        let route = NewRoute { name: name.to_owned(), type_glob: type_glob.to_owned(), policy: policy.to_json() };
        let registration = Registration {
            name: name.to_owned(),
            kind: "handler".to_owned(),
            shard_groups: 4,
            routes: vec![route],
            start: Start::Now,
        };
        self.destination(registration, Arc::new(handler))
    }

    /// Registers the destinations and starts to deliver.
    pub async fn start(self) -> Result<Running, StartError> {
        self.launch(false).await
    }

    /// Delivers what can be delivered now, gives the leases back and returns: for cron. What waits for a retry, an
    /// operator or a destination that is down stays.
    pub async fn run_once(self) -> Result<BTreeMap<String, DestinationStats>, StartError> {
        let running = self.launch(true).await?;
        let shared = running.monitor.shared.clone();
        running.ended().await?;
        Ok(stats_of(&shared))
    }

    async fn launch(self, once: bool) -> Result<Running, StartError> {
        let stop = CancellationToken::new();
        let mut managers = JoinSet::new();
        let mut all = Vec::new();
        for (registration, sink) in self.destinations {
            let name = registration.name.clone();
            if all.iter().any(|shared: &Arc<Shared>| shared.routes.name() == name) {
                stop.cancel();
                return Err(StartError::Twice(name));
            }
            let destination = self.store.register(&registration).await?;
            let most = self.options.groups.min(destination.shard_groups);
            let routes = Routes::new(destination).map_err(|source| StartError::Policy { destination: name, source })?;
            let (wake, woken) = watch::channel(0);
            let shared = Arc::new(Shared {
                store: Arc::clone(&self.store),
                sink,
                routes,
                options: self.options.clone(),
                clock: Arc::clone(&self.clock),
                metrics: Arc::clone(&self.metrics),
                stats: Stats::default(),
                rollups: Rollups::default(),
                seen_closed: Mutex::default(),
                wake: woken,
            });
            all.push(Arc::clone(&shared));
            let (worker, stop) = (self.options.worker.clone(), stop.clone());
            managers.spawn(Manager { shared, worker, most, stop, once, wake }.run());
        }
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let work = supervise(managers, stop.clone());
        #[expect(clippy::disallowed_methods, reason = "the handle is kept: stop and ended wait for it")]
        let task = tokio::spawn(async move {
            // However it ends.
            let _guard = guard;
            work.await
        });
        Ok(Running { monitor: Monitor { shared: all, ended }, metrics: self.metrics, stop, task })
    }
}

/// One destination that cannot go on stops the worker: it says why, and whoever runs it starts it again.
async fn supervise(
    mut managers: JoinSet<Result<(), DeliveryError>>,
    stop: CancellationToken,
) -> Result<(), DeliveryError> {
    let mut result = Ok(());
    while let Some(ended) = managers.join_next().await {
        if let Err(error) = joined(ended).await {
            stop.cancel();
            result = result.and(Err(error));
        }
    }
    result
}

/// A worker that delivers.
pub struct Running {
    monitor: Monitor,
    metrics: Arc<EventMetrics>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), DeliveryError>>,
}

/// A worker as others see it. Cheap to clone; outlives the worker, and then says that it has ended.
#[derive(Clone)]
pub struct Monitor {
    shared: Vec<Arc<Shared>>,
    ended: CancellationToken,
}

impl Monitor {
    /// Whether the worker has ended, by itself or because it was told to.
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// How every destination stands, from the database.
    pub async fn health(&self) -> Result<Vec<Health>, DeliveryError> {
        let mut report = Vec::new();
        for shared in &self.shared {
            let id = shared.routes.id();
            let breaker = shared.store.breaker(id).await?;
            report.push(Health {
                destination: shared.routes.name().to_owned(),
                groups: shared.stats.read().groups,
                outage: breaker.reason,
                counts: shared.store.counts(id).await?,
            });
        }
        Ok(report)
    }

    /// All of it in Prometheus' text format.
    pub async fn prometheus(&self) -> Result<String, DeliveryError> {
        Ok(exposition::exposition(&stats_of(&self.shared), &self.health().await?))
    }
}

/// One destination in a health report.
#[derive(Clone, Debug)]
pub struct Health {
    /// Its name.
    pub destination: String,
    /// Shard groups this worker holds; a stand-by holds none and is healthy.
    pub groups: u64,
    /// Why the destination is left alone, if it is.
    pub outage: Option<String>,
    /// How its deliveries stand.
    pub counts: Counts,
}

impl Running {
    /// What happened since the start, by destination.
    pub fn stats(&self) -> BTreeMap<String, DestinationStats> {
        stats_of(&self.monitor.shared)
    }

    /// Latencies, rates, slow and failed events of the last 24 hours or since the start, whichever is shorter.
    pub fn metrics(&self) -> &EventMetrics {
        &self.metrics
    }

    /// Looks at the worker from elsewhere: for a listener of health checks.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// How every destination stands, from the database: for `/ready` and for people.
    pub async fn health(&self) -> Result<Vec<Health>, DeliveryError> {
        self.monitor.health().await
    }

    /// All of it in Prometheus' text format, for `/metrics`.
    pub async fn prometheus(&self) -> Result<String, DeliveryError> {
        self.monitor.prometheus().await
    }

    /// Whether the worker has ended by itself.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Lets a destination that an operator's attention stopped go on.
    pub async fn resume(&self, destination: &str) -> Result<bool, DeliveryError> {
        let Some(shared) = self.monitor.shared.iter().find(|shared| shared.routes.name() == destination) else {
            return Ok(false);
        };
        let stored = shared.store.breaker(shared.routes.id()).await?;
        match breaker::reached(&stored) {
            Some(closed) => shared.store.set_breaker(&closed).await,
            None => Ok(false),
        }
    }

    /// Ends in order: no new round begins, those that are out are settled, leases are given back. After `grace` it is
    /// cut off, as by a kill. `false`: it had to be.
    pub async fn stop(mut self, grace: Duration) -> Result<bool, DeliveryError> {
        self.stop.cancel();
        if let Ok(ended) = timeout(grace, &mut self.task).await {
            return joined(ended).await.map(|()| true);
        }
        self.task.abort();
        Ok(false)
    }

    /// Waits for the worker to end by itself, which it does only when it cannot go on.
    pub async fn ended(self) -> Result<(), DeliveryError> {
        joined(self.task.await).await
    }
}

fn stats_of(shared: &[Arc<Shared>]) -> BTreeMap<String, DestinationStats> {
    shared.iter().map(|shared| (shared.routes.name().to_owned(), shared.stats.read())).collect()
}
