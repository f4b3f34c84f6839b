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
use stateset_relay::record::Record;
use stateset_relay::sink::kafka::{Kafka, KafkaSettings};
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

/// Remembers the order in which its destination accepted events. Without one it accepts everything itself.
struct Remembering {
    destination: Option<Kafka>,
    arrived: Mutex<Vec<Uuid>>,
    count: AtomicU64,
    expected: u64,
    all: Notify,
}

impl Remembering {
    fn new(destination: Option<Kafka>, expected: u64) -> Self {
        let arrived = Mutex::new(Vec::with_capacity(usize::try_from(expected).unwrap_or(0)));
        Self { destination, arrived, count: AtomicU64::new(0), expected, all: Notify::new() }
    }

    fn remember(&self, records: &[Record], outcomes: &[Outcome]) {
        let accepted = records.iter().zip(outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Accepted(_)));
        let ids: Vec<Uuid> = accepted.map(|(record, _)| record.event.event_id).collect();
        let more = ids.len() as u64;
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        if self.count.fetch_add(more, Ordering::SeqCst) + more >= self.expected {
            self.all.notify_one();
        }
    }
}

impl Sink for Remembering {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(async move {
            let records = batch.records;
            let outcomes = match &self.destination {
                Some(kafka) => kafka.publish(batch).await,
                None => vec![Outcome::Accepted(None); records.len()],
            };
            self.remember(records, &outcomes);
            outcomes
        })
    }

    fn batch_limit(&self) -> usize {
        self.destination.as_ref().map_or(MOST_PER_CALL, Sink::batch_limit)
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
    fill(arena, &outbox, &pool, events).await?;
    let drained = drain(arena, &pool, Remembering::new(None, events), workers).await?;
    pool.close().await;
    if let Some(old) = old {
        old.release().await?;
    }
    let (changed, dead) = changes(&database).await?;
    Ok(Drained { changed, dead, ..drained })
}

/// The same into Kafka, after the same client has sent the same messages without a database: gives both.
pub(super) async fn into_kafka(arena: &Arena, events: u64, broker: &str) -> anyhow::Result<(Cost, Drained)> {
    let (database, pool) = arena.database("kafka").await?;
    let outbox = Outbox::<Postgres>::new(pool.clone());
    outbox.migrate().await?;
    fill(arena, &outbox, &pool, events).await?;
    let kafka = || {
        let settings = KafkaSettings { delivery_timeout: LONGEST, ..KafkaSettings::new(broker) };
        Kafka::new(settings).context("a Kafka client")
    };
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM outbox.event_log ORDER BY id").fetch_all(&pool).await?;
    let mut records = Vec::with_capacity(ids.len());
    for page in ids.chunks(MOST_PER_CALL) {
        records.extend(outbox.deliveries().events(page).await?.into_iter().map(Record::new));
    }
    // Once before the clock runs: the topic is made, the connections are there.
    let warm = kafka()?;
    warm.publish(Batch::new(0, &records[..1])).await;
    arena.settle().await?;
    let alone = Remembering::new(Some(kafka()?), events);
    let meter = arena.meter()?;
    for chunk in records.chunks(alone.batch_limit()) {
        alone.publish(Batch::new(0, chunk)).await;
    }
    let plain = arena.read(&meter, events)?;
    ensure!(alone.count.load(Ordering::SeqCst) == events, "the broker did not take every message");
    drop(records);
    arena.settle().await?;
    let workers = Workers { relays: 1, groups: 1, old_snapshot: false };
    let drained = drain(arena, &pool, Remembering::new(Some(kafka()?), events), workers).await?;
    pool.close().await;
    let (changed, dead) = changes(&database).await?;
    Ok((plain, Drained { changed, dead, ..drained }))
}

async fn fill(arena: &Arena, outbox: &Outbox<Postgres>, pool: &PgPool, events: u64) -> anyhow::Result<()> {
    Writer::Ours(outbox.clone()).load(events).await?;
    analyze(pool).await?;
    arena.settle().await
}

async fn drain(arena: &Arena, pool: &PgPool, sink: Remembering, workers: Workers) -> anyhow::Result<Drained> {
    let events = sink.expected;
    let sink = Arc::new(sink);
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
    let arrived = std::mem::take(&mut *sink.arrived.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Drained { cost, tally: Tally::of(&arrived, events), changed: 0, dead: 0 })
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
