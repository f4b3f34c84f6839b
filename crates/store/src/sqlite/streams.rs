//! Streams: opening them, their heads, and what their trees are made of.

use stateset_ledger::bytes::Hash;
use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::{EventId, Micros, Scope, TenantId};
use stateset_ledger::plan::EntityRef;
use stateset_ledger::tree::rfc6962;

use super::rows::Rows;
use super::{SqliteStore, store_error};
use crate::error::StoreError;
use crate::raw;
use crate::row::{Row as _, known_event, stream_row};
use crate::stream::{OpenStream, StreamNo, StreamRow};
use crate::tree_rows::{self, HeadRow, TILE};

const OPEN_STREAMS: Rows = Rows(include_str!("../../sql/sqlite/open_streams.sql"));
const STREAM_HEADS: Rows = Rows(include_str!("../../sql/sqlite/stream_heads.sql"));
const KNOWN_EVENTS: Rows = Rows(include_str!("../../sql/sqlite/known_events.sql"));
const ENTITY_VERSIONS: Rows = Rows(include_str!("../../sql/sqlite/entity_versions.sql"));

impl SqliteStore {
    pub(super) async fn open_all(&self, scopes: &[Scope], now: Micros) -> Result<Vec<OpenStream>, StoreError> {
        let mut heads = self.heads(scopes).await?;
        if heads.len() < scopes.len() {
            self.create_streams(scopes, now).await?;
            heads = self.heads(scopes).await?;
        }
        let mut opened = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let head = heads
                .extract_if(.., |head| head.scope == *scope)
                .next()
                .ok_or_else(|| StoreError::corrupt("a stream that was just opened is not there"))?;
            opened.push(self.with_tails(head).await?);
        }
        Ok(opened)
    }

    async fn create_streams(&self, scopes: &[Scope], now: Micros) -> Result<(), StoreError> {
        let mut wanted: Vec<Scope> =
            scopes.iter().flat_map(|scope| [*scope, Scope::key_stream(scope.tenant)]).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut turn = self.writer.begin().await?;
        let outcome = OPEN_STREAMS
            .run(&mut turn.connection, &wanted, |scope, row| {
                row.push(scope.tenant.0).push(scope.store.0).push(rfc6962::EMPTY_ROOT.0.as_slice()).push(now.0);
            })
            .await
            .map_err(store_error);
        turn.end(outcome).await?;
        Ok(())
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<HeadRow>, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(store_error)?;
        let rows = STREAM_HEADS
            .run(&mut connection, scopes, |scope, row| {
                row.push(scope.tenant.0).push(scope.store.0);
            })
            .await
            .map_err(store_error)?;
        rows.iter().map(HeadRow::read).collect()
    }

    async fn with_tails(&self, row: HeadRow) -> Result<OpenStream, StoreError> {
        let mut tails = Vec::new();
        for tail in row.tails() {
            tails.push(match tail.below {
                None => self.tail_leaves(row.stream, row.scope, tail.first, tail.width).await?,
                Some(level) => self.roots(row.stream, level, tail.first, tail.width).await?,
            });
        }
        row.open(tails)
    }

    pub(super) async fn find_stream(&self, scope: Scope) -> Result<Option<StreamRow>, StoreError> {
        sqlx::query(include_str!("../../sql/sqlite/stream.sql"))
            .bind(scope.tenant.0)
            .bind(scope.store.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(store_error)?
            .map(|row| stream_row(&row, 0))
            .transpose()
    }

    pub(super) async fn list_streams(
        &self,
        tenant: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<StreamRow>, StoreError> {
        let query = match tenant {
            Some(tenant) => sqlx::query(include_str!("../../sql/sqlite/tenant_streams.sql")).bind(tenant.0),
            None => sqlx::query(include_str!("../../sql/sqlite/newest_streams.sql")),
        };
        let rows = query.bind(i64::from(limit)).fetch_all(&self.readers).await.map_err(store_error)?;
        rows.iter().map(|row| stream_row(row, 0)).collect()
    }

    pub(super) async fn find_known(&self, stream: StreamNo, ids: &[EventId]) -> Result<Vec<KnownEvent>, StoreError> {
        let mut wanted = ids.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut connection = self.readers.acquire().await.map_err(store_error)?;
        let rows = KNOWN_EVENTS
            .run(&mut connection, &wanted, |id, row| {
                row.push(stream.0).push(id.0);
            })
            .await
            .map_err(store_error)?;
        rows.iter().map(known_event).collect()
    }

    pub(super) async fn count_entities(
        &self,
        stream: StreamNo,
        entities: &[EntityRef],
    ) -> Result<Vec<u64>, StoreError> {
        let places: Vec<_> = (0_i64..).zip(entities).collect();
        let mut connection = self.readers.acquire().await.map_err(store_error)?;
        let rows = ENTITY_VERSIONS
            .run(&mut connection, &places, |&(place, (kind, id)), row| {
                row.push(place).push(stream.0).push(kind.as_str()).push(id.as_str());
            })
            .await
            .map_err(store_error)?;
        rows.iter().map(|row| row.count(0)).collect()
    }

    /// Leaves from complete tiles as far as they reach, then from the events themselves.
    pub(super) async fn find_leaves(&self, stream: StreamNo, first: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let end = first + count;
        let rows = sqlx::query(include_str!("../../sql/sqlite/tile_hashes.sql"))
            .bind(stream.0)
            .bind(raw::column(first / TILE))
            .bind(raw::column((end - 1) / TILE))
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        let mut leaves = tree_rows::leaves_of_tiles(&rows, first, end)?;
        let next = first + leaves.len() as u64;
        if next < end {
            let scope = self.scope_of(stream).await?;
            leaves.extend(self.tail_leaves(stream, scope, next, end - next).await?);
        }
        Ok(leaves)
    }

    async fn scope_of(&self, stream: StreamNo) -> Result<Scope, StoreError> {
        let row = sqlx::query(include_str!("../../sql/sqlite/stream_scope.sql"))
            .bind(stream.0)
            .fetch_one(&self.readers)
            .await
            .map_err(store_error)?;
        row.scope(0)
    }

    /// Leaves of the events behind the last complete tile.
    async fn tail_leaves(
        &self,
        stream: StreamNo,
        scope: Scope,
        first: u64,
        count: u64,
    ) -> Result<Vec<Hash>, StoreError> {
        let rows = sqlx::query(include_str!("../../sql/sqlite/tail_leaves.sql"))
            .bind(stream.0)
            .bind(raw::column(first + 1))
            .bind(raw::column(first + count))
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        tree_rows::tail_leaves(&rows, scope, count)
    }

    pub(super) async fn roots(
        &self,
        stream: StreamNo,
        level: u8,
        first: u64,
        count: u64,
    ) -> Result<Vec<Hash>, StoreError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let roots = sqlx::query(include_str!("../../sql/sqlite/tile_roots.sql"))
            .bind(stream.0)
            .bind(i64::from(level))
            .bind(raw::column(first))
            .bind(raw::column(first + count - 1))
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        tree_rows::tile_roots(&roots, count)
    }
}
