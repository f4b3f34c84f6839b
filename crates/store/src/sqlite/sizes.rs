//! Sizes, for the operator's instruments.

use sqlx::Row as _;

use super::{SqliteStore, store_error};
use crate::error::StoreError;
use crate::raw;
use crate::sizes::{Pool, Sizes};

impl SqliteStore {
    pub(super) async fn measure(&self) -> Result<Sizes, StoreError> {
        let row = sqlx::query(include_str!("../../sql/sqlite/sizes.sql"))
            .fetch_one(&self.readers)
            .await
            .map_err(store_error)?;
        let number = |at: usize| raw::count(row.try_get(at).map_err(store_error)?);
        Ok(Sizes { streams: number(0)?, events: number(1)?, bytes: number(2)? })
    }

    /// The readers.
    pub(super) fn pool_state(&self) -> Pool {
        let pool = &self.readers;
        Pool {
            open: pool.size(),
            idle: u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
            limit: pool.options().get_max_connections(),
        }
    }
}
