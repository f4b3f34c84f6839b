//! Holding the events of a batch to the tenant's schemas.

use std::sync::Arc;

use serde_json::Value;
use stateset_ledger::bytes::Hash;
use stateset_ledger::event::Candidate;
use stateset_ledger::id::{EventId, Scope};
use stateset_ledger::rejection::Cause;
use stateset_store::StoreError;
use stateset_store::schema::SchemaStatus;

use super::{Book, Mode, Violation};
use crate::append::prepare::{Prepared, Slot};
use crate::service::Service;

/// Batches up to this size are judged on the thread that read them.
const INLINE_EVENTS: usize = 4;

/// Turns candidates that do not keep their schema into rejections. An event that the log already holds stays: it was taken
/// under the rules of its time, and a repetition is answered as before.
pub async fn judge(service: &Service, scope: Scope, prepared: Prepared) -> Result<Prepared, StoreError> {
    if prepared.candidates.is_empty() {
        return Ok(prepared);
    }
    let registry = &service.schemas;
    let book = registry.book(service.store.as_ref(), scope.tenant, service.clock.now()).await?;
    if book.is_empty() && registry.mode != Mode::Required {
        return Ok(prepared);
    }
    let (mode, mut prepared) = (registry.mode, prepared);
    let mut causes = if prepared.candidates.len() <= INLINE_EVENTS {
        judge_all(&book, mode, &mut prepared.candidates)
    } else {
        let (reply, judged) = tokio::sync::oneshot::channel();
        rayon::spawn(move || {
            let causes = judge_all(&book, mode, &mut prepared.candidates);
            drop(reply.send((causes, prepared)));
        });
        let (causes, judged) = judged.await.expect("the judging job always answers");
        prepared = judged;
        causes
    };
    let refused: Vec<EventId> = causes
        .iter()
        .zip(&prepared.candidates)
        .filter_map(|(cause, candidate)| cause.as_ref().map(|_| candidate.header.event_id))
        .collect();
    if refused.is_empty() {
        return Ok(prepared);
    }
    if let Some(stream) = service.store.stream(scope).await? {
        for known in service.store.known_events(stream.stream, &refused).await? {
            for (cause, candidate) in causes.iter_mut().zip(&prepared.candidates) {
                if candidate.header.event_id == known.event_id {
                    *cause = None;
                }
            }
        }
    }
    Ok(without(prepared, causes))
}

fn judge_all(book: &Arc<Book>, server: Mode, candidates: &mut [Candidate]) -> Vec<Option<Cause>> {
    candidates.iter_mut().map(|candidate| judge_one(book, server, candidate)).collect()
}

/// Why the event is refused; a warning goes to the candidate.
fn judge_one(book: &Book, server: Mode, candidate: &mut Candidate) -> Option<Cause> {
    let header = &candidate.header;
    let mode = book.mode(&header.event_type, server);
    if mode == Mode::Disabled {
        return None;
    }
    let version = header.annotations.schema_version;
    let Some(entry) = book.in_force(&header.event_type, version) else {
        return (mode == Mode::Required).then(|| Cause::SchemaNotFound(header.event_type.clone()));
    };
    let mut warnings = Vec::new();
    if entry.row.status == SchemaStatus::Deprecated {
        warnings.push(format!("schema: version {} of {} is deprecated", entry.row.version, entry.row.subject));
    }
    // What is encrypted can only be asked whether a schema exists.
    let is_plain = header.cipher_hash == Hash::ZERO;
    let found = if is_plain { violations(entry, &candidate.payload) } else { None };
    let cause = match found {
        Some(faults) if mode == Mode::Warn => {
            warnings.push(format!("schema: the payload does not keep its schema: {faults}"));
            None
        },
        Some(faults) => Some(Cause::Schema(faults)),
        None => None,
    };
    candidate.warnings.extend(warnings);
    cause
}

fn violations(entry: &super::Entry, payload: &[u8]) -> Option<String> {
    let payload: Value = match serde_json::from_slice(payload) {
        Ok(payload) => payload,
        Err(fault) => return Some(format!("it cannot be read: {fault}")),
    };
    match entry.violations(&payload) {
        Ok(found) if found.is_empty() => None,
        Ok(found) => {
            let places: Vec<String> = found.iter().map(said).collect();
            Some(format!("{} (schema {} version {})", places.join("; "), entry.row.subject, entry.row.version))
        },
        Err(fault) => Some(format!("schema {} cannot be used: {fault}", entry.row.number)),
    }
}

fn said(violation: &Violation) -> String {
    let place = if violation.path.is_empty() { "/" } else { &violation.path };
    format!("{place}: {}", violation.message)
}

/// The batch without the candidates that have a cause.
fn without(prepared: Prepared, causes: Vec<Option<Cause>>) -> Prepared {
    let mut verdicts: Vec<Option<(Candidate, Option<Cause>)>> =
        prepared.candidates.into_iter().zip(causes).map(Some).collect();
    let mut rest = Prepared { slots: Vec::with_capacity(prepared.slots.len()), candidates: Vec::new() };
    for slot in prepared.slots {
        let judged = match slot {
            Slot::Candidate(index) => verdicts.get_mut(index).and_then(Option::take),
            Slot::Rejected(..) => None,
        };
        rest.slots.push(match (judged, slot) {
            (Some((candidate, Some(cause))), _) => Slot::Rejected(Some(candidate.header.event_id.0), cause),
            (Some((candidate, None)), _) => {
                rest.candidates.push(candidate);
                Slot::Candidate(rest.candidates.len() - 1)
            },
            (None, slot) => slot,
        });
    }
    rest
}
