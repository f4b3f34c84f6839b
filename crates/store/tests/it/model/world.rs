//! Makes random steps.

use stateset_ledger::agent_key::KeyChange;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::event::Candidate;
use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, StoreId, TenantId};
use stateset_ledger::plan::EntityRef;
use stateset_store::read::EventFilter;
use uuid::Uuid;

use crate::suite::random::{Random, with_content_hash};
use crate::suite::writer::NOW;

/// One operation. Scopes are meant by their place in [`World::scopes`], counts are cut to what exists.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Open {
        writer: usize,
        scopes: Vec<usize>,
    },
    /// A writer reloads what moved, or goes on with what it has.
    Append {
        writer: usize,
        parts: Vec<Part>,
        reload: bool,
    },
    Known {
        scope: usize,
        ids: Vec<EventId>,
    },
    Versions {
        scope: usize,
        entities: Vec<EntityRef>,
    },
    Keys {
        tenant: TenantId,
        agent: Option<AgentId>,
    },
    Events {
        scope: usize,
        from: u64,
        limit: u32,
        filter: Box<EventFilter>,
        count: bool,
    },
    Event {
        tenant: TenantId,
        stores: Option<Vec<StoreId>>,
        id: EventId,
    },
    Tree {
        scope: usize,
        first: u64,
        count: u64,
    },
    AddBatch {
        scope: usize,
        seed: u64,
        misplaced: u64,
        events: u64,
    },
    Batch {
        id: BatchId,
    },
    Batches {
        scope: usize,
        from: u64,
        limit: u32,
    },
    Due,
    Cursor {
        scope: usize,
        agent: AgentId,
    },
    Advance {
        scope: usize,
        agent: AgentId,
        acknowledged: u64,
    },
    Lease {
        owner: &'static str,
        for_micros: i64,
    },
    Log {
        blinding_key: [u8; 32],
    },
    Publish {
        owner: &'static str,
        misplaced: u64,
    },
    Records {
        first: u64,
        count: u64,
    },
    SequencerKey {
        public_key: PublicKeyBytes,
    },
    SequencerKeys,
    Reopen,
}

/// One stream's part of an append.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) scope: usize,
    pub(super) candidates: Vec<Candidate>,
    pub(super) changes: Vec<KeyChange>,
}

/// Makes steps. Draws from small pools, so that things meet.
pub(super) struct World {
    random: Random,
    pub(super) scopes: Vec<Scope>,
    events: Vec<Candidate>,
    batches: Vec<BatchId>,
    sequencer_keys: Vec<PublicKeyBytes>,
}

