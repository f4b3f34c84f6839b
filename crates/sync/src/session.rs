//! A replica with its sequencer, and whether that one still tells the history it told before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;
use stateset_api::event::Head;
use stateset_api::proof::ConsistencyProof;
use stateset_ledger::bytes::{Hash, PublicKeyBytes, Signature};
use stateset_ledger::id::{Scope, TenantId};
use stateset_ledger::note::Checkpoint;
use stateset_ledger::receipt::stream_id;
use stateset_ledger::signature::{PublicKey, Signer};
use stateset_ledger::tree::{TileId, TileSet};
use stateset_relay::sink::sequencer::{SequencerKeys, SigningAgent};

use crate::error::{SyncError, unreadable};
use crate::history::{Fork, ForkKind, Relation, SeenHead, Side, continues, relation};
use crate::remote::{Remote, RemoteError};
use crate::replica::{Replica, number};
use crate::verify::{LogRelation, log_relation, tiles_needed};
use crate::{secret_file, sql};

/// How often a head that is behind is asked for again, and after which pause.
const LOOKS: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// One of the two streams that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The store's events.
    Events,
    /// The tenant's keys.
    Keys,
}

impl Stream {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Keys => "keys",
        }
    }
}

/// A row of `sync_stream`.
pub(crate) struct StreamState {
    pub(crate) size: u64,
    pub(crate) frontier: Vec<u8>,
    pub(crate) seen: Option<SeenHead>,
}

/// A replica and its sequencer. Cheap to clone; any number of sessions and processes may share a replica.
#[derive(Clone)]
pub struct Session {
    pub(crate) replica: Replica,
    pub(crate) remote: Remote,
    pub(crate) signers: Arc<SigningAgent>,
    /// Keys that receipts, heads and checkpoints are believed under.
    pub(crate) trusted: Arc<SequencerKeys>,
}

impl Session {
    /// Reads the secrets beside the replica; talks to nobody yet.
    pub async fn open(replica: Replica) -> Result<Self, SyncError> {
        let place = replica.secrets().credential();
        if !place.exists() {
            return Err(SyncError::NotInitialised(replica.path.clone()));
        }
        let credential = secret_file::read(&place)?;
        let remote = Remote::new(&replica.profile.url, Some(credential))?;
        let signers = Arc::new(read_signers(&replica).await?);
        let trusted = Arc::new(read_trusted(&replica).await?);
        Ok(Self { replica, remote, signers, trusted })
    }

