//! What stands between a connection and the handlers: who may call from where, and how often.
//!
//! The layer in `http::edge` opens a call ([`Call`]) around each request; the credential, which alone knows the tenant,
//! charges it ([`charge`]). So a bucket is charged for calls that were permitted, and nobody can empty another tenant's.

pub mod address;
pub mod rate;

use std::cell::Cell;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::http::HeaderValue;
use stateset_api::code::Code;
use stateset_ledger::id::TenantId;

use self::address::Network;
use self::rate::{KeyRate, Standing, TenantRate};
use crate::http::metrics::MetricsAccess;
use crate::http::problem::{ApiError, ApiResult};
use crate::metrics::Metrics;

/// Which origins a browser may call from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// None: no CORS headers.
    #[default]
    None,
    /// Any.
    Any,
    /// These.
    List(Vec<HeaderValue>),
}

/// What the operator decided about callers.
#[derive(Clone, Debug, Default)]
pub struct EdgeConfig {
    /// `RATE_LIMIT_PER_MINUTE`.
    pub rate_per_minute: Option<NonZeroU32>,
    /// `CORS_ALLOW_ORIGINS`.
    pub origins: Origins,
    /// `ADMIN_IP_ALLOWLIST`; empty: administration from anywhere.
    pub admin_networks: Vec<Network>,
    /// `TRUST_PROXY_HEADERS`.
    pub trust_proxy: bool,
    /// `METRICS_ACCESS`.
    pub metrics_access: MetricsAccess,
    /// Whether this process speaks TLS itself.
    pub tls: bool,
    /// Whether requests must come by an address or as `localhost`: nobody is asked who they are, and a loopback address is
    /// all that keeps strangers away.
    pub by_address: bool,
}

/// The rules of [`EdgeConfig`] at work.
#[derive(Default)]
pub struct Edge {
    /// Who may read the metrics.
    pub metrics_access: MetricsAccess,
    /// Which origins a browser may call from.
    pub origins: Origins,
    /// Whether answers should tell browsers to come back by TLS only.
    pub tls: bool,
    /// Whether requests must come by an address or as `localhost`.
    pub by_address: bool,
    rate: Option<TenantRate>,
    key_rate: KeyRate,
    admin_networks: Vec<Network>,
    trust_proxy: bool,
}

impl Edge {
    /// The rules as configured.
    pub fn new(config: EdgeConfig) -> Self {
        let EdgeConfig { rate_per_minute, origins, admin_networks, trust_proxy, metrics_access, tls, by_address } =
            config;
        let (rate, key_rate) = (rate_per_minute.map(TenantRate::new), KeyRate::default());
        Self { metrics_access, origins, tls, by_address, rate, key_rate, admin_networks, trust_proxy }
    }

    /// Whether the headers of a proxy are believed.
    pub fn trusts_proxy(&self) -> bool {
        self.trust_proxy
    }
}

/// One request, as far as the rules go.
pub struct Call {
    edge: Arc<Edge>,
    metrics: Arc<Metrics>,
    client: Option<IpAddr>,
    standings: Cell<Standings>,
}

/// Where those stand to whom a call was charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// The API key, if it has a rate of its own.
    pub key: Option<Standing>,
    /// The tenant, if tenants have a rate.
    pub tenant: Option<Standing>,
    charged: bool,
}

tokio::task_local! {
    static CALL: Call;
}

impl Call {
    /// A call from `client`; `None` if nobody knows where from.
    pub fn new(edge: Arc<Edge>, metrics: Arc<Metrics>, client: Option<IpAddr>) -> Self {
        Self { edge, metrics, client, standings: Cell::default() }
    }

    /// Runs `future` as this call; returns what it returns and where those stand who were charged for it.
    pub async fn run<F: Future>(self, future: F) -> (F::Output, Standings) {
        CALL.scope(self, async {
            let output = future.await;
            (output, CALL.with(|call| call.standings.get()))
        })
        .await
    }
}

/// Charges the current request to `tenant` and to the API key (prefix, requests per minute) that has a rate of its own;
/// once. Refuses it if one of them has called too often; the key is asked first, so that what it may not do costs its
/// tenant nothing. Outside of a request there is nobody to charge.
pub fn charge(tenant: TenantId, key: Option<(&str, NonZeroU32)>) -> ApiResult<()> {
    CALL.try_with(|call| call.charge(tenant, key)).unwrap_or(Ok(()))
}

impl Call {
    fn charge(&self, tenant: TenantId, key: Option<(&str, NonZeroU32)>) -> ApiResult<()> {
        let mut standings = self.standings.get();
        if standings.charged {
            return Ok(());
        }
        standings.charged = true;
        let mut refused = None;
        if let Some((prefix, per_minute)) = key {
            let outcome = self.edge.key_rate.take(prefix, per_minute);
            let (Ok(standing) | Err(standing)) = outcome;
            standings.key = Some(standing);
            refused = outcome.is_err().then_some(("API key", standing));
        }
        if refused.is_none()
            && let Some(rate) = &self.edge.rate
        {
            let outcome = rate.take(tenant);
            let (Ok(standing) | Err(standing)) = outcome;
            standings.tenant = Some(standing);
            refused = outcome.is_err().then_some(("tenant", standing));
        }
        self.standings.set(standings);
        let Some((who, standing)) = refused else { return Ok(()) };
        self.metrics.rate_limited.inc();
        let message = format!("the {who} may send {} requests a minute", standing.limit);
        Err(ApiError::new(Code::RateLimitExceeded, message).retry_after(standing.reset_seconds))
    }
}

/// Refuses administration from an address that is not in `ADMIN_IP_ALLOWLIST`.
pub fn admit_admin() -> ApiResult<()> {
    let admitted = CALL.try_with(|call| {
        let networks = &call.edge.admin_networks;
        networks.is_empty() || call.client.is_some_and(|client| networks.iter().any(|network| network.contains(client)))
    });
    if admitted.unwrap_or(true) {
        return Ok(());
    }
    Err(ApiError::new(Code::InsufficientPermissions, "administration is not permitted from this address"))
}
