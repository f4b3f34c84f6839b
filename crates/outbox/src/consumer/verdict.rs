//! Whether an event may change a state now. Pure.

/// What is done with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<S> {
    /// It takes its effect, and this is the state afterwards.
    Apply(S),
    /// Nothing is left for it to do.
    Ignore(Ignored),
    /// Something that comes before it is missing: it waits. The text says what, for people.
    Hold(String),
    /// It cannot be, now or later; the text says why, for people.
    Quarantine(String),
}

/// Why an event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It was taken before.
    Duplicate,
    /// The state is already at, or behind, what it would bring about.
    Past,
    /// It is about something that this consumer does not follow.
    NotOurs,
}

/// A state machine as a table of legal steps: from, event type, to.
///
/// ```
/// use stateset_outbox::consumer::{Ignored, Machine, Verdict};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// enum Shipment { PendingPayment, ReadyToShip, Dispatched, Cancelled }
/// use Shipment::*;
///
/// const SHIPMENT: Machine<Shipment> = Machine::new(&[
///     (PendingPayment, "payment.succeeded", ReadyToShip),
///     (ReadyToShip, "shipping.dispatched", Dispatched),
///     (PendingPayment, "shipping.cancelled", Cancelled),
/// ]);
///
/// assert_eq!(SHIPMENT.judge(PendingPayment, "payment.succeeded"), Verdict::Apply(ReadyToShip));
/// // The payment is on its way by another topic.
/// assert!(matches!(SHIPMENT.judge(PendingPayment, "shipping.dispatched"), Verdict::Hold(_)));
/// assert_eq!(SHIPMENT.judge(Dispatched, "payment.succeeded"), Verdict::Ignore(Ignored::Past));
/// assert!(matches!(SHIPMENT.judge(Dispatched, "shipping.cancelled"), Verdict::Quarantine(_)));
/// assert_eq!(SHIPMENT.judge(Dispatched, "product.created"), Verdict::Ignore(Ignored::NotOurs));
/// ```
///
/// A type that leads back to where it came from (pause, resume) needs rules of its own: there "past" cannot be told from
/// the state.
#[derive(Clone, Copy, Debug)]
pub struct Machine<S: 'static> {
    steps: &'static [(S, &'static str, S)],
}

impl<S: Copy + Eq + std::fmt::Debug> Machine<S> {
    /// The legal steps.
    pub const fn new(steps: &'static [(S, &'static str, S)]) -> Self {
        Self { steps }
    }

    /// Legal: apply. Leads to where the state is, or has been: past. Legal in a state that can still be reached: hold.
    /// Else it is illegal. A type that no step names is not ours.
    pub fn judge(&self, state: S, event_type: &str) -> Verdict<S> {
        let mut own = self.steps.iter().filter(|(_, name, _)| *name == event_type).peekable();
        if own.peek().is_none() {
            return Verdict::Ignore(Ignored::NotOurs);
        }
        let own: Vec<&(S, &str, S)> = own.collect();
        if let Some((_, _, to)) = own.iter().find(|(from, ..)| *from == state) {
            return Verdict::Apply(*to);
        }
        if own.iter().any(|(.., to)| self.reaches(*to, state)) {
            return Verdict::Ignore(Ignored::Past);
        }
        match own.iter().find(|(from, ..)| self.reaches(state, *from)) {
            Some((from, ..)) => Verdict::Hold(format!("{event_type} needs {from:?}; the state is {state:?}")),
            None => Verdict::Quarantine(format!("{event_type} is not legal in {state:?}")),
        }
    }

    /// Whether there is a way, of no steps or more.
    fn reaches(&self, from: S, to: S) -> bool {
        let mut seen = vec![from];
        let mut next = 0;
        while let Some(state) = seen.get(next).copied() {
            if state == to {
                return true;
            }
            next += 1;
            for (_, _, further) in self.steps.iter().filter(|(start, ..)| *start == state) {
                if !seen.contains(further) {
                    seen.push(*further);
                }
            }
        }
        false
    }
}
