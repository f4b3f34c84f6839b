//! The committer: VES batches, by itself at intervals or because a client asks.

use std::sync::Arc;
use std::time::Duration;

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{BatchId, Micros, Scope, Sequence};
use stateset_ledger::receipt::{state_root, stream_id};
use stateset_ledger::tree::batch;
use stateset_store::batch::{Batch, BatchFrontier};
use stateset_store::stream::{StreamNo, StreamRow};
use stateset_store::{Store, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::service::Service;

/// Most leaves of one batch: they are four megabytes while the batch is made, and the chunk roots kept for its proofs 16 KiB.
pub const MAX_LEAVES: u64 = 131_072;
/// Streams looked at per search.
const STREAMS: u32 = 1_000;
/// Committing may take this part of the time.
const SHARE: u32 = 10;
/// Larger batches are hashed away from the threads that answer requests.
const INLINE_LEAVES: u64 = 1_024;

/// A batch of `leaves`, right behind the frontier; `None` without leaves or beyond the last sequence number.
pub fn build(
    (stream, scope): (StreamNo, Scope),
    behind: &BatchFrontier,
    leaves: &[Hash],
    id: BatchId,
    now: Micros,
) -> Option<Batch> {
    let count = u32::try_from(leaves.len()).ok().filter(|&count| count > 0)?;
    let start = Sequence::from_index(behind.end).ok()?;
    let end = Sequence::new(behind.end + u64::from(count)).ok()?;
    let chunk_roots = batch::chunk_roots(leaves);
    let merkle_root = batch::root_from_chunks(&chunk_roots, u64::from(count)).ok()?;
    Some(Batch {
        batch: id,
        stream,
        start,
        end,
        merkle_root,
        previous_state_root: behind.state_root,
        state_root: state_root(&stream_id(scope), &behind.state_root, &merkle_root, start, end, count),
        chunk_roots,
        committed_at: now,
        log_index: None,
    })
}

/// Commits everything behind `behind` up to sequence `end`, at most [`MAX_LEAVES`], as one batch. The stream must hold the
/// events; [`StoreError::Conflict`] if somebody else committed first.
pub async fn commit(service: &Service, row: &StreamRow, behind: BatchFrontier, end: u64) -> Result<Batch, StoreError> {
    let count = end.saturating_sub(behind.end).min(MAX_LEAVES);
    let leaves = service.store.leaves(row.stream, behind.end, count).await?;
    let (stream, scope, now) = (row.stream, row.scope, service.clock.now());
    let build = move || build((stream, scope), &behind, &leaves, BatchId(Uuid::now_v7()), now);
    let batch = if count <= INLINE_LEAVES {
        build()
    } else {
        tokio::task::spawn_blocking(build).await.map_err(StoreError::unavailable)?
    };
    let batch = batch.ok_or_else(|| StoreError::corrupt("a batch without events was asked for"))?;
    service.store.add_batch(&batch).await?;
    service.metrics.batches.inc();
    Ok(batch)
}

/// Commits by itself.
pub struct Committer {
    service: Arc<Service>,
    interval: Duration,
}

impl Committer {
    /// A committer that pauses `interval` between searches.
    pub fn new(service: Arc<Service>, interval: Duration) -> Self {
        Self { service, interval }
    }

    /// Commits until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let started = Instant::now();
            let more = tokio::select! {
                () = stop.cancelled() => return,
                done = self.round() => match done {
                    Ok(more) => more,
                    Err(error) => {
                        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                        tracing::warn!(%error, cause, "cannot commit batches");
                        false
                    },
                },
            };
            let pause = if more { Duration::ZERO } else { self.interval.max(started.elapsed() * (SHARE - 1)) };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {},
            }
        }
    }

    /// One batch for every stream that needs one; whether there is more to do.
    pub async fn round(&self) -> Result<bool, StoreError> {
        let store: &dyn Store = self.service.store.as_ref();
        let rows = store.streams_to_commit(STREAMS).await?;
        let mut more = rows.len() >= usize::try_from(STREAMS).unwrap_or(usize::MAX);
        for row in rows {
            let behind = store.batch_frontier(row.stream).await?;
            if behind.end >= row.size {
                continue;
            }
            let span = tracing::debug_span!("commit_batch", events = row.size - behind.end);
            match commit(&self.service, &row, behind, row.size).instrument(span).await {
                Ok(batch) => more |= batch.end.get() < row.size,
                // Somebody else did it.
                Err(StoreError::Conflict) => {},
                Err(error) => return Err(error),
            }
        }
        Ok(more)
    }
}
