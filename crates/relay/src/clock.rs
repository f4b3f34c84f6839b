//! Time and randomness as arguments, so that tests decide both.

use stateset_ledger::id::Micros;

/// Where the relay reads the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, in microseconds since 1970 UTC.
    fn now(&self) -> Micros;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the machine's clock")]
        let now = std::time::SystemTime::now();
        let micros = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
        Micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// A seed for jitter, from the operating system; jitter without randomness is still jitter.
pub fn seed() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok();
    u64::from_be_bytes(bytes)
}
