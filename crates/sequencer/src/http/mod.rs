//! The HTTP surface: one file per subject, one handler per route.

pub mod agent_keys;
pub mod api_keys;
pub mod body;
pub mod bundle;
pub mod commitments;
pub mod credential;
pub mod cursors;
pub mod dashboard;
pub mod diagnose;
pub mod edge;
pub mod enrolment;
pub mod entities;
pub mod events;
pub mod filters;
pub mod head;
pub mod health;
pub mod idempotency;
pub mod ingest;
pub mod log;
pub mod metrics;
pub mod openapi;
pub mod openings;
pub mod parameters;
pub mod problem;
pub mod proofs;
mod reach;
pub mod schemas;
pub mod stream;
pub mod subjects;
pub mod tenancy;
pub mod trace;
pub mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};
use axum::{Extension, Router};
use stateset_api::proof::{BatchProof, Commitment, FlatBatchProof, FlatCommitment};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::service::Service;

/// All routes with the layers around them. `stop` ends streams that would otherwise outlive the server.
pub fn router(service: &Arc<Service>, timeout: Duration, stop: CancellationToken) -> Router {
    let body_limit = service.limits.body_bytes;
    let (outer, cors) = (Arc::clone(service), edge::cors(&service.edge.origins));
    let api = Router::new()
        .route("/api/v1/ves/events/ingest", post(ingest::ves))
        .route("/api/v1/events/ingest", post(ingest::legacy))
        .route("/api/v1/events", get(events::legacy))
        .route("/api/v1/ves/events", get(events::ves))
        .route("/api/v1/events/stream", get(stream::stream))
        .route("/api/v1/events/{event_id}", get(events::single))
        .route("/api/v1/head", get(head::head))
        .route("/api/v1/ves/head", get(head::head))
        .route("/api/v1/entities/{entity_type}/{entity_id}", get(entities::legacy))
        .route("/api/v1/ves/entities/{entity_type}/{entity_id}", get(entities::ves))
        .route("/api/v1/ves/cursors/{agent_id}", get(cursors::read).put(cursors::advance))
        .route("/api/v1/agents/keys", post(agent_keys::register).get(agent_keys::list))
        .route("/api/v1/agents/{agent_id}/keys/{key_id}", delete(agent_keys::revoke))
        .route("/api/v1/agents/{agent_id}/keys/{key_id}/rotate", post(agent_keys::rotate))
        .route("/api/v1/agents/{agent_id}/signing-keys", get(agent_keys::directory))
        .route("/api/v1/agents/register", post(api_keys::register_agent))
        .route("/api/v1/agents/{agent_id}/enrolment-tokens", post(enrolment::mint))
        .route("/api/v1/agents/enrol", post(enrolment::enrol))
        .route("/api/v1/agents/{agent_id}/api-keys", post(api_keys::mint_for_agent).get(api_keys::list_of_agent))
        .route("/api/v1/agents/{agent_id}/api-keys/{prefix}", delete(api_keys::revoke_of_agent))
        .route("/api/v1/api-keys", post(api_keys::mint).get(api_keys::list))
        .route("/api/v1/api-keys/{prefix}", delete(api_keys::revoke))
        .route("/api/v1/api-keys/{prefix}/rotate", post(api_keys::rotate))
        .route("/.well-known/ves-keys", get(agent_keys::sequencer))
        .route("/api/v1/ves/commitments", get(commitments::list::<Commitment>).post(commitments::commit::<Commitment>))
        .route("/api/v1/ves/commitments/{batch_id}", get(commitments::one::<Commitment>))
        .route(
            "/api/v1/commitments",
            get(commitments::list::<FlatCommitment>).post(commitments::commit::<FlatCommitment>),
        )
        .route("/api/v1/commitments/{batch_id}", get(commitments::one::<FlatCommitment>))
        .route("/api/v1/ves/proofs/{sequence}", get(proofs::one::<BatchProof>))
        .route("/api/v1/ves/proofs/verify", post(proofs::verify))
        .route("/api/v1/proofs/{sequence}", get(proofs::one::<FlatBatchProof>))
        .route("/api/v1/proofs/verify", post(proofs::verify_flat))
        .route("/api/v1/proofs/inclusion", get(proofs::inclusion))
        .route("/api/v1/proofs/bundle", get(bundle::bundle))
        .route("/api/v1/proofs/consistency", get(proofs::consistency))
        .route("/api/v1/log/openings", get(openings::openings))
        .merge(registry())
        .route("/checkpoint", get(log::checkpoint))
        .route("/tile/{*path}", get(log::tile))
        .route("/openapi.json", get(openapi::json))
        .route("/docs", get(openapi::page))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(Arc::clone(service), tenancy::layer))
        .with_state(Arc::clone(service))
        .layer(Extension(stop));
    let pages = dashboard::router(service, api.clone());
    let routes = api
        .merge(pages)
        // Covers a request up to its response's head; a stream of events goes on beyond it.
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, timeout))
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(Arc::clone(&outer), edge::by_address))
        // Inside of the next, so that its line in the log names the request.
        .layer(from_fn_with_state(Arc::clone(&outer.metrics), metrics::layer))
        .layer(from_fn(problem::layer))
        .layer(from_fn_with_state(Arc::clone(&outer), edge::layer));
    match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    }
}

/// The schema registry.
fn registry() -> Router<Arc<Service>> {
    Router::new()
        .route("/api/v1/schemas", post(schemas::register).get(schemas::list))
        .route("/api/v1/schemas/validate", post(schemas::validate))
        .route("/api/v1/schemas/{schema_id}", get(schemas::one).delete(schemas::remove))
        .route("/api/v1/schemas/{schema_id}/status", put(schemas::set_status))
        .route("/api/v1/schemas/event-type/{event_type}", get(schemas::of_type))
        .route("/api/v1/schemas/event-type/{event_type}/latest", get(schemas::latest))
        .route("/api/v1/schemas/event-type/{event_type}/policy", put(schemas::set_policy))
        .route("/subjects", get(subjects::list))
        .route("/subjects/{subject}", post(subjects::lookup).delete(subjects::remove))
        .route("/subjects/{subject}/versions", get(subjects::versions).post(subjects::register))
        .route("/subjects/{subject}/versions/{version}", get(subjects::version).delete(subjects::remove_version))
        .route("/schemas/types", get(subjects::types))
        .route("/schemas/ids/{schema_id}", get(subjects::by_id))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(subjects::compatible))
        .route("/config", get(subjects::level).put(subjects::set_level))
        .route("/config/{subject}", get(subjects::level_of).put(subjects::set_level_of))
}
