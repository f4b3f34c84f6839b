//! Streams: opening them, their heads, and what their trees are made of.

use stateset_ledger::bytes::Hash;
use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::{EventId, Micros, Scope, TenantId};
use stateset_ledger::plan::EntityRef;
use stateset_ledger::tree::rfc6962;
use uuid::Uuid;

use super::{PostgresStore, store_error};
use crate::error::StoreError;
use crate::raw;
use crate::row::{Row as _, known_event, stream_row};
use crate::stream::{OpenStream, StreamNo, StreamRow};
use crate::tree_rows::{self, HeadRow, TILE};

impl PostgresStore {
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

    /// Inserted in one order by everybody, so that two processes opening the same streams cannot deadlock.
    async fn create_streams(&self, scopes: &[Scope], now: Micros) -> Result<(), StoreError> {
        let mut wanted: Vec<Scope> =
            scopes.iter().flat_map(|scope| [*scope, Scope::key_stream(scope.tenant)]).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let (tenants, stores) = columns(&wanted);
        sqlx::query(include_str!("../../sql/postgres/open_streams.sql"))
            .bind(tenants)
            .bind(stores)
            .bind(rfc6962::EMPTY_ROOT.0.to_vec())
            .bind(now.0)
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(())
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<HeadRow>, StoreError> {
        let (tenants, stores) = columns(scopes);
        let rows = sqlx::query(include_str!("../../sql/postgres/stream_heads.sql"))
            .bind(tenants)
            .bind(stores)
            .fetch_all(&self.pool)
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
        self.row(sqlx::query(include_str!("../../sql/postgres/stream.sql")).bind(scope.tenant.0).bind(scope.store.0))
            .await?
            .map(|row| stream_row(&row, 0))
            .transpose()
    }

    pub(super) async fn list_streams(
        &self,
        tenant: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<StreamRow>, StoreError> {
        let query = match tenant {
            Some(tenant) => sqlx::query(include_str!("../../sql/postgres/tenant_streams.sql")).bind(tenant.0),
            None => sqlx::query(include_str!("../../sql/postgres/newest_streams.sql")),
        };
        self.rows(query.bind(i64::from(limit))).await?.iter().map(|row| stream_row(row, 0)).collect()
    }

    pub(super) async fn find_known(&self, stream: StreamNo, ids: &[EventId]) -> Result<Vec<KnownEvent>, StoreError> {
        let rows = self
            .rows(
                sqlx::query(include_str!("../../sql/postgres/known_events.sql"))
                    .bind(stream.0)
                    .bind(ids.iter().map(|id| id.0).collect::<Vec<Uuid>>()),
            )
            .await?;
        rows.iter().map(known_event).collect()
    }

    pub(super) async fn count_entities(
        &self,
        stream: StreamNo,
        entities: &[EntityRef],
    ) -> Result<Vec<u64>, StoreError> {
        let counts: Vec<i64> = sqlx::query_scalar(include_str!("../../sql/postgres/entity_versions.sql"))
            .bind(stream.0)
            .bind(entities.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>())
            .bind(entities.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        counts.into_iter().map(raw::count).collect()
    }

    /// Leaves from complete tiles as far as they reach, then from the events themselves.
    pub(super) async fn find_leaves(&self, stream: StreamNo, first: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let end = first + count;
        let rows = self
            .rows(
                sqlx::query(include_str!("../../sql/postgres/tile_hashes.sql"))
                    .bind(stream.0)
                    .bind(raw::column(first / TILE))
                    .bind(raw::column((end - 1) / TILE)),
            )
            .await?;
        let mut leaves = tree_rows::leaves_of_tiles(&rows, first, end)?;
        let next = first + leaves.len() as u64;
        if next < end {
            let scope = self.scope_of(stream).await?;
            leaves.extend(self.tail_leaves(stream, scope, next, end - next).await?);
        }
        Ok(leaves)
    }

    async fn scope_of(&self, stream: StreamNo) -> Result<Scope, StoreError> {
        let row = self.row(sqlx::query(include_str!("../../sql/postgres/stream_scope.sql")).bind(stream.0)).await?;
        let row = row.ok_or_else(|| StoreError::corrupt("no such stream"))?;
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
        let rows = self
            .rows(
                sqlx::query(include_str!("../../sql/postgres/tail_leaves.sql"))
                    .bind(stream.0)
                    .bind(raw::column(first + 1))
                    .bind(raw::column(first + count)),
            )
            .await?;
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
        let query = sqlx::query(include_str!("../../sql/postgres/tile_roots.sql"))
            .bind(stream.0)
            .bind(i16::from(level))
            .bind(raw::column(first))
            .bind(raw::column(first + count - 1));
        let roots = self.rows(query).await?;
        tree_rows::tile_roots(&roots, count)
    }
}

fn columns(scopes: &[Scope]) -> (Vec<Uuid>, Vec<Uuid>) {
    (scopes.iter().map(|s| s.tenant.0).collect(), scopes.iter().map(|s| s.store.0).collect())
}
