//! Liveness and readiness.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::Service;

/// Reply of `GET /health`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
}

/// Reply of `GET /ready`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    status: &'static str,
    database: String,
}

/// Probes give up after a second by default, so the answer comes before.
const PATIENCE: Duration = Duration::from_millis(800);

/// The process answers.
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The process can do its work: the database answers and has this program's schema.
pub async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, Json<Readiness>) {
    match tokio::time::timeout(PATIENCE, service.store.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, Json(Readiness { status: "ready", database: "ok".to_owned() })),
        Ok(Err(error)) => not_ready(error.to_string()),
        Err(_) => not_ready("the database does not answer".to_owned()),
    }
}

fn not_ready(database: String) -> (StatusCode, Json<Readiness>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(Readiness { status: "not ready", database }))
}
