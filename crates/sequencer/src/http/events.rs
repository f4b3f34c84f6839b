//! `GET /api/v1/events`, `GET /api/v1/ves/events` and `GET /api/v1/events/{event_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use stateset_api::code::Code;
use stateset_api::event::{Envelope, EventPage, FlatEvent, ProofAvailability, SingleEvent};
use stateset_ledger::head_log::Record;
use stateset_ledger::id::{EventId, Scope, Sequence, StoreId, TenantId};
use stateset_store::StoreError;
use stateset_store::read::{EventPage as FoundPage, EventQuery, FoundEvent};
use stateset_store::stream::StreamNo;
use uuid::Uuid;

use super::credential::{Caller, Read};
use super::diagnose::{Total, bounded, count, diagnose};
use super::filters::{Asked, EventParameters};
use super::parameters::{Parameters, Segments, parse, parse_optional, uuid};
use super::problem::{ApiError, ApiResult};
use super::reach::{Extent, Reach, reach};
use super::view;
use crate::read::{OpenedEvent, ReadError, bounded_page, open_event, open_events};
use crate::service::Service;
use crate::verdict::judge;

/// Stores named in the answer to an ambiguous id.
const NAMED_STORES: usize = 8;

/// Lists events under the names of the first API.
pub async fn legacy(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(parameters): Parameters<EventParameters>,
) -> ApiResult<Json<EventPage<FlatEvent>>> {
    let asked = parameters.read()?;
    caller.store(asked.scope)?;
    page(&service, &asked, view::flat).await.map(Json)
}

/// Lists events as envelopes.
pub async fn ves(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(parameters): Parameters<EventParameters>,
) -> ApiResult<Json<EventPage<Envelope>>> {
    let asked = parameters.read()?;
    caller.store(asked.scope)?;
    page(&service, &asked, view::envelope).await.map(Json)
}

/// One page, each event shown by `view`. The caller has checked that the scope may be read.
pub(super) async fn page<E>(
    service: &Service,
    asked: &Asked,
    view: fn(Scope, OpenedEvent) -> E,
) -> ApiResult<EventPage<E>> {
    let store = service.store.as_ref();
    let Some(row) = store.stream(asked.scope).await? else { return empty(service, asked).await };
    let (stream, filtered) = (row.stream, !asked.filter.admits_all());
    let whole = asked.from == Sequence::FIRST && asked.upto.is_none();
    let extent = Extent::new(stream, row.size);
    let reach = reach(store, &extent, &asked.filter, (asked.from, asked.upto), asked.newest_first()).await?;
    let query = EventQuery {
        stream,
        from: reach.from,
        upto: reach.upto,
        newest_first: asked.newest_first(),
        limit: asked.limit(),
        filter: asked.filter.clone(),
        count: filtered && whole,
    };
    let found = bounded_page(store, &query).await?;
    // Counted after the page was read, so that a total is never smaller than what was seen.
    let (total, total_exact): Total = match (filtered, found.total) {
        (false, _) => (found.head_size, true),
        (true, Some(total)) => bounded(total, reach.is_partial),
        (true, None) => count(store, &extent, asked.filter.clone()).await?,
    };
    let total = total.max(found.events.len() as u64);
    let diagnostics =
        if filtered && total == 0 { Some(diagnose(store, Some(&extent), &asked.filter).await?) } else { None };
    let next_sequence = next_place(asked, &reach, &found, row.size);
    let opened = open_events(&service.keyring, asked.scope, found.events, found.segments).await?;
    let mut events: Vec<E> = opened.into_iter().map(|event| view(asked.scope, event)).collect();
    if asked.newest_first() {
        events.reverse();
    }
    Ok(EventPage {
        count: events.len(),
        events,
        total,
        total_exact,
        next_sequence,
        head_sequence: found.head_size,
        has_more: found.has_more || reach.is_partial,
        diagnostics,
    })
}

