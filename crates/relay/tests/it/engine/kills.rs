//! Real worker processes, killed, paused and replaced. The receiver of their webhooks is this test, so that what arrived
//! is known from the outside.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use stateset_relay::backoff::Backoff;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::harness::{Database, keys, until};
use super::ledger::{Audit, Ledger};
use crate::peers::webhook::SECRET;
use crate::peers::{Peer as _, WebhookPeer};

const LEASE: Duration = Duration::from_millis(1_500);
/// What a worker may send again after it was killed: a chunk per shard group.
const CHUNK: usize = 256;
const GROUPS: usize = 4;
/// Calls of one group at a time.
const LANES: usize = 8;

/// The example, built beside this test by `cargo test`.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(std::path::Path::parent).unwrap().join("examples/webhook-worker");
    assert!(program.is_file(), "build the example first: cargo build -p stateset-relay --examples");
    program
}

pub(super) fn worker(database: &impl Database, peer: &WebhookPeer) -> Child {
    Command::new(program())
        .args([&database.url(), &format!("http://{}/hooks", peer.address), SECRET, &LEASE.as_millis().to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

pub(super) async fn signal(worker: &Child, name: &str) {
    let id = worker.id().unwrap().to_string();
    let status = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &id]).status().await.unwrap();
    assert!(status.success());
}

pub(super) fn taken(peer: &WebhookPeer) -> usize {
    peer.receiver.lock().unwrap().taken.len()
}

/// Everything that was written arrived at least once.
pub(super) async fn drained(peer: &WebhookPeer, ledger: &Mutex<Ledger>) {
    until("all events", async || audit(peer, ledger).lost == 0).await;
}

fn audit(peer: &WebhookPeer, ledger: &Mutex<Ledger>) -> Audit {
    let mut ledger = ledger.lock().unwrap();
    ledger.arrived = peer.receiver.lock().unwrap().taken.clone();
    ledger.audit()
}

fn report(what: &str, database: &str, audit: Audit) {
    println!("ledger: {what} on {database}: {audit}");
}

fn engine<D>() -> &'static str {
    std::any::type_name::<D>().rsplit("::").next().unwrap_or_default()
}

/// E09, F11, F13: SIGKILL at random moments under load, again and again. Nothing is lost, keys keep their order, and
/// what comes twice is bounded by a chunk per shard group and kill.
pub(crate) async fn killed_workers_lose_nothing<D: Database>() {
    const KILLS: usize = 5;
    let (database, peer, ledger) = (D::create().await, WebhookPeer::start().await, Mutex::default());
    let seed = stateset_relay::clock::seed();
    let moments = Backoff { initial: Duration::from_millis(150), jitter_percent: 100, ..Backoff::default() };
    for kill in 0..KILLS {
        let mut victim = worker(&database, &peer);
        database.write_all(&ledger, keys(400, 25)).await;
        // 1 to 300 deliveries after the start.
        let after = moments.delay(0, seed ^ u64::try_from(kill).unwrap());
        let goal = taken(&peer) + 1 + usize::try_from(after.as_millis()).unwrap();
        until("some deliveries", async || taken(&peer) >= goal.min(400 * (kill + 1))).await;
        victim.start_kill().unwrap();
        victim.wait().await.unwrap();
    }
    let survivor = worker(&database, &peer);
    let killed = Instant::now();
    drained(&peer, &ledger).await;
    drop(survivor);
    let audit = audit(&peer, &ledger);
    report(&format!("{KILLS} kills (seed {seed}), took over within {:?}", killed.elapsed()), engine::<D>(), audit);
    assert_eq!((audit.lost, audit.inverted), (0, 0), "{audit}");
    assert!(audit.duplicated <= KILLS * GROUPS * CHUNK, "{audit}");
}

/// F11: SIGSTOP past the lease; another worker takes over; when the first one wakes, it may finish the calls it had
/// begun and begins no others.
pub(crate) async fn a_paused_worker_is_replaced<D: Database>() {
    let (database, peer, ledger) = (D::create().await, WebhookPeer::start().await, Mutex::default());
    let first = worker(&database, &peer);
    database.write_all(&ledger, keys(300, 25)).await;
    until("some deliveries", async || taken(&peer) >= 20).await;
    signal(&first, "STOP").await;
    // SQLite has one writer, whose file lock nobody can take away: stopped inside its transaction it stops everyone,
    // which says nothing about the relay.
    while database.outbox().begin().await.is_err() {
        signal(&first, "CONT").await;
        sleep(Duration::from_millis(20)).await;
        signal(&first, "STOP").await;
    }
    let paused = Instant::now();
    let second = worker(&database, &peer);
    database.write_all(&ledger, keys(300, 25)).await;
    drained(&peer, &ledger).await;
    let took = paused.elapsed();
    signal(&first, "CONT").await;
    let woken = taken(&peer);
    database.write_all(&ledger, keys(100, 25)).await;
    drained(&peer, &ledger).await;
    sleep(LEASE).await;
    drop((first, second));
    let audit = audit(&peer, &ledger);
    report(
        &format!("a pause past the lease, all through after {took:?}, {} late calls", taken(&peer) - woken - 100),
        engine::<D>(),
        audit,
    );
    assert_eq!((audit.lost, audit.inverted), (0, 0), "{audit}");
    // What it had sent and not settled, and the calls that were on their way.
    assert!(audit.duplicated <= GROUPS * CHUNK, "{audit}");
    let late = taken(&peer) - woken - 100;
    assert!(late <= GROUPS * LANES, "it went on after it had lost its lease: {late} calls");
}

/// F12: workers stopped in order and replaced, under load: not one event comes twice.
pub(crate) async fn a_rolling_restart_repeats_nothing<D: Database>() {
    let (database, peer, ledger) = (D::create().await, WebhookPeer::start().await, Mutex::default());
    let mut running = worker(&database, &peer);
    for _ in 0..4 {
        database.write_all(&ledger, keys(200, 25)).await;
        let goal = taken(&peer) + 1;
        until("a delivery", async || taken(&peer) >= goal).await;
        let next = worker(&database, &peer);
        signal(&running, "TERM").await;
        let status = running.wait().await.unwrap();
        assert!(status.success(), "{status}");
        running = next;
    }
    drained(&peer, &ledger).await;
    drop(running);
    let audit = audit(&peer, &ledger);
    report("four rolling restarts", engine::<D>(), audit);
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}
