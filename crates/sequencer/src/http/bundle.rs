//! `GET /api/v1/proofs/bundle`: events with everything that proves them, for a verifier without a network.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use stateset_api::code::Code;
use stateset_api::proof::LoggedHead;
use stateset_ledger::bundle::{
    Bundle, BundledEvent, Entity, FORMAT, LogConsistency, NumberedKey, Section, Selection, TlogProof,
};
use stateset_ledger::id::{Scope, Sequence};
use stateset_store::StoreError;
use stateset_store::read::{EventFilter, EventQuery, PAGE_EVENTS};
use stateset_store::stream::StreamRow;

use super::credential::{Caller, Read};
use super::parameters::{Parameters, parse, parse_optional, scope};
use super::problem::{ApiError, ApiResult};
use super::proofs::{logged_head, no_stream};
use crate::proofs::StreamTree;
use crate::read::{OpenedEvent, bounded_page, open_events};
use crate::service::Service;

/// Payload bytes of one bundle, beyond the first event; what is left out begins the next one.
const MAX_PAYLOAD_BYTES: usize = 8 << 20;
/// Events of a tenant's key history that fit a bundle.
const MAX_KEY_EVENTS: u64 = 10_000;
const RETRY_SECONDS: u32 = 1;

/// Options of the route.
#[derive(Debug, Deserialize)]
pub struct BundleOptions {
    tenant_id: Option<String>,
    store_id: Option<String>,
    entity_type: Option<String>,
    entity_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<String>,
    payloads: Option<String>,
    log_size: Option<String>,
}

/// What is wanted, understood.
struct Wanted {
    scope: Scope,
    entity: Option<Entity>,
    from: Sequence,
    to: Option<u64>,
    limit: u32,
    payloads: bool,
    log_size: Option<u64>,
}

impl BundleOptions {
    fn read(self) -> ApiResult<Wanted> {
        let fault = |name: &str, message: &str| ApiError::fault(Code::InvalidParameter, name, message);
        let entity = match (self.entity_type, self.entity_id) {
            (Some(kind), Some(id)) => Some(Entity { kind, id }),
            (None, None) => None,
            _ => return Err(fault("entity_id", "stands together with `entity_type`")),
        };
        let from: u64 = parse_optional("from", self.from.as_deref(), "a sequence number")?.unwrap_or(1);
        let limit = parse_optional("limit", self.limit.as_deref(), "a number")?.unwrap_or(PAGE_EVENTS);
        if !(1..=PAGE_EVENTS).contains(&limit) {
            return Err(fault("limit", &format!("must be from 1 to {PAGE_EVENTS}")));
        }
        Ok(Wanted {
            scope: scope(self.tenant_id.as_deref(), self.store_id.as_deref())?,
            entity,
            from: Sequence::new(from.max(1)).map_err(|error| fault("from", &error.to_string()))?,
            to: parse_optional("to", self.to.as_deref(), "a sequence number")?,
            limit,
            payloads: self.payloads.map_or(Ok(true), |text| parse("payloads", &text, "`true` or `false`"))?,
            log_size: parse_optional("log_size", self.log_size.as_deref(), "a number")?,
        })
    }
}

/// Events of a range or of an entity, as far as they are logged.
pub async fn bundle(
    State(service): State<Arc<Service>>,
    caller: Caller<Read>,
    Parameters(options): Parameters<BundleOptions>,
) -> ApiResult<Json<Bundle>> {
    let wanted = options.read()?;
    let scope = wanted.scope;
    caller.store(scope)?;
    let row = service.store.stream(scope).await?.ok_or_else(no_stream)?;
    let head = logged_head(&service, &row).await?.ok_or_else(|| not_logged("the stream has no head in the log yet"))?;
    let to = wanted.to.unwrap_or(head.size);
    if to > head.size {
        return Err(not_logged(&format!("the log reaches sequence {}; {to} is asked for", head.size)));
    }
    if wanted.from.get() > to {
        return Err(ApiError::new(Code::EventNotFound, format!("there is no event from {} to {to}", wanted.from)));
    }
    let keys = key_history(&service, scope).await?;
    let (events, next_from) = selected(&service, &row, &wanted, to, head.size).await?;
    if events.is_empty() {
        return Err(ApiError::new(Code::EventNotFound, format!("nothing from {} to {to} is wanted", wanted.from)));
    }
    let last = next_from.map_or(to, |next: u64| next - 1);
    let log_consistency = match wanted.log_size {
        None => None,
        Some(size) if size > head.log_size => {
            let message = format!("{size} is above the log's size {}", head.log_size);
            return Err(ApiError::fault(Code::InvalidParameter, "log_size", message));
        },
        Some(from_size) => {
            let path = service.log_tiles.consistency(from_size, head.log_size).await?;
            Some(LogConsistency { from_size, path })
        },
    };
    let sequencer_keys = service.store.sequencer_keys().await?;
    Ok(Json(Bundle {
        format: FORMAT.to_owned(),
        tenant_id: scope.tenant.0,
        store_id: scope.store.0,
        selection: Selection { from: wanted.from.get(), to: last, entity: wanted.entity },
        stream: section(&head, events),
        keys,
        sequencer_keys: sequencer_keys
            .into_iter()
            .map(|(number, public_key, _)| NumberedKey { number: number.0, public_key })
            .collect(),
        log_consistency,
        next_from,
    }))
}

