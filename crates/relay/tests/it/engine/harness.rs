//! A database with an outbox, and handlers that remember.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Executor as _, PgPool, Row as _, SqlitePool};
use stateset_outbox::delivery::{DeliveryStore, NewRoute, Registration, Start};
use stateset_outbox::{Engine, Entity, Event, EventType, Outbox, Payload};
use stateset_relay::backoff::Backoff;
use stateset_relay::engine::{Options, Relay};
use stateset_relay::policy::Policy;
use stateset_relay::record::Record;
use stateset_relay::sink::handler::{Handler, HandlerError};
use stateset_testkit::postgres::{TestDatabase, shared};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::ledger::Ledger;

/// One of the two databases.
pub(crate) trait Database: Sized + Send + Sync + 'static {
    type Db: Engine;
    async fn create() -> Self;
    fn url(&self) -> String;
    fn outbox(&self) -> &Outbox<Self::Db>;
    /// First column, as text, of every row.
    async fn column(&self, sql: &'static str) -> Vec<String>;

    /// Runs SQL without arguments, written for PostgreSQL.
    async fn run(&self, sql: &str);

    /// SQL that spoils the row of the log with this id, past the triggers that keep it.
    fn spoil(id: i64) -> String;

    fn store(&self) -> Arc<dyn DeliveryStore> {
        self.outbox().deliveries()
    }

    /// Writes one event per key, each in a transaction of its own.
    async fn write(&self, ledger: &Mutex<Ledger>, keys: impl IntoIterator<Item = String>) {
        for key in keys {
            self.write_all(ledger, [key]).await;
        }
    }

    /// Writes all in one transaction.
    async fn write_all(&self, ledger: &Mutex<Ledger>, keys: impl IntoIterator<Item = String>) {
        let mut drafts = Vec::new();
        let mut written = Vec::new();
        for key in keys {
            let payload = json!({ "key": key, "number": ledger.lock().unwrap().written.len() + written.len() });
            let event = Event::new(EventType::new("order.created"), Payload::new(payload), None);
            written.push((event.id.0, key.clone()));
            drafts.push(event.about(Entity::new("order", key.as_str())).order_key(key));
        }
        let mut tx = self.outbox().begin().await.unwrap();
        self.outbox().write_event_batch(&mut tx, drafts).await.unwrap();
        self.outbox().commit(tx).await.unwrap();
        ledger.lock().unwrap().written.extend(written);
    }
}

pub(crate) struct Postgres {
    outbox: Outbox<sqlx::Postgres>,
    pool: PgPool,
    database: TestDatabase,
}

impl Database for Postgres {
    type Db = sqlx::Postgres;

    async fn create() -> Self {
        let database = shared().await.unwrap().create_database("relay").await.unwrap();
        let pool = PgPool::connect(database.url()).await.unwrap();
        let outbox = Outbox::new(pool.clone());
        outbox.migrate().await.unwrap();
        Self { outbox, pool, database }
    }

    fn url(&self) -> String {
        self.database.url().to_owned()
    }

    fn outbox(&self) -> &Outbox<sqlx::Postgres> {
        &self.outbox
    }

    async fn column(&self, sql: &'static str) -> Vec<String> {
        self.pool.fetch_all(sql).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn run(&self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
    }

    /// Types are the server's to keep; what a payload says is not.
    fn spoil(id: i64) -> String {
        format!(
            "ALTER TABLE outbox.event_log DISABLE TRIGGER USER; \
             UPDATE outbox.event_log SET payload = '{{\"number\": ' WHERE id = {id}; \
             ALTER TABLE outbox.event_log ENABLE TRIGGER USER"
        )
    }
}

pub(crate) struct Sqlite {
    outbox: Outbox<sqlx::Sqlite>,
    pool: SqlitePool,
    url: String,
    _folder: TempDir,
}

impl Database for Sqlite {
    type Db = sqlx::Sqlite;

