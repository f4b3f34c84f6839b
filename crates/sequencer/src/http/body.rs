//! JSON bodies with our error body.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use stateset_api::code::Code;

use super::problem::ApiError;

/// A JSON request body.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|fault| {
            let code = if fault.status().as_u16() == Code::PayloadTooLarge.status() {
                Code::PayloadTooLarge
            } else {
                Code::InvalidRequestBody
            };
            ApiError::new(code, fault.body_text())
        })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|fault| ApiError::fault(Code::InvalidRequestBody, "", fault.to_string()))
    }
}
