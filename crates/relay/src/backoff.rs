//! How long to wait before a delivery is tried again. A pure function, so a schedule can be printed and tested.

use std::time::Duration;

/// Retries of one delivery. The default is 1 s, doubled each time, at most 60 s, 5 retries (6 attempts), ±20 % jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait before the first retry.
    pub initial: Duration,
    /// By how much each wait is longer than the one before.
    pub factor: u32,
    /// Longest wait, before jitter.
    pub max: Duration,
    /// Retries after the first attempt.
    pub retries: u32,
    /// How far a wait may lie from the formula, in percent of it; at most 100.
    pub jitter_percent: u8,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_secs(1), factor: 2, max: Duration::from_mins(1), retries: 5, jitter_percent: 20 }
    }
}

impl Backoff {
    /// The first attempt and all retries.
    pub fn max_attempts(&self) -> u32 {
        self.retries.saturating_add(1)
    }

    /// The wait before retry `n`, counted from 0, without jitter: `min(initial · factor^n, max)`.
    pub fn nominal(&self, n: u32) -> Duration {
        let factor = self.factor.checked_pow(n);
        factor.and_then(|factor| self.initial.checked_mul(factor)).map_or(self.max, |delay| delay.min(self.max))
    }

    /// The wait before retry `n` with jitter. The same seed gives the same wait; deliveries that failed together use
    /// different seeds, so that they do not come back together.
    pub fn delay(&self, n: u32, seed: u64) -> Duration {
        let nominal = self.nominal(n);
        let width = 2 * 1_000 * u64::from(self.jitter_percent.min(100)) / 100;
        if width == 0 {
            return nominal;
        }
        // 0 … width thousandths, of which half lie below the formula.
        let shift = splitmix(seed ^ u64::from(n).rotate_left(32)) % (width + 1);
        let permille = u32::try_from(1_000 - width / 2 + shift).expect("at most 2000");
        nominal * permille / 1_000
    }

    /// The wait after `attempts` failed attempts, or `None` if there is no further one.
    pub fn after(&self, attempts: u32, seed: u64) -> Option<Duration> {
        (attempts < self.max_attempts()).then(|| self.delay(attempts.saturating_sub(1), seed))
    }
}

/// One step of Steele, Lea and Flood's generator (OOPSLA 2014): spreads any seed evenly.
fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
