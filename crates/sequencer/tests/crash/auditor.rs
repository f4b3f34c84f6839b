//! Somebody who trusts neither server nor database: pages through the public HTTP API, derives every leaf and root from what
//! comes back, and holds it against what the clients were promised.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use stateset_api::event::Head;
use stateset_api::proof::{ConsistencyProof, InclusionProof};
use stateset_ledger::bytes::{Hash, PublicKeyBytes, Salt, Signature};
use stateset_ledger::envelope::{Admission, EnvelopeKind, read};
use stateset_ledger::head_log::{Record, blind};
use stateset_ledger::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence};
use stateset_ledger::note::{Checkpoint, VerifierKey};
use stateset_ledger::receipt::{FlushHead, receipt_hash, stream_id};
use stateset_ledger::signature::PublicKey;
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::proof::{verify_consistency, verify_inclusion};
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_ledger::tree::tile::tiles_for_consistency;
use stateset_ledger::tree::{TileId, TileSet};
use stateset_testkit::http::Client;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::promises::{Promise, Promises};
use crate::random::Random;

const PAGE: usize = 500;
/// A checkpoint must cover what is sequenced within this.
const LOGGED_WITHIN: Duration = Duration::from_secs(10);

/// Remembers what it has seen, and insists that it stays.
pub(crate) struct Auditor {
    client: Client,
    promises: Arc<Promises>,
    checked_promises: usize,
    streams: HashMap<Scope, Stream>,
    checkpoint: Option<Checkpoint>,
    keys: Option<Keys>,
    /// A receipt's signature is checked once, however often the log is read.
    checks_signatures: bool,
}

/// What has been read of one stream.
#[derive(Default)]
struct Stream {
    tree: Frontier,
    events: Vec<Seen>,
    ids: HashSet<EventId>,
}

struct Seen {
    event: EventId,
    content: Hash,
    leaf: Hash,
}

struct Keys {
    sequencer: HashMap<u64, PublicKey>,
    log: VerifierKey,
}

#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    head_sequence: u64,
}

#[derive(Deserialize)]
struct Place {
    source_agent_id: Uuid,
    sequence_number: u64,
}

impl Auditor {
    pub(crate) fn new(client: Client, promises: Arc<Promises>, scopes: &[Scope]) -> Self {
        let streams = scopes.iter().map(|scope| (*scope, Stream::default())).collect();
        Self { client, promises, checked_promises: 0, streams, checkpoint: None, keys: None, checks_signatures: true }
    }

    /// Asks another server from now on; what was seen must be there too.
    pub(crate) fn ask(&mut self, client: Client) {
        self.client = client;
    }

    /// Events read so far.
    pub(crate) fn events(&self) -> usize {
        self.streams.values().map(|stream| stream.events.len()).sum()
    }

    pub(crate) fn has_seen(&self, scope: Scope, event: EventId) -> bool {
        self.streams.get(&scope).is_some_and(|stream| stream.ids.contains(&event))
    }

    /// Reads what is new, and holds the new promises against it. May be repeated after a failed request.
    pub(crate) async fn look(&mut self) -> anyhow::Result<()> {
        if self.keys.is_none() {
            self.keys = Some(self.read_keys().await?);
        }
        // Noted first: whatever was promised before the look must be seen by it.
        let promises = self.promises.since(self.checked_promises);
        let scopes: Vec<Scope> = self.streams.keys().copied().collect();
        for scope in scopes {
            self.look_at(scope).await.with_context(|| format!("in stream {scope:?}"))?;
        }
        for promise in promises {
            self.check_promise(&promise).with_context(|| format!("the promise {promise:?}"))?;
            self.checked_promises += 1;
        }
        self.look_at_log().await
    }

    /// Looks at everything again from the start, when nothing is in flight: also that nothing is there that no client
    /// was promised.
    pub(crate) async fn full(&self) -> anyhow::Result<()> {
        let scopes: Vec<Scope> = self.streams.keys().copied().collect();
        let mut fresh = Self::new(self.client.clone(), Arc::clone(&self.promises), &scopes);
        fresh.checkpoint.clone_from(&self.checkpoint);
        fresh.checks_signatures = false;
        fresh.look().await
    }

    /// That the streams hold exactly what was promised; only when no push is without an answer.
    pub(crate) fn nothing_else(&self) -> anyhow::Result<()> {
        let promised = self.promises.sizes();
        for (scope, stream) in &self.streams {
            let (seen, promised) = (stream.tree.size(), promised.get(scope).copied().unwrap_or(0));
            ensure!(seen == promised, "{seen} events in {scope:?}, {promised} were acknowledged");
        }
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.client.get(path).await.with_context(|| path.to_owned())?;
        response.expect_status(200).with_context(|| path.to_owned())?.json().with_context(|| path.to_owned())
    }

