//! The verbs.

use futures_util::future::BoxFuture;
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::plan::EntityRef;

use crate::api_key::{ApiKey, ApiKeyQuery};
use crate::append::{Appended, StreamAppend};
use crate::batch::{Batch, BatchFrontier};
use crate::error::StoreError;
use crate::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
use crate::read::{EventPage, EventQuery, FoundEvent};
use crate::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
use crate::sizes::{Pool, Sizes};
use crate::stream::{OpenStream, StreamNo, StreamRow};

/// The answer of a store call, one boxed future per batch of work.
pub type Found<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What the sequencer needs of a database.
///
/// Promises that hold for every method: an answer to a write means it is durable (fsynced). A failed write with
/// [`StoreError::Conflict`] wrote nothing; with [`StoreError::Unavailable`] it may or may not have landed. Events of a
/// stream become visible in order: no reader ever sees place n + 1 before place n.
pub trait Store: Send + Sync + 'static {
    /// Opens streams for appending, creating those that do not exist together with their tenants' key streams. Heads come
    /// in the order asked. `now` dates the opening of new ones.
    fn open_streams<'a>(&'a self, scopes: &'a [Scope], now: Micros) -> Found<'a, Vec<OpenStream>>;

    /// The stream of `scope` as readers see it; `None` if nothing was ever appended or opened.
    fn stream(&self, scope: Scope) -> Found<'_, Option<StreamRow>>;

    /// The events among `ids` that the stream holds, in no particular order.
    fn known_events<'a>(&'a self, stream: StreamNo, ids: &'a [EventId]) -> Found<'a, Vec<KnownEvent>>;

    /// Number of events of each entity, in the order asked.
    fn entity_versions<'a>(&'a self, stream: StreamNo, entities: &'a [EntityRef]) -> Found<'a, Vec<u64>>;

    /// Keys of one agent of the tenant, or of all its agents, with the size of the tenant's key stream they are as of.
    fn agent_keys(&self, tenant: TenantId, agent: Option<AgentId>) -> Found<'_, (u64, Vec<AgentKey>)>;

    /// Commits appends in one transaction. A stream that moved is left alone and reported as [`Appended::Moved`] while the
    /// others commit. An event id that its stream already holds, or a key number that its agent already has, makes the whole
    /// call a [`StoreError::Conflict`]. A second revocation of a key changes nothing.
    fn append<'a>(&'a self, appends: &'a [StreamAppend<'a>]) -> Found<'a, Vec<Appended>>;

    /// One page of a stream.
    fn events<'a>(&'a self, query: &'a EventQuery) -> Found<'a, EventPage>;

    /// All events with this id in the tenant's stores (in `stores` only, if given). More than one store may hold the id.
    fn event<'a>(&'a self, tenant: TenantId, stores: Option<&'a [StoreId]>, id: EventId) -> Found<'a, Vec<FoundEvent>>;

    /// Raw leaves at the zero-based indices `first .. first + count` of a stream's tree, which must exist.
    fn leaves(&self, stream: StreamNo, first: u64, count: u64) -> Found<'_, Vec<Hash>>;

    /// Roots of the complete tiles `first .. first + count` of `level`, which must exist.
    fn tile_roots(&self, stream: StreamNo, level: u8, first: u64, count: u64) -> Found<'_, Vec<Hash>>;

    /// How far the stream's batches reach.
    fn batch_frontier(&self, stream: StreamNo) -> Found<'_, BatchFrontier>;

    /// Adds a batch that starts right behind the last one, on its state root and within the stream;
    /// [`StoreError::Conflict`] otherwise, and for a known batch id.
    fn add_batch<'a>(&'a self, batch: &'a Batch) -> Found<'a, ()>;

    /// A batch by id, with its stream.
    fn batch(&self, id: BatchId) -> Found<'_, Option<(Scope, Batch)>>;

    /// The batch that covers `sequence`, if it has been committed.
    fn batch_covering(&self, stream: StreamNo, sequence: Sequence) -> Found<'_, Option<Batch>>;

    /// Batches of a stream that end at or behind `from`, in order, at most `limit`. Their `chunk_roots` may be left empty.
    fn batches(&self, stream: StreamNo, from: Sequence, limit: u32) -> Found<'_, Vec<Batch>>;

    /// Streams of one tenant, or of all, at most `limit`, the ones opened last first.
    fn newest_streams(&self, tenant: Option<TenantId>, limit: u32) -> Found<'_, Vec<StreamRow>>;

    /// Streams with events behind their last batch, at most `limit`.
    fn streams_to_commit(&self, limit: u32) -> Found<'_, Vec<StreamRow>>;

    /// The acknowledged position of a puller and when it was set; `None` if it never acknowledged.
    fn cursor(&self, stream: StreamNo, agent: AgentId) -> Found<'_, Option<(u64, Micros)>>;

    /// Moves a puller's position forward; a lower or equal one is ignored. Returns the position afterwards.
    fn advance_cursor(
        &self,
        stream: StreamNo,
        agent: AgentId,
        acknowledged: u64,
        now: Micros,
    ) -> Found<'_, (u64, Micros)>;

    /// Takes or renews the right to publish for `owner` until `until`, which itself is outside; `None` while somebody else
    /// holds it at `now`, and before the log exists. An owner that renews late keeps its epoch if nobody came between.
    fn lease_publisher<'a>(&'a self, owner: &'a str, now: Micros, until: Micros) -> Found<'a, Option<PublisherLease>>;

    /// Where the head log stands; creates it, with `blinding_key`, if there is none.
    fn log_state(&self, blinding_key: [u8; 32]) -> Found<'_, LogState>;

    /// Heads and batches that have no record yet, at most `limit` of each.
    fn unpublished(&self, limit: u32) -> Found<'_, Unpublished>;

    /// Appends a round under `lease`; [`StoreError::Conflict`] if the epoch or the log moved. Time is not looked at: a late
    /// round of a publisher whom nobody replaced is a good round.
    fn publish<'a>(&'a self, lease: PublisherLease, round: &'a Round) -> Found<'a, ()>;

    /// Records `first .. first + count` of the head log, as far as they exist.
    fn log_records(&self, first: u64, count: u64) -> Found<'_, Vec<StoredRecord>>;

    /// The newest `HEAD` record of the stream.
    fn head_record(&self, stream: StreamNo) -> Found<'_, Option<StoredRecord>>;

    /// A complete tile of the head log.
    fn log_tile(&self, level: u8, index: u64) -> Found<'_, Option<LogTile>>;

    /// The newest checkpoint.
    fn checkpoint(&self) -> Found<'_, Option<Checkpoint>>;

    /// All sequencer keys ever used, by number.
    fn sequencer_keys(&self) -> Found<'_, Vec<(KeyId, PublicKeyBytes, Micros)>>;

    /// The number of the sequencer key `public_key`, from 1, giving it the next free one if it is new.
    fn register_sequencer_key(&self, public_key: PublicKeyBytes, now: Micros) -> Found<'_, KeyId>;

    /// Adds an API key; [`StoreError::Conflict`] if its prefix is taken, also by a key of another tenant.
    fn add_api_key<'a>(&'a self, key: &'a ApiKey) -> Found<'a, ()>;

    /// The API key with this prefix, whoever's it is and whether it is still accepted or not.
    fn api_key<'a>(&'a self, prefix: &'a str) -> Found<'a, Option<ApiKey>>;

    /// API keys of a tenant by prefix, revoked ones too.
    fn api_keys<'a>(&'a self, query: &'a ApiKeyQuery) -> Found<'a, Vec<ApiKey>>;

    /// Revokes an API key of the tenant, bound to `agent` if that is given, and answers it; `None` if there is none such. A
    /// second revocation changes nothing and answers the same.
    fn revoke_api_key<'a>(
        &'a self,
        tenant: TenantId,
        agent: Option<AgentId>,
        prefix: &'a str,
        now: Micros,
    ) -> Found<'a, Option<ApiKey>>;

    /// Adds `successor` and lets the key `prefix` of the same tenant end at `retire_at`, or earlier if it would anyway, in
    /// one transaction; [`StoreError::Conflict`] if at the successor's creation there is no such key that is accepted.
    fn rotate_api_key<'a>(&'a self, prefix: &'a str, retire_at: Micros, successor: &'a ApiKey) -> Found<'a, ()>;

    /// Everything the tenant has registered; empty if nothing.
    fn schemas(&self, tenant: TenantId) -> Found<'_, SchemaBook>;

    /// Adds a version; [`StoreError::Conflict`] if its number, or its version of the subject, is taken.
    fn add_schema<'a>(&'a self, tenant: TenantId, schema: &'a SchemaVersion) -> Found<'a, ()>;

    /// Sets the status of a schema; `false` if the tenant has none of this number.
    fn set_schema_status(&self, tenant: TenantId, number: u32, status: SchemaStatus) -> Found<'_, bool>;

    /// Sets what holds for one subject, or for all, instead of what was set before.
    fn set_schema_policy<'a>(&'a self, tenant: TenantId, policy: &'a SchemaPolicy) -> Found<'a, ()>;

    /// Answers if the database does, and its migrations are those of this program.
    fn ping(&self) -> Found<'_, ()>;

    /// How much there is, for the operator's instruments: of one moment, but not of one snapshot with anything else.
    fn sizes(&self) -> Found<'_, Sizes>;

    /// The connections as they are now; asks nobody.
    fn pool(&self) -> Pool {
        Pool::default()
    }
}
