//! Connections: one that writes, some that read, one that moves the write-ahead log into the database file.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

use super::{SqliteStore, store_error};
use crate::error::StoreError;

/// Takes SQLite's write lock at once; a transaction that asks for it later can be refused half-way.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(super) const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// Prepared statements that the writer keeps.
pub(super) const CACHED_STATEMENTS: usize = 200;
/// How long a writer waits for another process, and a reader for a connection.
const WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);
/// Pages in the write-ahead log at which a commit moves them itself. High, because the commit waits for that; from
/// another connection [`SqliteStore::checkpoint_wal`] gets most of them there first.
const AUTOCHECKPOINT_PAGES: &str = "20000";
/// Bytes to which the write-ahead log shrinks after a burst: a little more than the pages above.
const LOG_BYTES: &str = "100000000";
/// Page caches in KiB, negative as the pragma wants them. The writer's holds the upper levels of the random-id index.
const WRITER_CACHE: &str = "-24576";
const READER_CACHE: &str = "-8192";

impl SqliteStore {
    /// Opens the database file, creating it, for its owner only, if there is none. [`Self::migrate`] comes next.
    ///
    /// `readers` is the number of connections for reading, at least one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for a file that cannot be made or opened.
    pub async fn open(path: impl AsRef<Path>, readers: u32) -> Result<Self, StoreError> {
        let path = path.as_ref();
        create_private(path).map_err(StoreError::unavailable)?;
        let base = SqliteConnectOptions::new()
            .filename(path)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(false)
            .busy_timeout(WAIT)
            // Without it INSERT OR REPLACE deletes rows behind the back of the triggers that refuse deletion.
            .pragma("recursive_triggers", "ON")
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging();
        let writer = Writer::new(
            base.clone()
                .journal_mode(SqliteJournalMode::Wal)
                .statement_cache_capacity(CACHED_STATEMENTS)
                .pragma("wal_autocheckpoint", AUTOCHECKPOINT_PAGES)
                .pragma("journal_size_limit", LOG_BYTES)
                .pragma("cache_size", WRITER_CACHE),
        );
        // First, because it turns the write-ahead log on; a reader cannot.
        writer.connect().await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(readers.max(1))
            .acquire_timeout(WAIT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(base.clone().read_only(true).pragma("cache_size", READER_CACHE))
            .await
            .map_err(store_error)?;
        Ok(Self { writer, readers, checkpointer: Writer::new(base.pragma("journal_size_limit", LOG_BYTES)) })
    }

    /// Moves what the write-ahead log holds into the database file, as far as no reader needs it, while appends go on.
    /// Worth calling often: a commit that finds a long log does it itself and waits.
    pub async fn checkpoint_wal(&self) -> Result<(), StoreError> {
        let mut slot = self.checkpointer.slot.lock().await;
        let mut connection = self.checkpointer.take(&mut slot).await?;
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_all(&mut connection).await.map_err(store_error)?;
        *slot = Some(connection);
        Ok(())
    }
}

/// SQLite gives its side files the permissions of the database file.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A connection on which callers take turns.
///
/// It is taken out for each turn and put back when it is known to be sound. So a future that is dropped half-way takes the
/// connection with it, SQLite rolls its transaction back, and the next turn connects again.
#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteConnectOptions,
    slot: Mutex<Option<SqliteConnection>>,
}

impl Writer {
    fn new(options: SqliteConnectOptions) -> Self {
        Self { options, slot: Mutex::new(None) }
    }

    /// Connects, waiting for others: turning the write-ahead log on needs the file alone, and SQLite refuses that at once
    /// instead of waiting for as long as it was told to.
    async fn connect(&self) -> Result<(), StoreError> {
        let mut slot = self.slot.lock().await;
        let deadline = Instant::now() + WAIT;
        loop {
            match self.take(&mut slot).await {
                Err(StoreError::Unavailable(_)) if Instant::now() < deadline => sleep(PAUSE).await,
                connected => {
                    *slot = Some(connected?);
                    return Ok(());
                },
            }
        }
    }

    async fn take(&self, slot: &mut Option<SqliteConnection>) -> Result<SqliteConnection, StoreError> {
        match slot.take() {
            Some(connection) => Ok(connection),
            None => self.options.connect().await.map_err(store_error),
        }
    }

