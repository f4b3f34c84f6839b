//! A dashboard over an API whose every text is hostile, and a browser that keeps cookies and sends what browsers send.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stateset_dashboard::{Dashboard, Denied, Host, Scope, Sessions, StreamLine, Who, router};
use tower::ServiceExt as _;
use uuid::Uuid;

pub(crate) const KEY: &str = "ss_abc_secret";
pub(crate) const TENANT: Uuid = Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111);
pub(crate) const STORE: Uuid = Uuid::from_u128(0x2222_2222_2222_4222_8222_2222_2222_2222);
pub(crate) const EVENT: Uuid = Uuid::from_u128(0x3333_3333_3333_4333_8333_3333_3333_3333);
/// Breaks out of text, attributes, comments and scripts, if anything lets it.
pub(crate) const HOSTILE: &str = "--></script><img src=x onerror=\"alert(1)\">'\"&{{7*7}}\u{202e}";
const HASH: &str = "1fd1543d2bd167a80c91d59ea7c9202e2c794c3e1fd1543d2bd167a80c91d59e";

/// One key that works.
pub(crate) struct Door;

impl Host for Door {
    fn identify<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Who, Denied>> {
        let who = Who { name: HOSTILE.to_owned(), tenant: None, stores: None, read: true, write: false, admin: false };
        Box::pin(async move { if key == KEY { Ok(who) } else { Err(Denied::Credential) } })
    }

    fn everybody(&self) -> Option<Who> {
        None
    }

    fn streams<'a>(&'a self, _: &'a Who) -> BoxFuture<'a, Result<Vec<StreamLine>, Denied>> {
        let line = StreamLine {
            scope: Scope { tenant: TENANT, store: STORE },
            size: 7,
            root: HOSTILE.to_owned(),
            last_at_us: Some(1_767_225_600_000_000),
        };
        Box::pin(async move { Ok(vec![line]) })
    }
}

fn event() -> Value {
    json!({
        "ves_version": 2, "event_id": EVENT, "tenant_id": TENANT, "store_id": STORE, "source_agent_id": EVENT, "agent_key_id": 1,
        "entity_type": HOSTILE, "entity_id": HOSTILE, "event_type": HOSTILE, "created_at": HOSTILE, "payload_kind": 0,
        "payload": { HOSTILE: HOSTILE }, "payload_plain_hash": HOSTILE, "payload_cipher_hash": HOSTILE,
        "agent_signature": HOSTILE, "command_id": EVENT, "base_version": 3, "order_key": HOSTILE, "correlation_id": HOSTILE,
        "causation_id": HOSTILE, "schema_version": 1, "metadata": { HOSTILE: [HOSTILE] }, "traceparent": HOSTILE,
        "sequence_number": 5, "sequenced_at": HOSTILE,
    })
}

fn page(events: &[Value]) -> Value {
    json!({
        "events": events, "total": 1, "total_exact": true, "count": events.len(), "next_sequence": 6, "head_sequence": 7,
        "has_more": true, "entity_type": HOSTILE, "entity_id": HOSTILE, "current_version": 1,
        "diagnostics": { "without": [{ "filter": HOSTILE, "total": 3, "total_exact": false }], "nearest_event_type": HOSTILE },
    })
}

fn commitment() -> Value {
    json!({
        "batch_id": EVENT, "tenant_id": TENANT, "store_id": STORE, "ves_version": 1, "tree_depth": 3, "leaf_count": 7,
        "padded_leaf_count": 8, "merkle_root": HASH, "prev_state_root": HASH, "new_state_root": HASH, "sequence_start": 1,
        "sequence_end": 7, "committed_at": HOSTILE, "is_anchored": false,
    })
}

fn inclusion() -> Value {
    json!({
        "sequence_number": 5, "stream_id": HASH, "leaf_hash": HASH, "leaf_kind": "ves", "leaf_index": 4, "tree_size": 7,
        "root": HASH, "path": [HASH, HASH, HASH],
        "logged_head": { "size": 7, "root": HASH, "log_index": 1, "salt": HASH.get(..32).unwrap_or_default(), "record": HOSTILE, "log_size": 2,
            "log_path": [HASH], "checkpoint": HOSTILE },
    })
}

