//! The suite on PostgreSQL, each case with a database of its own on the server of this test run.

use stateset_store::postgres::PostgresStore;
use stateset_testkit::postgres::{TestDatabase, shared};

use crate::suite::{Factory, store_suite};

const MAX_CONNECTIONS: u32 = 6;

pub(crate) struct PostgresFactory(TestDatabase);

impl PostgresFactory {
    pub(crate) fn database(&self) -> &TestDatabase {
        &self.0
    }
}

impl Factory for PostgresFactory {
    type Store = PostgresStore;

    async fn create() -> Self {
        let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
        let factory = Self(server.create_database("store").await.expect("a fresh database"));
        factory.open().await.migrate().await.expect("the migrations run");
        factory
    }

    async fn open(&self) -> PostgresStore {
        PostgresStore::new(self.0.url(), MAX_CONNECTIONS).expect("the URL of a test database")
    }
}

store_suite!(PostgresFactory);
