//! What is measured, and what must hold of it.
//!
//! The targets hold for the portable build on two cores that the server shares with the database and the generator;
//! the ratios hold elsewhere too.

use std::time::Duration;

use clap::ValueEnum;

use crate::event::Route;

/// The database under the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Postgres,
    Sqlite,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }
}

/// To which measurement of the raw database a cell is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoundKind {
    /// A thousand rows per commit.
    Bulk,
    /// Single-row commits of 32 clients, on SQLite of one.
    Commits,
    /// Single-row commits, one after the other.
    LoneCommit,
}

/// What a cell does beyond sending new events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// New events for a given time.
    Fresh,
    /// Events that are in the log already, sent again and again.
    Duplicates,
    /// One stream from empty to a given size, and whether it gets slower on the way.
    Flat,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// Events per second, at least.
    Rate(f64),
    /// Share of the bound's rate, at least.
    OfBound(f64),
    /// Half of the requests, at most.
    P50(Duration),
    /// 99 of 100 requests, at most.
    P99(Duration),
    /// Median as a multiple of the bound's, at most.
    TimesBound(f64),
    /// Microseconds of the server per event without checking its signature, at most.
    ServerMicros(f64),
    /// Microseconds of the database's processes per event, at most.
    DatabaseMicros(f64),
    /// Share of the rate at which the same events were new, at least.
    OfAcceptRate(f64),
    /// Rate over the last 300 000 events as a share of that over the first, at least.
    LastOfFirst(f64),
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) route: Route,
    pub(crate) batch: usize,
    pub(crate) clients: usize,
    pub(crate) streams: usize,
    pub(crate) bound: BoundKind,
    /// So many events per second are made beforehand; a faster server ends the cell early.
    pub(crate) supply_rate: usize,
    pub(crate) targets: &'static [Target],
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const LONE_P50: Target = Target::P50(Duration::from_micros(800));
const LONE_P50_SQLITE: Target = Target::P50(Duration::from_micros(600));

const BATCHES: Cell = Cell {
    name: "b1000-c8-s1",
    kind: Kind::Fresh,
    route: Route::Signed,
    batch: 1_000,
    clients: 8,
    streams: 1,
    bound: BoundKind::Bulk,
    supply_rate: 55_000,
    targets: &[
        Target::Rate(30_000.0),
        Target::OfBound(0.22),
        Target::P99(ms(300)),
        Target::ServerMicros(7.0),
        Target::DatabaseMicros(16.0),
    ],
};
const SMALL_BATCHES: Cell = Cell { name: "b100-c8-s16", batch: 100, streams: 16, ..BATCHES };
const SINGLES: Cell = Cell {
    name: "b1-c32-s1",
    batch: 1,
    clients: 32,
    bound: BoundKind::Commits,
    supply_rate: 25_000,
    targets: &[Target::Rate(10_000.0), Target::OfBound(0.5), Target::P99(ms(8))],
    ..BATCHES
};
const LONE: Cell = Cell {
    name: "lone",
    batch: 1,
    clients: 1,
    bound: BoundKind::LoneCommit,
    supply_rate: 5_000,
    targets: &[LONE_P50, Target::TimesBound(2.5)],
    ..BATCHES
};
const UNSIGNED: Cell = Cell {
    name: "unsigned-b1000-c8",
    route: Route::Unsigned,
    supply_rate: 160_000,
    targets: &[Target::Rate(80_000.0), Target::OfBound(0.6)],
    ..BATCHES
};

/// Cells on PostgreSQL, in the order in which they run.
pub(crate) const POSTGRES: [Cell; 8] = [
    BATCHES,
    Cell { name: ONE_OF_SIXTEEN, streams: 16, ..BATCHES },
    SMALL_BATCHES,
    Cell { name: "receipts-b1000-c8", route: Route::SignedEach, targets: &[], ..BATCHES },
    UNSIGNED,
    Cell {
        name: "duplicates-b100-c32",
        kind: Kind::Duplicates,
        batch: 100,
        clients: 32,
        targets: &[Target::OfAcceptRate(1.0), Target::P99(ms(200))],
        ..BATCHES
    },
    SINGLES,
    LONE,
];
/// One stream is compared to the cell of this name.
pub(crate) const ONE_OF_SIXTEEN: &str = "b1000-c8-s16";
pub(crate) const ONE_STREAM: &str = BATCHES.name;
pub(crate) const LEAST_OF_SIXTEEN: f64 = 0.9;

/// Cells on SQLite.
pub(crate) const SQLITE: [Cell; 5] = [
    Cell { targets: &[Target::Rate(28_000.0), Target::P99(ms(300))], ..BATCHES },
    Cell { name: "b100-c8-s1", streams: 1, targets: &[Target::Rate(28_000.0)], ..SMALL_BATCHES },
    Cell { targets: &[Target::Rate(60_000.0)], ..UNSIGNED },
    Cell { targets: &[Target::Rate(12_000.0)], ..SINGLES },
    Cell { targets: &[LONE_P50_SQLITE], ..LONE },
];

/// Loads one stream with a million events; takes part when asked for.
pub(crate) const FLAT: Cell =
    Cell { name: "flat", kind: Kind::Flat, targets: &[Target::Rate(30_000.0), Target::LastOfFirst(0.9)], ..BATCHES };

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_the_compared_cells_exist() {
        for cells in [POSTGRES.as_slice(), SQLITE.as_slice()] {
            let names: HashSet<_> = cells.iter().map(|cell| cell.name).collect();
            assert_eq!(names.len(), cells.len());
        }
        for name in [ONE_STREAM, ONE_OF_SIXTEEN] {
            assert!(POSTGRES.iter().any(|cell| cell.name == name));
        }
    }
}
