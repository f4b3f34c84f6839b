//! The operator's verbs.

use sqlx::Row as _;
use stateset_ledger::id::{AgentId, Micros, Sequence, TenantId};
use stateset_ledger::stream::StreamTile;
use uuid::Uuid;

use super::streams::stream_row;
use super::{PostgresStore, store_error};
use crate::append::PayloadSegment;
use crate::contract::Found;
use crate::error::StoreError;
use crate::head_log::{Checkpoint, LogState};
use crate::maintenance::{EngineFacts, KeyUse, LoggedHead, Maintenance, RawHead};
use crate::raw;
use crate::stream::StreamNo;

type Row = sqlx::postgres::PgRow;

/// Runs one of this folder's statements and reads its rows.
macro_rules! rows {
    ($self:ident, $file:literal, [$($value:expr),*], $read:expr) => {
        Box::pin(async move {
            let rows = sqlx::query(include_str!(concat!("../../sql/postgres/", $file, ".sql")))
                $(.bind($value))*
                .fetch_all(&$self.pool)
                .await
                .map_err(store_error)?;
            rows.iter().map($read).collect::<Result<Vec<_>, StoreError>>()
        })
    };
}

impl Maintenance for PostgresStore {
    fn own_migrations(&self) -> Vec<i64> {
        super::migrate::own()
    }

    fn applied_migrations(&self) -> Found<'_, Vec<i64>> {
        Box::pin(self.list_applied())
    }

    fn engine_facts(&self) -> Found<'_, EngineFacts> {
        Box::pin(async move {
            let row = sqlx::query(include_str!("../../sql/postgres/engine_facts.sql"))
                .fetch_one(&self.pool)
                .await
                .map_err(store_error)?;
            Ok(EngineFacts {
                version: row.try_get(0).map_err(store_error)?,
                now: Micros(row.try_get(1).map_err(store_error)?),
                durability: row.try_get(2).map_err(store_error)?,
            })
        })
    }

    fn all_streams(&self, after: StreamNo, limit: u32) -> Found<'_, Vec<RawHead>> {
        rows!(self, "all_streams", [after.0, i64::from(limit)], |row| {
            Ok(RawHead { row: stream_row(row, 0)?, frontier: row.try_get(9).map_err(store_error)? })
        })
    }

    fn segments(&self, stream: StreamNo, from: Sequence, limit: u32) -> Found<'_, Vec<PayloadSegment>> {
        rows!(self, "stream_segments", [stream.0, raw::column(from.get()), i64::from(limit)], segment)
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
        rows!(self, "segment_keys", [], |row: &Row| {
            Ok(KeyUse {
                tenant: TenantId(row.try_get(0).map_err(store_error)?),
                key_id: key_id(row, 1)?,
                segments: raw::count(row.try_get(2).map_err(store_error)?)?,
                events: raw::count(row.try_get(3).map_err(store_error)?)?,
            })
        })
    }

    fn tiles(&self, stream: StreamNo, level: u8, from: u64, limit: u32) -> Found<'_, Vec<StreamTile>> {
        rows!(self, "stream_tiles", [stream.0, i16::from(level), raw::column(from), i64::from(limit)], |row: &Row| {
            let level: i16 = row.try_get(0).map_err(store_error)?;
            Ok(StreamTile {
                level: u8::try_from(level).map_err(StoreError::corrupt)?,
                index: raw::count(row.try_get(1).map_err(store_error)?)?,
                root: raw::hash(row.try_get::<&[u8], _>(2).map_err(store_error)?)?,
                hashes: raw::hashes(row.try_get::<&[u8], _>(3).map_err(store_error)?)?,
            })
        })
    }

    fn cursors(&self, stream: StreamNo) -> Found<'_, Vec<(AgentId, u64)>> {
        rows!(self, "stream_cursors", [stream.0], |row: &Row| {
            let agent: Uuid = row.try_get(0).map_err(store_error)?;
            Ok((AgentId(agent), raw::count(row.try_get(1).map_err(store_error)?)?))
        })
    }

    fn head_log(&self) -> Found<'_, Option<LogState>> {
        Box::pin(self.find_log_state())
    }

    fn checkpoints(&self, after: u64, limit: u32) -> Found<'_, Vec<Checkpoint>> {
        rows!(self, "all_checkpoints", [raw::column(after), i64::from(limit)], |row: &Row| {
            let size = raw::count(row.try_get(0).map_err(store_error)?)?;
            Ok(Checkpoint { size, note: row.try_get(1).map_err(store_error)? })
        })
    }

    fn logged_heads(&self, after: StreamNo, limit: u32) -> Found<'_, Vec<LoggedHead>> {
        rows!(self, "all_logged_heads", [after.0, i64::from(limit)], |row: &Row| {
            Ok(LoggedHead {
                stream: StreamNo(row.try_get(0).map_err(store_error)?),
                size: raw::count(row.try_get(1).map_err(store_error)?)?,
                log_index: raw::count(row.try_get(2).map_err(store_error)?)?,
            })
        })
    }

    fn strays(&self) -> Found<'_, Vec<(String, u64)>> {
        Box::pin(async move {
            let all: Vec<(String, u64)> = self.list_strays().await?;
            Ok(all.into_iter().filter(|(_, rows)| *rows > 0).collect())
        })
    }
}

impl PostgresStore {
    async fn list_strays(&self) -> Result<Vec<(String, u64)>, StoreError> {
        rows!(self, "strays", [], |row: &Row| {
            Ok((row.try_get(0).map_err(store_error)?, raw::count(row.try_get(1).map_err(store_error)?)?))
        })
        .await
    }

    async fn exchange_segment(
        &self,
        stream: StreamNo,
        old: &PayloadSegment,
        new: &PayloadSegment,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(include_str!("../../sql/postgres/replace_segment.sql"))
            .bind(new.key_id.as_ref().map(<[u8; 8]>::as_slice))
            .bind(new.sealed.as_slice())
            .bind(stream.0)
            .bind(raw::column(old.first.get()))
            .bind(raw::column(old.last.get()))
            .bind(old.sealed.as_slice())
            .bind(old.key_id.as_ref().map(<[u8; 8]>::as_slice))
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(done.rows_affected() == 1)
    }
}

fn segment(row: &Row) -> Result<PayloadSegment, StoreError> {
    Ok(PayloadSegment {
        first: raw::sequence(row.try_get(0).map_err(store_error)?)?,
        last: raw::sequence(row.try_get(1).map_err(store_error)?)?,
        key_id: key_id(row, 2)?,
        sealed: row.try_get(3).map_err(store_error)?,
    })
}

fn key_id(row: &Row, at: usize) -> Result<Option<[u8; 8]>, StoreError> {
    let key: Option<&[u8]> = row.try_get(at).map_err(store_error)?;
    key.map(|key| key.try_into().map_err(StoreError::corrupt)).transpose()
}
