//! What the database can do by itself with rows of the same columns.
//!
//! "By itself" means through the same driver and with the same durability as the server, but without signatures, order,
//! look-up of duplicates, trees and receipts. A result divided by it tells what those cost. Bulk rows go into a table
//! with the indexes of the server's own; single commits into one with nothing but its primary key.

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
    /// Rows per second over two connections at once into a table with nothing but its primary key, where that was
    /// measured: the most that this machine does.
    pub(crate) ceiling: Option<f64>,
}

impl Bound {
    /// What holds between two measurements: the mean.
    pub(crate) fn between(self, other: Self) -> Self {
        Self {
            rate: f64::midpoint(self.rate, other.rate),
            p50: (self.p50 + other.p50) / 2,
            ceiling: self.ceiling.zip(other.ceiling).map(|(before, after)| f64::midpoint(before, after)),
        }
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
