//! Time and randomness as arguments, so that tests decide both.

use stateset_ledger::id::Micros;

/// Where the service reads the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, in microseconds since 1970 UTC.
    fn now(&self) -> Micros;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
        let now = std::time::SystemTime::now();
        let micros = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
        Micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// `N` bytes from the operating system.
///
/// # Panics
/// If the operating system has no randomness, in which case nothing here may go on.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}
