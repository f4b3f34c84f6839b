//! API keys.

use sqlx::sqlite::SqliteConnection;
use stateset_ledger::id::{AgentId, Micros, TenantId};

use super::{SqliteStore, store_error};
use crate::api_key::{ApiKey, ApiKeyQuery};
use crate::error::StoreError;
use crate::row::api_key;

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
            .map(|row| api_key(&row))
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
        rows.iter().map(api_key).collect()
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
        turn.end(outcome).await?.map(|row| api_key(&row)).transpose()
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