    /// The replica.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    pub(crate) fn scope_of(&self, stream: Stream) -> Scope {
        match stream {
            Stream::Events => self.replica.profile.scope(),
            Stream::Keys => Scope::key_stream(TenantId(self.replica.profile.tenant)),
        }
    }

    /// Asks for the stream's head, checks its signature, and that it continues what was seen before. Only then it is the
    /// newest one seen. An empty stream has no head.
    ///
    /// A contradiction is kept with the evidence of both sides, and is an error until the old history is shown again.
    pub(crate) async fn check_history(&self, stream: Stream) -> Result<Option<SeenHead>, SyncError> {
        let mut looked = 1;
        loop {
            let result = self.look_at_history(stream).await;
            if let Err(SyncError::Forked(fork)) = &result {
                // A read that went to a lagging copy of the database shows an old head, for a moment.
                if fork.kind == ForkKind::Shrunk && looked < LOOKS {
                    looked += 1;
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
                self.replica.note_fork(fork).await?;
            }
            return result;
        }
    }

    async fn look_at_history(&self, stream: Stream) -> Result<Option<SeenHead>, SyncError> {
        let scope = self.scope_of(stream);
        let (tenant, store) = (scope.tenant.to_string(), scope.store.to_string());
        let query = [("tenant_id", tenant.as_str()), ("store_id", store.as_str())];
        // Read before the head is asked for: what was seen by then, an honest head continues.
        let seen = self.replica.stream_state(stream).await?.seen;
        let promised = self.replica.highest_receipt(stream).await?;
        let checkpoint = self.replica.seen_checkpoint().await?;
        let head: Head = self.remote.get("/api/v1/ves/head", &query).await?;
        let shown = self.checked_head(scope, &head)?;
        self.judge_head(stream, &query, seen, shown).await?;
        check_receipt(promised, shown)?;
        self.check_log(checkpoint, head.checkpoint.as_deref()).await?;
        if let Some(shown) = shown {
            self.replica.note_head(stream, &shown).await?;
        }
        Ok(shown)
    }

    /// The head, if the stream has one: signed by a trusted key.
    fn checked_head(&self, scope: Scope, head: &Head) -> Result<Option<SeenHead>, SyncError> {
        let (Some(signature), Some(key_version), Some(signed_at_us)) =
            (head.signature, head.key_version, head.signed_at_us)
        else {
            return Ok(None);
        };
        let shown = SeenHead { size: head.size, root: head.root, signed_at_us, key_version, signature };
        self.verify_head(scope, &shown)?;
        Ok(Some(shown))
    }

    pub(crate) fn verify_head(&self, scope: Scope, head: &SeenHead) -> Result<(), SyncError> {
        let version = head.key_version;
        let key = self.trusted.get(&version).ok_or(SyncError::SequencerKey { version })?;
        let hash = head.signed_hash(stream_id(scope));
        key.verify(&hash.0, &head.signature)
            .map_err(|_| SyncError::SequencerSignature { what: "the stream's head", version })
    }

    async fn judge_head(
        &self,
        stream: Stream,
        query: &[(&str, &str)],
        seen: Option<SeenHead>,
        shown: Option<SeenHead>,
    ) -> Result<(), SyncError> {
        let Some(seen) = seen else { return Ok(()) };
        let side = |head: &SeenHead| Side { size: head.size, root: head.root, head: Some(*head), note: None };
        let fork = |kind, shown: Side, claimed: Option<Hash>| {
            SyncError::Forked(Box::new(Fork {
                kind,
                of: stream.name().to_owned(),
                seen: side(&seen),
                shown,
                shown_root_at_seen_size: claimed,
                detail: None,
            }))
        };
        let Some(shown) = shown else { return Err(fork(ForkKind::Shrunk, empty_side(), None)) };
        match relation((seen.size, seen.root), (shown.size, shown.root)) {
            Relation::Same => Ok(()),
            Relation::Contradicts(kind) => Err(fork(kind, side(&shown), None)),
            Relation::Larger => {
                let proof = self.consistency(query, seen.size, shown.size).await?;
                let result = continues((seen.size, seen.root), (shown.size, shown.root), &proof.path);
                // It says itself that it had another tree at that size.
                let admitted = proof.from_root != seen.root;
                result.map_err(|kind| {
                    let kind = if admitted { ForkKind::Rewritten } else { kind };
                    fork(kind, side(&shown), Some(proof.from_root))
                })
            },
        }
    }

    pub(crate) async fn consistency(
        &self,
        scope: &[(&str, &str)],
        from: u64,
        to: u64,
    ) -> Result<ConsistencyProof, SyncError> {
        let (from, to) = (from.to_string(), to.to_string());
        let query: Vec<_> =
            scope.iter().copied().chain([("from_size", from.as_str()), ("to_size", to.as_str())]).collect();
        Ok(self.remote.get("/api/v1/proofs/consistency", &query).await?)
    }

    /// The head log: its newest checkpoint must continue the one seen before.
    async fn check_log(&self, seen: Option<(Checkpoint, String)>, note: Option<&str>) -> Result<(), SyncError> {
        let Some(note) = note else {
            return match seen {
                None => Ok(()),
                Some((seen, text)) => Err(log_fork(ForkKind::Shrunk, &seen, text, empty_side())),
            };
        };
        let shown = self.open_note(note)?;
        let Some((seen, seen_note)) = seen else { return self.replica.note_checkpoint(&shown, note).await };
        let mut tiles = TileSet::new();
        for tile in tiles_needed((seen.size, seen.root), &shown) {
            let hashes = self.tile(tile).await?;
            tiles.insert(tile, hashes).map_err(|fault| self.unreadable(&fault.to_string()))?;
        }
        match log_relation((seen.size, seen.root), &shown, &tiles) {
            LogRelation::Same => Ok(()),
            LogRelation::Continues => self.replica.note_checkpoint(&shown, note).await,
            LogRelation::Contradicts(kind) => {
                let side = Side { size: shown.size, root: shown.root, head: None, note: Some(note.to_owned()) };
                Err(log_fork(kind, &seen, seen_note, side))
            },
        }
    }

    fn open_note(&self, note: &str) -> Result<Checkpoint, SyncError> {
        let origin = &self.replica.profile.log_origin;
        let opened = self.trusted.values().find_map(|key| Checkpoint::open(note, origin, key).ok());
        opened.ok_or_else(|| {
            let version = self.trusted.keys().next_back().copied().unwrap_or(0);
            SyncError::SequencerSignature { what: "the checkpoint of the head log", version }
        })
    }

    async fn tile(&self, tile: TileId) -> Result<Vec<Hash>, SyncError> {
        let bytes = self.remote.get_bytes(&format!("/{}", tile.path()), &[]).await?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(self.unreadable("a tile is not made of hashes"));
        }
        Ok(hashes.iter().copied().map(Hash).collect())
    }

    pub(crate) fn unreadable(&self, fault: &str) -> SyncError {
        let url = self.replica.profile.url.to_string();
        SyncError::Remote(RemoteError::Unreadable { url, fault: fault.to_owned() })
    }
}

