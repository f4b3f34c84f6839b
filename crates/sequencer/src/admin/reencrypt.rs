//! Sealing old payloads anew under the current key of their tenant.
//!
//! A segment is read, opened, sealed, opened again for comparison, and put back only if what is stored is still what was
//! read. So it may be stopped at any time, run beside a server and beside itself, and be started again: what is already
//! sealed under the current key is passed over. Hashes, leaves and proofs do not depend on ciphertext.

use std::sync::Arc;

use serde::Serialize;
use stateset_ledger::id::{EventId, Scope, Sequence};
use stateset_store::StoreError;
use stateset_store::append::PayloadSegment;
use stateset_store::maintenance::Maintenance;
use stateset_store::read::{EventQuery, PAGE_EVENTS};
use stateset_store::stream::StreamNo;

use crate::keyring::{Keyring, OpenError};
use crate::payload::{open_payload, reseal_segment};

const STREAMS: u32 = 256;
const SEGMENTS: u32 = 64;

/// What was done, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Segments looked at.
    pub segments: u64,
    /// Segments already under the current key of their tenant.
    pub current: u64,
    /// Segments sealed anew; without `apply`, those that would be.
    pub resealed: u64,
    /// Events in them.
    pub events: u64,
    /// Segments that changed while they were worked on: another run was faster.
    pub overtaken: u64,
}

/// Why it stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A segment that does not open under any configured key.
    #[error("stream {stream}, events {first} to {last}: {cause}")]
    Unreadable {
        /// Dense number of the stream.
        stream: i64,
        /// First event of the segment.
        first: Sequence,
        /// Last event of the segment.
        last: Sequence,
        /// Why.
        cause: OpenError,
    },
    /// The tenant has no key, so there is nothing to seal under.
    #[error("tenant {0} has no payload key: set PAYLOAD_ENCRYPTION_KEYS")]
    NoKey(String),
}

/// Goes through all streams. `progress` is told how many segments have been looked at.
pub async fn run(
    store: Arc<dyn Maintenance>,
    keyring: Arc<Keyring>,
    apply: bool,
    mut progress: impl FnMut(u64),
) -> Result<Outcome, Stopped> {
    let mut outcome = Outcome::default();
    let mut after = StreamNo(i64::MIN);
    loop {
        let streams = store.all_streams(after, STREAMS).await?;
        let Some(last) = streams.last() else { return Ok(outcome) };
        after = last.row.stream;
        for head in streams {
            let mut work = Work { store: store.as_ref(), keyring: &keyring, apply, outcome: &mut outcome };
            work.stream(head.row.stream, head.row.scope, &mut progress).await?;
        }
    }
}

struct Work<'a> {
    store: &'a dyn Maintenance,
    keyring: &'a Arc<Keyring>,
    apply: bool,
    outcome: &'a mut Outcome,
}

impl Work<'_> {
    async fn stream(&mut self, stream: StreamNo, scope: Scope, progress: &mut impl FnMut(u64)) -> Result<(), Stopped> {
        let mut from = Sequence::FIRST;
        loop {
            let segments = self.store.segments(stream, from, SEGMENTS).await?;
            let Some(last) = segments.last() else { return Ok(()) };
            from = Sequence::from_index(last.last.get()).map_err(StoreError::corrupt)?;
            for segment in segments {
                self.outcome.segments += 1;
                self.segment(stream, scope, segment).await?;
                progress(self.outcome.segments);
            }
        }
    }

    async fn segment(&mut self, stream: StreamNo, scope: Scope, segment: PayloadSegment) -> Result<(), Stopped> {
        let current = self.keyring.current(scope.tenant);
        if segment.key_id == current {
            self.outcome.current += 1;
            return Ok(());
        }
        if current.is_none() {
            return Err(Stopped::NoKey(scope.tenant.to_string()));
        }
        let events = segment.last.get() - segment.first.get() + 1;
        let ids = self.ids(stream, &segment).await?;
        let (keyring, old) = (Arc::clone(self.keyring), Arc::new(segment));
        let segment = Arc::clone(&old);
        let sealing = move || resealed_and_checked(&keyring, scope, &segment, &ids);
        let new = tokio::task::spawn_blocking(sealing).await.map_err(StoreError::unavailable)?;
        let new =
            new.map_err(|cause| Stopped::Unreadable { stream: stream.0, first: old.first, last: old.last, cause })?;
        if self.apply && !self.store.replace_segment(stream, &old, &new).await? {
            self.outcome.overtaken += 1;
            return Ok(());
        }
        self.outcome.resealed += 1;
        self.outcome.events += events;
        Ok(())
    }

    /// Ids of the segment's events: the ciphertext is bound to them.
    async fn ids(&self, stream: StreamNo, segment: &PayloadSegment) -> Result<Vec<EventId>, StoreError> {
        let mut ids = Vec::new();
        let mut from = segment.first;
        while from <= segment.last {
            let left = segment.last.get() - from.get() + 1;
            let limit = u32::try_from(left).map_or(PAGE_EVENTS, |left| left.min(PAGE_EVENTS));
            let query = EventQuery::new(stream, from, limit);
            let page = self.store.events(&query).await?;
            let Some(last) = page.events.last().map(|event| event.sequence) else {
                return Err(StoreError::corrupt("a payload segment covers events that are not there"));
            };
            ids.extend(page.events.iter().map(|event| event.header.event_id));
            from = Sequence::from_index(last.get()).map_err(StoreError::corrupt)?;
        }
        Ok(ids)
    }
}

/// Seals anew and opens every payload again, because the old ciphertext will be gone.
fn resealed_and_checked(
    keyring: &Keyring,
    scope: Scope,
    old: &PayloadSegment,
    ids: &[EventId],
) -> Result<PayloadSegment, OpenError> {
    let new = reseal_segment(keyring, scope, old, ids)?;
    for (index, id) in (old.first.index()..).zip(ids) {
        let sequence = Sequence::from_index(index).map_err(|_| OpenError::Damaged)?;
        let open = |segment| open_payload(keyring, scope, segment, sequence, *id);
        if open(&new)? != open(old)? {
            return Err(OpenError::Damaged);
        }
    }
    Ok(new)
}
