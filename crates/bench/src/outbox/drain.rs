//! A hundred thousand events that wait, and how fast they leave.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use sqlx::{PgPool, Postgres, Row as _};
use stateset_outbox::Outbox;
use stateset_outbox::delivery::{NewRoute, Registration, Start};
use stateset_relay::engine::{Options, Relay};
use stateset_relay::policy::Policy;
use stateset_relay::sink::{Batch, Outcome, Publishing, Sink};
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use super::arena::{Arena, Cost, OldSnapshot};
use super::event::Tally;
use super::writes::{TABLE, Writer};

const LONGEST: Duration = Duration::from_mins(5);
const GRACE: Duration = Duration::from_secs(30);
/// As many as the engine's default chunk: a sink that does nothing has no limit of its own.
const MOST_PER_CALL: usize = 5_000;
/// Rows of one page of the plain reader.
const PAGE: i64 = 5_000;

/// How many workers, and into how many parts the log is split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workers {
    pub(super) relays: u16,
    pub(super) groups: u16,
    /// Another transaction, older than the events, stays open.
    pub(super) old_snapshot: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Drained {
    pub(super) cost: Cost,
    pub(super) tally: Tally,
    /// Rows that were updated or deleted, and those of them that vacuum has yet to remove.
    pub(super) changed: i64,
    pub(super) dead: i64,
}

/// Accepts everything and remembers the order.
struct NoOp {
    arrived: Mutex<Vec<Uuid>>,
    count: AtomicU64,
    expected: u64,
    all: Notify,
}

impl Sink for NoOp {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        let ids = batch.records.iter().map(|record| record.event.event_id);
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        let more = batch.records.len() as u64;
        if self.count.fetch_add(more, Ordering::SeqCst) + more >= self.expected {
            self.all.notify_one();
        }
        let outcomes = vec![Outcome::Accepted(None); batch.records.len()];
        Box::pin(std::future::ready(outcomes))
    }

    fn batch_limit(&self) -> usize {
        MOST_PER_CALL
    }
}

pub(super) fn registration(shard_groups: u16) -> Registration {
    let route =
        NewRoute { name: "all".to_owned(), type_glob: "order.*".to_owned(), policy: Policy::default().to_json() };
    Registration {
        name: "nowhere".to_owned(),
        kind: "handler".to_owned(),
        shard_groups,
        routes: vec![route],
        start: Start::Beginning,
    }
}

/// Writes `events` through the outbox and drains them through the relay.
pub(super) async fn ours(arena: &Arena, events: u64, workers: Workers) -> anyhow::Result<Drained> {
    let (database, pool) = arena.database("drain").await?;
    let outbox = Outbox::<Postgres>::new(pool.clone());
    outbox.migrate().await?;
    let old = if workers.old_snapshot { Some(OldSnapshot::take(&database).await?) } else { None };
    Writer::Ours(outbox.clone()).load(events).await?;
    analyze(&pool).await?;
    arena.settle().await?;
    let sink = Arc::new(NoOp {
        arrived: Mutex::new(Vec::with_capacity(usize::try_from(events)?)),
        count: AtomicU64::new(0),
        expected: events,
        all: Notify::new(),
    });
    let meter = arena.meter()?;
    let mut running = Vec::new();
    for number in 0..workers.relays {
        let options = Options { groups: workers.groups / workers.relays, ..Options::new(format!("bench-{number}")) };
        let sink = Arc::clone(&sink) as Arc<dyn Sink>;
        // A worker of its own has a handle of its own.
        let store = Outbox::<Postgres>::new(pool.clone()).deliveries();
        running.push(Relay::new(store, options).destination(registration(workers.groups), sink).start().await?);
    }
    timeout(LONGEST, sink.all.notified()).await.context("the events were not all delivered")?;
    let mut cost = arena.read(&meter, events)?;
    for relay in running {
        ensure!(relay.stop(GRACE).await?, "a worker did not stop");
    }
    // Stopping may wait for timers; what is settled then still has to be paid for.
    let settled = arena.read(&meter, events)?;
    (cost.database, cost.client) = (settled.database, settled.client);
    pool.close().await;
    if let Some(old) = old {
        old.release().await?;
    }
    let arrived = std::mem::take(&mut *sink.arrived.lock().unwrap_or_else(PoisonError::into_inner));
    let (changed, dead) = changes(&database).await?;
    Ok(Drained { cost, tally: Tally::of(&arrived, events), changed, dead })
}

/// Reads as many rows of the plain table once, in order, page by page.
pub(super) async fn plain(arena: &Arena, events: u64) -> anyhow::Result<Cost> {
    let (_database, pool) = arena.database("page").await?;
    sqlx::raw_sql(TABLE).execute(&pool).await?;
    Writer::Plain(pool.clone()).load(events).await?;
    analyze(&pool).await?;
    arena.settle().await?;
    let meter = arena.meter()?;
    let (mut read, mut last) = (0, 0_i64);
    loop {
        let rows = sqlx::query(include_str!("plain_page.sql")).bind(last).bind(PAGE).fetch_all(&pool).await?;
        let Some(end) = rows.last() else { break };
        last = end.try_get(0)?;
        read += rows.len() as u64;
    }
    let cost = arena.read(&meter, read)?;
    pool.close().await;
    Ok(cost)
}

async fn analyze(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::raw_sql("ANALYZE").execute(pool).await?;
    Ok(())
}

/// Rows that were changed since the database was made, once all connections have told what they did.
pub(super) async fn changes(database: &stateset_testkit::postgres::TestDatabase) -> anyhow::Result<(i64, i64)> {
    let query = "SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint, coalesce(sum(n_dead_tup), 0)::bigint
                 FROM pg_stat_user_tables";
    let mut connection = database.connect().await?;
    Ok(sqlx::query_as(query).fetch_one(&mut connection).await?)
}
