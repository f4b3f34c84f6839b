//! An order: three things about it that change independently, and the one word the event contracts have for them.

use super::words::words;
use super::{Illegal, Outcome};

words! {
    /// What the shop does with the order.
    Lifecycle:
    /// It exists.
    Pending "pending";
    /// The shop has accepted it.
    Confirmed "confirmed";
    /// It is being packed.
    Processing "processing";
    /// It has left.
    Shipped "shipped";
    /// It has arrived.
    Delivered "delivered";
    /// It will not be fulfilled.
    Cancelled "cancelled";
}

words! {
    /// Where the money is.
    PaymentAxis:
    /// With the customer.
    Unpaid "unpaid";
    /// With the customer; a payment was tried.
    Failed "failed";
    /// With the shop.
    Paid "paid";
    /// With the customer again.
    Refunded "refunded";
}

words! {
    /// Where the goods are.
    Fulfilment:
    /// In stock until the payment clears.
    PendingPayment "pending_payment";
    /// In stock, ready to leave.
    ReadyToShip "ready_to_ship";
    /// With the carrier.
    Dispatched "dispatched";
    /// With the customer.
    Delivered "delivered";
    /// In stock again.
    Cancelled "cancelled";
}

words! {
    /// What can happen to an order.
    OrderEvent:
    /// Checkout succeeded.
    Created "order.created";
    /// Accepted.
    Confirmed "order.confirmed";
    /// Packing began.
    Processing "order.processing";
    /// All parcels left.
    Shipped "order.shipped";
    /// All parcels arrived.
    Delivered "order.delivered";
    /// Called off.
    Cancelled "order.cancelled";
    /// The customer has the money back.
    Refunded "order.refunded";
    /// A payment did not go through.
    PaymentFailed "payment.failed";
    /// A payment went through.
    PaymentSucceeded "payment.succeeded";
    /// A payment went back.
    PaymentRefunded "payment.refunded";
    /// The shipment may leave.
    ShippingReady "shipping.ready";
    /// The carrier has the shipment.
    ShippingDispatched "shipping.dispatched";
    /// The shipment has arrived.
    ShippingDelivered "shipping.delivered";
    /// The shipment will not leave.
    ShippingCancelled "shipping.cancelled";
}

words! {
    /// The one word of the event contracts.
    ContractView:
    /// Neither paid nor called off.
    Created "CREATED";
    /// Paid.
    Paid "PAID";
    /// Paid, and paid back.
    Refunded "REFUNDED";
    /// Called off, whatever became of the money.
    Cancelled "CANCELLED";
}

words! {
    /// Until when an order may be called off.
    CancelUntil:
    /// Until packing begins.
    Processing "processing";
    /// Until it leaves. The default.
    Dispatched "dispatched";
    /// Until it arrives.
    Delivered "delivered";
}

#[expect(clippy::derivable_impls, reason = "the macro that makes the words knows of no default")]
impl Default for CancelUntil {
    fn default() -> Self {
        Self::Dispatched
    }
}

/// An order that exists. Before `order.created` there is none: [`Order::begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// What the shop does with it.
    pub lifecycle: Lifecycle,
    /// Where the money is.
    pub payment: PaymentAxis,
    /// Where the goods are.
    pub fulfilment: Fulfilment,
}

impl OrderEvent {
    /// The event of a type, by its name or an alias; `None` if it changes no order.
    pub fn of(event_type: &str) -> Option<Self> {
        crate::catalogue::canonical(event_type).parse().ok()
    }
}

impl Order {
    /// What `order.created` makes.
    pub const NEW: Self =
        Self { lifecycle: Lifecycle::Pending, payment: PaymentAxis::Unpaid, fulfilment: Fulfilment::PendingPayment };

    /// What `event` does to an order that nobody has heard of, or to one that is there.
    pub fn begin(order: Option<Self>, event: OrderEvent, policy: CancelUntil) -> Outcome<Self> {
        match (order, event) {
            (Some(order), event) => order.apply(event, policy),
            (None, OrderEvent::Created) => Outcome::Applied(Self::NEW),
            (None, _) => Outcome::Waiting(OrderEvent::Created.word()),
        }
    }

    /// The word of the event contracts: CANCELLED before REFUNDED before PAID before CREATED.
    pub fn contract_view(self) -> ContractView {
        match (self.lifecycle, self.payment) {
            (Lifecycle::Cancelled, _) => ContractView::Cancelled,
            (_, PaymentAxis::Refunded) => ContractView::Refunded,
            (_, PaymentAxis::Paid) => ContractView::Paid,
            (_, PaymentAxis::Unpaid | PaymentAxis::Failed) => ContractView::Created,
        }
    }

    /// What `event` does. It moves one of the three at most.
    pub fn apply(self, event: OrderEvent, policy: CancelUntil) -> Outcome<Self> {
        match event {
            OrderEvent::Created => Outcome::AlreadyApplied,
            OrderEvent::Confirmed => self.advance(event, Lifecycle::Confirmed, policy),
            OrderEvent::Processing => self.advance(event, Lifecycle::Processing, policy),
            OrderEvent::Shipped => self.advance(event, Lifecycle::Shipped, policy),
            OrderEvent::Delivered if self.lifecycle < Lifecycle::Shipped => {
                Outcome::Waiting(OrderEvent::Shipped.word())
            },
            OrderEvent::Delivered => self.advance(event, Lifecycle::Delivered, policy),
            OrderEvent::Cancelled => self.cancel(policy),
            OrderEvent::PaymentFailed => self.pay(PaymentAxis::Failed),
            OrderEvent::PaymentSucceeded => self.pay(PaymentAxis::Paid),
            OrderEvent::PaymentRefunded | OrderEvent::Refunded if self.payment < PaymentAxis::Paid => {
                Outcome::Waiting(OrderEvent::PaymentSucceeded.word())
            },
            OrderEvent::PaymentRefunded | OrderEvent::Refunded => self.pay(PaymentAxis::Refunded),
            OrderEvent::ShippingReady
            | OrderEvent::ShippingDispatched
            | OrderEvent::ShippingDelivered
            | OrderEvent::ShippingCancelled => self.fulfil(event, policy),
        }
    }

