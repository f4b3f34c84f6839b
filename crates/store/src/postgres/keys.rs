//! Agent keys, sequencer keys and pullers' cursors.

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::{AgentId, KeyId, Micros, TenantId};

use super::{PostgresStore, store_error};
use crate::error::StoreError;
use crate::raw;
use crate::row::{Row, agent_key};
use crate::stream::StreamNo;

/// Two processes may pick the same next number; the loser tries again.
const MAX_ATTEMPTS: u32 = 5;

impl PostgresStore {
    pub(super) async fn find_agent_keys(
        &self,
        tenant: TenantId,
        agent: Option<AgentId>,
    ) -> Result<(u64, Vec<AgentKey>), StoreError> {
        let rows = self
            .rows(
                sqlx::query(include_str!("../../sql/postgres/agent_keys.sql"))
                    .bind(tenant.0)
                    .bind(agent.map(|agent| agent.0)),
            )
            .await?;
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
        let rows = sqlx::query(include_str!("../../sql/postgres/sequencer_keys.sql"))
            .fetch_all(&self.pool)
            .await
            .map_err(store_error)?;
        rows.iter().map(|row| Ok((row.key(0)?, raw::public_key(row.bytes(1)?)?, row.micros(2)?))).collect()
    }

    pub(super) async fn number_sequencer_key(
        &self,
        public_key: PublicKeyBytes,
        now: Micros,
    ) -> Result<KeyId, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let number: Option<i64> = sqlx::query_scalar(include_str!("../../sql/postgres/sequencer_key_number.sql"))
                .bind(public_key.0.as_slice())
                .fetch_optional(&self.pool)
                .await
                .map_err(store_error)?;
            if let Some(number) = number {
                return raw::key_id(number);
            }
            let added = sqlx::query(include_str!("../../sql/postgres/add_sequencer_key.sql"))
                .bind(public_key.0.as_slice())
                .bind(now.0)
                .execute(&self.pool)
                .await
                .map_err(store_error);
            match added {
                Ok(_) | Err(StoreError::Conflict) => {},
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::Conflict)
    }

    pub(super) async fn find_cursor(
        &self,
        stream: StreamNo,
        agent: AgentId,
    ) -> Result<Option<(u64, Micros)>, StoreError> {
        self.row(sqlx::query(include_str!("../../sql/postgres/cursor.sql")).bind(stream.0).bind(agent.0))
            .await?
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
        let row = sqlx::query(include_str!("../../sql/postgres/advance_cursor.sql"))
            .bind(stream.0)
            .bind(agent.0)
            .bind(raw::column(acknowledged))
            .bind(now.0)
            .fetch_one(&self.pool)
            .await
            .map_err(store_error)?;
        cursor(&row)
    }
}

fn cursor(row: &impl Row) -> Result<(u64, Micros), StoreError> {
    Ok((row.count(0)?, row.micros(1)?))
}
