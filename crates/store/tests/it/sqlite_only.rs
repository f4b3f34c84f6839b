//! What is SQLite's own: the guards of the event table, the plans of the statements, other writers of the same file.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::{fs, io};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _, SqlStr};
use stateset_ledger::id::{Scope, StoreId, TenantId};
use stateset_store::append::Appended;
use stateset_store::sqlite::SqliteStore;
use stateset_store::{Store as _, StoreError};
use tempfile::TempDir;
use uuid::Uuid;

use crate::suite::random::Random;
use crate::suite::writer::{Writer, all_events};

const SCOPE: Scope = Scope::new(TenantId(Uuid::from_u128(1)), StoreId(Uuid::from_u128(2)));

struct Database(TempDir);

impl Database {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("log.sqlite")
    }

    async fn store(&self) -> SqliteStore {
        let store = SqliteStore::open(self.path(), 2).await.expect("the file opens");
        store.migrate().await.expect("the migrations run");
        store
    }

    /// A connection that the store knows nothing of, with the one setting that the guards need.
    async fn connection(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.path())
            .pragma("recursive_triggers", "ON")
            .connect()
            .await
            .expect("the file opens")
    }
}

fn statements(engine: &str) -> io::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(engine);
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn statement(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/sqlite").join(name);
    fs::read_to_string(file).expect("the statement is there")
}

async fn plan(connection: &mut SqliteConnection, sql: &str) -> String {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps = sqlx::query(explain).fetch_all(connection).await.expect("it is explained");
    steps.iter().map(|step| step.get("detail")).collect::<Vec<String>>().join("; ")
}

fn is_corrupt(outcome: &Result<(), StoreError>, because: &str) -> bool {
    matches!(outcome, Err(StoreError::Corrupt(source)) if source.to_string().contains(because))
}

#[tokio::test]
async fn events_refuse_update_delete_and_replace() {
    let database = Database::new();
    let store = database.store().await;
    let mut random = Random::new(1);
    let mut writer = Writer::open(&store, SCOPE).await;
    let expected = writer.append(&store, &random.events(SCOPE, 3)).await;
    let mut connection = database.connection().await;
    for refused in [
        "UPDATE events SET entity_id = 'other' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 3",
        "REPLACE INTO events SELECT * FROM events WHERE seq = 2",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 2",
        "UPDATE OR REPLACE events SET seq = 1 WHERE seq = 2",
    ] {
        let error = connection.execute(refused).await.expect_err(refused);
        assert!(error.to_string().contains("append-only"), "{refused}: {error}");
    }
    assert_eq!(all_events(&store, writer.stream()).await, expected);
}

