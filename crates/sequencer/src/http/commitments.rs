//! VES batch commitments: `/api/v1/ves/commitments` and, under the names of the first API, `/api/v1/commitments`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use stateset_api::code::Code;
use stateset_api::proof::{Anchor, CommitRequest, Commitment, CommitmentList, FlatCommitment};
use stateset_ledger::id::{BatchId, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::tree::batch::{depth, padded_count};
use stateset_store::StoreError;
use stateset_store::batch::{Batch, BatchFrontier};
use stateset_store::stream::StreamRow;
use uuid::Uuid;

use super::body::Body;
use super::credential::{Caller, Read, Write};
use super::parameters::{Parameters, Segments, parse, scope};
use super::problem::{ApiError, ApiResult};
use crate::commit::{self, MAX_LEAVES};
use crate::service::Service;

/// Commitments per page at most.
const PAGE: u32 = 1_000;
/// Commitments per page unless asked otherwise.
const DEFAULT_PAGE: u32 = 100;
/// A commit may lose this often against the committer.
const ATTEMPTS: usize = 4;

/// How a route spells a commitment.
pub trait Spelling: Serialize + Send {
    /// The commitment of `batch`.
    fn of(scope: Scope, batch: &Batch) -> Self;
}

impl Spelling for Commitment {
    fn of(scope: Scope, batch: &Batch) -> Self {
        let leaf_count = batch.leaf_count();
        Self {
            batch_id: batch.batch.0,
            tenant_id: scope.tenant.0,
            store_id: scope.store.0,
            ves_version: 1,
            tree_depth: depth(leaf_count),
            leaf_count,
            padded_leaf_count: padded_count(leaf_count).unwrap_or(leaf_count),
            merkle_root: batch.merkle_root,
            prev_state_root: batch.previous_state_root,
            new_state_root: batch.state_root,
            sequence_start: batch.start.get(),
            sequence_end: batch.end.get(),
            committed_at: batch.committed_at.to_rfc3339(),
            anchor: Anchor::default(),
        }
    }
}

impl Spelling for FlatCommitment {
    fn of(scope: Scope, batch: &Batch) -> Self {
        Self {
            batch_id: batch.batch.0,
            tenant_id: scope.tenant.0,
            store_id: scope.store.0,
            prev_state_root: batch.previous_state_root,
            new_state_root: batch.state_root,
            events_root: batch.merkle_root,
            event_count: batch.leaf_count(),
            sequence_start: batch.start.get(),
            sequence_end: batch.end.get(),
            committed_at: batch.committed_at.to_rfc3339(),
            anchor: Anchor::default(),
        }
    }
}

/// Which commitments.
#[derive(Debug, Deserialize)]
pub struct ListOptions {
    tenant_id: Option<String>,
    store_id: Option<String>,
    from: Option<String>,
    limit: Option<String>,
}

/// All commitments of a stream that reach `from` or beyond, in order.
pub async fn list<C: Spelling>(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(options): Parameters<ListOptions>,
) -> ApiResult<Json<CommitmentList<C>>> {
    let scope = scope(options.tenant_id.as_deref(), options.store_id.as_deref())?;
    caller.store(scope)?;
    let from: u64 = options.from.map_or(Ok(1), |text| parse("from", &text, "a sequence number"))?;
    let limit: u32 = options.limit.map_or(Ok(DEFAULT_PAGE), |text| parse("limit", &text, "a number"))?;
    if !(1..=PAGE).contains(&limit) {
        return Err(ApiError::fault(Code::InvalidParameter, "limit", format!("must be from 1 to {PAGE}")));
    }
    let from = Sequence::new(from.max(1))
        .map_err(|fault| ApiError::fault(Code::InvalidParameter, "from", fault.to_string()))?;
    let mut batches = match service.store.stream(scope).await? {
        Some(row) => service.store.batches(row.stream, from, limit + 1).await?,
        None => Vec::new(),
    };
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = batches.len() > page;
    batches.truncate(page);
    Ok(Json(CommitmentList {
        count: batches.len(),
        next_sequence: batches.last().map_or(from.get(), |last| last.end.get() + 1),
        has_more,
        commitments: batches.iter().map(|batch| C::of(scope, batch)).collect(),
    }))
}

/// One commitment. What the caller may not see does not exist.
pub async fn one<C: Spelling>(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<C>> {
    let id: Uuid = parse("batch_id", &id, "a UUID")?;
    let found = service.store.batch(BatchId(id)).await?;
    let visible = found.filter(|(scope, _)| caller.sees(*scope));
    let (scope, batch) = visible.ok_or_else(|| no_such_batch(id))?;
    Ok(Json(C::of(scope, &batch)))
}

pub(super) fn no_such_batch(id: Uuid) -> ApiError {
    ApiError::new(Code::BatchNotFound, format!("there is no batch {id}"))
}

/// Commits a range, or answers the batch that holds it.
pub async fn commit<C: Spelling>(
    State(service): State<Arc<Service>>,
    caller: Caller<Write>,
    Body(request): Body<CommitRequest>,
) -> ApiResult<Json<C>> {
    let scope = Scope::new(TenantId(request.tenant_id), StoreId(request.store_id));
    caller.append(scope)?;
    for _ in 0..ATTEMPTS {
        let Some(row) = service.store.stream(scope).await?.filter(|row| row.size > 0) else {
            return Err(ApiError::new(Code::SequenceAhead, "the stream holds no events"));
        };
        let behind = service.store.batch_frontier(row.stream).await?;
        let end = match decide(&request, &row, &behind)? {
            Decision::Existing(sequence) => {
                let batch = service.store.batch_covering(row.stream, sequence).await?;
                let batch = batch.ok_or_else(|| StoreError::corrupt("a committed sequence is in no batch"))?;
                return within(&request, &batch).map(|()| Json(C::of(scope, &batch)));
            },
            Decision::New(end) => end,
        };
        match commit::commit(&service, &row, behind, end).await {
            Ok(batch) => return Ok(Json(C::of(scope, &batch))),
            // The committer, or another request, was faster; the answer may now be its batch.
            Err(StoreError::Conflict) => {},
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// The batch that covers this sequence, if it holds the whole range.
    Existing(Sequence),
    /// A new batch up to here.
    New(u64),
}

/// Ruling 29: a range inside a batch is that batch; else it starts right behind the last one.
fn decide(request: &CommitRequest, row: &StreamRow, behind: &BatchFrontier) -> ApiResult<Decision> {
    let fault = |field: &str, message: String| ApiError::fault(Code::InvalidRequestBody, format!("/{field}"), message);
    let sequence = |field: &str, value: Option<u64>| {
        value.map(Sequence::new).transpose().map_err(|error| fault(field, error.to_string()))
    };
    let start = sequence("sequence_start", request.sequence_start)?;
    let end = sequence("sequence_end", request.sequence_end)?;
    if start.zip(end).is_some_and(|(start, end)| end < start) {
        return Err(fault("sequence_end", "is below sequence_start".to_owned()));
    }
    if let Some(above) = start.max(end).filter(|last| last.get() > row.size) {
        return Err(ApiError::new(
            Code::SequenceAhead,
            format!("sequence {above} is above the stream's head {}", row.size),
        ));
    }
    let next = behind.end + 1;
    match (start, end) {
        (Some(start), _) if start.get() < next => return Ok(Decision::Existing(start)),
        (None, Some(end)) if end.get() < next => return Ok(Decision::Existing(end)),
        // Everything is committed: the newest batch says so.
        (None, None) if row.size < next => {
            return Sequence::new(behind.end).map(Decision::Existing).map_err(|error| fault("", error.to_string()));
        },
        (Some(start), _) if start.get() > next => return Err(gap(next)),
        _ => {},
    }
    let most = behind.end + MAX_LEAVES;
    match end {
        Some(end) if end.get() > most => {
            Err(fault("sequence_end", format!("a batch holds at most {MAX_LEAVES} events; end at {most} or before")))
        },
        Some(end) => Ok(Decision::New(end.get())),
        None => Ok(Decision::New(row.size.min(most))),
    }
}

/// Whether `batch`, which covers the start or end of the requested range, holds all of it.
fn within(request: &CommitRequest, batch: &Batch) -> ApiResult<()> {
    let held = |sequence: Option<u64>| sequence.is_none_or(|s| (batch.start.get()..=batch.end.get()).contains(&s));
    if held(request.sequence_start) && held(request.sequence_end) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::SequenceGap,
        format!(
            "the range overlaps batch {} ({} to {}) and is not inside it; a new batch starts right behind the last one",
            batch.batch, batch.start, batch.end
        ),
    ))
}

fn gap(expected: u64) -> ApiError {
    ApiError::fault(Code::SequenceGap, "/sequence_start", format!("the next batch starts at sequence {expected}"))
}

#[cfg(test)]
mod tests {
    use stateset_ledger::bytes::Hash;
    use stateset_ledger::id::{Micros, Scope, StoreId, TenantId};
    use stateset_store::stream::StreamNo;
    use uuid::Uuid;

    use super::*;

    /// Ruling 29: a batch goes on where the last one ended, and no further than a batch may.
    #[test]
    fn a_batch_has_a_most() {
        let (tenant, store) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let row = StreamRow {
            stream: StreamNo(1),
            scope: Scope::new(TenantId(tenant), StoreId(store)),
            size: 3 * MAX_LEAVES,
            root: Hash::ZERO,
            last_at: None,
            signed: None,
            opened_at: Micros(0),
        };
        let behind = BatchFrontier { end: 7, state_root: Hash::ZERO };
        let most = 7 + MAX_LEAVES;
        let up_to = |sequence_end| {
            let request = CommitRequest { tenant_id: tenant, store_id: store, sequence_start: Some(8), sequence_end };
            decide(&request, &row, &behind).ok()
        };
        assert_eq!(up_to(None), Some(Decision::New(most)));
        assert_eq!(up_to(Some(most)), Some(Decision::New(most)));
        assert_eq!(up_to(Some(most + 1)), None);
    }
}
