//! What an entity was at a time, from its events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Order, ReadError, Reader};
use crate::delivery::LoggedEvent;
use crate::draft::Entity;
use crate::engine::Engine;
use crate::filter::Filter;

/// Events of one entity that are folded.
const EVENTS: usize = 10_000;
/// Events read at a time.
const STEP: usize = 1_000;

/// What the events of an entity say about it, up to a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntityState {
    /// Events that were folded.
    pub events: i64,
    /// There are more than 10,000: the later ones are not in it.
    pub partial: bool,
    /// The last of them: place, type, when it was written (microseconds since 1970 UTC).
    pub last: Option<(i64, String, i64)>,
    /// Each member that a payload had, as the last payload with it had it, and the place of that event.
    pub members: BTreeMap<String, (Value, i64)>,
}

/// Adds an event: what its payload says replaces what earlier ones said. Pure.
fn fold(mut state: EntityState, event: &LoggedEvent) -> EntityState {
    if let Ok(Value::Object(members)) = serde_json::from_str(&event.payload) {
        state.members.extend(members.into_iter().map(|(name, value)| (name, (value, event.log_id))));
    }
    state.events += 1;
    state.last = Some((event.log_id, event.event_type.clone(), event.written_at));
    state
}

impl<DB: Engine> Reader<DB> {
    /// What the events of an entity that were written before `at` (microseconds since 1970 UTC; `None`: all) say about it:
    /// their payloads laid over each other, in the order of the log. An application whose events mean more than that
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
                state = fold(state, event);
                query.after = event.log_id;
            }
            if !full || usize::try_from(state.events).is_ok_and(|count| count >= EVENTS) {
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
