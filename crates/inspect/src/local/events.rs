//! Events: lists, one, timelines, numbers.

use stateset_outbox::filter::{EventRef, Filter};
use stateset_outbox::read::{self, Inspection, Order, PageRequest};
use stateset_outbox::{Engine, Entity};

use super::rows::{self, Limits, unsigned};
use super::{Local, of_delivery, of_read};
use crate::answer::{Delivery, Detail, EventList, Signature, Stats, Timeline, TypeCount, Verdict, instant_text};
use crate::fault::Fault;
use crate::surface::{Page, TimelineOf};

/// What the outbox is asked for.
pub(super) fn request(page: &Page) -> Result<PageRequest, Fault> {
    let cursor = page.cursor.as_deref().map(str::parse).transpose().map_err(|_| {
        let fix = "give next_cursor of the page before, unchanged";
        Fault::usage(format!("{:.40?} is no cursor of this source", page.cursor.as_deref().unwrap_or_default()), fix)
    })?;
    let order = if page.newest_first { Order::NewestFirst } else { Order::OldestFirst };
    Ok(PageRequest { order, limit: page.limit, cursor, deliveries: true, total: true })
}

impl<DB: Engine> Local<DB> {
    pub(super) async fn page_of(&self, filter: &Filter, page: &Page) -> Result<EventList, Fault> {
        let found = self.reader.list(filter, request(page)?).await.map_err(of_read)?;
        Ok(list(found, page.payload))
    }

    pub(super) async fn limits(&self) -> Result<Limits, Fault> {
        Ok(Limits::of(&self.outbox.deliveries().destinations().await.map_err(of_delivery)?))
    }

    pub(super) async fn one(&self, event: &EventRef, attempts: bool) -> Result<Detail, Fault> {
        let found = self.reader.inspect(event).await.map_err(of_read)?;
        let limits = self.limits().await?;
        let mut deliveries = Vec::with_capacity(found.deliveries.len());
        for delivery in &found.deliveries {
            let mut row = rows::delivery(&found.event, delivery, &limits);
            if attempts {
                let own = found.attempts.iter().filter(|one| Some(one.delivery_id) == delivery.delivery_id);
                row.history = Some(own.map(rows::attempt).collect());
            }
            deliveries.push(row);
        }
        Ok(Detail {
            event: rows::event(&found.event, &found.deliveries, true),
            signature: signature(&found, &deliveries),
            deliveries,
            proof: None,
        })
    }

    pub(super) async fn history(&self, of: &TimelineOf, page: &Page) -> Result<Timeline, Fault> {
        let request = PageRequest { order: Order::OldestFirst, ..request(page)? };
        let (found, subject) = match of {
            TimelineOf::Correlation(id) => {
                (self.reader.trace(id, request).await.map_err(of_read)?, format!("correlation {id}"))
            },
            TimelineOf::Entity { entity_type, entity_id } => {
                let entity = Entity::new(entity_type, entity_id);
                (self.of_entity(&entity, request).await?, format!("{entity_type} {entity_id}"))
            },
        };
        let open = found.events.iter().flat_map(|item| &item.deliveries).filter(|delivery| delivery.will_retry).count();
        let list = list(found, page.payload);
        Ok(Timeline {
            events: list.events,
            total: list.total,
            next_cursor: list.next_cursor,
            subject,
            pending_deliveries: u64::try_from(open).ok(),
            diagnostics: list.diagnostics,
        })
    }

    async fn of_entity(&self, entity: &Entity, request: PageRequest) -> Result<read::Page, Fault> {
        let (entries, next_cursor) = self.reader.timeline(entity, request).await.map_err(of_read)?;
        let events: Vec<read::Item> = entries.into_iter().map(|entry| entry.item).collect();
        let whole = request.cursor.is_none() && next_cursor.is_none();
        let own =
            Filter { entity_type: Some(entity.kind.clone()), entity_id: Some(entity.id.clone()), ..Filter::default() };
        let counted = i64::try_from(events.len()).unwrap_or(i64::MAX);
        if whole && counted > 0 {
            return Ok(read::Page {
                events,
                total: counted,
                total_exact: true,
                partial: false,
                looked_at: 0,
                next_cursor,
                diagnostics: None,
            });
        }
        // Why there is nothing, or at least how many are its own.
        let about = self.reader.list(&own, PageRequest { limit: 1, cursor: None, ..request }).await.map_err(of_read)?;
        Ok(read::Page { events, next_cursor, total: about.total.max(counted), total_exact: false, ..about })
    }

    pub(super) async fn sums(&self, filter: &Filter) -> Result<Stats, Fault> {
        let asked = [("state", filter.asks_about_deliveries()), ("where", !filter.payload.is_empty())];
        if let Some((name, _)) = asked.into_iter().find(|(_, asked)| *asked) {
            let fix = "count with `stateset-events list`, whose total knows this filter";
            return Err(Fault::unsupported_filter(name, "statistics", fix));
        }
        let found = self.reader.stats(filter).await.map_err(of_read)?;
        let mut types: Vec<TypeCount> = found
            .types
            .into_iter()
            .map(|one| TypeCount { event_type: one.event_type, count: unsigned(one.count) })
            .collect();
        types.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.event_type.cmp(&other.event_type)));
        Ok(Stats {
            total: unsigned(found.total),
            first_at: found.written_at.map(|(first, _)| instant_text(first)),
            last_at: found.written_at.map(|(_, last)| instant_text(last)),
            types,
            head_sequence: None,
        })
    }
}

fn list(page: read::Page, payload: bool) -> EventList {
    EventList {
        events: page.events.iter().map(|item| rows::event(&item.event, &item.deliveries, payload)).collect(),
        total: unsigned(page.total),
        next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
        total_exact: page.total_exact,
        partial: page.partial,
        looked_at: page.partial.then(|| unsigned(page.looked_at)),
        diagnostics: page.diagnostics.map(rows::diagnostics),
    }
}

/// An outbox signs at the push; until then the stored hash vouches for the payload.
fn signature(found: &Inspection, deliveries: &[Delivery]) -> Signature {
    let (hash, unchanged) = found.payload_hash;
    let accepted = deliveries.iter().any(|delivery| delivery.sequence_number.is_some());
    let (state, explanation) = match (unchanged, found.event.agent_id) {
        (false, _) => (
            Verdict::Invalid,
            "the payload is not the one that was written: its SHA-256 differs from the stored one; the row was changed behind \
             the triggers' back, restore it from a backup"
                .to_owned(),
        ),
        (true, Some(_)) if accepted => {
            (Verdict::Verified, "the sequencer verified the agent's signature when it gave the event its place".to_owned())
        },
        (true, Some(_)) => {
            (Verdict::AtPush, "it is signed when it is pushed, with this agent's key; the payload is as written".to_owned())
        },
        (true, None) => (Verdict::Absent, "no agent is named, so nobody will sign it; the payload is as written".to_owned()),
    };
    Signature {
        state,
        agent: found.event.agent_id.map(|id| id.to_string()),
        key_id: found.event.agent_key_id.map(unsigned),
        content_hash: Some(rows::hex(&hash)),
        key_status: None,
        explanation,
    }
}
