//! Streams: opening them, their heads, and what their trees are made of.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use stateset_ledger::bytes::Hash;
use stateset_ledger::event::{KnownEvent, leaf};
use stateset_ledger::id::{EventId, Micros, Scope, StoreId, TenantId};
use stateset_ledger::plan::EntityRef;
use stateset_ledger::stream::{StreamHead, TILE_WIDTH};
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::rfc6962;
use uuid::Uuid;

use super::{PostgresStore, store_error};
use crate::error::StoreError;
use crate::raw::{self, RawKnown, RawStream};
use crate::stream::{OpenStream, StreamNo, StreamRow};

const TILE: u64 = TILE_WIDTH as u64;

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
                .iter()
                .find(|head| head.scope == *scope)
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

    async fn with_tails(&self, row: &HeadRow) -> Result<OpenStream, StoreError> {
        let size = row.size;
        let mut tails = Vec::new();
        for level in 0..StreamHead::levels(size) {
            let width = StreamHead::tail_width(size, level) as u64;
            let above = u32::try_from(8 * level).map_err(StoreError::corrupt)?;
            let first = ((size >> above) / TILE) * TILE;
            tails.push(match level {
                0 => self.tail_leaves(row.stream, row.scope, first, width).await?,
                _ => {
                    self.roots(row.stream, u8::try_from(level - 1).map_err(StoreError::corrupt)?, first, width).await?
                },
            });
        }
        let frontier = Frontier::from_bytes(size, &row.frontier).map_err(StoreError::corrupt)?;
        let last_at = row.last_at.map_or(StreamHead::empty().last_at(), Micros);
        let head = StreamHead::from_parts(frontier, tails, last_at).map_err(StoreError::corrupt)?;
        let key_stream = (!row.scope.is_key_stream()).then_some(row.key_stream);
        Ok(OpenStream { stream: row.stream, scope: row.scope, head, key_stream })
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
        rows.iter().map(|row| known(row).map_err(store_error)?.into_known()).collect()
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
        let mut leaves = Vec::with_capacity(usize::try_from(count).map_err(StoreError::corrupt)?);
        let mut next = first;
        for row in &rows {
            let start = raw::count(row.try_get(0).map_err(store_error)?)? * TILE;
            let tile = raw::hashes(row.try_get::<&[u8], _>(1).map_err(store_error)?)?;
            if start > next || next >= end {
                break;
            }
            let skip = usize::try_from(next - start).map_err(StoreError::corrupt)?;
            let take = usize::try_from(end - next).map_err(StoreError::corrupt)?;
            leaves.extend(tile.into_iter().skip(skip).take(take));
            next = first + leaves.len() as u64;
        }
        if next < end {
            let scope = self.scope_of(stream).await?;
            leaves.extend(self.tail_leaves(stream, scope, next, end - next).await?);
        }
        Ok(leaves)
    }

    async fn scope_of(&self, stream: StreamNo) -> Result<Scope, StoreError> {
        let row = self.row(sqlx::query(include_str!("../../sql/postgres/stream_scope.sql")).bind(stream.0)).await?;
        let row = row.ok_or_else(|| StoreError::corrupt("no such stream"))?;
        scope(&row, 0).map_err(store_error)
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
        expect_count(rows.len(), count, "leaves")?;
        rows.iter()
            .map(|row| {
                let seal =
                    raw::seal(row.try_get(2).map_err(store_error)?, row.try_get::<&[u8], _>(3).map_err(store_error)?)?;
                let content_hash = raw::hash(row.try_get::<&[u8], _>(1).map_err(store_error)?)?;
                Ok(leaf(scope, raw::sequence(row.try_get(0).map_err(store_error)?)?, &content_hash, &seal))
            })
            .collect()
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
        expect_count(roots.len(), count, "tile roots")?;
        roots.iter().map(|row| raw::hash(row.try_get::<&[u8], _>(0).map_err(store_error)?)).collect()
    }
}

fn expect_count(found: usize, wanted: u64, what: &str) -> Result<(), StoreError> {
    if found as u64 == wanted {
        Ok(())
    } else {
        Err(StoreError::corrupt(format!("{wanted} {what} were expected in the database, {found} are there")))
    }
}

struct HeadRow {
    stream: StreamNo,
    scope: Scope,
    size: u64,
    frontier: Vec<u8>,
    last_at: Option<i64>,
    key_stream: (StreamNo, u64),
}

impl HeadRow {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        let read = || {
            Ok::<_, sqlx::Error>((
                row.try_get(0)?,
                scope(row, 1)?,
                row.try_get(3)?,
                row.try_get(4)?,
                row.try_get(5)?,
                row.try_get(6)?,
                row.try_get(7)?,
            ))
        };
        let (stream, scope, size, frontier, last_at, key_stream, key_size) = read().map_err(store_error)?;
        Ok(Self {
            stream: StreamNo(stream),
            scope,
            size: raw::count(size)?,
            frontier,
            last_at,
            key_stream: (StreamNo(key_stream), raw::count(key_size)?),
        })
    }
}

fn columns(scopes: &[Scope]) -> (Vec<Uuid>, Vec<Uuid>) {
    (scopes.iter().map(|s| s.tenant.0).collect(), scopes.iter().map(|s| s.store.0).collect())
}

/// Tenant and store from two adjacent columns.
pub(super) fn scope(row: &PgRow, at: usize) -> Result<Scope, sqlx::Error> {
    Ok(Scope::new(TenantId(row.try_get(at)?), StoreId(row.try_get(at + 1)?)))
}

/// A stream row from the nine columns that start at `at`.
pub(super) fn stream_row(row: &PgRow, at: usize) -> Result<StreamRow, StoreError> {
    let read = || -> Result<RawStream, sqlx::Error> {
        Ok(RawStream {
            stream_no: row.try_get(at)?,
            scope: scope(row, at + 1)?,
            size: row.try_get(at + 3)?,
            root: row.try_get(at + 4)?,
            last_at: row.try_get(at + 5)?,
            head_key_id: row.try_get(at + 6)?,
            head_signature: row.try_get(at + 7)?,
            opened_at: row.try_get(at + 8)?,
        })
    };
    read().map_err(store_error)?.into_row()
}

fn known(row: &PgRow) -> Result<RawKnown, sqlx::Error> {
    Ok(RawKnown {
        event_id: row.try_get(0)?,
        seq: row.try_get(1)?,
        sequenced_at: row.try_get(2)?,
        content_hash: row.try_get(3)?,
        agent_key_id: row.try_get(4)?,
        seal: row.try_get(5)?,
        command_id: row.try_get(6)?,
        base_version: row.try_get(7)?,
        receipt_key_id: row.try_get(8)?,
        receipt_signature: row.try_get(9)?,
    })
}