/// Where the page after this one begins: its `from`, or its `upto` if the newest come first. `size` is of when it was decided
/// how far to look.
fn next_place(asked: &Asked, reach: &Reach, found: &FoundPage, size: u64) -> u64 {
    if asked.newest_first() {
        return match found.events.first() {
            Some(first) if found.has_more => first.sequence.get() - 1,
            _ if reach.is_partial => reach.from.get() - 1,
            _ => asked.from.get() - 1,
        };
    }
    match (found.events.last(), reach.upto) {
        (Some(last), _) if found.has_more => last.sequence.get() + 1,
        (_, Some(upto)) if reach.is_partial => upto.get() + 1,
        // What came since was not looked at where places were chosen.
        _ => {
            let end = if reach.upto == asked.upto { found.head_size } else { size };
            asked.from.get().max(asked.upto.map_or(end, |upto| upto.get().min(end)) + 1)
        },
    }
}

/// A stream to which nothing was ever appended is an empty one.
async fn empty<E>(service: &Service, asked: &Asked) -> ApiResult<EventPage<E>> {
    let filtered = !asked.filter.admits_all();
    let diagnostics = if filtered { Some(diagnose(service.store.as_ref(), None, &asked.filter).await?) } else { None };
    Ok(EventPage {
        events: Vec::new(),
        total: 0,
        total_exact: true,
        count: 0,
        next_sequence: asked.from.get(),
        head_sequence: 0,
        has_more: false,
        diagnostics,
    })
}

/// Query of the route that reads one event.
#[derive(Debug, Default, Deserialize)]
pub struct SingleEventParameters {
    #[serde(alias = "tenantId")]
    tenant_id: Option<String>,
    #[serde(alias = "storeId")]
    store_id: Option<String>,
}

/// One event with its receipt, what checking it gives, and which proofs there are.
pub async fn single(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Segments(event_id): Segments<String>,
    Parameters(parameters): Parameters<SingleEventParameters>,
) -> ApiResult<Json<SingleEvent>> {
    let event_id = EventId(parse("event_id", &event_id, "a UUID")?);
    let tenant = TenantId(uuid("tenant_id", parameters.tenant_id.as_deref())?);
    let stores = match parse_optional::<Uuid>("store_id", parameters.store_id.as_deref(), "a UUID")?.map(StoreId) {
        Some(store) => {
            caller.store(Scope::new(tenant, store))?;
            Some(vec![store])
        },
        None => caller.tenant(tenant)?,
    };
    let found = service.store.event(tenant, stores.as_deref(), event_id).await?;
    let FoundEvent { stream, scope, event, segment, head_size } = only(found, event_id)?;
    let opened = open_event(&service.keyring, scope, event, &segment)?;
    let header = &opened.event.header;
    let signature = judge(service.store.as_ref(), scope, header, opened.payload.get(), service.clock.now()).await?;
    let proof = proof_availability(&service, stream, opened.event.sequence, head_size).await?;
    let receipt = view::receipt(&service, scope, &opened.event);
    Ok(Json(SingleEvent { event: view::envelope(scope, opened), receipt, signature, proof }))
}

/// An id of another tenant, or of a store the caller may not see, was not found and gets the same answer as one that does
/// not exist.
fn only(found: Vec<FoundEvent>, id: EventId) -> ApiResult<FoundEvent> {
    let mut found = found.into_iter();
    let not_found = || ApiError::new(Code::EventNotFound, format!("the tenant has no event {id} that you may read"));
    let first = found.next().ok_or_else(not_found)?;
    let Some(second) = found.next() else { return Ok(first) };
    let stores: Vec<String> = [&first, &second]
        .into_iter()
        .chain(found.as_slice())
        .take(NAMED_STORES)
        .map(|event| event.scope.store.to_string())
        .collect();
    Err(ApiError::new(
        Code::AmbiguousEventId,
        format!("event {id} is in the stores {}; name one with store_id", stores.join(", ")),
    ))
}

async fn proof_availability(
    service: &Service,
    stream: StreamNo,
    sequence: Sequence,
    stream_size: u64,
) -> ApiResult<ProofAvailability> {
    let batch = service.store.batch_covering(stream, sequence).await?;
    let logged = match service.store.head_record(stream).await? {
        Some(stored) => match Record::from_bytes(&stored.record).map_err(StoreError::corrupt)? {
            Record::Head { size, .. } => size >= sequence.get(),
            Record::Open { .. } | Record::Batch { .. } => false,
        },
        None => false,
    };
    Ok(ProofAvailability { stream_size, batch_id: batch.map(|batch| batch.batch.0), logged })
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            ReadError::Sealed(_) => Self::new(Code::InternalError, error.to_string()),
        }
    }
}
