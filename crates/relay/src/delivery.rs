//! One event on one destination: its states, and every way from one to another.
//!
//! A step names the state and the epoch it was decided on and is refused if either has moved, so two workers cannot
//! both take it. There is no way out of [`State::Acknowledged`], [`State::Rejected`] or [`State::Discarded`].

use stateset_outbox::delivery::DeliveryState as State;

/// What happens to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A worker takes it under its epoch.
    Claim {
        /// The worker's lease.
        epoch: u64,
    },
    /// The worker vanished.
    LeaseExpired,
    /// The destination took it.
    Accepted,
    /// The acceptance is proved, at once or later.
    Proved,
    /// It failed and may be tried again.
    Failed,
    /// It failed for the last time, or was refused.
    Died,
    /// The destination's definite no.
    Rejected,
    /// The destination could not be reached: nothing was tried.
    NotReached,
    /// The wait is over.
    Due,
    /// Something else is in the way.
    Hold,
    /// It no longer is.
    Release,
    /// An operator wants it tried again.
    Redrive,
    /// An operator gives it up.
    Discard,
}

/// A delivery as far as its rules go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it stands.
    pub state: State,
    /// Epoch of the lease that moved it last.
    pub epoch: u64,
    /// Attempts since it was created or redriven.
    pub attempts: u32,
    /// Attempts before the last redrive; history is never lost.
    pub earlier_attempts: u32,
}

/// A step that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Somebody else moved the delivery: read it again.
    #[error("the delivery is {actual:?} under epoch {epoch}, not as expected: read it again")]
    Moved {
        /// Its state now.
        actual: State,
        /// Its epoch now.
        epoch: u64,
    },
    /// There is no such way.
    #[error("a delivery that is {from:?} cannot take the step {step:?}")]
    NoSuchWay {
        /// Its state.
        from: State,
        /// What was asked.
        step: Step,
    },
}

impl Delivery {
    /// A delivery nobody has touched.
    pub const NEW: Self = Self { state: State::Pending, epoch: 0, attempts: 0, earlier_attempts: 0 };

    /// Takes a step that was decided when the delivery stood at `expected`.
    pub fn take(&self, expected: (State, u64), step: Step) -> Result<Self, NotTaken> {
        if (self.state, self.epoch) != expected {
            return Err(NotTaken::Moved { actual: self.state, epoch: self.epoch });
        }
        let state = next(self.state, step).ok_or(NotTaken::NoSuchWay { from: self.state, step })?;
        let mut after = Self { state, ..*self };
        match step {
            Step::Claim { epoch } if epoch < self.epoch => {
                return Err(NotTaken::Moved { actual: self.state, epoch: self.epoch });
            },
            Step::Claim { epoch } => after.epoch = epoch,
            Step::Accepted | Step::Failed | Step::Died | Step::Rejected => after.attempts += 1,
            Step::Redrive => {
                after.earlier_attempts += self.attempts;
                after.attempts = 0;
            },
            _ => {},
        }
        Ok(after)
    }
}

/// Whether one round of a worker may take a delivery from one state to another: it is released or due if it waited,
/// claimed, and then one thing happens to it.
pub fn may_become(from: State, to: State) -> bool {
    let ready = [Step::Due, Step::Release].into_iter().find_map(|step| next(from, step)).unwrap_or(from);
    let claimed = next(ready, Step::Claim { epoch: 0 });
    let held = next(ready, Step::Hold);
    let ends = [Step::Accepted, Step::Failed, Step::Died, Step::Rejected, Step::NotReached, Step::LeaseExpired];
    let after = ends.into_iter().filter_map(|step| next(claimed?, step));
    after.chain(held).any(|state| state == to || next(state, Step::Proved) == Some(to))
}

/// The diagram of the states.
fn next(state: State, step: Step) -> Option<State> {
    Some(match (state, step) {
        (State::Pending, Step::Claim { .. }) => State::InFlight,
        (State::InFlight, Step::Accepted) => State::Delivered,
        (State::InFlight, Step::Failed) => State::RetryWait,
        (State::InFlight, Step::Died) => State::Dead,
        (State::InFlight, Step::Rejected) => State::Rejected,
        (State::InFlight, Step::NotReached) | (State::Pending | State::RetryWait, Step::Hold) => State::Held,
        (State::InFlight, Step::LeaseExpired)
        | (State::RetryWait, Step::Due)
        | (State::Held, Step::Release)
        | (State::Dead, Step::Redrive) => State::Pending,
        (State::Delivered, Step::Proved) => State::Acknowledged,
        (State::Dead, Step::Discard) => State::Discarded,
        _ => return None,
    })
}
