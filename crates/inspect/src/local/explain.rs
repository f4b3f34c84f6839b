//! Where something is, in words. The words are the outbox's; here they get their times.

use std::time::Duration;

use serde_json::json;
use stateset_outbox::explain::{self as stored, Line, Urgency};
use stateset_outbox::{Engine, EventId};

use super::{Local, of_read, rows};
use crate::answer::{Explanation, duration_text, instant_text};
use crate::fault::Fault;
use crate::surface::Subject;

impl<DB: Engine> Local<DB> {
    pub(super) async fn explained(&self, subject: &Subject) -> Result<Explanation, Fault> {
        let asked = match subject {
            Subject::Event(event) => stored::Subject::Event(event.clone()),
            Subject::Order(key) => stored::Subject::OrderKey(key.clone()),
            Subject::Key { key, operation } => {
                stored::Subject::IdempotencyKey { operation: operation.clone(), key: key.clone() }
            },
            Subject::Destination(name) => stored::Subject::Destination(name.clone()),
        };
        Ok(answer(self.reader.explain(&asked).await.map_err(of_read)?))
    }
}

fn answer(found: stored::Explanation) -> Explanation {
    let now = found.now;
    let mut commands: Vec<String> = found.lines.iter().filter_map(|line| line.fix.clone()).collect();
    commands.dedup();
    let facts: Vec<_> = found.lines.iter().map(|line| fact(line)).collect();
    let events: Vec<String> = found.events.iter().map(|(_, id)| EventId(*id).display()).collect();
    let summary = found.lines.first().map_or_else(|| "nothing is known of it".to_owned(), |line| sentence(line, now));
    Explanation {
        subject: rows::lane(&found.subject),
        summary,
        reasons: found.lines.iter().skip(1).map(|line| sentence(line, now)).collect(),
        next: found.lines.first().map(|line| next(line, now)).filter(|next| !next.is_empty()),
        commands,
        facts: json!({ "lines": facts, "events": events }),
    }
}

fn between(from: i64, to: i64) -> String {
    duration_text(Duration::from_micros(u64::try_from(to.saturating_sub(from)).unwrap_or(0)))
}

fn sentence(line: &Line, now: i64) -> String {
    let since = line.since.map(|since| format!(", for {} (since {})", between(since, now), instant_text(since)));
    format!("{}: {}: {}{}", rows::lane(&line.place), line.state, line.why, since.unwrap_or_default())
}

fn next(line: &Line, now: i64) -> String {
    match line.at.filter(|at| *at > now) {
        Some(at) => format!("{}, in {} (at {})", line.next, between(now, at), instant_text(at)),
        None => line.next.clone(),
    }
}

fn fact(line: &Line) -> serde_json::Value {
    let urgency = match line.urgency {
        Urgency::Fine => "fine",
        Urgency::Waiting => "waiting",
        Urgency::Stuck => "stuck",
    };
    json!({
        "place": rows::lane(&line.place),
        "state": line.state,
        "urgency": urgency,
        "why": line.why,
        "since": line.since.map(instant_text),
        "next": line.next,
        "at": line.at.map(instant_text),
        "fix": line.fix,
    })
}
