//! Registered schemas.

use stateset_ledger::id::TenantId;

use super::State;
use crate::error::StoreError;
use crate::schema::{SchemaPolicy, SchemaStatus, SchemaVersion};

impl State {
    pub(super) fn add_schema(&mut self, tenant: TenantId, schema: &SchemaVersion) -> Result<(), StoreError> {
        let book = self.schemas.entry(tenant).or_default();
        let taken = |known: &SchemaVersion| {
            known.number == schema.number || (known.subject == schema.subject && known.version == schema.version)
        };
        if book.versions.iter().any(taken) {
            return Err(StoreError::Conflict);
        }
        book.versions.push(schema.clone());
        book.versions.sort_by_key(|known| known.number);
        Ok(())
    }

    pub(super) fn set_schema_status(&mut self, tenant: TenantId, number: u32, status: SchemaStatus) -> bool {
        let versions = self.schemas.get_mut(&tenant).map(|book| &mut book.versions);
        let found = versions.into_iter().flatten().find(|known| known.number == number);
        found.map(|known| known.status = status).is_some()
    }

    pub(super) fn set_schema_policy(&mut self, tenant: TenantId, policy: &SchemaPolicy) {
        let policies = &mut self.schemas.entry(tenant).or_default().policies;
        policies.retain(|known| known.subject != policy.subject);
        policies.push(policy.clone());
        policies.sort_by(|left, right| left.subject.cmp(&right.subject));
    }
}
