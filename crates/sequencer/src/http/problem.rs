//! Errors on the wire: one type for handlers, one layer that writes the body.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use stateset_api::code::Code;
use stateset_api::problem::{Fault, Problem, PublishedError};
use stateset_store::StoreError;
use tracing::Instrument as _;

use crate::append::AppendError;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What a client waits before it tries again while the database is away or the queue is full.
const RETRY_SECONDS: u32 = 1;

/// A failed request.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    detail: String,
    errors: Vec<Fault>,
    retry_after: Option<u32>,
    registry: Option<u32>,
}

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error with a sentence about this occurrence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = matches!(code.status(), 503 | 429).then_some(RETRY_SECONDS);
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after, registry: None }
    }

    /// One named fault: a parameter or a JSON Pointer.
    pub fn fault(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        let detail = format!("{pointer}: {message}");
        Self { errors: vec![Fault { pointer, message }], ..Self::new(code, detail) }
    }

    /// What was wrong, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Several named faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.errors = faults;
        self
    }

    /// Adds the number that clients of the Confluent schema registry read.
    #[must_use]
    pub fn registry(mut self, error_code: u32) -> Self {
        self.registry = Some(error_code);
        self
    }

    /// What went wrong.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn problem(self, instance: &str, trace_id: &str) -> Problem {
        let code = self.code;
        Problem {
            kind: format!("/docs#{}", code.text()),
            title: code.title().to_owned(),
            status: code.status(),
            error: PublishedError { code: code.text().to_owned(), message: self.detail.clone() },
            error_code: self.registry,
            message: self.registry.map(|_| self.detail.clone()),
            detail: self.detail,
            instance: instance.to_owned(),
            code: code.text().to_owned(),
            fix: code.fix().to_owned(),
            errors: self.errors,
            trace_id: trace_id.to_owned(),
        }
    }
}

impl IntoResponse for ApiError {
    /// The body is written by [`layer`], which knows the path and the request's id.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        match error {
            StoreError::Conflict => Self::new(Code::Conflict, "the stored state changed while the request was decided"),
            StoreError::Unavailable(_) => {
                tracing::warn!(cause, "database not available");
                Self::new(Code::ServiceUnavailable, "the database is not available")
            },
            StoreError::Corrupt(_) => {
                tracing::error!(cause, "stored data is inconsistent");
                Self::new(Code::InternalError, "the stored data is inconsistent; the operator's log says where")
            },
        }
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Overloaded => Self::new(Code::Overloaded, error.to_string()),
            AppendError::Unavailable => Self::new(
                Code::ServiceUnavailable,
                "the database is not available; send the same batch again, events that landed are recognised",
            ),
            AppendError::Corrupt => {
                Self::new(Code::InternalError, "the stored data is inconsistent; the operator's log says where")
            },
        }
    }
}

/// Gives every request an id, and every failed one the one error body, whoever failed it: a handler, the router, a limit.
pub async fn layer(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let id = request_id(&request);
    let span = super::trace::span(&request, &id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    super::trace::finish(&span, status);
    let ours = response.extensions_mut().remove::<ApiError>();
    let foreign = || (status.is_client_error() || status.is_server_error()) && !is_explained(&response);
    let error = match ours {
        Some(error) => Some(error),
        None if foreign() => Some(of_status(status)),
        None => None,
    };
    if let Some(error) = error {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = write(error, &path, &id);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

fn write(error: ApiError, path: &str, id: &str) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after = error.retry_after;
    let code = error.code.text();
    let body = serde_json::to_vec(&error.problem(path, id)).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    response.headers_mut().insert(HeaderName::from_static("x-error-code"), HeaderValue::from_static(code));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey, Bearer"));
    }
    if [Code::PayloadTooLarge.text(), Code::Timeout.text()].contains(&code) {
        // The rest of the body is not read, so no request can follow on this connection: a client must not try.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A handler that answers JSON with an error status, as `/ready` does, or a page, as the dashboard does, has said what it
/// wants to say.
fn is_explained(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind == "application/json" || kind == "text/html; charset=utf-8")
}

/// Errors made by the framework: unknown route, wrong method, oversize, timeout, panic.
fn of_status(status: StatusCode) -> ApiError {
    let code = match status.as_u16() {
        404 => Code::RouteNotFound,
        405 => Code::MethodNotAllowed,
        408 | 504 => Code::Timeout,
        413 => Code::PayloadTooLarge,
        415 => Code::UnsupportedMediaType,
        503 => Code::ServiceUnavailable,
        500..=599 => Code::InternalError,
        _ => Code::InvalidRequestBody,
    };
    ApiError::new(code, code.title())
}

/// The caller's `x-request-id` if it is short and printable, else a new one.
fn request_id(request: &Request) -> String {
    const MAX_CHARS: usize = 128;
    request
        .headers()
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| !id.is_empty() && id.len() <= MAX_CHARS && id.bytes().all(|b| b.is_ascii_graphic()))
        .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}
