//! One attempt at a group commit: load facts, plan, sign, seal, commit, answer.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::Hash;
use stateset_ledger::event::{Candidate, KnownEvent, ReceiptSignature, leaf};
use stateset_ledger::growth::Growth;
use stateset_ledger::id::{AgentId, EventId, KeyId, Scope, Sequence};
use stateset_ledger::plan::{EntityRef, Plan, StreamFacts, Verdict, plan};
use stateset_ledger::receipt::{FlushHead, receipt_hash, stream_id};
use stateset_ledger::signature::Signer as _;
use stateset_ledger::tree::Frontier;
use stateset_store::StoreError;
use stateset_store::append::{Appended, NewEvent, StreamAppend};
use stateset_store::stream::{HeadSignature, OpenStream};

use super::flush::Flusher;
use super::{Outcome, Place, Placed, ReceiptMode, SignedHead, Waiting};
use crate::agent_keys::AgentKeys;
use crate::payload::seal_segments;

/// Signatures fewer than this are made on the spot; more are worth waking other threads for.
const PARALLEL_SIGNATURES: usize = 16;

/// Answers of one round: per stream, per submission; `None` has to be planned again.
type Answers = Vec<Vec<Option<Placed>>>;

/// One stream of a round.
struct Stream<'a> {
    open: OpenStream,
    waiting: &'a [Waiting],
    candidates: Vec<&'a Candidate>,
    known: HashMap<EventId, KnownEvent>,
    entity_versions: HashMap<EntityRef, u64>,
    keys: HashMap<(AgentId, KeyId), AgentKey>,
}

/// A planned stream with its signatures.
struct Planned<'a> {
    plan: Plan<'a>,
    receipts: Vec<Option<ReceiptSignature>>,
    head: SignedHead,
}

impl Flusher {
    /// Plans and commits the submissions of several streams.
    pub(super) async fn round(&mut self, groups: &[Vec<Waiting>]) -> Result<Answers, StoreError> {
        let scopes: Vec<Scope> = groups.iter().map(|group| group[0].submission.scope).collect();
        let opened = self.heads.take(self.store.as_ref(), &scopes, self.clock.now()).await?;
        let mut streams = Vec::with_capacity(groups.len());
        for (open, waiting) in opened.into_iter().zip(groups) {
            streams.push(self.facts(open, waiting).await?);
        }
        let mut planned = Vec::with_capacity(streams.len());
        for stream in &streams {
            planned.push(self.plan_and_sign(stream).await);
        }
        let outcome = self.commit(&streams, &planned).await?;
        let mut answers = Vec::with_capacity(streams.len());
        for ((stream, mut planned), committed) in streams.into_iter().zip(planned).zip(outcome) {
            if committed {
                answers.push(answer(&stream, &mut planned));
                self.remember(stream, planned);
            } else {
                answers.push(stream.waiting.iter().map(|_| None).collect());
            }
        }
        Ok(answers)
    }

