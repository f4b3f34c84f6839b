//! What comes with a request.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stateset_api::code::Code;
use stateset_outbox::Draft;
use stateset_outbox::consumer::Incoming;
use uuid::Uuid;

use super::failure::Failure;

/// A JSON body. Members that are not known are left alone; a body may be left out where every member may.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let too_large = |_| {
            let detail = format!("a request has at most {} bytes", super::BODY_BYTES);
            Failure::new(Code::PayloadTooLarge, detail)
        };
        let bytes = to_bytes(body, super::BODY_BYTES).await.map_err(too_large)?;
        let bytes = if bytes.is_empty() { b"{}".as_slice() } else { &bytes };
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if bytes != b"{}" && !kind.starts_with("application/json") {
            return Err(Failure::new(
                Code::UnsupportedMediaType,
                format!("the body is {kind:?}, not application/json"),
            ));
        }
        let value = serde_json::from_slice(bytes);
        value.map(Self).map_err(|fault| Failure::fault(Code::InvalidRequestBody, "", fault.to_string()))
    }
}

/// Parameters of the query.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(value)| Self(value)).map_err(|fault| Failure::new(Code::InvalidParameter, fault.body_text()))
    }
}

/// What a request, and the events that follow from it, belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    correlation_id: Option<String>,
    causation_id: Option<String>,
    traceparent: Option<String>,
}

impl Context {
    /// Of an event that follows from another one.
    pub(crate) fn of(event: &Incoming) -> Self {
        Self {
            correlation_id: event.notes.correlation_id.clone(),
            causation_id: Some(event.event_id.to_string()),
            traceparent: event.notes.traceparent.clone(),
        }
    }

    /// Writes it onto an event.
    pub(crate) fn on<P: Serialize>(&self, mut draft: Draft<P>) -> Draft<P> {
        if let Some(id) = &self.correlation_id {
            draft = draft.correlation_id(id);
        }
        if let Some(id) = &self.causation_id {
            draft = draft.causation_id(id);
        }
        if let Some(traceparent) = &self.traceparent {
            draft = draft.traceparent(traceparent);
        }
        draft
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Failure;

    /// `X-Correlation-Id`, else a new one: whatever follows from the request, in any service, has it.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let given = text("x-correlation-id");
        if given.as_ref().is_some_and(|id| id.is_empty() || id.len() > 256) {
            return Err(Failure::new(Code::InvalidParameter, "X-Correlation-Id has 1 to 256 characters"));
        }
        let correlation_id = Some(given.unwrap_or_else(|| Uuid::new_v4().to_string()));
        // What is no trace context is left out: it is not worth refusing an order for.
        let traceparent = text("traceparent").filter(|text| text.len() <= 128);
        Ok(Self { correlation_id, causation_id: None, traceparent })
    }
}
