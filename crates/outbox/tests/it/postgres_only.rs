//! What is PostgreSQL's own: ids that become visible out of order, transactions that last, restores.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlSafeStr as _};
use stateset_outbox::archive::{Archive, Retention};
use stateset_outbox::delivery::{DeliveryError, LogFault, LoggedEvent, RebaseFrom, Settlement, Start};
use stateset_outbox::{AddOutcome, Draft, Entity, Outbox, ReplayFilter, WriteError};
use stateset_testkit::postgres::{TestDatabase, shared};
use uuid::Uuid;

use crate::suite::{LEASE, Reader, event, number, order, write};

pub(crate) async fn outbox() -> (TestDatabase, Outbox<sqlx::Postgres>, PgPool) {
    let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
    let database = server.create_database("outbox").await.expect("a fresh database");
    let pool = PgPool::connect(database.url()).await.expect("the database answers");
    let outbox = Outbox::new(pool.clone());
    outbox.migrate().await.expect("the migrations run");
    (database, outbox, pool)
}

async fn step(reader: &Reader, most: u16) -> Vec<LoggedEvent> {
    let chunk = reader.store.poll(&reader.leases[0], most).await.expect("a chunk");
    let plan = Settlement { advance: Some(chunk.advance()), ..Settlement::default() };
    reader.store.settle(&reader.leases[0], &plan).await.expect("settled");
    chunk.events
}

fn numbers(events: &[LoggedEvent]) -> Vec<i64> {
    events.iter().map(|event| number(&event.payload)).collect()
}

#[tokio::test]
async fn every_statement_prepares() {
    let (database, _, _) = outbox().await;
    let mut connection = database.connect().await.expect("the database answers");
    for folder in ["sql/postgres", "sql/postgres/only"] {
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("the folder is there") {
            let file = file.expect("a file").path();
            // The ways of `read_events` are run, each, by the suite, and planned by `every_filter_has_an_index`.
            if file.is_dir() || file.ends_with("read_events.sql") {
                continue;
            }
            let sql = fs::read_to_string(&file).expect("the statement is there");
            for sql in variants(&sql) {
                let prepared = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await;
                assert!(prepared.is_ok(), "{}: {:?}", file.display(), prepared.err());
            }
        }
    }
}

/// A statement whose lines are asked for, with all conditions, in each of its forms.
fn variants(sql: &str) -> Vec<String> {
    const FORMS: [&str; 8] = ["rows newest", "rows oldest", "count", "stats", "groups", "anywhere", "destination", ""];
    let alternative = |name: &str| FORMS.iter().any(|form| form.split(' ').any(|word| word == name));
    let has = |name: &str| sql.contains(&format!(" -- if {name}\n"));
    let forms = FORMS.iter().filter(|form| match form.split(' ').next() {
        Some("") => !FORMS.iter().flat_map(|form| form.split(' ')).any(|name| !name.is_empty() && has(name)),
        Some("destination") => has("anywhere"),
        // Without a destination: one argument less, whose type is then nobody's guess.
        Some("anywhere") | None => false,
        Some(name) => has(name),
    });
    let compose = |form: &&str| {
        let keep = |line: &str| match line.split_once(" -- if ") {
            // Beside the forms of a list, a destination is a condition like others.
            Some((text, "destination")) if !has("anywhere") => Some(text.to_owned()),
            Some((text, name)) if !alternative(name) || form.split(' ').any(|word| word == name) => {
                Some(text.to_owned())
            },
            Some(_) => None,
            None => Some(line.to_owned()),
        };
        sql.lines().filter_map(keep).collect::<Vec<_>>().join("\n")
    };
    let mut all: Vec<String> = forms.map(compose).collect();
    if all.is_empty() {
        all.push(compose(&""));
    }
    all
}

