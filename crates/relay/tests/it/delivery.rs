use proptest::prelude::*;
use stateset_outbox::delivery::DeliveryState as State;
use stateset_relay::delivery::{Delivery, NotTaken, Step, may_become};

const STEPS: [Step; 12] = [
    Step::LeaseExpired,
    Step::Accepted,
    Step::Proved,
    Step::Failed,
    Step::Died,
    Step::Rejected,
    Step::NotReached,
    Step::Due,
    Step::Hold,
    Step::Release,
    Step::Redrive,
    Step::Discard,
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1_u64..4).prop_map(|epoch| Step::Claim { epoch }),
        3 => proptest::sample::select(STEPS.to_vec()),
    ]
}

fn is_try(step: Step) -> bool {
    matches!(step, Step::Accepted | Step::Failed | Step::Died | Step::Rejected)
}

/// F07: the way of an event that fails once, and is then tried in vain.
#[test]
fn the_ordinary_ways() {
    let mut delivery = Delivery::NEW;
    for (step, state) in [
        (Step::Claim { epoch: 1 }, State::InFlight),
        (Step::Failed, State::RetryWait),
        (Step::Due, State::Pending),
        (Step::Claim { epoch: 1 }, State::InFlight),
        (Step::NotReached, State::Held),
        (Step::Release, State::Pending),
        (Step::Claim { epoch: 2 }, State::InFlight),
        (Step::Died, State::Dead),
        (Step::Redrive, State::Pending),
        (Step::Claim { epoch: 2 }, State::InFlight),
        (Step::Accepted, State::Delivered),
        (Step::Proved, State::Acknowledged),
    ] {
        delivery = delivery.take((delivery.state, delivery.epoch), step).unwrap();
        assert_eq!(delivery.state, state);
    }
    assert_eq!((delivery.attempts, delivery.earlier_attempts), (1, 2));
}

/// A worker that was paused past its lease, F11.
#[test]
fn a_stale_worker_is_refused() {
    let taken = Delivery::NEW.take((State::Pending, 0), Step::Claim { epoch: 2 }).unwrap();
    let stale = taken.take((State::InFlight, 1), Step::Accepted);
    assert_eq!(stale, Err(NotTaken::Moved { actual: State::InFlight, epoch: 2 }));
    let released = taken.take((State::InFlight, 2), Step::LeaseExpired).unwrap();
    released.take((State::Pending, 2), Step::Claim { epoch: 1 }).unwrap_err();
}

/// No round of a worker leads out of what is finished, or skips what an operator has to decide.
#[test]
fn a_round_moves_only_what_is_open() {
    for from in State::ALL {
        let reachable: Vec<State> = State::ALL.into_iter().filter(|to| may_become(from, *to)).collect();
        let open = from.will_retry() && from != State::InFlight;
        assert_eq!(reachable.len(), if open { 7 } else { 0 }, "{from}: {reachable:?}");
        assert!(!reachable.contains(&State::Discarded) && !reachable.contains(&State::InFlight));
    }
}

proptest! {
    /// The invariants of the state machine over any sequence of steps, legal or not: attempts grow with real tries and
    /// with nothing else, nothing leaves a final state, a redrive keeps the history, the epoch never goes back, and a
    /// refused step changes nothing.
    #[test]
    fn invariants_hold_over_any_steps(steps in proptest::collection::vec(step(), 1..60)) {
        let mut delivery = Delivery::NEW;
        let mut tries = 0;
        for step in steps {
            let before = delivery;
            let Ok(after) = before.take((before.state, before.epoch), step) else { continue };
            tries += u32::from(is_try(step));
            prop_assert!(!matches!(before.state, State::Acknowledged | State::Rejected | State::Discarded));
            prop_assert_eq!(after.attempts + after.earlier_attempts, tries);
            prop_assert!(after.epoch >= before.epoch);
            // Whoever has an older picture is refused.
            prop_assert!(after.take((before.state, before.epoch), step).is_err() || after == before || before.state == after.state);
            delivery = after;
        }
    }
}
