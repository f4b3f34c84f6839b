//! Sizes, for the operator's instruments.

use super::{SqliteStore, store_error};
use crate::error::StoreError;
use crate::row::Row as _;
use crate::sizes::{Pool, Sizes};

impl SqliteStore {
    pub(super) async fn measure(&self) -> Result<Sizes, StoreError> {
        let row = sqlx::query(include_str!("../../sql/sqlite/sizes.sql"))
            .fetch_one(&self.readers)
            .await
            .map_err(store_error)?;
        Ok(Sizes { streams: row.count(0)?, events: row.count(1)?, bytes: row.count(2)? })
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
