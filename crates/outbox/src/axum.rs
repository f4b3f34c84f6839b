//! `Idempotency-Key` for axum: claim, handler and stored answer in one transaction.
//!
//! `examples/axum-checkout` is a service with it: the layer around the routes, [`Work`] as an argument of the handler.
//!
//! The handler takes its transaction from [`Work`] and never commits it: the layer does, with the answer. A 2xx or 3xx is
//! stored and committed. A refusal that will stand (404, 409, 410 and other 4xx) is stored, and what the handler did is
//! rolled back. A faulty request (400, 413, 415, 422), what may pass (401, 403, 408, 425, 429, 5xx), and a panic leave
//! nothing: the key is free.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{SqlSafeStr as _, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::draft::Draft;
use crate::engine::Engine;
use crate::operation::{Claim, Command, Operation, OperationError, OperationPolicy, StoredResponse};
use crate::outbox::Outbox;
use crate::write::{AddOutcome, WriteError};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Between the claim, which a stored refusal keeps, and what the handler did, which it does not.
const SAVEPOINT: &str = "SAVEPOINT outbox_work";
const UNDO: &str = "ROLLBACK TO SAVEPOINT outbox_work";
/// Bytes of a request or an answer under a key.
const BODY_BYTES: usize = 2 * 1024 * 1024;

/// Settings of the layer.
pub struct Idempotency<DB: Engine> {
    outbox: Outbox<DB>,
    policy: OperationPolicy,
    required: bool,
    names: Arc<HashMap<String, String>>,
}

impl<DB: Engine> Clone for Idempotency<DB> {
    fn clone(&self) -> Self {
        let names = Arc::clone(&self.names);
        Self { outbox: self.outbox.clone(), policy: self.policy, required: self.required, names }
    }
}

impl<DB: Engine> Idempotency<DB> {
    /// Keys are optional, the policy is the default one.
    pub fn new(outbox: Outbox<DB>) -> Self {
        Self { outbox, policy: OperationPolicy::default(), required: false, names: Arc::default() }
    }

    /// Another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: OperationPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Another name for the operation of a route, such as `create_order` for `POST /orders/checkout`: the one under which
    /// people and agents ask for its keys. Two routes of one name share their keys.
    #[must_use]
    pub fn named(mut self, route: impl Into<String>, operation: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.names).insert(route.into(), operation.into());
        self
    }

    /// A request without a key is refused with 400.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// The transaction of a request. Dropping it gives it back to the layer.
pub struct Work<DB: Engine>(OwnedMutexGuard<Inner<DB>>);

struct Inner<DB: Engine> {
    outbox: Outbox<DB>,
    tx: Transaction<'static, DB>,
    operation: Option<Operation>,
}

impl<DB: Engine> Work<DB> {
    /// The connection of the request's transaction.
    pub fn connection(&mut self) -> &mut DB::Connection {
        &mut self.0.tx
    }

    /// Writes an event in the request's transaction.
    pub async fn write_event<PT: Serialize>(&mut self, event: impl Into<Draft<PT>>) -> Result<AddOutcome, WriteError> {
        let Inner { outbox, tx, operation } = &mut *self.0;
        match operation {
            Some(operation) => operation.write_event(outbox, tx, event).await,
            None => outbox.write_event_with_outbox(tx, event).await,
        }
    }

    /// The command, if the request has a key.
    pub fn operation(&self) -> Option<&Operation> {
        self.0.operation.as_ref()
    }
}

/// In the request's extensions.
struct Slot<DB: Engine>(Arc<Mutex<Inner<DB>>>);

impl<DB: Engine> Clone for Slot<DB> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<DB: Engine, S: Sync> FromRequestParts<S> for Work<DB> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let slot = parts.extensions.get::<Slot<DB>>().cloned();
        let inner = slot.and_then(|slot| slot.0.try_lock_owned().ok());
        inner.map(Self).ok_or_else(|| {
            tracing::error!("a handler asks for Work without the idempotency layer, or twice");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the server is not set up for this request")
        })
    }
}

/// The layer: see the module's page.
pub async fn idempotency<DB: Engine>(
    State(settings): State<Idempotency<DB>>,
    request: Request,
    next: Next,
) -> Response {
    match serve(&settings, request, next).await {
        Ok(response) => response,
        Err(Refusal::Answer(response)) => *response,
        Err(Refusal::Failure(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an operation failed");
            let refusal = problem(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "nothing was done; try again");
            with_header(refusal, header::RETRY_AFTER, "1")
        },
    }
}

enum Refusal {
    Answer(Box<Response>),
    Failure(OperationError),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Failure(error.into())
    }
}

impl From<OperationError> for Refusal {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Invalid { .. } => {
                Self::Answer(Box::new(problem(StatusCode::BAD_REQUEST, "INVALID_IDEMPOTENCY_KEY", &error.to_string())))
            },
            OperationError::Lost | OperationError::Database(_) => Self::Failure(error),
        }
    }
}

