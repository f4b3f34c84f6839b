//! The caller of a route. The type of a handler's argument says which permission its route demands, and is the only way
//! to ask for more: a store, a tenant, an agent.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use stateset_api::code::Code;
use stateset_ledger::id::{AgentId, Scope, StoreId, TenantId};
use stateset_store::StoreError;
use stateset_store::api_key::ApiKey;

use super::problem::{ApiError, ApiResult};
use crate::edge;
use crate::identity::token::TokenFault;

use crate::identity::{Credential, Offered, Permission, Refused, Shown};
use crate::service::Service;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Longest credential in bytes. A token with all claims has a tenth of it.
const MAX_BYTES: usize = 8 * 1024;

/// A permission as a type.
pub trait Demand: Send + Sync + 'static {
    /// `None`: whoever has a valid credential.
    const PERMISSION: Option<Permission>;
}

/// Any valid credential.
pub struct Valid;
/// [`Permission::Read`].
pub struct Read;
/// [`Permission::Write`].
pub struct Write;
/// [`Permission::Admin`].
pub struct Admin;

impl Demand for Valid {
    const PERMISSION: Option<Permission> = None;
}
impl Demand for Read {
    const PERMISSION: Option<Permission> = Some(Permission::Read);
}
impl Demand for Write {
    const PERMISSION: Option<Permission> = Some(Permission::Write);
}
impl Demand for Admin {
    const PERMISSION: Option<Permission> = Some(Permission::Admin);
}

/// A caller that has shown a valid credential with the permission `P`.
pub struct Caller<P> {
    credential: Arc<Credential>,
    demand: PhantomData<P>,
}

impl<P: Demand> Caller<P> {
    /// Permits work on one store. The answer depends on the credential alone, never on what there is.
    pub fn store(&self, scope: Scope) -> ApiResult<()> {
        if self.credential.reaches_store(scope) {
            self.admit(scope.tenant)
        } else {
            Err(Self::refusal("this tenant and store"))
        }
    }

    /// Whether [`Self::store`] permits.
    pub fn sees(&self, scope: Scope) -> bool {
        self.credential.reaches_store(scope)
    }

    /// Permits work on a tenant; answers the stores that it covers, `None` for all.
    pub fn tenant(&self, tenant: TenantId) -> ApiResult<Option<Vec<StoreId>>> {
        if self.credential.reaches(tenant) {
            self.admit(tenant)?;
            Ok(self.credential.visible_stores())
        } else {
            Err(Self::refusal("this tenant"))
        }
    }

    /// Whether the credential is still accepted, asked by what goes on after the answer has begun.
    pub async fn still_holds(&self, service: &Service) -> Result<bool, StoreError> {
        service.identity.still_holds(service.store.as_ref(), service.clock.now(), &self.credential).await
    }

    /// Permits work in the name of an agent.
    pub fn agent(&self, agent: AgentId) -> ApiResult<()> {
        if self.credential.acts_for(agent) { Ok(()) } else { Err(Self::refusal("this agent")) }
    }

    /// The tenant of the request: the one it names, else the caller's own.
    pub fn tenant_or_own(&self, named: Option<TenantId>) -> ApiResult<TenantId> {
        let tenant = named.or(self.credential.tenant).ok_or_else(|| {
            ApiError::fault(Code::InvalidParameter, "tenant_id", "is required, because the credential is of no tenant")
        })?;
        self.tenant(tenant).map(|_| tenant)
    }

    /// Who calls, as far as the credential says: texts of different callers differ, and a caller's stays the same.
    pub fn name(&self) -> String {
        match &self.credential.shown {
            Shown::Standing => "operator".to_owned(),
            Shown::Key(prefix) => format!("key {prefix}"),
            // Of one issuer's tokens for a tenant only the agent tells them apart.
            Shown::Token(_) => format!("token of {:?}", self.credential.agent),
        }
    }

    /// What the edge has to say of a permitted call: administration by address, and the rates of key and tenant.
    fn admit(&self, tenant: TenantId) -> ApiResult<()> {
        if P::PERMISSION == Some(Permission::Admin) {
            edge::admit_admin()?;
        }
        edge::charge(tenant, self.credential.own_rate())
    }

    fn refusal(object: &str) -> ApiError {
        let permission = P::PERMISSION.map_or("", Permission::name);
        ApiError::new(
            Code::InsufficientPermissions,
            format!("the credential has no {permission} permission for {object}"),
        )
    }
}