/// The API, as far as pages ask: it demands the key and answers nothing harmless.
fn api() -> Router {
    let reply = |value: Value| {
        get(move |headers: HeaderMap| async move {
            let sent =
                headers.get(header::AUTHORIZATION).is_some_and(|value| value == format!("ApiKey {KEY}").as_str());
            if sent { axum::Json(value).into_response() } else { StatusCode::UNAUTHORIZED.into_response() }
        })
    };
    let single = json!({
        "event": event(),
        "receipt": { "sequencer_id": HOSTILE, "receipt_hash": HOSTILE, "leaf_hash": HOSTILE, "sequencer_signature": HOSTILE, "sequencer_key_version": 1 },
        "signature": { "state": "invalid", "content_hash": HASH, "key_id": 1, "public_key": HOSTILE, "key_status": HOSTILE, "cause": HOSTILE },
        "proof": { "stream_size": 7, "batch_id": EVENT, "logged": true },
    });
    let head = json!({
        "head_sequence": 7, "size": 7, "root": HASH, "stream_id": HASH, "signature": null, "key_version": 1,
        "signed_at_us": 1_767_225_600_000_000_i64, "checkpoint": format!("{HOSTILE}\n{HOSTILE}\n"),
    });
    let keys = json!({ "keys": [{ "agentId": EVENT, "keyId": 1, "publicKey": HOSTILE, "validFrom": HOSTILE, "validTo": HOSTILE,
        "revokedAt": HOSTILE, "status": HOSTILE, "keyStreamSequence": 1 }] });
    let metrics = format!(
        "stateset_append_events_total{{outcome=\"{}\"}} 3\nstateset_http_request_duration_seconds_count{{route=\"{0}\"}} 3\n",
        HOSTILE.replace('"', "\\\"")
    );
    Router::new()
        .route("/api/v1/head", reply(head))
        .route("/api/v1/events", reply(page(&[event()])))
        .route(
            "/api/v1/ves/events",
            get(|request: Request| async move {
                let empty = request.uri().query().is_some_and(|query| query.contains("event_type=nothing"));
                axum::Json(if empty { page(&[]) } else { page(&[event()]) })
            }),
        )
        .route("/api/v1/events/{id}", reply(single))
        .route("/api/v1/proofs/inclusion", reply(inclusion()))
        .route("/api/v1/proofs/consistency", reply(json!({})))
        .route(
            "/api/v1/ves/commitments",
            reply(json!({ "commitments": [commitment()], "count": 1, "next_sequence": 8, "has_more": true })),
        )
        .route("/api/v1/ves/entities/{kind}/{id}", reply(page(&[event(), event()])))
        .route("/api/v1/agents/keys", reply(keys))
        .route("/metrics", get(move || async move { metrics.clone() }))
}

/// What somebody at a browser has.
pub(crate) struct Browser {
    router: Router,
    /// What stands in the address bar.
    pub(crate) host: &'static str,
    pub(crate) cookie: Option<String>,
    pub(crate) sessions: Arc<Sessions>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let sessions = Arc::new(Sessions::default());
        let dashboard = Dashboard::new(Arc::new(Door), Arc::clone(&sessions), "/dashboard", api());
        Self { router: router(dashboard), host: "log.example", cookie: None, sessions }
    }

    #[cfg(feature = "outbox")]
    pub(crate) fn over(router: Router) -> Self {
        Self { router, host: "127.0.0.1", cookie: None, sessions: Arc::default() }
    }

    pub(crate) async fn logged_in() -> Self {
        let mut browser = Self::new();
        let answer = browser.post("/dashboard/login", &format!("key={KEY}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).header(header::ACCEPT, "text/html"), "").await
    }

    /// Of an answer that need not end.
    #[cfg(feature = "outbox")]
    pub(crate) async fn status(&mut self, path: &str) -> StatusCode {
        let request = Request::get(path).header(header::HOST, self.host).header(header::ACCEPT, "text/html");
        let cookie = format!("stateset_session={}", self.cookie.as_deref().unwrap_or_default());
        let request = request.header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    /// As the form of one of our own pages.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(
            Request::post(path)
                .header(header::ORIGIN, format!("http://{}", self.host))
                .header("sec-fetch-site", "same-origin"),
            form,
        )
        .await
    }

    pub(crate) async fn send(&mut self, request: axum::http::request::Builder, body: &str) -> Answer {
        let mut request = request.header(header::HOST, self.host);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, format!("stateset_session={cookie}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        if let Some(set) = parts.headers.get(header::SET_COOKIE) {
            let value =
                set.to_str().unwrap().split(';').next().unwrap().trim_start_matches("stateset_session=").to_owned();
            self.cookie = Some(value).filter(|value| !value.is_empty());
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// All pages of a stream.
pub(crate) fn pages() -> Vec<String> {
    let stream = format!("/dashboard/stream/{TENANT}/{STORE}");
    let hostile = stateset_dashboard::place::query(&[
        ("entity_type", HOSTILE),
        ("entity_id", HOSTILE),
        ("event_type", HOSTILE),
        ("from", "3"),
    ]);
    let mut pages: Vec<String> = ["", "/events", "/events?event_type=nothing", "/entities", "/log", "/agents"]
        .iter()
        .map(|path| format!("{stream}{path}"))
        .collect();
    pages.extend([
        format!("{stream}/events?{hostile}"),
        format!("{stream}/entities?{hostile}"),
        format!("{stream}/events/{EVENT}"),
        "/dashboard".to_owned(),
        "/dashboard/server".to_owned(),
        "/dashboard/style".to_owned(),
        "/dashboard/catalogue".to_owned(),
        "/dashboard/catalogue?type=order.created".to_owned(),
        format!("/dashboard/catalogue?{}", stateset_dashboard::place::query(&[("type", HOSTILE)])),
    ]);
    pages
}
