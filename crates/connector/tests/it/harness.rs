//! A fresh outbox with the connector's tables, on either engine.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Sqlite, SqlitePool};
use stateset_connector::fixtures::Recorded;
use stateset_connector::shopify::{Secrets, Shopify};
use stateset_connector::{Intake, Tables};
use stateset_outbox::delivery::LoggedEvent;
use stateset_outbox::subject::MasterKeys;
use stateset_outbox::{Outbox, ReplayFilter};
use stateset_testkit::postgres::{TestDatabase, shared};
use tempfile::TempDir;

pub(crate) const SECRET: &str = "the-secret-of-this-app";

/// One of the two engines.
pub(crate) trait Database: Sized + Send + Sync + 'static {
    type Db: Tables;
    async fn create() -> Self;
    fn outbox(&self) -> Outbox<Self::Db>;
    /// Runs SQL, written for PostgreSQL where both understand it.
    async fn run(&self, sql: &str);
    /// The one number that SQL gives.
    async fn number(&self, sql: &str) -> i64;
    /// Makes the log refuse events of this type, and undoes that.
    async fn refuse(&self, event_type: &str);
    async fn admit(&self, event_type: &str);

    fn keyed(&self) -> Outbox<Self::Db> {
        self.outbox().with_master_keys(MasterKeys::new("2026", [7; 32]))
    }

    fn intake(&self) -> Arc<Intake<Self::Db, Shopify>> {
        Arc::new(Intake::new(self.keyed(), shopify()))
    }

    /// Every event, in the order of the log.
    async fn events(&self) -> Vec<LoggedEvent> {
        self.outbox().events_for_replay(&ReplayFilter::default(), 10_000).await.unwrap()
    }

    async fn types(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.event_type).collect()
    }
}

pub(crate) struct OnPostgres {
    pub(crate) pool: PgPool,
    _database: TestDatabase,
}

pub(crate) struct OnSqlite {
    pool: SqlitePool,
    _folder: TempDir,
}

impl Database for OnPostgres {
    type Db = Postgres;

    async fn create() -> Self {
        let database = shared().await.unwrap().create_database("connector").await.unwrap();
        let pool = PgPoolOptions::new().max_connections(8).connect(database.url()).await.unwrap();
        let made = Self { pool, _database: database };
        made.outbox().migrate().await.unwrap();
        stateset_connector::migrate(&made.outbox()).await.unwrap();
        made
    }

    fn outbox(&self) -> Outbox<Postgres> {
        Outbox::new(self.pool.clone())
    }

    async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.pool).await.unwrap()
    }

    async fn refuse(&self, event_type: &str) {
        self.run(&format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON outbox.event_log FOR EACH ROW \
             WHEN (NEW.event_type = '{event_type}') EXECUTE FUNCTION refuse()"
        ))
        .await;
    }

    async fn admit(&self, _: &str) {
        self.run("DROP TRIGGER refuse ON outbox.event_log; DROP FUNCTION refuse()").await;
    }
}

impl Database for OnSqlite {
    type Db = Sqlite;

    async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.unwrap();
        let made = Self { pool, _folder: folder };
        made.outbox().migrate().await.unwrap();
        stateset_connector::migrate(&made.outbox()).await.unwrap();
        made
    }

    fn outbox(&self) -> Outbox<Sqlite> {
        Outbox::new(self.pool.clone())
    }

    async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(plain(sql))).execute(&self.pool).await.unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(plain(sql))).fetch_one(&self.pool).await.unwrap()
    }

    async fn refuse(&self, event_type: &str) {
        self.run(&format!(
            "CREATE TRIGGER \"refuse {event_type}\" BEFORE INSERT ON event_log WHEN NEW.event_type = '{event_type}' \
             BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        ))
        .await;
    }

    async fn admit(&self, event_type: &str) {
        // A connection whose view of the schema is old refuses a name that was free again: each type has its own.
        self.run(&format!("DROP TRIGGER \"refuse {event_type}\"")).await;
    }
}

/// There are no schemas there.
fn plain(sql: &str) -> String {
    sql.replace("outbox.", "").replace("connector.", "connector_")
}

pub(crate) fn shopify() -> Shopify {
    Shopify::new(Secrets::parse(SECRET).unwrap()).in_currency("USD")
}

/// The headers of a recorded request, as a server has them.
pub(crate) fn headers(recorded: &Recorded) -> HeaderMap {
    let pairs = recorded.headers(&shopify());
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

pub(crate) fn payload(event: &LoggedEvent) -> Value {
    serde_json::from_str(&event.payload).unwrap()
}

/// A case on both engines.
macro_rules! on_both {
    ($($case:ident)+) => { $(
        mod $case {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$case::<crate::harness::OnSqlite>().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$case::<crate::harness::OnPostgres>().await;
            }
        }
    )+ };
}
pub(crate) use on_both;
