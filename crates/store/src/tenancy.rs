//! For which tenant a piece of work is done.
//!
//! A request that may see one tenant only is run by [`as_tenant`]. A database that can (PostgreSQL) then lets its reads see
//! that tenant's rows alone, whatever the statements say. Work outside of it is for all tenants: the tasks of the service.

use stateset_ledger::id::TenantId;
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static TENANT: TenantId;
}

/// Runs `work` for one tenant. Tasks that it starts are not part of it.
pub fn as_tenant<F: Future>(tenant: TenantId, work: F) -> TaskLocalFuture<TenantId, F> {
    TENANT.scope(tenant, work)
}

/// Runs `work`, which does not wait, for one tenant: one step of a stream.
pub fn as_tenant_now<T>(tenant: TenantId, work: impl FnOnce() -> T) -> T {
    TENANT.sync_scope(tenant, work)
}

/// The tenant this is done for; `None`: for all.
pub fn tenant() -> Option<TenantId> {
    TENANT.try_with(|tenant| *tenant).ok()
}
