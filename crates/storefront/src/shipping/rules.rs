//! What the shipping service decides. Pure.

use stateset_contracts::machine::{Outcome, Shipment, ShipmentEvent, check_amount};
use stateset_outbox::consumer::{Ignored, Verdict};

use super::store::ShipmentRow;

/// What an event tells the shipping service.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// An order exists: this is its shipment.
    Created(ShipmentRow),
    /// So much was paid.
    Paid(i64, String),
    /// The order was called off.
    Cancelled,
    /// Something of no concern.
    Other,
}

/// What an event does to the shipment of its order.
pub(super) fn judge(shipment: Option<&ShipmentRow>, news: &News) -> Verdict<ShipmentRow> {
    let status = shipment.map_or(Shipment::Unknown, |shipment| shipment.status);
    let event = match news {
        News::Created(_) => ShipmentEvent::Created,
        News::Paid(..) => ShipmentEvent::Ready,
        News::Cancelled => ShipmentEvent::Cancelled,
        News::Other => return Verdict::Ignore(Ignored::NotOurs),
    };
    // C13: goods do not leave for a payment of something else.
    if let (Some(shipment), News::Paid(cents, currency)) = (shipment, news)
        && let Err(mismatch) = check_amount((shipment.amount_cents, &shipment.currency), (*cents, currency))
    {
        return Verdict::Quarantine(mismatch.to_string());
    }
    match (status.apply(event), shipment, news) {
        (Outcome::Applied(status), Some(shipment), _) => Verdict::Apply(ShipmentRow { status, ..shipment.clone() }),
        (Outcome::Applied(status), None, News::Created(new)) => Verdict::Apply(ShipmentRow { status, ..new.clone() }),
        (Outcome::Applied(_) | Outcome::AlreadyApplied, ..) => Verdict::Ignore(Ignored::Past),
        // In the words of the other services: what makes a shipment is the order.
        (Outcome::Waiting(_), None, _) => Verdict::Hold("order.created".to_owned()),
        (Outcome::Waiting(predecessor), ..) => Verdict::Hold(predecessor.to_owned()),
        (Outcome::Illegal(refusal), ..) => Verdict::Quarantine(refusal.to_string()),
    }
}
