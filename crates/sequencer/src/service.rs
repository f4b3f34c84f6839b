//! What every handler and task works with.

use std::sync::Arc;

use stateset_dashboard::Sessions;
use stateset_ledger::tree::TileId;
use stateset_store::Store;
use stateset_store::stream::StreamNo;
use tokio::sync::Notify;

use crate::agent_keys::KeyCache;
use crate::append::Appender;
use crate::clock::Clock;
use crate::edge::Edge;
use crate::identity::Identity;
use crate::keyring::Keyring;
use crate::log_tiles::LogTiles;
use crate::metrics::Metrics;
use crate::schemas::Registry;
use crate::signing::SequencerKey;
use crate::tile_cache::TileCache;

/// Bounds that the operator may set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// Most events per batch.
    pub batch_events: usize,
    /// Largest payload in bytes.
    pub payload_bytes: usize,
    /// Furthest `created_at` may lie ahead of the clock, if bounded.
    pub future_skew_ms: Option<i64>,
}

/// The service's parts, shared by handlers and tasks.
pub struct Service {
    /// The log.
    pub store: Arc<dyn Store>,
    /// The way into it.
    pub appender: Appender,
    /// Agent keys.
    pub keys: Arc<KeyCache>,
    /// Payload keys.
    pub keyring: Arc<Keyring>,
    /// The sequencer's own key.
    pub signer: Arc<SequencerKey>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Name of this sequencer in receipts.
    pub sequencer_id: Arc<str>,
    /// Name of the head log.
    pub log_origin: String,
    /// Bounds.
    pub limits: Limits,
    /// Who may call.
    pub identity: Identity,
    /// Whether a key is registered only with a proof that the registrant holds its secret.
    pub possession_proof_required: bool,
    /// Whether `/checkpoint` and `/tile` need no credential.
    pub public_log: bool,
    /// Key under which the salts of head-log records are derived.
    pub blinding_key: [u8; 32],
    /// Woken after every commit of this process: readers that wait for new events.
    pub grown: Arc<Notify>,
    /// Woken after every published checkpoint of this process.
    pub published: Arc<Notify>,
    /// Asks this process's publisher for a round at once.
    pub log_wanted: Arc<Notify>,
    /// Tiles of the streams' trees that proofs have needed lately.
    pub stream_tiles: TileCache<(StreamNo, TileId)>,
    /// Reads the head log's tiles.
    pub log_tiles: LogTiles,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What payloads must look like.
    pub schemas: Registry,
    /// Who may call from where, and how often.
    pub edge: Arc<Edge>,
    /// Who is logged in to the dashboard.
    pub sessions: Arc<Sessions>,
}
