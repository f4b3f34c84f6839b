//! A destination that is down is left alone. While its breaker is open nothing is attempted, so an outage, however
//! long, uses up no delivery's attempts.

use std::time::Duration;

use stateset_ledger::id::Micros;

use crate::backoff::Backoff;

/// How long an open breaker waits before it lets one batch try: like deliveries, but without an end and not as long,
/// because one batch is cheap and every waiting event gains.
const PROBES: Backoff =
    Backoff { initial: Duration::from_millis(500), factor: 2, max: Duration::from_secs(15), retries: 0, jitter_percent: 20 };

/// One destination's breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        since: Micros,
        until: Micros,
        failed_probes: u32,
        why: String,
    },
    /// One batch is out to find out.
    Probing {
        since: Micros,
        failed_probes: u32,
        why: String,
    },
}

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Everything.
    Everything,
    /// One batch, to find out whether the destination is back.
    Probe,
    /// Nothing before this time.
    Nothing {
        /// When a probe is due; while one is out, the time asked.
        until: Micros,
    },
}

impl Breaker {
    /// What may be sent. A [`Permit::Probe`] is given once; its result must be reported.
    pub fn permit(&mut self, now: Micros) -> Permit {
        match &self.state {
            State::Closed => Permit::Everything,
            State::Open { until, .. } if now < *until => Permit::Nothing { until: *until },
            State::Open { since, failed_probes, why, .. } => {
                self.state = State::Probing { since: *since, failed_probes: *failed_probes, why: why.clone() };
                Permit::Probe
            },
            State::Probing { .. } => Permit::Nothing { until: now },
        }
    }

    /// The destination answered, whatever it said of the events.
    pub fn reached(&mut self) {
        self.state = State::Closed;
    }

    /// The destination could not be reached, or said that it is not able to work. Reports of batches that were already
    /// out when the breaker opened change nothing.
    pub fn unavailable(&mut self, now: Micros, why: &str, seed: u64) {
        let (since, failed_probes) = match &self.state {
            State::Closed => (now, 0),
            State::Probing { since, failed_probes, .. } => (*since, failed_probes.saturating_add(1)),
            State::Open { .. } => return,
        };
        let wait = PROBES.delay(failed_probes, seed);
        let until = Micros(now.0.saturating_add(i64::try_from(wait.as_micros()).expect("at most 18 s")));
        self.state = State::Open { since, until, failed_probes, why: why.to_owned() };
    }

    /// The probe came to nothing: no delivery could be tried, for instance because the lease was lost.
    pub fn probe_unused(&mut self, now: Micros) {
        if let State::Probing { since, failed_probes, why } = &self.state {
            self.state = State::Open { since: *since, until: now, failed_probes: *failed_probes, why: why.clone() };
        }
    }

    /// Since when and why the destination is left alone; `None` if it is not.
    pub fn outage(&self) -> Option<(Micros, &str)> {
        match &self.state {
            State::Closed => None,
            State::Open { since, why, .. } | State::Probing { since, why, .. } => Some((*since, why)),
        }
    }
}
