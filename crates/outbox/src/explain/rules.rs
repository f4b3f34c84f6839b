//! What facts mean: pure.

use super::{Line, Urgency};
use crate::KeyStatus;
use crate::delivery::{Breaker, BreakerState, DeliveryState as State};
use crate::read::{Delivery, DestinationStatus, KeySummary, LaneDepth};

/// What explains a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryFacts<'a> {
    /// As it stands.
    pub delivery: &'a Delivery,
    /// When the event was written.
    pub written_at: i64,
    /// The breaker of its destination.
    pub breaker: &'a Breaker,
    /// Workers that have a lease there.
    pub workers: usize,
    /// Events of its lane at the destination that are before it and not done: how many, and the first of them.
    pub before: Option<(i64, &'a Delivery)>,
    /// The database's clock.
    pub now: i64,
}

/// What explains an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct KeyFacts<'a> {
    /// As it stands.
    pub key: &'a KeySummary,
    /// Events that its command wrote.
    pub events: usize,
    /// The database's clock.
    pub now: i64,
}

/// Says of one delivery where it is and what comes next.
pub fn explain_delivery(facts: &DeliveryFacts<'_>) -> Line {
    let DeliveryFacts { delivery, .. } = facts;
    let place = match delivery.replay_job {
        Some(job) => format!("{} (replay {job})", delivery.destination),
        None => delivery.destination.clone(),
    };
    let blank = Line {
        place,
        state: delivery.state.to_string(),
        urgency: Urgency::Waiting,
        why: String::new(),
        since: delivery.updated_at.or(Some(facts.written_at)),
        next: String::new(),
        at: None,
        fix: None,
    };
    match delivery.state {
        State::Delivered => fine(
            blank,
            "the destination took it",
            "nothing: this is final unless it is acknowledged",
            delivery.delivered_at,
        ),
        State::Acknowledged => {
            fine(blank, "the destination's acceptance is proved", "nothing: this is final", delivery.acknowledged_at)
        },
        State::Rejected => fine(
            blank,
            &format!("the destination refuses it for good: {}", last(delivery)),
            "nothing: this is final; later events of its key go on",
            None,
        ),
        State::Discarded => fine(blank, "it was given up by an operator", "nothing: this is final", None),
        State::Dead => dead(blank, delivery),
        State::InFlight => Line {
            why: "a worker is publishing it".to_owned(),
            next: "its answer; or, should the worker be gone, another worker after the lease".to_owned(),
            at: delivery.locked_until,
            ..blank
        },
        State::Pending | State::Held | State::RetryWait => waits(blank, facts),
    }
}

fn fine(line: Line, why: &str, next: &str, since: Option<i64>) -> Line {
    let since = since.or(line.since);
    Line { urgency: Urgency::Fine, why: why.to_owned(), next: next.to_owned(), since, ..line }
}

fn last(delivery: &Delivery) -> String {
    match (&delivery.last_class, &delivery.last_error) {
        (Some(class), Some(error)) => format!("{class}: {error}"),
        (Some(text), None) | (None, Some(text)) => text.clone(),
        (None, None) => "it did not say why".to_owned(),
    }
}

fn dead(line: Line, delivery: &Delivery) -> Line {
    let letter = delivery.dead_letter.map(|id| format!("stateset-events dlq redrive {id} --apply"));
    Line {
        urgency: Urgency::Stuck,
        why: format!("{} failed, the last with {}", attempts(delivery.attempts), last(delivery)),
        next: "nothing, until it is redriven or discarded; with on_dead = wait the rest of its key waits too"
            .to_owned(),
        fix: letter,
        ..line
    }
}

fn attempts(count: i32) -> String {
    if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") }
}