    async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("shop.db").display());
        let options = url.parse::<SqliteConnectOptions>().unwrap().journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let outbox = Outbox::new(pool.clone());
        outbox.migrate().await.unwrap();
        Self { outbox, pool, url, _folder: folder }
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn outbox(&self) -> &Outbox<sqlx::Sqlite> {
        &self.outbox
    }

    async fn column(&self, sql: &'static str) -> Vec<String> {
        // Identities are blobs there, and there are no schemas.
        let sql = sqlx::AssertSqlSafe(sql.replace("outbox.", "").replace("id::text", "lower(hex(id))"));
        self.pool.fetch_all(sql).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn run(&self, sql: &str) {
        let sql = sql.replace("outbox.", "");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
    }

    /// An identity of three bytes, and a text that is no UTF-8.
    fn spoil(id: i64) -> String {
        format!(
            "DROP TRIGGER events_are_not_updated; \
             UPDATE event_log SET event_id = x'010203', metadata = CAST(x'ff7b' AS text) WHERE id = {id}"
        )
    }
}

/// How often, and how.
type Failures = (u32, HandlerError);

/// A handler that writes arrivals into the ledger unless it is told to fail.
#[derive(Clone, Default)]
pub(crate) struct Shop {
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    /// How often the event with this number still fails, and how.
    failures: Arc<Mutex<BTreeMap<u64, Failures>>>,
    pub(crate) calls: Arc<AtomicI64>,
    pub(crate) down: Arc<std::sync::atomic::AtomicBool>,
}

impl Shop {
    pub(crate) fn fail(&self, number: u64, times: u32, how: HandlerError) {
        self.failures.lock().unwrap().insert(number, (times, how));
    }

    pub(crate) fn handler(&self) -> Handler {
        let shop = self.clone();
        Handler::new(move |record: Record| {
            let result = shop.handle(&record);
            async move { result }
        })
    }

    fn handle(&self, record: &Record) -> Result<(), HandlerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(HandlerError::Unavailable("the shop's mail server is down".to_owned()));
        }
        let payload: serde_json::Value = serde_json::from_str(&record.event.payload).unwrap();
        let number = payload["number"].as_u64().unwrap();
        if let Some((times, how)) = self.failures.lock().unwrap().get_mut(&number)
            && *times > 0
        {
            *times -= 1;
            return Err(how.clone());
        }
        self.ledger.lock().unwrap().arrived.push(record.event.event_id);
        Ok(())
    }

    pub(crate) fn arrived(&self) -> usize {
        self.ledger.lock().unwrap().arrived.len()
    }
}

/// Short waits, so that a test does not take minutes; the formula is tested elsewhere.
pub(crate) fn policy() -> Policy {
    let backoff = Backoff { initial: Duration::from_millis(20), max: Duration::from_millis(100), ..Backoff::default() };
    Policy { backoff, ..Policy::default() }
}

pub(crate) fn options(lease: Duration) -> Options {
    Options {
        lease,
        poll_min: Duration::from_millis(5),
        poll_max: Duration::from_millis(200),
        ..Options::new(format!("test-{}", Uuid::new_v4()))
    }
}

pub(crate) fn registration(name: &str, policy: &Policy) -> Registration {
    let route = NewRoute { name: name.to_owned(), type_glob: "order.*".to_owned(), policy: policy.to_json() };
    Registration {
        name: name.to_owned(),
        kind: "handler".to_owned(),
        shard_groups: 4,
        routes: vec![route],
        start: Start::Beginning,
    }
}

pub(crate) fn relay(database: &impl Database, shop: &Shop, policy: &Policy) -> Relay {
    let relay = Relay::new(database.store(), options(Duration::from_secs(15)));
    relay.destination(registration("shop", policy), Arc::new(shop.handler()))
}

/// `count` keys, over and over: `key 0`, `key 1`, …
pub(crate) fn keys(events: usize, count: usize) -> Vec<String> {
    (0..events).map(|number| format!("key {}", number % count)).collect()
}

/// Waits for a condition, never for a time.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition().await {
        assert!(Instant::now() < deadline, "this did not come: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
