//! `GET /metrics`, and the layer that measures every request and names it in the log.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use stateset_api::code::Code;
use tokio::time::Instant;

use super::credential::{Caller, Valid};
use super::problem::{ApiError, ApiResult};
use crate::metrics::{Metrics, Pattern};
use crate::service::Service;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who may read the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Anybody: they name no tenant.
    #[default]
    Open,
    /// Whoever has a credential, whatever it permits.
    Credential,
    /// Nobody.
    Off,
}

/// A reader of the metrics.
pub struct MetricsReader;

impl FromRequestParts<Arc<Service>> for MetricsReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, ApiError> {
        match service.edge.metrics_access {
            MetricsAccess::Open => {},
            MetricsAccess::Credential => {
                Caller::<Valid>::from_request_parts(parts, service).await?;
            },
            MetricsAccess::Off => return Err(ApiError::new(Code::RouteNotFound, "METRICS_ACCESS is off")),
        }
        Ok(Self)
    }
}

/// The metrics of this process.
pub async fn metrics(State(service): State<Arc<Service>>, _: MetricsReader) -> ApiResult<Response> {
    let page = service.metrics.page(service.store.as_ref()).await;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS), (header::CACHE_CONTROL, "no-store")], page).into_response())
}

/// Counts and times the request.
pub async fn layer(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = Pattern(request.extensions().get::<MatchedPath>().cloned());
    let method = method(request.method());
    let started = Instant::now();
    let in_flight = InFlight::enter(&metrics);
    let response = next.run(request).await;
    drop(in_flight);
    let (taken, status) = (started.elapsed(), response.status().as_u16());
    if status >= 500 {
        tracing::warn!(method, route = route.as_str(), status, micros = taken.as_micros(), "request failed");
    } else {
        tracing::debug!(method, route = route.as_str(), status, micros = taken.as_micros(), "request");
    }
    metrics.http.answered(method, route, status, taken);
    response
}

/// The methods the API has, and one word for all others: a label must not be the client's to choose.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Counts down when dropped, so also when the client goes away.
struct InFlight<'a>(&'a Metrics);

impl<'a> InFlight<'a> {
    fn enter(metrics: &'a Metrics) -> Self {
        metrics.http.in_flight.inc();
        Self(metrics)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.http.in_flight.dec();
    }
}
