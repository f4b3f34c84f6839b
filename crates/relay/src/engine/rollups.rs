//! What a worker counts of the current minutes, until the database has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stateset_ledger::id::Micros;
use stateset_outbox::delivery::Rollup;

use crate::metrics::{EventMetric, MOST_TYPES, MetricOutcome, OTHER_TYPES};

const MINUTE_US: i64 = 60_000_000;

/// The counts of one destination.
#[derive(Default)]
pub(super) struct Rollups(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    rows: BTreeMap<(i64, String), Rollup>,
    /// Rows the database does not have in their present form.
    changed: BTreeSet<(i64, String)>,
}

impl Rollups {
    pub(super) fn count(&self, destination: i32, worker: &str, metrics: &[EventMetric]) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for metric in metrics {
            let minute = metric.at.0.div_euclid(MINUTE_US);
            let event_type = inner.name(minute, &metric.event_type);
            let key = (minute, event_type);
            if !inner.changed.contains(&key) {
                inner.changed.insert(key.clone());
            }
            let row = inner.rows.entry(key).or_insert_with_key(|(minute, event_type)| Rollup {
                minute: *minute,
                destination,
                event_type: event_type.clone(),
                worker: worker.to_owned(),
                delivered: 0,
                retried: 0,
                failed: 0,
                slowest_us: 0,
                latencies: stateset_outbox::delivery::Histogram::default(),
            });
            match metric.outcome {
                MetricOutcome::Success => {
                    row.delivered += 1;
                    row.latencies.add(metric.latency);
                    let micros = u64::try_from(metric.latency.as_micros()).unwrap_or(u64::MAX);
                    row.slowest_us = row.slowest_us.max(micros);
                },
                MetricOutcome::Retry => row.retried += 1,
                MetricOutcome::Failure => row.failed += 1,
            }
        }
    }

    /// What the database does not have yet. Give it back with [`Self::failed`] if it could not be stored.
    pub(super) fn take(&self, now: Micros) -> Vec<Rollup> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = std::mem::take(&mut inner.changed);
        let taken = changed.iter().filter_map(|key| inner.rows.get(key).cloned()).collect();
        // The current minute may still grow, and so may the one before while a slow round is being counted.
        let oldest = now.0.div_euclid(MINUTE_US) - 1;
        inner.rows.retain(|(minute, _), _| *minute >= oldest);
        taken
    }

    /// They were not stored: try again later.
    pub(super) fn failed(&self, rollups: Vec<Rollup>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for rollup in rollups {
            let key = (rollup.minute, rollup.event_type.clone());
            inner.changed.insert(key.clone());
            inner.rows.entry(key).or_insert(rollup);
        }
    }
}

impl Inner {
    /// The type, unless the minute knows too many already.
    fn name(&self, minute: i64, event_type: &str) -> String {
        let key = (minute, event_type.to_owned());
        let known = || self.rows.range((minute, String::new())..(minute + 1, String::new())).count();
        if self.rows.contains_key(&key) || known() < MOST_TYPES { key.1 } else { OTHER_TYPES.to_owned() }
    }
}

/// How often counts are written: what a killed worker counted since is lost.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn metric(at: i64, event_type: &str, ms: u64) -> EventMetric {
        EventMetric {
            event_id: Uuid::nil(),
            event_type: event_type.to_owned(),
            tenant: Uuid::nil(),
            correlation_id: None,
            at: Micros(at),
            latency: Duration::from_millis(ms),
            outcome: MetricOutcome::Success,
        }
    }

    /// Q06: a minute's row grows until the minute is over, and a failed write loses nothing.
    #[test]
    fn rows_grow_and_are_taken_once() {
        let rollups = Rollups::default();
        rollups.count(1, "w", &[metric(0, "order.created", 1), metric(1, "order.created", 9)]);
        let first = rollups.take(Micros(0));
        assert_eq!((first.len(), first[0].delivered, first[0].slowest_us), (1, 2, 9_000));
        assert!(rollups.take(Micros(0)).is_empty(), "nothing has changed since");
        rollups.count(1, "w", &[metric(2, "order.created", 1)]);
        let second = rollups.take(Micros(10 * MINUTE_US));
        assert_eq!(second[0].delivered, 3, "the row holds the whole minute");
        rollups.failed(second.clone());
        assert_eq!(rollups.take(Micros(10 * MINUTE_US)), second);
    }

    /// Q04: the number of types is bounded.
    #[test]
    fn too_many_types_are_others() {
        let rollups = Rollups::default();
        let many: Vec<_> = (0..MOST_TYPES + 50).map(|n| metric(0, &format!("a.t{n}"), 1)).collect();
        rollups.count(1, "w", &many);
        let rows = rollups.take(Micros(0));
        assert_eq!(rows.len(), MOST_TYPES + 1);
        assert_eq!(rows.iter().find(|row| row.event_type == OTHER_TYPES).unwrap().delivered, 50);
    }
}
