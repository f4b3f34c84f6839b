//! The head log: a round is one transaction, fenced by the lease's epoch.

use sqlx::PgConnection;
use stateset_ledger::id::Micros;
use stateset_ledger::tree::frontier::Frontier;

use super::{PostgresStore, store_error};
use crate::error::StoreError;
use crate::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
use crate::raw;
use crate::row::{Row as _, batch, checkpoint, record, stream_row};
use crate::stream::StreamNo;

impl PostgresStore {
    pub(super) async fn take_lease(
        &self,
        owner: &str,
        now: Micros,
        until: Micros,
    ) -> Result<Option<PublisherLease>, StoreError> {
        let epoch: Option<i64> = sqlx::query_scalar(include_str!("../../sql/postgres/lease_publisher.sql"))
            .bind(owner)
            .bind(now.0)
            .bind(until.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(epoch.map(|epoch| PublisherLease { epoch, until }))
    }

    pub(super) async fn read_log_state(&self, blinding_key: [u8; 32]) -> Result<LogState, StoreError> {
        sqlx::query(include_str!("../../sql/postgres/create_log.sql"))
            .bind(blinding_key.as_slice())
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        self.find_log_state().await?.ok_or_else(|| StoreError::corrupt("the log that was just created is not there"))
    }

    pub(super) async fn find_log_state(&self) -> Result<Option<LogState>, StoreError> {
        let row = sqlx::query(include_str!("../../sql/postgres/log_state.sql"))
            .fetch_optional(&self.pool)
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        let size = row.count(0)?;
        let frontier = row.bytes(1)?;
        let key = row.bytes(2)?;
        Ok(Some(LogState {
            frontier: Frontier::from_bytes(size, frontier).map_err(StoreError::corrupt)?,
            blinding_key: key.try_into().map_err(StoreError::corrupt)?,
            checkpoint: self.newest_checkpoint().await?,
        }))
    }

    pub(super) async fn find_unpublished(&self, limit: u32) -> Result<Unpublished, StoreError> {
        // Batches first: the heads of the later snapshot then cover them all.
        let batches = sqlx::query(include_str!("../../sql/postgres/unpublished_batches.sql"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        let heads = sqlx::query(include_str!("../../sql/postgres/unpublished_heads.sql"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(Unpublished {
            heads: heads
                .iter()
                .map(|row| Ok((stream_row(row, 0)?, row.opt_count(9)?)))
                .collect::<Result<_, StoreError>>()?,
            batches: batches
                .iter()
                .map(|row| Ok((stream_row(row, 10)?, batch(row)?)))
                .collect::<Result<_, StoreError>>()?,
        })
    }

    pub(super) async fn append_round(&self, lease: PublisherLease, round: &Round) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await.map_err(store_error)?;
        let advanced = sqlx::query(include_str!("../../sql/postgres/advance_log.sql"))
            .bind(lease.epoch)
            .bind(raw::column(round.expected_size))
            .bind(raw::column(round.frontier.size()))
            .bind(round.frontier.to_bytes())
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?;
        if advanced.rows_affected() != 1 {
            return Err(StoreError::Conflict);
        }
        write_records(&mut transaction, round).await.map_err(store_error)?;
        write_tiles(&mut transaction, round).await.map_err(store_error)?;
        transaction.commit().await.map_err(store_error)
    }

    pub(super) async fn find_log_records(&self, first: u64, count: u64) -> Result<Vec<StoredRecord>, StoreError> {
        let rows = sqlx::query(include_str!("../../sql/postgres/log_records.sql"))
            .bind(raw::column(first))
            .bind(raw::column(first + count))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        rows.iter().map(record).collect()
    }

    pub(super) async fn newest_head_record(&self, stream: StreamNo) -> Result<Option<StoredRecord>, StoreError> {
        self.row(sqlx::query(include_str!("../../sql/postgres/head_record.sql")).bind(stream.0))
            .await?
            .map(|row| record(&row))
            .transpose()
    }

    pub(super) async fn find_log_tile(&self, level: u8, index: u64) -> Result<Option<LogTile>, StoreError> {
        let hashes: Option<Vec<u8>> = sqlx::query_scalar(include_str!("../../sql/postgres/log_tile.sql"))
            .bind(i16::from(level))
            .bind(raw::column(index))
            .fetch_optional(&self.pool)
            .await
            .map_err(store_error)?;
        hashes.map(|hashes| Ok(LogTile { level, index, hashes: raw::hashes(&hashes)? })).transpose()
    }

    pub(super) async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        sqlx::query(include_str!("../../sql/postgres/checkpoint.sql"))
            .fetch_optional(&self.pool)
            .await
            .map_err(store_error)?
            .map(|row| checkpoint(&row, 0))
            .transpose()
    }
}

async fn write_records(connection: &mut PgConnection, round: &Round) -> Result<(), sqlx::Error> {
    let indices: Vec<i64> = (round.expected_size..).take(round.records.len()).map(raw::column).collect();
    let numbered = || round.records.iter().zip(indices.iter().copied());
    sqlx::query(include_str!("../../sql/postgres/add_log_records.sql"))
        .bind(&indices)
        .bind(round.records.iter().map(|r| r.stream.0).collect::<Vec<_>>())
        .bind(round.records.iter().map(|r| r.record.as_slice()).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    let heads: Vec<_> =
        numbered().filter_map(|(r, index)| Some((r.stream.0, raw::column(r.head_size?), index))).collect();
    sqlx::query(include_str!("../../sql/postgres/set_logged_heads.sql"))
        .bind(heads.iter().map(|head| head.0).collect::<Vec<_>>())
        .bind(heads.iter().map(|head| head.1).collect::<Vec<_>>())
        .bind(heads.iter().map(|head| head.2).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    let batches: Vec<_> = numbered().filter_map(|(r, index)| Some((r.batch?.0, index))).collect();
    if !batches.is_empty() {
        sqlx::query(include_str!("../../sql/postgres/set_batch_records.sql"))
            .bind(batches.iter().map(|batch| batch.0).collect::<Vec<_>>())
            .bind(batches.iter().map(|batch| batch.1).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn write_tiles(connection: &mut PgConnection, round: &Round) -> Result<(), sqlx::Error> {
    if !round.tiles.is_empty() {
        sqlx::query(include_str!("../../sql/postgres/add_log_tiles.sql"))
            .bind(round.tiles.iter().map(|tile| i16::from(tile.level)).collect::<Vec<_>>())
            .bind(round.tiles.iter().map(|tile| raw::column(tile.index)).collect::<Vec<_>>())
            .bind(round.tiles.iter().map(|tile| raw::hashes_column(&tile.hashes)).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(include_str!("../../sql/postgres/add_checkpoint.sql"))
        .bind(raw::column(round.checkpoint.size))
        .bind(round.checkpoint.note.as_str())
        .bind(round.at.0)
        .execute(connection)
        .await?;
    Ok(())
}