    /// A turn without a transaction.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, StoreError> {
        let mut slot = self.slot.lock().await;
        let connection = self.take(&mut slot).await?;
        Ok(Turn { slot, connection })
    }

    /// A turn with a transaction that already holds SQLite's write lock.
    pub(super) async fn begin(&self) -> Result<Turn<'_>, StoreError> {
        let mut turn = self.turn().await?;
        sqlx::query(BEGIN).execute(&mut turn.connection).await.map_err(store_error)?;
        Ok(turn)
    }
}

/// One turn on a [`Writer`].
pub(super) struct Turn<'a> {
    slot: MutexGuard<'a, Option<SqliteConnection>>,
    pub(super) connection: SqliteConnection,
}

impl Turn<'_> {
    /// Commits what succeeded, rolls back what did not.
    pub(super) async fn end<T>(mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let committed = match outcome {
            Ok(value) => sqlx::query(COMMIT).execute(&mut self.connection).await.map(|_| value).map_err(store_error),
            Err(error) => Err(error),
        };
        self.settle(committed).await
    }

    /// Puts the connection back after a transaction that committed itself or conflicted; after anything else nobody knows
    /// in what state it is, and it is closed.
    pub(super) async fn settle<T>(mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match &outcome {
            Ok(_) => self.put_back(),
            Err(StoreError::Conflict) => {
                sqlx::query(ROLLBACK).execute(&mut self.connection).await.map_err(store_error)?;
                self.put_back();
            },
            Err(_) => {},
        }
        outcome
    }

    /// Gives the connection back as it is.
    pub(super) fn put_back(mut self) {
        *self.slot = Some(self.connection);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::ConnectOptions as _;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

    use super::SqliteStore;

    async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(connection).await.expect("the pragma answers")
    }

    #[tokio::test]
    async fn every_connection_syncs_and_guards_the_triggers() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(directory.path().join("log.sqlite"), 2).await.expect("the file opens");
        let mut writer = store.writer.turn().await.expect("the writer is free");
        let mut checkpointer = store.checkpointer.turn().await.expect("the checkpointer is free");
        let mut reader = store.readers.acquire().await.expect("a reader is free");
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *reader).await.expect("the pragma answers");
        assert_eq!(mode, "wal");
        for connection in [&mut writer.connection, &mut checkpointer.connection, &mut *reader] {
            assert_eq!(pragma(connection, "PRAGMA recursive_triggers").await, 1);
            assert_eq!(pragma(connection, "PRAGMA synchronous").await, 2);
            assert_eq!(pragma(connection, "PRAGMA busy_timeout").await, 5_000);
        }
        sqlx::query("CREATE TABLE t (a)").execute(&mut *reader).await.expect_err("readers only read");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_files_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(directory.path().join("log.sqlite"), 1).await.expect("the file opens");
        store.migrate().await.expect("the migrations run");
        for name in ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"] {
            let file = directory.path().join(name).metadata().expect("the file is there");
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    /// J06: several programs may start on one new file.
    #[tokio::test]
    async fn a_file_that_another_program_is_making_is_waited_for() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("log.sqlite");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut other = options.connect().await.expect("the file is made");
        sqlx::raw_sql("BEGIN IMMEDIATE; CREATE TABLE t (a integer)").execute(&mut other).await.expect("it is locked");
        let opening = SqliteStore::open(&path, 1);
        tokio::pin!(opening);
        let early = tokio::time::timeout(Duration::from_millis(100), &mut opening).await;
        assert!(early.is_err(), "the file is locked: {early:?}");
        sqlx::raw_sql("COMMIT").execute(&mut other).await.expect("the lock is free");
        let store = opening.await.expect("the file opens");
        let mut turn = store.writer.turn().await.expect("the writer is free");
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut turn.connection)
            .await
            .expect("the pragma answers");
        assert_eq!(mode, "wal");
    }

    #[tokio::test]
    async fn a_write_lock_held_elsewhere_is_unavailable() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(directory.path().join("log.sqlite"), 1).await.expect("the file opens");
        let _held = store.writer.begin().await.expect("the writer is free");
        let mut other = store.checkpointer.turn().await.expect("the checkpointer is free");
        sqlx::query("PRAGMA busy_timeout = 0").execute(&mut other.connection).await.expect("the pragma answers");
        let refused = sqlx::query(super::BEGIN).execute(&mut other.connection).await.expect_err("the lock is held");
        assert!(matches!(crate::sqlite::store_error(refused), crate::StoreError::Unavailable(_)));
    }
}
