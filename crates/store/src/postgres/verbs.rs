//! [`Store`] for PostgreSQL: each verb is one method of the module that knows its tables.

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::plan::EntityRef;

use super::PostgresStore;
use crate::api_key::{ApiKey, ApiKeyQuery};
use crate::append::{Appended, StreamAppend};
use crate::batch::{Batch, BatchFrontier};
use crate::contract::{Found, Store};
use crate::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
use crate::read::{EventPage, EventQuery, FoundEvent};
use crate::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
use crate::sizes::{Pool, Sizes};
use crate::stream::{OpenStream, StreamNo, StreamRow};

impl Store for PostgresStore {
    fn open_streams<'a>(&'a self, scopes: &'a [Scope], now: Micros) -> Found<'a, Vec<OpenStream>> {
        Box::pin(self.open_all(scopes, now))
    }

    fn stream(&self, scope: Scope) -> Found<'_, Option<StreamRow>> {
        Box::pin(self.find_stream(scope))
    }

    fn known_events<'a>(&'a self, stream: StreamNo, ids: &'a [EventId]) -> Found<'a, Vec<KnownEvent>> {
        Box::pin(self.find_known(stream, ids))
    }

    fn entity_versions<'a>(&'a self, stream: StreamNo, entities: &'a [EntityRef]) -> Found<'a, Vec<u64>> {
        Box::pin(self.count_entities(stream, entities))
    }

    fn agent_keys(&self, tenant: TenantId, agent: Option<AgentId>) -> Found<'_, (u64, Vec<AgentKey>)> {
        Box::pin(self.find_agent_keys(tenant, agent))
    }

    fn append<'a>(&'a self, appends: &'a [StreamAppend<'a>]) -> Found<'a, Vec<Appended>> {
        Box::pin(self.append_all(appends))
    }

    fn events<'a>(&'a self, query: &'a EventQuery) -> Found<'a, EventPage> {
        Box::pin(self.page(query))
    }

    fn event<'a>(&'a self, tenant: TenantId, stores: Option<&'a [StoreId]>, id: EventId) -> Found<'a, Vec<FoundEvent>> {
        Box::pin(self.find_event(tenant, stores, id))
    }

    fn leaves(&self, stream: StreamNo, first: u64, count: u64) -> Found<'_, Vec<Hash>> {
        Box::pin(self.find_leaves(stream, first, count))
    }

    fn tile_roots(&self, stream: StreamNo, level: u8, first: u64, count: u64) -> Found<'_, Vec<Hash>> {
        Box::pin(self.roots(stream, level, first, count))
    }

    fn batch_frontier(&self, stream: StreamNo) -> Found<'_, BatchFrontier> {
        Box::pin(self.find_batch_frontier(stream))
    }

    fn add_batch<'a>(&'a self, batch: &'a Batch) -> Found<'a, ()> {
        Box::pin(self.insert_batch(batch))
    }

    fn batch(&self, id: BatchId) -> Found<'_, Option<(Scope, Batch)>> {
        Box::pin(self.find_batch(id))
    }

    fn batch_covering(&self, stream: StreamNo, sequence: Sequence) -> Found<'_, Option<Batch>> {
        Box::pin(self.find_batch_covering(stream, sequence))
    }

    fn batches(&self, stream: StreamNo, from: Sequence, limit: u32) -> Found<'_, Vec<Batch>> {
        Box::pin(self.list_batches(stream, from, limit))
    }

    fn newest_streams(&self, tenant: Option<TenantId>, limit: u32) -> Found<'_, Vec<StreamRow>> {
        Box::pin(self.list_streams(tenant, limit))
    }

    fn streams_to_commit(&self, limit: u32) -> Found<'_, Vec<StreamRow>> {
        Box::pin(self.find_streams_to_commit(limit))
    }

    fn cursor(&self, stream: StreamNo, agent: AgentId) -> Found<'_, Option<(u64, Micros)>> {
        Box::pin(self.find_cursor(stream, agent))
    }

    fn advance_cursor(
        &self,
        stream: StreamNo,
        agent: AgentId,
        acknowledged: u64,
        now: Micros,
    ) -> Found<'_, (u64, Micros)> {
        Box::pin(self.move_cursor(stream, agent, acknowledged, now))
    }

    fn lease_publisher<'a>(&'a self, owner: &'a str, now: Micros, until: Micros) -> Found<'a, Option<PublisherLease>> {
        Box::pin(self.take_lease(owner, now, until))
    }

    fn log_state(&self, blinding_key: [u8; 32]) -> Found<'_, LogState> {
        Box::pin(self.read_log_state(blinding_key))
    }

    fn unpublished(&self, limit: u32) -> Found<'_, Unpublished> {
        Box::pin(self.find_unpublished(limit))
    }

    fn publish<'a>(&'a self, lease: PublisherLease, round: &'a Round) -> Found<'a, ()> {
        Box::pin(self.append_round(lease, round))
    }

    fn log_records(&self, first: u64, count: u64) -> Found<'_, Vec<StoredRecord>> {
        Box::pin(self.find_log_records(first, count))
    }

    fn head_record(&self, stream: StreamNo) -> Found<'_, Option<StoredRecord>> {
        Box::pin(self.newest_head_record(stream))
    }

    fn log_tile(&self, level: u8, index: u64) -> Found<'_, Option<LogTile>> {
        Box::pin(self.find_log_tile(level, index))
    }

    fn checkpoint(&self) -> Found<'_, Option<Checkpoint>> {
        Box::pin(self.newest_checkpoint())
    }

    fn sequencer_keys(&self) -> Found<'_, Vec<(KeyId, PublicKeyBytes, Micros)>> {
        Box::pin(self.all_sequencer_keys())
    }

    fn register_sequencer_key(&self, public_key: PublicKeyBytes, now: Micros) -> Found<'_, KeyId> {
        Box::pin(self.number_sequencer_key(public_key, now))
    }

    fn add_api_key<'a>(&'a self, key: &'a ApiKey) -> Found<'a, ()> {
        Box::pin(self.insert_api_key(key))
    }

    fn api_key<'a>(&'a self, prefix: &'a str) -> Found<'a, Option<ApiKey>> {
        Box::pin(self.find_api_key(prefix))
    }

    fn api_keys<'a>(&'a self, query: &'a ApiKeyQuery) -> Found<'a, Vec<ApiKey>> {
        Box::pin(self.list_api_keys(query))
    }

    fn revoke_api_key<'a>(
        &'a self,
        tenant: TenantId,
        agent: Option<AgentId>,
        prefix: &'a str,
        now: Micros,
    ) -> Found<'a, Option<ApiKey>> {
        Box::pin(self.end_api_key(tenant, agent, prefix, now))
    }

    fn rotate_api_key<'a>(&'a self, prefix: &'a str, retire_at: Micros, successor: &'a ApiKey) -> Found<'a, ()> {
        Box::pin(self.replace_api_key(prefix, retire_at, successor))
    }

    fn schemas(&self, tenant: TenantId) -> Found<'_, SchemaBook> {
        Box::pin(self.read_schemas(tenant))
    }

    fn add_schema<'a>(&'a self, tenant: TenantId, schema: &'a SchemaVersion) -> Found<'a, ()> {
        Box::pin(self.insert_schema(tenant, schema))
    }

    fn set_schema_status(&self, tenant: TenantId, number: u32, status: SchemaStatus) -> Found<'_, bool> {
        Box::pin(self.change_schema_status(tenant, number, status))
    }

    fn set_schema_policy<'a>(&'a self, tenant: TenantId, policy: &'a SchemaPolicy) -> Found<'a, ()> {
        Box::pin(self.change_schema_policy(tenant, policy))
    }

    fn ping(&self) -> Found<'_, ()> {
        Box::pin(self.check_schema())
    }

    fn sizes(&self) -> Found<'_, Sizes> {
        Box::pin(self.measure())
    }

    fn pool(&self) -> Pool {
        self.pool_state()
    }
}
