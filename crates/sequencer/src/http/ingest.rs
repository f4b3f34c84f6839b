//! `POST /api/v1/ves/events/ingest` and `POST /api/v1/events/ingest`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use stateset_api::code::Code;
use stateset_api::ingest::{
    FlatReceipt, IngestReply, RangeProof, Receipt, Rejection, StreamHead, VesIngestReply, Warning,
};
use stateset_ledger::bytes::Hash;
use stateset_ledger::envelope::EnvelopeKind;
use stateset_ledger::event::{Candidate, ReceiptSignature};
use stateset_ledger::id::{Micros, Scope};
use stateset_ledger::receipt::{receipt_hash, stream_id};
use stateset_ledger::signature::Signer as _;
use tracing::Instrument as _;
use uuid::Uuid;

use super::body::RawBody;
use super::credential::{Caller, Write};
use super::parameters::Parameters;
use super::problem::{ApiError, ApiResult};
use crate::agent_keys::AgentKeys;
use crate::append::batch::RawBatch;
use crate::append::prepare::{BatchContext, Prepared, Slot, prepare};
use crate::append::{Outcome, Place, Placed, ReceiptMode, SignedHead, Submission};
use crate::service::Service;

/// Options of both ingest routes.
#[derive(Debug, Default, Deserialize)]
pub struct IngestOptions {
    receipts: Option<String>,
    paths: Option<String>,
    wait: Option<String>,
}

impl IngestOptions {
    fn mode(&self) -> ApiResult<ReceiptMode> {
        match self.receipts.as_deref() {
            None | Some("each") => Ok(ReceiptMode::Each),
            Some("flush") => Ok(ReceiptMode::Flush),
            Some(_) => Err(ApiError::fault(Code::InvalidParameter, "receipts", "is `each` or `flush`")),
        }
    }

    fn with_paths(&self) -> ApiResult<bool> {
        match self.paths.as_deref() {
            None => Ok(false),
            Some("each") => Ok(true),
            Some(_) => Err(ApiError::fault(Code::InvalidParameter, "paths", "can only be `each`")),
        }
    }

    fn wait_logged(&self) -> ApiResult<bool> {
        match self.wait.as_deref() {
            None | Some("sequenced") => Ok(false),
            Some("logged") => Ok(true),
            Some(_) => Err(ApiError::fault(Code::InvalidParameter, "wait", "is `sequenced` or `logged`")),
        }
    }
}

