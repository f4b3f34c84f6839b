//! One stream: its events, tree, head and batches.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rayon::prelude::*;
use stateset_ledger::bytes::Hash;
use stateset_ledger::content::content_fault;
use stateset_ledger::event::Seal;
use stateset_ledger::growth::Growth;
use stateset_ledger::id::{AgentId, KeyId, Micros, Scope, Sequence};
use stateset_ledger::receipt::{FlushHead, receipt_hash, state_root, stream_id};
use stateset_ledger::signature::PublicKey;
use stateset_ledger::stream::{StreamHead, StreamTile};
use stateset_ledger::tree::batch::{chunk_roots, root_from_chunks};
use stateset_store::StoreError;
use stateset_store::append::PayloadSegment;
use stateset_store::batch::Batch;
use stateset_store::maintenance::RawHead;
use stateset_store::read::{EventQuery, StoredEvent};

use super::{Check, Finding, Logged, Stop, found};
use crate::keyring::Keyring;
use crate::payload::open_payload;

const PAGE: u32 = 500;
const BATCHES: u32 = 100;

type AgentKeys = HashMap<(AgentId, KeyId), PublicKey>;

/// The stream as derived so far.
struct Derived<'a> {
    head: &'a RawHead,
    tree: StreamHead,
    growth: Growth,
    /// Leaves behind the last complete batch.
    leaves: Vec<Hash>,
    batches: Batches,
    logged: Logged,
    /// Heads of the log that have been confirmed.
    confirmed: usize,
    last_at: Micros,
}

/// The stream's batches, read a page at a time.
struct Batches {
    waiting: VecDeque<Batch>,
    done: bool,
    /// State root behind the last one.
    state: Hash,
    end: u64,
}

pub(super) async fn check(
    check: &mut Check,
    head: &RawHead,
    logged: Logged,
    mut progress: impl FnMut(u64),
) -> Result<(), Stop> {
    let agents = Arc::new(check.keys.of_stream(check.store.as_ref(), head).await?);
    let tree = StreamHead::empty();
    let mut derived = Derived {
        head,
        growth: Growth::new(tree.frontier().clone()),
        tree,
        leaves: Vec::new(),
        batches: Batches { waiting: VecDeque::new(), done: false, state: Hash::ZERO, end: 0 },
        logged,
        confirmed: 0,
        last_at: Micros(i64::MIN),
    };
    let mut from = Sequence::FIRST;
    while from.get() <= head.row.size {
        let page = check.store.events(&EventQuery::new(head.row.stream, from, PAGE)).await?;
        let mut events = page.events;
        events.retain(|event| event.sequence.get() <= head.row.size);
        let Some(last) = events.last().map(|event| event.sequence) else {
            return found("events", derived.place(from), "is missing");
        };
        for (expected, event) in (from.get()..).zip(&events) {
            if event.sequence.get() != expected {
                let place = format!("stream {}, sequence {expected}", head.row.stream.0);
                return found("events", place, "is missing");
            }
        }
        let events = check_page(check, head.row.scope, events, page.segments, &agents).await?;
        for event in &events {
            derived.push(check, event).await?;
        }
        check.report.events += events.len() as u64;
        progress(last.get());
        from = Sequence::from_index(last.get()).map_err(StoreError::corrupt)?;
    }
    derived.finish(check).await
}

/// What can be said of each event by itself, on all cores.
async fn check_page(
    check: &mut Check,
    scope: Scope,
    events: Vec<StoredEvent>,
    segments: Vec<PayloadSegment>,
    agents: &Arc<AgentKeys>,
) -> Result<Vec<StoredEvent>, Stop> {
    let (keyring, agents) = (Arc::clone(&check.keyring), Arc::clone(agents));
    let (events, faults) = tokio::task::spawn_blocking(move || {
        let by_first: HashMap<Sequence, &PayloadSegment> = segments.iter().map(|s| (s.first, s)).collect();
        let judge = |event: &StoredEvent| judge(&keyring, scope, event, by_first.get(&event.segment).copied(), &agents);
        let faults: Vec<_> = events.par_iter().map(|event| judge(event).err()).collect();
        (events, faults)
    })
    .await
    .map_err(StoreError::unavailable)?;
    for (event, fault) in events.iter().zip(faults) {
        if let Some((table, fault)) = fault {
            return found(
                table,
                format!("tenant {}, store {}, sequence {}", scope.tenant, scope.store, event.sequence),
                fault,
            );
        }
        check.report.signatures += u64::from(matches!(event.header.seal, Seal::Signed { .. }));
        if let Some(receipt) = event.receipt {
            let message = receipt_hash(scope, event.header.event_id, event.sequence, &event.header.content_hash);
            if let Err(fault) = check.keys.sequencer_signed(receipt.key, &message.0, &receipt.signature) {
                let place = format!("tenant {}, store {}, sequence {}", scope.tenant, scope.store, event.sequence);
                return found("events", place, format!("receipt: {fault}"));
            }
            check.report.signatures += 1;
        }
    }
    Ok(events)
}

