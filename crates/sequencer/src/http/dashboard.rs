//! The dashboard, mounted on this server: who somebody is, and which streams there are. Everything else it fetches from the
//! API's own routes, in this process.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use futures_util::future::BoxFuture;
use stateset_dashboard::{Dashboard, Denied, Host, MAX_STREAMS, Scope as Shown, StreamLine, Who};
use stateset_ledger::id::{Scope, StoreId, TenantId};
use stateset_store::StoreError;
use stateset_store::stream::StreamRow;
use stateset_store::tenancy::as_tenant;

use super::problem;
use crate::identity::{Credential, Offered, Refused, Shown as By};
use crate::service::Service;

/// Where it is mounted.
pub const BASE: &str = "/dashboard";

/// The dashboard's routes. `api` are the routes of the API with the layer that recognises callers.
pub fn router(service: &Arc<Service>, api: Router) -> Router {
    // The layer that writes the bodies of errors is around all routes; called from here, they need one of their own.
    let api = api.layer(from_fn(problem::layer));
    let host = Arc::new(Here(Arc::clone(service)));
    stateset_dashboard::router(Dashboard::new(host, Arc::clone(&service.sessions), BASE, api))
}

struct Here(Arc<Service>);

impl Host for Here {
    fn identify<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Who, Denied>> {
        Box::pin(async move {
            let Self(service) = self;
            let offered = Offered::Key(key);
            match service.identity.recognise(service.store.as_ref(), service.clock.now(), offered).await {
                Ok(credential) => Ok(who(&credential)),
                Err(Refused::Store(_)) => Err(Denied::Unavailable),
                Err(Refused::Key | Refused::Token(_)) => Err(Denied::Credential),
            }
        })
    }

    fn everybody(&self) -> Option<Who> {
        self.0.identity.unasked().map(|everybody| Who { name: "everybody".to_owned(), ..who(&everybody) })
    }

    fn streams<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<StreamLine>, Denied>> {
        Box::pin(async move {
            if !who.read {
                return Ok(Vec::new());
            }
            let rows = match who.tenant.map(TenantId) {
                Some(tenant) => as_tenant(tenant, self.of_tenant(tenant, who)).await,
                None => self.0.store.newest_streams(None, MAX_STREAMS).await,
            };
            Ok(rows.map_err(|_| Denied::Unavailable)?.iter().map(line).collect())
        })
    }
}

impl Here {
    async fn of_tenant(&self, tenant: TenantId, who: &Who) -> Result<Vec<StreamRow>, StoreError> {
        let Some(stores) = &who.stores else { return self.0.store.newest_streams(Some(tenant), MAX_STREAMS).await };
        let mut rows = Vec::new();
        // A key names a hundred stores at most. The key stream is open to all readers of the tenant.
        for store in stores.iter().copied().map(StoreId).chain([StoreId::NIL]) {
            rows.extend(self.0.store.stream(Scope::new(tenant, store)).await?);
        }
        Ok(rows)
    }
}

fn who(credential: &Credential) -> Who {
    let name = match &credential.shown {
        By::Standing => "the operator".to_owned(),
        By::Key(prefix) => format!("key {prefix}"),
        By::Token(_) => "a token".to_owned(),
    };
    Who {
        name,
        tenant: credential.tenant.map(|tenant| tenant.0),
        stores: credential.stores.as_ref().map(|stores| stores.iter().map(|store| store.0).collect()),
        read: credential.read,
        write: credential.write,
        admin: credential.admin,
    }
}

fn line(row: &StreamRow) -> StreamLine {
    StreamLine {
        scope: Shown { tenant: row.scope.tenant.0, store: row.scope.store.0 },
        size: row.size,
        root: row.root.to_hex(),
        last_at_us: row.last_at.map(|at| at.0),
    }
}
