//! A service without a socket: its router is called directly, over a store in memory and a clock that stands still.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::Value;
use stateset_ledger::id::{Micros, Scope, StoreId, TenantId};
use stateset_ledger::json;
use stateset_ledger::signature::Signer as _;
use stateset_sequencer::agent_keys::KeyCache;
use stateset_sequencer::append::{Flusher, FlusherParts};
use stateset_sequencer::clock::Clock;
use stateset_sequencer::http::router;
use stateset_sequencer::identity::token::Tokens;
use stateset_sequencer::identity::{Access, Identity};
use stateset_sequencer::keyring::Keyring;
use stateset_sequencer::log_tiles::LogTiles;
use stateset_sequencer::metrics::Metrics;
use stateset_sequencer::schemas::{Mode, Registry};
use stateset_sequencer::service::{Limits, Service};
use stateset_sequencer::signing::SequencerKey;
use stateset_sequencer::tile_cache::TileCache;
use stateset_store::Store;
use stateset_store::memory::MemoryStore;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use uuid::Uuid;

/// 2023-11-14T22:13:20Z.
pub(crate) const START: i64 = 1_700_000_000_000_000;

/// Stands still until it is moved.
pub(crate) struct StillClock(AtomicI64);

impl StillClock {
    pub(crate) fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}

/// What a service of a test is made of.
pub(crate) struct Setting {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) payload_key: [u8; 32],
    pub(crate) access: Access,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) timeout: Duration,
    pub(crate) signing_seed: [u8; 32],
    pub(crate) schema_mode: Mode,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            payload_key: [9; 32],
            access: Access::Open,
            tokens: None,
            timeout: Duration::from_secs(30),
            signing_seed: [5; 32],
            schema_mode: Mode::default(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Sequencer {
    pub(crate) service: Arc<Service>,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) stop: CancellationToken,
    router: Router,
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, code and the first fault's pointer of a failure in our one error body.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text());
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(!text("/detail").is_empty() && !text("/fix").is_empty(), "{body}");
        assert_eq!(self.headers["x-error-code"], text("/code").as_str());
        (self.status.as_u16(), text("/code"), text("/errors/0/pointer"))
    }
}

impl Sequencer {
    pub(crate) async fn new() -> Self {
        Self::with(Setting::default()).await
    }

    pub(crate) async fn with(setting: Setting) -> Self {
        let Setting { store, payload_key, access, tokens, timeout, signing_seed, schema_mode } = setting;
        let clock = Arc::new(StillClock(AtomicI64::new(START)));
        let key = SequencerKey::from_seed(&signing_seed).unwrap();
        let number = store.register_sequencer_key(key.public_key(), clock.now()).await.unwrap();
        let signer = Arc::new(key.numbered(number));
        let (keyring, keys) = (Arc::new(Keyring::new(vec![payload_key])), Arc::new(KeyCache::default()));
        let (grown, metrics) = (Arc::new(Notify::new()), Arc::new(Metrics::default()));
        let log = store.log_state([8; 32]).await.unwrap();
        let (appender, flusher) = Flusher::new(FlusherParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            signer: Arc::clone(&signer),
            keyring: Arc::clone(&keyring),
            keys: Arc::clone(&keys),
            unsigned_allowed: true,
            grown: Arc::clone(&grown),
            metrics: Arc::clone(&metrics),
        });
        drop(TaskTracker::new().spawn(flusher.run()));
        let service = Arc::new(Service {
            stream_tiles: TileCache::default(),
            log_tiles: LogTiles::new(Arc::clone(&store), log.blinding_key),
            store,
            appender,
            keys,
            keyring,
            signer,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            sequencer_id: "test".into(),
            log_origin: "log.example/one".to_owned(),
            limits: Limits { body_bytes: 10 << 20, batch_events: 1_000, payload_bytes: 1 << 20, future_skew_ms: None },
            identity: Identity::new(&access, tokens),
            possession_proof_required: true,
            public_log: true,
            blinding_key: log.blinding_key,
            grown,
            published: Arc::new(Notify::new()),
            log_wanted: Arc::new(Notify::new()),
            metrics,
            schemas: Registry::new(schema_mode),
            edge: Arc::default(),
            sessions: Arc::default(),
        });
        let stop = CancellationToken::new();
        let router = router(&service, timeout, stop.clone());
        Self { service, clock, stop, router }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Reply { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], "").await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Reply {
        self.send(Method::PUT, path, &[], body).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.send(Method::POST, path, &[("content-type", "application/json")], body).await
    }

    /// Sends unsigned events, all of which must be taken, in requests of a thousand.
    pub(crate) async fn ingest(&self, events: &[Unsigned]) -> Vec<Value> {
        let mut replies = Vec::new();
        for events in events.chunks(1_000) {
            let bodies: Vec<String> = events.iter().map(Unsigned::json).collect();
            let body = format!(r#"{{"agent_id":"{}","events":[{}]}}"#, events[0].agent, bodies.join(","));
            let reply = self.post("/api/v1/events/ingest", &body).await.json();
            assert_eq!(reply["events_rejected"], 0, "{reply}");
            replies.push(reply);
        }
        replies
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> EventStream {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        EventStream { body: response.into_body().into_data_stream(), received: String::new() }
    }
}

/// A server-sent event.
#[derive(Debug, Default)]
pub(crate) struct ServerEvent {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

impl ServerEvent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    /// The sequence, which is also the id.
    pub(crate) fn sequence(&self) -> u64 {
        let sequence = self.json()["sequence_number"].as_u64().unwrap();
        assert_eq!((self.id.as_str(), self.event.as_str()), (sequence.to_string().as_str(), "event"));
        sequence
    }
}

pub(crate) struct EventStream {
    body: BodyDataStream,
    received: String,
}

impl EventStream {
    /// The next event, `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<ServerEvent> {
        tokio::time::timeout(Duration::from_secs(20), self.read()).await.expect("an event arrives in time")
    }

    /// Whether nothing arrives for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(600), self.read()).await.is_err()
    }

    /// The sequences of the next `count` events.
    pub(crate) async fn sequences(&mut self, count: usize) -> Vec<u64> {
        let mut sequences = Vec::with_capacity(count);
        for _ in 0..count {
            sequences.push(self.next().await.expect("the stream goes on").sequence());
        }
        sequences
    }

    async fn read(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some((block, rest)) = self.received.split_once("\n\n") {
                let mut event = ServerEvent::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("id", value)) => value.clone_into(&mut event.id),
                        Some(("event", value)) => value.clone_into(&mut event.event),
                        Some(("data", value)) => event.data.push_str(value),
                        other => panic!("{other:?} in {block}"),
                    }
                }
                self.received = rest.to_owned();
                return Some(event);
            }
            let bytes = self.body.next().await?.unwrap();
            self.received.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

