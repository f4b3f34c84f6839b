//! How many events there are, of which types, since when.

use super::{ReadError, Reader};
use crate::engine::Engine;
use crate::filter::Filter;

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
    /// Reads every event that matches.
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, ReadError> {
        let mut tx = self.begin().await?;
        let query = self.query(&mut tx, filter).await?;
        let mut stats = Stats::default();
        let wider = |known: Option<(i64, i64)>, next: (i64, i64)| {
            Some(known.map_or(next, |(first, last)| (first.min(next.0), last.max(next.1))))
        };
        for mut row in self.sums(&mut tx, &query).await? {
            let (event_type, count) = (row.text()?, row.int()?);
            let (places, written_at) = ((row.int()?, row.int()?), (row.int()?, row.int()?));
            stats.total += count;
            stats.places = wider(stats.places, places);
            stats.written_at = wider(stats.written_at, written_at);
            stats.types.push(TypeStats { event_type, count, written_at });
        }
        Ok(stats)
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

    pub(crate) async fn now_in(&self, tx: &mut sqlx::Transaction<'static, DB>) -> Result<i64, ReadError> {
        let rows = self.rows(tx, crate::sql::statement!("read_now"), Vec::new()).await?;
        Ok(rows.into_iter().next().map_or(Ok(0), |mut row| row.int())?)
    }
}
