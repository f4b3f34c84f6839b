//! The head log: a round is one transaction, fenced by the lease's epoch.

use sqlx::sqlite::SqliteConnection;
use stateset_ledger::id::Micros;
use stateset_ledger::tree::frontier::Frontier;

use super::rows::Rows;
use super::{SqliteStore, store_error};
use crate::error::StoreError;
use crate::head_log::{Checkpoint, LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};
use crate::raw;
use crate::row::{Row as _, batch, checkpoint, record, stream_row};
use crate::stream::StreamNo;

const ADD_RECORDS: Rows = Rows(include_str!("../../sql/sqlite/add_log_records.sql"));
const ADD_TILES: Rows = Rows(include_str!("../../sql/sqlite/add_log_tiles.sql"));
const SET_HEADS: Rows = Rows(include_str!("../../sql/sqlite/set_logged_heads.sql"));
const SET_BATCH_RECORDS: Rows = Rows(include_str!("../../sql/sqlite/set_batch_records.sql"));

impl SqliteStore {
    pub(super) async fn take_lease(
        &self,
        owner: &str,
        now: Micros,
        until: Micros,
    ) -> Result<Option<PublisherLease>, StoreError> {
        let mut turn = self.writer.begin().await?;
        let outcome = sqlx::query_scalar(include_str!("../../sql/sqlite/lease_publisher.sql"))
            .bind(owner)
            .bind(now.0)
            .bind(until.0)
            .fetch_optional(&mut turn.connection)
            .await
            .map_err(store_error);
        let epoch: Option<i64> = turn.end(outcome).await?;
        Ok(epoch.map(|epoch| PublisherLease { epoch, until }))
    }

    pub(super) async fn read_log_state(&self, blinding_key: [u8; 32]) -> Result<LogState, StoreError> {
        if let Some(state) = self.find_log_state().await? {
            return Ok(state);
        }
        let mut turn = self.writer.begin().await?;
        let outcome = sqlx::query(include_str!("../../sql/sqlite/create_log.sql"))
            .bind(blinding_key.as_slice())
            .execute(&mut turn.connection)
            .await
            .map_err(store_error);
        turn.end(outcome).await?;
        self.find_log_state().await?.ok_or_else(|| StoreError::corrupt("the log that was just created is not there"))
    }

    pub(super) async fn find_log_state(&self) -> Result<Option<LogState>, StoreError> {
        let row = sqlx::query(include_str!("../../sql/sqlite/log_state.sql"))
            .fetch_optional(&self.readers)
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        let size = row.count(0)?;
        let frontier = row.bytes(1)?;
        let key = row.bytes(2)?;
        let published = row.opt_int(3)?;
        Ok(Some(LogState {
            frontier: Frontier::from_bytes(size, frontier).map_err(StoreError::corrupt)?,
            blinding_key: key.try_into().map_err(StoreError::corrupt)?,
            checkpoint: published.map(|_| checkpoint(&row, 3)).transpose()?,
        }))
    }

    pub(super) async fn find_unpublished(&self, limit: u32) -> Result<Unpublished, StoreError> {
        // One snapshot for both, so that no batch reaches beyond what the heads show.
        let mut snapshot = self.readers.begin().await.map_err(store_error)?;
        let heads = sqlx::query(include_str!("../../sql/sqlite/unpublished_heads.sql"))
            .bind(i64::from(limit))
            .fetch_all(&mut *snapshot)
            .await
            .map_err(store_error)?;
        let batches = sqlx::query(include_str!("../../sql/sqlite/unpublished_batches.sql"))
            .bind(i64::from(limit))
            .fetch_all(&mut *snapshot)
            .await
            .map_err(store_error)?;
        snapshot.commit().await.map_err(store_error)?;
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
        let mut turn = self.writer.begin().await?;
        let outcome = write_round(&mut turn.connection, lease, round).await;
        turn.end(outcome).await
    }

    pub(super) async fn find_log_records(&self, first: u64, count: u64) -> Result<Vec<StoredRecord>, StoreError> {
        let rows = sqlx::query(include_str!("../../sql/sqlite/log_records.sql"))
            .bind(raw::column(first))
            .bind(raw::column(first + count))
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        rows.iter().map(record).collect()
    }

    pub(super) async fn newest_head_record(&self, stream: StreamNo) -> Result<Option<StoredRecord>, StoreError> {
        sqlx::query(include_str!("../../sql/sqlite/head_record.sql"))
            .bind(stream.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(store_error)?
            .map(|row| record(&row))
            .transpose()
    }

    pub(super) async fn find_log_tile(&self, level: u8, index: u64) -> Result<Option<LogTile>, StoreError> {
        let hashes: Option<Vec<u8>> = sqlx::query_scalar(include_str!("../../sql/sqlite/log_tile.sql"))
            .bind(i64::from(level))
            .bind(raw::column(index))
            .fetch_optional(&self.readers)
            .await
            .map_err(store_error)?;
        hashes.map(|hashes| Ok(LogTile { level, index, hashes: raw::hashes(&hashes)? })).transpose()
    }

    pub(super) async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        sqlx::query(include_str!("../../sql/sqlite/checkpoint.sql"))
            .fetch_optional(&self.readers)
            .await
            .map_err(store_error)?
            .map(|row| checkpoint(&row, 0))
            .transpose()
    }
}

async fn write_round(
    connection: &mut SqliteConnection,
    lease: PublisherLease,
    round: &Round,
) -> Result<(), StoreError> {
    let advanced = sqlx::query(include_str!("../../sql/sqlite/advance_log.sql"))
        .bind(lease.epoch)
        .bind(raw::column(round.expected_size))
        .bind(raw::column(round.frontier.size()))
        .bind(round.frontier.to_bytes())
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    if advanced.rows_affected() != 1 {
        return Err(StoreError::Conflict);
    }
    write_records(connection, round).await.map_err(store_error)?;
    write_tiles(connection, round).await.map_err(store_error)
}

async fn write_records(connection: &mut SqliteConnection, round: &Round) -> Result<(), sqlx::Error> {
    let records: Vec<_> = (round.expected_size..).map(raw::column).zip(&round.records).collect();
    ADD_RECORDS
        .run(connection, &records, |&(index, new), row| {
            row.push(index).push(new.stream.0).push(new.record.as_slice());
        })
        .await?;
    let heads: Vec<_> = records.iter().filter_map(|&(index, new)| Some((new.stream, new.head_size?, index))).collect();
    SET_HEADS
        .run(connection, &heads, |&(stream, size, index), row| {
            row.push(stream.0).push(raw::column(size)).push(index);
        })
        .await?;
    let batches: Vec<_> = records.iter().filter_map(|&(index, new)| Some((new.batch?, index))).collect();
    SET_BATCH_RECORDS
        .run(connection, &batches, |&(batch, index), row| {
            row.push(batch.0).push(index);
        })
        .await?;
    Ok(())
}

async fn write_tiles(connection: &mut SqliteConnection, round: &Round) -> Result<(), sqlx::Error> {
    ADD_TILES
        .run(connection, &round.tiles, |tile, row| {
            row.push(i64::from(tile.level)).push(raw::column(tile.index)).push(raw::hashes_column(&tile.hashes));
        })
        .await?;
    sqlx::query(include_str!("../../sql/sqlite/add_checkpoint.sql"))
        .bind(raw::column(round.checkpoint.size))
        .bind(round.checkpoint.note.as_str())
        .bind(round.at.0)
        .execute(connection)
        .await?;
    Ok(())
}
