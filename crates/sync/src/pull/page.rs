//! One page: fetched, every event judged, the whole held against the signed tree.

use serde_json::value::RawValue;
use stateset_api::event::EventPage;
use stateset_api::proof::InclusionProof;
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::id::{AgentId, KeyId, Micros, Sequence};
use stateset_ledger::signature::PublicKey;
use stateset_ledger::tree::Frontier;
use stateset_ledger::tree::proof::{verify_consistency, verify_inclusion};
use stateset_ledger::tree::rfc6962::leaf_hash;
use uuid::Uuid;

use crate::error::{SyncError, unreadable};
use crate::history::{ForkKind, SeenHead};
use crate::remote::RemoteError;
use crate::session::{Session, Stream};
use crate::sql;
use crate::verify::{Judged, KeyRing, Suspect, judge};

/// Events of one page.
const PAGE_EVENTS: u64 = 1_000;

#[derive(serde::Deserialize)]
struct Place {
    sequence_number: u64,
}

/// Events that follow on a frontier, with the leaves that the signed tree holds in their places.
pub(super) struct Page {
    pub(super) events: Vec<Judged>,
    pub(super) leaves: Vec<Hash>,
    /// The tree with them.
    pub(super) frontier: Frontier,
}

impl Session {
    /// The page behind `frontier`, proved to be what the tree of `head` holds there.
    pub(super) async fn page(
        &self,
        stream: Stream,
        frontier: &Frontier,
        head: &SeenHead,
        keys: &KeyRing,
    ) -> Result<Page, SyncError> {
        let raw = self.fetch(stream, frontier.size(), head.size).await?;
        let events = self.judge_all(stream, frontier.size(), raw, keys).await?;
        let mut leaves = Vec::with_capacity(events.len());
        for event in &events {
            leaves.push(match &event.verdict {
                Ok(checked) => checked.leaf,
                Err(_) => self.proved_leaf(stream, event.sequence, frontier, head).await?,
            });
        }
        let grown = grow(frontier, &leaves);
        if self.is_prefix(stream, &grown, head).await? {
            return Ok(Page { events, leaves, frontier: grown });
        }
        self.find_altered(stream, frontier, head, events).await
    }

    /// Some event is as its agent signed it, and yet not the one that the sequencer has committed to in that place. Each is
    /// looked up by itself; what differs goes into quarantine.
    async fn find_altered(
        &self,
        stream: Stream,
        frontier: &Frontier,
        head: &SeenHead,
        mut events: Vec<Judged>,
    ) -> Result<Page, SyncError> {
        let mut leaves = Vec::with_capacity(events.len());
        for event in &mut events {
            let proved = self.proved_leaf(stream, event.sequence, frontier, head).await?;
            leaves.push(proved);
            if let Ok(checked) = &event.verdict
                && checked.leaf != proved
            {
                let entity = Some((checked.header.entity_type.clone(), checked.header.entity_id.clone()));
                let reason = format!(
                    "the event shown for this place has the leaf {}, the signed tree holds {proved}: it is another event",
                    checked.leaf
                );
                event.verdict = Err(Suspect { code: "NOT_THE_COMMITTED_EVENT", reason, entity });
            }
        }
        let grown = grow(frontier, &leaves);
        if self.is_prefix(stream, &grown, head).await? {
            return Ok(Page { events, leaves, frontier: grown });
        }
        let detail = format!("the events from {} on do not lead to the signed root", frontier.size() + 1);
        Err(self.forked(stream, frontier, head, ForkKind::OtherEvents, detail).await?)
    }

    /// Whether the tree of `head` begins with this one.
    async fn is_prefix(&self, stream: Stream, tree: &Frontier, head: &SeenHead) -> Result<bool, SyncError> {
        if tree.size() == head.size {
            return Ok(tree.root() == head.root);
        }
        let scope = self.scope_of(stream);
        let (tenant, store) = (scope.tenant.to_string(), scope.store.to_string());
        let query = [("tenant_id", tenant.as_str()), ("store_id", store.as_str())];
        let proof = self.consistency(&query, tree.size(), head.size).await?;
        Ok(verify_consistency(tree.size(), head.size, &tree.root(), &head.root, &proof.path).is_ok())
    }

