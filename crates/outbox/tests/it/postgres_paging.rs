//! How PostgreSQL reads a backlog.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, PgPool, Row as _, SqlSafeStr as _};
use stateset_outbox::Outbox;
use stateset_testkit::postgres::shared;

const MOST: i64 = 5_000;

/// F14, lessons: a page of a long backlog reads about a page, whichever part of the log it is for and however the
/// statement was planned. A plan that sorts has read everything that waits, once per page.
#[tokio::test]
async fn a_page_reads_a_page() {
    let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
    let database = server.create_database("paging").await.expect("a fresh database");
    let pool = PgPool::connect(database.url()).await.expect("the database answers");
    Outbox::new(pool.clone()).migrate().await.expect("the migrations run");
    let many = "INSERT INTO outbox.event_log (shard, tenant_id, store_id, event_id, event_type, entity_type, entity_id, \
                payload, created_at) SELECT n % 64, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), \
                'order.created', 'order', n, '{}', '2026-01-01T00:00:00Z' FROM generate_series(1, 60000) n; ANALYZE";
    pool.execute(many).await.expect("a backlog");
    let mut connection = pool.acquire().await.expect("a connection");
    for (name, statement) in [
        ("page", include_str!("../../sql/postgres/only/poll_page.sql")),
        ("redeliver", include_str!("../../sql/postgres/only/poll_redeliver.sql")),
    ] {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            for (first, last) in [(0, 63), (16, 31)] {
                let plan = plan(&mut connection, name, statement, mode, (first, last)).await;
                assert!(!plan.contains("Sort  (") && !plan.contains("Gather"), "{name}, {mode}:\n{plan}");
                assert!(plan.contains("actual rows=5000 "), "{name}, {mode}:\n{plan}");
                assert!(!plan.contains("Rows Removed by Filter"), "{name}, {mode}, {first}-{last}:\n{plan}");
            }
        }
    }
}

async fn plan(connection: &mut PgConnection, name: &str, statement: &str, mode: &str, shards: (i16, i16)) -> String {
    let (first, last) = shards;
    let (types, arguments) = match name {
        "page" => {
            let snapshot = "pg_current_snapshot()::text";
            (
                "smallint, text, text, bigint, smallint, smallint, bigint",
                format!("1::smallint, '3:3:', {snapshot}, 100"),
            )
        },
        _ => {
            ("text, bigint, bigint, smallint, smallint, smallint, bigint", "'3:3:', 100, 60000, 2::smallint".to_owned())
        },
    };
    let sql = format!(
        "DEALLOCATE ALL; SET plan_cache_mode = {mode}; PREPARE reading ({types}) AS {statement}; \
         EXPLAIN (ANALYZE, TIMING OFF) EXECUTE reading ({arguments}, {first}::smallint, {last}::smallint, {MOST})"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(sql).into_sql_str()).fetch_all(connection).await.expect("a plan");
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}
