//! Changes: each says first what it would do.

use std::time::Duration;

use serde_json::{Value, json};
use stateset_outbox::delivery::{Breaker, BreakerState};
use stateset_outbox::filter::Filter;
use stateset_outbox::job::{JobKind, JobOptions, Request};
use stateset_outbox::{Engine, Entity, Event, EventId, EventType, Payload, WriteError};

use super::jobs::of_job;
use super::{Local, of_delivery, of_operation};
use crate::answer::{Change, duration_text};
use crate::fault::{Fault, Kind};
use crate::surface::{Apply, Intent};

/// Before the sentence of every preview.
const NOT_EXECUTED: &str = "NOT EXECUTED: ";

/// A preview, or what was done.
pub(super) fn change(apply: &Apply, action: &str, sentence: String, result: Value) -> Change {
    let applied = apply.is_execute();
    Change {
        applied,
        action: action.to_owned(),
        message: if applied { sentence } else { format!("{NOT_EXECUTED}{sentence}") },
        plan_id: None,
        job_id: None,
        plan: None,
        result,
        apply_with: None,
    }
}

impl<DB: Engine> Local<DB> {
    pub(super) async fn changed(&self, intent: &Intent, apply: &Apply) -> Result<Change, Fault> {
        match intent {
            Intent::CreateKey { key, operation, ttl } => self.create_key(key, operation, *ttl, apply).await,
            Intent::ResetKey { key, operation, reason } => self.reset_key(key, operation, reason, apply).await,
            Intent::Breaker { destination, open, reason } => self.set_breaker(destination, *open, reason, apply).await,
            Intent::Trigger { event_type, entity_type, entity_id, order_key, payload } => {
                let entity = Entity::new(entity_type, entity_id);
                self.trigger(event_type, entity, order_key.as_deref(), payload, apply).await
            },
            Intent::Plan { plan, kind, rate } => self.planned(plan, *kind, *rate, apply).await,
            Intent::AbortJob { job } => self.halt_job(job, apply).await,
            Intent::ResumeJob { job } => self.resume_job(job, apply).await,
            Intent::Replay { .. }
            | Intent::Repair { .. }
            | Intent::Redrive { .. }
            | Intent::Discard { .. }
            | Intent::Acknowledge { .. } => self.bulk(request(intent)?, apply).await,
        }
    }

    async fn create_key(&self, key: &str, operation: &str, ttl: Duration, apply: &Apply) -> Result<Change, Fault> {
        let before = self.key(key, operation).await?;
        let free = matches!(before.status.as_str(), "not_found" | "expired");
        let created = free
            && apply.is_execute()
            && self.operator(apply)?.create_key(operation, key, ttl).await.map_err(of_operation)?;
        let after = if created { self.key(key, operation).await? } else { before };
        let sentence = match (free, apply.is_execute(), created) {
            (true, false, _) => {
                format!("the key {key:?} of {operation:?} would be reserved for {}", duration_text(ttl))
            },
            (true, true, true) => format!("the key {key:?} of {operation:?} is reserved"),
            _ => format!("the key {key:?} of {operation:?} exists and is {}; nothing is changed", after.status),
        };
        let mut result = serde_json::to_value(&after).unwrap_or_default();
        if let Value::Object(members) = &mut result {
            members.insert("created".to_owned(), Value::Bool(created));
        }
        Ok(change(apply, "idempotency.create", sentence, result))
    }

    async fn reset_key(&self, key: &str, operation: &str, reason: &str, apply: &Apply) -> Result<Change, Fault> {
        let before = self.key(key, operation).await?;
        if before.status == "not_found" {
            let fix = "`stateset-events idempotency get` without --operation finds the operations a key was used with";
            let message = format!("nobody has used the key {key:?} of {operation:?}");
            return Err(Fault::new(Kind::NotFound, "KEY_NOT_FOUND", message, fix));
        }
        if !apply.is_execute() {
            let sentence = format!(
                "the key {key:?} of {operation:?}, which is {}, would be free again: the next command under it is done, with \
                 new events",
                before.status
            );
            return Ok(change(apply, "idempotency.reset", sentence, json!({ "before": before })));
        }
        self.operator(apply)?.reset_key(operation, key, reason).await.map_err(of_operation)?;
        let after = self.key(key, operation).await?;
        let sentence = format!("the key {key:?} of {operation:?} is free again");
        Ok(change(apply, "idempotency.reset", sentence, json!({ "before": before, "after": after })))
    }

