//! A worker that is stopped (SIGSTOP) in the middle of a settlement: its transaction holds the row of its shard group.

use std::sync::Mutex;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

use super::harness::{Database as _, Postgres, keys, until};
use super::kills::{drained, signal, taken, worker};
use super::ledger::Ledger;
use crate::peers::{Peer as _, WebhookPeer};

/// Any number, the same on both sides.
const GATE: i64 = 4_711;

/// F11, E09: the settlement is held up inside its transaction by a lock of this test, which makes the moment certain. The
/// worker is stopped there, the lock opened: its backend now waits for a client that does not answer. PostgreSQL ends it
/// after five seconds (`idle_in_transaction_session_timeout`), another worker takes over, and nothing is lost. SQLite can
/// do no such thing: there everyone waits until the process goes on or is killed, which the guide says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_stopped_inside_a_settlement_frees_its_group() {
    let (database, peer, ledger) = (Postgres::create().await, WebhookPeer::start().await, Mutex::new(Ledger::default()));
    database
        .run(&format!(
            "CREATE FUNCTION outbox.gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NEW; END $$; \
             CREATE TRIGGER gate BEFORE INSERT ON outbox.delivery_mark FOR EACH ROW EXECUTE FUNCTION outbox.gate()"
        ))
        .await;
    let mut gate = PgConnection::connect(&database.url()).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(GATE).execute(&mut gate).await.unwrap();
    database.write_all(&ledger, keys(40, 8)).await;
    let first = worker(&database, &peer);
    let waits = "SELECT 'waits' FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 4711";
    until("a settlement at the gate", async || !database.column(waits).await.is_empty()).await;
    signal(&first, "STOP").await;
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(GATE).execute(&mut gate).await.unwrap();
    let stuck = "SELECT 'stuck' FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()";
    until("its backend waits for it", async || !database.column(stuck).await.is_empty()).await;

    let stopped = Instant::now();
    let second = worker(&database, &peer);
    database.write_all(&ledger, keys(40, 8)).await;
    drained(&peer, &ledger).await;
    until("its backend is gone", async || database.column(stuck).await.is_empty()).await;
    let took = stopped.elapsed();
    signal(&first, "CONT").await;
    database.write_all(&ledger, keys(40, 8)).await;
    drained(&peer, &ledger).await;
    drop((first, second));
    ledger.lock().unwrap().arrived = peer.receiver.lock().unwrap().taken.clone();
    let audit = ledger.lock().unwrap().audit();
    println!("ledger: stopped inside a settlement, all through after {took:?}, {} calls: {audit}", taken(&peer));
    assert_eq!((audit.lost, audit.inverted), (0, 0), "{audit}");
    assert!(took < Duration::from_secs(40), "{took:?}");
}
