//! The suite on PostgreSQL, each case with a database of its own, and in a schema that is not the default one.

use sqlx::{PgPool, Postgres, Transaction};
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

    fn url(&self) -> String {
        self.database.url().to_owned()
    }

    fn table(&self, name: &str) -> String {
        format!("shop.{name}")
    }

    async fn kill(&self, mut tx: Transaction<'static, Postgres>) {
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *tx).await.expect("a process");
        let kill = "SELECT pg_terminate_backend($1, 10000)";
        let gone: bool = sqlx::query_scalar(kill).bind(pid).fetch_one(&self.pool).await.expect("it answers");
        assert!(gone, "the server process ends");
        sqlx::query("SELECT 1").execute(&mut *tx).await.expect_err("the connection is gone");
    }
}

outbox_suite!(PostgresFactory);
#[cfg(feature = "personal")]
crate::suite::subject_suite!(PostgresFactory);
#[cfg(feature = "contracts")]
crate::suite::marks_suite!(PostgresFactory);
