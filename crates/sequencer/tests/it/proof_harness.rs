//! A service without a socket, driven through its router, with publishing and committing by hand.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{Micros, Scope, StoreId, TenantId};
use stateset_ledger::note::Checkpoint;
use stateset_ledger::signature::{PublicKey, Signer as _};
use stateset_sequencer::agent_keys::KeyCache;
use stateset_sequencer::append::{Flusher, FlusherParts};
use stateset_sequencer::clock::Clock;
use stateset_sequencer::commit::Committer;
use stateset_sequencer::http::router;
use stateset_sequencer::identity::{Access, Identity};
use stateset_sequencer::keyring::Keyring;
use stateset_sequencer::log_tiles::LogTiles;
use stateset_sequencer::metrics::Metrics;
use stateset_sequencer::publish::checkpoint_file::CheckpointFile;
use stateset_sequencer::publish::{Outcome, Publisher};
use stateset_sequencer::service::{Limits, Service};
use stateset_sequencer::signing::SequencerKey;
use stateset_sequencer::tile_cache::TileCache;
use stateset_store::Store;
use stateset_store::sqlite::SqliteStore;
use stateset_store::stream::StreamRow;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use uuid::Uuid;

const AGENT: Uuid = Uuid::from_bytes([3; 16]);
pub(crate) const ORIGIN: &str = "log.example/one";

