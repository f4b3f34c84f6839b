//! Pages of events, forwards and backwards.

use stateset_api::event::{Diagnostics as FromServer, Envelope, EventPage};
use stateset_outbox::filter::Filter;

use super::query::{MOST_PAGES, Query};
use super::{Remote, view};
use crate::answer::{Diagnostics, EventList, WithoutFilter};
use crate::fault::Fault;
use crate::surface::Page;

/// Most events the sequencer gives at a time.
const PAGE: u64 = 1_000;
/// Places after which a short page is not continued by itself.
const MOST_PASSED: u64 = 10_000;

impl Remote {
    pub(super) async fn page_of(&self, filter: &Filter, page: &Page) -> Result<EventList, Fault> {
        let query = Query::new(filter, &self.scope_query())?;
        let cursor = cursor(page)?;
        let (mut from, mut upto) = (query.first, query.last);
        if page.newest_first {
            upto = cursor.into_iter().chain(upto).min();
        } else {
            from = cursor.unwrap_or(from).max(from);
        }
        let mut walk = Walk::new(&query, page, cursor.is_none());
        while let Some(limit) = walk.limit() {
            let order = if page.newest_first { "newest" } else { "oldest" };
            let end = upto.map(|upto| format!("&upto={upto}")).unwrap_or_default();
            let asked = format!("{}&order={order}&from={from}{end}&limit={limit}", query.parameters);
            let found: EventPage<Envelope> = self.get(&format!("/api/v1/ves/events?{asked}")).await?;
            let begun = if page.newest_first { upto.unwrap_or(found.head_sequence) } else { from };
            if page.newest_first {
                upto = Some(found.next_sequence);
            } else {
                from = found.next_sequence;
            }
            walk.take(found, limit, begun);
        }
        let mut list = walk.list;
        // Where only a lower bound is known, what is shown is one.
        list.total = list.total.max(count(&list));
        Ok(list)
    }
}

/// A page that comes in parts, because some of what is asked for is looked at here.
struct Walk<'a> {
    query: &'a Query<'a>,
    wanted: usize,
    payload: bool,
    /// Whether it begins where the filter does: then what it has at the end is all there is.
    from_the_beginning: bool,
    reads: usize,
    /// Places that were passed.
    passed: u64,
    ended: bool,
    list: EventList,
}

impl<'a> Walk<'a> {
    fn new(query: &'a Query<'a>, page: &Page, from_the_beginning: bool) -> Self {
        let (wanted, payload, list) = (usize::from(page.limit.max(1)), page.payload, EventList::default());
        Self { query, wanted, payload, from_the_beginning, reads: 0, passed: 0, ended: false, list }
    }

    /// Events to ask for next; `None`: it has ended.
    fn limit(&self) -> Option<u64> {
        let limit = if self.query.looks_inside { PAGE } else { (self.wanted as u64).clamp(1, PAGE) };
        (!self.ended).then_some(limit)
    }

    /// `found` begins at this place, where the part before it ended.
    fn take(&mut self, found: EventPage<Envelope>, limit: u64, begun: u64) {
        let first = self.reads == 0;
        self.reads += 1;
        if first {
            (self.list.total, self.list.total_exact) = total(self.query, &found);
            self.list.diagnostics = found.diagnostics.map(|why| diagnostics(why, found.head_sequence));
        }
        self.passed += begun.abs_diff(found.next_sequence);
        // A short page is one of large events, or one for which the sequencer has looked at as many as it does at a time.
        let gave_up = found.has_more && (found.events.len() as u64) < limit && self.passed >= MOST_PASSED;
        let mut next = found.has_more.then_some(found.next_sequence);
        for event in found.events {
            let place = event.sequence_number;
            if !self.query.takes(&event) {
                continue;
            }
            if self.list.events.len() == self.wanted {
                next = Some(place);
                break;
            }
            self.list.events.push(view::row(event, self.payload));
        }
        let full = self.list.events.len() == self.wanted;
        self.ended = full || next.is_none() || gave_up || self.reads > MOST_PAGES;
        self.list.partial = self.ended && !full && next.is_some();
        // Times are found without a look.
        let most = MOST_PASSED * u64::try_from(self.reads).unwrap_or(u64::MAX);
        self.list.looked_at = self.list.partial.then_some(self.passed.min(most));
        self.list.next_cursor = next.map(|place| place.to_string());
        if self.query.looks_inside && next.is_none() && self.from_the_beginning {
            (self.list.total, self.list.total_exact) = (count(&self.list), true);
        }
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