    async fn read_keys(&self) -> anyhow::Result<Keys> {
        let document: Value = self.get("/.well-known/ves-keys").await?;
        let text =
            |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).context("text");
        let mut sequencer = HashMap::new();
        for key in document.get("keys").and_then(Value::as_array).context("keys")? {
            let number = key.get("keyVersion").and_then(Value::as_u64).context("keyVersion")?;
            let bytes = PublicKeyBytes::from_hex(&text(key, "publicKey")?)?;
            sequencer.insert(number, PublicKey::new(&bytes)?);
        }
        Ok(Keys { sequencer, log: VerifierKey::parse(&text(&document, "logVerifierKey")?)? })
    }

    fn verify(&self, key: u64, hash: &Hash, signature: &Signature) -> anyhow::Result<()> {
        let keys = self.keys.as_ref().context("the keys have not been read")?;
        let key = keys.sequencer.get(&key).with_context(|| format!("sequencer key {key} is not published"))?;
        Ok(key.verify(&hash.0, signature)?)
    }

    async fn look_at(&mut self, scope: Scope) -> anyhow::Result<()> {
        let head: Head = self.get(&format!("/api/v1/ves/head?{}", query(scope))).await?;
        ensure!(head.size == head.head_sequence && head.stream_id == stream_id(scope), "{head:?}");
        let mut stream = self.streams.remove(&scope).unwrap_or_default();
        let before = (stream.tree.size(), stream.tree.root());
        let read = self.read_up_to(scope, &mut stream, head.size).await;
        let after = (stream.tree.size(), stream.tree.root());
        self.streams.insert(scope, stream);
        read?;
        ensure!(after == (head.size, head.root), "the events lead to {after:?}, the head is {head:?}");
        if let Some(((signature, key), at)) = head.signature.zip(head.key_version).zip(head.signed_at_us) {
            let (size, root) = (head.size, head.root);
            let signed = FlushHead { stream_id: head.stream_id, size, root, at: Micros(at), key: KeyId(key) };
            self.verify(key.into(), &signed.hash(), &signature).context("the head's signature")?;
        } else {
            ensure!(head.size == 0, "the head is not signed");
        }
        if 0 < before.0 && before.0 < after.0 {
            let sizes = format!("from_size={}&to_size={}", before.0, after.0);
            let proof: ConsistencyProof =
                self.get(&format!("/api/v1/proofs/consistency?{}&{sizes}", query(scope))).await?;
            verify_consistency(before.0, after.0, &before.1, &after.1, &proof.path).context("the consistency proof")?;
        }
        Ok(())
    }

    /// Pages on to `size`; a place left out, repeated or out of order ends the audit.
    async fn read_up_to(&self, scope: Scope, stream: &mut Stream, size: u64) -> anyhow::Result<()> {
        ensure!(stream.tree.size() <= size, "{} events were seen, now the head is {size}", stream.tree.size());
        while stream.tree.size() < size {
            let from = stream.tree.size() + 1;
            let page: Page = self.get(&format!("/api/v1/ves/events?{}&from={from}&limit={PAGE}", query(scope))).await?;
            ensure!(!page.events.is_empty() && page.head_sequence >= size, "no events from {from} on, head {size}");
            for raw in page.events {
                stream.push(scope, raw.get()).with_context(|| raw.get().to_owned())?;
                if stream.tree.size() == size {
                    break;
                }
            }
        }
        Ok(())
    }

    fn check_promise(&self, promise: &Promise) -> anyhow::Result<()> {
        let stream = self.streams.get(&promise.scope).context("of another stream")?;
        let index = usize::try_from(promise.sequence.index())?;
        let seen = stream.events.get(index).context("the stream ends before its place")?;
        ensure!(seen.event == promise.event, "at its place is event {}", seen.event);
        ensure!(seen.content == promise.signing_hash, "at its place is other content");
        ensure!(seen.leaf == promise.leaf, "its leaf is {}", seen.leaf);
        let Some((key, signature)) = promise.signature.as_ref().filter(|_| self.checks_signatures) else {
            return Ok(());
        };
        let hash = receipt_hash(promise.scope, promise.event, promise.sequence, &promise.signing_hash);
        self.verify(*key, &hash, &Signature::from_hex(signature)?).context("the receipt's signature")
    }

    /// The head log may grow, and nothing else.
    async fn look_at_log(&mut self) -> anyhow::Result<()> {
        let response = self.client.get("/checkpoint").await?;
        let keys = self.keys.as_ref().context("the keys have not been read")?;
        if response.status == 404 && self.checkpoint.is_none() {
            return Ok(());
        }
        let note = response.expect_status(200)?.text();
        let now = Checkpoint::open(&note, keys.log.name(), keys.log.key())?;
        if let Some(old) = self.checkpoint.take() {
            let path = if 0 < old.size && old.size < now.size {
                let tiles = self.log_tiles(tiles_for_consistency(old.size, now.size)).await?;
                tiles.consistency(old.size, now.size)?
            } else {
                Vec::new()
            };
            let consistent = verify_consistency(old.size, now.size, &old.root, &now.root, &path);
            consistent.with_context(|| format!("checkpoint {now:?} after {old:?}"))?;
        }
        self.checkpoint = Some(now);
        Ok(())
    }

    async fn log_tiles(&self, ids: Vec<TileId>) -> anyhow::Result<TileSet> {
        let mut tiles = TileSet::new();
        for id in ids {
            let response = self.client.get(&format!("/{}", id.path())).await?.expect_status(200)?;
            let hashes: Vec<Hash> = response.body.chunks(32).map(Hash::try_from).collect::<Result<_, _>>()?;
            tiles.insert(id, hashes)?;
        }
        Ok(tiles)
    }

    /// Waits until the published log pins every stream at its newest head; then proves a sample of `count` events from
    /// their envelopes up to the log's signature.
    pub(crate) async fn prove(&mut self, count: u64, random: &mut Random) -> anyhow::Result<()> {
        let deadline = Instant::now() + LOGGED_WITHIN;
        let streams: Vec<(Scope, u64)> = self
            .streams
            .iter()
            .map(|(scope, stream)| (*scope, stream.tree.size()))
            .filter(|(_, size)| *size > 0)
            .collect();
        for (scope, size) in &streams {
            loop {
                let proof = self.inclusion(*scope, *size).await?;
                if proof.logged_head.is_some_and(|head| head.size == *size) {
                    break;
                }
                ensure!(Instant::now() < deadline, "no checkpoint covers {scope:?} at {size}");
                sleep(Duration::from_millis(50)).await;
            }
        }
        self.look_at_log().await?;
        for _ in 0..if streams.is_empty() { 0 } else { count } {
            let (scope, size) = *random.pick(&streams);
            let sequence = random.between(1, size);
            let proof = self.inclusion(scope, sequence).await?;
            self.check_inclusion(scope, sequence, &proof)
                .with_context(|| format!("{sequence} of {scope:?}: {proof:?}"))?;
        }
        Ok(())
    }

    async fn inclusion(&self, scope: Scope, sequence: u64) -> anyhow::Result<InclusionProof> {
        self.get(&format!("/api/v1/proofs/inclusion?{}&sequence={sequence}", query(scope))).await
    }

    fn check_inclusion(&self, scope: Scope, sequence: u64, proof: &InclusionProof) -> anyhow::Result<()> {
        let stream = self.streams.get(&scope).context("of another stream")?;
        let leaf = stream.events.get(usize::try_from(sequence - 1)?).context("not seen")?.leaf;
        ensure!(proof.leaf_hash == leaf && proof.tree_size == stream.tree.size(), "of another leaf or tree");
        let (size, root) = (proof.tree_size, stream.tree.root());
        verify_inclusion(&leaf_hash(&leaf.0), sequence - 1, size, &proof.path, &root)
            .context("the path in the stream")?;
        let logged = proof.logged_head.as_ref().context("the head log does not cover it")?;
        let record = const_hex::decode(&logged.record)?;
        let Record::Head { stream_id: of, size, root, .. } = Record::from_bytes(&record)? else {
            anyhow::bail!("not a head record")
        };
        ensure!((of, size, root) == (stream_id(scope), stream.tree.size(), stream.tree.root()), "of another head");
        let keys = self.keys.as_ref().context("the keys have not been read")?;
        let log = Checkpoint::open(&logged.checkpoint, keys.log.name(), keys.log.key())?;
        let entry = leaf_hash(&blind(&logged.salt, &record).0);
        ensure!(log.size == logged.log_size, "the checkpoint is of another size");
        verify_inclusion(&entry, logged.log_index, log.size, &logged.log_path, &log.root).context("the path in the log")
    }

    /// Size of the newest checkpoint seen.
    pub(crate) fn log_size(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size)
    }
}

