//! Where something is, in words. The words are the outbox's; here they get their times.

use std::time::Duration;

use serde_json::json;
use stateset_outbox::explain::{self as stored, Line, Urgency};
use stateset_outbox::read::ReadError;
use stateset_outbox::{Engine, EventId};

use super::destinations::no_destination;
use super::{Local, of_delivery, of_read, rows};
use crate::answer::{Explanation, duration_text, instant_text};
use crate::fault::{Fault, Kind};
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
        match self.reader.explain(&asked).await {
            Ok(found) => Ok(answer(&found)),
            Err(ReadError::NotFound(_)) => Err(self.unknown(subject).await?),
            Err(error) => Err(of_read(error)),
        }
    }

    /// There is no such subject; each kind is looked up elsewhere.
    async fn unknown(&self, subject: &Subject) -> Result<Fault, Fault> {
        let missing = |code: &'static str, message: String, fix: &str| Fault::new(Kind::NotFound, code, message, fix);
        Ok(match subject {
            Subject::Event(event) => Fault::no_event(&event.to_string()),
            Subject::Order(key) => {
                let fix = "an order key is what `stateset-events list` shows in the column of that name; of an event without \
                           one it is type/id of its entity";
                missing(
                    "ORDER_NOT_FOUND",
                    format!("no event of this tenant and store has the order key {key:.100?}"),
                    fix,
                )
            },
            Subject::Key { key, .. } => {
                let fix = "`stateset-events idempotency get` looks it up too; the command was not done, and may be sent under it";
                missing("KEY_NOT_FOUND", format!("nobody has used the idempotency key {key:.100?}"), fix)
            },
            Subject::Destination(name) => {
                let all = self.outbox.deliveries().destinations().await.map_err(of_delivery)?;
                no_destination(name, all.iter().map(|one| one.name.as_str()))
            },
        })
    }
}

fn answer(found: &stored::Explanation) -> Explanation {
    let now = found.now;
    let mut commands: Vec<String> = found.lines.iter().filter_map(|line| line.fix.clone()).collect();
    commands.dedup();
    let facts: Vec<_> = found.lines.iter().map(fact).collect();
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
