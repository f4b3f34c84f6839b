//! What happened to events lately, kept in memory: latencies, rates, the slow and the failed ones.
//!
//! Bounded by age (24 hours) and by number; the oldest go first. A worker records every settled delivery here if it is
//! given a [`EventMetrics`]; an application may record its own work under the same roof. What must survive a restart is
//! rolled up by the minute in the database, and [`stored_stats`] reads it. Deliberately absent: tenants as a dimension.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stateset_ledger::id::Micros;
use stateset_outbox::delivery::{DeliveryError, DeliveryStore, Histogram, Rollup};
use uuid::Uuid;

use crate::latency::{Latency, latency};

/// How long a metric is kept.
pub const RETENTION: Duration = Duration::from_hours(24);
/// The window of [`EventMetrics::event_bus_stats`] where none is asked for.
pub const DEFAULT_WINDOW: Duration = Duration::from_hours(1);
/// What counts as slow where nothing else is asked for.
pub const DEFAULT_SLOW: Duration = Duration::from_secs(1);
/// Most metrics kept; at 200 bytes each about 20 MB.
const MOST: usize = 100_000;
/// Types told apart; the rest count as `other`.
pub(crate) const MOST_TYPES: usize = 200;
/// Their name.
pub(crate) const OTHER_TYPES: &str = "other";

/// How one delivery ended, or did not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricOutcome {
    /// Through.
    Success,
    /// Failed and will be tried again.
    Retry,
    /// Dead or rejected.
    Failure,
}

/// One delivery at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMetric {
    /// The event.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Tenant, so that a correlation is looked up within one.
    pub tenant: Uuid,
    /// The operation it belongs to.
    pub correlation_id: Option<String>,
    /// When this was recorded.
    pub at: Micros,
    /// From the commit of the event to now.
    pub latency: Duration,
    /// What became of it.
    pub outcome: MetricOutcome,
}

/// Aggregate over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct EventBusStats {
    /// Metrics in the window.
    pub total: usize,
    /// Of the successful ones, from commit to delivery; `None` if there are none.
    pub latency: Option<Latency>,
    /// Successes per second of the window.
    pub throughput: f64,
    /// Part of the finished ones (successes and failures) that succeeded.
    pub success_rate: f64,
    /// Part of the finished ones that failed; with the success rate it makes one.
    pub failure_rate: f64,
    /// Retries per finished one.
    pub retry_rate: f64,
    /// Metrics by type, at most 200 types and `other`.
    pub by_type: BTreeMap<String, usize>,
}

/// The metrics of one process.
#[derive(Debug, Default)]
pub struct EventMetrics(Mutex<VecDeque<EventMetric>>);

impl EventMetrics {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a metric, and forgets those that are too old as of its time.
    pub fn record_event_metric(&self, metric: EventMetric) {
        self.record_all(vec![metric]);
    }

    /// The same for many, with one lock.
    pub(crate) fn record_all(&self, new: Vec<EventMetric>) {
        let mut metrics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for metric in new {
            let oldest = before(metric.at, RETENTION);
            while metrics.len() >= MOST || metrics.front().is_some_and(|first| first.at < oldest) {
                metrics.pop_front();
            }
            metrics.push_back(metric);
        }
    }

    /// Aggregates the last `window` before `now`.
    pub fn event_bus_stats(&self, now: Micros, window: Duration) -> EventBusStats {
        let metrics = self.since(before(now, window));
        let count = |outcome| metrics.iter().filter(|metric| metric.outcome == outcome).count();
        let (successes, failures) = (count(MetricOutcome::Success), count(MetricOutcome::Failure));
        let finished = successes + failures;
        let mut by_type: BTreeMap<String, usize> = BTreeMap::new();
        for metric in &metrics {
            let known = by_type.contains_key(&metric.event_type) || by_type.len() < MOST_TYPES;
            let name = if known { metric.event_type.as_str() } else { OTHER_TYPES };
            *by_type.entry(name.to_owned()).or_default() += 1;
        }
        let through = metrics.iter().filter(|metric| metric.outcome == MetricOutcome::Success);
        EventBusStats {
            total: metrics.len(),
            latency: latency(through.map(|metric| metric.latency).collect()),
            throughput: ratio(successes, 1) / window.as_secs_f64().max(f64::MIN_POSITIVE),
            success_rate: ratio(successes, finished),
            failure_rate: ratio(failures, finished),
            retry_rate: ratio(count(MetricOutcome::Retry), finished),
            by_type,
        }
    }

