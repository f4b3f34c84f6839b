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
use self::rate::{Standing, TenantRate};
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
    rate: Option<TenantRate>,
    admin_networks: Vec<Network>,
    trust_proxy: bool,
}

impl Edge {
    /// The rules as configured.
    pub fn new(config: EdgeConfig) -> Self {
        let EdgeConfig { rate_per_minute, origins, admin_networks, trust_proxy, metrics_access, tls } = config;
        Self { metrics_access, origins, tls, rate: rate_per_minute.map(TenantRate::new), admin_networks, trust_proxy }
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
    standing: Cell<Option<Standing>>,
}

tokio::task_local! {
    static CALL: Call;
}

impl Call {
    /// A call from `client`; `None` if nobody knows where from.
    pub fn new(edge: Arc<Edge>, metrics: Arc<Metrics>, client: Option<IpAddr>) -> Self {
        Self { edge, metrics, client, standing: Cell::new(None) }
    }

    /// Runs `future` as this call; returns what it returns and where its tenant stands, if it was charged.
    pub async fn run<F: Future>(self, future: F) -> (F::Output, Option<Standing>) {
        CALL.scope(self, async {
            let output = future.await;
            (output, CALL.with(|call| call.standing.get()))
        })
        .await
    }
}

/// Charges the current request to `tenant`, once; refuses it if the tenant has called too often. Outside of a request there
/// is nobody to charge.
pub fn charge(tenant: TenantId) -> ApiResult<()> {
    let charged = CALL.try_with(|call| {
        let Some(rate) = &call.edge.rate else { return Ok(()) };
        if call.standing.get().is_some() {
            return Ok(());
        }
        let outcome = rate.take(tenant);
        let (Ok(standing) | Err(standing)) = outcome;
        call.standing.set(Some(standing));
        outcome.map(drop).map_err(|standing| {
            call.metrics.rate_limited.inc();
            ApiError::new(Code::RateLimitExceeded, format!("the tenant may send {} requests a minute", standing.limit))
                .retry_after(standing.reset_seconds)
        })
    });
    charged.unwrap_or(Ok(()))
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
