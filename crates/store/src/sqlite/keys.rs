//! Agent keys, sequencer keys and pullers' cursors.

use sqlx::sqlite::SqliteConnection;
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::{AgentId, KeyId, Micros, TenantId};

use super::{SqliteStore, store_error};
use crate::error::StoreError;
use crate::raw;
use crate::row::{Row, agent_key};
use crate::stream::StreamNo;

impl SqliteStore {
    pub(super) async fn find_agent_keys(
        &self,
        tenant: TenantId,
        agent: Option<AgentId>,
    ) -> Result<(u64, Vec<AgentKey>), StoreError> {
        let rows = sqlx::query(include_str!("../../sql/sqlite/agent_keys.sql"))
            .bind(tenant.0)
            .bind(agent.map(|agent| agent.0))
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        let mut size = 0;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            let (count, key) = agent_key(row)?;
            size = count;
            keys.extend(key);
        }
        Ok((size, keys))
    }

    pub(super) async fn all_sequencer_keys(&self) -> Result<Vec<(KeyId, PublicKeyBytes, Micros)>, StoreError> {
        let rows = sqlx::query(include_str!("../../sql/sqlite/sequencer_keys.sql"))
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        rows.iter().map(|row| Ok((row.key(0)?, raw::public_key(row.bytes(1)?)?, row.micros(2)?))).collect()
    }

    pub(super) async fn number_sequencer_key(
        &self,
        public_key: PublicKeyBytes,
        now: Micros,
    ) -> Result<KeyId, StoreError> {
        let mut turn = self.writer.begin().await?;
        let outcome = number_key(&mut turn.connection, public_key, now).await.map_err(store_error);
        raw::key_id(turn.end(outcome).await?)
    }

    pub(super) async fn find_cursor(
        &self,
        stream: StreamNo,
        agent: AgentId,
    ) -> Result<Option<(u64, Micros)>, StoreError> {
        sqlx::query(include_str!("../../sql/sqlite/cursor.sql"))
            .bind(stream.0)
            .bind(agent.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(store_error)?
            .map(|row| cursor(&row))
            .transpose()
    }

    pub(super) async fn move_cursor(
        &self,
        stream: StreamNo,
        agent: AgentId,
        acknowledged: u64,
        now: Micros,
    ) -> Result<(u64, Micros), StoreError> {
        let mut turn = self.writer.begin().await?;
        let outcome = sqlx::query(include_str!("../../sql/sqlite/advance_cursor.sql"))
            .bind(stream.0)
            .bind(agent.0)
            .bind(raw::column(acknowledged))
            .bind(now.0)
            .fetch_one(&mut turn.connection)
            .await
            .map_err(store_error);
        cursor(&turn.end(outcome).await?)
    }
}

async fn number_key(
    connection: &mut SqliteConnection,
    public_key: PublicKeyBytes,
    now: Micros,
) -> Result<i64, sqlx::Error> {
    sqlx::query(include_str!("../../sql/sqlite/add_sequencer_key.sql"))
        .bind(public_key.0.as_slice())
        .bind(now.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar(include_str!("../../sql/sqlite/sequencer_key_number.sql"))
        .bind(public_key.0.as_slice())
        .fetch_one(connection)
        .await
}

fn cursor(row: &impl Row) -> Result<(u64, Micros), StoreError> {
    Ok((row.count(0)?, row.micros(1)?))
}
