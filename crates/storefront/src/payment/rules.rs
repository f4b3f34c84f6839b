//! What the payment service decides. Pure.

use stateset_contracts::machine::{Illegal, Outcome, Payment, PaymentEvent};
use stateset_outbox::consumer::{Ignored, Verdict};

use super::store::{Payable, PaymentRow, Standing};

/// What becomes of a request to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Charge<'a> {
    /// The money moves.
    New,
    /// It has moved before: nothing happens.
    Known(&'a PaymentRow),
    /// It may not.
    Refused(Illegal),
}

/// D01: the order's money moves once. An order is paid again only with another amount, which the others will find to be a
/// mismatch, or which mends one.
pub(super) fn charge<'a>(payable: &Payable, payments: &'a [PaymentRow], amount: (i64, &str)) -> Charge<'a> {
    let same = payments.iter().filter(|payment| (payment.amount_cents, payment.currency.as_str()) == amount);
    if let Some(known) = same.clone().find(|payment| payment.status == Payment::Succeeded) {
        return Charge::Known(known);
    }
    match refusal(payable, "payment.succeeded") {
        Some(refusal) => Charge::Refused(refusal),
        None => Charge::New,
    }
}

/// Why nothing can be paid, or fail to be paid, any more.
pub(super) fn refusal(payable: &Payable, event: &'static str) -> Option<Illegal> {
    let reason = match payable.standing {
        Standing::Expected | Standing::Open => return None,
        Standing::Cancelled => "the order was cancelled; make a new one",
        Standing::Refunded => "the money was given back; make a new order",
    };
    Some(Illegal { from: payable.standing.word().to_uppercase(), event, reason: reason.to_owned() })
}

/// Why a payment of this order cannot fail.
pub(super) fn failure(payable: &Payable, payments: &[PaymentRow]) -> Option<Illegal> {
    let event = PaymentEvent::Failed.word();
    if payments.iter().any(|payment| payment.status == Payment::Succeeded && pays(payable, payment)) {
        return Some(Illegal { from: "SUCCEEDED".to_owned(), event, reason: "the order is paid".to_owned() });
    }
    refusal(payable, event)
}

fn pays(payable: &Payable, payment: &PaymentRow) -> bool {
    payable
        .amount
        .as_ref()
        .is_none_or(|(cents, currency)| (payment.amount_cents, &payment.currency) == (*cents, currency))
}

/// What an order's news mean for its money.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// As it is from now on.
    pub(super) payable: Payable,
    /// Payments whose money goes back.
    pub(super) refunds: Vec<PaymentRow>,
    /// Why, for programs.
    pub(super) reason: &'static str,
}

/// What `order.created`, `order.cancelled` and `order.refunded` do. `amount` is that of the order that was created.
pub(super) fn judge(
    payable: Option<&Payable>,
    payments: &[PaymentRow],
    event_type: &str,
    created: Option<Payable>,
) -> Verdict<Step> {
    let known = payable.filter(|payable| payable.standing != Standing::Expected);
    let to = match event_type {
        "order.created" => {
            return match (known, created) {
                (None, Some(payable)) => Verdict::Apply(Step { payable, refunds: Vec::new(), reason: "" }),
                _ => Verdict::Ignore(Ignored::Past),
            };
        },
        "order.cancelled" => Standing::Cancelled,
        "order.refunded" => Standing::Refunded,
        _ => return Verdict::Ignore(Ignored::NotOurs),
    };
    let Some(payable) = known else { return Verdict::Hold("order.created".to_owned()) };
    // A cancelled order may be refunded too, in either order: being cancelled says more.
    if payable.standing == to || payable.standing == Standing::Cancelled {
        return Verdict::Ignore(Ignored::Past);
    }
    let goes_back = |payment: &&PaymentRow| matches!(payment.status.apply(PaymentEvent::Refunded), Outcome::Applied(_));
    Verdict::Apply(Step {
        payable: Payable { standing: to, ..payable.clone() },
        refunds: payments.iter().filter(goes_back).cloned().collect(),
        reason: if to == Standing::Cancelled { "order_cancelled" } else { "order_refunded" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payable(standing: Standing) -> Payable {
        Payable { amount: Some((500, "USD".to_owned())), user_email: None, standing }
    }

    fn payment(amount_cents: i64, status: Payment) -> PaymentRow {
        PaymentRow {
            payment_id: "pm_1".to_owned(),
            order_key: "1".to_owned(),
            amount_cents,
            currency: "USD".to_owned(),
            status,
            refund_id: None,
            made_at: String::new(),
        }
    }

    /// D01: the same payment again is no payment; another amount is one, and others judge it.
    #[test]
    fn money_moves_once() {
        let paid = [payment(500, Payment::Succeeded)];
        let open = payable(Standing::Open);
        assert_eq!(charge(&open, &[], (500, "USD")), Charge::New);
        assert_eq!(charge(&open, &paid, (500, "USD")), Charge::Known(&paid[0]));
        assert_eq!(charge(&open, &paid, (501, "USD")), Charge::New);
        assert_eq!(charge(&open, &[payment(500, Payment::Failed)], (500, "USD")), Charge::New);
        assert!(matches!(charge(&payable(Standing::Cancelled), &[], (500, "USD")), Charge::Refused(_)));
        let back = [payment(500, Payment::Refunded)];
        assert!(matches!(charge(&payable(Standing::Refunded), &back, (500, "USD")), Charge::Refused(_)));
    }

    /// C16, C17
    #[test]
    fn only_money_that_moved_goes_back() {
        let payments =
            [payment(500, Payment::Succeeded), payment(500, Payment::Failed), payment(7, Payment::Succeeded)];
        let Verdict::Apply(step) = judge(Some(&payable(Standing::Open)), &payments, "order.cancelled", None) else {
            panic!("an open order can be cancelled");
        };
        assert_eq!((step.refunds.len(), step.payable.standing), (2, Standing::Cancelled));
        assert!(failure(&payable(Standing::Open), &payments).is_some());
        assert!(failure(&payable(Standing::Open), &payments[1..]).is_none(), "a wrong amount pays nothing");
    }
}
