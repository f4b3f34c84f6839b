//! Filters that no index answers: what payloads say, and the states of deliveries. Events that can match are looked at, in
//! the order of the log, as many as one page may; the page says where it stopped.

use sqlx::Transaction;

use super::candidates::Candidates;
use super::course::{Course, What, found};
use super::way::Way;
use super::{Item, Order, Page, PageRequest, Query, ReadError, Reader};
use crate::engine::Engine;
use crate::filter::Filter;
use crate::sql::Cells;

/// And for the total alone, once the page is full.
const LOOKED_AT_FOR_TOTAL: usize = 1_000;
/// Deliveries cost more to look at: they are derived from several tables.
const LOOKED_AT_DELIVERIES: usize = 2_000;
/// Bytes of payloads that are looked at for one page.
const BYTES: usize = 4 << 20;
/// Events read at a time,
const STEP: usize = 1_000;
/// and the first time, where payloads are looked at: they may be large.
const FIRST_STEP: usize = 200;

/// Where the walk is.
struct Walk {
    course: Course,
    candidates: Option<Candidates>,
    order: Order,
    cursor: Option<i64>,
    looked_at: usize,
    bytes: usize,
    /// Places of what matches.
    hits: Vec<i64>,
    ended: bool,
    /// Events that may be looked at.
    most: usize,
}

impl Walk {
    fn is_over(&self, limit: usize) -> bool {
        let full = self.hits.len() > limit && self.looked_at >= LOOKED_AT_FOR_TOTAL;
        self.ended || full || self.looked_at >= self.most || self.bytes >= BYTES
    }

    /// Events to be read next: as many as the bytes allow, going by those before.
    fn step(&self, payloads: bool) -> usize {
        let step = match self.bytes.checked_div(self.looked_at) {
            Some(each) if payloads => ((BYTES - self.bytes) / each.max(1)).clamp(10, STEP),
            None if payloads => FIRST_STEP,
            _ => STEP,
        };
        step.min(self.most - self.looked_at)
    }
}

impl<DB: Engine> Reader<DB> {
    pub(super) async fn walked_page(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
        query: Query,
        request: PageRequest,
    ) -> Result<Page, ReadError> {
        let limit = usize::from(request.limit);
        if let Some(name) = &filter.destination
            && !self.facts(tx, &[]).await?.destinations.iter().any(|one| one.name == *name)
        {
            return Ok(Page::empty());
        }
        let course = self.course(tx, &query).await?;
        // A few events by the filter's other parts are looked at without asking who has which state.
        let few = course.events <= i64::try_from(STEP).unwrap_or(i64::MAX);
        let candidates = if few { None } else { self.candidates(tx, filter).await? };
        let most = if filter.asks_about_deliveries() {
            LOOKED_AT_DELIVERIES
        } else {
            usize::try_from(course.may_look_at()).unwrap_or(usize::MAX)
        };
        let (order, cursor) = (request.order, request.cursor);
        let mut walk =
            Walk { course, candidates, order, cursor, looked_at: 0, bytes: 0, hits: Vec::new(), ended: false, most };
        while !walk.is_over(limit) {
            self.step(tx, filter, &query, &mut walk).await?;
        }
        let mut page = Page::empty();
        let more = walk.hits.len() > limit;
        page.total = i64::try_from(walk.hits.len()).unwrap_or(i64::MAX);
        page.total_exact = walk.ended && request.cursor.is_none();
        page.partial = !more && !walk.ended;
        page.looked_at = if page.partial { i64::try_from(walk.looked_at).unwrap_or(i64::MAX) } else { 0 };
        walk.hits.truncate(limit);
        page.next_cursor = match (more, page.partial) {
            (true, _) => walk.hits.last().copied(),
            (false, true) => walk.cursor,
            (false, false) => None,
        };
        for (_, row) in self.of_places(tx, &query, walk.hits, What::Whole, order).await? {
            let (event, deliverable) = found(row)?;
            page.events.push(Item { event, deliverable, deliveries: Vec::new() });
        }
        if filter.asks_about_deliveries() || request.deliveries {
            self.add_deliveries(tx, &mut page.events).await?;
        }
        Ok(page)
    }

    /// Looks at the next events of the walk.
    async fn step(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
        query: &Query,
        walk: &mut Walk,
    ) -> Result<(), ReadError> {
        let payloads = !filter.payload.is_empty();
        let what = if payloads { What::Payloads } else { What::Slim };
        let (most, order) = (walk.step(payloads), walk.order);
        let (mut rows, upto) = if let Some(candidates) = &walk.candidates {
            let range = query.behind(walk.cursor, order);
            let range = (range.after, range.before);
            let (places, upto) = self.next_candidates(tx, candidates, range, order, most).await?;
            walk.looked_at += places.len();
            (self.of_places(tx, query, places, what, order).await?, upto)
        } else {
            let behind = walk.course.behind(walk.cursor, order);
            let window = i64::try_from(most / behind.parts.len().max(1)).unwrap_or(i64::MAX).max(1);
            let stretch = self.stretch(tx, &behind, what, order, most, window).await?;
            walk.looked_at += if walk.course.passes_over() { most } else { stretch.found.len() };
            (stretch.found, stretch.upto)
        };
        walk.ended = upto.is_none();
        walk.cursor = upto.or(walk.cursor);
        if payloads {
            let mut places = Vec::new();
            for (place, mut row) in rows {
                row.int::<i64>()?;
                let (payload, metadata) = (row.text()?, row.opt_text()?);
                walk.bytes += payload.len() + metadata.as_ref().map_or(0, String::len);
                if filter.payload_matches(&payload, metadata.as_deref()) {
                    places.push(place);
                }
            }
            if !filter.asks_about_deliveries() {
                walk.hits.extend(places);
                return Ok(());
            }
            rows = self.of_places(tx, query, places, What::Slim, order).await?;
        }
        walk.hits.extend(self.with_deliveries(tx, filter, rows).await?);
        Ok(())
    }

    /// Places of the events that have a delivery as the filter says.
    async fn with_deliveries(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
        rows: Vec<(i64, Cells)>,
    ) -> Result<Vec<i64>, ReadError> {
        let places: Vec<i64> = rows.iter().map(|(place, _)| *place).collect();
        if places.is_empty() {
            return Ok(places);
        }
        let facts = self.facts(tx, &places).await?;
        let mut hits = Vec::new();
        for (place, row) in rows {
            let (event, deliverable) = found(row)?;
            if facts.deliveries(&event, deliverable).iter().any(|delivery| delivery.matches(filter)) {
                hits.push(place);
            }
        }
        Ok(hits)
    }

    /// What else a query says, of events at these places.
    pub(super) async fn of_places(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &Query,
        places: Vec<i64>,
        what: What,
        order: Order,
    ) -> Result<Vec<(i64, Cells)>, ReadError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let known = |place: &i64| query.ids.as_ref().is_none_or(|ids| ids.contains(place));
        let places: Vec<i64> = places.into_iter().filter(known).collect();
        let limit = places.len();
        self.read(tx, &Query { ids: Some(places), ..query.clone() }, Way::Ids, what, order, limit).await
    }
}
