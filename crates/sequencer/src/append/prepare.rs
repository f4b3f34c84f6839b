//! Everything about a batch that can be decided before its order is: parsing, hashing, keys, signatures.
//!
//! A whole request is one unit of parallel work. Splitting it further made the slowest requests twice as slow, and a few
//! events are checked where they are read, because waking another thread costs more than a signature.

use std::sync::Arc;

use bytes::Bytes;
use stateset_ledger::bytes::Salt;
use stateset_ledger::envelope::{Admission, EnvelopeKind, identify, read};
use stateset_ledger::event::{Candidate, Seal};
use stateset_ledger::id::{AgentId, Micros, Scope};
use stateset_ledger::rejection::Cause;
use uuid::Uuid;

use crate::agent_keys::AgentKeys;
use crate::clock::random;

/// Batches up to this size are checked on the thread that read them.
const INLINE_EVENTS: usize = 4;

/// What is known about a batch when its events are read.
#[derive(Clone, Debug)]
pub struct BatchContext {
    /// Which envelope the route takes.
    pub kind: EnvelopeKind,
    /// The agent of the batch.
    pub agent: AgentId,
    /// Its scope.
    pub scope: Scope,
    /// Largest payload.
    pub max_payload_bytes: usize,
    /// Furthest `created_at` may lie ahead.
    pub max_future_skew_ms: Option<i64>,
    /// Time of the request.
    pub now: Micros,
    /// Trace context of the request.
    pub traceparent: Option<String>,
}

/// What became of one event of the request so far.
#[derive(Debug)]
pub enum Slot {
    /// The candidate of this index.
    Candidate(usize),
    /// Not admissible.
    Rejected(Option<Uuid>, Cause),
}

/// A batch ready for its order.
#[derive(Debug)]
pub struct Prepared {
    /// One per event of the request.
    pub slots: Vec<Slot>,
    /// The admissible ones.
    pub candidates: Vec<Candidate>,
}

impl Prepared {
    /// Whether an event was refused for want of a key, which a fresh look at the registry may cure.
    pub fn misses_a_key(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Rejected(_, Cause::KeyUnknown)))
    }
}

/// Prepares a batch, on another thread if that is worth it.
pub async fn prepare(events: Arc<Vec<Bytes>>, context: Arc<BatchContext>, keys: Arc<AgentKeys>) -> Prepared {
    if events.len() <= INLINE_EVENTS {
        return prepare_all(&events, &context, &keys);
    }
    let (reply, prepared) = tokio::sync::oneshot::channel();
    rayon::spawn(move || drop(reply.send(prepare_all(&events, &context, &keys))));
    prepared.await.expect("the preparing job always answers")
}

fn prepare_all(events: &[Bytes], context: &BatchContext, keys: &AgentKeys) -> Prepared {
    let admission = Admission {
        kind: context.kind,
        agent: context.agent,
        scope: context.scope,
        max_payload_bytes: context.max_payload_bytes,
        max_future_skew_ms: context.max_future_skew_ms,
        now: context.now,
        traceparent: context.traceparent.as_deref(),
    };
    let mut prepared =
        Prepared { slots: Vec::with_capacity(events.len()), candidates: Vec::with_capacity(events.len()) };
    for event in events {
        let slot = match prepare_one(event, &admission, keys) {
            Ok(candidate) => {
                prepared.candidates.push(candidate);
                Slot::Candidate(prepared.candidates.len() - 1)
            },
            Err((id, cause)) => Slot::Rejected(id, cause),
        };
        prepared.slots.push(slot);
    }
    prepared
}

fn prepare_one(event: &Bytes, admission: &Admission<'_>, keys: &AgentKeys) -> Result<Candidate, (Option<Uuid>, Cause)> {
    let text = std::str::from_utf8(event).map_err(|fault| (None, Cause::Malformed(fault.to_string())))?;
    let salt = match admission.kind {
        EnvelopeKind::Legacy => Salt(random()),
        EnvelopeKind::Ves => Salt::ZERO,
    };
    let candidate = read(text, admission, salt).map_err(|cause| (identify(text).event_id, cause))?;
    if let Seal::Signed { key, .. } = candidate.header.seal {
        let id = Some(candidate.header.event_id.0);
        // Whether the key may sign now is for the plan to say: a retry keeps its place whatever became of the key since.
        let (_, public) = keys.keys.get(&key).ok_or((id, Cause::KeyUnknown))?;
        candidate.verify(public).map_err(|cause| (id, cause))?;
    }
    Ok(candidate)
}
