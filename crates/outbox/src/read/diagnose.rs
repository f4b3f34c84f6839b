//! Why a filter finds nothing.

use sqlx::Transaction;

use super::course::{What, found as read_found};
use super::way::Way;
use super::{Order, Query, ReadError, Reader};
use crate::engine::Engine;
use crate::filter::{Filter, KEYS, nearest};

/// What there is instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Events of the scope, counted up to 10,000.
    pub in_scope: i64,
    /// How many events match without each part of the filter, and whether that is exact; payloads and deliveries are not
    /// looked at. By key of the filter.
    pub without: Vec<(&'static str, i64, bool)>,
    /// Types that were asked for and are not there, with the nearest one that is.
    pub unknown_types: Vec<(String, Option<String>)>,
    /// A destination that was asked for and is not there, with the nearest one that is.
    pub unknown_destination: Option<(String, Option<String>)>,
    /// When the first and the last event of the scope were written, microseconds since 1970 UTC.
    pub written_at: Option<(i64, i64)>,
}

impl<DB: Engine> Reader<DB> {
    pub(super) async fn diagnose(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
    ) -> Result<Diagnostics, ReadError> {
        let everything = self.query(tx, &Filter::default()).await?;
        let (in_scope, _) = self.count_of(tx, &everything).await?;
        let mut found = Diagnostics { in_scope, ..Diagnostics::default() };
        let mut seen = Vec::new();
        for key in KEYS {
            let Some(less) = filter.without(key).filter(|less| !seen.contains(less)) else { continue };
            let query = self.query(tx, &less).await?;
            let (total, exact) = self.count_of(tx, &query).await?;
            found.without.push((key, total, exact));
            seen.push(less);
        }
        let known = self.known_types(tx).await?;
        for glob in &filter.types {
            if !known.iter().any(|name| crate::delivery::type_matches(glob.as_str(), name)) {
                let near = nearest(glob.as_str(), known.iter().map(String::as_str));
                found.unknown_types.push((glob.to_string(), near.map(str::to_owned)));
            }
        }
        if let Some(name) = &filter.destination {
            let names: Vec<String> = self.facts(tx, &[]).await?.destinations.into_iter().map(|one| one.name).collect();
            if !names.contains(name) {
                let near = nearest(name, names.iter().map(String::as_str));
                found.unknown_destination = Some((name.clone(), near.map(str::to_owned)));
            }
        }
        let (first, last) = (self.of_log(tx, Order::OldestFirst).await?, self.of_log(tx, Order::NewestFirst).await?);
        found.written_at = first.zip(last);
        Ok(found)
    }

    async fn count_of(&self, tx: &mut Transaction<'static, DB>, query: &Query) -> Result<(i64, bool), ReadError> {
        let course = self.course(tx, query).await?;
        self.total(tx, &course, Order::NewestFirst).await
    }

    /// When the first or the last event of the scope was written.
    async fn of_log(&self, tx: &mut Transaction<'static, DB>, order: Order) -> Result<Option<i64>, ReadError> {
        let everything = Query { after: -1, before: i64::MAX, ..Query::default() };
        let rows = self.read(tx, &everything, Way::Log, What::Slim, order, 1).await?;
        Ok(rows.into_iter().next().map(|(_, row)| read_found(row)).transpose()?.map(|(event, _)| event.written_at))
    }
}
