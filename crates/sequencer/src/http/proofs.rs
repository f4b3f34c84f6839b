//! Proofs: of an event in its VES batch and in its stream's tree, and of a tree that continues an older one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use stateset_api::code::Code;
use stateset_api::proof::{
    BatchPlace, BatchProof, ConsistencyProof, FlatBatchProof, FlatVerdict, InclusionProof, LeafKind, LoggedHead,
    SignedHead, Verdict, VerifyRequest,
};
use stateset_ledger::event::Seal;
use stateset_ledger::head_log::Record;
use stateset_ledger::id::{BatchId, EventId, Scope, Sequence};
use stateset_ledger::receipt::stream_id;
use stateset_ledger::tree::batch::{self, CHUNK_LEAVES, prove_from_chunks, verify_published};
use stateset_store::batch::Batch;
use stateset_store::read::EventQuery;
use stateset_store::stream::StreamRow;
use stateset_store::{Store, StoreError};
use uuid::Uuid;

use super::body::Body;
use super::commitments::no_such_batch;
use super::credential::{Caller, Read};
use super::parameters::{Parameters, Segments, parse, parse_optional, scope};
use super::problem::{ApiError, ApiResult};
use crate::proofs::StreamTree;
use crate::service::Service;

/// Longest path that is checked: no tree is higher.
const MAX_PATH: usize = 64;
/// When to ask again for a proof whose batch is not committed yet.
const RETRY_SECONDS: u32 = 1;
/// Leaves of a chunk.
const CHUNK: u64 = CHUNK_LEAVES as u64;

/// How a route spells a batch proof.
pub trait Spelling: Serialize + Send {
    /// The proof.
    fn of(sequence: Sequence, batch: &Batch, place: BatchPlace) -> Self;
}

impl Spelling for BatchProof {
    fn of(sequence: Sequence, batch: &Batch, place: BatchPlace) -> Self {
        Self { sequence_number: sequence.get(), batch_id: batch.batch.0, merkle_root: batch.merkle_root, place }
    }
}

impl Spelling for FlatBatchProof {
    fn of(sequence: Sequence, batch: &Batch, place: BatchPlace) -> Self {
        Self { sequence_number: sequence.get(), batch_id: batch.batch.0, events_root: batch.merkle_root, place }
    }
}

/// Options of `GET …/proofs/{sequence}`.
#[derive(Debug, Deserialize)]
pub struct ProofOptions {
    tenant_id: Option<String>,
    store_id: Option<String>,
    batch_id: Option<String>,
    tree: Option<String>,
    tree_size: Option<String>,
}

/// Proves an event: in its VES batch, or with `tree=stream` in its stream.
pub async fn one<P: Spelling>(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(sequence): Segments<String>,
    Parameters(options): Parameters<ProofOptions>,
) -> ApiResult<Response> {
    let scope = scope(options.tenant_id.as_deref(), options.store_id.as_deref())?;
    caller.store(scope)?;
    let sequence = self::sequence("sequence", &sequence)?;
    let batch_id = parse_optional("batch_id", options.batch_id.as_deref(), "a UUID")?;
    let row = stream_with(&service, scope, sequence).await?;
    match options.tree.as_deref() {
        None | Some("batch") => {
            let (batch, place) = batch_place(&service, &row, sequence, batch_id).await?;
            Ok(Json(P::of(sequence, &batch, place)).into_response())
        },
        Some("stream") => {
            let size = parse_optional("tree_size", options.tree_size.as_deref(), "a number")?;
            Ok(Json(prove_inclusion(&service, &row, sequence, size).await?).into_response())
        },
        Some(_) => Err(ApiError::fault(Code::InvalidParameter, "tree", "is `batch` or `stream`")),
    }
}

/// Reads the event's chunk of leaves and the batch's chunk roots, not the batch.
async fn batch_place(
    service: &Service,
    row: &StreamRow,
    sequence: Sequence,
    wanted: Option<Uuid>,
) -> ApiResult<(Batch, BatchPlace)> {
    let store = service.store.as_ref();
    let covering = store.batch_covering(row.stream, sequence).await?;
    let batch = match (covering, wanted) {
        (Some(batch), Some(id)) if batch.batch != BatchId(id) => return Err(no_such_batch(id)),
        (Some(batch), _) => batch,
        (None, Some(id)) => return Err(no_such_batch(id)),
        (None, None) => {
            let detail = format!("sequence {sequence} is in no batch yet; its proof in the stream is: `tree=stream`");
            return Err(ApiError::new(Code::BatchNotFound, detail).retry_after(RETRY_SECONDS));
        },
    };
    let (index, leaf_count) = (sequence.get() - batch.start.get(), batch.leaf_count());
    let chunk = index / CHUNK;
    let count = (leaf_count - chunk * CHUNK).min(CHUNK);
    let (leaves, kind) = tokio::try_join!(
        store.leaves(row.stream, batch.start.index() + chunk * CHUNK, count),
        leaf_kind(store, row, sequence),
    )?;
    let leaf = usize::try_from(index % CHUNK).ok().and_then(|place| leaves.get(place).copied());
    let leaf_hash = leaf.ok_or_else(|| StoreError::corrupt("a chunk has too few leaves"))?;
    let proof = prove_from_chunks(&leaves, &batch.chunk_roots, index, leaf_count).map_err(StoreError::corrupt)?;
    let place = BatchPlace {
        leaf_hash,
        leaf_index: index,
        leaf_count,
        directions: proof.directions(),
        proof_path: proof.path,
        leaf_kind: kind,
    };
    Ok((batch, place))
}

