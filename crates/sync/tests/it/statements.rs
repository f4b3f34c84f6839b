//! Every statement against the tables, and the states that statements write against the states that are decided.

use std::path::Path;

use serde_json::json;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
use stateset_outbox::Outbox;
use stateset_outbox::delivery::DeliveryState;
use stateset_sync::state::{Happened, after};

async fn tables() -> (tempfile::TempDir, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("x.db")).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    Outbox::new(pool.clone()).migrate().await.unwrap();
    pool.execute(include_str!("../../migrations/0001_sync.sql")).await.unwrap();
    (folder, pool)
}

fn statement(name: &str) -> AssertSqlSafe<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(format!("{name}.sql"));
    AssertSqlSafe(std::fs::read_to_string(path).unwrap())
}

#[tokio::test]
async fn every_statement_is_valid() {
    let (_folder, pool) = tables().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut count = 0;
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        pool.prepare(statement(name).into_sql_str()).await.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        count += 1;
    }
    assert!(count > 40, "{count}");
}

/// An open queue is read from its index, however long the finished part of the log is.
#[tokio::test]
async fn the_queue_is_an_index() {
    let (_folder, pool) = tables().await;
    let AssertSqlSafe(queue) = statement("queue");
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {queue}"))).fetch_all(&pool).await.unwrap();
    let plan: Vec<String> = plan.into_iter().map(|(.., step)| step).collect();
    assert!(plan.iter().any(|step| step.contains("USING INDEX sync_event_open")), "{plan:?}");
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
}

/// M01, E11: what the statements make of each state is what the pure function says, and where it says that something cannot
/// happen they change nothing.
#[tokio::test]
async fn statements_follow_the_state_machine() {
    let (_folder, pool) = tables().await;
    let stored =
        DeliveryState::ALL.into_iter().filter(|state| !matches!(state, DeliveryState::Held | DeliveryState::Dead));
    let mut local_seq = 0_i64;
    for state in stored {
        for sent in [false, true] {
            for happened in [
                Happened::Sent,
                Happened::NoVerdict,
                Happened::Delivered,
                Happened::Proved,
                Happened::Refused,
                Happened::GivenUp,
            ] {
                local_seq += 1;
                sqlx::query("INSERT INTO sync_event (local_seq, position, event_id, state, first_sent_at) VALUES (?1, ?1, ?2, ?3, ?4)")
                    .bind(local_seq)
                    .bind(local_seq.to_be_bytes().as_slice())
                    .bind(state.as_str())
                    .bind(sent.then_some(1_i64))
                    .execute(&pool)
                    .await
                    .unwrap();
                let (name, argument) = match happened {
                    Happened::Sent => ("events_sent", json!([[local_seq, null]])),
                    Happened::NoVerdict => ("events_unanswered", json!([[local_seq, "CODE", "text"]])),
                    Happened::Delivered => ("events_taken", json!([[local_seq, 5, "{}", "flaw"]])),
                    Happened::Proved => ("events_taken", json!([[local_seq, 5, "{}", null]])),
                    Happened::Refused => ("events_rejected", json!([[local_seq, "CODE", "text"]])),
                    Happened::GivenUp => ("event_discard", json!(local_seq)),
                };
                let argument = argument.to_string();
                sqlx::query(statement(name)).bind(argument).bind(2_i64).bind(3_i64).execute(&pool).await.ok();
                let now: String = sqlx::query_scalar("SELECT state FROM sync_event WHERE local_seq = ?")
                    .bind(local_seq)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
                let expected = after(state, sent, happened).unwrap_or(state);
                assert_eq!(now, expected.as_str(), "{state} sent {sent} {happened:?}");
            }
        }
    }
}
