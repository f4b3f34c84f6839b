//! The smallest service that can be built on a store: it opens one stream, plans, and commits what was planned.

use std::collections::HashMap;

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{PublicKeyBytes, Signature};
use stateset_ledger::event::{Candidate, KnownEvent, ReceiptSignature, Seal};
use stateset_ledger::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence};
use stateset_ledger::plan::{EntityRef, Plan, StreamFacts, plan};
use stateset_store::Store;
use stateset_store::append::{Appended, NewEvent, PayloadSegment, StreamAppend};
use stateset_store::read::{EventFilter, EventPage, EventQuery, PAGE_EVENTS, StoredEvent};
use stateset_store::stream::{HeadSignature, OpenStream, StreamNo};

/// When the tests happen.
pub(crate) const NOW: Micros = Micros(1_767_323_045_000_006);
/// Small appends share a segment between few events, so that a page begins and ends inside one.
const SEGMENT_EVENTS: usize = 3;
/// Large appends are there for their trees.
const LARGE_SEGMENT_EVENTS: usize = 256;

/// One stream and what was last known of it.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) opened: OpenStream,
    /// The clock; moves on by a second with every append.
    pub(crate) now: Micros,
}

impl Writer {
    pub(crate) async fn open(store: &impl Store, scope: Scope) -> Self {
        let opened = store.open_streams(&[scope], NOW).await.expect("a stream opens");
        Self { opened: opened.into_iter().next().expect("one head per scope"), now: NOW }
    }

    pub(crate) fn scope(&self) -> Scope {
        self.opened.scope
    }

    pub(crate) fn stream(&self) -> StreamNo {
        self.opened.stream
    }

    pub(crate) fn size(&self) -> u64 {
        self.opened.head.size()
    }

    /// Plans as if no candidate were known and no entity version mattered.
    pub(crate) fn plan<'a>(&self, candidates: &'a [Candidate]) -> Plan<'a> {
        self.plan_with(candidates, &HashMap::new(), &HashMap::new())
    }

    pub(crate) fn plan_with<'a>(
        &self,
        candidates: &'a [Candidate],
        known: &HashMap<EventId, KnownEvent>,
        entity_versions: &HashMap<EntityRef, u64>,
    ) -> Plan<'a> {
        let keys = candidates.iter().filter_map(always_valid_key).collect();
        let facts = StreamFacts {
            scope: self.opened.scope,
            head: &self.opened.head,
            now: self.now,
            known,
            keys: &keys,
            entity_versions,
            unsigned_allowed: true,
        };
        plan(&facts, &candidates.iter().collect::<Vec<_>>())
    }

    /// What would commit `plan`. Signatures are made up; half of the events get a receipt of their own.
    pub(crate) fn append_of<'p>(&self, plan: &'p Plan<'_>) -> StreamAppend<'p> {
        let root = plan.head.root();
        let events = plan.entries.iter().map(|entry| NewEvent {
            header: entry.header,
            sequence: entry.sequence,
            receipt: (entry.leaf.0[0] % 2 == 0)
                .then(|| ReceiptSignature { key: KeyId(u32::MAX), signature: twice(&entry.leaf.0) }),
        });
        StreamAppend {
            stream: self.opened.stream,
            scope: self.opened.scope,
            expected_size: plan.expected_size,
            key_stream: self.opened.key_stream,
            events: events.collect(),
            payloads: segments(plan),
            tiles: &plan.tiles,
            head: &plan.head,
            root,
            signed: HeadSignature { key: KeyId(1), signature: twice(&root.0) },
            at: plan.at,
            key_changes: Vec::new(),
        }
    }

    /// Remembers that `plan` was committed.
    pub(crate) fn committed(&mut self, plan: &Plan<'_>) {
        self.opened.head = plan.head.clone();
        self.now.0 += 1_000_000;
    }

    /// Appends new events, which must succeed, and returns them as they must be read.
    pub(crate) async fn append(&mut self, store: &impl Store, candidates: &[Candidate]) -> Vec<StoredEvent> {
        let plan = self.plan(candidates);
        assert_eq!(plan.entries.len(), candidates.len(), "{:?}", plan.verdicts);
        let append = self.append_of(&plan);
        let expected = stored(&append);
        let answer = store.append(&[append]).await.expect("an append to a stream that has not moved");
        assert_eq!(answer, [Appended::Committed]);
        self.committed(&plan);
        expected
    }
}

