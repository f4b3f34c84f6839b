//! The states of one event on its way to the sequencer, as a pure function. The words are the outbox's.

use stateset_outbox::delivery::DeliveryState;

/// What happened to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A request with it is about to leave.
    Sent,
    /// The request brought no verdict: whether the sequencer has the event is unknown, or it is tried again later.
    NoVerdict,
    /// The sequencer has it; its evidence is missing or proves nothing.
    Delivered,
    /// The sequencer has it, and that is proved.
    Proved,
    /// The sequencer's definite no.
    Refused,
    /// It was given up: another event replaces it, or none does.
    GivenUp,
}

/// Something that cannot happen to an event in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event that is {state} cannot become what {happened:?} makes of it")]
pub struct Impossible {
    /// Its state.
    pub state: DeliveryState,
    /// What was reported.
    pub happened: Happened,
}

/// The state afterwards.
///
/// Nothing leaves `acknowledged` or `discarded`. An event is only given up after a definite no, or before it was ever sent:
/// `sent` says whether it was.
pub fn after(state: DeliveryState, sent: bool, happened: Happened) -> Result<DeliveryState, Impossible> {
    use DeliveryState::{Acknowledged, Delivered, Discarded, InFlight, Pending, Rejected, RetryWait};
    let open = matches!(state, Pending | InFlight | RetryWait);
    match happened {
        // What was delivered without evidence is sent again for it, and stays delivered.
        Happened::Sent if open => Ok(InFlight),
        Happened::NoVerdict if open => Ok(RetryWait),
        Happened::Sent | Happened::NoVerdict if state == Delivered => Ok(Delivered),
        // A pull may find it before the reply to the push is read, and another process may have read that already.
        Happened::Delivered if open || state == Delivered => Ok(Delivered),
        Happened::Delivered if state == Acknowledged => Ok(Acknowledged),
        Happened::Proved if open || state == Delivered || state == Acknowledged => Ok(Acknowledged),
        Happened::Refused if open || state == Rejected => Ok(Rejected),
        Happened::GivenUp if state == Rejected || (state == Pending && !sent) => Ok(Discarded),
        _ => Err(Impossible { state, happened }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVERYTHING: [Happened; 6] = [
        Happened::Sent,
        Happened::NoVerdict,
        Happened::Delivered,
        Happened::Proved,
        Happened::Refused,
        Happened::GivenUp,
    ];

    proptest! {
        /// M01, E11, ruling 9: whatever happens in whatever order, what is proved stays proved, what was given up stays so,
        /// and nothing that may be at the sequencer is given up without its definite no.
        #[test]
        fn no_path_loses_an_event(path in prop::collection::vec(0..EVERYTHING.len(), 0..40)) {
            let (mut state, mut sent, mut refused, mut taken) = (DeliveryState::Pending, false, false, false);
            for happened in path.into_iter().map(|index| EVERYTHING[index]) {
                let Ok(next) = after(state, sent, happened) else { continue };
                if matches!(state, DeliveryState::Acknowledged | DeliveryState::Discarded) {
                    prop_assert_eq!(next, state);
                }
                sent |= happened == Happened::Sent;
                refused |= happened == Happened::Refused;
                taken |= matches!(happened, Happened::Delivered | Happened::Proved);
                if next == DeliveryState::Discarded {
                    prop_assert!(refused || !sent);
                    prop_assert!(!taken);
                }
                prop_assert!(!taken || matches!(next, DeliveryState::Delivered | DeliveryState::Acknowledged));
                state = next;
            }
        }
    }

    /// Weeks offline: an event that was never refused is always still pushed, or at the sequencer.
    #[test]
    fn only_a_refusal_ends_an_event_that_was_sent() {
        for state in DeliveryState::ALL {
            for happened in EVERYTHING {
                if let Ok(next) = after(state, true, happened)
                    && state.will_retry()
                    && !next.will_retry()
                {
                    let ends = [Happened::Delivered, Happened::Proved, Happened::Refused];
                    assert!(ends.contains(&happened), "{state} {happened:?} {next}");
                }
            }
        }
    }
}
