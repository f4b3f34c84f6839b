//! The suite on SQLite, each case with a file of its own.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Sqlite, SqlitePool, Transaction};
use stateset_outbox::Outbox;
use tempfile::TempDir;

use crate::suite::{Factory, outbox_suite};

pub(crate) struct SqliteFactory {
    folder: TempDir,
    pool: SqlitePool,
}

impl Factory for SqliteFactory {
    type Engine = Sqlite;

    async fn create() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.expect("the file opens");
        let factory = Self { folder, pool };
        factory.outbox().migrate().await.expect("the migrations run");
        factory
    }

    fn outbox(&self) -> Outbox<Sqlite> {
        Outbox::new(self.pool.clone())
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("shop.sqlite").display())
    }

    fn table(&self, name: &str) -> String {
        name.to_owned()
    }

    /// SQLite runs in the process that dies: its connection goes without a word.
    async fn kill(&self, tx: Transaction<'static, Sqlite>) {
        drop(tx);
    }
}

outbox_suite!(SqliteFactory);
#[cfg(feature = "personal")]
crate::suite::subject_suite!(SqliteFactory);
#[cfg(feature = "contracts")]
crate::suite::marks_suite!(SqliteFactory);
