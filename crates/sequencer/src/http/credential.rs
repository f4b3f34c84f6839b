//! Who calls, and what that permits. For now there is one key, which permits everything for every tenant; handlers ask
//! nevertheless, for each scope they touch.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use stateset_api::code::Code;
use stateset_ledger::id::{Scope, StoreId, TenantId};
use subtle::ConstantTimeEq as _;

use super::problem::{ApiError, ApiResult};
use crate::edge;
use crate::service::{Access, Service};

/// A caller that has shown a valid credential.
#[derive(Clone, Debug)]
pub struct Credential {
    /// `None`: any tenant.
    tenant: Option<TenantId>,
    read: bool,
    write: bool,
    admin: bool,
}

impl Credential {
    /// May do everything for every tenant.
    const BOOTSTRAP: Self = Self { tenant: None, read: true, write: true, admin: true };

    /// Permits reading `scope`, or says what is missing.
    pub fn may_read(&self, scope: Scope) -> ApiResult<()> {
        self.permit(self.read, "read", scope.tenant)
    }

    /// Permits reading the tenant's data; answers the stores it may see, `None` for all.
    pub fn may_read_tenant(&self, tenant: TenantId) -> ApiResult<Option<Vec<StoreId>>> {
        self.permit(self.read, "read", tenant).map(|()| None)
    }

    /// Permits appending to `scope`.
    pub fn may_write(&self, scope: Scope) -> ApiResult<()> {
        self.permit(self.write, "write", scope.tenant)?;
        if scope.is_key_stream() {
            return Err(ApiError::new(
                Code::KeyStreamReserved,
                "the nil store holds the tenant's key stream, which only key changes write",
            ));
        }
        Ok(())
    }

    /// Permits administering the tenant.
    pub fn may_administer(&self, tenant: TenantId) -> ApiResult<()> {
        edge::admit_admin()?;
        self.permit(self.admin, "admin", tenant)
    }

    fn permit(&self, granted: bool, permission: &str, tenant: TenantId) -> ApiResult<()> {
        if granted && self.tenant.is_none_or(|own| own == tenant) {
            return edge::charge(tenant);
        }
        Err(ApiError::new(
            Code::InsufficientPermissions,
            format!("the credential has no {permission} permission for this tenant"),
        ))
    }
}

impl FromRequestParts<Arc<Service>> for Credential {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, ApiError> {
        let Access::Key(expected) = &service.access else { return Ok(Self::BOOTSTRAP) };
        let offered = offered_key(parts)?;
        if bool::from(offered.as_bytes().ct_eq(expected.as_bytes())) {
            Ok(Self::BOOTSTRAP)
        } else {
            Err(ApiError::new(Code::InvalidApiKey, "the API key is not valid"))
        }
    }
}

/// `Authorization: ApiKey <key>`, `Authorization: <key>` and `x-api-key: <key>` are in use.
fn offered_key(parts: &Parts) -> ApiResult<&str> {
    let missing = || ApiError::new(Code::AuthRequired, "no credential was sent; send `Authorization: ApiKey <key>`");
    if let Some(value) = parts.headers.get("x-api-key") {
        return value.to_str().map_err(|_| missing());
    }
    let value = parts.headers.get(AUTHORIZATION).ok_or_else(missing)?.to_str().map_err(|_| missing())?;
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("ApiKey") => Ok(key.trim()),
        Some((scheme, _)) => Err(ApiError::new(
            Code::InvalidApiKey,
            format!(
                "the authorization scheme {:?} is not supported; send `ApiKey <key>`",
                scheme.chars().take(16).collect::<String>()
            ),
        )),
        None => Ok(value),
    }
}