/// A14: whoever looks for what is new does not read the whole log to find that there is nothing, whether the plan knows its
/// arguments or not, and whether many transactions wrote the log or a single import did: then the planner believes that any
/// transaction wrote all of it.
#[tokio::test]
async fn polls_use_their_indexes_on_a_large_log() {
    for xid in ["1000 + n / 3", "1000"] {
        let (database, _outbox, pool) = outbox().await;
        let fill = format!(
            "INSERT INTO outbox.event_log (xid, shard, tenant_id, store_id, event_id, event_type, entity_type, entity_id, \
             payload, created_at) SELECT ({xid})::text::xid8, n % 64, gen_random_uuid(), gen_random_uuid(), \
             gen_random_uuid(), 'order.created', 'order', n::text, '{{}}', '' FROM generate_series(1, 60000) n; \
             INSERT INTO outbox.destination (name, kind, shard_groups, created_at) VALUES ('all', 'handler', 1, 0); \
             INSERT INTO outbox.delivery_cursor (destination_id, shard_group, log_epoch, prev) \
             VALUES (1, 0, 1, '21000:21010:21000'); ANALYZE outbox.event_log"
        );
        pool.execute(AssertSqlSafe(fill).into_sql_str()).await.expect("a large log");
        let mut connection = database.connect().await.expect("a connection");
        for mode in ["force_generic_plan", "force_custom_plan"] {
            connection
                .execute(AssertSqlSafe(format!("SET plan_cache_mode = {mode}")).into_sql_str())
                .await
                .expect("set");
            for (file, arguments) in [
                ("poll_head.sql", "1, '21010:21010:', 0, 15, 5001"),
                ("poll_head.sql", "1, '21000:21010:21000,21003', 0, 63, 101"),
                ("only/poll_page.sql", "1, '1:1:', '21010:21010:', 59000, 0, 15, 5000"),
                ("only/poll_floor.sql", "1, '21000:21010:21000'"),
                ("only/poll_redeliver.sql", "'1:1:', 59000, 60000, 2, 0, 15, 5000"),
                ("pending.sql", "1, 10001"),
                ("tail_state.sql", "NULL, NULL"),
                ("read_behind_ids.sql", "'all', gen_random_uuid(), gen_random_uuid(), 1001"),
            ] {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/postgres").join(file);
                let statement = fs::read_to_string(path).expect("the statement is there");
                let statement = format!("PREPARE poll AS {statement}");
                connection.execute(AssertSqlSafe(statement).into_sql_str()).await.expect("prepared");
                let explain = format!("EXPLAIN (ANALYZE, COSTS off, TIMING off) EXECUTE poll ({arguments})");
                let plan: Vec<String> =
                    sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut connection).await.expect("a plan");
                let (plan, what) = (plan.join("\n"), format!("{file}, {mode}, written by {xid}"));
                assert!(!reads(&plan, "Seq Scan on event_log_0"), "{what}:\n{plan}");
                let removed = plan
                    .lines()
                    .filter_map(|line| line.split_once("Rows Removed by Filter: ")?.1.trim().parse::<u64>().ok());
                assert!(removed.max().unwrap_or(0) < 3_000, "{what}:\n{plan}");
                connection.execute("DEALLOCATE poll").await.expect("gone");
            }
        }
    }
}

/// Whether a plan has this node, and it ran.
fn reads(plan: &str, node: &str) -> bool {
    plan.lines().any(|line| line.contains(node) && !line.contains("never executed"))
}

/// An id that is greater may be visible before one that is smaller; neither is lost, whatever the size of a chunk.
#[tokio::test]
async fn a_transaction_that_commits_late_is_not_lost() {
    for most in [1, 2, 100] {
        let (_database, outbox, _) = outbox().await;
        let reader = Reader::new(&outbox, 1, Start::Now).await;
        let mut late = outbox.begin().await.expect("a transaction");
        outbox.write_event_with_outbox(&mut late, order("late", 1)).await.expect("written");
        for number in 2..5 {
            write(&outbox, order("early", number)).await;
        }
        let mut seen = Vec::new();
        while seen.len() < 3 {
            seen.extend(step(&reader, most).await);
        }
        assert_eq!(numbers(&seen), [2, 3, 4]);
        late.commit().await.expect("it commits");
        write(&outbox, order("early", 5)).await;
        let mut rest = Vec::new();
        while rest.len() < 2 {
            rest.extend(step(&reader, most).await);
        }
        assert_eq!(numbers(&rest), [1, 5], "chunks of {most}");
    }
}

