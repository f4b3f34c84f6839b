//! Streams, their events, trees, batches and cursors, and the append.

use std::collections::{HashMap, HashSet};

use stateset_ledger::agent_key::{AgentKey, KeyChange};
use stateset_ledger::bytes::Hash;
use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::{AgentId, BatchId, EventId, Micros, Scope, Sequence, TenantId};
use stateset_ledger::plan::EntityRef;
use stateset_ledger::stream::{StreamHead, StreamTile};

use super::State;
use crate::append::{Appended, PayloadSegment, StreamAppend};
use crate::batch::{Batch, BatchFrontier};
use crate::error::StoreError;
use crate::read::{EXACT_TOTAL, EventPage, EventQuery, FoundEvent, PAGE_EVENTS, StoredEvent};
use crate::stream::{OpenStream, StreamNo, StreamRow};

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) row: StreamRow,
    head: StreamHead,
    /// Place n is `events[n - 1]`.
    events: Vec<StoredEvent>,
    places: HashMap<EventId, usize>,
    segments: Vec<PayloadSegment>,
    tiles: HashMap<(u8, u64), StreamTile>,
    pub(super) batches: Vec<Batch>,
    pub(super) cursors: HashMap<AgentId, (u64, Micros)>,
    /// Size and index of the newest `HEAD` record.
    pub(super) logged: Option<(u64, u64)>,
}

impl State {
    pub(super) fn find(&self, scope: Scope) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.row.scope == scope)
    }

    pub(super) fn get(&self, stream: StreamNo) -> Result<&Stream, StoreError> {
        self.streams.iter().find(|s| s.row.stream == stream).ok_or_else(|| StoreError::corrupt("no such stream"))
    }

    pub(super) fn get_mut(&mut self, stream: StreamNo) -> Result<&mut Stream, StoreError> {
        self.streams.iter_mut().find(|s| s.row.stream == stream).ok_or_else(|| StoreError::corrupt("no such stream"))
    }

    pub(super) fn open(&mut self, scope: Scope, now: Micros) -> OpenStream {
        let key_stream = Some(Scope::key_stream(scope.tenant))
            .filter(|key_scope| *key_scope != scope)
            .map(|key_scope| self.open(key_scope, now))
            .map(|opened| (opened.stream, opened.head.size()));
        let place = self.streams.iter().position(|stream| stream.row.scope == scope).unwrap_or_else(|| {
            let number = i64::try_from(self.streams.len() + 1).expect("memory holds fewer than 2^63 streams");
            self.streams.push(Stream::empty(StreamNo(number), scope, now));
            self.streams.len() - 1
        });
        let stream = &self.streams[place];
        OpenStream { stream: stream.row.stream, scope, head: stream.head.clone(), key_stream }
    }

    /// Who moved is decided for all before anything is written, as one statement of a database would see it.
    pub(super) fn append(&mut self, appends: &[StreamAppend<'_>]) -> Result<Vec<Appended>, StoreError> {
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            let relied_on = [Some((append.stream, append.expected_size)), append.key_stream];
            let mut moved = false;
            for (stream, size) in relied_on.into_iter().flatten() {
                moved |= self.get(stream)?.row.size != size;
            }
            answers.push(if moved { Appended::Moved } else { Appended::Committed });
        }
        let in_place = |(append, answer)| (answer == &Appended::Committed).then_some(append);
        let committing: Vec<_> = appends.iter().zip(&answers).filter_map(in_place).collect();
        for append in &committing {
            if self.get(append.stream)?.holds_one_of(append) || self.holds_key_of(append) {
                return Err(StoreError::Conflict);
            }
        }
        for append in committing {
            self.get_mut(append.stream)?.grow(append);
            for (sequence, change) in &append.key_changes {
                self.change_key(append.scope.tenant, *sequence, change);
            }
        }
        Ok(answers)
    }

    fn holds_key_of(&self, append: &StreamAppend<'_>) -> bool {
        let mut keys = HashSet::new();
        append.key_changes.iter().any(|(_, change)| match *change {
            KeyChange::Register { agent, key, .. } => {
                self.agent_keys.contains_key(&(append.scope.tenant, agent, key)) || !keys.insert((agent, key))
            },
            KeyChange::Revoke { .. } => false,
        })
    }

    fn change_key(&mut self, tenant: TenantId, registered: Sequence, change: &KeyChange) {
        match *change {
            KeyChange::Register { agent, key, public_key, valid_from, valid_to } => {
                let new = AgentKey { agent, key, public_key, valid_from, valid_to, revoked_at: None, registered };
                self.agent_keys.insert((tenant, agent, key), new);
            },
            KeyChange::Revoke { agent, key, revoked_at } => {
                if let Some(key) = self.agent_keys.get_mut(&(tenant, agent, key)) {
                    key.revoked_at.get_or_insert(revoked_at);
                }
            },
        }
    }

    pub(super) fn batch(&self, id: BatchId) -> Option<(Scope, Batch)> {
        let mut all = self.streams.iter().flat_map(|s| s.batches.iter().map(|batch| (s.row.scope, batch)));
        all.find(|(_, batch)| batch.batch == id).map(|(scope, batch)| (scope, batch.clone()))
    }

    pub(super) fn add_batch(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let stream = self.get(batch.stream)?;
        let last = stream.batch_frontier();
        let follows = batch.start.index() == last.end
            && batch.previous_state_root == last.state_root
            && batch.end.get() <= stream.row.size;
        if !follows || self.batch(batch.batch).is_some() {
            return Err(StoreError::Conflict);
        }
        self.get_mut(batch.stream)?.batches.push(batch.clone());
        Ok(())
    }
}

