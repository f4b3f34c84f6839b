//! A histogram of atomics.
//!
//! The library's own takes a lock per observation; this one adds to two counters, so that measuring costs a request a few
//! nanoseconds whatever else is measured at the same time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

const NANOS: f64 = 1e9;
const MICRO: u64 = 1_000;

/// Upper bounds of latencies in nanoseconds: 100 µs to 13 s, each twice the one before.
const LATENCY: [u64; 18] = {
    let mut bounds = [100 * MICRO; 18];
    let mut i = 1;
    while i < bounds.len() {
        bounds[i] = 2 * bounds[i - 1];
        i += 1;
    }
    bounds
};

/// Upper bounds of numbers of things: 1 to 4,096, each twice the one before.
const COUNTS: [u64; 13] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];

/// Counts of observations per bucket. Clones share them.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    bounds: &'static [u64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    /// How many of what is counted make one of what is shown.
    unit: f64,
}

impl Histogram {
    fn new(bounds: &'static [u64], unit: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets { bounds, counts, sum: AtomicU64::new(0), unit }))
    }

    /// Of durations, shown in seconds.
    pub fn of_time() -> Self {
        Self::new(&LATENCY, NANOS)
    }

    /// Of numbers of things.
    pub fn of_counts() -> Self {
        Self::new(&COUNTS, 1.0)
    }

    /// Adds a duration to a histogram [`Self::of_time`].
    pub fn time(&self, taken: Duration) {
        self.add(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds a number to a histogram [`Self::of_counts`].
    pub fn count(&self, number: usize) {
        self.add(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn add(&self, value: u64) {
        let bucket = self.0.bounds.partition_point(|bound| *bound < value);
        self.0.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Observations so far.
    pub fn observations(&self) -> u64 {
        self.0.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    #[expect(clippy::cast_precision_loss, reason = "sums beyond 2^53 nanoseconds, 104 days, may be rounded")]
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let buckets = &self.0;
        let bounds = buckets.bounds.iter().map(|bound| *bound as f64 / buckets.unit).chain([f64::INFINITY]);
        let counts: Vec<(f64, u64)> =
            bounds.zip(&buckets.counts).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect();
        // From the very numbers that are shown, so that the last bucket and the count agree.
        let count = counts.iter().map(|(_, count)| count).sum();
        let sum = buckets.sum.load(Ordering::Relaxed) as f64 / buckets.unit;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &counts, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::Histogram;

    #[test]
    fn observations_fall_into_the_first_bucket_that_holds_them() {
        let (time, counts) = (Histogram::of_time(), Histogram::of_counts());
        for micros in [0, 100, 101, 20_000_000] {
            time.time(Duration::from_micros(micros));
        }
        for number in [1, 3, 4, 5_000] {
            counts.count(number);
        }
        let mut registry = Registry::default();
        registry.register("time", "t", time);
        registry.register("counts", "c", counts);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "time_bucket{le=\"0.0001\"} 2",
            "time_bucket{le=\"0.0002\"} 3",
            "time_bucket{le=\"+Inf\"} 4",
            "time_count 4",
            "counts_bucket{le=\"1.0\"} 1",
            "counts_bucket{le=\"4.0\"} 3",
            "counts_sum 5008.0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