/// E03, rulings 38: copied or inserted, a batch leaves the same rows, in order; a known id, or one that is twice in it,
/// is a duplicate either way; a batch with keys is not copied.
#[tokio::test]
async fn a_copied_batch_is_as_an_inserted_one() {
    let (_database, outbox, pool) = outbox().await;
    let copying = outbox.clone().with_copy_from(2);
    let batch = async |outbox: &Outbox<sqlx::Postgres>, drafts: Vec<Draft<Value>>| {
        let mut tx = outbox.begin().await.expect("a transaction");
        let outcomes = outbox.write_event_batch(&mut tx, drafts).await.expect("written");
        outbox.commit(tx).await.expect("it commits");
        outcomes
    };
    let full = |number: i64| {
        let metadata = json!({ "n": number }).as_object().cloned().expect("an object");
        let draft = order("1", number).metadata(metadata).correlation_id("c").causation_id("d");
        draft.agent(Uuid::from_u128(9), 3).traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    };
    let inserted = batch(&outbox, (0..5).map(full).collect()).await;
    let copied = batch(&copying, (0..5).map(full).collect()).await;
    assert!(copied.iter().all(|outcome| !outcome.is_duplicate()));
    assert!(copied.iter().map(|it| it.written().log_id).is_sorted());
    assert!(inserted[4].written().log_id < copied[0].written().log_id);
    let columns = "shard, tenant_id, store_id, event_key, event_type, schema_version, entity_type, entity_id, order_key, \
                   payload, metadata, correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id, \
                   deliverable, log_epoch";
    let kinds = format!("SELECT count(*) FROM (SELECT DISTINCT {columns} FROM outbox.event_log) AS kinds");
    let kinds: i64 = sqlx::query_scalar(AssertSqlSafe(kinds)).fetch_one(&pool).await.expect("a count");
    assert_eq!(kinds, 5, "the same columns both ways");

    let twice = || vec![order("1", 7), order("1", 8)].into_iter().map(|draft| (draft.clone(), draft));
    let (mut first, again): (Vec<_>, Vec<_>) = twice().unzip();
    first.extend(again);
    let outcomes = batch(&copying, first).await;
    let duplicates: Vec<bool> = outcomes.iter().map(AddOutcome::is_duplicate).collect();
    assert_eq!(duplicates, [false, false, true, true]);
    let keyed = (0..3).map(|number| {
        let event = event("order.created", Some("same"), json!({ "number": 1 }));
        event.about(Entity::new("order", "1")).order_key(format!("{number}"))
    });
    let outcomes = batch(&copying, keyed.collect()).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_duplicate()).count(), 2);
    let identities: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM outbox.event_identity i JOIN outbox.event_log e ON e.id = i.log_id \
                            AND e.event_id = i.event_id AND sha256(convert_to(e.payload, 'UTF8')) = i.payload_hash",
    )
    .fetch_one(&pool)
    .await
    .expect("a count");
    assert_eq!(identities, 13);
}

/// A report that runs for hours, holding an old snapshot and a transaction id, holds nothing up.
#[tokio::test]
async fn a_long_unrelated_transaction_does_not_stall() {
    let (database, outbox, _) = outbox().await;
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let mut report = database.connect().await.expect("a connection");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; CREATE TABLE report (x int)";
    report.execute(begin).await.expect("a transaction with an id");
    for number in 0..10 {
        write(&outbox, order("1", number)).await;
        assert_eq!(numbers(&step(&reader, 100).await), [number]);
    }
    report.execute("COMMIT").await.expect("it ends");
    assert!(step(&reader, 100).await.is_empty());
}

