//! Streamable HTTP. Every request stands for itself: no sessions, whatever the version of the client.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next as Inner};
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use sha2::{Digest as _, Sha256};
use stateset_inspect::Fault;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// Where the tools are.
const PATH: &str = "/mcp";
/// Longest request.
const REQUEST_BYTES: usize = 1024 * 1024;
/// Shortest token.
const TOKEN_CHARS: usize = 16;

/// A secret that clients show. Only its SHA-256 is kept.
#[derive(Clone)]
pub struct BearerToken([u8; 32]);

impl BearerToken {
    /// # Errors
    /// `INVALID_ARGUMENT` if it is shorter than 16 characters, or no header can hold it.
    pub fn new(secret: &str) -> Result<Self, Fault> {
        let plain = secret.bytes().all(|byte| byte.is_ascii_graphic());
        if secret.len() < TOKEN_CHARS || !plain {
            let fix = "make one with: openssl rand -hex 32";
            return Err(Fault::usage("the token has at least 16 characters, all of them printable ASCII", fix));
        }
        Ok(Self(Sha256::digest(secret).into()))
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.split_once(' '));
        let shown = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret.trim());
        // Both are hashes: the time says nothing about the secret.
        shown.is_some_and(|secret| self.0.ct_eq(&<[u8; 32]>::from(Sha256::digest(secret))).into())
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BearerToken(…)")
    }
}

/// Who may come in.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// What clients must show. Without one, the server listens on loopback only.
    pub token: Option<BearerToken>,
    /// Origins of web pages that may call, such as `https://agents.example:443`. None by default: a page in somebody's
    /// browser cannot reach the tools.
    pub allowed_origins: Vec<String>,
    /// Names under which clients reach the server, besides loopback and the address it listens on.
    pub allowed_hosts: Vec<String>,
}

impl HttpSettings {
    /// Whether a server may listen there.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`: beyond loopback, a token is needed.
    pub fn check(&self, address: SocketAddr) -> Result<(), Fault> {
        if self.token.is_some() || address.ip().is_loopback() {
            return Ok(());
        }
        let message = format!("{address} can be reached by others, and anybody could call the tools");
        Err(Fault::usage(message, "set a token in STATESET_MCP_TOKEN, or listen on 127.0.0.1"))
    }

    fn config(&self, address: SocketAddr, stop: &CancellationToken) -> StreamableHttpServerConfig {
        let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), address.ip().to_string()];
        StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_cancellation_token(stop.clone())
            .with_max_request_body_bytes(REQUEST_BYTES)
            .with_allowed_hosts(own.into_iter().chain(self.allowed_hosts.iter().cloned()))
            .with_allowed_origins(self.allowed_origins.iter().cloned())
            // Without this, an empty list would mean that every page may call.
            .enforce_origin_validation()
    }
}

impl Server {
    /// Serves at `/mcp` on `listener` until `stop` is cancelled; calls at work are finished.
    ///
    /// # Errors
    /// As of [`HttpSettings::check`]; `SOURCE_UNAVAILABLE` if the listener breaks down.
    pub async fn http(self, listener: TcpListener, settings: HttpSettings, stop: CancellationToken) -> Result<(), Fault> {
        let broken = |error: std::io::Error| Fault::unavailable("the listener", error);
        let address = listener.local_addr().map_err(broken)?;
        settings.check(address)?;
        let router = self.router(address, &settings, &stop);
        axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await.map_err(broken)
    }

    fn router(self, address: SocketAddr, settings: &HttpSettings, stop: &CancellationToken) -> Router {
        let sessions = Arc::new(NeverSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(self.clone()), sessions, settings.config(address, stop));
        let router = Router::new().route_service(PATH, service);
        match &settings.token {
            Some(token) => router.layer(middleware::from_fn_with_state(token.clone(), with_token)),
            None => router,
        }
    }
}

async fn with_token(State(token): State<BearerToken>, request: Request, next: Inner) -> Response {
    if token.is_shown(request.headers()) {
        return next.run(request).await;
    }
    let mut refusal = (StatusCode::UNAUTHORIZED, "this server wants a bearer token").into_response();
    refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_compared_whole_and_never_shown() {
        let token = BearerToken::new("0123456789abcdef0123").expect("a token");
        let headers = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a header"))]);
        assert!(token.is_shown(&headers("Bearer 0123456789abcdef0123")));
        assert!(token.is_shown(&headers("bearer 0123456789abcdef0123")));
        for bad in ["Bearer 0123456789abcdef012", "Basic 0123456789abcdef0123", "0123456789abcdef0123", "Bearer ", ""] {
            assert!(!token.is_shown(&headers(bad)), "{bad}");
        }
        assert!(!token.is_shown(&HeaderMap::new()));
        assert!(!format!("{token:?}").contains("0123"));
        assert!(BearerToken::new("short").is_err() && BearerToken::new("with a space in it!").is_err());
    }

    #[test]
    fn beyond_loopback_a_token_is_needed() {
        let open = HttpSettings::default();
        let closed = HttpSettings { token: BearerToken::new("0123456789abcdef").ok(), ..HttpSettings::default() };
        for (address, needed) in [("127.0.0.1:1", false), ("[::1]:1", false), ("0.0.0.0:1", true), ("10.0.0.1:1", true)] {
            let address = address.parse().expect("an address");
            assert_eq!(open.check(address).is_err(), needed, "{address}");
            assert!(closed.check(address).is_ok(), "{address}");
        }
    }
}