    /// Everything the plan of one stream depends on. A look-up of ids is skipped while there is no sign of a retry: the
    /// store refuses known ids by itself, and then the next round looks them up.
    async fn facts<'a>(&mut self, mut open: OpenStream, waiting: &'a [Waiting]) -> Result<Stream<'a>, StoreError> {
        let candidates: Vec<&Candidate> =
            waiting.iter().flat_map(|waiting| waiting.submission.candidates.iter()).collect();
        let store = Arc::clone(&self.store);
        let seen = |candidate: &&Candidate| self.recent.contains(candidate.header.event_id);
        let known = if self.wary > 0 || candidates.iter().any(seen) {
            let ids: Vec<EventId> = candidates.iter().map(|candidate| candidate.header.event_id).collect();
            store.known_events(open.stream, &ids).await?
        } else {
            Vec::new()
        };
        let mut entities: Vec<EntityRef> = candidates
            .iter()
            .filter(|candidate| candidate.header.base_version.is_some())
            .map(|candidate| (candidate.header.entity_type.clone(), candidate.header.entity_id.clone()))
            .collect();
        entities.sort_unstable();
        entities.dedup();
        let versions =
            if entities.is_empty() { Vec::new() } else { store.entity_versions(open.stream, &entities).await? };
        let keys = self.keys_of(&mut open, waiting).await?;
        Ok(Stream {
            open,
            waiting,
            candidates,
            known: known.into_iter().map(|event| (event.event_id, event)).collect(),
            entity_versions: entities.into_iter().zip(versions).collect(),
            keys,
        })
    }

    /// The keys of all agents in `waiting` as of one size of the key stream, which becomes the size the commit insists on.
    async fn keys_of(
        &self,
        open: &mut OpenStream,
        waiting: &[Waiting],
    ) -> Result<HashMap<(AgentId, KeyId), AgentKey>, StoreError> {
        let Some((_, size)) = &mut open.key_stream else { return Ok(self.own_key()) };
        let mut agents: HashMap<AgentId, Arc<AgentKeys>> = HashMap::new();
        for waiting in waiting {
            let submission = &waiting.submission;
            let Some(keys) = &submission.keys else { continue };
            let agent = submission.candidates[0].header.agent;
            agents
                .entry(agent)
                .and_modify(|known| {
                    if known.as_of < keys.as_of {
                        *known = Arc::clone(keys);
                    }
                })
                .or_insert_with(|| Arc::clone(keys));
        }
        *size = agents.values().map(|keys| keys.as_of).fold(*size, u64::max);
        loop {
            let old: Vec<AgentId> =
                agents.iter().filter(|(_, keys)| keys.as_of < *size).map(|(agent, _)| *agent).collect();
            if old.is_empty() {
                break;
            }
            for agent in old {
                let fresh = self.keys.refresh(self.store.as_ref(), open.scope.tenant, agent).await?;
                *size = fresh.as_of.max(*size);
                agents.insert(agent, fresh);
            }
        }
        Ok(agents
            .iter()
            .flat_map(|(agent, keys)| keys.keys.iter().map(|(id, (key, _))| ((*agent, *id), key.clone())))
            .collect())
    }

    /// Key streams are written by the service itself, under its own key.
    fn own_key(&self) -> HashMap<(AgentId, KeyId), AgentKey> {
        let key = AgentKey {
            agent: AgentId::NIL,
            key: self.signer.number(),
            public_key: self.signer.public_key(),
            valid_from: None,
            valid_to: None,
            revoked_at: None,
            registered: Sequence::FIRST,
        };
        HashMap::from([((AgentId::NIL, key.key), key)])
    }

    async fn plan_and_sign<'a>(&self, stream: &Stream<'a>) -> Planned<'a> {
        let facts = StreamFacts {
            scope: stream.open.scope,
            head: &stream.open.head,
            now: self.clock.now(),
            known: &stream.known,
            keys: &stream.keys,
            entity_versions: &stream.entity_versions,
            unsigned_allowed: self.unsigned_allowed,
        };
        let plan = plan(&facts, &stream.candidates);
        let receipts = self.sign_receipts(stream, &plan).await;
        let root = plan.head.root();
        let head = FlushHead {
            stream_id: stream_id(stream.open.scope),
            size: plan.head.size(),
            root,
            at: plan.at,
            key: self.signer.number(),
        };
        let signature = self.signer.sign(&head.hash().0);
        let head =
            SignedHead { size: head.size, root, at: plan.at, signed: HeadSignature { key: head.key, signature } };
        Planned { plan, receipts, head }
    }

    /// A signature for each new event whose sender wants one, `None` for the others.
    async fn sign_receipts(&self, stream: &Stream<'_>, plan: &Plan<'_>) -> Vec<Option<ReceiptSignature>> {
        let mut wanted = stream
            .waiting
            .iter()
            .flat_map(|waiting| {
                let each = waiting.submission.receipts == ReceiptMode::Each;
                std::iter::repeat_n(each, waiting.submission.candidates.len())
            })
            .collect::<Vec<bool>>()
            .into_iter()
            .enumerate()
            .filter_map(|(i, each)| each.then_some(i))
            .peekable();
        let mut hashes = Vec::new();
        for entry in &plan.entries {
            while wanted.next_if(|i| *i < entry.candidate).is_some() {}
            let each = wanted.next_if_eq(&entry.candidate).is_some();
            let header = entry.header;
            hashes.push(
                each.then(|| receipt_hash(stream.open.scope, header.event_id, entry.sequence, &header.content_hash)),
            );
        }
        if hashes.iter().flatten().count() < PARALLEL_SIGNATURES {
            return hashes.iter().map(|hash| hash.map(|hash| sign_receipt(&self.signer, &hash))).collect();
        }
        let signer = Arc::clone(&self.signer);
        let (reply, signed) = tokio::sync::oneshot::channel();
        rayon::spawn(move || {
            let signatures: Vec<_> =
                hashes.par_iter().map(|hash| hash.map(|hash| sign_receipt(&signer, &hash))).collect();
            drop(reply.send(signatures));
        });
        signed.await.expect("the signing job always answers")
    }

    /// Commits every plan that places something; `true` for each stream whose plan now holds.
    async fn commit(&self, streams: &[Stream<'_>], planned: &[Planned<'_>]) -> Result<Vec<bool>, StoreError> {
        let appends: Vec<StreamAppend<'_>> = streams
            .iter()
            .zip(planned)
            .filter(|(_, planned)| !planned.plan.entries.is_empty())
            .map(|(stream, planned)| self.stream_append(stream, planned))
            .collect();
        crate::fail_point::pass("before_commit");
        let appended = if appends.is_empty() { Vec::new() } else { self.store.append(&appends).await? };
        crate::fail_point::pass("after_commit");
        let mut appended = appended.into_iter();
        Ok(planned
            .iter()
            .map(|planned| planned.plan.entries.is_empty() || appended.next() == Some(Appended::Committed))
            .collect())
    }

    fn stream_append<'a>(&self, stream: &'a Stream<'_>, planned: &'a Planned<'a>) -> StreamAppend<'a> {
        let plan = &planned.plan;
        let signed_events = stream.waiting.iter().any(|waiting| waiting.submission.keys.is_some());
        StreamAppend {
            stream: stream.open.stream,
            scope: stream.open.scope,
            expected_size: plan.expected_size,
            key_stream: stream.open.key_stream.filter(|_| signed_events),
            events: plan
                .entries
                .iter()
                .zip(&planned.receipts)
                .map(|(entry, receipt)| NewEvent { header: entry.header, sequence: entry.sequence, receipt: *receipt })
                .collect(),
            payloads: seal_segments(&self.keyring, stream.open.scope, &plan.entries),
            tiles: &plan.tiles,
            head: &plan.head,
            root: planned.head.root,
            signed: planned.head.signed,
            at: plan.at,
            key_changes: key_changes(stream, plan),
        }
    }

    /// Keeps what the next flush starts from.
    fn remember(&mut self, stream: Stream<'_>, planned: Planned<'_>) {
        let Stream { mut open, .. } = stream;
        for entry in &planned.plan.entries {
            self.recent.insert(entry.header.event_id);
        }
        let size = planned.plan.head.size();
        if open.scope.is_key_stream() && size > open.head.size() {
            self.heads.key_stream_grew(open.scope.tenant, size);
        }
        open.head = planned.plan.head;
        self.heads.put(open);
    }
}