/// A receipt promises a place: a stream that does not reach it has lost the event.
fn check_receipt(promised: Option<(u64, String)>, shown: Option<SeenHead>) -> Result<(), SyncError> {
    let Some((place, receipt)) = promised else { return Ok(()) };
    if shown.is_some_and(|head| place <= head.size) {
        return Ok(());
    }
    let side = |head: SeenHead| Side { size: head.size, root: head.root, head: Some(head), note: None };
    Err(SyncError::Forked(Box::new(Fork {
        kind: ForkKind::Shrunk,
        of: Stream::Events.name().to_owned(),
        seen: Side { size: place, ..empty_side() },
        shown: shown.map_or_else(empty_side, side),
        shown_root_at_seen_size: None,
        detail: Some(format!("a receipt names place {place}: {receipt}")),
    })))
}

/// A side of which nothing is known.
pub(crate) fn empty_side() -> Side {
    Side { size: 0, root: stateset_ledger::tree::rfc6962::EMPTY_ROOT, head: None, note: None }
}

fn log_fork(kind: ForkKind, seen: &Checkpoint, note: String, shown: Side) -> SyncError {
    let seen = Side { size: seen.size, root: seen.root, head: None, note: Some(note) };
    let of = "checkpoint".to_owned();
    SyncError::Forked(Box::new(Fork { kind, of, seen, shown, shown_root_at_seen_size: None, detail: None }))
}

async fn read_signers(replica: &Replica) -> Result<SigningAgent, SyncError> {
    let rows: Vec<(i64, Vec<u8>, String)> = sqlx::query_as(sql!("keys_to_sign")).fetch_all(&replica.pool).await?;
    let mut keys: BTreeMap<u32, Arc<dyn Signer>> = BTreeMap::new();
    for (number, public_key, file) in rows {
        let key_id = u32::try_from(number).map_err(unreadable)?;
        let path = std::path::PathBuf::from(&file);
        let path = if path.is_absolute() { path } else { replica.path.with_file_name(path) };
        let fault = |fault: String| SyncError::LocalKey { key_id, path: path.clone(), fault };
        let seed = secret_file::read(&path).map_err(|error| fault(format!("cannot be read: {error}")))?;
        let signer = crate::keys::signer(&seed).map_err(|error| fault(error.to_owned()))?;
        if signer.public_key().0.as_slice() != public_key {
            return Err(fault(format!("holds another key: {}", signer.public_key())));
        }
        keys.insert(key_id, Arc::new(signer));
    }
    Ok(SigningAgent { id: replica.profile.agent_id(), keys })
}

async fn read_trusted(replica: &Replica) -> Result<SequencerKeys, SyncError> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql!("trusted_keys")).fetch_all(&replica.pool).await?;
    let mut keys = SequencerKeys::new();
    for (version, bytes) in rows {
        let bytes = PublicKeyBytes::try_from(bytes.as_slice()).map_err(unreadable)?;
        keys.insert(u32::try_from(version).map_err(unreadable)?, PublicKey::new(&bytes).map_err(unreadable)?);
    }
    Ok(keys)
}

