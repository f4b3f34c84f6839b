//! From rows of the outbox to the answers: pure.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;
use stateset_outbox::EventId;
use stateset_outbox::delivery::{Destination, LoggedEvent};
use stateset_outbox::read;

use crate::answer::{self, Attempt, Delivery, EventRow, instant_text};

/// The sequencer as a kind of destination, whose receipts say an event's place.
const SEQUENCER: &str = "sequencer";

pub(super) fn unsigned<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')).collect()
}

/// An event as a row of a list.
pub(super) fn event(event: &LoggedEvent, deliveries: &[read::Delivery], payload: bool) -> EventRow {
    let mut sequenced = deliveries.iter().filter(|delivery| delivery.kind == SEQUENCER);
    EventRow {
        event_id: EventId(event.event_id).display(),
        event_type: event.event_type.clone(),
        entity_type: event.entity_type.clone(),
        entity_id: event.entity_id.clone(),
        created_at: event.created_at.clone(),
        sequence_number: sequenced.find_map(|delivery| delivery.remote_sequence).map(unsigned),
        local_sequence: Some(event.log_id),
        event_uuid: event.event_id.to_string(),
        order_key: event.order_key.clone(),
        correlation_id: event.correlation_id.clone(),
        causation_id: event.causation_id.clone(),
        command_id: event.command_id.map(|id| id.to_string()),
        schema_version: u32::try_from(event.schema_version).ok(),
        event_key: event.event_key.clone(),
        source_agent: event.agent_id.map(|id| id.to_string()),
        agent_signature: None,
        recorded_at: Some(instant_text(event.written_at)),
        replay_job: None,
        payload: payload.then(|| raw(&event.payload)).flatten(),
        metadata: event.metadata.as_deref().filter(|_| payload).and_then(raw),
    }
}

/// JSON as it was written; a text that is none is shown as a string, because looking must always be possible.
pub(super) fn raw(text: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(text.to_owned()).or_else(|_| RawValue::from_string(Value::from(text).to_string())).ok()
}

/// How many tries each route allows.
pub(super) struct Limits(HashMap<(String, String, i32), u32>);

impl Limits {
    pub(super) fn of(destinations: &[Destination]) -> Self {
        let mut limits = HashMap::new();
        for destination in destinations {
            for route in &destination.routes {
                let policy: Value = serde_json::from_str(&route.policy).unwrap_or_default();
                if let Some(retries) = policy.get("retries").and_then(Value::as_u64) {
                    let tries = u32::try_from(retries).unwrap_or(u32::MAX).saturating_add(1);
                    limits.insert((destination.name.clone(), route.name.clone(), route.version), tries);
                }
            }
        }
        Self(limits)
    }

    fn tries(&self, delivery: &read::Delivery) -> Option<u32> {
        let (route, version) = delivery.route.clone()?;
        self.0.get(&(delivery.destination.clone(), route, version)).copied()
    }
}

pub(super) fn delivery(of: &LoggedEvent, delivery: &read::Delivery, limits: &Limits) -> Delivery {
    Delivery {
        event_id: EventId(of.event_id).display(),
        event_type: of.event_type.clone(),
        entity_type: of.entity_type.clone(),
        entity_id: of.entity_id.clone(),
        order_key: of.order_key.clone(),
        destination: delivery.destination.clone(),
        status: delivery.state.sync_status().to_owned(),
        state: delivery.state.as_str().to_owned(),
        will_retry: delivery.will_retry,
        reason: delivery.reason.clone(),
        attempts: unsigned(delivery.attempts.into()),
        max_attempts: limits.tries(delivery),
        next_attempt_at: delivery.next_attempt_at.map(instant_text),
        last_class: delivery.last_class.clone(),
        last_error: delivery.last_error.clone(),
        created_at: of.created_at.clone(),
        delivered_at: delivery.delivered_at.map(instant_text),
        acknowledged_at: delivery.acknowledged_at.map(instant_text),
        sequence_number: delivery.remote_sequence.map(unsigned),
        replay_job: delivery.replay_job.map(|id| id.to_string()),
        history: None,
    }
}

pub(super) fn attempt(attempt: &read::Attempt) -> Attempt {
    Attempt {
        number: unsigned(attempt.number.into()),
        started_at: instant_text(attempt.started_at),
        duration_us: attempt.duration_us,
        outcome: attempt.outcome.clone(),
        class: attempt.class.clone(),
        error: attempt.error.clone(),
        worker: attempt.worker.clone(),
    }
}

/// A lane as people know it: the order key, or the entity.
pub(super) fn lane(lane: &str) -> String {
    let of_first = lane.split('\u{1e}').next().unwrap_or(lane);
    of_first.replace('\u{1f}', "/")
}

pub(super) fn diagnostics(why: read::Diagnostics) -> answer::Diagnostics {
    let without = why.without.into_iter().map(|(filter, total, total_exact)| answer::WithoutFilter {
        filter: filter.to_owned(),
        total: unsigned(total),
        total_exact,
    });
    let near = why.unknown_types.into_iter().filter_map(|(_, near)| near);
    let destination = why.unknown_destination.and_then(|(_, near)| near);
    answer::Diagnostics {
        unfiltered: unsigned(why.in_scope),
        without: without.collect(),
        nearest_event_types: near.collect(),
        nearest_destination: destination,
    }
}
