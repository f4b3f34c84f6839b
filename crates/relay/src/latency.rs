//! Percentiles.

use std::time::Duration;

/// Percentiles by nearest rank: each is a value that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Half were not slower.
    pub p50: Duration,
    /// 95 of 100 were not slower.
    pub p95: Duration,
    /// 99 of 100 were not slower.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

/// Q01. `None` without a value.
pub(crate) fn latency(mut values: Vec<Duration>) -> Option<Latency> {
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
