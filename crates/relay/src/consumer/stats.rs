//! What a consumer counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stateset_outbox::consumer::{Standing, Taken};

use crate::engine::Durations;

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerStats {
    /// Records that came.
    pub received: u64,
    /// Events that took their effect when they came.
    pub applied: u64,
    /// Events that had waited and took it behind another.
    pub released: u64,
    /// Events without an effect: duplicates, past, not ours.
    pub ignored: u64,
    /// Events that wait for their predecessor.
    pub held: u64,
    /// Events and records that went to quarantine.
    pub quarantined: u64,
    /// Failed tries that were repeated.
    pub retried: u64,
    /// Offsets that were committed.
    pub commits: u64,
    /// How often partitions were taken away.
    pub revoked: u64,
    /// From taking a record up to the end of its transaction.
    pub handling: Durations,
    /// Records behind the end, by topic and partition, as of the last statistics of the client.
    pub lag: BTreeMap<(String, i32), i64>,
    /// What waits and what is in quarantine, as of the last look.
    pub standing: Standing,
}

#[derive(Debug, Default)]
pub(super) struct Stats(Mutex<ConsumerStats>);

impl Stats {
    pub(super) fn change(&self, change: impl FnOnce(&mut ConsumerStats)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn taken(&self, taken: Taken, took: Duration) {
        self.change(|stats| {
            stats.handling.add(took);
            match taken {
                Taken::Applied { released } => {
                    stats.applied += 1;
                    stats.released += u64::from(released);
                },
                Taken::Ignored(_) => stats.ignored += 1,
                Taken::Held => stats.held += 1,
                Taken::Quarantined(_) => stats.quarantined += 1,
            }
        });
    }

    pub(super) fn read(&self) -> ConsumerStats {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ConsumerStats {
    /// Prometheus' text format. Labels are the consumer, outcomes, topics and partitions: never tenants, events or keys.
    pub fn prometheus(&self, consumer: &str) -> String {
        use crate::engine::exposition::{escaped, family, histogram, line};
        let mut text = String::new();
        let consumer = escaped(consumer);
        family(&mut text, "consumer_events_total", "counter", "Records by what became of them.");
        for (outcome, count) in [
            ("applied", self.applied),
            ("released", self.released),
            ("ignored", self.ignored),
            ("held", self.held),
            ("quarantined", self.quarantined),
            ("retried", self.retried),
        ] {
            line(&mut text, &format!("consumer_events_total{{consumer=\"{consumer}\",outcome=\"{outcome}\"}}"), count);
        }
        family(&mut text, "consumer_records_total", "counter", "Records that came.");
        line(&mut text, &format!("consumer_records_total{{consumer=\"{consumer}\"}}"), self.received);
        family(&mut text, "consumer_lag", "gauge", "Records behind the end of a partition.");
        for ((topic, partition), lag) in &self.lag {
            let topic = escaped(topic);
            let labels = format!("consumer=\"{consumer}\",topic=\"{topic}\",partition=\"{partition}\"");
            line(&mut text, &format!("consumer_lag{{{labels}}}"), lag);
        }
        let seconds = |age: Option<Duration>| age.unwrap_or_default().as_secs_f64();
        for (name, help, value) in [
            ("consumer_held", "Events that wait for their predecessor.", self.standing.held.to_string()),
            (
                "consumer_held_oldest_seconds",
                "How long the first of them has waited.",
                seconds(self.standing.oldest_held).to_string(),
            ),
            ("consumer_quarantined", "Events in quarantine.", self.standing.quarantined.to_string()),
            (
                "consumer_quarantined_oldest_seconds",
                "How long the first of them has been there.",
                seconds(self.standing.oldest_quarantined).to_string(),
            ),
        ] {
            family(&mut text, name, "gauge", help);
            writeln!(text, "{name}{{consumer=\"{consumer}\"}} {value}").expect("a string can be written to");
        }
        family(&mut text, "consumer_handling_seconds", "histogram", "From a record to the end of its transaction.");
        histogram(&mut text, "consumer_handling_seconds", &format!("consumer=\"{consumer}\""), &self.handling);
        text
    }
}
