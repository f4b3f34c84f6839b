//! Pages of events.

use sqlx::Transaction;

use super::course::{Found, What, found, share};
use super::{Delivery, Diagnostics, PAGE, ReadError, Reader};
use crate::delivery::LoggedEvent;
use crate::engine::Engine;
use crate::filter::Filter;

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
    /// With how many match; else the total is that of the page.
    pub total: bool,
}

impl Default for PageRequest {
    /// The newest 50.
    fn default() -> Self {
        Self { order: Order::default(), limit: 50, cursor: None, deliveries: false, total: true }
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
    /// No index answers the whole filter, so events were looked at one by one, as far as one page may: there may be more.
    /// Ask again with the cursor, or narrow the filter.
    pub partial: bool,
    /// How many events were looked at for a `partial` page, at most.
    pub looked_at: i64,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<i64>,
    /// Why there is nothing, where there is nothing.
    pub diagnostics: Option<Diagnostics>,
}

impl Page {
    pub(super) fn empty() -> Self {
        Self {
            events: Vec::new(),
            total: 0,
            total_exact: true,
            partial: false,
            looked_at: 0,
            next_cursor: None,
            diagnostics: None,
        }
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
        if filter.asks_about_deliveries() || !filter.payload.is_empty() {
            return self.walked_page(tx, filter, query, request).await;
        }
        let course = self.course(tx, &query).await?;
        let limit = usize::from(request.limit);
        let behind = course.behind(request.cursor, request.order);
        let stretch = self.stretch(tx, &behind, What::Whole, request.order, limit + 1, share(&course)).await?;
        let mut page = Page::empty();
        page.partial = stretch.found.len() <= limit && stretch.upto.is_some();
        let found = stretch.found.into_iter().map(|(_, row)| found(row)).collect::<Result<Vec<_>, _>>()?;
        (page.total, page.total_exact) = match (request.cursor, page.partial, stretch.upto) {
            // All there is, or all that was looked at, is on this page.
            (None, true, _) | (None, false, None) if course.unknown_total() => (count(&found), !page.partial),
            _ if request.total => self.total(tx, &course, request.order).await?,
            _ => (count(&found), false),
        };
        page.fill(found, limit);
        if page.partial {
            page.looked_at = course.may_look_at();
            page.next_cursor = stretch.upto;
        }
        if request.deliveries {
            self.add_deliveries(tx, &mut page.events).await?;
        }
        Ok(page)
    }
}

fn count<T>(found: &[T]) -> i64 {
    i64::try_from(found.len()).unwrap_or(i64::MAX)
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
