//! How much of a stream is looked at for one answer.
//!
//! What an index leads to is read whatever its size. For other filters events are looked at one after the other, and no
//! more than [`LOOKED_AT`]: then the answer is partial, and says where to go on. Times are places: the sequencer's clock
//! never goes back within a stream, so where a time begins is found by halving.

use stateset_ledger::id::{Micros, Sequence};
use stateset_store::read::{EventFilter, EventQuery};
use stateset_store::stream::StreamNo;
use stateset_store::{Store, StoreError};
use tokio::sync::OnceCell;

/// Events looked at for one page, or one number, of a filter that no index answers.
pub(super) const LOOKED_AT: u64 = 10_000;

/// A stream as long as it was when it was found, and where the times of one request are in it: found once, for pages, numbers
/// and diagnostics alike.
#[derive(Debug)]
pub struct Extent {
    /// Which.
    pub stream: StreamNo,
    size: u64,
    since: OnceCell<u64>,
    until: OnceCell<u64>,
}

impl Extent {
    /// A stream of so many events.
    pub fn new(stream: StreamNo, size: u64) -> Self {
        Self { stream, size, since: OnceCell::new(), until: OnceCell::new() }
    }
}

/// Places that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// The first one.
    pub from: Sequence,
    /// The last one; `None`: the head.
    pub upto: Option<Sequence>,
    /// Whether something behind them, in the order that was asked for, may pass.
    pub is_partial: bool,
}

/// The places to look at for what passes `filter` between `from` and `upto`: the first ones, or the last ones.
pub(super) async fn reach(
    store: &dyn Store,
    extent: &Extent,
    filter: &EventFilter,
    (from, upto): (Sequence, Option<Sequence>),
    newest_first: bool,
) -> Result<Reach, StoreError> {
    if filter.admits_all() || filter.is_indexed() {
        return Ok(Reach { from, upto, is_partial: false });
    }
    let (mut first, mut last) = (from.get(), upto.map_or(extent.size, |upto| upto.get().min(extent.size)));
    if let Some(since) = filter.since {
        first = first.max(*extent.since.get_or_try_init(|| place(store, extent, since)).await?);
    }
    if let Some(until) = filter.until {
        last = last.min(extent.until.get_or_try_init(|| place(store, extent, until)).await?.saturating_sub(1));
    }
    let is_partial = last.saturating_sub(first) >= LOOKED_AT;
    if is_partial && newest_first {
        first = last - (LOOKED_AT - 1);
    } else if is_partial {
        last = first + (LOOKED_AT - 1);
    }
    // A place of nothing is one that the filter keeps out by itself.
    let sequence = |place: u64| Sequence::new(place.max(1)).map_err(StoreError::corrupt);
    Ok(Reach { from: sequence(first)?, upto: Some(sequence(last)?), is_partial })
}

/// The first place that was given at `at` or later; one behind the last if there is none.
async fn place(store: &dyn Store, extent: &Extent, at: Micros) -> Result<u64, StoreError> {
    let (mut low, mut high) = (1, extent.size + 1);
    while low < high {
        let middle = low.midpoint(high);
        let from = Sequence::new(middle).map_err(StoreError::corrupt)?;
        let query = EventQuery { upto: Some(from), ..EventQuery::new(extent.stream, from, 1) };
        let page = store.events(&query).await?;
        if page.events.first().is_some_and(|event| event.sequenced_at < at) { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}
