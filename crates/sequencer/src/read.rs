//! Reading events back: from sealed payload segments to the bytes that were received.

use std::sync::Arc;

use serde_json::value::RawValue;
use stateset_ledger::id::{Scope, Sequence};
use stateset_ledger::receipt::stream_id;
use stateset_store::append::PayloadSegment;
use stateset_store::read::{EventPage, EventQuery, StoredEvent};
use stateset_store::{Store, StoreError};

use crate::keyring::Keyring;
use crate::payload::open_payload;

/// Pages with more sealed bytes than this are opened beside the thread that serves requests.
const INLINE_BYTES: usize = 64 * 1024;

/// An event with its payload.
#[derive(Clone, Debug)]
pub struct OpenedEvent {
    /// The event.
    pub event: StoredEvent,
    /// The payload, or `payload_encrypted`, as received.
    pub payload: Box<RawValue>,
}

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A payload does not open. What is wrong with it is in the log; the message names no key.
    #[error("the payload of event {0} does not open; the operator's log says why")]
    Sealed(Sequence),
}

/// Sealed payload bytes of a page, about; a page of large events is shorter than was asked for, and says that there is more.
const PAGE_BYTES: usize = 16 << 20;
/// Events looked at before it is known how large they are.
const FIRST_EVENTS: u32 = 100;

/// A page of at most `query.limit` events that also keeps to `PAGE_BYTES`, read in a few steps by the size of the events so
/// far. What was read first is in every later snapshot too, so the page has no gap below its head. Counts only if one step
/// was enough.
pub async fn bounded_page(store: &dyn Store, query: &EventQuery) -> Result<EventPage, StoreError> {
    let mut page = store.events(&EventQuery { limit: query.limit.min(FIRST_EVENTS), ..query.clone() }).await?;
    loop {
        let (count, bytes) = (page.events.len(), sealed_bytes(&page.segments));
        let wanted = query.limit.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        let end = if query.newest_first { page.events.first() } else { page.events.last() };
        let (true, Some(end)) = (page.has_more && wanted > 0 && bytes < PAGE_BYTES, end) else {
            return Ok(page);
        };
        let room = (PAGE_BYTES - bytes) / (bytes / count).max(1);
        let limit = wanted.min(u32::try_from(room).unwrap_or(u32::MAX)).max(1);
        let place = |place: u64| Sequence::new(place).map_err(StoreError::corrupt);
        let mut rest = EventQuery { limit, count: false, ..query.clone() };
        if query.newest_first {
            rest.upto = Some(place(end.sequence.get() - 1)?);
        } else {
            rest.from = place(end.sequence.get() + 1)?;
        }
        let next = store.events(&rest).await?;
        (page.head_size, page.has_more, page.total) = (next.head_size, next.has_more, None);
        page.events.extend(next.events);
        page.segments.extend(next.segments);
        if query.newest_first {
            page.events.sort_by_key(|event| event.sequence);
            page.segments.sort_by_key(|segment| segment.first);
        }
        // Both steps may need the segment in which the first one ended.
        page.segments.dedup_by_key(|segment| segment.first);
    }
}

/// Opens the payloads of `events`, which lie in `segments`.
pub async fn open_events(
    keyring: &Arc<Keyring>,
    scope: Scope,
    events: Vec<StoredEvent>,
    segments: Vec<PayloadSegment>,
) -> Result<Vec<OpenedEvent>, ReadError> {
    if sealed_bytes(&segments) <= INLINE_BYTES {
        return open_all(keyring, scope, events, &segments);
    }
    let keyring = Arc::clone(keyring);
    let (reply, opened) = tokio::sync::oneshot::channel();
    rayon::spawn(move || drop(reply.send(open_all(&keyring, scope, events, &segments))));
    opened.await.expect("the opening job always answers")
}

/// Opens one event.
pub fn open_event(
    keyring: &Keyring,
    scope: Scope,
    event: StoredEvent,
    segment: &PayloadSegment,
) -> Result<OpenedEvent, ReadError> {
    let sequence = event.sequence;
    let failed = |cause: &dyn std::fmt::Display| {
        tracing::error!(
            stream = %stream_id(scope),
            sequence = sequence.get(),
            key_id = segment.key_id.map(const_hex::encode),
            %cause,
            "a stored payload cannot be read"
        );
        ReadError::Sealed(sequence)
    };
    let bytes =
        open_payload(keyring, scope, segment, sequence, event.header.event_id).map_err(|cause| failed(&cause))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not UTF-8"))?;
    let payload = RawValue::from_string(text).map_err(|_| failed(&"it is not JSON"))?;
    Ok(OpenedEvent { event, payload })
}

/// Size of what a page drags along.
pub fn sealed_bytes(segments: &[PayloadSegment]) -> usize {
    segments.iter().map(|segment| segment.sealed.len()).sum()
}

/// Segments are as few as their events and come in the same order, so one pass over both finds all.
fn open_all(
    keyring: &Keyring,
    scope: Scope,
    events: Vec<StoredEvent>,
    segments: &[PayloadSegment],
) -> Result<Vec<OpenedEvent>, ReadError> {
    let mut rest = segments.iter().peekable();
    let mut opened = Vec::with_capacity(events.len());
    for event in events {
        while rest.next_if(|segment| segment.first < event.segment).is_some() {}
        let segment = rest.peek().filter(|segment| segment.first == event.segment);
        let segment = segment.ok_or_else(|| StoreError::corrupt("the page lacks a payload segment of its events"))?;
        opened.push(open_event(keyring, scope, event, segment)?);
    }
    Ok(opened)
}
