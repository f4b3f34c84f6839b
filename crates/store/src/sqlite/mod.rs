//! SQLite: one file, one process that writes.
//!
//! All writes take turns on one connection, each in one `BEGIN IMMEDIATE` transaction that is synced to disk before the
//! answer; readers have connections of their own and never wait. Every call of the driver is a trip to another thread, so
//! statements take many rows at once (`rows`). No path holds two connections.
//!
//! `ANALYZE` is never run: without statistics, plans depend on the schema and the statement alone, so a plan that a test
//! has seen is the plan of every database.

mod api_keys;
mod append;
mod batches;
mod connect;
mod head_log;
mod keys;
mod maintenance;
mod migrate;
mod read;
mod rows;
mod schemas;
mod sizes;
mod streams;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use uuid::Uuid;

use self::connect::Writer;
use crate::error::StoreError;
use crate::row::{Row as _, row_of_engine};
use crate::verbs::{implement_maintenance, implement_store};

/// The store in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    checkpointer: Writer,
}

/// Sorts a driver error by what the caller should do about it.
fn store_error(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|fault| fault.code()?.parse::<u32>().ok());
    match code {
        // SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE
        Some(1555 | 2067) => StoreError::Conflict,
        // The low byte is the primary code: busy, locked, out of memory, read-only, interrupted, input or output failed,
        // full, cannot open, locking protocol.
        Some(code) if matches!(code & 0xff, 5..=10 | 13..=15) => StoreError::unavailable(error),
        Some(_) => StoreError::corrupt(error),
        None if is_decoding(&error) => StoreError::corrupt(error),
        None => StoreError::unavailable(error),
    }
}

/// Whether the database answered, but with something else than was asked for.
fn is_decoding(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
    )
}

implement_store!(SqliteStore);
implement_maintenance!($, SqliteStore, "sqlite", readers, i64);
row_of_engine!(SqliteRow, store_error, i64, i64, ids);

/// Ids, one behind the other in one column.
fn ids(row: &SqliteRow, at: usize) -> Result<Vec<Uuid>, StoreError> {
    let (ids, rest) = row.bytes(at)?.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(StoreError::corrupt("a column of ids is not a multiple of 16 bytes long"));
    }
    Ok(ids.iter().map(|id| Uuid::from_bytes(*id)).collect())
}
