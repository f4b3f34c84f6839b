//! A pool as an outbox in a file wants it.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Error, SqlitePool};
use tokio::time::{Instant, sleep};

const PAUSE: Duration = Duration::from_millis(10);

/// Opens a pool of `connections` on a file that several programs may open at once, and be making at that moment: with a
/// write-ahead log, synced at every commit, foreign keys and triggers in force. `busy` is how long a writer waits for
/// another; the rest of `options` stays as it is.
///
/// A pool of your own does as well. It then needs three things that are easily missed: SQLite refuses to turn the
/// write-ahead log on while another program has the file, at once and whatever `busy_timeout` says; without
/// `recursive_triggers`, `INSERT OR REPLACE` deletes rows that triggers protect; and where SQLite itself rolls a
/// transaction back, as with a full disk, sqlx 0.9 counts it as open for ever, so that connection has to be left out.
///
/// # Errors
/// Those of connecting; "database is locked" if others kept the file for longer than `busy`.
pub async fn sqlite_pool(options: SqliteConnectOptions, connections: u32, busy: Duration) -> Result<SqlitePool, Error> {
    let options = options
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(busy)
        .pragma("recursive_triggers", "ON");
    log_ahead(options.clone().journal_mode(SqliteJournalMode::Wal), busy).await?;
    SqlitePoolOptions::new()
        .max_connections(connections)
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_with(options)
        .await
}

/// Turns the write-ahead log on, which the file then keeps.
async fn log_ahead(options: SqliteConnectOptions, busy: Duration) -> Result<(), Error> {
    let deadline = Instant::now() + busy;
    loop {
        match options.connect().await {
            Err(error) if is_locked(&error) && Instant::now() < deadline => sleep(PAUSE).await,
            connected => return connected?.close().await,
        }
    }
}

/// `SQLITE_BUSY` or `SQLITE_LOCKED`: the low byte is the primary code.
fn is_locked(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|fault| fault.code()?.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnection;

    use super::*;

    const BUSY: Duration = Duration::from_secs(20);
    const BEGIN: &str = "BEGIN IMMEDIATE";

    fn file(folder: &tempfile::TempDir) -> SqliteConnectOptions {
        SqliteConnectOptions::new().filename(folder.path().join("shop.db")).create_if_missing(true)
    }

    #[tokio::test]
    async fn a_file_that_another_program_is_making_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut other: SqliteConnection = file(&folder).connect().await.expect("the file is made");
        sqlx::raw_sql("BEGIN IMMEDIATE; CREATE TABLE t (a integer)").execute(&mut other).await.expect("it is locked");
        let opening = sqlite_pool(file(&folder), 2, BUSY);
        tokio::pin!(opening);
        let early = tokio::time::timeout(Duration::from_millis(100), &mut opening).await;
        assert!(early.is_err(), "the file is locked: {early:?}");
        sqlx::raw_sql("COMMIT").execute(&mut other).await.expect("the lock is free");
        let pool = opening.await.expect("the pool opens");
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&pool).await.expect("the pragma answers");
        assert_eq!(mode, "wal");
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_spoils_no_connection() {
        let folder = tempfile::tempdir().expect("a folder");
        let pool = sqlite_pool(file(&folder), 1, BUSY).await.expect("the pool opens");
        let tables = "CREATE TABLE t (a integer); CREATE TRIGGER full BEFORE INSERT ON t WHEN new.a = 13
                      BEGIN SELECT RAISE(ROLLBACK, 'as with a full disk'); END";
        sqlx::raw_sql(tables).execute(&pool).await.expect("the tables are made");
        let mut transaction = pool.begin_with(BEGIN).await.expect("a transaction");
        sqlx::query("INSERT INTO t VALUES (13)").execute(&mut *transaction).await.expect_err("it is rolled back");
        transaction.rollback().await.expect_err("SQLite has no transaction any more");
        for _ in 0..2 {
            let mut transaction = pool.begin_with(BEGIN).await.expect("a transaction");
            sqlx::query("INSERT INTO t VALUES (1)").execute(&mut *transaction).await.expect("it is written");
            transaction.commit().await.expect("it is kept");
        }
        let written: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&pool).await.expect("a count");
        assert_eq!(written, 2);
    }
}
