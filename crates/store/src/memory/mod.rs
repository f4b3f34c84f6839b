//! In memory: the oracle the two databases are measured against, and a store for tests that need no disk.
//!
//! One lock around plain vectors and maps; every verb is what the contract says, in the fewest words. Nothing here is fast,
//! and nothing survives the process: "durable" means that every clone of the store sees it.

mod api_keys;
mod head_log;
mod schemas;
mod stream;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::plan::EntityRef;

use self::head_log::HeadLog;
use self::stream::Stream;
use crate::api_key::{ApiKey, ApiKeyQuery};
use crate::append::{Appended, StreamAppend};
use crate::batch::{Batch, BatchFrontier};
use crate::contract::{Found, Store};
use crate::error::StoreError;
use crate::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
use crate::read::{EventPage, EventQuery, FoundEvent};
use crate::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
use crate::sizes::Sizes;
use crate::stream::{OpenStream, StreamNo, StreamRow};

/// The store in memory. Clones share their contents, as connections to one database do.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

/// Stream number n is `streams[n - 1]`, sequencer key n is `sequencer_keys[n - 1]`.
#[derive(Debug, Default)]
struct State {
    streams: Vec<Stream>,
    agent_keys: BTreeMap<(TenantId, AgentId, KeyId), AgentKey>,
    sequencer_keys: Vec<(PublicKeyBytes, Micros)>,
    log: Option<HeadLog>,
    api_keys: BTreeMap<String, ApiKey>,
    schemas: BTreeMap<TenantId, SchemaBook>,
}

impl MemoryStore {
    /// A store without streams.
    pub fn new() -> Self {
        Self::default()
    }

    /// The whole of every verb runs under the lock, so every verb is atomic.
    fn run<'a, T, F>(&'a self, verb: F) -> Found<'a, T>
    where
        T: 'a,
        F: FnOnce(&mut State) -> Result<T, StoreError> + Send + 'a,
    {
        Box::pin(async move { verb(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)) })
    }
}

impl Store for MemoryStore {
    fn open_streams<'a>(&'a self, scopes: &'a [Scope], now: Micros) -> Found<'a, Vec<OpenStream>> {
        self.run(move |state| Ok(scopes.iter().map(|&scope| state.open(scope, now)).collect()))
    }