/// What is in the way, from the outside in: the destination, the worker, the lane, the delivery itself.
fn waits(line: Line, facts: &DeliveryFacts<'_>) -> Line {
    let DeliveryFacts { delivery, breaker, .. } = facts;
    let name = &delivery.destination;
    if let Some(line) = stopped(&line, name, breaker, facts.now) {
        return line;
    }
    if facts.workers == 0 {
        return Line {
            urgency: Urgency::Stuck,
            why: format!("no worker has a lease on {name}"),
            next: "it is delivered when a worker starts".to_owned(),
            fix: Some("stateset-events worker run".to_owned()),
            ..line
        };
    }
    if delivery.state == State::Held && delivery.reason.as_deref() == Some("unmapped") {
        return Line {
            urgency: Urgency::Stuck,
            why: format!("it has no form for {name} yet (an order key, a topic or a signing key is missing)"),
            next: "it is looked at again when a worker starts; no attempt is used up".to_owned(),
            fix: Some(format!("stateset-events doctor --destination {name}")),
            ..line
        };
    }
    if let Some((count, first)) = &facts.before {
        return behind(line, *count, first);
    }
    match delivery.state {
        State::RetryWait => Line {
            why: format!("{} failed, the last with {}", attempts(delivery.attempts), last(delivery)),
            next: "it is tried again".to_owned(),
            at: delivery.next_attempt_at,
            ..line
        },
        State::Held => Line {
            why: format!("held: {}", delivery.reason.as_deref().unwrap_or("no reason was stored")),
            next: "it is tried when that has ended; no attempt is used up".to_owned(),
            ..line
        },
        _ => Line {
            why: "it was written, and no worker has come to it yet".to_owned(),
            next: "a worker takes it with its next chunk".to_owned(),
            ..line
        },
    }
}

fn behind(line: Line, count: i64, first: &Delivery) -> Line {
    let letter = first.dead_letter.map(|id| format!("stateset-events dlq redrive {id} --apply"));
    let dead = first.state == State::Dead;
    let others = if count == 1 { "an earlier event".to_owned() } else { format!("{count} earlier events") };
    let mut why = format!("{others} of its key come first; the first is {}", first.state);
    if first.last_class.is_some() || first.last_error.is_some() {
        why = format!("{why} ({})", last(first));
    }
    Line {
        urgency: if dead { Urgency::Stuck } else { Urgency::Waiting },
        why,
        next: if dead {
            "nothing, until that one is redriven or discarded".to_owned()
        } else {
            "it follows when that one is done".to_owned()
        },
        at: first.next_attempt_at.filter(|_| !dead),
        fix: letter.filter(|_| dead),
        ..line
    }
}

/// The destination is left alone.
fn stopped(line: &Line, name: &str, breaker: &Breaker, now: i64) -> Option<Line> {
    if breaker.state == BreakerState::Closed {
        return None;
    }
    let micros = |time: std::time::Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let reason = breaker.reason.as_deref().unwrap_or("no reason was stored");
    let probe = breaker.probe_in.map(|wait| now.saturating_add(micros(wait)));
    let by_hand = breaker.state == BreakerState::Open && probe.is_none();
    Some(Line {
        urgency: if by_hand { Urgency::Stuck } else { Urgency::Waiting },
        why: format!("the breaker of {name} is {}: {reason}", breaker.state.as_str()),
        since: Some(now.saturating_sub(micros(breaker.since))),
        next: if by_hand {
            "nothing, until an operator closes it".to_owned()
        } else {
            "one batch finds out whether it is back; nothing else is tried, and no attempt is used up".to_owned()
        },
        at: probe,
        fix: Some(if by_hand {
            format!("stateset-events breaker close {name} --apply")
        } else {
            format!("stateset-events doctor --destination {name}")
        }),
        ..line.clone()
    })
}

/// Says of a destination whether it is up, what waits, and for whom.
pub fn explain_destination(status: &DestinationStatus, now: i64) -> Vec<Line> {
    let name = &status.name;
    let blank = |state: &str| Line {
        place: name.clone(),
        state: state.to_owned(),
        urgency: Urgency::Fine,
        why: String::new(),
        since: status.settled_at,
        next: String::new(),
        at: None,
        fix: None,
    };
    let waiting: i64 = [State::Pending, State::Held, State::InFlight, State::RetryWait]
        .map(|state| status.in_state(state))
        .iter()
        .sum();
    let capped = if status.counts.pending_capped { " at least" } else { "" };
    let mut lines = Vec::new();
    if let Some(line) = stopped(&blank(status.breaker.state.as_str()), name, &status.breaker, now) {
        lines.push(Line {
            why: format!("{}; {waiting} deliveries{capped} wait, none used up an attempt for it", line.why),
            ..line
        });
    } else if status.workers.is_empty() {
        let urgency = if waiting > 0 { Urgency::Stuck } else { Urgency::Waiting };
        lines.push(Line {
            urgency,
            why: format!("no worker has a lease; {waiting} deliveries{capped} wait"),
            next: "it goes on when a worker starts".to_owned(),
            fix: Some("stateset-events worker run".to_owned()),
            ..blank("idle")
        });
    } else {
        let oldest =
            status.counts.oldest.map_or_else(String::new, |age| format!(", the oldest for {} s", age.as_secs()));
        lines.push(Line {
            urgency: if waiting > 0 { Urgency::Waiting } else { Urgency::Fine },
            why: format!("{} workers; {waiting} deliveries{capped} wait{oldest}", status.workers.len()),
            next: "they are delivered in the order of their keys".to_owned(),
            ..blank("up")
        });
    }
    if status.counts.dead_letters > 0 {
        lines.push(Line {
            urgency: Urgency::Stuck,
            why: format!(
                "{} dead letters are open; {} keys wait for something",
                status.counts.dead_letters, status.counts.parked_lanes
            ),
            next: "nothing, until they are redriven or discarded".to_owned(),
            since: None,
            fix: Some(format!("stateset-events dlq list --destination {name} --group-by error")),
            ..blank("dead letters")
        });
    }
    let deep = status.lanes.iter().filter(|lane| lane.depth > 1).take(3);
    lines.extend(deep.map(|lane| explain_lane(lane, blank("parked"))));
    lines
}

