//! Liveness and readiness.

use std::sync::Arc;

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

/// The process answers.
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The process can do its work: the database answers and has this program's schema.
pub async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, Json<Readiness>) {
    match service.store.ping().await {
        Ok(()) => (StatusCode::OK, Json(Readiness { status: "ready", database: "ok".to_owned() })),
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(Readiness { status: "not ready", database: error.to_string() }))
        },
    }
}
