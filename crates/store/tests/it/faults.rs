//! Lost requests and lost replies, at every verb.
//!
//! After [`StoreError::Unavailable`] nobody knows whether a write landed. The rule for callers is: forget what you believed,
//! load the facts again, decide again. [`Service`] follows it and nothing else. The tests show, for every verb and for both
//! kinds of loss, that it gets on and that the log then has neither a duplicate nor a gap.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stateset_ledger::agent_key::{AgentKey, KeyChange};
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::event::{Candidate, KnownEvent};
use stateset_ledger::head_log::Record;
use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::plan::EntityRef;
use stateset_store::api_key::{ApiKey, ApiKeyQuery};
use stateset_store::append::{Appended, StreamAppend};
use stateset_store::batch::{Batch, BatchFrontier};
use stateset_store::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
use stateset_store::read::{EventPage, EventQuery, FoundEvent};
use stateset_store::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
use stateset_store::sizes::Sizes;
use stateset_store::stream::{OpenStream, StreamNo, StreamRow};
use stateset_store::{Found, Store, StoreError};

use crate::memory::MemoryFactory;
use crate::postgres::PostgresFactory;
use crate::sqlite::SqliteFactory;
use crate::suite::Factory;
use crate::suite::api_keys::api_key;
use crate::suite::batches::batch;
use crate::suite::head_log::round;
use crate::suite::random::Random;
use crate::suite::writer::{NOW, Writer, all_events, known_by_id, sequence};

/// Which half of a call is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// The store never hears of it.
    Request,
    /// The store does it, and the caller never hears of that.
    Reply,
}

/// Which calls are lost.
#[derive(Debug)]
enum Losses {
    /// The call of this verb that comes after so many others of it.
    One { verb: &'static str, after: u32, loss: Loss },
    /// Any call, about one in so many.
    OneIn(u64, Random),
}

/// A store on the far side of a network that loses calls.
struct Lossy<S> {
    inner: Arc<S>,
    losses: Mutex<Losses>,
    lost: AtomicU32,
}

impl<S: Store> Lossy<S> {
    fn new(inner: &Arc<S>, losses: Losses) -> Self {
        Self { inner: Arc::clone(inner), losses: Mutex::new(losses), lost: AtomicU32::new(0) }
    }

    fn loss_of(&self, called: &str) -> Option<Loss> {
        match &mut *self.losses.lock().unwrap_or_else(PoisonError::into_inner) {
            Losses::One { verb, after, loss } if *verb == called => {
                let now = *after == 0;
                *after = after.wrapping_sub(1);
                now.then_some(*loss)
            },
            Losses::One { .. } => None,
            Losses::OneIn(often, random) => random.once_in(*often).then(|| *random.pick(&[Loss::Request, Loss::Reply])),
        }
    }

    /// A store's future does nothing before it is polled, so dropping it loses the request.
    fn pass<'a, T: Send + 'a>(&'a self, verb: &'static str, call: Found<'a, T>) -> Found<'a, T> {
        Box::pin(async move {
            let Some(loss) = self.loss_of(verb) else { return call.await };
            self.lost.fetch_add(1, Ordering::Relaxed);
            if loss == Loss::Reply {
                drop(call.await);
            }
            Err(StoreError::unavailable(format!("{verb}: lost {loss:?}")))
        })
    }
}

/// Implements the contract once, so that the list of verbs cannot miss one.
macro_rules! lossy_store {
    ($($verb:ident($($argument:ident: $type:ty),*) -> $found:ty;)+) => {
        const VERBS: &[&str] = &[$(stringify!($verb)),+];

        #[expect(clippy::elidable_lifetime_names, reason = "some verbs borrow their arguments, and all share one pattern")]
        impl<S: Store> Store for Lossy<S> {
            $(fn $verb<'a>(&'a self, $($argument: $type),*) -> Found<'a, $found> {
                self.pass(stringify!($verb), self.inner.$verb($($argument),*))
            })+
        }
    };
}

