//! An outbox with known events, and the program.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};
use stateset_outbox::{Engine, Entity, Event, EventId, EventType, Outbox, Payload, Scope};
use stateset_testkit::postgres::{TestDatabase, shared};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::{Child, Command};
use uuid::Uuid;

/// Longest a command may take, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool, #[expect(dead_code, reason = "the database lives as long as it")] TestDatabase),
}

/// A fresh outbox, and a home for the program.
pub(crate) struct Shop {
    pub(crate) home: TempDir,
    pub(crate) url: String,
    pub(crate) pool: Pool,
}

/// What a command printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Exit code 0, or the test ends with what was said.
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl Shop {
    pub(crate) async fn sqlite() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("shop.db");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
        Outbox::new(pool.clone()).migrate().await.unwrap();
        let url = format!("sqlite:{}", path.display());
        Self { home, url, pool: Pool::Sqlite(pool) }
    }

    pub(crate) async fn postgres() -> Self {
        let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
        let database = server.create_database("events").await.unwrap();
        let url = database.url().to_owned();
        let pool = PgPoolOptions::new().max_connections(4).connect(&url).await.unwrap();
        Outbox::new(pool.clone()).migrate().await.unwrap();
        Self { home: tempfile::tempdir().unwrap(), url, pool: Pool::Postgres(pool, database) }
    }

    /// Writes an event with a known id.
    pub(crate) async fn write(&self, number: u128, event_type: &str, entity: (&str, &str), order: &str, data: Value) {
        match &self.pool {
            Pool::Sqlite(pool) => write(&Outbox::new(pool.clone()), number, event_type, entity, order, data).await,
            Pool::Postgres(pool, _) => write(&Outbox::new(pool.clone()), number, event_type, entity, order, data).await,
        }
    }

    /// Writes an event that an agent will sign when it is pushed.
    pub(crate) async fn write_signed(
        &self,
        number: u128,
        event_type: &str,
        (tenant, store): (Uuid, Uuid),
        (agent, key): (Uuid, u32),
    ) {
        let Pool::Sqlite(pool) = &self.pool else { panic!("a local log") };
        let outbox = Outbox::new(pool.clone()).for_scope(Scope { tenant, store });
        let mut event = Event::new(EventType::new(event_type), Payload::new(json!({ "number": number })), None);
        event.id = id(number);
        let draft = event.about(Entity::new("order", format!("ord_{number}"))).agent(agent, key);
        let mut tx = outbox.begin().await.unwrap();
        outbox.write_event_with_outbox(&mut tx, draft).await.unwrap();
        outbox.commit(tx).await.unwrap();
    }

    /// The event of source 000 and the two that follow it.
    pub(crate) async fn with_order(self) -> Self {
        self.write(1, "order.created", ("order", "ord_123"), "123", json!({"amount_cents": 4200})).await;
        self.write(2, "payment.succeeded", ("payment", "pm_abc123"), "123", json!({"amount_cents": 4200})).await;
        self.write(3, "inventory.adjusted", ("item", "SKU-1"), "", json!({"by": -2})).await;
        self
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stateset-events"));
        command
            .args(words(line))
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("STATESET_DATABASE_URL", &self.url)
            .env("STATESET_ACTOR", "ada")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs `stateset-events <line>`; words in single quotes are one.
    pub(crate) async fn run(&self, line: &str) -> Ran {
        self.run_with(line, &[]).await
    }

    pub(crate) async fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(line);
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        let output =
            tokio::time::timeout(PATIENCE, command.output()).await.unwrap_or_else(|_| panic!("{line} hangs")).unwrap();
        ran(&output)
    }

    /// Starts a command that goes on until it is stopped.
    pub(crate) fn start(&self, line: &str) -> Child {
        self.start_with(line, &[])
    }

    pub(crate) fn start_with(&self, line: &str, variables: &[(&str, &str)]) -> Child {
        let mut command = self.command(line);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Every row of every table.
    pub(crate) async fn dump(&self) -> String {
        let mut all = String::new();
        match &self.pool {
            Pool::Sqlite(pool) => {
                let tables: Vec<String> =
                    sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
                        .fetch_all(pool)
                        .await
                        .unwrap();
                for table in tables {
                    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?1)")
                        .bind(&table)
                        .fetch_all(pool)
                        .await
                        .unwrap();
                    let quoted: Vec<String> = columns.iter().map(|name| format!("quote(\"{name}\")")).collect();
                    let sql = format!("SELECT {} FROM \"{table}\" ORDER BY 1", quoted.join(" || ',' || "));
                    let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.unwrap();
                    all.push_str(&format!("{table}: {rows:?}\n"));
                }
            },
            Pool::Postgres(pool, _) => {
                let tables: Vec<String> = sqlx::query_scalar(
                    "SELECT tablename::text FROM pg_tables WHERE schemaname = 'outbox' ORDER BY tablename",
                )
                .fetch_all(pool)
                .await
                .unwrap();
                for table in tables {
                    let sql = format!(
                        "SELECT coalesce(string_agg(t::text, ',' ORDER BY t::text), '') FROM outbox.\"{table}\" t"
                    );
                    let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
                    all.push_str(&format!("{table}: {rows}\n"));
                }
            },
        }
        all
    }
}

fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// As a shell splits it, with single quotes only.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

pub(crate) fn id(number: u128) -> EventId {
    EventId(Uuid::from_u128(0x0194_6a5f_0000_7000_8000_0000_0000_0000 + number))
}

async fn write<DB: Engine>(
    outbox: &Outbox<DB>,
    number: u128,
    event_type: &str,
    entity: (&str, &str),
    order: &str,
    data: Value,
) {
    let mut event = Event::new(EventType::new(event_type), Payload::new(data), None);
    event.id = id(number);
    event.created_at = OffsetDateTime::parse("2025-01-15T10:30:00Z", &Rfc3339).unwrap();
    let mut metadata = Map::new();
    metadata.insert("external_ref".to_owned(), format!("evt_{number:03}").into());
    let mut draft = event.about(Entity::new(entity.0, entity.1)).correlation_id("checkout-1").metadata(metadata);
    if !order.is_empty() {
        draft = draft.order_key(order);
    }
    let mut tx = outbox.begin().await.unwrap();
    outbox.write_event_with_outbox(&mut tx, draft).await.unwrap();
    outbox.commit(tx).await.unwrap();
}

/// A case on both engines.
macro_rules! on_both {
    ($($case:ident)+) => { $(
        mod $case {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$case(crate::harness::Shop::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$case(crate::harness::Shop::postgres().await).await;
            }
        }
    )+ };
}
pub(crate) use on_both;
