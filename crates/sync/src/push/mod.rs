//! Own events to the sequencer, in the agent's order, one request at a time.
//!
//! While a request is on its way, the one after it is signed and the reply to the one before it is checked and settled.
//! The next request leaves only after the last one brought a verdict for all its events, so that no event overtakes another.
//! What a request was about to send is written down before it leaves: from then on the sequencer may have it, and it is only
//! ever sent again, in the same bytes.

mod queue;
mod reply;
mod settle;

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::error::{Direction, SyncError};
use crate::history::{Fork, ForkKind, SeenHead, Side};
use crate::lock;
use crate::remote::RemoteError;
use crate::session::{Session, Stream, empty_side};

use queue::{After, Prepared};
use reply::Reply;

/// What a push did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PushReport {
    /// Requests that brought a verdict.
    pub requests: u64,
    /// Events that are proved to be in the log by now, thanks to this push.
    pub acknowledged: u64,
    /// Of these, events that were there before: an answer had been lost.
    pub repeated: u64,
    /// Events the sequencer refused because the world had moved on: `sync conflicts`.
    pub conflicts: u64,
    /// Events it refused for good.
    pub rejected: u64,
    /// Requests that were sent again after a pause.
    pub retries: u64,
    /// Place of the last event in the sequencer's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sequence: Option<u64>,
}

/// How long a push tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For another process to finish what it is doing on the database.
    pub for_others: Duration,
    /// For a sequencer that cannot be reached, in all: pauses grow from a second to a minute.
    pub for_sequencer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { for_others: Duration::from_secs(10), for_sequencer: Duration::ZERO }
    }
}

/// Why a round of requests ended.
enum End {
    /// Nothing is left that could be sent.
    Empty,
    /// Verdicts change what is to be sent next.
    Again,
}

impl Session {
    /// Sends everything that waits. Safe to call at any time, by any number of processes, and to kill at any point.
    pub async fn push(&self, patience: Patience) -> Result<PushReport, SyncError> {
        let _lock = lock::acquire(&self.replica.path, Direction::Push, patience.for_others).await?;
        let deadline = Instant::now() + patience.for_sequencer;
        let mut report = PushReport::default();
        loop {
            let Err(error) = self.push_once(&mut report).await else {
                self.replica.note_success(Direction::Push).await?;
                return Ok(report);
            };
            let pause = self.replica.note_failure(Direction::Push, &error).await?;
            if !error.is_retryable() || Instant::now() + pause > deadline {
                return Err(error);
            }
            report.retries += 1;
            sleep(pause).await;
        }
    }

    async fn push_once(&self, report: &mut PushReport) -> Result<(), SyncError> {
        if self.prepare(After::START).await?.is_none() {
            return Ok(());
        }
        // A sequencer that tells another history gets nothing from us.
        self.check_history(Stream::Events).await?;
        if let Some(fork) = self.replica.open_fork().await? {
            return Err(SyncError::Forked(Box::new(fork)));
        }
        let requests = report.requests;
        while matches!(self.push_run(report).await?, End::Again) {}
        if report.requests > requests {
            self.check_history(Stream::Events).await?;
        }
        Ok(())
    }

    /// Requests as long as every verdict is the expected one.
    async fn push_run(&self, report: &mut PushReport) -> Result<End, SyncError> {
        let mut prepared = self.prepare(After::START).await?;
        let mut answered: Option<(Prepared, Reply)> = None;
        while let Some(batch) = prepared.take() {
            if !self.replica.reject_unsignable(&batch).await? || !self.replica.mark_sent(&batch).await? {
                // A resolution came between.
                self.settle_answer(answered.take(), report).await?;
                return Ok(End::Again);
            }
            let (sent, next, settled) =
                tokio::join!(self.send(&batch), self.prepare(batch.end), self.settle_answer(answered.take(), report));
            settled?;
            let reply = match sent {
                Ok(reply) => reply,
                Err(error) => {
                    self.replica.mark_unanswered(&batch, &error).await?;
                    return Err(error.into());
                },
            };
            report.requests += 1;
            if !reply.is_plain(batch.events.len()) {
                self.settle_answer(Some((batch, reply)), report).await?;
                return Ok(End::Again);
            }
            answered = Some((batch, reply));
            prepared = next?;
        }
        self.settle_answer(answered, report).await?;
        Ok(End::Empty)
    }

    async fn send(&self, batch: &Prepared) -> Result<Reply, RemoteError> {
        if batch.events.is_empty() {
            return Ok(Reply::default());
        }
        let body = batch.body(self.replica.profile.agent);
        let bytes = self.remote.post_bytes("/api/v1/ves/events/ingest", body).await?;
        self.remote.read_json(&bytes)
    }

    /// Checks the answer, writes down what it says, and says what keeps the push from going on.
    async fn settle_answer(
        &self,
        answered: Option<(Prepared, Reply)>,
        report: &mut PushReport,
    ) -> Result<(), SyncError> {
        let Some((batch, reply)) = answered else { return Ok(()) };
        let received = self.replica.clock.now();
        let (scope, trusted) = (self.replica.profile.scope(), std::sync::Arc::clone(&self.trusted));
        let verdicts = tokio::task::spawn_blocking(move || reply::judge(scope, batch, reply, &trusted));
        let verdicts = verdicts.await.map_err(|fault| crate::error::unreadable(fault.to_string()))?;
        let settled = self.replica.settle(&verdicts, received).await?;
        report.acknowledged += settled.acknowledged;
        report.repeated += settled.repeated;
        report.conflicts += settled.conflicts;
        report.rejected += settled.rejected;
        report.last_sequence = report.last_sequence.max(settled.last_sequence);
        if let Some(head) = &verdicts.head {
            self.verify_head(scope, head)?;
        }
        if let Some(detail) = settled.misplaced.or_else(|| verdicts.unproved.clone()) {
            return Err(self.contradiction(verdicts.head, detail).await?);
        }
        match settled.obstacle {
            Some(obstacle) => Err(self.explain(obstacle).await),
            None => Ok(()),
        }
    }

    /// A reply that contradicts what the sequencer signed itself.
    async fn contradiction(&self, head: Option<SeenHead>, detail: String) -> Result<SyncError, SyncError> {
        let seen = self.replica.stream_state(Stream::Events).await?.seen;
        let side = |head: Option<SeenHead>| match head {
            Some(head) => Side { size: head.size, root: head.root, head: Some(head), note: None },
            None => empty_side(),
        };
        let fork = Fork {
            kind: ForkKind::Misplaced,
            of: Stream::Events.name().to_owned(),
            seen: side(seen),
            shown: side(head),
            shown_root_at_seen_size: None,
            detail: Some(detail),
        };
        self.replica.note_fork(&fork).await?;
        Ok(SyncError::Forked(Box::new(fork)))
    }
}
