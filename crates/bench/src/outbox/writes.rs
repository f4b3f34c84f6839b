//! Transactions of one or many events: ours, and the same columns by a plain statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{PgPool, Postgres};
use stateset_outbox::{Outbox, shard};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::event::{EVENT_TYPE, body, draft, id, order_key};

pub(super) const TABLE: &str = include_str!("plain.sql");
/// Who signs.
const AGENT: Uuid = Uuid::from_u128(8);
const INSERT: &str = include_str!("plain_insert.sql");

/// How events get into the database.
#[derive(Clone)]
pub(super) enum Writer {
    Ours(Outbox<Postgres>),
    /// Ours, with the name of an agent in each event.
    Agents(Outbox<Postgres>),
    Plain(PgPool),
}

/// Which events have been written.
#[derive(Clone, Default)]
pub(super) struct Next(Arc<AtomicU64>);

impl Next {
    /// Numbers that no other cell has used: an id is written once.
    pub(super) fn beyond_others(cell: u64) -> Self {
        Self(Arc::new(AtomicU64::new(cell * 1_000_000_000)))
    }

    fn take(&self, count: u64) -> std::ops::Range<u64> {
        let first = self.0.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }
}

impl Writer {
    /// One transaction, from `BEGIN` to the answer to `COMMIT`.
    pub(super) async fn write(&self, events: std::ops::Range<u64>) -> anyhow::Result<()> {
        match self {
            Self::Ours(outbox) => {
                let mut tx = outbox.begin().await?;
                if events.end - events.start == 1 {
                    outbox.write_event_with_outbox(&mut tx, draft(events.start)).await?;
                } else {
                    outbox.write_event_batch(&mut tx, events.map(draft)).await?;
                }
                outbox.commit(tx).await?;
            },
            Self::Agents(outbox) => {
                let mut tx = outbox.begin().await?;
                for at in events {
                    outbox.write_event_with_outbox(&mut tx, draft(at).agent(AGENT, 1)).await?;
                }
                outbox.commit(tx).await?;
            },
            Self::Plain(pool) => {
                let mut tx = pool.begin().await?;
                insert(&mut tx, events).await?;
                tx.commit().await?;
            },
        }
        Ok(())
    }

    /// As many transactions of `batch` events as `clients` do in `time`; gives the events.
    pub(super) async fn run(&self, next: &Next, clients: usize, batch: u64, time: Duration) -> anyhow::Result<u64> {
        let end = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let (writer, next) = (self.clone(), next.clone());
            tasks.spawn(async move {
                let mut done = 0;
                while Instant::now() < end {
                    writer.write(next.take(batch)).await?;
                    done += batch;
                }
                anyhow::Ok(done)
            });
        }
        let mut total = 0;
        while let Some(done) = tasks.join_next().await {
            total += done??;
        }
        Ok(total)
    }

    /// The events 0 to `events` − 1, in transactions of a thousand.
    pub(super) async fn load(&self, events: u64) -> anyhow::Result<()> {
        for first in (0..events).step_by(1_000) {
            self.write(first..(first + 1_000).min(events)).await?;
        }
        Ok(())
    }
}

async fn insert(connection: &mut sqlx::PgConnection, events: std::ops::Range<u64>) -> anyhow::Result<()> {
    let created_at = "2026-01-02T03:04:05.006007Z";
    if events.end - events.start == 1 {
        let key = order_key(events.start);
        sqlx::query(INSERT)
            .bind(Uuid::nil())
            .bind(Uuid::nil())
            .bind(id(events.start))
            .bind(i16::from(shard(Some(&key), "order", &key)))
            .bind(EVENT_TYPE)
            .bind(&key)
            .bind(serde_json::to_string(&body(events.start))?)
            .bind(created_at)
            .execute(connection)
            .await?;
        return Ok(());
    }
    let keys: Vec<String> = events.clone().map(order_key).collect();
    let payloads: Result<Vec<String>, _> = events.clone().map(|at| serde_json::to_string(&body(at))).collect();
    sqlx::query(include_str!("plain_batch.sql"))
        .bind(Uuid::nil())
        .bind(Uuid::nil())
        .bind(events.map(id).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| i16::from(shard(Some(key), "order", key))).collect::<Vec<_>>())
        .bind(EVENT_TYPE)
        .bind(keys)
        .bind(payloads?)
        .bind(created_at)
        .execute(connection)
        .await?;
    Ok(())
}