    fn stream(&self, scope: Scope) -> Found<'_, Option<StreamRow>> {
        self.run(move |state| Ok(state.find(scope).map(|stream| stream.row.clone())))
    }

    fn known_events<'a>(&'a self, stream: StreamNo, ids: &'a [EventId]) -> Found<'a, Vec<KnownEvent>> {
        self.run(move |state| Ok(state.get(stream)?.known(ids)))
    }

    fn entity_versions<'a>(&'a self, stream: StreamNo, entities: &'a [EntityRef]) -> Found<'a, Vec<u64>> {
        self.run(move |state| {
            let stream = state.get(stream)?;
            Ok(entities.iter().map(|entity| stream.entity_version(entity)).collect())
        })
    }

    fn agent_keys(&self, tenant: TenantId, agent: Option<AgentId>) -> Found<'_, (u64, Vec<AgentKey>)> {
        self.run(move |state| {
            let size = state.find(Scope::key_stream(tenant)).map_or(0, |stream| stream.row.size);
            let keys =
                state.agent_keys.iter().filter(|((of, who, _), _)| *of == tenant && agent.is_none_or(|a| a == *who));
            Ok((size, keys.map(|(_, key)| key.clone()).collect()))
        })
    }

    fn append<'a>(&'a self, appends: &'a [StreamAppend<'a>]) -> Found<'a, Vec<Appended>> {
        self.run(move |state| state.append(appends))
    }

    fn events<'a>(&'a self, query: &'a EventQuery) -> Found<'a, EventPage> {
        self.run(move |state| Ok(state.get(query.stream)?.page(query)))
    }

    fn event<'a>(&'a self, tenant: TenantId, stores: Option<&'a [StoreId]>, id: EventId) -> Found<'a, Vec<FoundEvent>> {
        self.run(move |state| {
            let visible = |scope: Scope| scope.tenant == tenant && stores.is_none_or(|s| s.contains(&scope.store));
            Ok(state.streams.iter().filter(|stream| visible(stream.row.scope)).filter_map(|s| s.event(id)).collect())
        })
    }

    fn leaves(&self, stream: StreamNo, first: u64, count: u64) -> Found<'_, Vec<Hash>> {
        self.run(move |state| state.get(stream)?.leaves(first, count))
    }

    fn tile_roots(&self, stream: StreamNo, level: u8, first: u64, count: u64) -> Found<'_, Vec<Hash>> {
        self.run(move |state| state.get(stream)?.tile_roots(level, first, count))
    }

    fn batch_frontier(&self, stream: StreamNo) -> Found<'_, BatchFrontier> {
        self.run(move |state| Ok(state.get(stream)?.batch_frontier()))
    }

    fn add_batch<'a>(&'a self, batch: &'a Batch) -> Found<'a, ()> {
        self.run(move |state| state.add_batch(batch))
    }

    fn batch(&self, id: BatchId) -> Found<'_, Option<(Scope, Batch)>> {
        self.run(move |state| Ok(state.batch(id)))
    }

    fn batch_covering(&self, stream: StreamNo, sequence: Sequence) -> Found<'_, Option<Batch>> {
        self.run(move |state| Ok(state.get(stream)?.batches.iter().find(|batch| batch.end >= sequence).cloned()))
    }

    fn batches(&self, stream: StreamNo, from: Sequence, limit: u32) -> Found<'_, Vec<Batch>> {
        self.run(move |state| {
            let behind = state.get(stream)?.batches.iter().filter(|batch| batch.end >= from);
            Ok(behind.take(limit as usize).cloned().collect())
        })
    }

    fn newest_streams(&self, tenant: Option<TenantId>, limit: u32) -> Found<'_, Vec<StreamRow>> {
        self.run(move |state| {
            let mut rows: Vec<StreamRow> = state.streams.iter().map(|stream| stream.row.clone()).collect();
            rows.retain(|row| tenant.is_none_or(|tenant| row.scope.tenant == tenant));
            rows.sort_by_key(|row| std::cmp::Reverse(row.stream));
            rows.truncate(limit as usize);
            Ok(rows)
        })
    }

    fn streams_to_commit(&self, limit: u32) -> Found<'_, Vec<StreamRow>> {
        self.run(move |state| {
            let open = state.streams.iter().filter(|stream| stream.row.size > stream.batch_frontier().end);
            Ok(open.take(limit as usize).map(|stream| stream.row.clone()).collect())
        })
    }

    fn cursor(&self, stream: StreamNo, agent: AgentId) -> Found<'_, Option<(u64, Micros)>> {
        self.run(move |state| Ok(state.get(stream)?.cursors.get(&agent).copied()))
    }

    fn advance_cursor(
        &self,
        stream: StreamNo,
        agent: AgentId,
        acknowledged: u64,
        now: Micros,
    ) -> Found<'_, (u64, Micros)> {
        self.run(move |state| {
            let cursor = state.get_mut(stream)?.cursors.entry(agent).or_insert((acknowledged, now));
            if acknowledged > cursor.0 {
                *cursor = (acknowledged, now);
            }
            Ok(*cursor)
        })
    }

    fn lease_publisher<'a>(&'a self, owner: &'a str, now: Micros, until: Micros) -> Found<'a, Option<PublisherLease>> {
        self.run(move |state| Ok(state.log.as_mut().and_then(|log| log.lease(owner, now, until))))
    }

    fn log_state(&self, blinding_key: [u8; 32]) -> Found<'_, LogState> {
        self.run(move |state| Ok(state.log.get_or_insert_with(|| HeadLog::new(blinding_key)).state.clone()))
    }

    fn unpublished(&self, limit: u32) -> Found<'_, Unpublished> {
        self.run(move |state| Ok(state.unpublished(limit as usize)))
    }

    fn publish<'a>(&'a self, lease: PublisherLease, round: &'a Round) -> Found<'a, ()> {
        self.run(move |state| state.publish(lease, round))
    }

    fn log_records(&self, first: u64, count: u64) -> Found<'_, Vec<StoredRecord>> {
        self.run(move |state| {
            let wanted = |record: &&StoredRecord| record.index >= first && record.index - first < count;
            Ok(state.log.iter().flat_map(|log| &log.records).filter(wanted).cloned().collect())
        })
    }

    fn head_record(&self, stream: StreamNo) -> Found<'_, Option<StoredRecord>> {
        self.run(move |state| {
            let newest = state.get(stream)?.logged.map(|(_, index)| index);
            Ok(state.log.iter().flat_map(|log| &log.records).find(|record| Some(record.index) == newest).cloned())
        })
    }

    fn log_tile(&self, level: u8, index: u64) -> Found<'_, Option<LogTile>> {
        self.run(move |state| {
            let wanted = |tile: &&LogTile| (tile.level, tile.index) == (level, index);
            Ok(state.log.iter().flat_map(|log| &log.tiles).find(wanted).cloned())
        })
    }

    fn checkpoint(&self) -> Found<'_, Option<Checkpoint>> {
        self.run(move |state| Ok(state.log.as_ref().and_then(|log| log.state.checkpoint.clone())))
    }

    fn sequencer_keys(&self) -> Found<'_, Vec<(KeyId, PublicKeyBytes, Micros)>> {
        self.run(move |state| {
            Ok((1..).map(KeyId).zip(&state.sequencer_keys).map(|(id, &(key, at))| (id, key, at)).collect())
        })
    }

    fn register_sequencer_key(&self, public_key: PublicKeyBytes, now: Micros) -> Found<'_, KeyId> {
        self.run(move |state| {
            let keys = &mut state.sequencer_keys;
            let place = keys.iter().position(|(key, _)| *key == public_key).unwrap_or_else(|| {
                keys.push((public_key, now));
                keys.len() - 1
            });
            u32::try_from(place + 1).map(KeyId).map_err(StoreError::corrupt)
        })
    }

    fn add_api_key<'a>(&'a self, key: &'a ApiKey) -> Found<'a, ()> {
        self.run(move |state| state.add_api_key(key))
    }

    fn api_key<'a>(&'a self, prefix: &'a str) -> Found<'a, Option<ApiKey>> {
        self.run(move |state| Ok(state.api_keys.get(prefix).cloned()))
    }

    fn api_keys<'a>(&'a self, query: &'a ApiKeyQuery) -> Found<'a, Vec<ApiKey>> {
        self.run(move |state| Ok(state.list_api_keys(query)))
    }

    fn revoke_api_key<'a>(
        &'a self,
        tenant: TenantId,
        agent: Option<AgentId>,
        prefix: &'a str,
        now: Micros,
    ) -> Found<'a, Option<ApiKey>> {
        self.run(move |state| Ok(state.revoke_api_key(tenant, agent, prefix, now)))
    }

    fn rotate_api_key<'a>(&'a self, prefix: &'a str, retire_at: Micros, successor: &'a ApiKey) -> Found<'a, ()> {
        self.run(move |state| state.rotate_api_key(prefix, retire_at, successor))
    }

    fn schemas(&self, tenant: TenantId) -> Found<'_, SchemaBook> {
        self.run(move |state| Ok(state.schemas.get(&tenant).cloned().unwrap_or_default()))
    }

    fn add_schema<'a>(&'a self, tenant: TenantId, schema: &'a SchemaVersion) -> Found<'a, ()> {
        self.run(move |state| state.add_schema(tenant, schema))
    }

    fn set_schema_status(&self, tenant: TenantId, number: u32, status: SchemaStatus) -> Found<'_, bool> {
        self.run(move |state| Ok(state.set_schema_status(tenant, number, status)))
    }

    fn set_schema_policy<'a>(&'a self, tenant: TenantId, policy: &'a SchemaPolicy) -> Found<'a, ()> {
        self.run(move |state| {
            state.set_schema_policy(tenant, policy);
            Ok(())
        })
    }

    fn ping(&self) -> Found<'_, ()> {
        self.run(|_| Ok(()))
    }

    fn sizes(&self) -> Found<'_, Sizes> {
        self.run(|state| {
            let events = state.streams.iter().map(|stream| stream.row.size).sum();
            Ok(Sizes { streams: state.streams.len() as u64, events, bytes: 0 })
        })
    }
}
