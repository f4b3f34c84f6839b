//! A real PostgreSQL for the tests.
//!
//! [`shared`] gives the one server of this test process: the one named by `TEST_POSTGRES_URL` (the URL of
//! a superuser), else a throw-away cluster of the installed PostgreSQL, never the system's own. Each
//! test then takes its own database with [`TestPostgres::create_database`]. A test that takes the
//! server down uses [`TestPostgres::own`], so that no other test notices.
//!
//! A missing PostgreSQL is an error, not a skipped test.

mod cluster;
mod database;

use anyhow::Context;
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;

use crate::environment;
use cluster::Cluster;

pub use database::TestDatabase;

static SHARED: OnceCell<TestPostgres> = OnceCell::const_new();

/// The server all tests of this process share. A throw-away cluster disappears soon after the process does,
/// however the process ends.
pub async fn shared() -> anyhow::Result<&'static TestPostgres> {
    SHARED.get_or_try_init(TestPostgres::start).await
}

/// A PostgreSQL server, ours or one that was given.
#[derive(Debug)]
pub struct TestPostgres {
    admin_url: String,
    cluster: Option<Cluster>,
}

impl TestPostgres {
    /// The server of `TEST_POSTGRES_URL` if set, else a throw-away cluster.
    pub async fn start() -> anyhow::Result<Self> {
        match environment::variable("TEST_POSTGRES_URL") {
            Some(url) => Self::given(url).await,
            None => Self::own(&[]).await,
        }
    }

    async fn given(admin_url: String) -> anyhow::Result<Self> {
        let server = Self { admin_url, cluster: None };
        let connection = server.connect().await.context("TEST_POSTGRES_URL is set, but that server does not answer")?;
        connection.close().await?;
        Ok(server)
    }

    /// A throw-away cluster, even where `TEST_POSTGRES_URL` is set. The settings are added to
    /// `postgresql.conf`; without any, durability is PostgreSQL's own default: fsync is on.
    pub async fn own(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let cluster = tokio::task::spawn_blocking(move || Cluster::create(&settings)).await??;
        Ok(Self { admin_url: cluster.url(), cluster: Some(cluster) })
    }

    /// A throw-away cluster sized so that checkpoints do not fall into a measurement. What is
    /// acknowledged is still on disk. Later settings win.
    pub async fn bench_cluster(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let base = [("max_wal_size", "4GB"), ("shared_buffers", "512MB"), ("checkpoint_timeout", "30min")];
        let all: Vec<(&str, &str)> = base.iter().chain(settings).copied().collect();
        Self::own(&all).await
    }

    /// URL of a superuser on the maintenance database.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// URL of the database of this name on this server.
    pub fn url_of(&self, database: &str) -> anyhow::Result<String> {
        database::url_with_name(&self.admin_url, database)
    }

    /// A connection of the superuser to the maintenance database.
    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        PgConnection::connect(&self.admin_url).await.context("connecting to the test PostgreSQL")
    }

    /// A fresh, empty database whose name starts with `prefix`; dropped with the value.
    pub async fn create_database(&self, prefix: &str) -> anyhow::Result<TestDatabase> {
        TestDatabase::create(self, prefix, None).await
    }

    /// A copy of `template`, to which nobody may be connected meanwhile. Much faster than migrating again.
    pub async fn copy_database(&self, prefix: &str, template: &TestDatabase) -> anyhow::Result<TestDatabase> {
        TestDatabase::create(self, prefix, Some(template.name())).await
    }

    /// An orderly stop: connections are cut, what was committed is on disk. `start_again` serves
    /// the same data on the same URL.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.with_cluster(|cluster| cluster.stop("fast")).await
    }

    /// Stops without a checkpoint, as a crash of the server does; the next start recovers from the log.
    pub async fn kill_immediate(&mut self) -> anyhow::Result<()> {
        self.with_cluster(|cluster| cluster.stop("immediate")).await
    }

    /// Starts a stopped server with the same data, on the same URL.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.with_cluster(Cluster::start).await
    }

    /// The commands take a second or so: they run where they block nobody.
    async fn with_cluster(&mut self, act: fn(&Cluster) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let cluster = self.cluster.take().context("only a cluster of our own can be stopped: use TestPostgres::own")?;
        let (cluster, outcome) = tokio::task::spawn_blocking(move || {
            let outcome = act(&cluster);
            (cluster, outcome)
        })
        .await?;
        self.cluster = Some(cluster);
        outcome
    }
}
