//! API keys.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use stateset_ledger::id::{AgentId, Micros, TenantId};
use uuid::Uuid;

use super::{SqliteStore, store_error};
use crate::api_key::{ApiKey, ApiKeyQuery};
use crate::error::StoreError;
use crate::raw::RawApiKey;

impl SqliteStore {
    pub(super) async fn insert_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut turn = self.writer.begin().await?;
        let outcome = insert(&mut turn.connection, key).await;
        turn.end(outcome).await
    }

    pub(super) async fn find_api_key(&self, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
        sqlx::query(include_str!("../../sql/sqlite/api_key.sql"))
            .bind(prefix)
            .fetch_optional(&self.readers)
            .await
            .map_err(store_error)?
            .map(|row| read(&row))
            .transpose()
    }

    pub(super) async fn list_api_keys(&self, query: &ApiKeyQuery) -> Result<Vec<ApiKey>, StoreError> {
        let rows = sqlx::query(include_str!("../../sql/sqlite/api_keys.sql"))
            .bind(query.tenant.0)
            .bind(query.agent.map(|agent| agent.0))
            .bind(query.after.as_str())
            .bind(i64::from(query.limit))
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn end_api_key(
        &self,
        tenant: TenantId,
        agent: Option<AgentId>,
        prefix: &str,
        now: Micros,
    ) -> Result<Option<ApiKey>, StoreError> {
        let mut turn = self.writer.begin().await?;
        let outcome = sqlx::query(include_str!("../../sql/sqlite/revoke_api_key.sql"))
            .bind(tenant.0)
            .bind(agent.map(|agent| agent.0))
            .bind(prefix)
            .bind(now.0)
            .fetch_optional(&mut turn.connection)
            .await
            .map_err(store_error);
        turn.end(outcome).await?.map(|row| read(&row)).transpose()
    }

    pub(super) async fn replace_api_key(
        &self,
        prefix: &str,
        retire_at: Micros,
        successor: &ApiKey,
    ) -> Result<(), StoreError> {
        let mut turn = self.writer.begin().await?;
        let outcome = replace(&mut turn.connection, prefix, retire_at, successor).await;
        turn.end(outcome).await
    }
}

async fn replace(
    connection: &mut SqliteConnection,
    prefix: &str,
    retire_at: Micros,
    successor: &ApiKey,
) -> Result<(), StoreError> {
    let retired = sqlx::query(include_str!("../../sql/sqlite/retire_api_key.sql"))
        .bind(successor.tenant.0)
        .bind(prefix)
        .bind(retire_at.0)
        .bind(successor.created_at.0)
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    if retired.rows_affected() == 1 { insert(connection, successor).await } else { Err(StoreError::Conflict) }
}

async fn insert(connection: &mut SqliteConnection, key: &ApiKey) -> Result<(), StoreError> {
    let stores: Vec<u8> = key.stores.iter().flat_map(|store| *store.as_bytes()).collect();
    sqlx::query(include_str!("../../sql/sqlite/add_api_key.sql"))
        .bind(key.prefix.as_str())
        .bind(key.secret_hash.0.as_slice())
        .bind(key.tenant.0)
        .bind(stores)
        .bind(key.read)
        .bind(key.write)
        .bind(key.admin)
        .bind(key.agent.map(|agent| agent.0))
        .bind(key.rate_limit.map(i64::from))
        .bind(key.name.as_str())
        .bind(key.created_at.0)
        .bind(key.expires_at.map(|at| at.0))
        .execute(connection)
        .await
        .map(drop)
        .map_err(store_error)
}

fn read(row: &SqliteRow) -> Result<ApiKey, StoreError> {
    let stores: &[u8] = row.try_get(3).map_err(store_error)?;
    let (ids, rest) = stores.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(StoreError::corrupt("the stores of an API key are not whole ids"));
    }
    let stores = ids.iter().map(|id| Uuid::from_bytes(*id)).collect();
    let raw = || -> Result<RawApiKey, sqlx::Error> {
        Ok(RawApiKey {
            prefix: row.try_get(0)?,
            secret_hash: row.try_get(1)?,
            tenant_id: row.try_get(2)?,
            stores,
            can_read: row.try_get(4)?,
            can_write: row.try_get(5)?,
            can_admin: row.try_get(6)?,
            agent_id: row.try_get(7)?,
            rate_limit: row.try_get(8)?,
            name: row.try_get(9)?,
            created_at: row.try_get(10)?,
            expires_at: row.try_get(11)?,
            revoked_at: row.try_get(12)?,
        })
    };
    raw().map_err(store_error)?.into_key()
}
