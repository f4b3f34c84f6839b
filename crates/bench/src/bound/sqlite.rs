//! The bounds of SQLite: a thousand rows per transaction, and transactions of a single row. One writer, as SQLite has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Sqlite, SqliteConnection};
use tempfile::TempDir;
use tokio::time::Instant;

use super::row::{self, Row};
use super::{Bound, ROWS_PER_COMMIT};
use crate::cells::BoundKind;
use crate::numbers::{micros_u64, per_second};

const TABLE: &str = "
    CREATE TABLE plain (
        stream_no INTEGER NOT NULL, seq INTEGER NOT NULL, event_id BLOB NOT NULL, version INTEGER NOT NULL,
        agent_id BLOB NOT NULL, agent_key_id INTEGER, entity_type TEXT NOT NULL, entity_id TEXT NOT NULL,
        event_type TEXT NOT NULL, created_at TEXT NOT NULL, payload_form INTEGER NOT NULL, payload_hash BLOB NOT NULL,
        cipher_hash BLOB, content_hash BLOB NOT NULL, seal BLOB NOT NULL, command_id BLOB, base_version INTEGER,
        order_key TEXT, correlation_id TEXT, annotations TEXT, sequenced_at INTEGER NOT NULL, receipt_key_id INTEGER,
        receipt_signature BLOB, payload BLOB NOT NULL,
        PRIMARY KEY (stream_no, seq)
    ) STRICT, WITHOUT ROWID";
const INSERT: &str = "
    INSERT OR FAIL INTO plain (stream_no, seq, event_id, version, agent_id, agent_key_id, entity_type, entity_id,
        event_type, created_at, payload_form, payload_hash, content_hash, seal, sequenced_at, payload)
    VALUES ";
const VALUES: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// Rows of one statement: more do not make it faster, and SQLite compiles long statements slowly.
const ROWS_PER_STATEMENT: usize = 100;

/// A file of its own in the folder where the server's would be.
pub(crate) struct SqliteBounds {
    folder: TempDir,
    files: AtomicU64,
}

impl SqliteBounds {
    pub(crate) fn create() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("stateset-bound-").tempdir()?;
        Ok(Self { folder, files: AtomicU64::new(0) })
    }

    pub(super) async fn measure(&self, kind: BoundKind, time: Duration) -> anyhow::Result<Bound> {
        match kind {
            BoundKind::Bulk => self.insert(ROWS_PER_COMMIT, ROWS_PER_STATEMENT, time).await,
            BoundKind::Commits | BoundKind::LoneCommit => self.insert(1, 1, time).await,
        }
    }

    async fn insert(&self, per_commit: usize, per_statement: usize, time: Duration) -> anyhow::Result<Bound> {
        let path = self.folder.path().join(format!("{}.db", self.files.fetch_add(1, Ordering::Relaxed)));
        let mut connection = open(&path).await?;
        let statement: Arc<str> = format!("{INSERT}{}", vec![VALUES; per_statement].join(",")).into();
        let mut commits: Histogram<u64> = Histogram::new(3)?;
        let (begun, mut seq) = (Instant::now(), 1);
        while begun.elapsed() < time {
            let rows: Vec<Row> = (seq..).take(per_commit).map(|seq| Row::new(1, seq)).collect();
            let commit = Instant::now();
            let mut transaction = connection.begin().await?;
            for rows in rows.chunks(per_statement) {
                let insert = sqlx::query(AssertSqlSafe(Arc::clone(&statement)));
                rows.iter().fold(insert, bind).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            commits.record(micros_u64(commit.elapsed()))?;
            seq += i64::try_from(per_commit)?;
        }
        let rows = commits.len() * per_commit as u64;
        let bound = Bound {
            ceiling: None,
            rate: per_second(rows, begun.elapsed()),
            p50: Duration::from_micros(commits.value_at_quantile(0.5)),
        };
        connection.close().await?;
        std::fs::remove_file(&path)?;
        Ok(bound)
    }
}

/// Durable and tuned as the server's own connection is.
async fn open(path: &std::path::Path) -> anyhow::Result<SqliteConnection> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "20000")
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
        .connect()
        .await?;
    sqlx::raw_sql(TABLE).execute(&mut connection).await?;
    Ok(connection)
}

fn bind<'q>(insert: Query<'q, Sqlite, SqliteArguments>, row: &'q Row) -> Query<'q, Sqlite, SqliteArguments> {
    insert
        .bind(row.stream)
        .bind(row.seq)
        .bind(row.event_id.as_bytes().as_slice())
        .bind(row::VERSION)
        .bind(row.agent_id.as_bytes().as_slice())
        .bind(row::KEY_ID)
        .bind(row::ENTITY_TYPE)
        .bind(row.entity_id.as_str())
        .bind(row::EVENT_TYPE)
        .bind(row::CREATED_AT)
        .bind(row::PAYLOAD_FORM)
        .bind(row.payload_hash.as_slice())
        .bind(row.content_hash.as_slice())
        .bind(row.seal.as_slice())
        .bind(row::SEQUENCED_AT)
        .bind(row.payload.as_slice())
}
