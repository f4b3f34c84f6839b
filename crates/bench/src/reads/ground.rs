//! The log that is looked at, and the plain database under it.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, Row as _, SqlitePool};
use stateset_outbox::delivery::{NewRoute, Registration, Start};
use stateset_outbox::{Engine, Entity, Event, EventType, Outbox, Payload};
use stateset_testkit::postgres::TestDatabase;
use tempfile::TempDir;

use crate::stage::Postgres;

/// A page of rows by primary key, and nothing else.
const PAGE: &str = "SELECT * FROM event_log WHERE id > (SELECT max(id) - 50 FROM event_log) ORDER BY id DESC LIMIT 50";
/// Events that are written at last, which nobody has been given yet.
const WAITING: u32 = 500;

/// What a database can be asked without us.
pub(super) trait Raw {
    /// Reads a page of 50 rows by primary key.
    fn page(&self) -> impl Future<Output = anyhow::Result<usize>> + Send;

    /// Rows and pages of 8 KiB that statements have read so far, where the database counts them.
    fn read_so_far(&self) -> impl Future<Output = anyhow::Result<Option<(i64, i64)>>> + Send;
}

pub(super) struct Ground<DB: Engine, Keep> {
    pub(super) outbox: Outbox<DB>,
    /// With connections enough for one that listens.
    pub(super) others: Outbox<DB>,
    pool: sqlx::Pool<DB>,
    _keep: Keep,
}

impl<DB: Engine, Keep> Ground<DB, Keep> {
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Raw for Ground<sqlx::Sqlite, TempDir> {
    async fn page(&self) -> anyhow::Result<usize> {
        Ok(sqlx::query(PAGE).fetch_all(&self.pool).await?.len())
    }

    async fn read_so_far(&self) -> anyhow::Result<Option<(i64, i64)>> {
        Ok(None)
    }
}

impl Raw for Ground<sqlx::Postgres, TestDatabase> {
    async fn page(&self) -> anyhow::Result<usize> {
        const SQL: &str = "SELECT * FROM outbox.event_log WHERE id > (SELECT last_value - 50 FROM outbox.event_log_id) \
                           ORDER BY id DESC LIMIT 50";
        Ok(sqlx::query(SQL).fetch_all(&self.pool).await?.len())
    }

    async fn read_so_far(&self) -> anyhow::Result<Option<(i64, i64)>> {
        // The pool has one connection: what it counted is made known with its next transaction.
        sqlx::query("SELECT pg_stat_force_next_flush()").execute(&self.pool).await?;
        let sql = "SELECT (tup_returned + tup_fetched)::bigint, (blks_hit + blks_read)::bigint FROM pg_stat_database \
                   WHERE datname = current_database()";
        let row = sqlx::query(sql).fetch_one(&self.pool).await?;
        Ok(Some((row.get(0), row.get(1))))
    }
}

pub(super) async fn sqlite(thousands: u32) -> anyhow::Result<Ground<sqlx::Sqlite, TempDir>> {
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("shop.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30));
    let pool: SqlitePool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
    let outbox = Outbox::new(pool.clone());
    begin(&outbox).await?;
    let fill = [include_str!("fill_sqlite.sql"), include_str!("deliveries_sqlite.sql")];
    for sql in fill {
        let sql = sql.replace("{count}", &(u64::from(thousands) * 1_000).to_string());
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await?;
    }
    waiting(&outbox).await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&pool).await?;
    Ok(Ground { others: outbox.clone(), outbox, pool, _keep: folder })
}

pub(super) async fn postgres(
    postgres: &Postgres,
    thousands: u32,
) -> anyhow::Result<Ground<sqlx::Postgres, TestDatabase>> {
    let database = postgres.server.create_database("reads").await?;
    // One connection, so that what it has counted can be asked for.
    let options = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool: PgPool = options.connect(database.url()).await?;
    let outbox = Outbox::new(pool.clone());
    begin(&outbox).await?;
    let fill = [include_str!("fill_postgres.sql"), include_str!("deliveries_postgres.sql"), "VACUUM (ANALYZE)"];
    for sql in fill {
        let sql = sql.replace("{count}", &(u64::from(thousands) * 1_000).to_string());
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await?;
    }
    waiting(&outbox).await?;
    postgres.settle().await?;
    let others = Outbox::new(PgPoolOptions::new().max_connections(4).connect(database.url()).await?);
    Ok(Ground { outbox, others, pool, _keep: database })
}

async fn begin<DB: Engine>(outbox: &Outbox<DB>) -> anyhow::Result<()> {
    outbox.migrate().await?;
    let route = NewRoute { name: "all".to_owned(), type_glob: "*".to_owned(), policy: "{}".to_owned() };
    let registration = Registration {
        name: "kafka".to_owned(),
        kind: "kafka".to_owned(),
        shard_groups: 4,
        routes: vec![route],
        start: Start::Beginning,
    };
    outbox.deliveries().register(&registration).await?;
    write(outbox, 1).await
}

async fn waiting<DB: Engine>(outbox: &Outbox<DB>) -> anyhow::Result<()> {
    write(outbox, WAITING).await
}

/// Writes events in one transaction.
pub(super) async fn write<DB: Engine>(outbox: &Outbox<DB>, events: u32) -> anyhow::Result<()> {
    let mut tx = outbox.begin().await?;
    for number in 0..events {
        let payload = serde_json::json!({ "number": number, "note": "written at last" });
        let event = Event::new(EventType::new("order.created"), Payload::new(payload), None);
        let event = event.about(Entity::new("order", format!("e{number}")));
        outbox.write_event_with_outbox(&mut tx, event).await?;
    }
    outbox.commit(tx).await?;
    Ok(())
}