    async fn set_breaker(&self, destination: &str, open: bool, reason: &str, apply: &Apply) -> Result<Change, Fault> {
        let before = self.stored_breaker(destination).await?;
        let (state, word) = if open { (BreakerState::Open, "open") } else { (BreakerState::Closed, "closed") };
        let action = if open { "breaker.open" } else { "breaker.close" };
        if (before.state == BreakerState::Open) == open && before.state != BreakerState::HalfOpen {
            let sentence = format!("the breaker of {destination} is {word} already; nothing is changed");
            return Ok(change(apply, action, sentence, json!({ "breaker": super::destinations::breaker(&before) })));
        }
        let wanted = Breaker {
            state,
            failures: if open { before.failures } else { 0 },
            reason: open.then(|| format!("stopped by {}: {reason}", apply.actor())),
            // Without a time to try it: it waits for a person.
            probe_in: None,
            ..before.clone()
        };
        if apply.is_execute() {
            let operator = self.operator(apply)?;
            let stored = if open {
                operator.open_breaker(destination, reason).await
            } else {
                operator.close_breaker(destination, Some(reason).filter(|reason| !reason.is_empty())).await
            };
            stored.map_err(of_job)?;
        }
        let what = if open {
            "nothing more is attempted there until somebody closes it"
        } else {
            "what waits goes on at once"
        };
        let verb = if apply.is_execute() { "is" } else { "would be" };
        let sentence = format!("the breaker of {destination} {verb} {word}: {what}");
        let facts =
            json!({ "before": super::destinations::breaker(&before), "after": super::destinations::breaker(&wanted) });
        Ok(change(apply, action, sentence, facts))
    }

    async fn trigger(
        &self,
        event_type: &str,
        entity: Entity,
        order_key: Option<&str>,
        payload: &str,
        apply: &Apply,
    ) -> Result<Change, Fault> {
        let payload: Box<serde_json::value::RawValue> = serde_json::from_str(payload)
            .map_err(|error| Fault::usage("the payload is no JSON", "give a JSON object").because(error))?;
        let about = json!({
            "event_type": event_type,
            "entity_type": &entity.kind,
            "entity_id": &entity.id,
            "order_key": order_key,
            "payload": &payload,
        });
        let mut draft = Event::new(EventType::new(event_type), Payload::new(payload), None).about(entity);
        if let Some(key) = order_key {
            draft = draft.order_key(key);
        }
        if !apply.is_execute() {
            let sentence = format!("an event {event_type} would be written and delivered");
            return Ok(change(apply, "trigger", sentence, about));
        }
        let mut tx = self.outbox.begin().await.map_err(|error| of_delivery(error.into()))?;
        let outcome = self.outbox.write_event_with_outbox(&mut tx, draft).await.map_err(of_write)?;
        self.outbox.commit(tx).await.map_err(|error| of_delivery(error.into()))?;
        let id = EventId(outcome.written().event_id).display();
        let sentence = format!("the event {id} is written");
        let mut result = about;
        if let Value::Object(members) = &mut result {
            members.insert("event_id".to_owned(), Value::String(id));
        }
        Ok(change(apply, "trigger", sentence, result))
    }
}

/// A bulk action as the outbox plans it.
fn request(intent: &Intent) -> Result<Request, Fault> {
    let of = |kind, filter: &Filter, rate: Option<u32>, reason: Option<String>, options| {
        let fresh = Request::new(kind, filter.clone());
        Request { options, rate: rate.unwrap_or(fresh.rate), reason, ..fresh }
    };
    let none = JobOptions::default;
    Ok(match intent {
        Intent::Replay { filter, destination, missing, rate } => {
            let options = JobOptions { to: Some(destination.clone()), missing: *missing, ..none() };
            of(JobKind::Replay, filter, *rate, None, options)
        },
        Intent::Repair { destination, places, rate } => {
            let filter = Filter { first: places.first().copied(), last: places.last().copied(), ..Filter::default() };
            let options = JobOptions { to: Some(destination.clone()), only: places.clone(), ..none() };
            of(JobKind::Replay, &filter, *rate, None, options)
        },
        Intent::Redrive { filter, letter, rate } => {
            of(JobKind::Redrive, filter, *rate, None, JobOptions { letter: *letter, ..none() })
        },
        Intent::Discard { filter, letter, reason, rate } => {
            let options = JobOptions { letter: *letter, ..none() };
            of(JobKind::Discard, filter, *rate, Some(reason.clone()), options)
        },
        Intent::Acknowledge { filter, destination, reason, force } => {
            let options = JobOptions { to: destination.clone(), force: *force, ..none() };
            of(JobKind::Acknowledge, filter, None, Some(reason.clone()), options)
        },
        _ => return Err(Fault::usage("this is no bulk action", "")),
    })
}

fn of_write(error: WriteError) -> Fault {
    match error {
        WriteError::Database(error) => of_delivery(error.into()),
        other => Fault::usage(other.to_string(), "see --help for what an event needs").because(other),
    }
}