/// Moves by a microsecond whenever it is read, and by hand.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Micros {
        Micros(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

pub(crate) struct Server {
    pub(crate) service: Arc<Service>,
    pub(crate) clock: Arc<TestClock>,
    router: Router,
    tracker: TaskTracker,
}

/// A SQLite store in `dir`, migrated.
pub(crate) async fn sqlite(dir: &Path) -> Arc<dyn Store> {
    let store = SqliteStore::open(&dir.join("sequencer.db"), 4).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

pub(crate) fn scope(number: u8) -> Scope {
    Scope::new(TenantId(Uuid::from_bytes([number; 16])), StoreId(Uuid::from_bytes([number | 0x80; 16])))
}

/// `tenant_id=…&store_id=…`.
pub(crate) fn query(scope: Scope) -> String {
    format!("tenant_id={}&store_id={}", scope.tenant, scope.store)
}

impl Server {
    /// A server in which everybody may do everything.
    pub(crate) async fn start(store: Arc<dyn Store>) -> Self {
        Self::start_with(store, Access::Open, true).await
    }

    pub(crate) async fn start_with(store: Arc<dyn Store>, access: Access, public_log: bool) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000_000)));
        let key = SequencerKey::from_seed(&[5; 32]).unwrap();
        let number = store.register_sequencer_key(key.public_key(), clock.now()).await.unwrap();
        let signer = Arc::new(key.numbered(number));
        let (keyring, keys) = (Arc::new(Keyring::default()), Arc::new(KeyCache::default()));
        let (grown, metrics) = (Arc::new(Notify::new()), Arc::new(Metrics::default()));
        let blinding_key = store.log_state([8; 32]).await.unwrap().blinding_key;
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
        let tracker = TaskTracker::new();
        tracker.spawn(flusher.run());
        let service = Arc::new(Service {
            stream_tiles: TileCache::default(),
            log_tiles: LogTiles::new(Arc::clone(&store), blinding_key),
            store,
            appender,
            keys,
            keyring,
            signer,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            sequencer_id: Arc::from("test"),
            log_origin: ORIGIN.to_owned(),
            limits: Limits { body_bytes: 10 << 20, batch_events: 1_000, payload_bytes: 1 << 20, future_skew_ms: None },
            identity: Identity::new(&access, None),
            possession_proof_required: false,
            public_log,
            blinding_key,
            grown,
            published: Arc::new(Notify::new()),
            log_wanted: Arc::new(Notify::new()),
            metrics,
            schemas: stateset_sequencer::schemas::Registry::new(stateset_sequencer::schemas::Mode::Disabled),
            edge: Arc::default(),
            sessions: Arc::default(),
        });
        let router = router(&service, Duration::from_secs(30), CancellationToken::new());
        Self { service, clock, router, tracker }
    }

    /// Waits until nothing of the server runs any more.
    pub(crate) async fn stop(self) {
        let Self { service, router, tracker, .. } = self;
        drop((service, router));
        tracker.close();
        tracker.wait().await;
    }

    pub(crate) fn publisher(&self, file: Option<CheckpointFile>) -> Publisher {
        Publisher::new(Arc::clone(&self.service), Duration::from_millis(10), file)
    }

    /// Rounds until nothing is new. A lease of somebody else lapses first.
    pub(crate) async fn publish_all(&self, publisher: &mut Publisher) {
        loop {
            match publisher.publish().await.unwrap() {
                Outcome::Idle => return,
                Outcome::Published { .. } => {},
                Outcome::Standby => self.clock.advance(Duration::from_secs(3)),
            }
        }
    }

    pub(crate) async fn commit_all(&self) {
        let committer = Committer::new(Arc::clone(&self.service), Duration::ZERO);
        while committer.round().await.unwrap() {}
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes())
    }

    pub(crate) async fn raw(&self, path: &str) -> (StatusCode, HeaderMap, Bytes) {
        self.request(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// The JSON of a successful GET.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.raw(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// Status and code of a failing GET.
    pub(crate) async fn fails(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.raw(path).await;
        (status.as_u16(), code(&body))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json").body(Body::from(body.to_string()));
        let (status, _, body) = self.request(request.unwrap()).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap())
    }

    /// Ingests `count` unsigned events and answers their leaves as the receipts give them.
    pub(crate) async fn ingest(&self, scope: Scope, count: usize) -> Vec<Hash> {
        let mut leaves = Vec::with_capacity(count);
        while leaves.len() < count {
            let batch = batch(scope, (count - leaves.len()).min(1_000));
            let (status, reply) = self.post("/api/v1/events/ingest?receipts=flush", &batch).await;
            assert_eq!(status, 200, "{reply}");
            let receipts = reply["receipts"].as_array().unwrap_or_else(|| panic!("{reply}"));
            leaves.extend(receipts.iter().map(|receipt| hash(&receipt["leaf_hash"])));
        }
        leaves
    }

    pub(crate) async fn row(&self, scope: Scope) -> StreamRow {
        self.service.store.stream(scope).await.unwrap().unwrap()
    }

    pub(crate) fn sequencer_key(&self) -> PublicKey {
        PublicKey::new(&self.service.signer.public_key()).unwrap()
    }

    /// The served checkpoint, verified.
    pub(crate) async fn checkpoint(&self) -> Checkpoint {
        let (status, headers, note) = self.raw("/checkpoint").await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/plain; charset=utf-8"));
        Checkpoint::open(std::str::from_utf8(&note).unwrap(), ORIGIN, &self.sequencer_key()).unwrap()
    }
}

/// An ingest body with `count` unsigned events.
pub(crate) fn batch(scope: Scope, count: usize) -> Value {
    let events: Vec<Value> = (0..count).map(|_| event(scope)).collect();
    json!({"agent_id": AGENT, "events": events})
}

fn event(scope: Scope) -> Value {
    json!({
        "event_id": Uuid::new_v4(),
        "source_agent": AGENT,
        "tenant_id": scope.tenant,
        "store_id": scope.store,
        "entity_type": "order",
        "entity_id": "o-1",
        "event_type": "order.created",
        "payload": {},
        "payload_hash": Hash::of(&[b"{}"]).to_hex(),
        "created_at": "2026-01-02T03:04:05Z",
    })
}

pub(crate) fn code(body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    problem["code"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn hash(value: &Value) -> Hash {
    Hash::from_hex(value.as_str().unwrap_or_else(|| panic!("{value} is no hash"))).unwrap()
}

pub(crate) fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}
