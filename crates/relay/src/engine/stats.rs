//! What a worker counts while it runs, per destination.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::exposition::Durations;
use crate::lane::{Plan, Standing};
use crate::latency::{Latency, latency};
use crate::metrics::{EventMetric, MOST_TYPES, MetricOutcome, OTHER_TYPES};

/// Latencies kept for percentiles.
const SAMPLES: usize = 10_000;

/// Counters of one destination since the worker started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationStats {
    /// Deliveries that went through.
    pub delivered: u64,
    /// Failed attempts that will be repeated.
    pub retried: u64,
    /// Deliveries that became dead letters.
    pub dead: u64,
    /// Deliveries the destination rejected for good.
    pub rejected: u64,
    /// Events no route wanted.
    pub unrouted: u64,
    /// Batches that found the destination down.
    pub unavailable: u64,
    /// Accepted too early, behind a failure of their lane, and sent again in order.
    pub repeated: u64,
    /// Shard groups held now.
    pub groups: u64,
    /// Calls of the sink.
    pub publishing: Durations,
    /// From the commit of the event to the settlement of its delivery, of the last 10,000 deliveries.
    pub latency: Option<Latency>,
    /// The same of all deliveries, in buckets.
    pub waiting: Durations,
    /// By type of the event: at most 200, and `other`.
    pub by_type: BTreeMap<String, TypeStats>,
}

/// Deliveries of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeStats {
    /// Went through.
    pub delivered: u64,
    /// Failed attempts that will be repeated.
    pub retried: u64,
    /// Dead or rejected.
    pub failed: u64,
}

#[derive(Default)]
pub(super) struct Stats(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    counters: DestinationStats,
    latencies: VecDeque<Duration>,
}

impl Stats {
    pub(super) fn settled(&self, plan: &Plan, latencies: Vec<Duration>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = &mut inner.counters;
        counters.delivered += plan.delivered;
        counters.unrouted += plan.unrouted;
        counters.repeated += plan.to_repeat;
        counters.unavailable += u64::from(plan.unavailable.is_some());
        for row in &plan.rows {
            match row.standing {
                Standing::Delivered { .. } => counters.delivered += 1,
                Standing::RetryWait { .. } => counters.retried += 1,
                Standing::Dead { .. } => counters.dead += 1,
                Standing::Rejected => counters.rejected += 1,
                Standing::Held(..) | Standing::Pending => {},
            }
        }
        for latency in latencies {
            inner.counters.waiting.add(latency);
            if inner.latencies.len() == SAMPLES {
                inner.latencies.pop_front();
            }
            inner.latencies.push_back(latency);
        }
    }

    pub(super) fn by_type(&self, metrics: &[EventMetric]) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by_type = &mut inner.counters.by_type;
        for metric in metrics {
            let known = by_type.contains_key(&metric.event_type);
            let name = if known || by_type.len() < MOST_TYPES { &metric.event_type } else { OTHER_TYPES };
            if !by_type.contains_key(name) {
                by_type.insert(name.to_owned(), TypeStats::default());
            }
            let Some(counts) = by_type.get_mut(name) else { continue };
            match metric.outcome {
                MetricOutcome::Success => counts.delivered += 1,
                MetricOutcome::Retry => counts.retried += 1,
                MetricOutcome::Failure => counts.failed += 1,
            }
        }
    }

    pub(super) fn published(&self, took: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counters.publishing.add(took);
    }

    pub(super) fn groups(&self, groups: usize) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.counters.groups = u64::try_from(groups).unwrap_or(u64::MAX);
    }

    pub(super) fn read(&self) -> DestinationStats {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        DestinationStats { latency: latency(inner.latencies.iter().copied().collect()), ..inner.counters.clone() }
    }
}