async fn serve<DB: Engine>(settings: &Idempotency<DB>, request: Request, next: Next) -> Result<Response, Refusal> {
    let outbox = &settings.outbox;
    let (parts, body) = request.into_parts();
    let key = key_of(&parts.headers)?;
    if key.is_none() && settings.required {
        let detail = "this request needs the header Idempotency-Key";
        return Err(Refusal::Answer(Box::new(problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_REQUIRED", detail))));
    }
    let too_large = |_| {
        let detail = "a request under an Idempotency-Key has at most 2 MiB";
        Refusal::Answer(Box::new(problem(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", detail)))
    };
    let body = to_bytes(body, BODY_BYTES).await.map_err(too_large)?;
    let mut tx = outbox.begin().await?;
    let mut operation = None;
    if let Some(key) = key {
        let route = operation_of(&parts);
        let name = settings.names.get(&route).cloned().unwrap_or(route);
        let fingerprint = fingerprint(&parts, &body);
        let command = Command { operation: &name, key: &key, fingerprint, policy: settings.policy };
        operation = Some(claimed(outbox.claim(&mut tx, command).await?)?);
        DB::execute(&mut tx, SAVEPOINT.into_sql_str(), Vec::new()).await?;
    }
    let slot = Slot(Arc::new(Mutex::new(Inner { outbox: outbox.clone(), tx, operation })));
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(slot.clone());
    let response = next.run(request).await;
    let Some(inner) = Arc::into_inner(slot.0) else {
        tracing::error!("a handler kept its Work beyond its answer; nothing was committed");
        return Err(Refusal::Answer(Box::new(problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "nothing was done",
        ))));
    };
    finish(inner.into_inner(), response).await
}

/// The operation, or the answer that takes its place.
fn claimed(claim: Claim) -> Result<Operation, Refusal> {
    match claim {
        Claim::Fresh(operation) => Ok(operation),
        Claim::Replay(stored) => Err(Refusal::Answer(Box::new(replay(stored)))),
        Claim::Reused => {
            let detail = "this Idempotency-Key was used for a different request; use a new key";
            Err(Refusal::Answer(Box::new(problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", detail))))
        },
        Claim::InProgress { retry_after } => {
            let detail = "the first request with this Idempotency-Key is still at work";
            let refusal = problem(StatusCode::CONFLICT, "IN_PROGRESS", detail);
            Err(Refusal::Answer(Box::new(with_header(
                refusal,
                header::RETRY_AFTER,
                &retry_after.as_secs().max(1).to_string(),
            ))))
        },
        Claim::Uncertain { recovery_point, .. } => {
            let detail = format!("the first request broke off at {recovery_point:?}; an operator has to find out");
            Err(Refusal::Answer(Box::new(problem(StatusCode::CONFLICT, "UNCERTAIN", &detail))))
        },
    }
}

async fn finish<DB: Engine>(inner: Inner<DB>, response: Response) -> Result<Response, Refusal> {
    let Inner { outbox, mut tx, operation } = inner;
    let status = response.status();
    let done = status.is_success() || status.is_redirection();
    let Some(operation) = operation else {
        if done {
            outbox.commit(tx).await?;
        } else {
            tx.rollback().await?;
        }
        return Ok(response);
    };
    if !done && !stands(status) {
        tx.rollback().await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES).await else {
        tracing::error!("an answer under an Idempotency-Key has more than 2 MiB; nothing was committed");
        return Err(Refusal::Answer(Box::new(problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "nothing was done",
        ))));
    };
    let stored =
        StoredResponse { status: status.as_u16(), headers: stored_headers(&parts.headers), body: body.to_vec() };
    if done {
        operation.complete(&outbox, &mut tx, &stored).await?;
    } else {
        DB::execute(&mut tx, UNDO.into_sql_str(), Vec::new()).await?;
        operation.fail(&outbox, &mut tx, &stored).await?;
    }
    outbox.commit(tx).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Whether a refusal is the same whenever the request comes again.
fn stands(status: StatusCode) -> bool {
    const PASSING: [u16; 9] = [400, 401, 403, 408, 413, 415, 422, 425, 429];
    status.is_client_error() && !PASSING.contains(&status.as_u16())
}

/// What belongs to one exchange, or to one client, is not part of the answer.
fn stored_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let passing =
        [header::DATE, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING, header::SET_COOKIE];
    let kept = headers.iter().filter(|(name, _)| !passing.contains(name));
    kept.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

fn replay(stored: StoredResponse) -> Response {
    let mut response = Response::new(Body::from(stored.body));
    *response.status_mut() = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    with_header(response, REPLAYED, "true")
}

/// One header, of text that can be read.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut keys = headers.get_all(KEY).iter();
    let Some(first) = keys.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|_| keys.next().is_none());
    let invalid = || OperationError::Invalid { field: "Idempotency-Key" }.into();
    text.map(|text| Some(text.to_owned())).ok_or_else(invalid)
}

/// The method and the route as the router knows it; the path where there is no route.
fn operation_of(parts: &Parts) -> String {
    let route = parts.extensions.get::<MatchedPath>().map_or(parts.uri.path(), |path| path.as_str());
    format!("{} {route}", parts.method).chars().take(255).collect()
}

/// SHA-256 over method, path with query, and body, each behind its length.
fn fingerprint(parts: &Parts, body: &Bytes) -> [u8; 32] {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), path.as_bytes(), body.as_ref()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// RFC 9457.
fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    let mut response = (status, body.to_string()).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
