//! What an entity was at a time, from its events.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Order, ReadError, Reader};
use crate::delivery::LoggedEvent;
use crate::draft::Entity;
use crate::engine::Engine;
use crate::filter::Filter;

/// Events of one entity that are folded.
pub const STATE_EVENTS: u32 = 100_000;
/// Events read at a time.
const STEP: usize = 1_000;

/// What the events of an entity say about it, up to a time: each payload is merged over the ones before it, member by
/// member (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntityState {
    /// Events that were folded: the version of the entity.
    pub events: i64,
    /// There are more than [`STATE_EVENTS`]: the later ones are not in it.
    pub partial: bool,
    /// The last of them.
    pub last: Option<LastEvent>,
    /// What is known, and the place of the event that said the last of it.
    pub members: BTreeMap<String, (Value, i64)>,
}

/// The event that a state is as of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEvent {
    /// Its place in the log.
    pub place: i64,
    /// Its identity.
    pub event_id: Uuid,
    /// Such as `order.created`.
    pub event_type: String,
    /// When, in the producer's own characters.
    pub created_at: String,
}

impl EntityState {
    /// Adds an event and what its payload, a JSON object, says. Pure.
    pub fn add(&mut self, event: LastEvent, payload: &str) {
        if let Ok(Value::Object(patch)) = serde_json::from_str(payload) {
            for (name, value) in patch {
                self.patch(name, value, event.place);
            }
        }
        self.events += 1;
        self.last = Some(event);
    }

    fn patch(&mut self, name: String, value: Value, place: i64) {
        if value.is_null() {
            self.members.remove(&name);
            return;
        }
        let (known, said_at) = self.members.entry(name).or_default();
        merge(known, value);
        *said_at = place;
    }
}

/// RFC 7396: null removes, an object is merged, anything else replaces.
fn merge(known: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *known = patch;
        return;
    };
    if !known.is_object() {
        *known = Value::Object(Map::new());
    }
    let Value::Object(members) = known else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn last(event: &LoggedEvent) -> LastEvent {
    LastEvent {
        place: event.log_id,
        event_id: event.event_id,
        event_type: event.event_type.clone(),
        created_at: event.created_at.clone(),
    }
}

impl<DB: Engine> Reader<DB> {
    /// What the events of an entity that were written before `at` (microseconds since 1970 UTC; `None`: all) say about it:
    /// their payloads merged (RFC 7396), in the order of the log. An application whose events mean more than that
    /// folds [`crate::Outbox::events_for_replay`] itself.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] if there was no event before that time.
    pub async fn state_at(&self, entity: &Entity, at: Option<i64>) -> Result<EntityState, ReadError> {
        let filter = Filter {
            entity_type: Some(entity.kind.clone()),
            entity_id: Some(entity.id.clone()),
            until: at,
            ..Filter::default()
        };
        let mut tx = self.begin().await?;
        let mut query = self.query(&mut tx, &filter).await?;
        let mut state = EntityState::default();
        loop {
            let found = self.fetch(&mut tx, &query, Order::OldestFirst, STEP).await?;
            let full = found.len() == STEP;
            for (event, _) in &found {
                state.add(last(event), &event.payload);
                query.after = event.log_id;
            }
            if !full || state.events >= i64::from(STATE_EVENTS) {
                state.partial = full;
                break;
            }
        }
        if state.events == 0 {
            let when = at.map_or_else(String::new, |at| format!(" before {}", crate::filter::format_time(at)));
            return Err(ReadError::NotFound(format!("event of {}/{}{when}", entity.kind, entity.id)));
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// H05: what the appendix of RFC 7396 says, and where each member was said last.
    #[test]
    fn payloads_are_merged_in_order() {
        let mut state = EntityState::default();
        let patches = [
            json!({"a": 1, "b": {"x": 1, "y": 2}, "d": [1]}),
            json!({"b": {"x": null, "z": 3, "q": {"n": null}}, "c": [1], "d": {"k": 1}}),
            json!({"a": null}),
        ];
        for (place, patch) in (1..).zip(patches) {
            let event = LastEvent {
                place,
                event_id: Uuid::nil(),
                event_type: "order.updated".to_owned(),
                created_at: String::new(),
            };
            state.add(event, &patch.to_string());
        }
        let expected = [("b", json!({"y": 2, "z": 3, "q": {}}), 2), ("c", json!([1]), 2), ("d", json!({"k": 1}), 2)];
        let expected = expected.map(|(name, value, place)| (name.to_owned(), (value, place)));
        assert_eq!(state.members, BTreeMap::from(expected));
        assert_eq!((state.events, state.last.map(|last| last.place)), (3, Some(3)));
    }
}
