//! What the server counts, in the text form of `OpenMetrics`.
//!
//! Counting happens where the work happens and is an addition to an atomic; whatever has to be looked up (the pool, the
//! process, the sizes in the database) is looked up when somebody asks. No label names a tenant, a store or anything else
//! that clients choose: their number is not bounded.

mod histogram;
pub mod process;

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::MatchedPath;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use stateset_store::Store;
use stateset_store::sizes::Sizes;
use tokio::time::Instant;

pub use histogram::Histogram;

/// Longest wait for the sizes in the database; a scrape gives up after ten seconds by default.
const PATIENCE: Duration = Duration::from_millis(800);
/// Sizes are asked for again after this: with very many streams adding them up is not free.
const SIZES_LAST: Duration = Duration::from_secs(15);

type FloatGauge = Gauge<f64, AtomicU64>;

/// Everything that is counted. One for each server.
pub struct Metrics {
    registry: Registry,
    /// Requests.
    pub http: HttpMetrics,
    /// The way into the log.
    pub append: AppendMetrics,
    /// The head log.
    pub publish: PublishMetrics,
    /// Batches committed by this process.
    pub batches: Counter,
    /// Requests that were over their tenant's rate.
    pub rate_limited: Counter,
    database: DatabaseMetrics,
}

/// Requests and connections.
#[derive(Debug)]
pub struct HttpMetrics {
    /// Until the response's head is ready, by route.
    pub duration: Family<Route, Histogram, fn() -> Histogram>,
    /// By route and status.
    pub responses: Family<Answer, Counter>,
    /// Requests whose response's head is not ready.
    pub in_flight: Gauge,
    /// Open connections.
    pub connections: Gauge,
    /// Connections refused because too many are open.
    pub connections_refused: Counter,
}

/// Submissions and group commits.
#[derive(Debug)]
pub struct AppendMetrics {
    /// Events that wait for their place.
    pub waiting: Gauge,
    /// Events per group commit.
    pub group_events: Histogram,
    /// Requests per group commit.
    pub group_requests: Histogram,
    /// From taking a group to its answers.
    pub flush: Histogram,
    /// What became of events.
    pub events: Family<Fate, Counter>,
    /// Groups planned again, because an id was known or another process was first.
    pub planned_again: Counter,
    /// Groups that failed.
    pub failed: Counter,
    /// Submissions turned away because too much was waiting.
    pub overloaded: Counter,
}

/// The publisher.
#[derive(Debug)]
pub struct PublishMetrics {
    /// Entries of the head log, as far as this process knows.
    pub entries: Gauge,
    /// Age of the oldest stream head that has no record yet.
    pub lag: FloatGauge,
    /// Heads without a record at the last look.
    pub unpublished: Gauge,
    /// How long a round took.
    pub round: Histogram,
    /// Rounds published by this process.
    pub rounds: Counter,
    /// Rounds that failed.
    pub failed: Counter,
}

struct DatabaseMetrics {
    up: Gauge,
    streams: Gauge,
    events: Gauge,
    bytes: Gauge,
    connections: Family<PoolLabel, Gauge>,
    limit: Gauge,
    asked: Mutex<Option<Instant>>,
}

/// A method of a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    /// Method; what is not usual is `OTHER`.
    pub method: &'static str,
    /// The route's pattern.
    pub route: Pattern,
}

/// The pattern of a route, `(none)` for a path without one.
#[derive(Clone, Debug)]
pub struct Pattern(pub Option<MatchedPath>);

impl Pattern {
    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("(none)", MatchedPath::as_str)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl std::hash::Hash for Pattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Pattern {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.as_str().encode(encoder)
    }
}

/// How a route answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answer {
    /// Method; what is not usual is `OTHER`.
    pub method: &'static str,
    /// The route's pattern.
    pub route: Pattern,
    /// Status code.
    pub status: u16,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Fate {
    /// `placed`, `duplicate` or `rejected`.
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabel {
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        // Under the names every dashboard knows, without our prefix.
        registry.register_collector(Box::new(process::Process));
        let ours = registry.sub_registry_with_prefix("stateset");
        ours.register("build", "The running program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Self {
            http: HttpMetrics::register(ours),
            append: AppendMetrics::register(ours),
            publish: PublishMetrics::register(ours),
            batches: add(ours, "batches_committed", "VES batches committed by this process"),
            rate_limited: add(ours, "rate_limited_requests", "Requests refused because their tenant was over its rate"),
            database: DatabaseMetrics::register(ours),
            registry,
        }
    }
}

impl Metrics {
    /// The whole page. Asks `store` for what only it knows; without an answer in time the old numbers stand and
    /// `stateset_database_up` is 0.
    pub async fn page(&self, store: &dyn Store) -> String {
        self.database.look(store).await;
        let mut page = String::new();
        encode(&mut page, &self.registry).expect("a string takes any text");
        page
    }
}

