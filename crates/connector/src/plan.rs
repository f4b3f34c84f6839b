//! What is written, from what a shop says and what is known. Pure.

use serde_json::value::RawValue;
use stateset_contracts::catalogue::{InventoryAdjusted, InventoryInitialized};
use stateset_contracts::commerce::Commerce;
use stateset_contracts::instant::Instant;
use stateset_outbox::Draft;

use crate::connector::{Reading, Request, Says};

/// Why a stock changed, for programs.
const REASON: &str = "shop_sync";

/// What is known of a thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// When the shop had changed it last, of what was taken before.
    pub at: Option<Instant>,
    /// Pieces, of a stock.
    pub amount: Option<i64>,
    /// The stock keeping unit of the item of a stock.
    pub label: Option<String>,
}

/// What is to be written, all of it or nothing.
#[derive(Debug)]
pub struct Plan {
    /// The events, in order.
    pub drafts: Vec<Draft<Box<RawValue>>>,
    /// Pieces that there are from now on, of a stock.
    pub amount: Option<i64>,
}

/// Decides. `None`: something newer was taken before, so nothing is written.
///
/// What is exactly as new is written: shops tell seconds, and two changes may fall into one.
pub fn plan(
    connector: &str,
    request: &Request,
    reading: &Reading,
    known: &Known,
) -> Result<Option<Plan>, serde_json::Error> {
    if known.at.is_some_and(|at| at > reading.resource.at) {
        return Ok(None);
    }
    let plan = match &reading.says {
        Says::Facts(drafts) => Plan { drafts: drafts.clone(), amount: None },
        Says::Stock { item, location, available } => {
            let sku = known.label.clone().unwrap_or_else(|| format!("{connector}:{item}"));
            let drafts = stock(&sku, location, *available, known.amount)
                .into_iter()
                .enumerate()
                .map(|(number, event)| event.draft(request, connector, number))
                .collect::<Result<_, _>>()?;
            Plan { drafts, amount: Some(*available) }
        },
    };
    Ok(Some(plan))
}

/// An event about a stock.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OfStock {
    Initialized(InventoryInitialized),
    Adjusted(InventoryAdjusted),
}

impl OfStock {
    fn draft(
        self,
        request: &Request,
        connector: &str,
        number: usize,
    ) -> Result<Draft<Box<RawValue>>, serde_json::Error> {
        use stateset_outbox::contracts::draft;
        let token = Some(request.token(connector, number));
        // A stock is no order's, and names itself: nothing is missing.
        let missing = |fault| serde::ser::Error::custom(fault);
        match self {
            Self::Initialized(event) => draft(Commerce::new(event), token).map_err(missing)?.erased(),
            Self::Adjusted(event) => draft(Commerce::new(event), token).map_err(missing)?.erased(),
        }
    }
}

/// A count from zero on is the first one; then differences. More sold than there were is a difference below zero, because
/// a count cannot be.
fn stock(sku: &str, location: &str, now: i64, before: Option<i64>) -> Vec<OfStock> {
    let count = |number: i64| (number >= 0).then(|| number.into());
    let adjusted = |delta: i64| {
        OfStock::Adjusted(InventoryAdjusted { sku: sku.into(), delta, reason: REASON.into(), on_hand: count(now) })
    };
    match before {
        Some(before) if before == now => Vec::new(),
        Some(before) => vec![adjusted(now.saturating_sub(before))],
        None => {
            let (sku, location) = (sku.into(), Some(location.to_owned()));
            let first = InventoryInitialized { sku, on_hand: now.max(0).into(), location };
            let short = (now < 0).then(|| adjusted(now));
            [OfStock::Initialized(first)].into_iter().chain(short).collect()
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(events: &[OfStock]) -> i64 {
        let one = |event: &OfStock| match event {
            OfStock::Initialized(event) => event.on_hand.0,
            OfStock::Adjusted(event) => event.delta,
        };
        events.iter().map(one).sum()
    }

    #[test]
    fn a_stock_that_is_the_same_says_nothing() {
        assert_eq!(stock("MUG-1", "a", 6, Some(6)), []);
        let first = stock("MUG-1", "a", -2, None);
        assert!(
            matches!(&first[..], [OfStock::Initialized(first), OfStock::Adjusted(short)]
            if first.on_hand.0 == 0 && short.delta == -2 && short.on_hand.is_none()),
            "{first:?}"
        );
    }

    proptest! {
        /// Whatever the shop says in turn, the events sum up to the last of it.
        #[test]
        fn differences_sum_up(counts in prop::collection::vec(-50_i64..1_000, 1..20)) {
            let (mut known, mut sum) = (None, 0);
            for count in &counts {
                sum += total(&stock("MUG-1", "a", *count, known));
                known = Some(*count);
                prop_assert_eq!(sum, *count);
            }
        }
    }
}
