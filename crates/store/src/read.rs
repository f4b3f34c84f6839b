//! What readers ask for and get.

use stateset_ledger::event::{Header, ReceiptSignature};
use stateset_ledger::id::{AgentId, Micros, Scope, Sequence};

use crate::append::PayloadSegment;
use crate::stream::StreamNo;

/// Most events of one page.
pub const PAGE_EVENTS: u32 = 1_000;
/// A filtered total is exact up to here; counting further costs tens of milliseconds per million rows.
pub const EXACT_TOTAL: u64 = 10_000;

/// Which events of a stream; an absent filter admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Exact entity type.
    pub entity_type: Option<String>,
    /// Exact entity id.
    pub entity_id: Option<String>,
    /// Event type; `*` stands for any run of characters.
    pub event_type: Option<String>,
    /// Exact agent.
    pub agent: Option<AgentId>,
    /// Exact correlation id.
    pub correlation_id: Option<String>,
    /// Exact order key.
    pub order_key: Option<String>,
    /// Sequenced at or after.
    pub since: Option<Micros>,
    /// Sequenced before.
    pub until: Option<Micros>,
}

impl EventFilter {
    /// Whether every event passes.
    pub fn admits_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an index leads to what passes; otherwise events are looked at one after the other.
    pub fn is_indexed(&self) -> bool {
        self.correlation_id.is_some()
            || self.order_key.is_some()
            || (self.entity_type.is_some() && self.entity_id.is_some())
    }

    /// Whether `event` passes.
    pub fn admits(&self, event: &StoredEvent) -> bool {
        let header = &event.header;
        let equal = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| found == Some(w));
        equal(&self.entity_type, Some(&header.entity_type))
            && equal(&self.entity_id, Some(&header.entity_id))
            && self.event_type.as_deref().is_none_or(|glob| matches_glob(glob, &header.event_type))
            && self.agent.is_none_or(|agent| agent == header.agent)
            && equal(&self.correlation_id, header.correlation_id.as_deref())
            && equal(&self.order_key, header.order_key.as_deref())
            && self.since.is_none_or(|since| event.sequenced_at >= since)
            && self.until.is_none_or(|until| event.sequenced_at < until)
    }
}

/// Whether `text` matches `glob`, in which `*` stands for any run of characters and everything else for itself.
pub fn matches_glob(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = glob.contains('*').then(|| parts.next_back().unwrap_or_default()) else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// One page of a stream, in order.
#[derive(Clone, Debug)]
pub struct EventQuery {
    /// Which stream.
    pub stream: StreamNo,
    /// First place that may appear.
    pub from: Sequence,
    /// Last place that may appear; `None`: the head.
    pub upto: Option<Sequence>,
    /// The last ones between these places instead of the first.
    pub newest_first: bool,
    /// Most events, at most [`PAGE_EVENTS`].
    pub limit: u32,
    /// Which events.
    pub filter: EventFilter,
    /// Whether to count all matches between these places.
    pub count: bool,
}

impl EventQuery {
    /// Any events from a place on, uncounted.
    pub fn new(stream: StreamNo, from: Sequence, limit: u32) -> Self {
        let filter = EventFilter::default();
        Self { stream, from, upto: None, newest_first: false, limit, filter, count: false }
    }
}

/// How a statement puts the events of a page in order.
pub(crate) fn order(query: &EventQuery) -> &'static str {
    if query.newest_first { " ORDER BY e.seq DESC LIMIT " } else { " ORDER BY e.seq LIMIT " }
}

/// An event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place.
    pub sequence: Sequence,
    /// When it got it.
    pub sequenced_at: Micros,
    /// Everything that never changes.
    pub header: Header,
    /// The published receipt's signature, if one was made.
    pub receipt: Option<ReceiptSignature>,
    /// First place of the payload segment that holds its payload.
    pub segment: Sequence,
}

/// The answer to an [`EventQuery`], of one snapshot: no event above `head_size`, and every matching one up to it and to
/// `upto`.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// In order of sequence.
    pub events: Vec<StoredEvent>,
    /// The payload segments they need, by first place.
    pub segments: Vec<PayloadSegment>,
    /// Events in the stream.
    pub head_size: u64,
    /// Whether more match: behind the last one, or before the first one of a page of the newest.
    pub has_more: bool,
    /// Number of all matches, exact without a filter and capped at [`EXACT_TOTAL`] + 1 with one; `None` if not asked for.
    pub total: Option<u64>,
}

/// An event found by its id.
#[derive(Clone, Debug)]
pub struct FoundEvent {
    /// Its stream.
    pub stream: StreamNo,
    /// Tenant and store.
    pub scope: Scope,
    /// The event.
    pub event: StoredEvent,
    /// The segment with its payload.
    pub segment: PayloadSegment,
    /// Size of the stream in the same snapshot.
    pub head_size: u64,
}
