//! One shipment, as the shipping service keeps it.

use super::words::words;
use super::{Illegal, Outcome};

words! {
    /// Where a shipment stands.
    Shipment:
    /// Nothing is known of it.
    Unknown "unknown";
    /// It waits for the payment.
    PendingPayment "pending_payment";
    /// Paid; it may leave.
    ReadyToShip "ready_to_ship";
    /// The carrier has it.
    Dispatched "dispatched";
    /// It has arrived.
    Delivered "delivered";
    /// It will not leave.
    Cancelled "cancelled";
}

words! {
    /// What can happen to a shipment.
    ShipmentEvent:
    /// It is planned: `order.created` does it.
    Created "shipment.created";
    /// The payment has cleared: `payment.succeeded` does it, and `shipping.ready` tells.
    Ready "shipping.ready";
    /// The carrier took it.
    Dispatched "shipping.dispatched";
    /// It has arrived.
    Delivered "shipping.delivered";
    /// It was stopped: `order.cancelled` does it, and `shipping.cancelled` tells.
    Cancelled "shipping.cancelled";
}

impl ShipmentEvent {
    /// What an event of any service does to the shipment of its order; `None` if nothing.
    pub fn of(event_type: &str) -> Option<Self> {
        match crate::catalogue::canonical(event_type) {
            "order.created" => Some(Self::Created),
            "payment.succeeded" => Some(Self::Ready),
            "order.cancelled" => Some(Self::Cancelled),
            own => own.parse().ok(),
        }
    }
}

impl Shipment {
    /// The word of the event contracts, such as `READY_TO_SHIP`.
    pub fn contract_view(self) -> String {
        self.word().to_uppercase()
    }

    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled)
    }

    /// What `event` does.
    pub fn apply(self, event: ShipmentEvent) -> Outcome<Self> {
        use ShipmentEvent as E;
        match (self, event) {
            (Self::Unknown, E::Created) => Outcome::Applied(Self::PendingPayment),
            (Self::Unknown, _) => Outcome::Waiting(E::Created.word()),
            (Self::PendingPayment, E::Ready) => Outcome::Applied(Self::ReadyToShip),
            (Self::PendingPayment, E::Dispatched) => Outcome::Waiting(E::Ready.word()),
            (Self::ReadyToShip, E::Dispatched) => Outcome::Applied(Self::Dispatched),
            (Self::PendingPayment | Self::ReadyToShip, E::Delivered) => Outcome::Waiting(E::Dispatched.word()),
            (Self::Dispatched, E::Delivered) => Outcome::Applied(Self::Delivered),
            (Self::PendingPayment | Self::ReadyToShip, E::Cancelled) => Outcome::Applied(Self::Cancelled),
            (Self::Dispatched | Self::Delivered, E::Cancelled) => {
                self.illegal(event, "the shipment has left; it can only be sent back")
            },
            (Self::Cancelled, E::Dispatched | E::Delivered) => self.illegal(event, "the shipment was cancelled"),
            (Self::Cancelled, E::Cancelled)
            | (_, E::Created)
            | (Self::ReadyToShip | Self::Dispatched | Self::Delivered | Self::Cancelled, E::Ready)
            | (Self::Dispatched | Self::Delivered, E::Dispatched)
            | (Self::Delivered, E::Delivered) => Outcome::AlreadyApplied,
        }
    }

    /// What asking for `event` does: as [`Shipment::apply`], but there is nothing to wait for.
    ///
    /// ```
    /// use stateset_contracts::machine::{Outcome, Shipment, ShipmentEvent};
    ///
    /// let Outcome::Illegal(refusal) = Shipment::PendingPayment.command(ShipmentEvent::Dispatched) else { panic!() };
    /// assert_eq!(refusal.code(), "INVALID_TRANSITION");
    /// assert_eq!(refusal.from, "PENDING_PAYMENT");
    /// ```
    pub fn command(self, event: ShipmentEvent) -> Outcome<Self> {
        self.apply(event).for_command(self.contract_view(), event.word())
    }

    fn illegal(self, event: ShipmentEvent, reason: &str) -> Outcome<Self> {
        Outcome::Illegal(Illegal { from: self.contract_view(), event: event.word(), reason: reason.to_owned() })
    }
}
