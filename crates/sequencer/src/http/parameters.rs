//! Query parameters and path segments, refused by name.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stateset_api::code::Code;
use stateset_ledger::id::{Scope, StoreId, TenantId};
use uuid::Uuid;

use super::problem::{ApiError, ApiResult};

/// [`Query`] with our error body.
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(value) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|fault| ApiError::fault(Code::InvalidParameter, "query", fault.body_text()))?;
        Ok(Self(value))
    }
}

/// [`Path`] with our error body.
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(value) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|fault| ApiError::fault(Code::InvalidParameter, "path", fault.body_text()))?;
        Ok(Self(value))
    }
}

/// Query of the routes that need to know only which stream.
#[derive(Debug, Default, Deserialize)]
pub struct ScopeParameters {
    #[serde(alias = "tenantId")]
    tenant_id: Option<String>,
    #[serde(alias = "storeId")]
    store_id: Option<String>,
}

impl ScopeParameters {
    /// Tenant and store.
    pub fn scope(&self) -> ApiResult<Scope> {
        scope(self.tenant_id.as_deref(), self.store_id.as_deref())
    }
}

/// Reads a value that is text on the wire, so that a fault names the parameter.
pub fn parse<T: FromStr>(name: &str, text: &str, expected: &str) -> ApiResult<T> {
    text.parse().map_err(|_| ApiError::fault(Code::InvalidParameter, name, format!("{text:.80?} is not {expected}")))
}

/// Reads an optional value; absent and empty are the same.
pub fn parse_optional<T: FromStr>(name: &str, text: Option<&str>, expected: &str) -> ApiResult<Option<T>> {
    text.filter(|text| !text.is_empty()).map(|text| parse(name, text, expected)).transpose()
}

/// A required UUID.
pub fn uuid(name: &str, text: Option<&str>) -> ApiResult<Uuid> {
    let text = text.ok_or_else(|| ApiError::fault(Code::InvalidParameter, name, "is required"))?;
    parse(name, text, "a UUID")
}

/// `tenant_id` and `store_id`.
pub fn scope(tenant: Option<&str>, store: Option<&str>) -> ApiResult<Scope> {
    Ok(Scope::new(TenantId(uuid("tenant_id", tenant)?), StoreId(uuid("store_id", store)?)))
}