fn not_logged(message: &str) -> ApiError {
    ApiError::new(Code::NotLogged, message).retry_after(RETRY_SECONDS)
}

fn section(head: &LoggedHead, events: Vec<BundledEvent>) -> Section {
    let record = const_hex::decode(&head.record).expect("made of bytes a moment ago");
    let proof = TlogProof {
        extra: [&head.salt.0[..], &record].concat(),
        index: head.log_index,
        path: head.log_path.clone(),
        checkpoint: head.checkpoint.clone(),
    };
    Section { size: head.size, root: head.root, tlog_proof: proof.text(), events }
}

/// The wanted events with their paths, and where the next bundle begins if these are not all.
async fn selected(
    service: &Service,
    row: &StreamRow,
    wanted: &Wanted,
    to: u64,
    size: u64,
) -> ApiResult<(Vec<BundledEvent>, Option<u64>)> {
    let filter = EventFilter {
        entity_type: wanted.entity.as_ref().map(|entity| entity.kind.clone()),
        entity_id: wanted.entity.as_ref().map(|entity| entity.id.clone()),
        ..EventFilter::default()
    };
    let query = EventQuery { filter, ..EventQuery::new(row.stream, wanted.from, wanted.limit) };
    let page = bounded_page(service.store.as_ref(), &query).await?;
    let mut more = page.has_more;
    let opened = open_events(&service.keyring, row.scope, page.events, page.segments).await?;
    let tree = StreamTree::new(service.store.as_ref(), &service.stream_tiles, row.stream);
    let (mut events, mut bytes, mut next) = (Vec::new(), 0, None);
    for OpenedEvent { event, payload } in opened {
        let sequence = event.sequence;
        if sequence.get() > to {
            more = false;
            break;
        }
        bytes += if wanted.payloads { payload.get().len() } else { 0 };
        if bytes > MAX_PAYLOAD_BYTES && !events.is_empty() {
            next = Some(sequence.get());
            break;
        }
        let mut bundled = BundledEvent::new(sequence.get(), event.sequenced_at, &event.header, event.receipt);
        bundled.payload = wanted.payloads.then(|| payload.get().to_owned());
        bundled.path = tree.inclusion(sequence.index(), size).await?.path;
        events.push(bundled);
    }
    let behind = events.last().map(|event| event.sequence + 1).filter(|next| more && *next <= to);
    Ok((events, next.or(behind)))
}

/// The tenant's whole key stream, as far as it is logged.
async fn key_history(service: &Service, scope: Scope) -> ApiResult<Option<Section>> {
    let Some(row) = service.store.stream(Scope::key_stream(scope.tenant)).await? else { return Ok(None) };
    let Some(head) = logged_head(service, &row).await? else { return Ok(None) };
    if head.size > MAX_KEY_EVENTS {
        let message = format!("the tenant's key history has {} events; a bundle holds {MAX_KEY_EVENTS}", head.size);
        return Err(ApiError::new(Code::PayloadTooLarge, message));
    }
    let mut events = Vec::new();
    while let Ok(from) = Sequence::from_index(events.len() as u64)
        && from.get() <= head.size
    {
        let query = EventQuery::new(row.stream, from, PAGE_EVENTS);
        let page = service.store.events(&query).await?;
        if page.events.is_empty() {
            return Err(StoreError::corrupt("a key stream is shorter than its logged head").into());
        }
        let opened = open_events(&service.keyring, row.scope, page.events, page.segments).await?;
        for OpenedEvent { event, payload } in opened.into_iter().filter(|o| o.event.sequence.get() <= head.size) {
            let mut bundled = BundledEvent::new(event.sequence.get(), event.sequenced_at, &event.header, None);
            bundled.payload = Some(payload.get().to_owned());
            events.push(bundled);
        }
    }
    Ok(Some(section(&head, events)))
}