    /// Slower than `threshold`, the slowest first, at most `most`.
    pub fn slow_events(&self, threshold: Duration, most: usize) -> Vec<EventMetric> {
        let mut slow = self.select(|metric| metric.latency > threshold);
        slow.sort_by_key(|metric| std::cmp::Reverse(metric.latency));
        slow.truncate(most);
        slow
    }

    /// Dead or rejected, the newest first, at most `most`.
    pub fn failed_events(&self, most: usize) -> Vec<EventMetric> {
        let mut failed = self.select(|metric| metric.outcome == MetricOutcome::Failure);
        failed.reverse();
        failed.truncate(most);
        failed
    }

    /// Everything of one operation of one tenant, in order.
    pub fn events_by_correlation(&self, tenant: Uuid, correlation_id: &str) -> Vec<EventMetric> {
        self.select(|metric| metric.tenant == tenant && metric.correlation_id.as_deref() == Some(correlation_id))
    }

    fn since(&self, oldest: Micros) -> Vec<EventMetric> {
        self.select(|metric| metric.at >= oldest)
    }

    fn select(&self, wanted: impl Fn(&EventMetric) -> bool) -> Vec<EventMetric> {
        let metrics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.iter().filter(|metric| wanted(metric)).cloned().collect()
    }
}

/// The aggregate of the last `window` from what all workers wrote down, so that it survives their restarts: at most ten
/// seconds behind, times rounded up to the next of four steps per doubling, the slowest exact.
pub async fn stored_stats(store: &dyn DeliveryStore, window: Duration) -> Result<EventBusStats, DeliveryError> {
    Ok(stats_of(&store.rollups(window).await?, window))
}

/// The aggregate of rollups.
pub fn stats_of(rollups: &[Rollup], window: Duration) -> EventBusStats {
    let sum = |count: fn(&Rollup) -> u64| usize::try_from(rollups.iter().map(count).sum::<u64>()).unwrap_or(usize::MAX);
    let (successes, retries, failures) = (sum(|row| row.delivered), sum(|row| row.retried), sum(|row| row.failed));
    let mut latencies = Histogram::default();
    let mut by_type: BTreeMap<String, usize> = BTreeMap::new();
    for row in rollups {
        latencies.merge(&row.latencies);
        let all = usize::try_from(row.delivered + row.retried + row.failed).unwrap_or(usize::MAX);
        *by_type.entry(row.event_type.clone()).or_default() += all;
    }
    let slowest = Duration::from_micros(rollups.iter().map(|row| row.slowest_us).max().unwrap_or(0));
    let rank = |percent| latencies.percentile(percent).map(|end| end.min(slowest));
    let latency = rank(50).zip(rank(95)).zip(rank(99)).map(|((p50, p95), p99)| Latency { p50, p95, p99, max: slowest });
    let finished = successes + failures;
    EventBusStats {
        total: successes + retries + failures,
        latency,
        throughput: ratio(successes, 1) / window.as_secs_f64().max(f64::MIN_POSITIVE),
        success_rate: ratio(successes, finished),
        failure_rate: ratio(failures, finished),
        retry_rate: ratio(retries, finished),
        by_type,
    }
}

fn before(at: Micros, span: Duration) -> Micros {
    Micros(at.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

/// 0 where there is nothing to compare with.
fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}
