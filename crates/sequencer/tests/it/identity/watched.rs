//! A store that counts the calls of its verbs, knows for which tenant each was, and lets a test stop one half-way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::plan::EntityRef;
use stateset_store::api_key::{ApiKey, ApiKeyQuery};
use stateset_store::append::{Appended, StreamAppend};
use stateset_store::batch::{Batch, BatchFrontier};
use stateset_store::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
use stateset_store::memory::MemoryStore;
use stateset_store::read::{EventPage, EventQuery, FoundEvent};
use stateset_store::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
use stateset_store::sizes::Sizes;
use stateset_store::stream::{OpenStream, StreamNo, StreamRow};
use stateset_store::{Found, Store, tenancy};
use tokio::sync::Semaphore;

/// Where a call waits between its answer and its caller.
pub(crate) struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
    /// Waits until the call has its answer.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.expect("never closed").forget();
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

#[derive(Default)]
pub(crate) struct Watched {
    inner: MemoryStore,
    calls: AtomicU64,
    made: Mutex<Vec<(&'static str, Option<TenantId>)>>,
    gate: Mutex<Option<(&'static str, Arc<Gate>)>>,
}

impl Watched {
    /// Calls since the last time it was asked.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.swap(0, Ordering::SeqCst)
    }

    /// The calls since the last time it was asked, with the tenant each was for.
    pub(crate) fn made(&self) -> Vec<(&'static str, Option<TenantId>)> {
        std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next call of `verb` stops before its caller has the answer.
    pub(crate) fn stop_next(&self, verb: &'static str) -> Arc<Gate> {
        let gate = Arc::new(Gate { reached: Semaphore::new(0), open: Semaphore::new(0) });
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some((verb, Arc::clone(&gate)));
        gate
    }

    fn pass<'a, T: Send + 'a>(&'a self, verb: &'static str, call: Found<'a, T>) -> Found<'a, T> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).push((verb, tenancy::tenant()));
            let answer = call.await;
            let gate = {
                let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
                gate.take_if(|(stopped, _)| *stopped == verb)
            };
            if let Some((_, gate)) = gate {
                gate.reached.add_permits(1);
                gate.open.acquire().await.expect("never closed").forget();
            }
            answer
        })
    }
}

macro_rules! watched_store {
    ($($verb:ident($($argument:ident: $type:ty),*) -> $found:ty;)+) => {
        #[expect(clippy::elidable_lifetime_names, reason = "some verbs borrow their arguments, and all share one pattern")]
        impl Store for Watched {
            $(fn $verb<'a>(&'a self, $($argument: $type),*) -> Found<'a, $found> {
                self.pass(stringify!($verb), self.inner.$verb($($argument),*))
            })+
        }
    };
}

watched_store! {
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
