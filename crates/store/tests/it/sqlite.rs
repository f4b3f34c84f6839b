//! The suite on SQLite, each case with a file of its own.

use stateset_store::sqlite::SqliteStore;
use tempfile::TempDir;

use crate::suite::{Factory, store_suite};

const READERS: u32 = 4;

pub(crate) struct SqliteFactory(TempDir);

impl Factory for SqliteFactory {
    type Store = SqliteStore;

    async fn create() -> Self {
        let factory = Self(tempfile::tempdir().expect("a temporary directory"));
        factory.open().await.migrate().await.expect("the migrations run");
        factory
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.path().join("log.sqlite"), READERS).await.expect("the file opens")
    }
}

store_suite!(SqliteFactory);
