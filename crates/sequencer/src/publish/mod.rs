//! The publisher: logs what has happened, one signed checkpoint per round.
//!
//! One process at a time publishes, under a lease with an epoch; a round written under an old epoch is refused by the store.
//! A round signs only what follows from committed state: it is decided by [`tree::LogTree::round`] from facts that were
//! read while nobody else could publish, and whatever fails, memory is dropped and everything is read again.

pub mod checkpoint_file;
pub mod tree;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use stateset_ledger::id::Micros;
use stateset_store::StoreError;
use stateset_store::head_log::{PublisherLease, Unpublished};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use self::checkpoint_file::CheckpointFile;
use self::tree::{LogTree, Signing};
use crate::clock::random;
use crate::service::Service;

/// Heads, and batches, of one round at most: the database has one writer, and a round must not keep it for long.
const ROUND_LIMIT: u32 = 2_048;
/// How long a publisher that vanished keeps the others waiting.
const LEASE: Duration = Duration::from_secs(2);
/// With very many streams a search for work is not free: without any sign of work it takes one part of this many of the time.
const BLIND: u32 = 20;
/// The same when something is known to have grown.
const HINTED: u32 = 2;
/// Pause after a failure.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);
/// After a stop, requests that still wait for a round get this long to ask for one.
const LINGER: Duration = Duration::from_millis(250);

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was new.
    Idle,
    /// A checkpoint was published; `more`: there was too much for one round.
    Published {
        /// Whether another round should follow at once.
        more: bool,
    },
    /// Somebody else holds the lease.
    Standby,
}

/// Appends to the head log.
pub struct Publisher {
    service: Arc<Service>,
    interval: Duration,
    file: Option<CheckpointFile>,
    owner: String,
    lease: Option<PublisherLease>,
    /// The log as of our last round or reload, and the epoch in which it is ours alone.
    log: Option<(i64, LogTree)>,
    /// How long the last search for work took.
    search: Duration,
}

impl Publisher {
    /// A publisher that pauses `interval` between rounds and keeps the newest checkpoint in `file`.
    pub fn new(service: Arc<Service>, interval: Duration, file: Option<CheckpointFile>) -> Self {
        Self {
            service,
            interval,
            file,
            owner: Uuid::new_v4().to_string(),
            lease: None,
            log: None,
            search: Duration::ZERO,
        }
    }

