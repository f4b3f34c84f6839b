//! API keys.

use sqlx::postgres::PgConnection;
use sqlx::{Postgres, Transaction};
use stateset_ledger::id::{AgentId, Micros, TenantId};
use uuid::Uuid;

use super::{PostgresStore, store_error};
use crate::api_key::{ApiKey, ApiKeyQuery};
use crate::error::StoreError;
use crate::row::api_key;

impl PostgresStore {
    pub(super) async fn insert_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(store_error)?;
        insert(&mut connection, key).await
    }

    pub(super) async fn find_api_key(&self, prefix: &str) -> Result<Option<ApiKey>, StoreError> {
        sqlx::query(include_str!("../../sql/postgres/api_key.sql"))
            .bind(prefix)
            .fetch_optional(&self.pool)
            .await
            .map_err(store_error)?
            .map(|row| api_key(&row))
            .transpose()
    }

    pub(super) async fn list_api_keys(&self, query: &ApiKeyQuery) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self
            .rows(
                sqlx::query(include_str!("../../sql/postgres/api_keys.sql"))
                    .bind(query.tenant.0)
                    .bind(query.agent.map(|agent| agent.0))
                    .bind(query.after.as_str())
                    .bind(i64::from(query.limit)),
            )
            .await?;
        rows.iter().map(api_key).collect()
    }

    pub(super) async fn end_api_key(
        &self,
        tenant: TenantId,
        agent: Option<AgentId>,
        prefix: &str,
        now: Micros,
    ) -> Result<Option<ApiKey>, StoreError> {
        sqlx::query(include_str!("../../sql/postgres/revoke_api_key.sql"))
            .bind(tenant.0)
            .bind(agent.map(|agent| agent.0))
            .bind(prefix)
            .bind(now.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(store_error)?
            .map(|row| api_key(&row))
            .transpose()
    }

    pub(super) async fn replace_api_key(
        &self,
        prefix: &str,
        retire_at: Micros,
        successor: &ApiKey,
    ) -> Result<(), StoreError> {
        let mut transaction: Transaction<'_, Postgres> = self.pool.begin().await.map_err(store_error)?;
        let retired = sqlx::query(include_str!("../../sql/postgres/retire_api_key.sql"))
            .bind(successor.tenant.0)
            .bind(prefix)
            .bind(retire_at.0)
            .bind(successor.created_at.0)
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?;
        if retired.rows_affected() != 1 {
            return Err(StoreError::Conflict);
        }
        insert(&mut transaction, successor).await?;
        transaction.commit().await.map_err(store_error)
    }
}

async fn insert(connection: &mut PgConnection, key: &ApiKey) -> Result<(), StoreError> {
    sqlx::query(include_str!("../../sql/postgres/add_api_key.sql"))
        .bind(key.prefix.as_str())
        .bind(key.secret_hash.0.as_slice())
        .bind(key.tenant.0)
        .bind(key.stores.iter().map(|store| store.0).collect::<Vec<Uuid>>())
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
