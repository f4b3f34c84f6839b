//! Refusals, in the project's one shape of errors and from its one table of codes.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use stateset_api::code::Code;
use stateset_api::problem::{Fault, Problem, PublishedError};
use stateset_contracts::commerce::Incomplete;
use stateset_contracts::machine::Illegal;
use stateset_outbox::WriteError;
use uuid::Uuid;

/// What a handler gives.
pub(crate) type Answer<T> = Result<(StatusCode, Json<T>), Failure>;

/// Longest refusal of another layer that is made whole.
const PROBLEM_BYTES: usize = 64 * 1024;

/// A request that was not done. Nothing of it was.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    code: Code,
    detail: String,
    errors: Vec<Fault>,
}

impl Failure {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new() }
    }

    /// A fault of one member of the body, or of a parameter.
    pub(crate) fn fault(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        let detail = if pointer.is_empty() { message.clone() } else { format!("{pointer}: {message}") };
        Self { errors: vec![Fault { pointer, message }], ..Self::new(code, detail) }
    }

    fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(Code::InternalError, "the request failed and nothing was done; the service's log has the reason")
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => Self::internal(&error),
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "the database did not do it");
                Self::new(Code::ServiceUnavailable, "the database did not do it; nothing was done, try again")
            },
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Retry(error) | WriteError::Database(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

impl From<Incomplete> for Failure {
    fn from(error: Incomplete) -> Self {
        Self::internal(&error)
    }
}

impl From<Illegal> for Failure {
    fn from(refusal: Illegal) -> Self {
        let Illegal { from, event, reason } = refusal;
        Self::new(Code::InvalidTransition, format!("{event} from {from}: {reason}"))
    }
}

impl IntoResponse for Failure {
    /// Without a body: [`complete`] knows the request, and writes it.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The layer that writes the bodies of refusals: those of handlers, and those of the outbox's layer, which names less.
pub(crate) async fn complete(request: Request, next: Next) -> Response {
    let instance = request.uri().path().to_owned();
    let trace_id = trace_id(request.headers());
    let mut response = next.run(request).await;
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        let Failure { code, detail, errors } = failure;
        return written(response.status(), problem(code.text(), code.title(), &detail, errors, &instance, &trace_id));
    }
    if !is_problem(response.headers()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, PROBLEM_BYTES).await else { return parts.status.into_response() };
    match serde_json::from_slice::<Brief>(&body) {
        Ok(brief) => {
            let title = parts.status.canonical_reason().unwrap_or_default();
            let whole = problem(&brief.code, title, &brief.detail, Vec::new(), &instance, &trace_id);
            let mut response = written(parts.status, whole);
            if let Some(wait) = parts.headers.get(header::RETRY_AFTER) {
                response.headers_mut().insert(header::RETRY_AFTER, wait.clone());
            }
            response
        },
        // It is whole already.
        Err(_) => Response::from_parts(parts, Body::from(body)),
    }
}

/// A route that does not exist.
pub(crate) async fn not_found() -> Failure {
    Failure::new(Code::RouteNotFound, "there is no such route; docs/guide/storefront.md lists them")
}

/// A refusal of the outbox's layer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Brief {
    code: String,
    detail: String,
    #[serde(rename = "type")]
    _kind: String,
    #[serde(rename = "title")]
    _title: Option<String>,
    #[serde(rename = "status")]
    _status: u16,
}

fn problem(code: &str, title: &str, detail: &str, errors: Vec<Fault>, instance: &str, trace_id: &str) -> Problem {
    let known = Code::ALL.iter().find(|known| known.text() == code);
    let fix = known.map_or("send the same request again after Retry-After", |known| known.fix());
    Problem {
        kind: format!("/docs#{code}"),
        title: known.map_or(title, |known| known.title()).to_owned(),
        status: 0,
        detail: detail.to_owned(),
        instance: instance.to_owned(),
        code: code.to_owned(),
        fix: fix.to_owned(),
        errors,
        trace_id: trace_id.to_owned(),
        error: PublishedError { code: code.to_owned(), message: detail.to_owned() },
        error_code: None,
        message: None,
    }
}

fn written(status: StatusCode, problem: Problem) -> Response {
    let mut response = (status, Json(Problem { status: status.as_u16(), ..problem })).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json")
}

/// The trace id of `traceparent`, else a new one.
fn trace_id(headers: &HeaderMap) -> String {
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let given = traceparent.and_then(|text| text.split('-').nth(1)).filter(|id| id.len() == 32);
    given.map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned)
}