    /// Publishes until told to stop, and then what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        let service = Arc::clone(&self.service);
        loop {
            let grown = service.grown.notified();
            tokio::pin!(grown);
            // From here on, so that growth during the round is not missed.
            grown.as_mut().enable();
            let started = Instant::now();
            let outcome = self.round().await;
            if outcome == Some(Outcome::Published { more: true }) {
                continue;
            }
            if stop.is_cancelled() {
                let asked = tokio::time::timeout(LINGER, service.log_wanted.notified()).await;
                if asked.is_err() {
                    return self.release().await;
                }
                continue;
            }
            let least = if outcome.is_none() { FAILURE_PAUSE } else { self.interval };
            let blind = started + least.max(self.search * BLIND);
            let hinted = started + least.max(self.search * HINTED);
            let hint = async {
                grown.await;
                tokio::time::sleep_until(hinted).await;
            };
            tokio::select! {
                () = stop.cancelled() => {},
                () = service.log_wanted.notified() => {},
                () = tokio::time::sleep_until(blind) => {},
                () = hint => {},
            }
        }
    }

    /// Lets the next publisher start at once. If that fails, the lease lapses by itself.
    async fn release(&mut self) {
        if self.lease.take().is_none() {
            return;
        }
        let now = self.service.clock.now();
        if let Err(error) = self.service.store.lease_publisher(&self.owner, now, now).await {
            tracing::debug!(%error, "cannot release the publisher's lease");
        }
    }

    /// A round, with its failure logged and answered as `None`.
    async fn round(&mut self) -> Option<Outcome> {
        let error = match self.publish().await {
            Ok(outcome) => return Some(outcome),
            Err(error) => error,
        };
        self.service.metrics.publish.failed.inc();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        match error {
            StoreError::Conflict => tracing::info!("another process took over publishing"),
            StoreError::Unavailable(_) => tracing::warn!(%error, cause, "cannot publish"),
            StoreError::Corrupt(_) => tracing::error!(%error, cause, "cannot publish"),
        }
        None
    }

    /// Logs what is new, if this process may.
    pub async fn publish(&mut self) -> Result<Outcome, StoreError> {
        let outcome = self.try_round().await;
        if outcome.is_err() {
            // It may be unknown whether the round landed: nothing in memory counts any more.
            self.lease = None;
            self.log = None;
        }
        outcome
    }

    async fn try_round(&mut self) -> Result<Outcome, StoreError> {
        let started = Instant::now();
        let facts = self.service.store.unpublished(ROUND_LIMIT).await?;
        self.search = started.elapsed();
        self.note_lag(&facts);
        if facts.heads.is_empty() && facts.batches.is_empty() {
            return Ok(Outcome::Idle);
        }
        let Some(lease) = self.lease().await? else {
            self.follow().await?;
            return Ok(Outcome::Standby);
        };
        let (facts, log) = match self.log.take() {
            Some((epoch, log)) if epoch == lease.epoch => (facts, log),
            // What was read before this epoch began, somebody else may have published since.
            _ => {
                let log = self.reload().await?;
                (self.service.store.unpublished(ROUND_LIMIT).await?, log)
            },
        };
        let (facts, more) = whole(facts);
        let service = &self.service;
        let signing = Signing {
            origin: &service.log_origin,
            signer: service.signer.as_ref(),
            blinding_key: &service.blinding_key,
        };
        let round = log.round(&facts, &signing, service.clock.now()).map_err(StoreError::corrupt)?;
        let Some((after, round)) = round else {
            self.log = Some((lease.epoch, log));
            return Ok(Outcome::Idle);
        };
        crate::fail_point::pass("before_checkpoint");
        let span = tracing::debug_span!("publish", heads = facts.heads.len(), batches = facts.batches.len());
        service.store.publish(lease, &round).instrument(span).await?;
        crate::fail_point::pass("after_checkpoint");
        service.published.notify_waiters();
        let metrics = &service.metrics.publish;
        metrics.entries.set(i64::try_from(after.size()).unwrap_or(i64::MAX));
        metrics.round.time(started.elapsed());
        metrics.rounds.inc();
        self.log = Some((lease.epoch, after));
        if let Some(file) = &mut self.file {
            file.keep(&round.checkpoint).await;
        }
        Ok(Outcome::Published { more })
    }

    /// How far behind the log is, whoever publishes it.
    fn note_lag(&self, facts: &Unpublished) {
        let metrics = &self.service.metrics.publish;
        let now = self.service.clock.now();
        let oldest = facts.heads.iter().filter_map(|(row, _)| row.last_at).min();
        let lag = oldest.map_or(0, |at| now.0.saturating_sub(at.0).max(0));
        metrics.lag.set(Duration::from_micros(lag.cast_unsigned()).as_secs_f64());
        metrics.unpublished.set(i64::try_from(facts.heads.len()).unwrap_or(i64::MAX));
    }

    /// The lease, renewed when half of it is over; `None` while somebody else has it.
    async fn lease(&mut self) -> Result<Option<PublisherLease>, StoreError> {
        let now = self.service.clock.now();
        let lasting = Micros(now.0.saturating_add(micros(LEASE / 2)));
        if let Some(lease) = self.lease.filter(|lease| lease.until > lasting) {
            return Ok(Some(lease));
        }
        // There is something to lease only once there is a log.
        if self.lease.is_none() {
            self.service.store.log_state(random()).await?;
        }
        let until = Micros(now.0.saturating_add(micros(LEASE)));
        self.lease = self.service.store.lease_publisher(&self.owner, now, until).await?;
        Ok(self.lease)
    }

    /// Reads the log's compact range and incomplete tiles.
    async fn reload(&self) -> Result<LogTree, StoreError> {
        let state = self.service.store.log_state(random()).await?;
        let tiles = &self.service.log_tiles;
        let tails = LogTree::tails_of(state.frontier.size());
        let tails =
            try_join_all(tails.into_iter().map(async |id| Ok::<_, StoreError>((id, tiles.tile(id).await?)))).await?;
        LogTree::from_parts(state.frontier, tails).map_err(StoreError::corrupt)
    }

    /// While another process publishes, this one's file follows.
    async fn follow(&mut self) -> Result<(), StoreError> {
        if let Some(file) = &mut self.file
            && let Some(checkpoint) = self.service.store.checkpoint().await?
        {
            self.service.metrics.publish.entries.set(i64::try_from(checkpoint.size).unwrap_or(i64::MAX));
            file.keep(&checkpoint).await;
        }
        Ok(())
    }
}

/// When there are more heads than fit, a batch may belong to a stream whose head is among the rest; batches wait then.
fn whole(mut facts: Unpublished) -> (Unpublished, bool) {
    let limit = usize::try_from(ROUND_LIMIT).unwrap_or(usize::MAX);
    let more = facts.heads.len() >= limit || facts.batches.len() >= limit;
    if facts.heads.len() >= limit {
        let due: std::collections::HashSet<_> = facts.heads.iter().map(|(row, _)| row.stream).collect();
        facts.batches.retain(|(row, _)| due.contains(&row.stream));
    }
    (facts, more)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
