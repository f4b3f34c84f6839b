//! A fresh database and a real server on it, for one cell.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use sqlx::{Connection, PgConnection};
use stateset_testkit::http::Client;
use stateset_testkit::postgres::{TestDatabase, TestPostgres};
use stateset_testkit::server::{Launch, SequencerProcess};
use tokio::time::{Instant, sleep};

use crate::cpu::{self, Meters};
use crate::event::Author;

/// A throw-away key for a throw-away server.
pub(crate) const API_KEY: &str = "bench-key-of-a-throw-away-server";
const SIGNING_KEY: &str = "5b9d1c3e7f2a4860b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728";
const PAYLOAD_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// The server and its database. Both go with it.
pub(crate) struct Stage {
    // First, so that it is gone before its database is dropped.
    pub(crate) server: SequencerProcess,
    database: Option<TestDatabase>,
    postmaster: Option<u32>,
}

impl Stage {
    /// `postgres` is absent for the embedded database.
    pub(crate) async fn set(
        program: &Path,
        postgres: Option<&Postgres>,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let database = match postgres {
            Some(postgres) => Some(postgres.server.create_database("bench").await?),
            None => None,
        };
        let launch = Launch::new(program)?;
        let port = launch.address().port().to_string();
        let mut launch = launch
            .variable("HOST", "127.0.0.1")
            .variable("PORT", port)
            .variable("STATESET_DATA_DIR", "data")
            .variable("BOOTSTRAP_ADMIN_API_KEY", API_KEY)
            .variable("VES_SEQUENCER_SIGNING_KEY", SIGNING_KEY)
            .variable("PAYLOAD_ENCRYPTION_KEYS", PAYLOAD_KEY)
            .variable("RUST_LOG", "warn");
        if let Some(database) = &database {
            launch = launch.variable("DATABASE_URL", database.url());
        }
        for (name, value) in variables {
            launch = launch.variable(name, value);
        }
        let server = launch.start().await?;
        Ok(Self { server, database, postmaster: postgres.map(|postgres| postgres.postmaster) })
    }

    pub(crate) fn client(&self) -> Client {
        self.server
            .client()
            .with_header("authorization", &format!("ApiKey {API_KEY}"))
            .with_timeout(Duration::from_mins(5))
    }

    /// Registers the author's key, as any agent must before it can send signed events.
    pub(crate) async fn register(&self, author: &Author) -> anyhow::Result<()> {
        let answer = self.client().post_json("/api/v1/agents/keys", &author.registration()).await?;
        if !(200..300).contains(&answer.status) {
            bail!("the key was not registered: {}: {}", answer.status, answer.text());
        }
        Ok(())
    }

    pub(crate) fn meters(&self) -> anyhow::Result<Meters> {
        let server = self.server.id().context("the server has ended")?;
        Ok(Meters { server, postmaster: self.postmaster })
    }

    pub(crate) fn peak_resident_bytes(&self) -> anyhow::Result<u64> {
        cpu::peak_resident_bytes(self.meters()?.server)
    }

    /// After a load the database has work left to do, on the same cores. Does it now, and waits for the rest.
    pub(crate) async fn tidy_up(&self, postgres: Option<&Postgres>) -> anyhow::Result<()> {
        let (Some(database), Some(postgres)) = (&self.database, postgres) else {
            sleep(Duration::from_secs(1)).await;
            return Ok(());
        };
        let mut connection = database.connect().await?;
        sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
        connection.close().await?;
        postgres.settle().await
    }

    /// Stops the server in order; a server that cannot is a finding.
    pub(crate) async fn strike(mut self) -> anyhow::Result<()> {
        let status = self.server.terminate(Duration::from_mins(1)).await?;
        if !status.success() {
            bail!("the server ended with {status}; log:\n{}", self.server.log());
        }
        Ok(())
    }
}

/// The throw-away cluster and its first process.
pub(crate) struct Postgres {
    pub(crate) server: TestPostgres,
    postmaster: u32,
}

impl Postgres {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let server = TestPostgres::bench_cluster(&[]).await?;
        let mut connection = server.connect().await?;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
        let postmaster = cpu::parent_of(u32::try_from(backend)?)?;
        connection.close().await?;
        Ok(Self { server, postmaster })
    }

    /// Processor time of all its processes so far.
    pub(crate) fn cluster_time(&self) -> anyhow::Result<Duration> {
        cpu::cluster_time(self.postmaster)
    }

    /// Writes out what is dirty and waits until no process of the cluster is busy: a measurement right after a load
    /// would share its cores with the checkpointer and autovacuum.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        const LONGEST: Duration = Duration::from_mins(1);
        const LOOK: Duration = Duration::from_millis(250);
        const CALM: Duration = Duration::from_millis(10);
        let mut connection = self.server.connect().await?;
        sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
        let deadline = Instant::now() + LONGEST;
        let mut calm = 0;
        while calm < 2 {
            if Instant::now() > deadline {
                bail!("the database is still busy after {LONGEST:?}");
            }
            let before = cpu::cluster_time(self.postmaster)?;
            sleep(LOOK).await;
            let used = cpu::cluster_time(self.postmaster)?.saturating_sub(before);
            let vacuuming = autovacuum_runs(&mut connection).await?;
            calm = if used <= CALM && !vacuuming { calm + 1 } else { 0 };
        }
        Ok(connection.close().await?)
    }
}

async fn autovacuum_runs(connection: &mut PgConnection) -> anyhow::Result<bool> {
    let query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')";
    Ok(sqlx::query_scalar(query).fetch_one(connection).await?)
}
