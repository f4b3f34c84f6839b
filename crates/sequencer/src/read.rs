//! Reading events back: from sealed payload segments to the bytes that were received.

use std::sync::Arc;

use serde_json::value::RawValue;
use stateset_ledger::id::{Scope, Sequence};
use stateset_ledger::receipt::stream_id;
use stateset_store::StoreError;
use stateset_store::append::PayloadSegment;
use stateset_store::read::StoredEvent;

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
