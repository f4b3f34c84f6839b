//! VES batches.

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{BatchId, Scope, Sequence};

use super::{PostgresStore, store_error};
use crate::batch::{Batch, BatchFrontier};
use crate::error::StoreError;
use crate::raw;
use crate::row::{Row as _, batch, stream_row};
use crate::stream::{StreamNo, StreamRow};

impl PostgresStore {
    pub(super) async fn find_batch_frontier(&self, stream: StreamNo) -> Result<BatchFrontier, StoreError> {
        let row = self.row(sqlx::query(include_str!("../../sql/postgres/batch_frontier.sql")).bind(stream.0)).await?;
        let Some(row) = row else { return Ok(BatchFrontier { end: 0, state_root: Hash::ZERO }) };
        Ok(BatchFrontier { end: row.count(0)?, state_root: row.hash(1)? })
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
            .map(|row| Ok((row.scope(10)?, batch(&row)?)))
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
        .map(|row| batch(&row))
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
        rows.iter().map(batch).collect()
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