/// Payload, hashes and the agent's signature of one event.
fn judge(
    keyring: &Keyring,
    scope: Scope,
    event: &StoredEvent,
    segment: Option<&PayloadSegment>,
    agents: &AgentKeys,
) -> Result<(), (&'static str, String)> {
    const PAYLOAD: &str = "event_payload";
    let header = &event.header;
    let covers = |segment: &&PayloadSegment| segment.first <= event.sequence && event.sequence <= segment.last;
    let segment = segment.filter(covers).ok_or((PAYLOAD, "no segment covers the event".to_owned()))?;
    let payload = open_payload(keyring, scope, segment, event.sequence, header.event_id)
        .map_err(|fault| (PAYLOAD, fault.to_string()))?;
    let payload = String::from_utf8(payload).map_err(|_| (PAYLOAD, "the payload is not UTF-8".to_owned()))?;
    let derived = header.derive_content_hash(scope);
    if let Some(fault) = content_fault(&derived, header, scope, &payload) {
        return Err(("events", fault));
    }
    let Seal::Signed { key, signature } = &header.seal else { return Ok(()) };
    let Some(public) = agents.get(&(header.agent, *key)) else {
        return Err(("agent_keys", format!("key {key} of agent {} signed the event and is not there", header.agent)));
    };
    public
        .verify(&derived.0, signature)
        .map_err(|fault| ("events", format!("the signature of agent {}: {fault}", header.agent)))
}

