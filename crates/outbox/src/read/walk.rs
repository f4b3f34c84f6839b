//! Filters that no index answers: what payloads say, and states that follow from cursors. A few candidates are all looked
//! at; else the log is walked, for so many events and no further.

use sqlx::Transaction;

use super::list::behind;
use super::{Item, Order, Page, PageRequest, Query, ReadError, Reader, json};
use crate::delivery::DeliveryState as State;
use crate::engine::Engine;
use crate::filter::Filter;
use crate::sql::{Arg, Statement, args, statement};

/// Events that are looked at for one page.
const EXAMINED: usize = 10_000;
/// And for the total alone, once the page is full.
const EXAMINED_FOR_TOTAL: usize = 1_000;
/// Events read at a time.
const STEP: usize = 1_000;
/// So many candidates are few.
const FEW: usize = 2_000;

impl<DB: Engine> Reader<DB> {
    pub(super) async fn walked_page(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
        mut query: Query,
        request: PageRequest,
    ) -> Result<Page, ReadError> {
        if let Some(few) = self.candidates(tx, filter).await? {
            query.ids = Some(match query.ids.take() {
                Some(ids) => ids.into_iter().filter(|id| few.contains(id)).collect(),
                None => few,
            });
        }
        let mut walk = Walk { query, request, examined: 0, matched: 0, ended: false };
        let mut page = Page::empty();
        let limit = usize::from(request.limit);
        let mut from = request;
        while !walk.is_over(page.events.len()) {
            let items = self.step(tx, filter, &mut walk, &mut from).await?;
            walk.matched += items.len();
            let room = limit + 1 - page.events.len();
            page.events.extend(items.into_iter().take(room));
        }
        let more = page.events.len() > limit;
        page.events.truncate(limit);
        page.total = i64::try_from(walk.matched).unwrap_or(i64::MAX);
        page.total_exact = walk.ended && request.cursor.is_none();
        page.partial = !more && !walk.ended;
        page.next_cursor = match (more, page.partial) {
            (true, _) => page.events.last().map(|item| item.event.log_id),
            (false, true) => from.cursor,
            (false, false) => None,
        };
        Ok(page)
    }

    /// The next events of the walk that match.
    async fn step(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
        walk: &mut Walk,
        from: &mut PageRequest,
    ) -> Result<Vec<Item>, ReadError> {
        let newest = from.order == Order::NewestFirst;
        let query = behind(walk.query.clone(), *from);
        let dense = !query.is_narrow() && query.types.is_none();
        let found = self.fetch(tx, &query, newest, dense, STEP).await?;
        walk.ended = found.len() < STEP;
        walk.examined += found.len();
        from.cursor = found.last().map_or(from.cursor, |(event, _)| Some(event.log_id));
        let wanted = found.into_iter().filter(|(event, _)| filter.matches_payload(event));
        let mut items: Vec<Item> =
            wanted.map(|(event, deliverable)| Item { event, deliverable, deliveries: Vec::new() }).collect();
        if filter.asks_about_deliveries() || from.deliveries {
            self.add_deliveries(tx, &mut items).await?;
        }
        if filter.asks_about_deliveries() {
            items.retain(|item| item.deliveries.iter().any(|delivery| delivery.matches(filter)));
        }
        Ok(items)
    }

    /// The events that can have a delivery like that, if they are few and rows say so. `None`: walk the log.
    async fn candidates(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
    ) -> Result<Option<Vec<i64>>, ReadError> {
        let derived = |state: &State| matches!(state, State::Delivered);
        if filter.states.is_empty() && filter.class.is_none() || filter.states.iter().any(derived) {
            return Ok(None);
        }
        let (scope, destination) = (self.outbox.scope, filter.destination.as_ref());
        let most = i64::try_from(FEW + 1).unwrap_or(i64::MAX);
        let place = if destination.is_some() { "destination" } else { "anywhere" };
        let mut on = vec![place];
        on.extend((!filter.states.is_empty()).then_some("states"));
        on.extend(filter.class.as_ref().map(|_| "class"));
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        let mut args = args![scope.tenant, scope.store, destination, json(&states)?];
        args.extend(args![filter.class.as_ref(), most]);
        let mut all = self.ids(tx, statement!("read_state_ids"), &on, args).await?;
        let says = |state: State| filter.class.is_none() && filter.states.contains(&state);
        // Evidence that was stored beside a delivery without a row, or with one that says delivered.
        if filter.states.contains(&State::Acknowledged) {
            all.extend(self.ids(tx, statement!("read_receipt_ids"), &[place], args![destination, most]).await?);
        }
        if says(State::Pending) || says(State::InFlight) {
            let args = args![destination, scope.tenant, scope.store, most];
            all.extend(self.ids(tx, statement!("read_behind_ids"), &[place], args).await?);
        }
        all.sort_unstable();
        all.dedup();
        Ok((all.len() <= FEW).then_some(all))
    }

    async fn ids(
        &self,
        tx: &mut Transaction<'static, DB>,
        statement: Statement,
        on: &[&str],
        args: Vec<Arg>,
    ) -> Result<Vec<i64>, ReadError> {
        let rows = self.composed(tx, statement, on, args).await?;
        Ok(rows.into_iter().map(|mut row| row.int()).collect::<Result<_, _>>()?)
    }
}

struct Walk {
    query: Query,
    request: PageRequest,
    examined: usize,
    matched: usize,
    ended: bool,
}

impl Walk {
    fn is_over(&self, on_page: usize) -> bool {
        let full = on_page > usize::from(self.request.limit);
        self.ended || self.examined >= EXAMINED || full && self.examined >= EXAMINED_FOR_TOTAL
    }
}