/// Checks a batch proof; strictly if the leaf count is given.
pub async fn verify(_: Caller<Read>, Body(request): Body<VerifyRequest>) -> ApiResult<Json<Verdict>> {
    let (strict, reason) = check(&request)?;
    let (leaf_hash, merkle_root) = (request.leaf_hash, request.merkle_root);
    Ok(Json(Verdict { valid: reason.is_none(), leaf_hash, merkle_root, strict, reason }))
}

/// The same under the names of the first API.
pub async fn verify_flat(_: Caller<Read>, Body(request): Body<VerifyRequest>) -> ApiResult<Json<FlatVerdict>> {
    let (strict, reason) = check(&request)?;
    let (leaf_hash, events_root) = (request.leaf_hash, request.merkle_root);
    Ok(Json(FlatVerdict { valid: reason.is_none(), leaf_hash, events_root, strict, reason }))
}

fn check(request: &VerifyRequest) -> ApiResult<(bool, Option<String>)> {
    let VerifyRequest { leaf_hash, merkle_root, proof_path, leaf_index, leaf_count } = request;
    if proof_path.len() > MAX_PATH {
        return Err(ApiError::fault(
            Code::InvalidRequestBody,
            "/proof_path",
            format!("holds {} hashes; a path has at most {MAX_PATH}", proof_path.len()),
        ));
    }
    let verdict = match *leaf_count {
        Some(leaf_count) => {
            let proof = batch::BatchProof { leaf_index: *leaf_index, leaf_count, path: proof_path.clone() };
            proof.verify(leaf_hash, merkle_root)
        },
        None => verify_published(leaf_hash, merkle_root, proof_path, *leaf_index),
    };
    Ok((leaf_count.is_some(), verdict.err().map(|reason| reason.to_string())))
}

/// Options of `GET /api/v1/proofs/inclusion`.
#[derive(Debug, Deserialize)]
pub struct InclusionOptions {
    tenant_id: Option<String>,
    store_id: Option<String>,
    sequence: Option<String>,
    event_id: Option<String>,
    tree_size: Option<String>,
}

/// Proves an event in its stream's tree, at the newest logged size that holds it unless another is asked for.
pub async fn inclusion(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(options): Parameters<InclusionOptions>,
) -> ApiResult<Json<InclusionProof>> {
    let scope = scope(options.tenant_id.as_deref(), options.store_id.as_deref())?;
    caller.store(scope)?;
    let size = parse_optional("tree_size", options.tree_size.as_deref(), "a number")?;
    let sequence = match (options.sequence.as_deref(), options.event_id.as_deref()) {
        (Some(text), None) => sequence("sequence", text)?,
        (None, Some(text)) => {
            let id = EventId(parse("event_id", text, "a UUID")?);
            let found = service.store.event(scope.tenant, Some(&[scope.store]), id).await?;
            found
                .first()
                .map(|found| found.event.sequence)
                .ok_or_else(|| ApiError::new(Code::EventNotFound, format!("the stream holds no event {id}")))?
        },
        _ => {
            return Err(ApiError::fault(Code::InvalidParameter, "sequence", "give either `sequence` or `event_id`"));
        },
    };
    let row = stream_with(&service, scope, sequence).await?;
    Ok(Json(prove_inclusion(&service, &row, sequence, size).await?))
}

async fn prove_inclusion(
    service: &Service,
    row: &StreamRow,
    sequence: Sequence,
    size: Option<u64>,
) -> ApiResult<InclusionProof> {
    let store = service.store.as_ref();
    let (logged_head, leaf_kind) = tokio::try_join!(logged_head(service, row), leaf_kind(store, row, sequence))?;
    let logged_size = logged_head.as_ref().map(|head| head.size).filter(|&size| sequence.index() < size);
    let tree_size = size.or(logged_size).unwrap_or(row.size);
    check_size("tree_size", tree_size, row)?;
    if sequence.index() >= tree_size {
        return Err(ApiError::fault(
            Code::InvalidParameter,
            "tree_size",
            format!("a tree of {tree_size} events does not hold sequence {sequence}"),
        ));
    }
    let proof =
        StreamTree::new(store, &service.stream_tiles, row.stream).inclusion(sequence.index(), tree_size).await?;
    if tree_size == row.size && proof.root != row.root {
        return Err(StoreError::corrupt(format!("the tiles of stream {} do not lead to its root", row.stream.0)).into());
    }
    let signed = row.signed.zip(row.last_at).filter(|_| tree_size == row.size);
    Ok(InclusionProof {
        sequence_number: sequence.get(),
        stream_id: stream_id(row.scope),
        leaf_hash: proof.leaf,
        leaf_kind,
        leaf_index: sequence.index(),
        tree_size,
        root: proof.root,
        path: proof.path,
        signed_head: signed.map(|(signed, at)| SignedHead {
            signed_at_us: at.0,
            key_version: signed.key.0,
            signature: signed.signature,
        }),
        logged_head,
    })
}

