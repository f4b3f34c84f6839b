//! PostgreSQL: several server processes may share one database.
//!
//! An append is one statement (`append.sql`), so it costs one round trip and one fsync and needs no explicit transaction. It
//! runs on a connection of its own, whose planner is told to keep to the one plan that never degrades. Everything else
//! goes through a pool. No path holds two connections.

mod api_keys;
mod append;
mod batches;
mod connect;
mod head_log;
mod keys;
mod maintenance;
mod migrate;
mod read;
mod reader;
mod schemas;
mod sizes;
mod streams;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{PgPool, Row as _};
use tokio::sync::{Mutex, OnceCell};

pub use self::reader::Isolation;

use crate::error::StoreError;
use crate::row::row_of_engine;
use crate::verbs::{implement_maintenance, implement_store};

/// The store on PostgreSQL 15 or newer.
pub struct PostgresStore {
    pool: PgPool,
    appender: Mutex<Option<sqlx::PgConnection>>,
    options: PgConnectOptions,
    isolation: OnceCell<Isolation>,
}

/// Sorts a driver error by what the caller should do about it.
fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(fault) => {
            let code = fault.code().unwrap_or_default();
            match code.get(..2).unwrap_or_default() {
                "23" => StoreError::Conflict,
                // connection, serialization and deadlock, resources, operator intervention, system; 25006 is a standby
                "08" | "40" | "53" | "57" | "58" | "25" => StoreError::unavailable(error),
                _ => StoreError::corrupt(error),
            }
        },
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. } => StoreError::corrupt(error),
        _ => StoreError::unavailable(error),
    }
}

implement_store!(PostgresStore);
implement_maintenance!($, PostgresStore, "postgres", pool, i16);
row_of_engine!(PgRow, store_error, i16, i32, |row: &PgRow, at: usize| row.try_get(at).map_err(store_error));
