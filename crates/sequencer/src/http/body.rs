//! Request bodies with our error body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_ENCODING;
use serde::de::DeserializeOwned;
use stateset_api::code::Code;

use super::problem::ApiError;
use crate::service::Service;

/// A body must arrive within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request body as received, within the configured bound. Compressed bodies are refused: a small one could unpack to
/// anything.
pub struct RawBody(pub Bytes);

impl FromRequest<Arc<Service>> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, ApiError> {
        if request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(ApiError::new(Code::UnsupportedMediaType, "compressed bodies are not taken"));
        }
        let body = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, service)).await;
        let Ok(body) = body else {
            return Err(ApiError::new(Code::Timeout, format!("the body did not arrive within {BODY_TIMEOUT:?}")));
        };
        body.map(Self).map_err(|fault| {
            if fault.status().as_u16() == Code::PayloadTooLarge.status() {
                let limit = service.limits.body_bytes;
                ApiError::new(
                    Code::PayloadTooLarge,
                    format!("the body has more than the {limit} bytes that are allowed"),
                )
            } else {
                ApiError::new(Code::InvalidRequestBody, fault.body_text())
            }
        })
    }
}

/// A JSON request body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Service>> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, service).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|fault| ApiError::fault(Code::InvalidRequestBody, "", fault.to_string()))
    }
}
