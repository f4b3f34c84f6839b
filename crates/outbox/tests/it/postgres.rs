//! The suite on PostgreSQL, each case with a database of its own, and in a schema that is not the default one.

use sqlx::{PgPool, Postgres};
use stateset_outbox::{Outbox, Schema};
use stateset_testkit::postgres::{TestDatabase, shared};

use crate::suite::{Factory, outbox_suite};

pub(crate) struct PostgresFactory {
    database: TestDatabase,
    pool: PgPool,
}

impl Factory for PostgresFactory {
    type Engine = Postgres;

    async fn create() -> Self {
        let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
        let database = server.create_database("outbox").await.expect("a fresh database");
        let pool = PgPool::connect(database.url()).await.expect("the database answers");
        let factory = Self { database, pool };
        factory.outbox().migrate().await.expect("the migrations run");
        factory
    }

    fn outbox(&self) -> Outbox<Postgres> {
        assert!(self.database.url().contains("outbox_"), "the database lives as long as the factory");
        Outbox::in_schema(self.pool.clone(), Schema::new("shop").expect("a name"))
    }

    fn table(&self, name: &str) -> String {
        format!("shop.{name}")
    }
}

outbox_suite!(PostgresFactory);
