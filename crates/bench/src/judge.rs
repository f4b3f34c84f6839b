//! Whether a result is what was promised.

use std::time::Duration;

use crate::bound::Bound;
use crate::cells::{Cell, LEAST_OF_SIXTEEN, ONE_OF_SIXTEEN, ONE_STREAM, Target};
use crate::load::Measured;
use crate::numbers::{float, grouped, latency, micros_each, millis};

/// A target and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) text: String,
    /// `None`: it could not be judged.
    pub(crate) met: Option<bool>,
}

/// A cell with everything that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Result {
    pub(crate) cell: Cell,
    pub(crate) engine: &'static str,
    /// Which of the given servers.
    pub(crate) server: &'static str,
    pub(crate) measured: Measured,
    pub(crate) bound: Bound,
    pub(crate) peak_resident_bytes: u64,
    /// Rate at which the events were new, for a cell of duplicates.
    pub(crate) accept_rate: Option<f64>,
    /// What checking one signature costs this server; `None` if it is built otherwise than this program.
    pub(crate) signature_check: Option<Duration>,
}

/// Fewer, and a client's luck decides.
const LEAST_REQUESTS_PER_CLIENT: u64 = 10;
/// Memory, in MB, that no cell may exceed.
const MOST_MEGABYTES: u64 = 100;
/// Share of the processors that others may use before it is told. The kernel's own work for the load, such as the
/// network's, counts as others'.
const MOST_ELSEWHERE: f64 = 0.15;

impl Result {
    pub(crate) fn is_discarded(&self) -> bool {
        self.measured.fewest_requests < LEAST_REQUESTS_PER_CLIENT
    }

    /// Rate as a share of the bound's.
    pub(crate) fn of_bound(&self) -> f64 {
        self.measured.rate() / self.bound.rate
    }

    pub(crate) fn server_micros(&self) -> f64 {
        micros_each(self.measured.cpu.server, self.measured.events)
    }

    pub(crate) fn database_micros(&self) -> f64 {
        micros_each(self.measured.cpu.database, self.measured.events)
    }

    pub(crate) fn generator_micros(&self) -> f64 {
        micros_each(self.measured.cpu.generator, self.measured.events)
    }

    /// Share of the machine's processors that neither server, database nor generator used, but somebody did.
    pub(crate) fn share_elsewhere(&self) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        self.measured.cpu.elsewhere().as_secs_f64() / (self.measured.elapsed.as_secs_f64() * float(cores))
    }

    pub(crate) fn megabytes(&self) -> u64 {
        self.peak_resident_bytes / 1_000_000
    }

    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        if self.is_discarded() {
            let text = format!("discarded: {} requests of a client", self.measured.fewest_requests);
            return vec![Verdict { text, met: None }];
        }
        let mut verdicts: Vec<Verdict> = self.cell.targets.iter().map(|target| self.judge(*target)).collect();
        let text = format!("{} ≤ {MOST_MEGABYTES} MB", self.megabytes());
        verdicts.push(Verdict { text, met: Some(self.megabytes() <= MOST_MEGABYTES) });
        let elsewhere = self.share_elsewhere();
        if elsewhere > MOST_ELSEWHERE {
            let text = format!("disturbed: {:.0} % of the processors were used elsewhere", elsewhere * 100.0);
            verdicts.push(Verdict { text, met: None });
        }
        verdicts
    }

    fn judge(&self, target: Target) -> Verdict {
        let measured = &self.measured;
        match target {
            Target::Rate(least) => at_least(measured.rate(), least, |rate| format!("{}/s", grouped(rate))),
            Target::OfBound(least) => at_least(self.of_bound(), least, |share| format!("{share:.2} of bound")),
            Target::P50(most) => at_most_time("p50", measured.quantile(0.5), most),
            Target::P99(most) => at_most_time("p99", measured.quantile(0.99), most),
            Target::TimesBound(most) => {
                let times = millis(measured.quantile(0.5)) / millis(self.bound.p50).max(1e-6);
                at_most(times, most, |times| format!("{times:.1} × a lone commit"))
            },
            Target::ServerMicros(most) => match self.signature_check {
                Some(check) => {
                    let rest = self.server_micros() - check.as_secs_f64() * 1e6;
                    at_most(rest, most, |micros| format!("{micros:.1} µs server without signature"))
                },
                None => Verdict { text: "server without signature: not known for this build".to_owned(), met: None },
            },
            Target::DatabaseMicros(most) => {
                at_most(self.database_micros(), most, |micros| format!("{micros:.1} µs database"))
            },
            Target::OfAcceptRate(least) => {
                let share = self.accept_rate.map_or(0.0, |rate| measured.rate() / rate);
                at_least(share, least, |share| format!("{share:.2} of accept rate"))
            },
            Target::LastOfFirst(least) => match last_of_first(&measured.marks) {
                Some(share) => at_least(share, least, |share| format!("{share:.2} last of first 300 000")),
                None => Verdict { text: "too few events to tell whether it is flat".to_owned(), met: None },
            },
        }
    }
}

