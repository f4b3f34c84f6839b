//! JSON bodies, refused with our error body.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse as _;
use serde::de::DeserializeOwned;
use stateset_api::code::Code;

use super::problem::{ApiError, ApiResult};

/// A JSON body. The content type is not looked at: published clients do not all send one.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let bytes = Bytes::from_request(request, state).await.map_err(|fault| {
            let code = if fault.into_response().status().as_u16() == 413 {
                Code::PayloadTooLarge
            } else {
                Code::InvalidRequestBody
            };
            ApiError::new(code, "the body could not be read")
        })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|fault| ApiError::fault(Code::InvalidRequestBody, "", fault.to_string()))
    }
}
