//! What the demo answers, for people while it happens and for programs at the end.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::expect::Difference;
use crate::exit::Stop;
use crate::output::Output;

/// The whole run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Nothing was other than expected.
    pub(super) ok: bool,
    pub(super) shop: Where,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) scenarios: Vec<ScenarioReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chaos: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) audit: Option<AuditReport>,
}

/// Where the shop is.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Where {
    /// Addresses by service, or `shop` for all in one.
    pub(super) services: BTreeMap<String, String>,
    pub(super) mailbox: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequencer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kafka: Option<String>,
    /// Databases, logs, mails; absent for a shop that somebody else runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ScenarioReport {
    pub(super) name: String,
    pub(super) ok: bool,
    /// Why it was left out, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<String>,
    pub(super) steps: Vec<StepReport>,
}

#[derive(Debug, Serialize)]
pub(super) struct StepReport {
    pub(super) say: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// JSON, or the text as it came.
    pub(super) answer: Value,
    pub(super) took_ms: u64,
    pub(super) differences: Vec<Difference>,
}

/// What was compared at the end, and what was not as it should be.
#[derive(Debug, Default, Serialize)]
pub(super) struct AuditReport {
    pub(super) ok: bool,
    /// What was looked at: a line each, with its number.
    pub(super) checked: Vec<Checked>,
    pub(super) differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub(super) what: String,
    pub(super) count: u64,
    pub(super) differences: u64,
}

impl AuditReport {
    /// Notes what was found of one kind.
    pub(super) fn add(&mut self, what: impl Into<String>, count: usize, differences: Vec<Difference>) {
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        let line = Checked { what: what.into(), count: number(count), differences: number(differences.len()) };
        self.checked.push(line);
        self.differences.extend(differences);
        self.ok = self.differences.is_empty();
    }
}

/// Talks while it happens, if people read it.
#[derive(Clone, Copy)]
pub(super) struct Telling {
    pub(super) output: Output,
}

impl Telling {
    /// A line for people; programs get the report instead.
    pub(super) fn line(self, line: &str) -> Result<(), Stop> {
        if self.output.format.is_for_programs() { Ok(()) } else { Output::line(line) }
    }

    pub(super) fn step(self, number: usize, step: &StepReport) -> Result<(), Stop> {
        self.line(&format!("{number:>3}. {}", step.say))?;
        if let Some(call) = &step.call {
            let status = step.status.map(|status| format!(" → {status}")).unwrap_or_default();
            self.line(&format!("     {call}{status} ({} ms)", step.took_ms))?;
        }
        let answer = match &step.answer {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        for line in answer.lines() {
            self.line(&format!("     {line}"))?;
        }
        for one in &step.differences {
            self.line(&format!("     WRONG: {}", one.sentence()))?;
        }
        Ok(())
    }
}
