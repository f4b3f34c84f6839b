//! The one task that gives places.

use std::sync::Arc;

use stateset_ledger::id::Scope;
use stateset_store::{Store, StoreError};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::heads::Heads;
use super::recent::RecentIds;
use super::{AppendError, Appender, Outcome, Waiting};
use crate::agent_keys::KeyCache;
use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::signing::SequencerKey;

/// Events per group commit; more would only lengthen the wait of the first one.
const MAX_FLUSH_EVENTS: usize = 4_096;
/// Rounds a submission may lose against other processes before its sender is told to come back. Whoever won the last round
/// starts the next one with the head in memory and is likelier to win again, so losses come in rows: of two processes that
/// share a busy stream, one lost sixteen rounds in a row for every hundredth request.
const MAX_ROUNDS: u32 = 128;
/// Flushes that look ids up first after the store has met a known id.
const WARY_FLUSHES: u32 = 64;

/// Owner of the heads: plans and commits one group after the other.
pub struct Flusher {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) signer: Arc<SequencerKey>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) keys: Arc<KeyCache>,
    pub(super) heads: Heads,
    pub(super) recent: RecentIds,
    pub(super) unsigned_allowed: bool,
    /// Flushes left that do not guess that ids are new.
    pub(super) wary: u32,
    waiting: mpsc::UnboundedReceiver<Waiting>,
    grown: Arc<Notify>,
    metrics: Arc<Metrics>,
}

/// What the flusher works with.
pub struct FlusherParts {
    /// The log.
    pub store: Arc<dyn Store>,
    /// Time of sequencing.
    pub clock: Arc<dyn Clock>,
    /// Signs receipts and heads.
    pub signer: Arc<SequencerKey>,
    /// Seals payloads.
    pub keyring: Arc<Keyring>,
    /// Agent keys, shared with [`super::prepare`].
    pub keys: Arc<KeyCache>,
    /// Whether unsigned events are taken.
    pub unsigned_allowed: bool,
    /// Woken after every commit.
    pub grown: Arc<Notify>,
    /// Where groups and events are counted.
    pub metrics: Arc<Metrics>,
}

impl Flusher {
    /// The flusher and the way to it.
    pub fn new(parts: FlusherParts) -> (Appender, Self) {
        let FlusherParts { store, clock, signer, keyring, keys, unsigned_allowed, grown, metrics } = parts;
        let (appender, waiting) = Appender::channel(Arc::clone(&metrics));
        let flusher = Self {
            store,
            clock,
            signer,
            keyring,
            keys,
            heads: Heads::default(),
            recent: RecentIds::default(),
            unsigned_allowed,
            wary: 0,
            waiting,
            grown,
            metrics,
        };
        (appender, flusher)
    }

    /// Runs until every [`Appender`] is gone and what they left is done.
    pub async fn run(mut self) {
        while let Some(first) = self.waiting.recv().await {
            // Requests whose bytes are already here may join the group; this waits for nothing else.
            tokio::task::yield_now().await;
            let mut events = first.submission.candidates.len();
            let mut group = vec![first];
            while events < MAX_FLUSH_EVENTS {
                let Ok(next) = self.waiting.try_recv() else { break };
                events += next.submission.candidates.len();
                group.push(next);
            }
            let (started, append) = (Instant::now(), &self.metrics.append);
            append.group_events.count(events);
            append.group_requests.count(group.len());
            let span = tracing::debug_span!("flush", events, requests = group.len());
            for waiting in &group {
                span.follows_from(&waiting.span);
            }
            self.flush(group).instrument(span).await;
            self.metrics.append.flush.time(started.elapsed());
            self.grown.notify_waiters();
        }
    }

    async fn flush(&mut self, mut group: Vec<Waiting>) {
        self.wary = self.wary.saturating_sub(1);
        for _ in 0..MAX_ROUNDS {
            // Senders that went away while they waited want no place.
            group.retain(|waiting| !waiting.reply.is_closed());
            if group.is_empty() {
                return;
            }
            let streams = by_scope(std::mem::take(&mut group));
            match self.round(&streams).await {
                Ok(answers) => {
                    for (waiting, answer) in streams.into_iter().flatten().zip(answers.into_iter().flatten()) {
                        match answer {
                            Some(placed) => {
                                count_fates(&self.metrics, &placed);
                                answer_sender(waiting, Ok(placed));
                            },
                            None => group.push(waiting),
                        }
                    }
                },
                Err(StoreError::Conflict) => {
                    tracing::debug!("an append met a known id or another process; planning again with look-ups");
                    self.metrics.append.planned_again.inc();
                    self.wary = WARY_FLUSHES;
                    self.heads.clear();
                    group = streams.into_iter().flatten().collect();
                },
                Err(error) => {
                    self.metrics.append.failed.inc();
                    self.heads.clear();
                    let answer = fatal(&error);
                    for waiting in streams.into_iter().flatten() {
                        answer_sender(waiting, Err(answer));
                    }
                    return;
                },
            }
        }
        for waiting in group {
            answer_sender(waiting, Err(AppendError::Overloaded));
        }
    }
}

fn fatal(error: &StoreError) -> AppendError {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match error {
        StoreError::Corrupt(_) => {
            tracing::error!(error = %error, cause, "append failed");
            AppendError::Corrupt
        },
        StoreError::Conflict | StoreError::Unavailable(_) => {
            tracing::warn!(error = %error, cause, "append failed");
            AppendError::Unavailable
        },
    }
}

/// The sender may have gone; its events keep their places all the same.
fn answer_sender(waiting: Waiting, answer: Result<super::Placed, AppendError>) {
    drop(waiting.reply.send(answer));
}

fn count_fates(metrics: &Metrics, placed: &super::Placed) {
    let (mut new, mut known, mut refused) = (0, 0, 0);
    for outcome in &placed.outcomes {
        match outcome {
            Outcome::Placed(_) => new += 1,
            Outcome::Duplicate(_) => known += 1,
            Outcome::Rejected(_) => refused += 1,
        }
    }
    for (outcome, number) in [("placed", new), ("duplicate", known), ("rejected", refused)] {
        metrics.append.fate(outcome, number);
    }
}

/// One list per stream, in order of first arrival; order within a stream is kept.
fn by_scope(group: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut streams: Vec<(Scope, Vec<Waiting>)> = Vec::new();
    for waiting in group {
        let scope = waiting.submission.scope;
        match streams.iter_mut().find(|(known, _)| *known == scope) {
            Some((_, list)) => list.push(waiting),
            None => streams.push((scope, vec![waiting])),
        }
    }
    streams.into_iter().map(|(_, list)| list).collect()
}
