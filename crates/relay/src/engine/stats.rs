//! What a worker counts while it runs, per destination.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::lane::{Plan, Standing};

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
    /// From the commit of the event to the settlement of its delivery, of the last 10,000 first deliveries.
    pub latency: Option<Latency>,
}

/// Percentiles by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Half were faster.
    pub p50: Duration,
    /// 95 of 100 were faster.
    pub p95: Duration,
    /// 99 of 100 were faster.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

#[derive(Default)]
pub(super) struct Stats(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    counters: DestinationStats,
    latencies: VecDeque<Duration>,
}

impl Stats {
    pub(super) fn settled(&self, plan: &Plan, latencies: impl Iterator<Item = Duration>) {
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
            if inner.latencies.len() == SAMPLES {
                inner.latencies.pop_front();
            }
            inner.latencies.push_back(latency);
        }
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

/// Q01. `None` without a value.
pub(super) fn latency(mut values: Vec<Duration>) -> Option<Latency> {
    values.sort_unstable();
    let rank = |percent: usize| {
        let place = (values.len() * percent).div_ceil(100).max(1);
        values.get(place - 1).copied()
    };
    Some(Latency { p50: rank(50)?, p95: rank(95)?, p99: rank(99)?, max: rank(100)? })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latency, latency};

    /// Q01: nearest rank, exact for few values.
    #[test]
    fn percentiles_are_values_that_were_measured() {
        let ms = Duration::from_millis;
        assert_eq!(latency(Vec::new()), None);
        let one = latency(vec![ms(7)]).unwrap();
        assert_eq!(one, Latency { p50: ms(7), p95: ms(7), p99: ms(7), max: ms(7) });
        let hundred = latency((1..=100).rev().map(ms).collect()).unwrap();
        assert_eq!(hundred, Latency { p50: ms(50), p95: ms(95), p99: ms(99), max: ms(100) });
        assert_eq!(latency(vec![ms(1), ms(2), ms(3)]).unwrap().p50, ms(2));
    }
}