impl Stream {
    fn empty(stream: StreamNo, scope: Scope, opened_at: Micros) -> Self {
        let head = StreamHead::empty();
        let root = head.root();
        Self {
            row: StreamRow { stream, scope, size: 0, root, last_at: None, signed: None, opened_at },
            head,
            events: Vec::new(),
            places: HashMap::new(),
            segments: Vec::new(),
            tiles: HashMap::new(),
            batches: Vec::new(),
            cursors: HashMap::new(),
            logged: None,
        }
    }

    fn holds_one_of(&self, append: &StreamAppend<'_>) -> bool {
        let mut ids = HashSet::new();
        append
            .events
            .iter()
            .map(|event| event.header.event_id)
            .any(|id| self.places.contains_key(&id) || !ids.insert(id))
    }

    fn grow(&mut self, append: &StreamAppend<'_>) {
        self.segments.extend_from_slice(&append.payloads);
        for new in &append.events {
            self.places.insert(new.header.event_id, self.events.len());
            self.events.push(StoredEvent {
                sequence: new.sequence,
                sequenced_at: append.at,
                header: new.header.clone(),
                receipt: new.receipt,
                segment: self.segment_of(new.sequence).first,
            });
        }
        self.tiles.extend(append.tiles.iter().map(|tile| ((tile.level, tile.index), tile.clone())));
        self.head = append.head.clone();
        self.row.size = append.head.size();
        self.row.root = append.root;
        self.row.last_at = Some(append.at);
        self.row.signed = Some(append.signed);
    }

    fn segment_of(&self, sequence: Sequence) -> &PayloadSegment {
        let covers = |segment: &&PayloadSegment| segment.first <= sequence && sequence <= segment.last;
        self.segments.iter().rev().find(covers).expect("an append's payloads cover the places of its events")
    }

    pub(super) fn known(&self, ids: &[EventId]) -> Vec<KnownEvent> {
        let ids: HashSet<&EventId> = ids.iter().collect();
        ids.into_iter().filter_map(|id| self.places.get(id)).map(|&place| known(&self.events[place])).collect()
    }

    pub(super) fn entity_version(&self, (kind, id): &EntityRef) -> u64 {
        let of_entity = |event: &&StoredEvent| event.header.entity_type == *kind && event.header.entity_id == *id;
        self.events.iter().filter(of_entity).map(|_| 1).sum()
    }

    pub(super) fn page(&self, query: &EventQuery) -> EventPage {
        let admitted = |event: &&StoredEvent| {
            let within = event.sequence >= query.from && query.upto.is_none_or(|upto| event.sequence <= upto);
            within && query.filter.admits(event)
        };
        let matching: Vec<_> = self.events.iter().filter(admitted).collect();
        let exact = if query.filter.admits_all() { u64::MAX } else { EXACT_TOTAL + 1 };
        let total = query.count.then_some(exact.min(matching.len() as u64));
        let limit = query.limit.min(PAGE_EVENTS) as usize;
        let has_more = matching.len() > limit;
        let skipped = if query.newest_first { matching.len().saturating_sub(limit) } else { 0 };
        let events: Vec<_> = matching.into_iter().skip(skipped).take(limit).cloned().collect();
        let mut segments: Vec<_> = events.iter().map(|event| self.segment_of(event.sequence).clone()).collect();
        segments.dedup();
        EventPage { events, segments, head_size: self.row.size, has_more, total }
    }

    pub(super) fn event(&self, id: EventId) -> Option<FoundEvent> {
        let event = self.events[*self.places.get(&id)?].clone();
        let segment = self.segment_of(event.sequence).clone();
        Some(FoundEvent { stream: self.row.stream, scope: self.row.scope, event, segment, head_size: self.row.size })
    }

    pub(super) fn leaves(&self, first: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
        let leaf = |event: &StoredEvent| event.header.leaf(self.row.scope, event.sequence);
        let wanted = usize::try_from(first).ok().zip(usize::try_from(count).ok());
        wanted
            .and_then(|(first, count)| self.events.get(first..first.checked_add(count)?))
            .map(|events| events.iter().map(leaf).collect())
            .ok_or_else(|| StoreError::corrupt("no such leaves"))
    }

    pub(super) fn tile_roots(&self, level: u8, first: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
        let root = |index| self.tiles.get(&(level, index)).map(|tile| tile.root);
        (first..first + count).map(root).collect::<Option<_>>().ok_or_else(|| StoreError::corrupt("no such tile"))
    }

    pub(super) fn batch_frontier(&self) -> BatchFrontier {
        self.batches.last().map_or(BatchFrontier { end: 0, state_root: Hash::ZERO }, |last| BatchFrontier {
            end: last.end.get(),
            state_root: last.state_root,
        })
    }
}

fn known(event: &StoredEvent) -> KnownEvent {
    KnownEvent {
        event_id: event.header.event_id,
        sequence: event.sequence,
        sequenced_at: event.sequenced_at,
        content_hash: event.header.content_hash,
        seal: event.header.seal,
        command_id: event.header.command_id,
        base_version: event.header.base_version,
        receipt: event.receipt,
    }
}
