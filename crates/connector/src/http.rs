//! `POST /webhooks/{connector}`, with `/health` and `/metrics`.
//!
//! | answer | when |
//! |---|---|
//! | 200 `written`, `duplicate`, `stale`, `ignored` | the shop need not send it again; an unknown topic is `ignored` |
//! | 400 `HEADER_MISSING` | a header is missing or malformed |
//! | 401 `SIGNATURE_INVALID` | the signature is not of this body |
//! | 403 `SHOP_UNKNOWN` | signed, but of a shop that is not taken here |
//! | 408 `BODY_TOO_SLOW`, 413 `BODY_TOO_LARGE` | the body did not come within 10 s, or is larger than the limit |
//! | 422 `UNREADABLE` | signed, and not of the documented form; the message names the member |
//! | 500 `NOT_WRITTEN` | an event cannot be written as things are, for instance without master keys |
//! | 503 `UNAVAILABLE`, with `Retry-After` | the database does not answer |
//!
//! Everything but 200 writes nothing, and the shop sends it again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::time::timeout;

use crate::connector::{Connector, Refused};
use crate::intake::{Intake, TakeError, Taken};
use crate::tables::Tables;

/// Longest wait for a body, and for its transaction: a shop hangs up sooner.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds after which a shop may send again what the database could not take.
const RETRY_SECONDS: &str = "5";

struct Served<DB: Tables, C> {
    intake: Arc<Intake<DB, C>>,
    body_limit: usize,
}

/// Bytes of a body unless said otherwise: a product with a hundred variants has a tenth of it.
pub const BODY_BYTES: usize = 2 * 1024 * 1024;

/// The routes, for a server of one's own. Bodies of more than `body_limit` bytes are refused.
pub fn router<DB: Tables, C: Connector>(intake: Arc<Intake<DB, C>>, body_limit: usize) -> Router {
    let path = format!("/webhooks/{}", intake.connector().name());
    Router::new()
        .route(&path, post(webhook::<DB, C>))
        .route("/health", get(|| async { Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })) }))
        .route("/metrics", get(metrics::<DB, C>))
        .with_state(Arc::new(Served { intake, body_limit }))
}

async fn metrics<DB: Tables, C: Connector>(State(served): State<Arc<Served<DB, C>>>) -> Response {
    let text = served.intake.stats().prometheus(served.intake.connector().name());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn webhook<DB: Tables, C: Connector>(
    State(served): State<Arc<Served<DB, C>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match timeout(PATIENCE, to_bytes(body, served.body_limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let message = format!("the body has more than {} bytes, or broke off", served.body_limit);
            return fault(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", &message);
        },
        Err(_) => return fault(StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW", "the body did not come within 10 s"),
    };
    match timeout(PATIENCE, served.intake.take(&headers, &body)).await {
        Ok(Ok(taken)) => answer(&taken),
        Ok(Err(error)) => refusal(&error),
        Err(_) => unavailable("the database did not answer within 10 s"),
    }
}

fn answer(taken: &Taken) -> Response {
    let (status, events) = match taken {
        Taken::Written(events) => ("written", events.as_slice()),
        Taken::Duplicate => ("duplicate", &[][..]),
        Taken::Stale => ("stale", &[][..]),
        Taken::Ignored => ("ignored", &[][..]),
    };
    let events: Vec<String> = events.iter().map(|event| event.display()).collect();
    Json(json!({ "status": status, "events": events })).into_response()
}

fn refusal(error: &TakeError) -> Response {
    let message = error.to_string();
    match error {
        TakeError::Refused(Refused::Signature) => fault(StatusCode::UNAUTHORIZED, "SIGNATURE_INVALID", &message),
        TakeError::Refused(Refused::Header { .. }) => fault(StatusCode::BAD_REQUEST, "HEADER_MISSING", &message),
        TakeError::Refused(Refused::Shop(_)) => fault(StatusCode::FORBIDDEN, "SHOP_UNKNOWN", &message),
        TakeError::Unreadable(_) => {
            tracing::warn!(%error, "a genuine webhook could not be read");
            fault(StatusCode::UNPROCESSABLE_ENTITY, "UNREADABLE", &message)
        },
        TakeError::Write(stateset_outbox::WriteError::Database(source)) | TakeError::Database(source) => {
            tracing::warn!(error = %source, "a webhook could not be written");
            unavailable("the database does not answer")
        },
        TakeError::Busy => unavailable(&message),
        TakeError::Write(source) => {
            tracing::error!(error = %source, "a webhook cannot be written");
            fault(StatusCode::INTERNAL_SERVER_ERROR, "NOT_WRITTEN", &message)
        },
    }
}

fn unavailable(message: &str) -> Response {
    let mut response = fault(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_SECONDS));
    response
}

fn fault(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}