impl Derived<'_> {
    fn place(&self, what: impl std::fmt::Display) -> String {
        let scope = self.head.row.scope;
        format!("tenant {}, store {}, sequence {what}", scope.tenant, scope.store)
    }

    /// Adds the event's leaf, and compares what that completes.
    async fn push(&mut self, check: &mut Check, event: &StoredEvent) -> Result<(), Stop> {
        if event.sequenced_at < self.last_at {
            return found("events", self.place(event.sequence), "was sequenced before the event in front of it");
        }
        self.last_at = event.sequenced_at;
        let leaf = event.header.leaf(self.head.row.scope, event.sequence);
        let mut tiles = Vec::new();
        self.tree.push(leaf, &mut tiles, &mut self.growth);
        for tile in &tiles {
            self.tile(check, tile).await?;
        }
        if !tiles.is_empty() {
            // It keeps every node for proofs nobody asks for here.
            self.growth = Growth::new(self.tree.frontier().clone());
        }
        self.confirm_logged()?;
        self.batches.fill(check, self.head).await?;
        if self.batches.waiting.is_empty() {
            return Ok(());
        }
        self.leaves.push(leaf);
        if let Some(batch) = self.batches.waiting.pop_front_if(|batch| batch.end == event.sequence) {
            let leaves = std::mem::take(&mut self.leaves);
            self.batch(check, &batch, &leaves)?;
        }
        Ok(())
    }

    async fn tile(&self, check: &mut Check, tile: &StreamTile) -> Result<(), Stop> {
        let stored = check.store.tiles(self.head.row.stream, tile.level, tile.index, 1).await?;
        let scope = self.head.row.scope;
        let place =
            format!("tenant {}, store {}, level {}, index {}", scope.tenant, scope.store, tile.level, tile.index);
        match stored.first().filter(|stored| stored.index == tile.index) {
            Some(stored) if stored == tile => {
                check.report.tiles += 1;
                Ok(())
            },
            Some(_) => found("stream_tiles", place, "holds other hashes than the events give"),
            None => found("stream_tiles", place, "is missing"),
        }
    }

    /// The log's heads of this size say the root that the events give.
    fn confirm_logged(&mut self) -> Result<(), Stop> {
        while let Some((size, root, index)) = self.logged.heads.get(self.confirmed).filter(|h| h.0 == self.tree.size())
        {
            if *root != self.tree.root() {
                let fault = format!("says another root than the events give at size {size}");
                return found("log_records", format!("index {index}"), fault);
            }
            self.confirmed += 1;
        }
        Ok(())
    }

    fn batch(&mut self, check: &mut Check, batch: &Batch, leaves: &[Hash]) -> Result<(), Stop> {
        let place = format!("batch {}", batch.batch.0);
        let wrong = |what: &str| Finding {
            table: "batches",
            place: place.clone(),
            fault: format!("the {what} is not what the events give"),
        };
        let state = &mut self.batches;
        if batch.start.index() != state.end || leaves.len() as u64 != batch.leaf_count() {
            return found("batches", place, "does not begin behind the batch in front of it");
        }
        let roots = chunk_roots(leaves);
        let root = root_from_chunks(&roots, batch.leaf_count()).map_err(StoreError::corrupt)?;
        let count = u32::try_from(leaves.len()).map_err(StoreError::corrupt)?;
        let id = stream_id(self.head.row.scope);
        let after = state_root(&id, &state.state, &root, batch.start, batch.end, count);
        for (what, fits) in [
            ("list of chunk roots", roots == batch.chunk_roots),
            ("root", root == batch.merkle_root),
            ("state root before it", state.state == batch.previous_state_root),
            ("state root after it", after == batch.state_root),
        ] {
            if !fits {
                return Err(Stop::Found(wrong(what)));
            }
        }
        (state.state, state.end) = (after, batch.end.get());
        if check.batches_seen.insert(batch.batch, batch.stream).is_some() {
            return found("batches", place, "has the id of another batch");
        }
        if let Some(index) = batch.log_index
            && let Some(logged) = self.logged.batches.remove(&index)
            && logged != (batch.start.get(), batch.end.get(), root, batch.previous_state_root, after)
        {
            return found("log_records", format!("index {index}"), format!("does not say what {place} is"));
        }
        check.report.batches += 1;
        Ok(())
    }

    /// The head says what the events gave.
    async fn finish(mut self, check: &mut Check) -> Result<(), Stop> {
        let row = &self.head.row;
        let place = format!("tenant {}, store {}", row.scope.tenant, row.scope.store);
        for (what, fits) in [
            ("root", row.root == self.tree.root()),
            ("compact range", self.head.frontier == self.tree.frontier().to_bytes()),
            ("time of the last event", row.last_at.is_none_or(|at| at == self.last_at)),
            ("presence of a signature", (row.size > 0) == (row.signed.is_some() && row.last_at.is_some())),
        ] {
            if !fits {
                return found("streams", place, format!("the {what} is not what the events give"));
            }
        }
        if let (Some(signed), Some(at)) = (row.signed, row.last_at) {
            let (stream_id, key) = (stream_id(row.scope), signed.key);
            let hash = FlushHead { stream_id, size: row.size, root: row.root, at, key }.hash();
            if let Err(fault) = check.keys.sequencer_signed(key, &hash.0, &signed.signature) {
                return found("streams", place, format!("head: {fault}"));
            }
            check.report.signatures += 1;
        }
        if let Some((size, _, index)) = self.logged.heads.get(self.confirmed) {
            let fault = format!("logs size {size}, which the stream does not have");
            return found("log_records", format!("index {index}"), fault);
        }
        if self.logged.opened.is_some_and(|at| at != row.opened_at) {
            return found("streams", place, "was not opened when the log says");
        }
        self.batches.fill(check, self.head).await?;
        if let Some(batch) = self.batches.waiting.iter().find(|batch| batch.start.get() <= row.size) {
            let place = format!("batch {}", batch.batch.0);
            return found("batches", place, "ends where no batch may, or overlaps another");
        }
        if let Some(index) = self.logged.batches.keys().min() {
            return found(
                "batches",
                place,
                format!("the batch of log record {index} is missing or names another record"),
            );
        }
        Ok(())
    }
}

impl Batches {
    /// Makes sure that the next batch is in memory, if there is one.
    async fn fill(&mut self, check: &Check, head: &RawHead) -> Result<(), Stop> {
        if !self.waiting.is_empty() || self.done {
            return Ok(());
        }
        let from = Sequence::from_index(self.end).map_err(StoreError::corrupt)?;
        let page = check.store.batches(head.row.stream, from, BATCHES).await?;
        self.done = page.is_empty();
        for batch in page {
            // The page may leave the chunk roots out.
            let whole = check.store.batch(batch.batch).await?.map(|(_, whole)| whole);
            self.waiting.extend(whole.filter(|whole| whole.end.get() <= head.row.size));
        }
        self.done |= self.waiting.is_empty();
        Ok(())
    }
}
