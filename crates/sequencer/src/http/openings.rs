//! `GET /api/v1/log/openings`: what opens a stream's entries of the head log, the old ones too (ruling 26).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use stateset_api::code::Code;
use stateset_api::proof::{Opening, OpeningList};
use stateset_ledger::head_log::Record;
use stateset_ledger::id::Sequence;
use stateset_ledger::receipt::stream_id;
use stateset_store::StoreError;
use stateset_store::head_log::StoredRecord;
use stateset_store::stream::StreamRow;

use super::credential::{Caller, Read};
use super::parameters::{Parameters, parse, parse_optional, scope};
use super::problem::{ApiError, ApiResult};
use crate::service::Service;

/// Openings of a page at most. A stream's heads are a linked list, so each is a look-up of its own.
const PAGE: u32 = 100;

/// Options of the route.
#[derive(Debug, Deserialize)]
pub struct OpeningOptions {
    tenant_id: Option<String>,
    store_id: Option<String>,
    kind: Option<String>,
    before: Option<String>,
    from: Option<String>,
    limit: Option<String>,
}

/// Openings of a stream's heads, newest first, or of its batches, in order.
pub async fn openings(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(options): Parameters<OpeningOptions>,
) -> ApiResult<Json<OpeningList>> {
    let fault = |name: &str, message: &str| ApiError::fault(Code::InvalidParameter, name, message);
    let scope = scope(options.tenant_id.as_deref(), options.store_id.as_deref())?;
    caller.store(scope)?;
    let limit = parse_optional("limit", options.limit.as_deref(), "a number")?.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(fault("limit", &format!("must be from 1 to {PAGE}")));
    }
    let before = parse_optional("before", options.before.as_deref(), "an index of the log")?;
    let from = options.from.as_deref().map(|text| parse("from", text, "a sequence number")).transpose()?;
    let row = service.store.stream(scope).await?;
    let (openings, next) = match (row, options.kind.as_deref(), before, from) {
        (None, ..) => (Vec::new(), None),
        (Some(row), None | Some("heads"), before, None) => heads(&service, &row, before, limit).await?,
        (Some(row), Some("batches"), None, from) => batches(&service, &row, from.unwrap_or(1), limit).await?,
        (_, Some("heads") | None, _, Some(_)) => return Err(fault("from", "belongs to `kind=batches`")),
        (_, Some("batches"), Some(_), _) => return Err(fault("before", "belongs to `kind=heads`")),
        (_, Some(_), ..) => return Err(fault("kind", "is `heads` or `batches`")),
    };
    Ok(Json(OpeningList { stream_id: stream_id(scope), count: openings.len(), openings, next }))
}

fn opening(service: &Service, log_index: u64, record: &Record) -> Opening {
    let kind = match record {
        Record::Open { .. } => "OPEN",
        Record::Head { .. } => "HEAD",
        Record::Batch { .. } => "VCMT",
    };
    let salt = service.log_tiles.salt(record);
    Opening { kind: kind.to_owned(), log_index, salt, record: const_hex::encode(record.to_bytes()) }
}

/// The record at `index`, if it is this stream's.
async fn own_record(service: &Service, row: &StreamRow, index: u64) -> Result<Option<Record>, StoreError> {
    let found: Vec<StoredRecord> = service.store.log_records(index, 1).await?;
    let own = found.into_iter().find(|stored| stored.index == index && stored.stream == row.stream);
    own.map(|stored| Record::from_bytes(&stored.record).map_err(StoreError::corrupt)).transpose()
}

/// Walks from one head to the one before it.
async fn heads(
    service: &Service,
    row: &StreamRow,
    before: Option<u64>,
    limit: u32,
) -> ApiResult<(Vec<Opening>, Option<u64>)> {
    let mut index = match before {
        Some(index) => index,
        None => match service.store.head_record(row.stream).await? {
            Some(newest) => newest.index + 1,
            None => return Ok((Vec::new(), None)),
        },
    };
    let mut openings = Vec::new();
    while openings.len() < limit as usize {
        let Some(at) = index.checked_sub(1) else { return Ok((openings, None)) };
        let record = own_record(service, row, at).await?;
        let Some(Record::Head { previous_plus_one, .. }) = record else {
            let message = "is not one more than the index of a head of this stream; send a page's `next`";
            return Err(ApiError::fault(Code::InvalidParameter, "before", message));
        };
        openings.extend(record.iter().map(|record| opening(service, at, record)));
        if previous_plus_one == 0 {
            // The stream's OPEN stands right before its first head.
            if let Some(first) = at.checked_sub(1)
                && let Some(record @ Record::Open { .. }) = own_record(service, row, first).await?
            {
                openings.push(opening(service, first, &record));
            }
            return Ok((openings, None));
        }
        index = previous_plus_one;
    }
    Ok((openings, Some(index)))
}

async fn batches(service: &Service, row: &StreamRow, from: u64, limit: u32) -> ApiResult<(Vec<Opening>, Option<u64>)> {
    let from = Sequence::new(from.max(1))
        .map_err(|fault| ApiError::fault(Code::InvalidParameter, "from", fault.to_string()))?;
    let found = service.store.batches(row.stream, from, limit).await?;
    let full = found.len() == limit as usize;
    let mut openings = Vec::with_capacity(found.len());
    let mut next = None;
    for batch in found {
        // Batches are logged in order: behind one that is not, none is.
        let Some(log_index) = batch.log_index else { return Ok((openings, None)) };
        let record = Record::Batch {
            stream_id: stream_id(row.scope),
            start: batch.start.get(),
            end: batch.end.get(),
            merkle_root: batch.merkle_root,
            previous_state_root: batch.previous_state_root,
            new_state_root: batch.state_root,
        };
        openings.push(opening(service, log_index, &record));
        next = Some(batch.end.get() + 1).filter(|_| full);
    }
    Ok((openings, next))
}
