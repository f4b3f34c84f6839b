//! What the order service decides. Pure.

use stateset_contracts::catalogue::OrderItem;
use stateset_contracts::machine::order::{Fulfilment, Lifecycle};
use stateset_contracts::machine::{CancelUntil, Mismatch, Order, OrderEvent, Outcome, check_amount};
use stateset_outbox::consumer::{Ignored, Verdict};

use super::store::OrderRow;

/// Until when an order may be called off.
pub(super) const POLICY: CancelUntil = CancelUntil::Dispatched;
/// Most lines of an order.
const LINES: usize = 200;
/// Most pieces of one line.
const PIECES: i64 = 1_000_000;
/// Highest price of one piece, in the currency's smallest unit.
const PRICE: i64 = 1_000_000_000_000;

/// The amount of an order, or which member is at fault and how.
pub(super) fn amount(items: &[OrderItem]) -> Result<i64, (String, String)> {
    if items.is_empty() || items.len() > LINES {
        return Err(("/items".to_owned(), format!("an order has 1 to {LINES} lines; this one has {}", items.len())));
    }
    let mut sum = 0_i64;
    for (at, item) in items.iter().enumerate() {
        if !(1..=PIECES).contains(&item.qty.0) {
            return Err((format!("/items/{at}/qty"), format!("1 to {PIECES} pieces; it is {}", item.qty)));
        }
        if !(0..=PRICE).contains(&item.unit_price_cents.0) {
            return Err((
                format!("/items/{at}/unit_price_cents"),
                format!("0 to {PRICE}; it is {}", item.unit_price_cents),
            ));
        }
        if item.product_id.0 < 0 {
            return Err((format!("/items/{at}/product_id"), "a number that names a product".to_owned()));
        }
        // At most 200 · 10^6 · 10^12, which may not fit.
        let line = item.qty.0.checked_mul(item.unit_price_cents.0);
        sum = line
            .and_then(|line| sum.checked_add(line))
            .ok_or_else(|| (format!("/items/{at}"), "the amount of the order does not fit 64 bits".to_owned()))?;
    }
    if sum == 0 {
        return Err(("/items".to_owned(), "an order needs something to pay".to_owned()));
    }
    Ok(sum)
}

/// What becomes of the goods of an order when it moves from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goods {
    /// Nothing.
    Stay,
    /// They may be sold to others.
    Released,
    /// They are no longer in the warehouse.
    Left,
}

/// What a step of an order does to its goods. A cancelled order's goods were released when it was cancelled.
pub(super) fn goods(before: Order, after: Order) -> Goods {
    let gone = |order: Order| matches!(order.fulfilment, Fulfilment::Dispatched | Fulfilment::Delivered);
    let cancelled = |order: Order| order.lifecycle == Lifecycle::Cancelled;
    if !gone(before) && gone(after) && !cancelled(after) {
        Goods::Left
    } else if !cancelled(before) && cancelled(after) && !gone(after) {
        Goods::Released
    } else {
        Goods::Stay
    }
}

/// What an event does to an order.
pub(super) fn judge(order: Option<&OrderRow>, event: OrderEvent, paid: Option<&Paid>) -> Verdict<Step> {
    let Some(order) = order else {
        return match event {
            // Somebody else's: this service makes its orders itself.
            OrderEvent::Created => Verdict::Ignore(Ignored::NotOurs),
            _ => Verdict::Hold(OrderEvent::Created.word().to_owned()),
        };
    };
    if event == OrderEvent::Created {
        // Its own news: nothing changes, and what came before it is looked at again.
        return Verdict::Apply(Step { order: order.clone(), goods: Goods::Stay });
    }
    if let Some(Err(mismatch)) = paid.map(|paid| paid.pays(order)) {
        return Verdict::Quarantine(mismatch.to_string());
    }
    match order.state.apply(event, POLICY) {
        Outcome::Applied(state) => {
            let payment_id = paid.map(|paid| paid.payment_id.clone()).or_else(|| order.payment_id.clone());
            let goods = goods(order.state, state);
            Verdict::Apply(Step { order: OrderRow { state, payment_id, ..order.clone() }, goods })
        },
        Outcome::AlreadyApplied => Verdict::Ignore(Ignored::Past),
        Outcome::Waiting(predecessor) => Verdict::Hold(predecessor.to_owned()),
        Outcome::Illegal(refusal) => Verdict::Quarantine(refusal.to_string()),
    }
}

/// What `payment.succeeded` says.
#[derive(Clone, Debug)]
pub(super) struct Paid {
    pub(super) amount_cents: i64,
    pub(super) currency: String,
    pub(super) payment_id: String,
}

impl Paid {
    fn pays(&self, order: &OrderRow) -> Result<(), Mismatch> {
        check_amount((order.amount_cents, &order.currency), (self.amount_cents, &self.currency))
    }
}

/// An order's next state, and what becomes of its goods.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) order: OrderRow,
    pub(super) goods: Goods,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(product_id: i64, qty: i64, unit_price_cents: i64) -> OrderItem {
        OrderItem { product_id: product_id.into(), qty: qty.into(), unit_price_cents: unit_price_cents.into() }
    }

    #[test]
    fn an_amount_is_what_the_lines_sum_up_to() {
        assert_eq!(amount(&[item(1, 2, 12_999), item(2, 1, 0)]), Ok(25_998));
        for (items, place) in [
            (vec![], "/items"),
            (vec![item(1, 0, 5)], "/items/0/qty"),
            (vec![item(1, 1, 5), item(1, 1, -1)], "/items/1/unit_price_cents"),
            (vec![item(-1, 1, 5)], "/items/0/product_id"),
            (vec![item(1, 1, 0)], "/items"),
            (vec![item(1, PIECES, PRICE); 10], "/items/9"),
        ] {
            assert_eq!(amount(&items).unwrap_err().0, place);
        }
    }

    /// C16: goods leave reservation once, whatever happens to the order.
    #[test]
    fn goods_are_released_or_leave_once() {
        let events = OrderEvent::ALL;
        let mut seen = vec![Order::NEW];
        let mut at = 0;
        while let Some(state) = seen.get(at).copied() {
            at += 1;
            for event in events {
                let Outcome::Applied(next) = state.apply(*event, POLICY) else { continue };
                let settled = |order: Order| {
                    order.lifecycle == Lifecycle::Cancelled
                        || matches!(order.fulfilment, Fulfilment::Dispatched | Fulfilment::Delivered)
                };
                let expected_some = settled(next) && !settled(state);
                assert_eq!(goods(state, next) != Goods::Stay, expected_some, "{state:?} {event} {next:?}");
                if !seen.contains(&next) {
                    seen.push(next);
                }
            }
        }
        assert!(seen.len() > 20, "{} states were reached", seen.len());
    }
}