/// The newest `HEAD` record with its way to a checkpoint.
pub(super) async fn logged_head(service: &Service, row: &StreamRow) -> Result<Option<LoggedHead>, StoreError> {
    let Some(stored) = service.store.head_record(row.stream).await? else { return Ok(None) };
    // Read after the record, so it covers the record.
    let Some(checkpoint) = service.store.checkpoint().await? else { return Ok(None) };
    let record = Record::from_bytes(&stored.record).map_err(StoreError::corrupt)?;
    let Record::Head { size, root, .. } = record else {
        return Err(StoreError::corrupt("the newest HEAD record of a stream is another record"));
    };
    Ok(Some(LoggedHead {
        size,
        root,
        log_index: stored.index,
        salt: service.log_tiles.salt(&record),
        record: const_hex::encode(&stored.record),
        log_size: checkpoint.size,
        log_path: service.log_tiles.inclusion(stored.index, checkpoint.size).await?,
        checkpoint: checkpoint.note,
    }))
}

/// Options of `GET /api/v1/proofs/consistency`.
#[derive(Debug, Deserialize)]
pub struct ConsistencyOptions {
    tenant_id: Option<String>,
    store_id: Option<String>,
    from_size: Option<String>,
    to_size: Option<String>,
}

/// Proves that a stream's tree at one size continues the tree at a smaller one: nothing was changed or taken out.
pub async fn consistency(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(options): Parameters<ConsistencyOptions>,
) -> ApiResult<Json<ConsistencyProof>> {
    let scope = scope(options.tenant_id.as_deref(), options.store_id.as_deref())?;
    caller.store(scope)?;
    let from = options.from_size.ok_or_else(|| ApiError::fault(Code::InvalidParameter, "from_size", "is required"))?;
    let from_size: u64 = parse("from_size", &from, "a number")?;
    let to_size = parse_optional("to_size", options.to_size.as_deref(), "a number")?;
    let row = service.store.stream(scope).await?.ok_or_else(no_stream)?;
    let to_size = to_size.unwrap_or(row.size);
    check_size("to_size", to_size, &row)?;
    if from_size > to_size {
        return Err(ApiError::fault(Code::InvalidParameter, "from_size", "is above to_size"));
    }
    let proof = StreamTree::new(service.store.as_ref(), &service.stream_tiles, row.stream)
        .consistency(from_size, to_size)
        .await?;
    Ok(Json(ConsistencyProof {
        stream_id: stream_id(scope),
        from_size,
        from_root: proof.old_root,
        to_size,
        to_root: proof.new_root,
        path: proof.path,
    }))
}

fn sequence(name: &str, text: &str) -> ApiResult<Sequence> {
    let value: u64 = parse(name, text, "a sequence number")?;
    Sequence::new(value).map_err(|fault| ApiError::fault(Code::InvalidParameter, name, fault.to_string()))
}

/// The stream, if it holds `sequence`.
async fn stream_with(service: &Service, scope: Scope, sequence: Sequence) -> ApiResult<StreamRow> {
    let row = service.store.stream(scope).await?.ok_or_else(no_stream)?;
    if sequence.get() > row.size {
        return Err(ApiError::new(Code::EventNotFound, format!("the stream ends at sequence {}", row.size)));
    }
    Ok(row)
}

pub(super) fn no_stream() -> ApiError {
    ApiError::new(Code::EventNotFound, "the stream ends at sequence 0")
}

fn check_size(name: &str, size: u64, row: &StreamRow) -> ApiResult<()> {
    if size <= row.size {
        return Ok(());
    }
    Err(ApiError::fault(Code::SequenceAhead, name, format!("{size} is above the stream's head {}", row.size)))
}

async fn leaf_kind(store: &dyn Store, row: &StreamRow, sequence: Sequence) -> Result<LeafKind, StoreError> {
    let page = store.events(&EventQuery::new(row.stream, sequence, 1)).await?;
    match page.events.first().map(|event| &event.header.seal) {
        Some(Seal::Signed { .. }) => Ok(LeafKind::Ves),
        Some(Seal::Unsigned { .. }) => Ok(LeafKind::Unsigned),
        None => Err(StoreError::corrupt(format!("event {sequence} of stream {} is missing", row.stream.0))),
    }
}