/// Registers a new metric.
fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn add_time(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let histogram = Histogram::of_time();
    registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    histogram
}

fn add_counts(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let histogram = Histogram::of_counts();
    registry.register(name, help, histogram.clone());
    histogram
}

impl HttpMetrics {
    fn register(registry: &mut Registry) -> Self {
        let duration = Family::new_with_constructor(Histogram::of_time as fn() -> Histogram);
        let help = "From the request's head to the response's head";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, duration.clone());
        Self {
            duration,
            responses: add(registry, "http_responses", "Responses by route and status"),
            in_flight: add(registry, "http_requests_in_flight", "Requests without a response yet"),
            connections: add(registry, "http_connections", "Open connections"),
            connections_refused: add(
                registry,
                "http_connections_refused",
                "Connections closed at once because MAX_CONNECTIONS were open",
            ),
        }
    }

    /// Notes a response.
    pub fn answered(&self, method: &'static str, route: Pattern, status: u16, taken: Duration) {
        self.duration.get_or_create(&Route { method, route: route.clone() }).time(taken);
        self.responses.get_or_create(&Answer { method, route, status }).inc();
    }
}

/// Each outcome is there from the first page on, so that a rate can be taken of the first events too.
fn fates(registry: &mut Registry) -> Family<Fate, Counter> {
    let events: Family<Fate, Counter> = add(registry, "append_events", "Events by what became of them");
    for outcome in ["placed", "duplicate", "rejected"] {
        drop(events.get_or_create(&Fate { outcome }));
    }
    events
}

impl AppendMetrics {
    fn register(registry: &mut Registry) -> Self {
        Self {
            waiting: add(registry, "append_waiting_events", "Events that wait for their place"),
            group_events: add_counts(registry, "append_group_events", "Events of one group commit"),
            group_requests: add_counts(registry, "append_group_requests", "Requests of one group commit"),
            flush: add_time(registry, "append_flush", "From taking a group to its answers"),
            events: fates(registry),
            planned_again: add(registry, "append_planned_again", "Plans that a known id or another process undid"),
            failed: add(registry, "append_failed_groups", "Group commits that failed"),
            overloaded: add(registry, "append_overloaded_requests", "Requests refused because too much was waiting"),
        }
    }

    /// Notes what became of `number` events.
    pub fn fate(&self, outcome: &'static str, number: u64) {
        if number > 0 {
            self.events.get_or_create(&Fate { outcome }).inc_by(number);
        }
    }
}

impl PublishMetrics {
    fn register(registry: &mut Registry) -> Self {
        let lag = FloatGauge::default();
        let help = "Age of the oldest stream head without a record in the head log, at the last look";
        registry.register_with_unit("publisher_lag", help, Unit::Seconds, lag.clone());
        Self {
            entries: add(registry, "head_log_entries", "Entries of the head log, as far as this process knows"),
            lag,
            unpublished: add(registry, "publisher_unpublished_heads", "Stream heads without a record at the last look"),
            round: add_time(registry, "publisher_round", "Duration of a round that published"),
            rounds: add(registry, "publisher_rounds", "Rounds published by this process"),
            failed: add(registry, "publisher_failed_rounds", "Rounds that failed"),
        }
    }
}

impl DatabaseMetrics {
    fn register(registry: &mut Registry) -> Self {
        let bytes = Gauge::default();
        registry.register_with_unit("database_size", "Size of the database", Unit::Bytes, bytes.clone());
        Self {
            up: add(registry, "database_up", "1 if the database answered the last time it was asked"),
            streams: add(registry, "log_streams", "Streams in the database"),
            events: add(registry, "log_events", "Events in the database"),
            bytes,
            connections: add(registry, "database_connections", "Connections of the pool by what they do"),
            limit: add(registry, "database_connections_limit", "Most connections of the pool"),
            asked: Mutex::default(),
        }
    }

    async fn look(&self, store: &dyn Store) {
        let pool = store.pool();
        for (state, number) in [("idle", pool.idle), ("in_use", pool.open.saturating_sub(pool.idle))] {
            self.connections.get_or_create(&PoolLabel { state }).set(i64::from(number));
        }
        self.limit.set(i64::from(pool.limit));
        if !self.is_due() {
            return;
        }
        let answer = tokio::time::timeout(PATIENCE, store.sizes()).await;
        self.up.set(i64::from(matches!(answer, Ok(Ok(_)))));
        if let Ok(Ok(Sizes { streams, events, bytes })) = answer {
            let shown = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            self.streams.set(shown(streams));
            self.events.set(shown(events));
            self.bytes.set(shown(bytes));
            *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    fn is_due(&self) -> bool {
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_none_or(|at| at.elapsed() >= SIZES_LAST)
    }
}
