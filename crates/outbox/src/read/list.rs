//! Pages of events.

use sqlx::Transaction;

use super::query::Found;
use super::{COUNTED, Delivery, Diagnostics, PAGE, Query, ReadError, Reader};
use crate::delivery::LoggedEvent;
use crate::engine::Engine;
use crate::filter::Filter;

/// So many types are read one by one, each by its index, and merged; more are found sooner by walking the log.
const MERGED: usize = 16;

/// In which order events come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The last one first.
    #[default]
    NewestFirst,
    /// As they were written.
    OldestFirst,
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Order of the events.
    pub order: Order,
    /// Most events: 1 to [`PAGE`].
    pub limit: u16,
    /// [`Page::next_cursor`] of the page before.
    pub cursor: Option<i64>,
    /// With what became of each event at each destination.
    pub deliveries: bool,
}

impl Default for PageRequest {
    /// The newest 50.
    fn default() -> Self {
        Self { order: Order::default(), limit: 50, cursor: None, deliveries: false }
    }
}

/// An event of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As it stands in the log.
    pub event: LoggedEvent,
    /// `false`: for the record only, no destination gets it.
    pub deliverable: bool,
    /// What became of it, one for each destination that gets it and each replay; empty unless it was asked for, or the
    /// filter speaks of deliveries.
    pub deliveries: Vec<Delivery>,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order that was asked for.
    pub events: Vec<Item>,
    /// How many events match, the pages before and behind included.
    pub total: i64,
    /// `false`: there are at least `total`; counting all would take too long.
    pub total_exact: bool,
    /// What the filter says of payloads or deliveries was looked at for 10,000 events, and there are more: ask again with
    /// the cursor, or narrow the filter.
    pub partial: bool,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<i64>,
    /// Why there is nothing, where there is nothing.
    pub diagnostics: Option<Diagnostics>,
}

impl Page {
    pub(super) fn empty() -> Self {
        Self { events: Vec::new(), total: 0, total_exact: true, partial: false, next_cursor: None, diagnostics: None }
    }
}

impl<DB: Engine> Reader<DB> {
    /// The events that match, page by page, with how many there are; and where there are none, why.
    pub async fn list(&self, filter: &Filter, request: PageRequest) -> Result<Page, ReadError> {
        let mut tx = self.begin().await?;
        let mut page = self.page(&mut tx, filter, request).await?;
        if page.total == 0 && !page.partial && request.cursor.is_none() && !filter.is_empty() {
            page.diagnostics = Some(self.diagnose(&mut tx, filter).await?);
        }
        Ok(page)
    }

    pub(crate) async fn page(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
        request: PageRequest,
    ) -> Result<Page, ReadError> {
        let request = PageRequest { limit: request.limit.clamp(1, PAGE), ..request };
        let query = self.query(tx, filter).await?;
        if query.is_void() {
            return Ok(Page::empty());
        }
        if filter.asks_about_deliveries() || !filter.payload.is_empty() {
            return self.walked_page(tx, filter, query, request).await;
        }
        let total = self.total(tx, &query).await?;
        let dense = total > COUNTED && !query.is_narrow();
        let found = self.merged(tx, &behind(query, request), request, dense).await?;
        let mut page = Page { total: total.min(COUNTED), total_exact: total <= COUNTED, ..Page::empty() };
        page.fill(found, usize::from(request.limit));
        if request.deliveries {
            self.add_deliveries(tx, &mut page.events).await?;
        }
        Ok(page)
    }

    /// How many match, counted to one more than [`COUNTED`].
    pub(super) async fn total(&self, tx: &mut Transaction<'static, DB>, query: &Query) -> Result<i64, ReadError> {
        let mut total = 0;
        for part in parts(query) {
            total += self.count(tx, &part, COUNTED + 1 - total).await?;
            if total > COUNTED {
                break;
            }
        }
        Ok(total)
    }

    /// One more event than fits on the page, if there is one.
    async fn merged(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &Query,
        request: PageRequest,
        dense: bool,
    ) -> Result<Vec<Found>, ReadError> {
        let newest = request.order == Order::NewestFirst;
        let wanted = usize::from(request.limit) + 1;
        let mut all = Vec::new();
        for part in parts(query) {
            // The index of one type has the order of the log.
            let dense = dense && part.types.as_ref().is_none_or(|types| types.len() != 1);
            all.extend(self.fetch(tx, &part, newest, dense, wanted).await?);
        }
        all.sort_by_key(|(event, _)| if newest { -event.log_id } else { event.log_id });
        all.truncate(wanted);
        Ok(all)
    }
}

impl Page {
    /// Takes the events that fit; one more says that there is another page.
    pub(super) fn fill(&mut self, found: Vec<Found>, limit: usize) {
        let more = found.len() > limit;
        let items = found.into_iter().take(limit).map(|(event, deliverable)| Item {
            event,
            deliverable,
            deliveries: Vec::new(),
        });
        self.events.extend(items);
        self.next_cursor = self.events.last().filter(|_| more).map(|item| item.event.log_id);
    }
}

/// The query behind a cursor.
pub(super) fn behind(mut query: Query, request: PageRequest) -> Query {
    match (request.cursor, request.order) {
        (Some(cursor), Order::NewestFirst) => query.before = query.before.min(cursor),
        (Some(cursor), Order::OldestFirst) => query.after = query.after.max(cursor),
        (None, _) => {},
    }
    query
}

/// One query per type, where each is then answered in the order of its index.
fn parts(query: &Query) -> Vec<Query> {
    match &query.types {
        Some(types) if (2..=MERGED).contains(&types.len()) && !query.is_narrow() => {
            types.iter().map(|one| Query { types: Some(vec![one.clone()]), ..query.clone() }).collect()
        },
        _ => vec![query.clone()],
    }
}