impl Caller<Write> {
    /// Permits appending to `scope`.
    pub fn append(&self, scope: Scope) -> ApiResult<()> {
        self.store(scope)?;
        if scope.is_key_stream() {
            return Err(ApiError::new(
                Code::KeyStreamReserved,
                "the nil store holds the tenant's key stream, which only key changes write",
            ));
        }
        Ok(())
    }

    /// Permits reading `scope` as well, on the routes that do both.
    pub fn also_read(&self, scope: Scope) -> ApiResult<()> {
        if self.credential.holds(Permission::Read) { self.store(scope) } else { Err(missing(Permission::Read)) }
    }
}

impl Caller<Admin> {
    /// Permits work that concerns all stores of a tenant: agents and their keys belong to none of them.
    pub fn whole_tenant(&self, tenant: TenantId) -> ApiResult<()> {
        match self.tenant(tenant)? {
            None => Ok(()),
            Some(_) => Err(Self::refusal("all stores of this tenant")),
        }
    }

    /// Whether the caller may make, see and end a key like this.
    pub fn may_grant(&self, key: &ApiKey) -> bool {
        self.credential.may_grant(key)
    }
}

impl<P: Demand> FromRequestParts<Arc<Service>> for Caller<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, ApiError> {
        let credential = match parts.extensions.get::<Recognised>() {
            Some(Recognised(recognised)) => recognised.clone()?,
            None => recognise(service, &parts.headers).await?,
        };
        match P::PERMISSION {
            Some(permission) if !credential.holds(permission) => Err(missing(permission)),
            _ => Ok(Self { credential, demand: PhantomData }),
        }
    }
}

/// What became of the request's credential, left for its route by the layer that looked first.
#[derive(Clone)]
pub(super) struct Recognised(pub(super) ApiResult<Arc<Credential>>);

/// Whose request it is.
pub(super) async fn recognise(service: &Service, headers: &HeaderMap) -> ApiResult<Arc<Credential>> {
    if let Some(everybody) = service.identity.unasked() {
        return Ok(everybody);
    }
    let offered = offered(headers)?;
    Ok(service.identity.recognise(service.store.as_ref(), service.clock.now(), offered).await?)
}

fn missing(permission: Permission) -> ApiError {
    ApiError::new(Code::InsufficientPermissions, format!("the credential has no {} permission", permission.name()))
}

/// `Authorization: ApiKey <key>`, `Authorization: <key>`, `x-api-key: <key>` and `Authorization: Bearer <token>` are in
/// use. A request that carries two of them is refused: a proxy in front might have judged the other one.
pub fn offered(headers: &HeaderMap) -> ApiResult<Offered<'_>> {
    let mut values = headers
        .get_all(AUTHORIZATION)
        .iter()
        .map(|value| (true, value))
        .chain(headers.get_all(X_API_KEY).iter().map(|value| (false, value)));
    let Some((is_authorization, value)) = values.next() else {
        return Err(ApiError::new(Code::AuthRequired, "no credential was sent; send `Authorization: ApiKey <key>`"));
    };
    if values.next().is_some() {
        return Err(ApiError::new(Code::InvalidApiKey, "more than one credential was sent"));
    }
    let text = text(value).ok_or_else(|| ApiError::new(Code::InvalidApiKey, "the API key is not valid"))?;
    match text.split_once(' ') {
        _ if !is_authorization => Ok(Offered::Key(text)),
        None => Ok(Offered::Key(text)),
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("ApiKey") => Ok(Offered::Key(key.trim())),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => Ok(Offered::Token(token.trim())),
        Some((scheme, _)) => Err(ApiError::new(
            Code::InvalidApiKey,
            format!(
                "the authorization scheme {:?} is not supported; send `ApiKey <key>` or `Bearer <token>`",
                scheme.chars().take(16).collect::<String>()
            ),
        )),
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().filter(|text| text.len() <= MAX_BYTES)
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::Key => Self::new(Code::InvalidApiKey, detail),
            Refused::Token(TokenFault::Expired) => Self::new(Code::TokenExpired, detail),
            Refused::Token(_) => Self::new(Code::InvalidToken, detail),
            Refused::Store(error) => error.into(),
        }
    }
}