/// 8 writers whose transactions overlap and end out of order, some of them rolled back, read in small chunks meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_repeated_while_writers_commit_out_of_order() {
    const TOTAL: usize = 8 * 54 * 3 + 1;
    let (_database, outbox, _) = outbox().await;
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    // So that at least one event becomes visible long after greater ids, whatever the machine does.
    let mut late = Some(outbox.begin().await.expect("a transaction"));
    let tx = late.as_mut().expect("it is open");
    outbox.write_event_with_outbox(tx, order("late", 0)).await.expect("written");
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8_i64 {
        let outbox = outbox.clone();
        writers.spawn(async move {
            for round in 0..60_i64 {
                let mut tx = outbox.begin().await.expect("a transaction");
                let first = writer * 1_000 + round * 3;
                let drafts = (first..first + 3).map(|number| order(&format!("writer {writer}"), number));
                outbox.write_event_batch(&mut tx, drafts).await.expect("written");
                for _ in 0..(round * 7 + writer * 13) % 29 {
                    tokio::task::yield_now().await;
                }
                if round % 10 == 9 {
                    tx.rollback().await.expect("it rolls back");
                } else {
                    outbox.commit(tx).await.expect("it commits");
                }
            }
        });
    }
    let mut seen = Vec::new();
    while seen.len() < TOTAL {
        seen.extend(step(&reader, 11).await);
        if let Some(late) = late.take_if(|_| seen.len() > TOTAL / 3) {
            late.commit().await.expect("it commits");
        }
    }
    while let Some(done) = writers.join_next().await {
        done.expect("no writer fails");
    }
    for _ in 0..3 {
        seen.extend(step(&reader, 11).await);
    }
    let ids: HashSet<_> = seen.iter().map(|event| event.event_id).collect();
    assert_eq!((seen.len(), ids.len()), (TOTAL, TOTAL), "none lost, none twice");
    let mut last: HashMap<String, i64> = HashMap::new();
    for event in &seen {
        let number = number(&event.payload);
        assert!(last.insert(event.lane().key, number).is_none_or(|before| before < number), "{}", event.lane().key);
    }
    assert!(seen.windows(2).any(|pair| pair[0].log_id > pair[1].log_id), "the writers did commit out of order");
}

/// Rulings 49: a dump that was loaded into another cluster has transactions that this one has not reached.
#[tokio::test]
async fn a_restored_log_is_refused_until_it_is_rebased() {
    let (_database, outbox, pool) = outbox().await;
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    for number in 0..3 {
        write(&outbox, order("1", number)).await;
    }
    let restore = "CREATE TABLE saved AS SELECT * FROM outbox.event_log; \
                   ALTER TABLE outbox.event_log DISABLE TRIGGER USER; \
                   UPDATE outbox.event_log SET xid = (xid::text::bigint + 1000000)::text::xid8; \
                   ALTER TABLE outbox.event_log ENABLE TRIGGER USER";
    pool.execute(restore).await.expect("as after a restore");
    let fault = reader.store.check_log().await.expect("it answers").expect("a fault");
    assert!(matches!(&fault, LogFault::Restored { evidence } if evidence.contains("transaction")), "{fault}");
    reader.store.release(&reader.leases).await.expect("released");
    let refused = reader.store.acquire(reader.destination.id, "again", LEASE, 1).await.expect_err("refused");
    assert!(matches!(&refused, DeliveryError::Log(LogFault::Restored { .. })), "{refused:?}");
    assert!(reader.store.rebase(RebaseFrom::Resume).await.is_err(), "the transactions do not fit");
    reader.store.rebase(RebaseFrom::After(1)).await.expect("rebased");
    let leases = reader.store.acquire(reader.destination.id, "again", LEASE, 1).await.expect("a lease");
    let reader = Reader { leases, ..reader };
    write(&outbox, order("1", 3)).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.extend(step(&reader, 2).await);
    }
    assert_eq!(numbers(&seen), [1, 2, 3], "once each, though the old transactions are still ahead");

    pool.execute("UPDATE outbox.log_state SET timeline = timeline + 1").await.expect("as after a promotion");
    let fault = reader.store.check_log().await.expect("it answers").expect("a fault");
    assert!(fault.to_string().contains("timeline"), "{fault}");
    reader.store.rebase(RebaseFrom::Resume).await.expect("the transactions fit");
    assert_eq!(reader.store.check_log().await.expect("it answers"), None);
    pool.execute("UPDATE outbox.log_state SET system_identifier = '1'").await.expect("as after a dump");
    assert!(reader.store.check_log().await.expect("it answers").is_some());
}

