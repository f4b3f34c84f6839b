//! Pages of events, forwards and backwards.

use std::collections::VecDeque;

use stateset_api::event::{Diagnostics as FromServer, Envelope, EventPage};
use stateset_outbox::filter::Filter;

use super::query::{MOST_PAGES, Query};
use super::{Remote, view};
use crate::answer::{Diagnostics, EventList, WithoutFilter};
use crate::fault::Fault;
use crate::surface::Page;

/// Most events the sequencer gives at a time.
const PAGE: u64 = 1_000;

impl Remote {
    pub(super) async fn page_of(&self, filter: &Filter, page: &Page) -> Result<EventList, Fault> {
        let query = Query::new(filter, &self.scope_query())?;
        let mut list =
            if page.newest_first { self.backwards(&query, page).await? } else { self.forwards(&query, page).await? };
        // Where only a lower bound is known, what is shown is one.
        list.total = list.total.max(count(&list));
        Ok(list)
    }

    async fn read(&self, query: &Query<'_>, from: u64, limit: u64) -> Result<EventPage<Envelope>, Fault> {
        self.get(&format!("/api/v1/ves/events?{}&from={from}&limit={limit}", query.parameters)).await
    }

    async fn forwards(&self, query: &Query<'_>, page: &Page) -> Result<EventList, Fault> {
        let wanted = usize::from(page.limit.max(1));
        let mut from = cursor(page)?.unwrap_or(query.first).max(query.first);
        let begun_at = from;
        let mut list = EventList::default();
        for read in 0..=MOST_PAGES {
            let limit = if query.looks_inside { PAGE } else { u64::from(page.limit).clamp(1, PAGE) };
            let found = self.read(query, from, limit).await?;
            (list.total, list.total_exact) = total(query, &found);
            let beyond = |event: &Envelope| query.last.is_some_and(|last| event.sequence_number > last);
            let past_the_end = !found.has_more || found.events.iter().any(beyond);
            list.diagnostics = found.diagnostics.map(|why| diagnostics(why, found.head_sequence));
            from = found.next_sequence;
            for event in found.events {
                let place = event.sequence_number;
                if list.events.len() == wanted {
                    from = from.min(place);
                } else if query.takes(&event) {
                    list.events.push(view::row(event, page.payload));
                }
            }
            let full = list.events.len() == wanted;
            // Full with nothing behind it is the end too: `from` then lies behind the last event that was looked at.
            let ended = past_the_end && from >= found.next_sequence;
            if ended || full {
                list.next_cursor = (!ended).then(|| from.to_string());
                if query.looks_inside && ended && begun_at == query.first {
                    (list.total, list.total_exact) = (count(&list), true);
                }
                return Ok(list);
            }
            if read == MOST_PAGES {
                break;
            }
        }
        list.partial = true;
        list.next_cursor = Some(from.to_string());
        Ok(list)
    }

    /// The sequencer reads forwards only: windows of places, each behind the one before.
    async fn backwards(&self, query: &Query<'_>, page: &Page) -> Result<EventList, Fault> {
        let wanted = usize::from(page.limit.max(1));
        let head = self.head().await?.head_sequence;
        let mut end = cursor(page)?.unwrap_or(head).min(query.last.unwrap_or(head));
        let mut list = EventList::default();
        let mut window = PAGE;
        for _ in 0..4 * MOST_PAGES {
            if end < query.first {
                break;
            }
            let start = end.saturating_sub(window - 1).max(query.first);
            let (found, complete) = self.window(query, start, end, &mut list).await?;
            if !complete {
                // Too many for one look: a smaller window has them all.
                window = (window / 2).max(PAGE);
                continue;
            }
            end = start - 1;
            for event in found.into_iter().rev() {
                if list.events.len() == wanted {
                    end = end.max(event.sequence_number);
                    break;
                }
                list.events.push(view::row(event, page.payload));
            }
            if list.events.len() == wanted {
                break;
            }
            window = window.saturating_mul(8);
        }
        let more = end >= query.first;
        list.partial = more && list.events.len() < wanted;
        list.next_cursor = more.then(|| end.to_string());
        Ok(list)
    }

    /// The events of a window of places that pass; `false` if there were more than one page of them.
    async fn window(
        &self,
        query: &Query<'_>,
        start: u64,
        end: u64,
        list: &mut EventList,
    ) -> Result<(VecDeque<Envelope>, bool), Fault> {
        let page = self.read(query, start, PAGE).await?;
        (list.total, list.total_exact) = total(query, &page);
        list.diagnostics = page.diagnostics.map(|why| diagnostics(why, page.head_sequence));
        let complete = !page.has_more || page.events.last().is_some_and(|last| last.sequence_number >= end);
        let inside = page.events.into_iter().filter(|event| event.sequence_number <= end && query.takes(event));
        Ok((inside.collect(), complete))
    }
}

fn count(list: &EventList) -> u64 {
    u64::try_from(list.events.len()).unwrap_or(u64::MAX)
}

fn cursor(page: &Page) -> Result<Option<u64>, Fault> {
    let Some(text) = &page.cursor else { return Ok(None) };
    let place = text.parse().map_err(|_| {
        Fault::usage(
            format!("{text:.40?} is no cursor of this source"),
            "give next_cursor of the page before, unchanged",
        )
    })?;
    Ok(Some(place))
}

/// The server counts over all places, and without what is looked at afterwards.
fn total(query: &Query<'_>, page: &EventPage<Envelope>) -> (u64, bool) {
    let head = page.head_sequence;
    if query.is_range() {
        let last = query.last.unwrap_or(head).min(head);
        return ((last + 1).saturating_sub(query.first), true);
    }
    let all_places = query.first <= 1 && query.last.is_none();
    if query.looks_inside { (0, false) } else { (page.total, page.total_exact && all_places) }
}

fn diagnostics(why: FromServer, head: u64) -> Diagnostics {
    Diagnostics {
        unfiltered: head,
        without: why
            .without
            .into_iter()
            .map(|one| WithoutFilter { filter: one.filter, total: one.total, total_exact: one.total_exact })
            .collect(),
        nearest_event_types: why.nearest_event_type.into_iter().collect(),
        nearest_destination: None,
    }
}
