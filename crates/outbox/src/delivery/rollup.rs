//! What became of deliveries, minute by minute: small enough to keep, exact enough to see an outage in.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Buckets per doubling: a percentile read from them is at most 19 % above the measured value.
const PER_DOUBLING: u32 = 4;
/// Where the first bucket ends, in microseconds.
const FIRST_US: f64 = 100.0;
/// The last bucket, which ends beyond four days and takes everything longer too.
const LAST: u8 = 127;

/// The deliveries of one minute, destination, type and worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollup {
    /// Minutes since 1970 UTC.
    pub minute: i64,
    /// Number of the destination.
    pub destination: i32,
    /// Type of the events; `other` beyond a number of types.
    pub event_type: String,
    /// The worker that counted.
    pub worker: String,
    /// Deliveries that went through.
    pub delivered: u64,
    /// Failed attempts that are repeated.
    pub retried: u64,
    /// Deliveries that ended dead or rejected.
    pub failed: u64,
    /// The slowest that went through, in microseconds from writing to settlement.
    pub slowest_us: u64,
    /// All that went through, by how long they took.
    pub latencies: Histogram,
}

/// Counts per bucket of time: bucket `n` ends at 100 µs × 2^(n/4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u8, u64>);

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        *self.0.entry(bucket(took)).or_default() += 1;
    }

    /// Counts what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The end of the bucket that holds the nearest rank of a percentile; `None` if nothing was counted.
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut below = 0;
        self.0.iter().find_map(|(bucket, count)| {
            below += count;
            (below >= rank).then(|| end(*bucket))
        })
    }
}

/// Where each bucket ends, calculated once: every delivery is looked up.
static ENDS: LazyLock<Vec<Duration>> = LazyLock::new(|| {
    let end = |bucket: u8| FIRST_US * (f64::from(bucket) / f64::from(PER_DOUBLING)).exp2() / 1_000_000.0;
    (0..=LAST).map(|bucket| Duration::from_secs_f64(end(bucket))).collect()
});

fn bucket(took: Duration) -> u8 {
    u8::try_from(ENDS.partition_point(|end| *end < took)).map_or(LAST, |bucket| bucket.min(LAST))
}

/// A stored bucket beyond the last one is read as the last.
fn end(bucket: u8) -> Duration {
    ENDS.get(usize::from(bucket.min(LAST))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Q01: a percentile is never below the measured value, and at most a bucket above it.
        #[test]
        fn a_percentile_is_close_above(mut micros in proptest::collection::vec(100_u64..100_000_000_000, 1..200), percent in 1_u64..=100) {
            let mut histogram = Histogram::default();
            for us in &micros {
                histogram.add(Duration::from_micros(*us));
            }
            micros.sort_unstable();
            let rank = (micros.len() * usize::try_from(percent).unwrap()).div_ceil(100).max(1);
            let exact = Duration::from_micros(micros[rank - 1]);
            let read = histogram.percentile(percent).unwrap();
            prop_assert!(read >= exact && read.as_secs_f64() <= exact.as_secs_f64() * 1.1893, "{exact:?} read as {read:?}");
        }

        /// Merging is counting together; the text form is exact.
        #[test]
        fn merging_adds(one in proptest::collection::vec(0_u64..u64::MAX / 1_000, 0..50), two in proptest::collection::vec(0_u64..1_000_000, 0..50)) {
            let counted = |all: &[u64]| {
                let mut histogram = Histogram::default();
                for us in all {
                    histogram.add(Duration::from_micros(*us));
                }
                histogram
            };
            let mut merged = counted(&one);
            merged.merge(&counted(&two));
            prop_assert_eq!(&merged, &counted(&[one, two].concat()));
            let text = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), merged);
        }
    }
}
