//! The HTTP surface: one file per subject, one handler per route.

pub mod agent_keys;
pub mod body;
pub mod credential;
pub mod health;
pub mod ingest;
pub mod log;
pub mod parameters;
pub mod problem;
pub mod trace;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::service::Service;

/// All routes with the layers around them. `stop` ends streams that would otherwise outlive the server.
pub fn router(service: Arc<Service>, timeout: Duration, _stop: CancellationToken) -> Router {
    let body_limit = service.limits.body_bytes;
    Router::new()
        .route("/api/v1/ves/events/ingest", post(ingest::ves))
        .route("/api/v1/events/ingest", post(ingest::legacy))
        .route("/api/v1/agents/keys", post(agent_keys::register).get(agent_keys::list))
        .route("/api/v1/agents/{agent_id}/keys/{key_id}", delete(agent_keys::revoke))
        .route("/api/v1/agents/{agent_id}/signing-keys", get(agent_keys::directory))
        .route("/.well-known/ves-keys", get(agent_keys::sequencer))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(service)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, timeout))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::from_fn(problem::layer))
}