impl Stream {
    /// Takes the next event. Its hashes are derived from the envelope, which must say what was signed.
    fn push(&mut self, scope: Scope, raw: &str) -> anyhow::Result<()> {
        let Place { source_agent_id, sequence_number } = serde_json::from_str(raw)?;
        ensure!(sequence_number == self.tree.size() + 1, "{} was expected", self.tree.size() + 1);
        let admission = Admission {
            kind: EnvelopeKind::Ves,
            agent: AgentId(source_agent_id),
            scope,
            max_payload_bytes: usize::MAX,
            max_future_skew_ms: None,
            now: Micros(0),
            traceparent: None,
        };
        let candidate = read(raw, &admission, Salt::ZERO).map_err(|cause| anyhow::anyhow!("{cause}"))?;
        ensure!(candidate.warnings.is_empty(), "{:?}", candidate.warnings);
        let header = candidate.header;
        ensure!(self.ids.insert(header.event_id), "event {} is there twice", header.event_id);
        let leaf = header.leaf(scope, Sequence::new(sequence_number)?);
        self.tree.push(leaf_hash(&leaf.0), &mut |_, _, _| {});
        self.events.push(Seen { event: header.event_id, content: header.content_hash, leaf });
        Ok(())
    }
}

pub(crate) fn query(scope: Scope) -> String {
    format!("tenant_id={}&store_id={}", scope.tenant, scope.store)
}