/// The events of an append as every reader must see them.
pub(crate) fn stored(append: &StreamAppend<'_>) -> Vec<StoredEvent> {
    let segment_of = |sequence| {
        let covers = |segment: &&PayloadSegment| segment.first <= sequence && sequence <= segment.last;
        append.payloads.iter().find(covers).expect("segments cover the events").first
    };
    let events = append.events.iter().map(|new| StoredEvent {
        sequence: new.sequence,
        sequenced_at: append.at,
        header: new.header.clone(),
        receipt: new.receipt,
        segment: segment_of(new.sequence),
    });
    events.collect()
}

/// The payload of the event at `sequence`, read from the segment that holds it.
pub(crate) fn payload_at(segment: &PayloadSegment, sequence: Sequence) -> &[u8] {
    let number = |n: u64| usize::try_from(n).expect("segments are small");
    let count = number(segment.last.get() - segment.first.get() + 1);
    let (offsets, payloads) = segment.sealed.split_at(4 * count);
    let (ends, _) = offsets.as_chunks::<4>();
    let end = |place: usize| number(u64::from(u32::from_be_bytes(ends[place])));
    let place = number(sequence.get() - segment.first.get());
    &payloads[if place == 0 { 0 } else { end(place - 1) }..end(place)]
}

/// A page without filter; the count is asked for.
pub(crate) async fn page(store: &impl Store, stream: StreamNo, from: u64, limit: u32) -> EventPage {
    filtered(store, stream, from, limit, EventFilter::default()).await
}

pub(crate) async fn filtered(
    store: &impl Store,
    stream: StreamNo,
    from: u64,
    limit: u32,
    filter: EventFilter,
) -> EventPage {
    let query = EventQuery { filter, count: true, ..EventQuery::new(stream, sequence(from), limit) };
    store.events(&query).await.expect("a page")
}

/// All events of a stream, page by page.
pub(crate) async fn all_events(store: &impl Store, stream: StreamNo) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    loop {
        let page = page(store, stream, events.len() as u64 + 1, PAGE_EVENTS).await;
        events.extend(page.events);
        if !page.has_more {
            return events;
        }
    }
}

pub(crate) fn sequence(number: u64) -> Sequence {
    Sequence::new(number).expect("tests number from 1")
}

pub(crate) fn known_by_id(known: Vec<KnownEvent>) -> HashMap<EventId, KnownEvent> {
    known.into_iter().map(|event| (event.event_id, event)).collect()
}

fn segments(plan: &Plan<'_>) -> Vec<PayloadSegment> {
    let width = if plan.entries.len() > 1_000 { LARGE_SEGMENT_EVENTS } else { SEGMENT_EVENTS };
    let chunks = plan.entries.chunks(width).map(|entries| {
        let mut sealed = Vec::new();
        let mut end = 0;
        for entry in entries {
            end += u32::try_from(entry.payload.len()).expect("payloads are small");
            sealed.extend(end.to_be_bytes());
        }
        sealed.extend(entries.iter().flat_map(|entry| entry.payload));
        let first = entries[0].sequence;
        let sealed_by_a_key = first.get().is_multiple_of(2);
        PayloadSegment {
            first,
            last: entries[entries.len() - 1].sequence,
            key_id: sealed_by_a_key.then(|| first.get().to_be_bytes()),
            sealed,
        }
    });
    chunks.collect()
}

fn always_valid_key(candidate: &Candidate) -> Option<((AgentId, KeyId), AgentKey)> {
    let agent = candidate.header.agent;
    let Seal::Signed { key, .. } = candidate.header.seal else { return None };
    let public_key = PublicKeyBytes::ZERO;
    let (valid_from, valid_to, revoked_at, registered) = (None, None, None, Sequence::FIRST);
    Some(((agent, key), AgentKey { agent, key, public_key, valid_from, valid_to, revoked_at, registered }))
}

fn twice(half: &[u8; 32]) -> Signature {
    Signature(std::array::from_fn(|at| half[at % 32]))
}
