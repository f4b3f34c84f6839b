//! A destination that is down is left alone. While its breaker is open nothing is attempted, so an outage, however
//! long, uses up no delivery's attempts.
//!
//! The breaker lies in the database, because all workers of a destination share it. Here are its transitions; a change is
//! stored by compare-and-set, and who loses reads again.

use std::time::Duration;

use stateset_outbox::delivery::{Breaker, BreakerState};

use crate::backoff::Backoff;

/// How long an open breaker waits before one batch finds out: like deliveries, but without an end and not as long,
/// because one batch is cheap and every waiting event gains.
const PROBES: Backoff = Backoff {
    initial: Duration::from_millis(500),
    factor: 2,
    max: Duration::from_secs(15),
    retries: 0,
    jitter_percent: 20,
};

/// How long a stopped destination is left before it is looked at again.
const STOPPED: Duration = Duration::from_secs(5);

/// What may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Everything.
    Everything,
    /// One batch, to find out whether the destination is back, by whoever succeeds in storing this breaker.
    Probe(Breaker),
    /// Nothing for so long.
    Nothing(Duration),
}

/// What `breaker` allows. `probe_limit` is how long a probe can take: one that is out for longer belonged to a worker
/// that is gone.
pub fn permit(breaker: &Breaker, probe_limit: Duration) -> Permit {
    let probe = || Permit::Probe(Breaker { state: BreakerState::HalfOpen, probe_in: None, ..breaker.clone() });
    match breaker.state {
        BreakerState::Closed => Permit::Everything,
        BreakerState::Open => match breaker.probe_in {
            Some(wait) if wait.is_zero() => probe(),
            Some(wait) => Permit::Nothing(wait),
            None => Permit::Nothing(STOPPED),
        },
        BreakerState::HalfOpen if breaker.since >= probe_limit => probe(),
        BreakerState::HalfOpen => Permit::Nothing(probe_limit.saturating_sub(breaker.since).min(PROBES.initial)),
    }
}

/// The destination answered, whatever it said of the events. `None`: nothing changes.
pub fn reached(breaker: &Breaker) -> Option<Breaker> {
    (breaker.state != BreakerState::Closed).then(|| Breaker {
        state: BreakerState::Closed,
        failures: 0,
        reason: None,
        probe_in: None,
        ..breaker.clone()
    })
}

/// The destination could not be reached. `None`: nothing changes, because another worker found out before; only the
/// answer to a probe makes an open breaker wait longer.
pub fn unavailable(breaker: &Breaker, why: &str, seed: u64) -> Option<Breaker> {
    if breaker.state == BreakerState::Open {
        return None;
    }
    let failed = u32::try_from(breaker.failures).unwrap_or(0);
    Some(Breaker {
        state: BreakerState::Open,
        failures: breaker.failures.saturating_add(1),
        reason: Some(why.to_owned()),
        probe_in: Some(PROBES.delay(failed, seed)),
        ..breaker.clone()
    })
}

/// The probe came to nothing, because the lease ran out before anything was sent: the next one is due at once.
pub fn probe_unused(breaker: &Breaker) -> Breaker {
    Breaker { state: BreakerState::Open, probe_in: Some(Duration::ZERO), ..breaker.clone() }
}

/// The destination stops until an operator [resumes](reached) it, because of a dead letter and the route's policy.
pub fn stop(breaker: &Breaker, why: &str) -> Breaker {
    Breaker { state: BreakerState::Open, reason: Some(why.to_owned()), probe_in: None, ..breaker.clone() }
}