lossy_store! {
    open_streams(scopes: &'a [Scope], now: Micros) -> Vec<OpenStream>;
    stream(scope: Scope) -> Option<StreamRow>;
    known_events(stream: StreamNo, ids: &'a [EventId]) -> Vec<KnownEvent>;
    entity_versions(stream: StreamNo, entities: &'a [EntityRef]) -> Vec<u64>;
    agent_keys(tenant: TenantId, agent: Option<AgentId>) -> (u64, Vec<AgentKey>);
    append(appends: &'a [StreamAppend<'a>]) -> Vec<Appended>;
    events(query: &'a EventQuery) -> EventPage;
    event(tenant: TenantId, stores: Option<&'a [StoreId]>, id: EventId) -> Vec<FoundEvent>;
    leaves(stream: StreamNo, first: u64, count: u64) -> Vec<Hash>;
    tile_roots(stream: StreamNo, level: u8, first: u64, count: u64) -> Vec<Hash>;
    batch_frontier(stream: StreamNo) -> BatchFrontier;
    add_batch(batch: &'a Batch) -> ();
    batch(id: BatchId) -> Option<(Scope, Batch)>;
    batch_covering(stream: StreamNo, sequence: Sequence) -> Option<Batch>;
    batches(stream: StreamNo, from: Sequence, limit: u32) -> Vec<Batch>;
    newest_streams(tenant: Option<TenantId>, limit: u32) -> Vec<StreamRow>;
    streams_to_commit(limit: u32) -> Vec<StreamRow>;
    cursor(stream: StreamNo, agent: AgentId) -> Option<(u64, Micros)>;
    advance_cursor(stream: StreamNo, agent: AgentId, acknowledged: u64, now: Micros) -> (u64, Micros);
    lease_publisher(owner: &'a str, now: Micros, until: Micros) -> Option<PublisherLease>;
    log_state(blinding_key: [u8; 32]) -> LogState;
    unpublished(limit: u32) -> Unpublished;
    publish(lease: PublisherLease, round: &'a Round) -> ();
    log_records(first: u64, count: u64) -> Vec<StoredRecord>;
    head_record(stream: StreamNo) -> Option<StoredRecord>;
    log_tile(level: u8, index: u64) -> Option<LogTile>;
    checkpoint() -> Option<Checkpoint>;
    sequencer_keys() -> Vec<(KeyId, PublicKeyBytes, Micros)>;
    register_sequencer_key(public_key: PublicKeyBytes, now: Micros) -> KeyId;
    add_api_key(key: &'a ApiKey) -> ();
    api_key(prefix: &'a str) -> Option<ApiKey>;
    api_keys(query: &'a ApiKeyQuery) -> Vec<ApiKey>;
    revoke_api_key(tenant: TenantId, agent: Option<AgentId>, prefix: &'a str, now: Micros) -> Option<ApiKey>;
    rotate_api_key(prefix: &'a str, retire_at: Micros, successor: &'a ApiKey) -> ();
    schemas(tenant: TenantId) -> SchemaBook;
    add_schema(tenant: TenantId, schema: &'a SchemaVersion) -> ();
    set_schema_status(tenant: TenantId, number: u32, status: SchemaStatus) -> bool;
    set_schema_policy(tenant: TenantId, policy: &'a SchemaPolicy) -> ();
    ping() -> ();
    sizes() -> Sizes;
}

/// Far more than any loss needs; reaching it means that no progress is possible.
const MAX_ATTEMPTS: u32 = 40;

/// Calls until there is an answer: right for everything that may be done twice.
async fn again<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    for _ in 0..MAX_ATTEMPTS {
        match call().await {
            Ok(answer) => return answer,
            Err(StoreError::Unavailable(_)) => {},
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("no progress")
}

/// Whether a write happened for certain. If not, the caller loads the facts again.
fn landed<T>(answer: Result<T, StoreError>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(StoreError::Unavailable(_) | StoreError::Conflict) => None,
        Err(other) => panic!("{other:?}"),
    }
}

/// The service, one tenant's part of it. Everything it knows it reads from the store.
struct Service<'s, S> {
    store: &'s S,
    scope: Scope,
    agent: AgentId,
    sequencer_key: PublicKeyBytes,
    owner: String,
    /// The lease of the run before has lapsed by now.
    now: Micros,
    random: Random,
}

impl<S: Store> Service<'_, S> {
    async fn run(&mut self, candidates: &[Candidate], key_events: &[Candidate]) {
        again(async || self.store.ping().await).await;
        again(async || self.store.register_sequencer_key(self.sequencer_key, self.now).await).await;
        self.sequence(Scope::key_stream(self.scope.tenant), key_events).await;
        self.sequence(self.scope, candidates).await;
        assert!(again(async || self.store.sizes().await).await.streams > 0);
        self.commit().await;
        self.publish().await;
        self.read().await;
        self.api_keys().await;
        self.schemas().await;
    }

    /// Who does not know whether a schema was registered looks again, and finds it or registers it anew.
    async fn schemas(&mut self) {
        let (store, tenant) = (self.store, self.scope.tenant);
        let (number, version) = loop {
            let known = again(async || store.schemas(tenant).await).await.versions;
            let number = u32::try_from(known.len()).expect("few") + 1;
            let new = crate::suite::schemas::schema(number, "order.created", number);
            if landed(store.add_schema(tenant, &new).await).is_some() {
                break (number, new);
            }
        };
        assert!(again(async || store.set_schema_status(tenant, number, SchemaStatus::Disabled).await).await);
        let policy = SchemaPolicy { mode: Some("warn".to_owned()), ..SchemaPolicy::default() };
        again(async || store.set_schema_policy(tenant, &policy).await).await;
        let book = again(async || store.schemas(tenant).await).await;
        assert!(book.versions.contains(&SchemaVersion { status: SchemaStatus::Disabled, ..version }));
        assert_eq!(book.policies, [policy]);
    }

    /// Who does not know whether a key was made makes another one: nobody ever learns the first one's secret.
    async fn api_keys(&mut self) {
        let key = self.make_key(async |store, key| store.add_api_key(key).await).await;
        assert_eq!(again(async || self.store.api_key(&key.prefix).await).await.as_ref(), Some(&key));
        let retire_at = key.created_at;
        let next = loop {
            let next = api_key(&mut self.random, key.tenant);
            match self.store.rotate_api_key(&key.prefix, retire_at, &next).await {
                Ok(()) => break next,
                // Unknown, then known to have happened: the old key is over.
                Err(StoreError::Unavailable(_)) => {},
                Err(StoreError::Conflict) => {
                    break self.make_key(async |store, key| store.add_api_key(key).await).await;
                },
                Err(other) => panic!("{other:?}"),
            }
        };
        let ended = again(async || self.store.api_key(&key.prefix).await).await.expect("kept");
        assert!(!ended.is_live(retire_at) || ended.expires_at.is_none(), "{ended:?}");
        for _ in 0..2 {
            let now = self.now;
            let gone = again(async || self.store.revoke_api_key(key.tenant, None, &next.prefix, now).await).await;
            assert_eq!(gone.expect("there").revoked_at, Some(now));
        }
        let query = ApiKeyQuery { tenant: key.tenant, agent: None, after: String::new(), limit: 1_000 };
        let keys = again(async || self.store.api_keys(&query).await).await;
        assert!(keys.iter().any(|found| found.prefix == next.prefix && found.revoked_at.is_some()));
    }

    async fn make_key(&mut self, add: impl AsyncFn(&S, &ApiKey) -> Result<(), StoreError>) -> ApiKey {
        for _ in 0..MAX_ATTEMPTS {
            let key = api_key(&mut self.random, self.scope.tenant);
            if landed(add(self.store, &key).await).is_some() {
                return key;
            }
        }
        panic!("no progress")
    }

    /// Ends when every candidate is known, whoever made it so.
    async fn sequence(&self, scope: Scope, candidates: &[Candidate]) {
        let ids: Vec<EventId> = candidates.iter().map(|candidate| candidate.header.event_id).collect();
        for _ in 0..MAX_ATTEMPTS {
            let opened = again(async || self.store.open_streams(&[scope], NOW).await).await.remove(0);
            let writer = Writer { opened, now: self.now };
            let known = known_by_id(again(async || self.store.known_events(writer.stream(), &ids).await).await);
            let (key_stream_size, _) = again(async || self.store.agent_keys(scope.tenant, None).await).await;
            let plan = writer.plan_with(candidates, &known, &HashMap::new());
            if plan.entries.is_empty() {
                return;
            }
            let mut append = writer.append_of(&plan);
            if scope.is_key_stream() {
                append.key_changes = append.events.iter().map(|event| self.registration(event.sequence)).collect();
            } else {
                append.key_stream = append.key_stream.map(|(stream, _)| (stream, key_stream_size));
            }
            landed(self.store.append(&[append]).await);
        }
        panic!("no progress")
    }

    fn registration(&self, sequence: Sequence) -> (Sequence, KeyChange) {
        let key = KeyId(u32::try_from(sequence.get()).expect("few keys"));
        let (agent, public_key) = (self.agent, PublicKeyBytes::ZERO);
        (sequence, KeyChange::Register { agent, key, public_key, valid_from: None, valid_to: None })
    }

    async fn commit(&mut self) {
        for _ in 0..MAX_ATTEMPTS {
            let mut due = again(async || self.store.streams_to_commit(1_000).await).await;
            due.retain(|row| row.scope.tenant == self.scope.tenant);
            let Some(row) = due.first() else { return };
            let behind = again(async || self.store.batch_frontier(row.stream).await).await;
            landed(self.store.add_batch(&batch(&mut self.random, row.stream, behind, row.size)).await);
        }
        panic!("no progress")
    }

    async fn publish(&self) {
        for _ in 0..MAX_ATTEMPTS {
            let until = Micros(self.now.0 + 1);
            let lease = again(async || self.store.lease_publisher(&self.owner, self.now, until).await).await;
            let lease = lease.expect("nobody else publishes");
            let state = again(async || self.store.log_state([7; 32]).await).await;
            let unpublished = again(async || self.store.unpublished(1_000).await).await;
            if unpublished.heads.is_empty() && unpublished.batches.is_empty() {
                return;
            }
            landed(self.store.publish(lease, &round(&state.frontier, &unpublished)).await);
        }
        panic!("no progress")
    }

    async fn read(&self) {
        let row = again(async || self.store.stream(self.scope).await).await.expect("opened");
        let (stream, last) = (row.stream, sequence(row.size));
        let newest = again(async || self.store.newest_streams(Some(self.scope.tenant), 10).await).await;
        assert!(newest.iter().any(|other| other.stream == stream));
        let query = EventQuery { count: true, ..EventQuery::new(stream, last, 1) };
        let page = again(async || self.store.events(&query).await).await;
        let newest = &page.events[0].header;
        let entities = [(newest.entity_type.clone(), newest.entity_id.clone())];
        assert!(again(async || self.store.entity_versions(stream, &entities).await).await[0] > 0);
        let found = again(async || self.store.event(self.scope.tenant, None, newest.event_id).await).await;
        assert_eq!(found[0].event, page.events[0]);
        assert_eq!(again(async || self.store.leaves(stream, 0, row.size).await).await.len() as u64, row.size);
        let tiles = row.size / 256;
        assert_eq!(again(async || self.store.tile_roots(stream, 0, 0, tiles).await).await.len() as u64, tiles);
        let covering = again(async || self.store.batch_covering(stream, last).await).await.expect("committed");
        let by_id = again(async || self.store.batch(covering.batch).await).await;
        assert_eq!(by_id, Some((self.scope, covering)));
        assert!(!again(async || self.store.batches(stream, last, 10).await).await.is_empty());
        let position = again(async || self.store.advance_cursor(stream, self.agent, row.size, self.now).await).await;
        assert_eq!(again(async || self.store.cursor(stream, self.agent).await).await, Some(position));
        assert_eq!(position.0, row.size);
        let record = again(async || self.store.head_record(stream).await).await.expect("published");
        assert_eq!(again(async || self.store.log_records(record.index, 1).await).await, [record]);
        assert_eq!(again(async || self.store.log_tile(0, 0).await).await, None);
        assert!(again(async || self.store.checkpoint().await).await.is_some());
        let keys = again(async || self.store.sequencer_keys().await).await;
        assert_eq!(keys.iter().filter(|(_, key, _)| *key == self.sequencer_key).count(), 1);
    }
}

/// Runs the service twice on a lossy store, then looks at what is there without losses. Returns how many calls were lost.
async fn survive<S: Store>(store: &Arc<S>, number: u32, losses: Losses) -> u32 {
    let mut random = Random::new(9_000 + u64::from(number));
    let scope = random.scope();
    let key_scope = Scope::key_stream(scope.tenant);
    let lossy = Lossy::new(store, losses);
    let mut service = Service {
        store: &lossy,
        scope,
        agent: AgentId(random.uuid()),
        sequencer_key: random.public_key(),
        owner: format!("run {number}"),
        now: Micros(NOW.0 + i64::from(number) * 1_000),
        random: Random::new(number.into()),
    };
    let candidates = random.events(scope, 300);
    let key_events = random.events(key_scope, 2);
    for half in 0..2 {
        service.now.0 += 1;
        service.run(&candidates[150 * half..150 * (half + 1)], &key_events[half..=half]).await;
    }
    let agent = service.agent;
    drop(service);

    for (scope, candidates) in [(scope, &candidates), (key_scope, &key_events)] {
        let row = store.stream(scope).await.expect("answer").expect("opened");
        let events = all_events(&**store, row.stream).await;
        assert!(events.iter().map(|event| event.sequence.get()).eq(1..=candidates.len() as u64));
        assert!(events.iter().map(|event| &event.header).eq(candidates.iter().map(|candidate| &candidate.header)));
        assert_eq!(row.size, candidates.len() as u64);
        let batches = store.batches(row.stream, sequence(1), 100).await.expect("answer");
        let places: Vec<u64> = batches.iter().flat_map(|batch| batch.start.get()..=batch.end.get()).collect();
        assert!(places.into_iter().eq(1..=row.size));
        assert_published(&**store, &row, &batches).await;
    }
    let (size, keys) = store.agent_keys(scope.tenant, Some(agent)).await.expect("answer");
    assert_eq!((size, keys.len()), (2, 2));
    lossy.lost.into_inner()
}

/// Every batch and every head in the log once, heads linked to one another.
async fn assert_published(store: &impl Store, row: &StreamRow, batches: &[Batch]) {
    let records = store.log_records(0, 1 << 20).await.expect("answer");
    assert!(records.iter().map(|record| record.index).eq(0..records.len() as u64));
    let mut heads = Vec::new();
    let mut published = 0;
    let mut previous = 0;
    for stored in records.iter().filter(|stored| stored.stream == row.stream) {
        match Record::from_bytes(&stored.record).expect("a record") {
            Record::Head { size, previous_plus_one, .. } => {
                assert_eq!(previous_plus_one, previous);
                previous = stored.index + 1;
                heads.push(size);
            },
            Record::Batch { end, .. } => {
                let batch = batches.iter().find(|batch| batch.end.get() == end).expect("its batch");
                assert_eq!(batch.log_index, Some(stored.index));
                published += 1;
            },
            Record::Open { .. } => panic!("nobody published an opening"),
        }
    }
    assert!(heads.is_sorted_by(|before, after| before < after), "{heads:?}");
    assert_eq!(heads.last(), Some(&row.size));
    assert_eq!(published, batches.len());
}

/// One call of every verb is lost, the first or the second, its request or its reply.
async fn each_verb_once<F: Factory>() {
    let factory = F::create().await;
    let store = Arc::new(factory.open().await);
    store.log_state([7; 32]).await.expect("a log");
    let mut number = 0;
    for &verb in VERBS {
        for loss in [Loss::Request, Loss::Reply] {
            for after in 0..2 {
                number += 1;
                let lost = Box::pin(survive(&store, number, Losses::One { verb, after, loss })).await;
                assert_eq!(lost, 1, "{loss:?} of {verb} after {after} others");
            }
        }
    }
}

/// A third of all calls is lost.
async fn any_call<F: Factory>() {
    let factory = F::create().await;
    let store = Arc::new(factory.open().await);
    store.log_state([7; 32]).await.expect("a log");
    for number in 1..=8 {
        let lost = Box::pin(survive(&store, number, Losses::OneIn(3, Random::new(number.into())))).await;
        assert!(lost > 10, "only {lost} calls were lost with seed {number}");
    }
}

macro_rules! fault_tests {
    ($($backend:ident: $factory:ty;)+) => { $(
        mod $backend {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn each_verb_may_be_lost_once() {
                Box::pin(each_verb_once::<$factory>()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn any_call_may_be_lost() {
                Box::pin(any_call::<$factory>()).await;
            }
        }
    )+ };
}

fault_tests! {
    memory: MemoryFactory;
    sqlite: SqliteFactory;
    postgres: PostgresFactory;
}
