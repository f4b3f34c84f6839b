//! Who may do what: API keys, tokens, and the matrix of all routes.

mod fuzz;
mod idempotency;
mod isolation;
mod keys;
mod matrix;
mod registry;
mod tokens;
mod watched;

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use stateset_ledger::id::TenantId;
use stateset_sequencer::identity::Access;

use crate::harness::{Reply, Sequencer, Setting};

pub(crate) const BOOTSTRAP: &str = "dev_admin_key";

/// A sequencer with a bootstrap key.
pub(crate) async fn guarded(setting: Setting) -> Sequencer {
    Sequencer::with(Setting { access: Access::Key(BOOTSTRAP.to_owned()), ..setting }).await
}

impl Sequencer {
    /// A request under an API key.
    pub(crate) async fn with_key(&self, key: &str, method: Method, path: &str, body: &str) -> Reply {
        self.send(method, path, &[("authorization", &format!("ApiKey {key}"))], body).await
    }

    /// A request of the bootstrap key, which must succeed.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: &Value) -> Value {
        self.with_key(BOOTSTRAP, method, path, &body.to_string()).await.json()
    }

    /// A new key of the tenant: its text and its prefix.
    pub(crate) async fn minted(&self, tenant: TenantId, mut body: Value) -> (String, String) {
        body["tenantId"] = json!(tenant);
        let reply = self.admin(Method::POST, "/api/v1/api-keys", &body).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&reply["apiKey"]), text(&reply["key"]["prefix"]))
    }

    /// Status and code of a read of the tenant's head.
    pub(crate) async fn head_with(&self, headers: &[(&str, &str)], query: &str) -> (u16, String) {
        let reply = self.send(Method::GET, &format!("/api/v1/head?{query}"), headers, "").await;
        if reply.status.is_success() { (200, String::new()) } else { (reply.problem().0, reply.problem().1) }
    }
}

/// A sequencer over `store`.
pub(crate) async fn over(store: Arc<dyn stateset_store::Store>) -> Sequencer {
    guarded(Setting { store, ..Setting::default() }).await
}
