//! How many events there are, of which types, since when.

use std::collections::HashMap;

use sqlx::Transaction;

use super::course::{What, found};
use super::way::Way;
use super::{Order, Query, ReadError, Reader, json};
use crate::engine::Engine;
use crate::filter::Filter;
use crate::sql::{Cells, args, statement};

/// Most types of a scope that are summed up.
const TYPES: i64 = 1_000;

/// Sums over the events that match. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// All of them.
    pub total: i64,
    /// Places of the first and the last.
    pub places: Option<(i64, i64)>,
    /// When they were written.
    pub written_at: Option<(i64, i64)>,
    /// By type, in the order of the alphabet.
    pub types: Vec<TypeStats>,
}

/// Sums over the events of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStats {
    /// Such as `order.created`.
    pub event_type: String,
    /// How many.
    pub count: i64,
    /// When the first and the last were written.
    pub written_at: (i64, i64),
}

impl<DB: Engine> Reader<DB> {
    /// Sums over the events of this scope that match. What the filter says of payloads and deliveries is not looked at.
    /// Reads every event that matches, or only the index of types if the filter asks for no more than types and places.
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, ReadError> {
        let mut tx = self.begin().await?;
        let query = self.query(&mut tx, filter).await?;
        let mut stats = Stats::default();
        if query.is_void() {
            return Ok(stats);
        }
        let rows = self.sums(&mut tx, &query).await?;
        let sums = rows.into_iter().map(|mut row| Ok((row.text()?, row.int()?, (row.int()?, row.int()?))));
        let sums = sums.collect::<Result<Vec<(String, i64, (i64, i64))>, sqlx::Error>>()?;
        let written = self.written_at(&mut tx, &sums).await?;
        let at = |place: i64| written.get(&place).copied().unwrap_or_default();
        for (event_type, count, (first, last)) in sums {
            let (known_first, known_last) = stats.places.unwrap_or((first, last));
            stats.places = Some((known_first.min(first), known_last.max(last)));
            stats.total += count;
            stats.types.push(TypeStats { event_type, count, written_at: (at(first), at(last)) });
        }
        stats.written_at = stats.places.map(|(first, last)| (at(first), at(last)));
        Ok(stats)
    }

    async fn sums(&self, tx: &mut Transaction<'static, DB>, query: &Query) -> Result<Vec<Cells>, ReadError> {
        let scope = self.outbox.scope;
        if query.conditions().iter().any(|condition| !matches!(*condition, "type" | "types")) {
            let args = query.args(scope, TYPES)?;
            return self.composed(tx, statement!("read_sums"), &query.conditions(), args).await;
        }
        let types = match &query.types {
            Some(types) => types.clone(),
            None => self.known_types(tx).await?,
        };
        let args = args![scope.tenant, scope.store, query.after, query.before, json(&types)?];
        self.rows(tx, statement!("read_type_sums"), args).await
    }

    /// When the first and last events of each type were written, by place.
    async fn written_at(
        &self,
        tx: &mut Transaction<'static, DB>,
        sums: &[(String, i64, (i64, i64))],
    ) -> Result<HashMap<i64, i64>, ReadError> {
        let places: Vec<i64> = sums.iter().flat_map(|(_, _, (first, last))| [*first, *last]).collect();
        let limit = places.len();
        let query = Query { after: -1, before: i64::MAX, ids: Some(places), ..Query::default() };
        let rows = self.read(tx, &query, Way::Ids, What::Slim, Order::OldestFirst, limit).await?;
        rows.into_iter().map(|(place, row)| Ok((place, found(row)?.0.written_at))).collect()
    }

    /// Every type of this scope, in the order of the alphabet.
    pub async fn types(&self) -> Result<Vec<String>, ReadError> {
        let mut tx = self.begin().await?;
        self.known_types(&mut tx).await
    }

    /// The time by the database's clock, microseconds since 1970 UTC.
    pub async fn now(&self) -> Result<i64, ReadError> {
        let mut tx = self.begin().await?;
        self.now_in(&mut tx).await
    }

    pub(crate) async fn now_in(&self, tx: &mut Transaction<'static, DB>) -> Result<i64, ReadError> {
        let rows = self.rows(tx, crate::sql::statement!("read_now"), Vec::new()).await?;
        Ok(rows.into_iter().next().map_or(Ok(0), |mut row| row.int())?)
    }
}
