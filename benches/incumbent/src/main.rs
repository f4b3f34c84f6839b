//! The incumbent crate under the load of `stateset-bench outbox`, which starts this program: one command, one line of JSON.
//!
//! The events are those of `crates/bench/src/outbox/event.rs`. A workspace of its own, because its dependencies are not
//! ours.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use outbox_core::prelude::*;
use outbox_postgres::{PostgresOutbox, PostgresWriter};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Notify, mpsc, watch};

const KEYS: u64 = 1_000;
const NOTE: &str = "one line of an order of a shop, with as many characters as an average line of an order of an average \
                    shop has, which is not so few after all, and a bit";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Body {
    key: u64,
    number: u64,
    note: String,
}

fn body(at: u64) -> Body {
    Body { key: at % KEYS, number: at / KEYS, note: NOTE.to_owned() }
}

#[derive(Default, Serialize)]
struct Answer {
    events: u64,
    micros: u64,
    lost: u64,
    duplicated: u64,
    inverted: u64,
    p50_us: u64,
    p99_us: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let pool = PgPoolOptions::new().max_connections(16).test_before_acquire(false).connect(&url).await?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| -> anyhow::Result<u64> { Ok(arguments.get(at).context("an argument is missing")?.parse()?) };
    let answer = match arguments.first().map(String::as_str) {
        Some("schema") => {
            sqlx::raw_sql(include_str!("schema.sql")).execute(&pool).await?;
            Answer::default()
        },
        Some("write") => write(&pool, number(1)?, number(2)?, Duration::from_millis(number(3)?)).await?,
        Some("load") => load(&pool, number(1)?).await?,
        Some("drain") => drain(&pool, number(1)?, number(2)?, u32::try_from(number(3)?)?).await?,
        Some("latency") => latency(&pool, number(1)?).await?,
        other => anyhow::bail!("no such command: {other:?}"),
    };
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}

fn config(batch_size: u32) -> Arc<OutboxConfig<Body>> {
    let mut config = OutboxConfig::default();
    config.batch_size = batch_size;
    Arc::new(config)
}

/// As many transactions as `clients` do in `time`.
async fn write(pool: &PgPool, clients: u64, batch: u64, time: Duration) -> anyhow::Result<Answer> {
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (pool, next) = (pool.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let service = OutboxService::new(Arc::new(PostgresWriter), config(100));
            while begun.elapsed() < time {
                let first = next.fetch_add(batch, Ordering::Relaxed);
                let mut tx = pool.begin().await?;
                for at in first..first + batch {
                    service.add_event("order.created", body(at), None, &mut *tx).await?;
                }
                tx.commit().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(Answer { events: next.load(Ordering::Relaxed), micros: micros(begun.elapsed()), ..Answer::default() })
}

async fn load(pool: &PgPool, events: u64) -> anyhow::Result<Answer> {
    let service = OutboxService::new(Arc::new(PostgresWriter), config(100));
    for first in (0..events).step_by(1_000) {
        let mut tx = pool.begin().await?;
        for at in first..(first + 1_000).min(events) {
            service.add_event("order.created", body(at), None, &mut *tx).await?;
        }
        tx.commit().await?;
    }
    Ok(Answer { events, ..Answer::default() })
}

/// Accepts everything and remembers the order.
struct NoOp {
    arrived: Mutex<Vec<(u64, u64)>>,
    count: AtomicU64,
    expected: u64,
    all: Notify,
}

#[async_trait]
impl Transport<Body> for NoOp {
    async fn publish(&self, event: Event<Body>) -> Result<(), OutboxError> {
        let body = event.payload.as_value();
        self.arrived.lock().expect("no panic").push((body.key, body.number));
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 == self.expected {
            self.all.notify_one();
        }
        Ok(())
    }
}

async fn drain(pool: &PgPool, workers: u64, events: u64, batch: u32) -> anyhow::Result<Answer> {
    let sink = Arc::new(NoOp {
        arrived: Mutex::default(),
        count: AtomicU64::new(0),
        expected: events,
        all: Notify::new(),
    });
    let (stop, stopped) = watch::channel(false);
    let begun = Instant::now();
    let mut managers = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let config = config(batch);
        let storage = Arc::new(PostgresOutbox::<Body>::new(pool.clone(), Arc::clone(&config)));
        let builder = OutboxManagerBuilder::new().storage(storage).publisher(Arc::clone(&sink)).config(config);
        managers.spawn(builder.shutdown_rx(stopped.clone()).build()?.run());
    }
    tokio::time::timeout(Duration::from_secs(600), sink.all.notified()).await.context("not all were delivered")?;
    let taken = micros(begun.elapsed());
    // The last updates are part of the work.
    let unsent = "SELECT count(*) FROM outbox_events WHERE status <> 'Sent'";
    while sqlx::query_scalar::<_, i64>(unsent).fetch_one(pool).await? > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(true).ok();
    managers.shutdown().await;
    let arrived = sink.arrived.lock().expect("no panic").clone();
    let answer = tally(&arrived, events);
    Ok(Answer { events, micros: taken, ..answer })
}

fn tally(arrived: &[(u64, u64)], events: u64) -> Answer {
    let (mut seen, mut newest) = (HashSet::new(), HashMap::<u64, u64>::new());
    let mut answer = Answer::default();
    for (key, number) in arrived {
        if !seen.insert((*key, *number)) {
            answer.duplicated += 1;
            continue;
        }
        let newest = newest.entry(*key).or_default();
        answer.inverted += u64::from(number < newest);
        *newest = (*newest).max(*number);
    }
    answer.lost = events.saturating_sub(seen.len() as u64);
    answer
}

/// Tells when it was called.
struct Clocked(mpsc::UnboundedSender<Instant>);

#[async_trait]
impl Transport<Body> for Clocked {
    async fn publish(&self, _: Event<Body>) -> Result<(), OutboxError> {
        self.0.send(Instant::now()).ok();
        Ok(())
    }
}

async fn latency(pool: &PgPool, samples: u64) -> anyhow::Result<Answer> {
    const WARM_UP: u64 = 20;
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let (_stop, stopped) = watch::channel(false);
    let config = config(100);
    let storage = Arc::new(PostgresOutbox::<Body>::new(pool.clone(), Arc::clone(&config)));
    let builder = OutboxManagerBuilder::new().storage(storage).publisher(Arc::new(Clocked(sender)));
    let manager = tokio::spawn(builder.config(Arc::clone(&config)).shutdown_rx(stopped).build()?.run());
    let service = OutboxService::new(Arc::new(PostgresWriter), config);
    let mut times = Vec::new();
    for at in 0..samples + WARM_UP {
        let mut tx = pool.begin().await?;
        service.add_event("order.created", body(at), None, &mut *tx).await?;
        tx.commit().await?;
        let committed = Instant::now();
        let arrived = tokio::time::timeout(Duration::from_secs(30), arrivals.recv()).await?.context("it has ended")?;
        if at >= WARM_UP {
            times.push(micros(arrived.saturating_duration_since(committed)));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    manager.abort();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    Ok(Answer { events: samples, p50_us: at(50), p99_us: at(99), ..Answer::default() })
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