/// A lane in which several deliveries wait.
fn explain_lane(lane: &LaneDepth, blank: Line) -> Line {
    let key = lane.lane.replace('\u{1f}', "/");
    let reason = lane.reason.as_deref().unwrap_or("it is not");
    Line {
        place: format!("{}, key {key}", blank.place),
        urgency: Urgency::Waiting,
        why: format!("{} deliveries wait; the lane is parked: {reason}", lane.depth),
        since: Some(lane.since),
        next: "its first delivery is tried".to_owned(),
        at: lane.due_at,
        fix: Some(format!("stateset-events explain key {key:?}")),
        ..blank
    }
}

/// Says of an event that no destination gets why that is.
pub fn explain_nowhere(event_type: &str, deliverable: bool, written_at: i64) -> Line {
    let (why, next, fix) = if deliverable {
        let why = format!("no destination had a route for {event_type} when it was written");
        let next = "nothing; a destination that has a route now can be given it by a replay";
        (why, next, Some("stateset-events routes list".to_owned()))
    } else {
        ("it was written for the record only".to_owned(), "nothing: no destination ever gets it", None)
    };
    Line {
        place: "the log".to_owned(),
        state: "logged".to_owned(),
        urgency: Urgency::Fine,
        why,
        since: Some(written_at),
        next: next.to_owned(),
        at: None,
        fix,
    }
}

/// Says of an idempotency key what a command under it would meet.
pub fn explain_key(facts: &KeyFacts<'_>) -> Line {
    let KeyFacts { key, events, now } = facts;
    let reset = || {
        Some(format!(
            "stateset-events idempotency reset {:?} --operation {:?} --reason … --apply",
            key.key, key.operation
        ))
    };
    let blank = Line {
        place: format!("{} {}", key.operation, key.key),
        state: key.status.to_string(),
        urgency: Urgency::Fine,
        why: String::new(),
        since: key.completed_at.or(Some(key.created_at)),
        next: String::new(),
        at: key.expires_at,
        fix: None,
    };
    let says = |urgency, why: String, next: &str| Line { urgency, why, next: next.to_owned(), ..blank.clone() };
    match key.status {
        KeyStatus::Active => says(
            Urgency::Waiting,
            "it is reserved; its command has not come".to_owned(),
            "the first command under it is done; it is free again at its end",
        ),
        KeyStatus::InProgress if key.lease_until.is_none_or(|until| until > *now) => Line {
            at: key.lease_until,
            ..says(
                Urgency::Waiting,
                "its command is being done".to_owned(),
                "the same command waits for it and gets its answer",
            )
        },
        KeyStatus::InProgress => says(
            Urgency::Waiting,
            "the worker that did its command is gone".to_owned(),
            "the same command is done again, safely: all its work is in the database",
        ),
        KeyStatus::Uncertain => Line {
            fix: reset(),
            ..says(
                Urgency::Stuck,
                "its command broke off at an external call: nobody knows whether that happened".to_owned(),
                "the same command is refused until somebody finds out; look with its command id at the other side",
            )
        },
        KeyStatus::Completed => says(
            Urgency::Fine,
            format!("its command was done and wrote {events} events"),
            "the same command gets the stored answer; another one is refused as a reuse",
        ),
        KeyStatus::Failed => says(
            Urgency::Fine,
            "its command was refused for good".to_owned(),
            "the same command gets the stored refusal; another one is refused as a reuse",
        ),
        KeyStatus::Expired => {
            says(Urgency::Fine, "its time is over".to_owned(), "the next command under it is done anew")
        },
    }
}

#[cfg(test)]
mod tests;