/// Ingests signed events.
pub async fn ves(
    State(service): State<Arc<Service>>,
    caller: Caller<Write>,
    Parameters(options): Parameters<IngestOptions>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> ApiResult<Json<VesIngestReply>> {
    let done = ingest(&service, &caller, &options, &headers, body, EnvelopeKind::Ves).await?;
    let Report { counts, rejections, receipts, warnings, stream } = done.report(&service, &options)?;
    Ok(Json(VesIngestReply {
        batch_id: Uuid::now_v7(),
        events_accepted: counts.accepted,
        events_duplicate: counts.duplicate,
        events_rejected: rejections.len(),
        sequence_start: counts.first,
        sequence_end: counts.last,
        head_sequence: counts.head,
        rejections,
        receipts,
        warnings,
        stream,
    }))
}

/// Ingests events of the first API: unsigned, or signed in a form that proves nothing.
pub async fn legacy(
    State(service): State<Arc<Service>>,
    caller: Caller<Write>,
    Parameters(options): Parameters<IngestOptions>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> ApiResult<Json<IngestReply>> {
    let done = ingest(&service, &caller, &options, &headers, body, EnvelopeKind::Legacy).await?;
    let Report { counts, rejections, receipts, warnings, stream } = done.report(&service, &options)?;
    Ok(Json(IngestReply {
        batch_id: Uuid::now_v7(),
        events_accepted: counts.accepted,
        events_duplicate: counts.duplicate,
        events_rejected: rejections.len(),
        assigned_sequence_start: counts.first,
        assigned_sequence_end: counts.last,
        head_sequence: counts.head,
        rejections,
        receipts: receipts.into_iter().map(FlatReceipt::from).collect(),
        warnings,
        stream,
    }))
}

/// A batch with everything that became of it.
struct Done {
    scope: Scope,
    slots: Vec<Slot>,
    candidates: Arc<Vec<Candidate>>,
    placed: Placed,
    head: Option<SignedHead>,
}

async fn ingest(
    service: &Service,
    caller: &Caller<Write>,
    options: &IngestOptions,
    headers: &HeaderMap,
    body: Bytes,
    kind: EnvelopeKind,
) -> ApiResult<Done> {
    let receipts = options.mode()?;
    let wait_logged = options.wait_logged()?;
    options.with_paths()?;
    let (events, context) = read_batch(service, caller, headers, &body, kind)?;
    let scope = context.scope;
    let span = tracing::debug_span!("prepare", events = events.len());
    let (prepared, keys) = prepare_with_keys(service, events, context).instrument(span).await?;
    let Prepared { slots, candidates } = crate::schemas::judge::judge(service, scope, prepared).await?;
    let candidates = Arc::new(candidates);
    let submission = Submission { scope, candidates: Arc::clone(&candidates), keys, receipts, key_changes: Vec::new() };
    let placed = service.appender.append(submission).await?;
    crate::fail_point::pass("before_reply");
    let head = match placed.head {
        Some(head) => Some(head),
        None => stored_head(service, scope).await?,
    };
    if wait_logged && let Some(head) = &head {
        let span = tracing::debug_span!("wait_logged");
        super::log::wait_until_logged(service, scope, head.size).instrument(span).await?;
    }
    Ok(Done { scope, slots, candidates, placed, head })
}

/// The faults that refuse a whole batch, and nothing else, are found here.
fn read_batch(
    service: &Service,
    caller: &Caller<Write>,
    headers: &HeaderMap,
    body: &Bytes,
    kind: EnvelopeKind,
) -> ApiResult<(Arc<Vec<Bytes>>, Arc<BatchContext>)> {
    let batch =
        RawBatch::parse(body).map_err(|fault| ApiError::fault(Code::InvalidRequestBody, "", fault.to_string()))?;
    let limit = service.limits.batch_events;
    if batch.events.len() > limit {
        return Err(ApiError::new(
            Code::BatchTooLarge,
            format!("the batch holds {} events; {limit} are allowed", batch.events.len()),
        ));
    }
    if batch.events.is_empty() {
        return Err(ApiError::fault(Code::EmptyBatch, "/events", "holds no events"));
    }
    caller.agent(batch.agent)?;
    // Without any readable scope every event is at fault, and the nil scope lets each say so.
    let named = batch.scope();
    if let Some(scope) = named {
        caller.append(scope)?;
    }
    let context = BatchContext {
        kind,
        agent: batch.agent,
        scope: named.unwrap_or(Scope::new(stateset_ledger::id::TenantId::NIL, stateset_ledger::id::StoreId::NIL)),
        max_payload_bytes: service.limits.payload_bytes,
        max_future_skew_ms: service.limits.future_skew_ms,
        now: service.clock.now(),
        traceparent: super::trace::traceparent(headers),
    };
    let events = batch.events.iter().map(|event| body.slice_ref(event.get().as_bytes())).collect();
    Ok((Arc::new(events), Arc::new(context)))
}

/// Prepares the batch under the agent's keys. A key that is missing from memory may have been registered since, with this
/// process or another, so it is looked for once before the event is refused.
async fn prepare_with_keys(
    service: &Service,
    events: Arc<Vec<Bytes>>,
    context: Arc<BatchContext>,
) -> ApiResult<(Prepared, Option<Arc<AgentKeys>>)> {
    if context.kind == EnvelopeKind::Legacy {
        return Ok((prepare(events, context, Arc::default()).await, None));
    }
    let store = service.store.as_ref();
    let (tenant, agent) = (context.scope.tenant, context.agent);
    let keys = service.keys.get(store, tenant, agent).await?;
    let prepared = prepare(Arc::clone(&events), Arc::clone(&context), Arc::clone(&keys)).await;
    if !prepared.misses_a_key() {
        return Ok((prepared, Some(keys)));
    }
    let fresh = service.keys.refresh(store, tenant, agent).await?;
    if fresh.as_of == keys.as_of {
        return Ok((prepared, Some(fresh)));
    }
    Ok((prepare(events, context, Arc::clone(&fresh)).await, Some(fresh)))
}

async fn stored_head(service: &Service, scope: Scope) -> ApiResult<Option<SignedHead>> {
    let row = service.store.stream(scope).await?;
    Ok(row.and_then(|row| {
        let (at, signed) = row.last_at.zip(row.signed)?;
        Some(SignedHead { size: row.size, root: row.root, at, signed })
    }))
}

#[derive(Default)]
struct Counts {
    accepted: usize,
    duplicate: usize,
    first: Option<u64>,
    last: Option<u64>,
    head: u64,
}

struct Report {
    counts: Counts,
    rejections: Vec<Rejection>,
    receipts: Vec<Receipt>,
    warnings: Vec<Warning>,
    stream: Option<StreamHead>,
}

impl Done {
    fn report(self, service: &Service, options: &IngestOptions) -> ApiResult<Report> {
        let mut writer = ReceiptWriter { service, scope: self.scope, mode: options.mode()?, at: None };
        let paths = if options.with_paths()? { self.placed.growth.as_ref().map(|g| g.paths()) } else { None };
        let before = self.placed.growth.as_ref().map_or(0, |growth| growth.size_before());
        let mut report = Report {
            counts: Counts { head: self.head.map_or(0, |head| head.size), ..Counts::default() },
            rejections: Vec::new(),
            receipts: Vec::with_capacity(self.candidates.len()),
            warnings: Vec::new(),
            stream: None,
        };
        for (index, slot) in self.slots.iter().enumerate() {
            let (id, outcome) = match slot {
                Slot::Rejected(id, cause) => (*id, &Outcome::Rejected(cause.clone())),
                Slot::Candidate(i) => (Some(self.candidates[*i].header.event_id.0), &self.placed.outcomes[*i]),
            };
            let place = match outcome {
                Outcome::Rejected(cause) => {
                    report.rejections.push(Rejection {
                        event_id: id,
                        index,
                        reason: cause.reason(),
                        code: cause.code(),
                        message: cause.to_string(),
                    });
                    continue;
                },
                Outcome::Placed(place) => {
                    report.counts.accepted += 1;
                    report.counts.first.get_or_insert(place.sequence.get());
                    report.counts.last = Some(place.sequence.get());
                    place
                },
                Outcome::Duplicate(place) => {
                    report.counts.duplicate += 1;
                    place
                },
            };
            let Slot::Candidate(i) = slot else { continue };
            let candidate = &self.candidates[*i];
            let path = paths.as_ref().and_then(|paths| {
                let offset = place.sequence.index().checked_sub(before)?;
                paths.get(usize::try_from(offset).ok()?).cloned()
            });
            let duplicate = matches!(outcome, Outcome::Duplicate(_));
            report.receipts.push(writer.receipt(candidate, place, duplicate, path));
            let id = candidate.header.event_id.0;
            report
                .warnings
                .extend(candidate.warnings.iter().map(|message| Warning { event_id: id, message: message.clone() }));
        }
        let proves_something = report.counts.accepted + report.counts.duplicate > 0;
        report.stream = self.head.filter(|_| proves_something).map(|head| self.stream(&head, &report.counts));
        Ok(report)
    }

    fn stream(&self, head: &SignedHead, counts: &Counts) -> StreamHead {
        let range_proof =
            counts.first.zip(counts.last).zip(self.placed.growth.as_ref()).and_then(|((first, last), growth)| {
                let proof = growth.range_proof(first - 1, last)?;
                Some(RangeProof {
                    first_index: first - 1,
                    count: last + 1 - first,
                    left: proof.left,
                    right: proof.right,
                })
            });
        StreamHead {
            stream_id: stream_id(self.scope),
            size: head.size,
            root: head.root,
            signed_at_us: head.at.0,
            key_version: head.signed.key.0,
            signature: head.signed.signature,
            range_proof,
        }
    }
}

/// Makes the receipts of one batch.
struct ReceiptWriter<'a> {
    service: &'a Service,
    scope: Scope,
    mode: ReceiptMode,
    /// Events of one flush share their time, so its text is made once.
    at: Option<(Micros, Arc<str>)>,
}

impl ReceiptWriter<'_> {
    fn receipt(&mut self, candidate: &Candidate, place: &Place, duplicate: bool, path: Option<Vec<Hash>>) -> Receipt {
        let header = &candidate.header;
        let hash = receipt_hash(self.scope, header.event_id, place.sequence, &header.content_hash);
        let signer = &self.service.signer;
        // An event taken with `receipts=flush` gets its own signature when a later request asks for it.
        let signature = match (self.mode, place.receipt) {
            (ReceiptMode::Flush, _) => None,
            (ReceiptMode::Each, Some(made)) => Some(made),
            (ReceiptMode::Each, None) => {
                Some(ReceiptSignature { key: signer.number(), signature: signer.sign(&hash.0) })
            },
        };
        Receipt {
            sequencer_id: Arc::clone(&self.service.sequencer_id),
            event_id: header.event_id.0,
            sequence_number: place.sequence.get(),
            sequenced_at: self.time(place.at),
            receipt_hash: hash,
            leaf_hash: place.leaf,
            signature_alg: if signature.is_some() { "ed25519" } else { "flush" },
            sequencer_signature: signature.map(|made| made.signature),
            sequencer_key_version: signature.map_or(signer.number(), |made| made.key).0,
            duplicate,
            path,
        }
    }

    fn time(&mut self, at: Micros) -> Arc<str> {
        match &self.at {
            Some((known, text)) if *known == at => Arc::clone(text),
            _ => {
                let text: Arc<str> = at.to_rfc3339().into();
                self.at = Some((at, Arc::clone(&text)));
                text
            },
        }
    }
}
