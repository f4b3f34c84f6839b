//! The cluster that everybody is measured on, and what a measurement used of the machine.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};
use stateset_testkit::postgres::TestDatabase;
use tokio::time::Instant;

use crate::cpu::{machine_time, own_time};
use crate::ingest::wait_for_calm;
use crate::numbers::{float, micros_each, per_second};
use crate::stage::Postgres;

/// Connections of a pool; more than any cell has clients.
const CONNECTIONS: u32 = 16;

pub(super) struct Arena {
    pub(super) postgres: Postgres,
    pub(super) patience: Duration,
}

/// What something took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) events: u64,
    pub(super) elapsed: Duration,
    /// Processor time of the database's processes.
    pub(super) database: Duration,
    /// Of this program, or of the incumbent's.
    pub(super) client: Duration,
    /// Of all, whoever they are.
    machine: Duration,
}

pub(super) struct Meter {
    begun: Instant,
    before: Cost,
}

impl Arena {
    /// A database of its own, and a pool that does not ask a connection whether it lives before every use.
    pub(super) async fn database(&self, name: &str) -> anyhow::Result<(TestDatabase, PgPool)> {
        let database = self.postgres.server.create_database(name).await?;
        let pool = pool(database.url()).await?;
        Ok((database, pool))
    }

    /// Until nobody else is busy.
    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        self.postgres.settle().await?;
        wait_for_calm(self.patience).await
    }

    fn times(&self) -> anyhow::Result<Cost> {
        let (database, client, machine) = (self.postgres.cluster_time()?, own_time()?, machine_time()?);
        Ok(Cost { database, client, machine, ..Cost::default() })
    }

    pub(super) fn meter(&self) -> anyhow::Result<Meter> {
        Ok(Meter { before: self.times()?, begun: Instant::now() })
    }

    pub(super) fn read(&self, meter: &Meter, events: u64) -> anyhow::Result<Cost> {
        let elapsed = meter.begun.elapsed();
        let (before, now) = (meter.before, self.times()?);
        Ok(Cost {
            events,
            elapsed,
            database: now.database.saturating_sub(before.database),
            client: now.client.saturating_sub(before.client),
            machine: now.machine.saturating_sub(before.machine),
        })
    }
}

pub(super) async fn pool(url: &str) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = url.parse()?;
    Ok(PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false).connect_with(options).await?)
}

/// A transaction that is open for as long as this lives, and whose snapshot keeps dead rows from being removed.
pub(super) struct OldSnapshot(sqlx::PgConnection);

impl OldSnapshot {
    pub(super) async fn take(database: &TestDatabase) -> anyhow::Result<Self> {
        let mut connection = database.connect().await?;
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
            .execute(&mut connection)
            .await?;
        Ok(Self(connection))
    }

    pub(super) async fn release(self) -> anyhow::Result<()> {
        Ok(self.0.close().await?)
    }
}

impl Cost {
    pub(super) fn rate(&self) -> f64 {
        per_second(self.events, self.elapsed)
    }

    /// Microseconds of processor time per event, of the database and of the client.
    pub(super) fn micros(&self) -> (f64, f64) {
        (micros_each(self.database, self.events), micros_each(self.client, self.events))
    }

    pub(super) fn micros_of_both(&self) -> f64 {
        micros_each(self.database + self.client, self.events)
    }

    /// Share of the processors that somebody else used.
    pub(super) fn elsewhere(&self) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let others = self.machine.saturating_sub(self.database + self.client);
        others.as_secs_f64() / (self.elapsed.as_secs_f64() * float(cores)).max(1e-9)
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, more: Self) {
        self.events += more.events;
        self.elapsed += more.elapsed;
        self.database += more.database;
        self.client += more.client;
        self.machine += more.machine;
    }
}
