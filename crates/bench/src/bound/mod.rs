//! What the database can do by itself: rows of the same columns into a table with nothing but its primary key.
//!
//! "By itself" means through the same driver and with the same durability as the server, but without signatures, order,
//! look-up of duplicates, trees, receipts and further indexes. A result divided by it tells what those cost.

mod postgres;
mod row;
mod sqlite;

use std::time::Duration;

use crate::cells::{BoundKind, Engine};

pub(crate) use postgres::PostgresBounds;
pub(crate) use sqlite::SqliteBounds;

/// Clients of the bound on commits.
const CLIENTS: usize = 32;
const ROWS_PER_COMMIT: usize = 1_000;

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// Rows per second.
    pub(crate) rate: f64,
    /// Half of the commits took no longer.
    pub(crate) p50: Duration,
}

impl Bound {
    /// What holds between two measurements: the mean.
    pub(crate) fn between(self, other: Self) -> Self {
        Self { rate: f64::midpoint(self.rate, other.rate), p50: (self.p50 + other.p50) / 2 }
    }

    fn better(self, other: Self) -> Self {
        if self.rate >= other.rate { self } else { other }
    }
}

/// The raw database beside the server.
pub(crate) enum Bounds {
    Postgres(PostgresBounds),
    Sqlite(SqliteBounds),
}

impl Bounds {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::Sqlite(_) => Engine::Sqlite,
        }
    }

    pub(crate) async fn measure(&self, kind: BoundKind, time: Duration) -> anyhow::Result<Bound> {
        match self {
            Self::Postgres(bounds) => bounds.measure(kind, time).await,
            Self::Sqlite(bounds) => bounds.measure(kind, time).await,
        }
    }
}