/// Rulings 38: above READ COMMITTED a duplicate that cannot be seen is a transaction to be retried.
#[tokio::test]
async fn above_read_committed_a_duplicate_is_retryable() {
    let (_database, outbox, pool) = outbox().await;
    let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("a transaction");
    sqlx::query("SELECT 1").execute(&mut *tx).await.expect("its snapshot is taken");
    let draft = order("1", 1);
    write(&outbox, draft.clone()).await;
    let refused = outbox.write_event_with_outbox(&mut tx, draft).await.expect_err("it cannot be seen");
    assert!(matches!(refused, WriteError::Retry(_)), "{refused:?}");
}

/// Rulings 37: events go to a partition of their own, and the next one is made in time.
#[tokio::test]
async fn events_are_partitioned() {
    let (database, outbox, pool) = outbox().await;
    let worker = format!("{}_worker", database.name());
    let grant = format!(
        "CREATE ROLE {worker} LOGIN; GRANT USAGE ON SCHEMA outbox TO {worker}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA outbox TO {worker}"
    );
    pool.execute(AssertSqlSafe(grant).into_sql_str()).await.expect("a superuser may");
    let url = database.url().replace("//postgres@", &format!("//{worker}@"));
    let plain = Outbox::new(PgPool::connect(&url).await.expect("the role logs in")).deliveries();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    write(&outbox, order("1", 1)).await;
    pool.execute("SELECT setval('outbox.event_log_id', 16777216)").await.expect("many events later");
    plain.collect(LEASE, 10).await.expect("a worker need not own the tables");
    write(&outbox, order("1", 2)).await;
    let places = "SELECT tableoid::regclass::text FROM outbox.event_log ORDER BY id";
    let places: Vec<String> = sqlx::query_scalar(places).fetch_all(&pool).await.expect("two events");
    assert_eq!(places, ["outbox.event_log_0", "outbox.event_log_1"]);
    assert_eq!(numbers(&step(&reader, 10).await), [1, 2]);
    let drop = format!("DROP OWNED BY {worker}; DROP ROLE {worker}");
    pool.execute(AssertSqlSafe(drop).into_sql_str()).await.expect("the role is the cluster's, not the database's");
}

/// R02: a partition that archiving has emptied is dropped once the log has left it behind; one that is not empty stays.
#[tokio::test]
async fn empty_partitions_are_dropped() {
    const STEP: i64 = 16_777_216;
    let (_database, outbox, pool) = outbox().await;
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Archive::new(outbox.clone(), folder.path());
    let keep = |name: &str, type_glob: &str, legal_hold: bool| Retention {
        name: name.into(),
        tenant: None,
        store: None,
        type_glob: type_glob.into(),
        keep: std::time::Duration::ZERO,
        legal_hold,
        reason: "a test".into(),
    };
    archive.set_retention(&keep("all", "*", false)).await.expect("set");
    archive.set_retention(&keep("hold", "order.disputed", true)).await.expect("set");
    for number in 0..3 {
        write(&outbox, order("1", number)).await;
        // One of them is in the second partition and may not leave.
        if number == 1 {
            let held = event("order.disputed", None, json!({ "number": 9 })).about(Entity::new("order", "1"));
            write(&outbox, held).await;
        }
        let next = format!("SELECT setval('outbox.event_log_id', {}), outbox.add_partitions()", (number + 1) * STEP);
        sqlx::query(AssertSqlSafe(next)).execute(&pool).await.expect("the next partition");
    }
    let partitions = async || -> Vec<String> {
        let sql = "SELECT relid::regclass::text FROM pg_partition_tree('outbox.event_log') WHERE isleaf ORDER BY 1";
        sqlx::query_scalar(sql).fetch_all(&pool).await.expect("partitions")
    };
    assert_eq!(partitions().await.len(), 6, "0 to 4 and the default one");
    let mut left = 0;
    while left < 3 {
        left += archive.run(100).await.expect("it runs").events;
    }
    let expected = ["outbox.event_log_1", "outbox.event_log_3", "outbox.event_log_4", "outbox.event_log_default"];
    assert_eq!(partitions().await, expected);
    let all = archive.events(&ReplayFilter::default(), 9).await.expect("read");
    assert_eq!(numbers(&all), [0, 1, 9, 2]);
}
