//! Where a state begins with rows: the events that can have a delivery like that, in the order of the log, however many
//! there are. A state that follows from cursors has such a list only while few events are behind them.

use sqlx::Transaction;

use super::course::{Stretch, merge};
use super::{Order, ReadError, Reader};
use crate::delivery::DeliveryState as State;
use crate::engine::Engine;
use crate::filter::Filter;
use crate::sql::{Arg, Statement, args, statement};

/// So many events behind the cursors are few.
const FEW: i64 = 2_000;

/// Lists of places that together hold every event with a delivery like that.
pub(super) struct Candidates {
    /// Destinations and states of rows.
    rows: Vec<(i32, State)>,
    /// Destinations whose evidence counts.
    receipts: Vec<i32>,
    /// Behind the cursors, in order.
    behind: Vec<i64>,
}

/// Whether rows and evidence alone say that a delivery is in one of these states, apart from what is behind cursors.
fn begins_with_rows(filter: &Filter) -> bool {
    let says = !filter.states.is_empty() || filter.class.is_some();
    says && !filter.states.contains(&State::Delivered)
}

impl<DB: Engine> Reader<DB> {
    /// The events that can have a delivery like that. `None`: walk the log.
    pub(super) async fn candidates(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
    ) -> Result<Option<Candidates>, ReadError> {
        if !begins_with_rows(filter) {
            return Ok(None);
        }
        let mut found = Candidates { rows: Vec::new(), receipts: Vec::new(), behind: Vec::new() };
        let says = |state: State| filter.class.is_none() && filter.states.contains(&state);
        if says(State::Pending) || says(State::InFlight) {
            let scope = self.outbox.scope;
            let on: &[&str] = if filter.destination.is_some() { &["destination"] } else { &[] };
            let args = args![filter.destination.as_ref(), scope.tenant, scope.store, FEW + 1];
            found.behind = self.places(tx, statement!("read_behind_ids"), on, args).await?;
            found.behind.sort_unstable();
            if i64::try_from(found.behind.len()).is_ok_and(|count| count > FEW) {
                return Ok(None);
            }
        }
        let states = if filter.states.is_empty() { &State::ALL[..] } else { &filter.states[..] };
        let destinations = self.facts(tx, &[]).await?.destinations;
        let named = |name: &String| filter.destination.as_ref().is_none_or(|wanted| wanted == name);
        for destination in destinations.iter().filter(|one| named(&one.name)) {
            found.rows.extend(states.iter().map(|state| (destination.id, *state)));
            // Evidence may be stored beside a row that says delivered, or beside none.
            if states.contains(&State::Acknowledged) {
                found.rows.push((destination.id, State::Delivered));
                found.receipts.push(destination.id);
            }
        }
        found.rows.sort_by_key(|(id, state)| (*id, state.as_str()));
        found.rows.dedup();
        Ok(Some(found))
    }

    /// The next candidates, at most `most`, and where they stopped; `None`: at the end.
    pub(super) async fn next_candidates(
        &self,
        tx: &mut Transaction<'static, DB>,
        candidates: &Candidates,
        (after, before): (i64, i64),
        order: Order,
        most: usize,
    ) -> Result<(Vec<i64>, Option<i64>), ReadError> {
        let scope = self.outbox.scope;
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let on = [if order == Order::NewestFirst { "newest" } else { "oldest" }];
        let mut lists = Vec::new();
        for (destination, state) in &candidates.rows {
            let args = args![*destination, state.as_str(), after, before, scope.tenant, scope.store, limit];
            lists.push(self.places(tx, statement!("read_state_ids"), &on, args).await?);
        }
        for destination in &candidates.receipts {
            let args = args![*destination, after, before, limit];
            lists.push(self.places(tx, statement!("read_receipt_ids"), &on, args).await?);
        }
        let within = |place: &&i64| **place > after && **place < before;
        let mut behind: Vec<i64> = candidates.behind.iter().filter(within).copied().collect();
        if order == Order::NewestFirst {
            behind.reverse();
        }
        behind.truncate(most);
        lists.push(behind);
        let ended = |list: &[i64]| list.last().copied().filter(|_| list.len() >= most);
        let part =
            |list: Vec<i64>| Stretch { upto: ended(&list), found: list.into_iter().map(|place| (place, ())).collect() };
        let merged = merge(lists.into_iter().map(part).collect(), order, most);
        Ok((merged.found.into_iter().map(|(place, ())| place).collect(), merged.upto))
    }

    async fn places(
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
