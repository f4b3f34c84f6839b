//! Payload segments: sealed payloads of consecutive events packed into one row.

use stateset_ledger::id::{EventId, Scope, Sequence};
use stateset_ledger::plan::Entry;
use stateset_store::append::PayloadSegment;

use crate::keyring::{Keyring, OpenError, Row};

/// A segment is closed once it holds this much: large enough that a row per segment costs little per event, small enough
/// that reading one event drags little along.
pub const SEGMENT_BYTES: usize = 16 * 1024;
const OFFSET_BYTES: usize = 4;

/// Seals the payloads of consecutive `entries` into segments.
pub fn seal_segments(keyring: &Keyring, scope: Scope, entries: &[Entry<'_>]) -> Vec<PayloadSegment> {
    let mut segments = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut bytes = 0;
        let mut count = rest.iter().take_while(|entry| {
            bytes += entry.payload.len();
            bytes <= SEGMENT_BYTES
        });
        let (now, later) = rest.split_at(count.by_ref().count().max(1));
        segments.push(seal_segment(keyring, scope, now));
        rest = later;
    }
    segments
}

fn seal_segment(keyring: &Keyring, scope: Scope, entries: &[Entry<'_>]) -> PayloadSegment {
    let offsets_end = entries.len() * OFFSET_BYTES;
    let mut sealed = vec![0; offsets_end];
    for (i, entry) in entries.iter().enumerate() {
        let row = Row { scope, sequence: entry.sequence, event_id: entry.header.event_id };
        keyring.seal(&row, entry.payload, &mut sealed);
        let end = u32::try_from(sealed.len() - offsets_end).expect("a segment is limited far below 4 GiB");
        sealed[i * OFFSET_BYTES..(i + 1) * OFFSET_BYTES].copy_from_slice(&end.to_be_bytes());
    }
    PayloadSegment {
        first: entries[0].sequence,
        last: entries[entries.len() - 1].sequence,
        key_id: keyring.current(scope.tenant),
        sealed,
    }
}

/// A segment sealed anew under the current key of its tenant. `ids` are its events' ids in order, as many as it covers.
pub fn reseal_segment(
    keyring: &Keyring,
    scope: Scope,
    segment: &PayloadSegment,
    ids: &[EventId],
) -> Result<PayloadSegment, OpenError> {
    let offsets_end = ids.len() * OFFSET_BYTES;
    let mut sealed = vec![0; offsets_end];
    for (i, event_id) in ids.iter().enumerate() {
        let sequence = Sequence::from_index(segment.first.index() + i as u64).map_err(|_| OpenError::Damaged)?;
        let row = Row { scope, sequence, event_id: *event_id };
        let payload =
            keyring.open(&row, segment.key_id, sealed_payload(segment, sequence).ok_or(OpenError::Damaged)?)?;
        keyring.seal(&row, &payload, &mut sealed);
        let end = u32::try_from(sealed.len() - offsets_end).map_err(|_| OpenError::Damaged)?;
        sealed[i * OFFSET_BYTES..(i + 1) * OFFSET_BYTES].copy_from_slice(&end.to_be_bytes());
    }
    Ok(PayloadSegment { first: segment.first, last: segment.last, key_id: keyring.current(scope.tenant), sealed })
}

/// Opens the payload of one event from the segment that covers it.
pub fn open_payload(
    keyring: &Keyring,
    scope: Scope,
    segment: &PayloadSegment,
    sequence: Sequence,
    event_id: EventId,
) -> Result<Vec<u8>, OpenError> {
    let sealed = sealed_payload(segment, sequence).ok_or(OpenError::Damaged)?;
    keyring.open(&Row { scope, sequence, event_id }, segment.key_id, sealed)
}

fn sealed_payload(segment: &PayloadSegment, sequence: Sequence) -> Option<&[u8]> {
    let count = usize::try_from(segment.last.get() - segment.first.get() + 1).ok()?;
    let position = usize::try_from(sequence.get().checked_sub(segment.first.get())?).ok()?;
    let (offsets, sealed) = segment.sealed.split_at_checked(count.checked_mul(OFFSET_BYTES)?)?;
    let (offsets, _) = offsets.as_chunks::<OFFSET_BYTES>();
    let end_of = |i: usize| offsets.get(i).map(|end| u32::from_be_bytes(*end) as usize);
    let start = if position == 0 { 0 } else { end_of(position - 1)? };
    sealed.get(start..end_of(position)?)
}
