//! [`Store`](crate::Store) and [`Maintenance`](crate::maintenance::Maintenance) for both engines: each verb is one method of
//! the engine's module that knows its tables.

/// Implements `Store` for the store of an engine.
macro_rules! implement_store {
    ($store:ty) => {
        const _: () = {
            use stateset_ledger::agent_key::AgentKey;
            use stateset_ledger::bytes::{Hash, PublicKeyBytes};
            use stateset_ledger::event::KnownEvent;
            use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
            use stateset_ledger::plan::EntityRef;
            use $crate::api_key::{ApiKey, ApiKeyQuery};
            use $crate::append::{Appended, StreamAppend};
            use $crate::batch::{Batch, BatchFrontier};
            use $crate::contract::{Found, Store};
            use $crate::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
            use $crate::read::{EventPage, EventQuery, FoundEvent};
            use $crate::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
            use $crate::sizes::{Pool, Sizes};
            use $crate::stream::{OpenStream, StreamNo, StreamRow};

            impl Store for $store {
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

                fn event<'a>(
                    &'a self,
                    tenant: TenantId,
                    stores: Option<&'a [StoreId]>,
                    id: EventId,
                ) -> Found<'a, Vec<FoundEvent>> {
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

                fn lease_publisher<'a>(
                    &'a self,
                    owner: &'a str,
                    now: Micros,
                    until: Micros,
                ) -> Found<'a, Option<PublisherLease>> {
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

                fn rotate_api_key<'a>(
                    &'a self,
                    prefix: &'a str,
                    retire_at: Micros,
                    successor: &'a ApiKey,
                ) -> Found<'a, ()> {
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
        };
    };
}
pub(crate) use implement_store;

/// Implements `Maintenance` for the store of an engine, whose statements are in `$folder`, whose connections for reading are
/// in `$readers`, and which writes a tile's level as `$small`.
macro_rules! implement_maintenance {
    ($d:tt, $store:ty, $folder:literal, $readers:ident, $small:ty) => {
        const _: () = {
            use sqlx::Error;
            use stateset_ledger::id::{AgentId, Sequence};
            use stateset_ledger::stream::StreamTile;

            use $crate::append::PayloadSegment;
            use $crate::contract::Found;
            use $crate::error::StoreError;
            use $crate::head_log::{Checkpoint, LogState};
            use $crate::maintenance::{EngineFacts, KeyUse, LoggedHead, Maintenance, RawHead};
            use $crate::raw::column;
            use $crate::row::{self, Row as _};
            use $crate::stream::StreamNo;

            /// Runs one of the engine's statements and reads its rows.
            macro_rules! rows {
                ($self:ident, $file:literal, [$d($value:expr),*], $read:expr) => {
                    Box::pin(async move {
                        let sql = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $folder, "/", $file, ".sql"));
                        let rows = sqlx::query(sql)$d(.bind($value))*.fetch_all(&$self.$readers).await.map_err(store_error)?;
                        rows.iter().map($read).collect::<Result<Vec<_>, StoreError>>()
                    })
                };
            }

            impl Maintenance for $store {
                fn own_migrations(&self) -> Vec<i64> {
                    migrate::own()
                }

                fn applied_migrations(&self) -> Found<'_, Vec<i64>> {
                    Box::pin(self.list_applied())
                }

                fn engine_facts(&self) -> Found<'_, EngineFacts> {
                    Box::pin(async move {
                        let facts: Result<Vec<EngineFacts>, StoreError> = rows!(self, "engine_facts", [], row::engine_facts).await;
                        facts?.pop().ok_or_else(|| store_error(Error::RowNotFound))
                    })
                }

                fn all_streams(&self, after: StreamNo, limit: u32) -> Found<'_, Vec<RawHead>> {
                    rows!(self, "all_streams", [after.0, i64::from(limit)], |row| {
                        Ok(RawHead { row: row::stream_row(row, 0)?, frontier: row.bytes(9)?.to_vec() })
                    })
                }

                fn segments(&self, stream: StreamNo, from: Sequence, limit: u32) -> Found<'_, Vec<PayloadSegment>> {
                    rows!(self, "stream_segments", [stream.0, column(from.get()), i64::from(limit)], |row| row::segment(row, 0))
                }

                fn replace_segment<'a>(
                    &'a self,
                    stream: StreamNo,
                    old: &'a PayloadSegment,
                    new: &'a PayloadSegment,
                ) -> Found<'a, bool> {
                    Box::pin(self.exchange_segment(stream, old, new))
                }

                fn key_uses(&self) -> Found<'_, Vec<KeyUse>> {
                    rows!(self, "segment_keys", [], row::key_use)
                }

                fn tiles(&self, stream: StreamNo, level: u8, from: u64, limit: u32) -> Found<'_, Vec<StreamTile>> {
                    rows!(
                        self,
                        "stream_tiles",
                        [stream.0, <$small>::from(level), column(from), i64::from(limit)],
                        row::stream_tile
                    )
                }

                fn cursors(&self, stream: StreamNo) -> Found<'_, Vec<(AgentId, u64)>> {
                    rows!(self, "stream_cursors", [stream.0], |row| Ok((AgentId(row.id(0)?), row.count(1)?)))
                }

                fn head_log(&self) -> Found<'_, Option<LogState>> {
                    Box::pin(self.find_log_state())
                }

                fn checkpoints(&self, after: u64, limit: u32) -> Found<'_, Vec<Checkpoint>> {
                    rows!(self, "all_checkpoints", [column(after), i64::from(limit)], |row| row::checkpoint(row, 0))
                }

                fn logged_heads(&self, after: StreamNo, limit: u32) -> Found<'_, Vec<LoggedHead>> {
                    rows!(self, "all_logged_heads", [after.0, i64::from(limit)], row::logged_head)
                }

                fn strays(&self) -> Found<'_, Vec<(String, u64)>> {
                    Box::pin(async move {
                        let all: Result<Vec<(String, u64)>, StoreError> =
                            rows!(self, "strays", [], |row| Ok((row.text(0)?, row.count(1)?))).await;
                        Ok(all?.into_iter().filter(|(_, rows)| *rows > 0).collect())
                    })
                }
            }
        };
    };
}
pub(crate) use implement_maintenance;