#[test]
fn both_engines_have_the_same_statements() {
    let names = |engine| -> BTreeSet<_> {
        let files = statements(engine).expect("the folder is there");
        files.iter().map(|file| file.file_name().expect("a file").to_owned()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[tokio::test]
async fn every_statement_prepares() {
    let database = Database::new();
    drop(database.store().await);
    let mut connection = database.connection().await;
    for file in statements("sqlite").expect("the folder is there") {
        let sql = fs::read_to_string(&file).expect("the statement is there");
        let prepared = connection.prepare(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql))).await;
        assert!(prepared.is_ok(), "{}: {:?}", file.display(), prepared.err());
    }
}

/// Without statistics, a plan depends on the schema and the statement alone: what holds here holds for ever.
#[tokio::test]
async fn statements_that_run_often_search_indexes() {
    let database = Database::new();
    drop(database.store().await);
    let mut connection = database.connection().await;
    let cases = [
        ("known_events.sql", "SEARCH e USING INDEX sqlite_autoindex_events_2 (event_id=? AND stream_no=?)"),
        ("entity_versions.sql", "events_entity (stream_no=? AND entity_type=? AND entity_id=?)"),
        ("tail_leaves.sql", "SEARCH events USING PRIMARY KEY (stream_no=? AND seq>? AND seq<?)"),
        ("event_by_id.sql", "SEARCH e USING INDEX sqlite_autoindex_events_2 (event_id=?)"),
        ("payload_segments.sql", "sqlite_autoindex_event_payload_1 (stream_no=? AND first_seq=?)"),
        ("tile_hashes.sql", "(stream_no=? AND level=? AND idx>? AND idx<?)"),
        ("tile_roots.sql", "(stream_no=? AND level=? AND idx>? AND idx<?)"),
        ("stream_heads.sql", "SEARCH s USING INDEX sqlite_autoindex_streams_1 (tenant_id=? AND store_id=?)"),
        ("agent_keys.sql", "(tenant_id=? AND agent_id>? AND agent_id<?)"),
        ("batch_covering.sql", "(stream_no=? AND end_seq>?)"),
        ("batch_frontier.sql", "(stream_no=?)"),
        ("unpublished_batches.sql", "batches_unpublished"),
        ("set_batch_records.sql", "SEARCH batches USING"),
        ("tenant_streams.sql", "SEARCH streams USING INDEX sqlite_autoindex_streams_1 (tenant_id=?)"),
        ("streams_to_commit.sql", "SEARCH b USING COVERING INDEX sqlite_autoindex_batches_3 (stream_no=?)"),
    ];
    for (name, expected) in cases {
        let found = plan(&mut connection, &statement(name)).await;
        println!("{name}: {found}");
        assert!(found.contains(expected), "{name}: {found}");
        assert!(!found.contains("SCAN e") && !found.contains("SCAN batches"), "{name}: {found}");
    }
    let append = statement("append.sql");
    let heads = append.split(";\n").next().expect("the heads come first");
    let found = plan(&mut connection, heads).await;
    assert!(found.contains("SEARCH streams USING INTEGER PRIMARY KEY (rowid=?)"), "{found}");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let database = Database::new();
    let store = database.store().await;
    store.migrate().await.expect("a second time changes nothing");
    store.ping().await.expect("the schema is this program's");
    let mut connection = database.connection().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (999, 'newer', true, x'00', 0)";
    connection.execute(newer).await.expect("the table is open");
    assert!(is_corrupt(&store.migrate().await, "newer program"));
    assert!(is_corrupt(&store.ping().await, "999"));
}

#[tokio::test]
async fn a_second_writer_of_the_file_is_noticed() {
    let database = Database::new();
    let (ours, theirs) = (database.store().await, database.store().await);
    let mut random = Random::new(2);
    let mut writer = Writer::open(&ours, SCOPE).await;
    let mut stale = Writer::open(&theirs, SCOPE).await;
    let expected = writer.append(&ours, &random.events(SCOPE, 2)).await;
    let candidates = random.events(SCOPE, 1);
    let plan = stale.plan(&candidates);
    let moved = theirs.append(&[stale.append_of(&plan)]).await.expect("an answer");
    assert_eq!(moved, [Appended::Moved]);
    stale = Writer::open(&theirs, SCOPE).await;
    let behind = stale.append(&theirs, &candidates).await;
    assert_eq!(all_events(&ours, writer.stream()).await, [expected, behind].concat());
}

#[tokio::test]
async fn a_writer_waits_for_another_process() {
    let database = Database::new();
    let store = database.store().await;
    let mut random = Random::new(3);
    let mut writer = Writer::open(&store, SCOPE).await;
    let mut connection = database.connection().await;
    connection.execute("BEGIN IMMEDIATE").await.expect("nobody else writes");
    let candidates = random.events(SCOPE, 1);
    let release = async {
        // The append is under way when it has been polled once; until the lock is given back it cannot end.
        tokio::task::yield_now().await;
        connection.execute("COMMIT").await.expect("nothing was written");
    };
    let (expected, ()) = tokio::join!(writer.append(&store, &candidates), release);
    assert_eq!(all_events(&store, writer.stream()).await, expected);
}

/// The future of an append is dropped after more and more polls. Each time, the append either landed whole or not at all,
/// and the next one goes through.
#[tokio::test]
async fn a_dropped_append_leaves_nothing_behind() {
    let database = Database::new();
    let store = database.store().await;
    let mut random = Random::new(4);
    for polls in [0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] {
        let writer = Writer::open(&store, SCOPE).await;
        let before = writer.size();
        let candidates = random.events(SCOPE, 20);
        let plan = writer.plan(&candidates);
        let append = [writer.append_of(&plan)];
        let mut dropped = store.append(&append);
        for _ in 0..polls {
            if poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context))).await.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(dropped);

        let mut next = loop {
            // Until the dropped transaction has ended, readers see the state before it.
            let mut next = Writer::open(&store, SCOPE).await;
            let candidates = random.events(SCOPE, 1);
            let plan = next.plan(&candidates);
            if store.append(&[next.append_of(&plan)]).await.expect("the writer is usable") == [Appended::Committed] {
                next.committed(&plan);
                break next;
            }
        };
        assert!([before + 1, before + 21].contains(&next.size()), "after {polls} polls");
        next.append(&store, &random.events(SCOPE, 1)).await;
    }
    let writer = Writer::open(&store, SCOPE).await;
    let events = all_events(&store, writer.stream()).await;
    assert!(events.iter().zip(1..).all(|(event, place)| event.sequence.get() == place));
    assert_eq!(events.len() as u64, writer.size());
}

#[tokio::test]
async fn idle_checkpoints_empty_the_write_ahead_log() {
    let database = Database::new();
    let store = database.store().await;
    let mut random = Random::new(5);
    let mut writer = Writer::open(&store, SCOPE).await;
    writer.append(&store, &random.events(SCOPE, 300)).await;
    store.checkpoint_wal().await.expect("nobody is in the way");
    let moved = sqlx::query(SqlStr::from_static("PRAGMA wal_checkpoint(PASSIVE)"))
        .fetch_one(&mut database.connection().await)
        .await
        .expect("the pragma answers");
    assert_eq!(moved.get::<i64, _>(1), moved.get::<i64, _>(2), "pages in the log and pages moved");
    assert_eq!(all_events(&store, writer.stream()).await.len(), 300);
}

/// L22, J06: processes that start at the same moment on a new file all find it migrated.
#[tokio::test]
async fn many_migrate_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.db");
        let mut stores = Vec::new();
        for _ in 0..6 {
            stores.push(SqliteStore::open(&path, 1).await.expect("it opens"));
        }
        for done in futures_util::future::join_all(stores.iter().map(SqliteStore::migrate)).await {
            done.expect("migrated by this one or another");
        }
    }
}
