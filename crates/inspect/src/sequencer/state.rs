//! What an entity was, from a sequencer's events.

use stateset_outbox::filter::{Filter, parse_time};
use stateset_outbox::read::{EntityState as Folded, LastEvent, STATE_EVENTS};
use uuid::Uuid;

use super::Remote;
use crate::answer::{EntityState, EventRow};
use crate::fault::Fault;
use crate::surface::{Page, StateOf};

impl Remote {
    pub(super) async fn state_of(&self, of: &StateOf) -> Result<EntityState, Fault> {
        let filter = Filter {
            entity_type: Some(of.entity_type.clone()),
            entity_id: Some(of.entity_id.clone()),
            until: of.at,
            ..Filter::default()
        };
        let (mut state, mut before) = (Folded::default(), None);
        let mut page = Page { limit: 1_000, payload: true, ..Page::default() };
        loop {
            let list = self.page_of(&filter, &page).await?;
            for row in &list.events {
                if before.is_none() && of.since.is_some_and(|since| written(row) >= since) {
                    before = Some(state.clone());
                }
                add(&mut state, row);
            }
            page.cursor = list.next_cursor;
            let full = state.events >= i64::from(STATE_EVENTS);
            if page.cursor.is_none() || full {
                state.partial = page.cursor.is_some();
                break;
            }
        }
        if state.events == 0 {
            return Err(Fault::no_entity(&of.entity_type, &of.entity_id));
        }
        // Nothing since then: it is what it was.
        let before = of.since.map(|_| before.unwrap_or_else(|| state.clone()));
        Ok(EntityState::of((&of.entity_type, &of.entity_id), state, before.as_ref()))
    }
}

/// When the log got it, microseconds since 1970 UTC.
fn written(row: &EventRow) -> i64 {
    parse_time(row.recorded_at.as_deref().unwrap_or(&row.created_at), 0).unwrap_or(i64::MAX)
}

fn add(state: &mut Folded, row: &EventRow) {
    let event = LastEvent {
        place: row.sequence_number.and_then(|place| i64::try_from(place).ok()).unwrap_or_default(),
        event_id: Uuid::try_parse(&row.event_uuid).unwrap_or_default(),
        event_type: row.event_type.clone(),
        created_at: row.created_at.clone(),
    };
    state.add(event, row.payload.as_ref().map_or("", |payload| payload.get()));
}
