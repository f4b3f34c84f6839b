//! The layers around all routes that know nothing of events: who calls from where, and what every answer carries.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use stateset_api::code::Code;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::edge::address::client;
use crate::edge::rate::{Standing, WINDOW_SECONDS};
use crate::edge::{Call, Edge, Origins, Standings};
use crate::http::problem::ApiError;
use crate::service::Service;

/// How long a browser may remember what a preflight told it.
const PREFLIGHT_LASTS: Duration = Duration::from_hours(1);
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Address of the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Runs the request as a [`Call`] and tells the caller where it stands.
pub async fn layer(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let from = client(peer, request.headers(), service.edge.trusts_proxy());
    let call = Call::new(Arc::clone(&service.edge), Arc::clone(&service.metrics), from);
    let (mut response, standings) = call.run(next.run(request)).await;
    tell_standings(response.headers_mut(), standings);
    secure(response.headers_mut(), &service.edge);
    response
}

/// Where nobody is asked who they are, a page of another site could have its own name point at this machine, would then be
/// of the same origin, and could read and write everything: such a request comes by that name.
pub async fn by_address(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    if service.edge.by_address && !stateset_dashboard::guard::of_nobody(request.headers()) {
        let detail =
            "without authentication this server is reached by its address or as localhost, not by another name";
        return ApiError::new(Code::InsufficientPermissions, detail).into_response();
    }
    next.run(request).await
}

/// `RateLimit` and `RateLimit-Policy` as in draft-ietf-httpapi-ratelimit-headers: one item for the API key, if it has a
/// rate of its own, and one for the tenant.
fn tell_standings(headers: &mut HeaderMap, standings: Standings) {
    let named = [("key", standings.key), ("tenant", standings.tenant)];
    let named: Vec<_> = named.into_iter().filter_map(|(name, standing)| Some((name, standing?))).collect();
    if named.is_empty() {
        return;
    }
    let list = |item: &dyn Fn(&(&str, Standing)) -> String| named.iter().map(item).collect::<Vec<_>>().join(", ");
    let fields = [
        (RATE_LIMIT_POLICY, list(&|(name, standing)| format!("\"{name}\";q={};w={WINDOW_SECONDS}", standing.limit))),
        (
            RATE_LIMIT,
            list(&|(name, standing)| format!("\"{name}\";r={};t={}", standing.remaining, standing.reset_seconds)),
        ),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// Nothing served here runs scripts, is shown in frames, or should be guessed at. A handler that knows better has said so.
fn secure(headers: &mut HeaderMap, edge: &Edge) {
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::REFERRER_POLICY, "no-referrer");
    default(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    default(header::CACHE_CONTROL, "no-store");
    if edge.tls {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

/// The CORS layer of `CORS_ALLOW_ORIGINS`; `None` if no origin is named. Cookies are not used, so none are allowed.
pub fn cors(origins: &Origins) -> Option<CorsLayer> {
    let allowed = match origins {
        Origins::None => return None,
        Origins::Any => AllowOrigin::any(),
        Origins::List(list) => AllowOrigin::list(list.iter().cloned()),
    };
    let names = |names: &[&'static str]| names.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>();
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers(names(&[
                "authorization",
                "content-type",
                "idempotency-key",
                "last-event-id",
                "traceparent",
                "x-api-key",
                "x-request-id",
            ]))
            .expose_headers(names(&[
                "idempotency-replayed",
                "ratelimit",
                "ratelimit-policy",
                "retry-after",
                "x-error-code",
                "x-request-id",
            ]))
            .max_age(PREFLIGHT_LASTS),
    )
}