impl Replica {
    /// The highest place that a checked receipt names.
    async fn highest_receipt(&self, stream: Stream) -> Result<Option<(u64, String)>, SyncError> {
        if stream == Stream::Keys {
            return Ok(None);
        }
        let row: Option<(i64, String)> = sqlx::query_as(sql!("highest_receipt")).fetch_optional(&self.pool).await?;
        row.map(|(place, receipt)| Ok((number(place)?, receipt))).transpose()
    }

    pub(crate) async fn stream_state(&self, stream: Stream) -> Result<StreamState, SyncError> {
        let row = sqlx::query(sql!("stream")).bind(stream.name()).fetch_one(&self.pool).await?;
        let root: Option<Vec<u8>> = row.try_get(3)?;
        let seen = match root {
            None => None,
            Some(root) => Some(SeenHead {
                size: number(row.try_get(2)?)?,
                root: Hash::try_from(root.as_slice()).map_err(unreadable)?,
                signed_at_us: row.try_get(4)?,
                key_version: u32::try_from(row.try_get::<i64, _>(5)?).map_err(unreadable)?,
                signature: Signature::try_from(row.try_get::<Vec<u8>, _>(6)?.as_slice()).map_err(unreadable)?,
            }),
        };
        Ok(StreamState { size: number(row.try_get(0)?)?, frontier: row.try_get(1)?, seen })
    }

    /// Remembers a head that was checked, unless another process has seen a newer one, and clears what contradicted.
    pub(crate) async fn note_head(&self, stream: Stream, head: &SeenHead) -> Result<(), SyncError> {
        let mut tx = self.outbox.begin().await?;
        sqlx::query(sql!("stream_seen"))
            .bind(stream.name())
            .bind(i64::try_from(head.size).map_err(unreadable)?)
            .bind(head.root.0.as_slice())
            .bind(head.signed_at_us)
            .bind(i64::from(head.key_version))
            .bind(head.signature.0.as_slice())
            .execute(&mut *tx)
            .await?;
        if stream == Stream::Events {
            sqlx::query(sql!("forks_clear")).bind(self.clock.now().0).bind(false).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The oldest contradiction that was not cleared.
    pub(crate) async fn open_fork(&self) -> Result<Option<Fork>, SyncError> {
        let text: Option<String> = sqlx::query_scalar(sql!("forks")).fetch_optional(&self.pool).await?;
        text.map(|text| serde_json::from_str(&text).map_err(unreadable)).transpose()
    }

    /// Everything up to the head was found as it should be.
    pub(crate) async fn clear_forks(&self) -> Result<(), SyncError> {
        sqlx::query(sql!("forks_clear")).bind(self.clock.now().0).bind(true).execute(&self.pool).await?;
        Ok(())
    }

    /// Keeps the evidence. The same contradiction is kept once.
    pub(crate) async fn note_fork(&self, fork: &Fork) -> Result<(), SyncError> {
        let text = serde_json::to_string(fork).map_err(unreadable)?;
        sqlx::query(sql!("fork_add")).bind(self.clock.now().0).bind(text).execute(&self.pool).await?;
        Ok(())
    }

    async fn seen_checkpoint(&self) -> Result<Option<(Checkpoint, String)>, SyncError> {
        let note: Option<String> = sqlx::query_scalar(sql!("checkpoint")).fetch_optional(&self.pool).await?;
        let Some(note) = note else { return Ok(None) };
        let text = note.split_once("\n\n").map_or(note.as_str(), |(text, _)| text);
        let checkpoint = Checkpoint::parse(&format!("{text}\n")).map_err(unreadable)?;
        Ok(Some((checkpoint, note)))
    }

    async fn note_checkpoint(&self, checkpoint: &Checkpoint, note: &str) -> Result<(), SyncError> {
        sqlx::query(sql!("checkpoint_put"))
            .bind(i64::try_from(checkpoint.size).map_err(unreadable)?)
            .bind(checkpoint.root.0.as_slice())
            .bind(note)
            .bind(self.clock.now().0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