pub(crate) fn scope(tenant: u128, store: u128) -> Scope {
    Scope::new(TenantId(Uuid::from_u128(tenant)), StoreId(Uuid::from_u128(store)))
}

/// `tenant_id=…&store_id=…`.
pub(crate) fn query(scope: Scope) -> String {
    format!("tenant_id={}&store_id={}", scope.tenant, scope.store)
}

/// An event for the first API, with its payload as text.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned {
    pub(crate) scope: Scope,
    pub(crate) id: Uuid,
    pub(crate) agent: Uuid,
    pub(crate) entity_type: String,
    pub(crate) entity_id: String,
    pub(crate) event_type: String,
    pub(crate) payload: String,
    /// Further members, each with its comma in front.
    pub(crate) more: String,
}

impl Unsigned {
    /// The event with this number.
    pub(crate) fn new(scope: Scope, number: u64) -> Self {
        Self {
            scope,
            id: Uuid::from_u128(0x1_0000 + u128::from(number)),
            agent: Uuid::from_u128(0xA),
            entity_type: "order".to_owned(),
            entity_id: format!("o-{number}"),
            event_type: "order.created".to_owned(),
            payload: format!(r#"{{"n":{number}}}"#),
            more: String::new(),
        }
    }

    /// Consecutive events.
    pub(crate) fn range(scope: Scope, numbers: std::ops::Range<u64>) -> Vec<Self> {
        numbers.map(|number| Self::new(scope, number)).collect()
    }

    pub(crate) fn entity(mut self, entity_type: &str, entity_id: &str) -> Self {
        (self.entity_type, self.entity_id) = (entity_type.to_owned(), entity_id.to_owned());
        self
    }

    pub(crate) fn typed(mut self, event_type: &str) -> Self {
        event_type.clone_into(&mut self.event_type);
        self
    }

    pub(crate) fn payload(mut self, payload: &str) -> Self {
        payload.clone_into(&mut self.payload);
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &Value) -> Self {
        write!(self.more, r#","{name}":{value}"#).unwrap();
        self
    }

    pub(crate) fn json(&self) -> String {
        let hash = json::legacy::payload_hash(self.payload.as_bytes()).unwrap();
        let Self { scope, id, agent, entity_type, entity_id, event_type, payload, more } = self;
        format!(
            r#"{{"event_id":"{id}","tenant_id":"{}","store_id":"{}","source_agent":"{agent}",
               "entity_type":"{entity_type}","entity_id":"{entity_id}","event_type":"{event_type}",
               "created_at":"2026-01-02T03:04:05Z","payload_hash":"{hash}","payload":{payload}{more}}}"#,
            scope.tenant, scope.store
        )
    }
}
