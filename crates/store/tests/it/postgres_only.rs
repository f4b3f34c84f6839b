//! What is PostgreSQL's own: the guards of the event table, statements that prepare, appends that keep their plan.

use std::fs;
use std::path::Path;

use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
use stateset_ledger::id::{Scope, StoreId, TenantId};
use stateset_store::Store as _;
use stateset_store::postgres::PostgresStore;
use stateset_testkit::postgres::{TestDatabase, shared};
use uuid::Uuid;

use crate::suite::random::Random;
use crate::suite::writer::{Writer, all_events};

const SCOPE: Scope = Scope::new(TenantId(Uuid::from_u128(1)), StoreId(Uuid::from_u128(2)));

async fn database() -> (TestDatabase, PostgresStore) {
    let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
    let database = server.create_database("store").await.expect("a fresh database");
    let store = PostgresStore::new(database.url(), 4).expect("the URL of a test database");
    store.migrate().await.expect("the migrations run");
    (database, store)
}

/// A11: the database itself refuses to change an event.
#[tokio::test]
async fn events_refuse_update_delete_and_truncate() {
    let (database, store) = database().await;
    let mut random = Random::new(1);
    let mut writer = Writer::open(&store, SCOPE).await;
    let expected = writer.append(&store, &random.events(SCOPE, 3)).await;
    let mut connection = database.connect().await.expect("the database answers");
    for refused in [
        "UPDATE events SET entity_id = 'other' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 3",
        "TRUNCATE events",
        "INSERT INTO events SELECT * FROM events WHERE seq = 2 \
         ON CONFLICT (stream_no, seq) DO UPDATE SET entity_id = 'other'",
    ] {
        let error = connection.execute(refused).await.expect_err(refused);
        assert!(error.to_string().contains("append-only"), "{refused}: {error}");
    }
    assert_eq!(all_events(&store, writer.stream()).await, expected);
}

#[tokio::test]
async fn every_statement_prepares() {
    let (database, _store) = database().await;
    let mut connection = database.connect().await.expect("the database answers");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/postgres");
    for file in fs::read_dir(folder).expect("the folder is there") {
        let file = file.expect("a file").path();
        let sql = fs::read_to_string(&file).expect("the statement is there");
        let prepared = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await;
        assert!(prepared.is_ok(), "{}: {:?}", file.display(), prepared.err());
    }
}

/// A database that was not migrated, or by another program, is not ready, and says what to do.
#[tokio::test]
async fn another_schema_is_not_ready() {
    let (database, store) = database().await;
    store.ping().await.expect("a migrated database is ready");
    store.migrate().await.expect("a second migration does nothing");
    let mut connection = database.connect().await.expect("the database answers");
    connection
        .execute("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1")
        .await
        .expect("the table of migrations is there");
    let error = store.ping().await.expect_err("another schema");
    assert!(std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("migrate")), "{error:?}");
    assert!(store.migrate().await.is_err(), "a newer database is refused");
}

/// An answer means durable even where the database's default gives that away.
#[tokio::test]
async fn a_default_without_durability_is_overruled() {
    let (database, _store) = database().await;
    let mut connection = database.connect().await.expect("the database answers");
    let weaken = format!("ALTER DATABASE {} SET synchronous_commit = off", database.name());
    connection.execute(AssertSqlSafe(weaken).into_sql_str()).await.expect("a superuser may");
    let store = PostgresStore::new(database.url(), 2).expect("the URL of a test database");
    assert_eq!(store.commit_settings().await.expect("the database answers"), ["on", "on"]);
}