/// Steps are a microsecond apart; filters name instants up to here.
const MOMENTS: u64 = 400;
const OWNERS: [&str; 2] = ["a", "b"];

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let tenants = [TenantId(random.uuid()), TenantId(random.uuid())];
        let shops = [StoreId(random.uuid()), StoreId(random.uuid()), StoreId::NIL];
        let scopes = tenants.iter().flat_map(|&tenant| shops.map(|shop| Scope::new(tenant, shop))).collect();
        let sequencer_keys = (0..3).map(|_| random.public_key()).collect();
        Self { random, scopes, events: Vec::new(), batches: Vec::new(), sequencer_keys }
    }

    fn place(&mut self) -> usize {
        usize::try_from(self.random.below(self.scopes.len() as u64)).expect("few scopes")
    }

    fn places(&mut self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.scopes.len()).collect();
        for at in (1..places.len()).rev() {
            places.swap(at, usize::try_from(self.random.below(at as u64 + 1)).expect("few scopes"));
        }
        places.truncate(usize::try_from(1 + self.random.below(3)).expect("small"));
        places
    }

    fn agent(&mut self) -> AgentId {
        AgentId(Uuid::from_u128(u128::from(self.random.below(3))))
    }

    fn an_id(&mut self) -> EventId {
        if self.events.is_empty() || self.random.once_in(5) {
            return EventId(self.random.uuid());
        }
        self.random.pick(&self.events).header.event_id
    }

    fn candidates(&mut self, scope: Scope) -> Vec<Candidate> {
        let most = if self.random.once_in(4) { 300 } else { 6 };
        let count = usize::try_from(1 + self.random.below(most)).expect("small");
        let mut candidates = self.random.events(scope, count);
        if self.random.once_in(8) {
            candidates[0].header.event_id = self.an_id();
            candidates[0] = with_content_hash(candidates[0].clone(), scope);
        }
        self.events.extend(candidates.iter().take(3).cloned());
        candidates
    }

    fn part(&mut self, place: usize) -> Part {
        let scope = self.scopes[place];
        let mut candidates = self.candidates(scope);
        let mut changes = Vec::new();
        if scope.is_key_stream() {
            candidates.truncate(3);
            changes = candidates.iter().map(|_| key_change(&mut self.random)).collect();
        }
        Part { scope: place, candidates, changes }
    }

    fn filter(&mut self) -> EventFilter {
        if self.events.is_empty() || self.random.once_in(3) {
            return EventFilter::default();
        }
        let like = self.random.pick(&self.events).header.clone();
        let since = Micros(NOW.0 + i64::try_from(self.random.below(MOMENTS)).expect("small"));
        EventFilter {
            entity_type: self.random.once_in(3).then_some(like.entity_type),
            entity_id: self.random.once_in(3).then_some(like.entity_id),
            event_type: self.random.once_in(3).then(|| (*self.random.pick(&["order.*", "*d", "*", "a_*"])).to_owned()),
            agent: self.random.once_in(3).then_some(like.agent),
            correlation_id: self.random.once_in(5).then_some(like.correlation_id).flatten(),
            order_key: self.random.once_in(5).then_some(like.order_key).flatten(),
            since: self.random.once_in(5).then_some(since),
            until: self.random.once_in(5).then_some(Micros(since.0 + 100)),
        }
    }

    pub(super) fn step(&mut self) -> Step {
        let (scope, agent) = (self.place(), self.agent());
        let writer = usize::try_from(self.random.below(2)).expect("small");
        let (first, count) = (self.random.below(700), self.random.below(700));
        let owner = *self.random.pick(&OWNERS);
        match self.random.below(40) {
            0..8 => Step::Open { writer, scopes: self.places() },
            8..18 => {
                let places = self.places();
                let reload = !self.random.once_in(4);
                Step::Append { writer, parts: places.into_iter().map(|place| self.part(place)).collect(), reload }
            },
            18..27 => self.question(scope, agent),
            27..30 => {
                let (seed, events) = (self.random.number(), 1 + self.random.below(300));
                self.batches.push(batch_id(seed));
                Step::AddBatch { scope, seed, misplaced: u64::from(self.random.once_in(4)), events }
            },
            30 => Step::Advance { scope, agent, acknowledged: first },
            31 | 32 => Step::Lease { owner, for_micros: i64::try_from(self.random.below(30)).expect("small") },
            33 => Step::Log { blinding_key: self.random.bytes() },
            34..37 => Step::Publish { owner, misplaced: u64::from(self.random.once_in(4)) },
            37 => Step::Records { first: first / 10, count: count / 10 },
            38 => Step::SequencerKey { public_key: *self.random.pick(&self.sequencer_keys) },
            _ => Step::Reopen,
        }
    }

    fn question(&mut self, scope: usize, agent: AgentId) -> Step {
        let tenant = self.random.pick(&self.scopes).tenant;
        let (first, count) = (self.random.below(700), self.random.below(700));
        let limit = 1 + u32::try_from(self.random.below(50)).expect("small");
        match self.random.below(11) {
            0 => Step::Known { scope, ids: (0..=count % 9).map(|_| self.an_id()).collect() },
            1 => {
                let mut entities: Vec<EntityRef> = vec![("order0".to_owned(), "order1".to_owned())];
                entities.extend(
                    self.events
                        .iter()
                        .rev()
                        .take(4)
                        .map(|event| (event.header.entity_type.clone(), event.header.entity_id.clone())),
                );
                Step::Versions { scope, entities }
            },
            2 => Step::Keys { tenant, agent: self.random.maybe(|_| agent) },
            3 | 4 => {
                let filter = Box::new(self.filter());
                Step::Events { scope, from: 1 + first % 400, limit, filter, count: self.random.once_in(2) }
            },
            5 => {
                let mut stores: Vec<StoreId> = self.scopes.iter().map(|scope| scope.store).collect();
                stores.truncate(usize::try_from(self.random.below(3)).expect("small"));
                Step::Event { tenant, stores: self.random.maybe(|_| stores), id: self.an_id() }
            },
            6 => Step::Tree { scope, first, count },
            7 => Step::Batch { id: self.batches.last().copied().unwrap_or(BatchId::NIL) },
            8 => Step::Batches { scope, from: 1 + first, limit },
            9 => self.random.pick(&[Step::Due, Step::SequencerKeys]).clone(),
            _ => Step::Cursor { scope, agent },
        }
    }
}

fn key_change(random: &mut Random) -> KeyChange {
    let agent = AgentId(Uuid::from_u128(u128::from(random.below(3))));
    let key = KeyId(u32::try_from(random.below(40)).expect("small"));
    if random.once_in(3) {
        return KeyChange::Revoke { agent, key, revoked_at: Micros(random.number().cast_signed()) };
    }
    let public_key = random.public_key();
    let valid_from = random.maybe(|random| Micros(random.number().cast_signed()));
    let valid_to = random.maybe(|random| Micros(random.number().cast_signed()));
    KeyChange::Register { agent, key, public_key, valid_from, valid_to }
}

pub(super) fn batch_id(seed: u64) -> BatchId {
    BatchId(Random::new(seed).uuid())
}