    /// What asking for `event` does: as [`Order::apply`], but there is nothing to wait for.
    pub fn command(self, event: OrderEvent, policy: CancelUntil) -> Outcome<Self> {
        self.apply(event, policy).for_command(self.describe(), event.word())
    }

    /// Whether no event can change it any more.
    pub fn is_terminal(self, policy: CancelUntil) -> bool {
        OrderEvent::ALL.iter().all(|event| !matches!(self.apply(*event, policy), Outcome::Applied(_)))
    }

    /// The word of the event contracts and, where it says more, where the goods are: `PAID, DISPATCHED`.
    pub fn describe(self) -> String {
        format!("{}, {}", self.contract_view(), self.fulfilment.word().to_uppercase())
    }

    fn pay(self, to: PaymentAxis) -> Outcome<Self> {
        // Money only moves on: a failure that comes after the success was an earlier try.
        if self.payment >= to { Outcome::AlreadyApplied } else { Outcome::Applied(Self { payment: to, ..self }) }
    }

    fn advance(self, event: OrderEvent, to: Lifecycle, policy: CancelUntil) -> Outcome<Self> {
        let overtaken = match policy {
            CancelUntil::Processing => to < Lifecycle::Processing,
            CancelUntil::Dispatched => to < Lifecycle::Shipped,
            CancelUntil::Delivered => to < Lifecycle::Delivered,
        };
        match self.lifecycle {
            Lifecycle::Cancelled if overtaken => Outcome::AlreadyApplied,
            Lifecycle::Cancelled => self.illegal(event, "the order was cancelled".to_owned()),
            now if now >= to => Outcome::AlreadyApplied,
            _ => Outcome::Applied(Self { lifecycle: to, ..self }),
        }
    }

    fn cancel(self, policy: CancelUntil) -> Outcome<Self> {
        let (lifecycle, fulfilment) = (self.lifecycle, self.fulfilment);
        let gone = matches!(fulfilment, Fulfilment::Dispatched | Fulfilment::Delivered);
        let too_late = match policy {
            CancelUntil::Processing => gone || lifecycle >= Lifecycle::Processing,
            CancelUntil::Dispatched => gone || lifecycle >= Lifecycle::Shipped,
            CancelUntil::Delivered => fulfilment == Fulfilment::Delivered || lifecycle >= Lifecycle::Delivered,
        };
        match lifecycle {
            Lifecycle::Cancelled => Outcome::AlreadyApplied,
            _ if too_late => {
                let reason = format!(
                    "an order can be cancelled until it is {policy}; this one is {lifecycle}, its goods {fulfilment}"
                );
                self.illegal(OrderEvent::Cancelled, reason)
            },
            _ => Outcome::Applied(Self { lifecycle: Lifecycle::Cancelled, ..self }),
        }
    }

    fn fulfil(self, event: OrderEvent, policy: CancelUntil) -> Outcome<Self> {
        use Fulfilment as F;
        use OrderEvent as E;
        let to = |fulfilment| Outcome::Applied(Self { fulfilment, ..self });
        let cancelled = self.lifecycle == Lifecycle::Cancelled;
        match (self.fulfilment, event) {
            (F::PendingPayment, E::ShippingReady) if self.payment < PaymentAxis::Paid => {
                Outcome::Waiting(E::PaymentSucceeded.word())
            },
            (F::PendingPayment, E::ShippingReady) => to(F::ReadyToShip),
            (F::PendingPayment | F::ReadyToShip, E::ShippingDispatched)
                if cancelled && policy != CancelUntil::Delivered =>
            {
                self.illegal(event, "the order was cancelled before its goods left".to_owned())
            },
            (F::PendingPayment, E::ShippingDispatched) => Outcome::Waiting(E::ShippingReady.word()),
            (F::ReadyToShip, E::ShippingDispatched) => to(F::Dispatched),
            (F::PendingPayment | F::ReadyToShip, E::ShippingDelivered) => {
                Outcome::Waiting(E::ShippingDispatched.word())
            },
            (F::Dispatched, E::ShippingDelivered) if cancelled => {
                self.illegal(event, "the order was cancelled before its goods arrived".to_owned())
            },
            (F::Dispatched, E::ShippingDelivered) => to(F::Delivered),
            (F::PendingPayment | F::ReadyToShip, E::ShippingCancelled) => to(F::Cancelled),
            (F::Dispatched | F::Delivered, E::ShippingCancelled) => {
                self.illegal(event, "the goods have left; they can only be sent back".to_owned())
            },
            (F::Cancelled, E::ShippingDispatched | E::ShippingDelivered) => {
                self.illegal(event, "the shipment was cancelled".to_owned())
            },
            // Known before, or overtaken by what came after it; the other events do not come here.
            _ => Outcome::AlreadyApplied,
        }
    }

    fn illegal(self, event: OrderEvent, reason: String) -> Outcome<Self> {
        Outcome::Illegal(Illegal { from: self.describe(), event: event.word(), reason })
    }
}