pub(crate) fn at_least(value: f64, least: f64, text: impl Fn(f64) -> String) -> Verdict {
    Verdict { text: format!("{} ≥ {}", text(value), text(least)), met: Some(value >= least) }
}

pub(crate) fn at_most(value: f64, most: f64, text: impl Fn(f64) -> String) -> Verdict {
    Verdict { text: format!("{} ≤ {}", text(value), text(most)), met: Some(value <= most) }
}

pub(crate) fn at_most_time(name: &str, value: Duration, most: Duration) -> Verdict {
    Verdict { text: format!("{name} {} ≤ {}", latency(value), latency(most)), met: Some(value <= most) }
}

/// Time of the first three marks by that of the last three: 1 if the rate stayed the same, less if it fell.
fn last_of_first(marks: &[Duration]) -> Option<f64> {
    const MARKS: usize = 3;
    if marks.len() < 2 * MARKS {
        return None;
    }
    let first = marks[MARKS - 1];
    let last = marks[marks.len() - 1].saturating_sub(marks[marks.len() - 1 - MARKS]);
    Some(first.as_secs_f64() / last.as_secs_f64().max(1e-9))
}

/// Whether one stream is nearly as fast as sixteen, for each server that ran both cells.
pub(crate) fn one_stream_to_sixteen(results: &[Result]) -> Vec<Verdict> {
    let named = |name: &'static str| results.iter().filter(move |result| result.cell.name == name);
    named(ONE_STREAM)
        .filter_map(|one| {
            let sixteen =
                named(ONE_OF_SIXTEEN).find(|sixteen| (sixteen.engine, sixteen.server) == (one.engine, one.server))?;
            let share = one.measured.rate() / sixteen.measured.rate();
            let place = format!("{} {}", one.engine, one.server);
            Some(at_least(share, LEAST_OF_SIXTEEN, |share| format!("{share:.2}")))
                .map(|verdict| Verdict { text: format!("{place}: one stream by sixteen: {}", verdict.text), ..verdict })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_load_is_flat_and_a_slowing_one_is_not() {
        let steady: Vec<Duration> = (1..=10).map(Duration::from_secs).collect();
        assert!((last_of_first(&steady).unwrap() - 1.0).abs() < 1e-9);
        let slowing: Vec<Duration> = (1..=10).map(|at| Duration::from_secs(at * at)).collect();
        assert!(last_of_first(&slowing).unwrap() < 0.3);
        assert_eq!(last_of_first(&steady[..5]), None);
    }

    #[test]
    fn verdicts_say_what_was_wanted() {
        let verdict = at_most_time("p99", Duration::from_millis(400), Duration::from_millis(300));
        assert_eq!(verdict, Verdict { text: "p99 400 ms ≤ 300 ms".to_owned(), met: Some(false) });
        assert_eq!(at_least(0.25, 0.22, |share| format!("{share:.2} of bound")).met, Some(true));
    }
}
