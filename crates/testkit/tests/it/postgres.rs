use sqlx::{Connection, PgConnection};
use stateset_testkit::postgres::{TestPostgres, shared};

async fn number(connection: &mut PgConnection, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn every_test_has_its_own_database() {
    let server = shared().await.unwrap();
    let first = server.create_database("kit").await.unwrap();
    let second = server.create_database("kit").await.unwrap();
    let mut connection = first.connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE t (n bigint)").execute(&mut connection).await.unwrap();
    let mut other = second.connect().await.unwrap();
    assert_eq!(number(&mut other, "SELECT count(*) FROM pg_tables WHERE tablename = 't'").await, 0);

    connection.close().await.unwrap();
    let copy = server.copy_database("kit", &first).await.unwrap();
    let mut copied = copy.connect().await.unwrap();
    assert_eq!(number(&mut copied, "SELECT count(*) FROM t").await, 0);

    let name = second.name().to_owned();
    drop(second);
    let mut admin = server.connect().await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(name)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(left, 0, "a dropped database is gone, though a connection was open");
}

#[tokio::test]
async fn names_that_need_quoting_are_refused() {
    let server = shared().await.unwrap();
    assert!(server.create_database("a\"b").await.is_err());
}

#[tokio::test]
async fn a_server_of_our_own_goes_down_and_comes_back_with_its_data() {
    let mut server = TestPostgres::own(&[("work_mem", "5MB")]).await.unwrap();
    let database = server.create_database("outage").await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let settings: (String, String, String) = sqlx::query_as(
        "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('work_mem')",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(settings, ("on".to_owned(), "on".to_owned(), "5MB".to_owned()));
    sqlx::raw_sql("CREATE TABLE t (n bigint); INSERT INTO t VALUES (1)").execute(&mut connection).await.unwrap();

    server.stop().await.unwrap();
    assert!(sqlx::query("SELECT 1").execute(&mut connection).await.is_err());
    assert!(database.connect().await.is_err());
    server.start_again().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    sqlx::raw_sql("INSERT INTO t VALUES (2)").execute(&mut connection).await.unwrap();

    server.kill_immediate().await.unwrap();
    assert!(database.connect().await.is_err());
    server.start_again().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    assert_eq!(number(&mut connection, "SELECT count(*) FROM t").await, 2);
}

#[tokio::test]
async fn a_bad_setting_is_an_error_that_shows_the_log() {
    let error = TestPostgres::own(&[("no_such_setting", "1")]).await.unwrap_err();
    assert!(format!("{error:#}").contains("no_such_setting"), "{error:#}");
}
