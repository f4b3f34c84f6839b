//! Registered schemas.

use stateset_ledger::id::TenantId;

use super::{PostgresStore, store_error};
use crate::error::StoreError;
use crate::raw::schema_number;
use crate::row;
use crate::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};

impl PostgresStore {
    pub(super) async fn read_schemas(&self, tenant: TenantId) -> Result<SchemaBook, StoreError> {
        let versions = self.rows(sqlx::query(include_str!("../../sql/postgres/schemas.sql")).bind(tenant.0)).await?;
        let policies =
            self.rows(sqlx::query(include_str!("../../sql/postgres/schema_policies.sql")).bind(tenant.0)).await?;
        Ok(SchemaBook {
            versions: versions.iter().map(row::schema).collect::<Result<_, _>>()?,
            policies: policies.iter().map(row::schema_policy).collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn insert_schema(&self, tenant: TenantId, schema: &SchemaVersion) -> Result<(), StoreError> {
        sqlx::query(include_str!("../../sql/postgres/add_schema.sql"))
            .bind(tenant.0)
            .bind(schema_number(schema.number)?)
            .bind(schema.subject.as_str())
            .bind(schema_number(schema.version)?)
            .bind(schema.status.word())
            .bind(schema.text.as_str())
            .bind(schema.description.as_str())
            .bind(schema.created_at.0)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store_error)
    }

    pub(super) async fn change_schema_status(
        &self,
        tenant: TenantId,
        number: u32,
        status: SchemaStatus,
    ) -> Result<bool, StoreError> {
        let Ok(number) = schema_number(number) else { return Ok(false) };
        let changed = sqlx::query(include_str!("../../sql/postgres/set_schema_status.sql"))
            .bind(tenant.0)
            .bind(number)
            .bind(status.word())
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(changed.rows_affected() == 1)
    }

    pub(super) async fn change_schema_policy(&self, tenant: TenantId, policy: &SchemaPolicy) -> Result<(), StoreError> {
        sqlx::query(include_str!("../../sql/postgres/set_schema_policy.sql"))
            .bind(tenant.0)
            .bind(policy.subject.as_str())
            .bind(policy.mode.as_deref())
            .bind(policy.compatibility.as_deref())
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store_error)
    }
}
