//! The HTTP surface: one file per subject, one handler per route.

pub mod body;
pub mod commitments;
pub mod credential;
pub mod health;
pub mod ingest;
pub mod log;
pub mod parameters;
pub mod problem;
pub mod proofs;
pub mod trace;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use stateset_api::proof::{BatchProof, Commitment, FlatBatchProof, FlatCommitment};
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
        .route("/api/v1/ves/commitments", get(commitments::list::<Commitment>))
        .route("/api/v1/ves/commitments", post(commitments::commit::<Commitment>))
        .route("/api/v1/ves/commitments/{batch_id}", get(commitments::one::<Commitment>))
        .route("/api/v1/commitments", get(commitments::list::<FlatCommitment>))
        .route("/api/v1/commitments", post(commitments::commit::<FlatCommitment>))
        .route("/api/v1/commitments/{batch_id}", get(commitments::one::<FlatCommitment>))
        .route("/api/v1/ves/proofs/{sequence}", get(proofs::one::<BatchProof>))
        .route("/api/v1/ves/proofs/verify", post(proofs::verify))
        .route("/api/v1/proofs/{sequence}", get(proofs::one::<FlatBatchProof>))
        .route("/api/v1/proofs/verify", post(proofs::verify_flat))
        .route("/api/v1/proofs/inclusion", get(proofs::inclusion))
        .route("/api/v1/proofs/consistency", get(proofs::consistency))
        .route("/checkpoint", get(log::checkpoint))
        .route("/tile/{*path}", get(log::tile))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(service)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, timeout))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::from_fn(problem::layer))
}
