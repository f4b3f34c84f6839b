//! How many requests came, and what became of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts since the start. Topics that the connector does not understand count as `other`, so strangers cannot make the
/// list grow.
#[derive(Debug, Default)]
pub struct Stats(Mutex<BTreeMap<(String, &'static str), u64>>);

/// The topic of requests that were refused, and of those that are not understood.
const OTHER: &str = "other";

impl Stats {
    pub(crate) fn count(&self, known: &[&str], topic: Option<&str>, outcome: &'static str) {
        let topic = topic.filter(|topic| known.contains(topic)).unwrap_or(OTHER).to_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((topic, outcome)).or_default() += 1;
    }

    /// How many had this outcome: `written`, `duplicate`, `stale`, `ignored`, `refused`, `unreadable`, `failed`.
    pub fn outcome(&self, outcome: &str) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().filter(|((_, name), _)| *name == outcome).map(|(_, count)| count).sum()
    }

    /// In Prometheus' text format.
    pub fn prometheus(&self, connector: &str) -> String {
        let mut text = "# HELP connector_webhooks_total Requests of shops, by what became of them.\n\
                        # TYPE connector_webhooks_total counter\n"
            .to_owned();
        for ((topic, outcome), count) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            text.push_str(&format!(
                "connector_webhooks_total{{connector=\"{connector}\",topic=\"{topic}\",outcome=\"{outcome}\"}} {count}\n"
            ));
        }
        text
    }
}
