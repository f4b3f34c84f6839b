//! From the answer to `COMMIT` to the sink, while nothing else happens.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use sqlx::Postgres;
use stateset_outbox::Outbox;
use stateset_relay::engine::{Options, Relay};
use stateset_relay::sink::{Batch, Outcome, Publishing, Sink};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::arena::{Arena, pool};
use super::drain::registration;
use super::writes::Writer;
use crate::numbers::micros_u64;

const GRACE: Duration = Duration::from_secs(30);
/// Between two events, so that each finds everybody idle.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
const WARM_UP: u64 = 20;
/// Interval of the worker that only polls.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// How the worker learns of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Hint,
    Notify,
    Poll,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Latency {
    pub(super) fn of(times: &Histogram<u64>) -> Self {
        let at = |quantile| Duration::from_micros(times.value_at_quantile(quantile));
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

/// Tells when it was called.
struct Clocked(mpsc::UnboundedSender<Instant>);

impl Sink for Clocked {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        let now = Instant::now();
        for _ in batch.records {
            // Nobody listens any more when the measurement has ended.
            self.0.send(now).ok();
        }
        let outcomes = vec![Outcome::Accepted(None); batch.records.len()];
        Box::pin(std::future::ready(outcomes))
    }
}

pub(super) async fn ours(arena: &Arena, wake: Wake, samples: u64) -> anyhow::Result<Latency> {
    let (database, workers) = arena.database("latency").await?;
    let outbox = Outbox::<Postgres>::new(workers.clone());
    outbox.migrate().await?;
    // Another handle on another pool is what another process would be.
    let other = Outbox::<Postgres>::new(pool(database.url()).await?);
    let (store, writer, poll_max) = match wake {
        Wake::Hint => (outbox.deliveries(), outbox.clone(), Duration::from_secs(5)),
        Wake::Notify => (outbox.deliveries(), other, Duration::from_secs(5)),
        Wake::Poll => (outbox.clone().without_notify().deliveries(), other.without_notify(), POLL),
    };
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let options = Options { poll_max, ..Options::new("bench") };
    let running = Relay::new(store, options).destination(registration(4), Arc::new(Clocked(sender))).start().await?;
    arena.settle().await?;
    let writer = Writer::Ours(writer);
    let mut times = Histogram::<u64>::new(3)?;
    for at in 0..samples + WARM_UP {
        writer.write(at..at + 1).await?;
        let committed = Instant::now();
        let arrived = timeout(Duration::from_secs(30), arrivals.recv()).await?.context("the worker has ended")?;
        if at >= WARM_UP {
            times.record(micros_u64(arrived.saturating_duration_since(committed)))?;
        }
        sleep(PAUSE).await;
    }
    ensure!(running.stop(GRACE).await?, "the worker did not stop");
    workers.close().await;
    Ok(Latency::of(&times))
}
