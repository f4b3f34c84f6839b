//! Why a filter found nothing (B05): what each filter keeps out, and which event type was probably meant.

use std::collections::BTreeSet;

use stateset_api::event::{Diagnostics, WithoutFilter};
use stateset_ledger::id::Sequence;
use stateset_store::read::{EXACT_TOTAL, EventFilter, EventQuery, matches_glob};
use stateset_store::stream::StreamNo;
use stateset_store::{Store, StoreError};

use super::reach::{Extent, Reach, reach};
use crate::read::sealed_bytes;

/// Latest events whose types are compared with the requested one.
const LATEST_EVENTS: u64 = 1_000;
/// They are read in steps, because the store gives payloads along, and no further once this much has been read.
const STEP_EVENTS: u32 = 100;
const LATEST_BYTES: usize = 4 * 1024 * 1024;
/// Types further away are other types.
const MOST_EDITS: usize = 3;

type Clear = fn(&mut EventFilter) -> bool;

/// Each filter with the way to take it away; `true` if it was set.
const FILTERS: [(&str, Clear); 8] = [
    ("entity_type", |filter| filter.entity_type.take().is_some()),
    ("entity_id", |filter| filter.entity_id.take().is_some()),
    ("event_type", |filter| filter.event_type.take().is_some()),
    ("since", |filter| filter.since.take().is_some()),
    ("until", |filter| filter.until.take().is_some()),
    ("agent_id", |filter| filter.agent.take().is_some()),
    ("correlation_id", |filter| filter.correlation_id.take().is_some()),
    ("order_key", |filter| filter.order_key.take().is_some()),
];

/// A number of events, and whether it is exact.
pub type Total = (u64, bool);

/// Explains why no event of the stream passes `filter`. Without a stream every count is zero.
pub async fn diagnose(
    store: &dyn Store,
    extent: Option<&Extent>,
    filter: &EventFilter,
) -> Result<Diagnostics, StoreError> {
    let mut without = Vec::new();
    for (name, clear) in FILTERS {
        let mut others = filter.clone();
        if !clear(&mut others) {
            continue;
        }
        let (total, total_exact) = match extent {
            Some(extent) => count(store, extent, others).await?,
            None => (0, true),
        };
        without.push(WithoutFilter { filter: name.to_owned(), total, total_exact });
    }
    let nearest_event_type = match (extent, &filter.event_type) {
        (Some(extent), Some(wanted)) => nearest_type(store, extent, wanted).await?,
        (None, _) | (_, None) => None,
    };
    Ok(Diagnostics { without, nearest_event_type })
}

/// Number of all events of the stream that pass, as far as is looked.
pub async fn count(store: &dyn Store, extent: &Extent, filter: EventFilter) -> Result<Total, StoreError> {
    let everything = filter.admits_all();
    let Reach { from, upto, is_partial } = reach(store, extent, &filter, (Sequence::FIRST, None), false).await?;
    let page =
        store.events(&EventQuery { upto, filter, count: true, ..EventQuery::new(extent.stream, from, 1) }).await?;
    Ok(if everything { (page.head_size, true) } else { bounded(page.total.unwrap_or(0), is_partial) })
}

/// A count that the store stopped above [`EXACT_TOTAL`], or that is of a part, is a lower bound.
pub fn bounded(total: u64, is_partial: bool) -> Total {
    (total.min(EXACT_TOTAL), total <= EXACT_TOTAL && !is_partial)
}

/// The type among the latest events that `wanted` was probably meant to be, if no event has the wanted one.
async fn nearest_type(store: &dyn Store, extent: &Extent, wanted: &str) -> Result<Option<String>, StoreError> {
    let filter = EventFilter { event_type: Some(wanted.to_owned()), ..EventFilter::default() };
    let (total, _) = count(store, extent, filter).await?;
    if total > 0 {
        return Ok(None);
    }
    let types = latest_types(store, extent.stream).await?;
    // It is there, behind what was counted.
    if types.iter().any(|known| matches_glob(wanted, known)) {
        return Ok(None);
    }
    let wanted = wanted.replace('*', "");
    let near = types.into_iter().map(|known| (distance(&wanted, &known), known));
    Ok(near.filter(|(edits, _)| *edits <= MOST_EDITS).min().map(|(_, known)| known))
}

async fn latest_types(store: &dyn Store, stream: StreamNo) -> Result<BTreeSet<String>, StoreError> {
    let mut query = EventQuery::new(stream, Sequence::FIRST, 1);
    let mut end = store.events(&query).await?.head_size;
    let stop = end.saturating_sub(LATEST_EVENTS);
    query.limit = STEP_EVENTS;
    let (mut types, mut bytes) = (BTreeSet::new(), 0);
    while end > stop && bytes < LATEST_BYTES {
        let start = end.saturating_sub(u64::from(STEP_EVENTS));
        query.from = Sequence::from_index(start).map_err(StoreError::corrupt)?;
        let page = store.events(&query).await?;
        bytes += sealed_bytes(&page.segments);
        types.extend(page.events.into_iter().map(|event| event.header.event_type));
        end = start;
    }
    Ok(types)
}

/// Characters to insert, drop or replace to make one text of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances_count_edits() {
        for (left, right, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("order.created", "order.created", 0),
            ("order.creatd", "order.created", 1),
            ("Order.Created", "order.created", 2),
            ("kitten", "sitting", 3),
            ("métà", "meta", 2),
        ] {
            assert_eq!(distance(left, right), edits, "{left} {right}");
            assert_eq!(distance(right, left), edits, "{right} {left}");
        }
    }
}
