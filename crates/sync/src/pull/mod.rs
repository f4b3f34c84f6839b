//! Everybody's events, in order, each checked before it is kept.
//!
//! The head is asked for first and its signature and history checked. Then pages are read up to it. A page is believed if its
//! leaves continue the tree so far to one that the signed head's tree begins with; a consistency proof shows that, so that a
//! first pull of a million events needs no more memory than one page. An event that is not what its agent signed is put
//! into quarantine with the leaf that the signed tree holds in its place, and holds up nothing.

mod apply;
mod page;

use std::time::Duration;

use serde::Serialize;
use stateset_api::event::AdvanceCursor;
use stateset_ledger::tree::Frontier;
use tokio::time::{Instant, sleep};

use crate::error::{Direction, SyncError, unreadable};
use crate::history::{Fork, ForkKind, SeenHead, Side};
use crate::lock;
use crate::push::Patience;
use crate::session::{Session, Stream};

/// What a pull did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PullReport {
    /// Events that were checked and kept.
    pub pulled: u64,
    /// Of these, own ones.
    pub own: u64,
    /// Events that were put into quarantine.
    pub quarantined: u64,
    /// Changes of agents' keys.
    pub key_changes: u64,
    /// Place of the last event that is here now.
    pub size: u64,
    /// Pages that were asked for again after a pause.
    pub retries: u64,
}

impl Session {
    /// Reads everything behind the durable cursor. Safe to call at any time, by any number of processes, and to kill at any
    /// point: what is there is there once.
    pub async fn pull(&self, patience: Patience) -> Result<PullReport, SyncError> {
        let _lock = lock::acquire(&self.replica.path, Direction::Pull, patience.for_others).await?;
        let deadline = Instant::now() + patience.for_sequencer;
        let mut report = PullReport::default();
        loop {
            let Err(error) = self.pull_once(&mut report).await else {
                self.replica.note_success(Direction::Pull).await?;
                return Ok(report);
            };
            let pause = self.replica.note_failure(Direction::Pull, &error).await?;
            if !error.is_retryable() || Instant::now() + pause > deadline {
                return Err(error);
            }
            report.retries += 1;
            sleep(pause).await;
        }
    }

    async fn pull_once(&self, report: &mut PullReport) -> Result<(), SyncError> {
        let head = self.check_history(Stream::Events).await?;
        // Keys after the head: whatever signed an event below it was registered by then.
        let keys = self.check_history(Stream::Keys).await?;
        if let Some(keys) = keys {
            self.follow(Stream::Keys, &keys, report).await?;
        }
        if let Some(head) = head {
            self.follow(Stream::Events, &head, report).await?;
        }
        self.replica.clear_forks().await?;
        report.size = self.replica.stream_state(Stream::Events).await?.size;
        self.tell_cursor(report.size).await;
        Ok(())
    }

    /// Pages of one stream, up to a head that was checked.
    async fn follow(&self, stream: Stream, head: &SeenHead, report: &mut PullReport) -> Result<(), SyncError> {
        let mut keys = self.key_ring().await?;
        loop {
            let state = self.replica.stream_state(stream).await?;
            if state.size >= head.size {
                return Ok(());
            }
            let frontier = Frontier::from_bytes(state.size, &state.frontier).map_err(unreadable)?;
            let page = self.page(stream, &frontier, head, &keys).await?;
            let applied = self.replica.apply(stream, &frontier, page).await?;
            report.pulled += applied.kept;
            report.own += applied.own;
            report.quarantined += applied.quarantined;
            report.key_changes += applied.key_changes;
            if let Some(detail) = applied.misplaced {
                return Err(self.forked(stream, &frontier, head, ForkKind::Misplaced, detail).await?);
            }
            if applied.key_changes > 0 {
                keys = self.key_ring().await?;
            }
        }
    }

    /// The pulled history against the signed head, as a contradiction with evidence.
    async fn forked(
        &self,
        stream: Stream,
        frontier: &Frontier,
        head: &SeenHead,
        kind: ForkKind,
        detail: String,
    ) -> Result<SyncError, SyncError> {
        let fork = Fork {
            kind,
            of: stream.name().to_owned(),
            seen: Side { size: frontier.size(), root: frontier.root(), head: None, note: None },
            shown: Side { size: head.size, root: head.root, head: Some(*head), note: None },
            shown_root_at_seen_size: None,
            detail: Some(detail),
        };
        self.replica.note_fork(&fork).await?;
        Ok(SyncError::Forked(Box::new(fork)))
    }

    /// Tells the sequencer how far this agent has come, for its operator's eyes; nothing here depends on it.
    async fn tell_cursor(&self, size: u64) {
        const WITHIN: Duration = Duration::from_secs(5);
        let profile = &self.replica.profile;
        let body = AdvanceCursor { tenant_id: profile.tenant, store_id: profile.store, sequence_number: size };
        let path = format!("/api/v1/ves/cursors/{}", profile.agent);
        drop(tokio::time::timeout(WITHIN, self.remote.put(&path, &body)).await);
    }
}