fn sign_receipt(signer: &crate::signing::SequencerKey, hash: &Hash) -> ReceiptSignature {
    ReceiptSignature { key: signer.number(), signature: signer.sign(&hash.0) }
}

fn key_changes(stream: &Stream<'_>, plan: &Plan<'_>) -> Vec<(Sequence, stateset_ledger::agent_key::KeyChange)> {
    let mut changes = Vec::new();
    let mut start = 0;
    for waiting in stream.waiting {
        for (candidate, change) in &waiting.submission.key_changes {
            if let Some(entry) = plan.entries.iter().find(|entry| entry.candidate == start + candidate) {
                changes.push((entry.sequence, change.clone()));
            }
        }
        start += waiting.submission.candidates.len();
    }
    changes
}

fn answer(stream: &Stream<'_>, planned: &mut Planned<'_>) -> Vec<Option<Placed>> {
    let placed = !planned.plan.entries.is_empty();
    let growth = std::mem::replace(&mut planned.plan.growth, Growth::new(Frontier::new()));
    let growth = placed.then(|| Arc::new(growth));
    let mut verdicts = planned.plan.verdicts.iter();
    stream
        .waiting
        .iter()
        .map(|waiting| {
            let outcomes = verdicts
                .by_ref()
                .take(waiting.submission.candidates.len())
                .map(|verdict| outcome(stream.open.scope, planned, verdict))
                .collect();
            Some(Placed { outcomes, head: placed.then_some(planned.head), growth: growth.clone() })
        })
        .collect()
}

fn outcome(scope: Scope, planned: &Planned<'_>, verdict: &Verdict) -> Outcome {
    let entry = |index: usize| {
        let entry = &planned.plan.entries[index];
        Place { sequence: entry.sequence, at: planned.plan.at, leaf: entry.leaf, receipt: planned.receipts[index] }
    };
    match verdict {
        Verdict::Accepted(index) => Outcome::Placed(entry(*index)),
        Verdict::Repeated(index) => Outcome::Duplicate(entry(*index)),
        Verdict::Stored(known) => Outcome::Duplicate(Place {
            sequence: known.sequence,
            at: known.sequenced_at,
            leaf: leaf(scope, known.sequence, &known.content_hash, &known.seal),
            receipt: known.receipt,
        }),
        Verdict::Rejected(cause) => Outcome::Rejected(cause.clone()),
    }
}
