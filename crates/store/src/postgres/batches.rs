//! VES batches.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{BatchId, Micros, Scope, Sequence};

use super::streams::{scope, stream_row};
use super::{PostgresStore, store_error};
use crate::batch::{Batch, BatchFrontier};
use crate::error::StoreError;
use crate::raw;
use crate::stream::{StreamNo, StreamRow};

impl PostgresStore {
    pub(super) async fn find_batch_frontier(&self, stream: StreamNo) -> Result<BatchFrontier, StoreError> {
        let row = self.row(sqlx::query(include_str!("../../sql/postgres/batch_frontier.sql")).bind(stream.0)).await?;
        let Some(row) = row else { return Ok(BatchFrontier { end: 0, state_root: Hash::ZERO }) };
        Ok(BatchFrontier {
            end: raw::count(row.try_get(0).map_err(store_error)?)?,
            state_root: raw::hash(row.try_get::<&[u8], _>(1).map_err(store_error)?)?,
        })
    }

    pub(super) async fn insert_batch(&self, batch: &Batch) -> Result<(), StoreError> {
        let added = sqlx::query(include_str!("../../sql/postgres/add_batch.sql"))
            .bind(batch.batch.0)
            .bind(batch.stream.0)
            .bind(raw::column(batch.start.get()))
            .bind(raw::column(batch.end.get()))
            .bind(batch.merkle_root.0.as_slice())
            .bind(batch.previous_state_root.0.as_slice())
            .bind(batch.state_root.0.as_slice())
            .bind(raw::hashes_column(&batch.chunk_roots))
            .bind(batch.committed_at.0)
            .bind(Hash::ZERO.0.to_vec())
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        if added.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    pub(super) async fn find_batch(&self, id: BatchId) -> Result<Option<(Scope, Batch)>, StoreError> {
        self.row(sqlx::query(include_str!("../../sql/postgres/batch.sql")).bind(id.0))
            .await?
            .map(|row| Ok((scope(&row, 10).map_err(store_error)?, batch_row(&row)?)))
            .transpose()
    }

    pub(super) async fn find_batch_covering(
        &self,
        stream: StreamNo,
        sequence: Sequence,
    ) -> Result<Option<Batch>, StoreError> {
        self.row(
            sqlx::query(include_str!("../../sql/postgres/batch_covering.sql"))
                .bind(stream.0)
                .bind(raw::column(sequence.get())),
        )
        .await?
        .map(|row| batch_row(&row))
        .transpose()
    }

    pub(super) async fn list_batches(
        &self,
        stream: StreamNo,
        from: Sequence,
        limit: u32,
    ) -> Result<Vec<Batch>, StoreError> {
        let rows = self
            .rows(
                sqlx::query(include_str!("../../sql/postgres/batches.sql"))
                    .bind(stream.0)
                    .bind(raw::column(from.get()))
                    .bind(i64::from(limit)),
            )
            .await?;
        rows.iter().map(batch_row).collect()
    }

    pub(super) async fn find_streams_to_commit(&self, limit: u32) -> Result<Vec<StreamRow>, StoreError> {
        let rows = sqlx::query(include_str!("../../sql/postgres/streams_to_commit.sql"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        rows.iter().map(|row| stream_row(row, 0)).collect()
    }
}

/// A batch from the first ten columns.
pub(super) fn batch_row(row: &PgRow) -> Result<Batch, StoreError> {
    let column = |at: usize| row.try_get::<i64, _>(at).map_err(store_error);
    let hash = |at: usize| raw::hash(row.try_get::<&[u8], _>(at).map_err(store_error)?);
    Ok(Batch {
        batch: BatchId(row.try_get(0).map_err(store_error)?),
        stream: StreamNo(column(1)?),
        start: raw::sequence(column(2)?)?,
        end: raw::sequence(column(3)?)?,
        merkle_root: hash(4)?,
        previous_state_root: hash(5)?,
        state_root: hash(6)?,
        chunk_roots: raw::hashes(row.try_get::<&[u8], _>(7).map_err(store_error)?)?,
        committed_at: Micros(column(8)?),
        log_index: row.try_get::<Option<i64>, _>(9).map_err(store_error)?.map(raw::count).transpose()?,
    })
}
