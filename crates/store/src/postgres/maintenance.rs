//! The one statement that rewrites what an event is made of.

use super::{PostgresStore, store_error};
use crate::append::PayloadSegment;
use crate::error::StoreError;
use crate::raw;
use crate::stream::StreamNo;

impl PostgresStore {
    pub(super) async fn exchange_segment(
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
