//! One payment.

use super::Outcome;
use super::words::words;

words! {
    /// Where a payment stands.
    Payment:
    /// Nothing is known of it.
    Unknown "unknown";
    /// Begun; no money has moved.
    Created "created";
    /// It did not go through; it may be tried again.
    Failed "failed";
    /// The money has moved.
    Succeeded "succeeded";
    /// The money has gone back.
    Refunded "refunded";
}

words! {
    /// What can happen to a payment.
    PaymentEvent:
    /// Begun.
    Created "payment.created";
    /// Did not go through.
    Failed "payment.failed";
    /// Went through.
    Succeeded "payment.succeeded";
    /// Went back.
    Refunded "payment.refunded";
}

impl PaymentEvent {
    /// The event of a type, by its name or an alias; `None` if it is none of a payment.
    pub fn of(event_type: &str) -> Option<Self> {
        crate::catalogue::canonical(event_type).parse().ok()
    }
}

impl Payment {
    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        self == Self::Refunded
    }

    /// What `event` does. A payment only moves up: news that it has outgrown changes nothing.
    pub fn apply(self, event: PaymentEvent) -> Outcome<Self> {
        let next = match event {
            PaymentEvent::Created => Self::Created,
            PaymentEvent::Failed => Self::Failed,
            PaymentEvent::Succeeded => Self::Succeeded,
            PaymentEvent::Refunded => Self::Refunded,
        };
        match event {
            _ if self >= next => Outcome::AlreadyApplied,
            PaymentEvent::Refunded if self < Self::Succeeded => Outcome::Waiting("payment.succeeded"),
            _ => Outcome::Applied(next),
        }
    }

    /// What asking for `event` does: as [`Payment::apply`], but there is nothing to wait for.
    pub fn command(self, event: PaymentEvent) -> Outcome<Self> {
        self.apply(event).for_command(self, event.word())
    }
}