    /// What the tree of `head` holds at a place, by an inclusion proof.
    async fn proved_leaf(
        &self,
        stream: Stream,
        sequence: Sequence,
        frontier: &Frontier,
        head: &SeenHead,
    ) -> Result<Hash, SyncError> {
        let scope = self.scope_of(stream);
        let (tenant, store) = (scope.tenant.to_string(), scope.store.to_string());
        let size = head.size.to_string();
        let query = [("tenant_id", &*tenant), ("store_id", &store), ("tree", "stream"), ("tree_size", &size)];
        let proof: InclusionProof = self.remote.get(&format!("/api/v1/ves/proofs/{sequence}"), &query).await?;
        let leaf = leaf_hash(&proof.leaf_hash.0);
        match verify_inclusion(&leaf, sequence.index(), head.size, &proof.path, &head.root) {
            Ok(()) => Ok(proof.leaf_hash),
            Err(fault) => {
                let detail = format!("the sequencer cannot prove what is at place {sequence}: {fault}");
                Err(self.forked(stream, frontier, head, ForkKind::OtherEvents, detail).await?)
            },
        }
    }

    /// The raw envelopes behind `from`, at least one, none above `to`.
    async fn fetch(&self, stream: Stream, from: u64, to: u64) -> Result<Vec<Box<RawValue>>, SyncError> {
        let scope = self.scope_of(stream);
        let (tenant, store, first) = (scope.tenant.to_string(), scope.store.to_string(), (from + 1).to_string());
        let mut count = PAGE_EVENTS.min(to - from);
        let page: EventPage<Box<RawValue>> = loop {
            let limit = count.to_string();
            let query = [("tenant_id", &*tenant), ("store_id", &store), ("from", &first), ("limit", &limit)];
            match self.remote.get("/api/v1/ves/events", &query).await {
                Err(RemoteError::TooLong { .. }) if count > 1 => count /= 2,
                page => break page?,
            }
        };
        let mut events = page.events;
        events.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        // One that cannot be read stands for its place; a gap would make every event behind it stand for another's.
        for (place, event) in (from + 1..).zip(&events) {
            let named = serde_json::from_str::<Place>(event.get()).ok();
            if let Some(Place { sequence_number }) = named.filter(|named| named.sequence_number != place) {
                return Err(self.unreadable(&format!("place {sequence_number} was shown where {place} belongs")));
            }
        }
        if events.is_empty() {
            return Err(self.unreadable(&format!("the stream has {to} events, and none was shown behind {from}")));
        }
        Ok(events)
    }

    async fn judge_all(
        &self,
        stream: Stream,
        from: u64,
        raw: Vec<Box<RawValue>>,
        keys: &KeyRing,
    ) -> Result<Vec<Judged>, SyncError> {
        let (scope, keys, now) = (self.scope_of(stream), keys.clone(), self.replica.clock.now());
        let judging = tokio::task::spawn_blocking(move || {
            let place =
                |(index, raw)| Sequence::from_index(index).map(|sequence| judge(raw, scope, sequence, &keys, now));
            (from..).zip(raw).map(place).collect::<Result<Vec<_>, _>>()
        });
        let judged = judging.await.map_err(|fault| unreadable(fault.to_string()))?;
        judged.map_err(unreadable)
    }

    /// The keys that were pulled, and the sequencer's.
    pub(super) async fn key_ring(&self) -> Result<KeyRing, SyncError> {
        type Row = (Uuid, i64, Vec<u8>, Option<i64>, Option<i64>, Option<i64>, i64);
        let rows: Vec<Row> = sqlx::query_as(sql!("peer_keys")).fetch_all(&self.replica.pool).await?;
        let mut ring = KeyRing { sequencer: (*self.trusted).clone(), ..KeyRing::default() };
        for (agent, number, bytes, valid_from, valid_to, revoked_at, registered) in rows {
            let public_key = PublicKeyBytes::try_from(bytes.as_slice()).map_err(unreadable)?;
            let key = AgentKey {
                agent: AgentId(agent),
                key: KeyId(u32::try_from(number).map_err(unreadable)?),
                public_key,
                valid_from: valid_from.map(Micros),
                valid_to: valid_to.map(Micros),
                revoked_at: revoked_at.map(Micros),
                registered: Sequence::new(u64::try_from(registered).map_err(unreadable)?).map_err(unreadable)?,
            };
            // The sequencer admits no other; an event under one that cannot verify goes into quarantine.
            if let Ok(public) = PublicKey::new(&public_key) {
                ring.agents.insert((key.agent, key.key), (public, key));
            }
        }
        Ok(ring)
    }
}

fn grow(frontier: &Frontier, leaves: &[Hash]) -> Frontier {
    let mut grown = frontier.clone();
    for leaf in leaves {
        grown.push(leaf_hash(&leaf.0), &mut |_, _, _| {});
    }
    grown
}
