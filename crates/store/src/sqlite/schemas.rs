//! Registered schemas.

use stateset_ledger::id::TenantId;

use super::{SqliteStore, store_error};
use crate::error::StoreError;
use crate::raw::schema_number;
use crate::row;
use crate::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};

impl SqliteStore {
    pub(super) async fn read_schemas(&self, tenant: TenantId) -> Result<SchemaBook, StoreError> {
        let read = async |statement: &'static str| {
            sqlx::query(statement).bind(tenant.0).fetch_all(&self.readers).await.map_err(store_error)
        };
        let versions = read(include_str!("../../sql/sqlite/schemas.sql")).await?;
        let policies = read(include_str!("../../sql/sqlite/schema_policies.sql")).await?;
        Ok(SchemaBook {
            versions: versions.iter().map(row::schema).collect::<Result<_, _>>()?,
            policies: policies.iter().map(row::schema_policy).collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn insert_schema(&self, tenant: TenantId, schema: &SchemaVersion) -> Result<(), StoreError> {
        let (number, version) = (schema_number(schema.number)?, schema_number(schema.version)?);
        let mut turn = self.writer.begin().await?;
        let outcome = sqlx::query(include_str!("../../sql/sqlite/add_schema.sql"))
            .bind(tenant.0)
            .bind(number)
            .bind(schema.subject.as_str())
            .bind(version)
            .bind(schema.status.word())
            .bind(schema.text.as_str())
            .bind(schema.description.as_str())
            .bind(schema.created_at.0)
            .execute(&mut turn.connection)
            .await
            .map(drop)
            .map_err(store_error);
        turn.end(outcome).await
    }

    pub(super) async fn change_schema_status(
        &self,
        tenant: TenantId,
        number: u32,
        status: SchemaStatus,
    ) -> Result<bool, StoreError> {
        let Ok(number) = schema_number(number) else { return Ok(false) };
        let mut turn = self.writer.begin().await?;
        let outcome = sqlx::query(include_str!("../../sql/sqlite/set_schema_status.sql"))
            .bind(tenant.0)
            .bind(number)
            .bind(status.word())
            .execute(&mut turn.connection)
            .await
            .map(|changed| changed.rows_affected() == 1)
            .map_err(store_error);
        turn.end(outcome).await
    }

    pub(super) async fn change_schema_policy(&self, tenant: TenantId, policy: &SchemaPolicy) -> Result<(), StoreError> {
        let mut turn = self.writer.begin().await?;
        let outcome = sqlx::query(include_str!("../../sql/sqlite/set_schema_policy.sql"))
            .bind(tenant.0)
            .bind(policy.subject.as_str())
            .bind(policy.mode.as_deref())
            .bind(policy.compatibility.as_deref())
            .execute(&mut turn.connection)
            .await
            .map(drop)
            .map_err(store_error);
        turn.end(outcome).await
    }
}
