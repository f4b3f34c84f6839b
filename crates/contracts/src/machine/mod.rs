//! What an event may do to an order, a payment, a shipment.
//!
//! Each machine is a total, pure function from a state and an event to an [`Outcome`]. It is made for consumers whose
//! events come late, twice and in any order over several topics: what came too early [waits](Outcome::Waiting), what came
//! again or was overtaken is [known already](Outcome::AlreadyApplied), and what contradicts what happened is
//! [illegal](Outcome::Illegal) and must be shown to somebody, never applied in silence. From the same events of a legal
//! history, in any order and repeated, the same state follows.
//!
//! Whoever is asked to make something happen, such as an HTTP handler, has nothing to wait for:
//! [`Outcome::for_command`] turns waiting into a refusal.
//!
//! The pictures are in `docs/contracts/state-machines.md`, drawn from these functions.

mod amount;
pub mod order;
pub mod payment;
pub mod shipment;
mod words;

pub use self::amount::{Mismatch, check_amount};
pub use self::order::{CancelUntil, Order, OrderEvent};
pub use self::payment::{Payment, PaymentEvent};
pub use self::shipment::{Shipment, ShipmentEvent};
pub use self::words::UnknownWord;

/// The code of every refusal, for programs.
pub const INVALID_TRANSITION: &str = "INVALID_TRANSITION";

/// What an event does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<S> {
    /// The state that follows.
    Applied(S),
    /// It changes nothing: it was applied before, or later news has overtaken it.
    AlreadyApplied,
    /// It came before the event of this type, without which it says nothing. Hold it, and try again after that one.
    Waiting(&'static str),
    /// It contradicts what happened. Refuse the command, or quarantine the event.
    Illegal(Illegal),
}

/// A transition that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{INVALID_TRANSITION}: {event} from {from}: {reason}")]
pub struct Illegal {
    /// The state, in the words of the contract.
    pub from: String,
    /// The type of the event that was refused.
    pub event: &'static str,
    /// Why, for people.
    pub reason: String,
}

impl Illegal {
    /// For programs; HTTP answers 409 with it.
    pub fn code(&self) -> &'static str {
        INVALID_TRANSITION
    }
}

impl<S> Outcome<S> {
    /// The outcome for somebody who asks for it to happen now: waiting is a refusal, `from` and `event` name what.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a state or its words, as it stands in the call")]
    pub fn for_command(self, from: impl ToString, event: &'static str) -> Self {
        match self {
            Self::Waiting(predecessor) => {
                let reason = format!("{predecessor} must come first");
                Self::Illegal(Illegal { from: from.to_string(), event, reason })
            },
            other @ (Self::Applied(_) | Self::AlreadyApplied | Self::Illegal(_)) => other,
        }
    }
}
