//! What a job may do, and what it does to one event: pure.

use std::time::Duration;

use super::{JobError, JobKind, JobState, Request};
use crate::delivery::{DeliveryState as State, Destination, LoggedEvent, RouteVersion, type_matches};
use crate::read::Delivery;

/// Most and fewest changes of a chunk.
const CHUNK: (u32, u32) = (1, 500);
/// Deliveries of a replay that may be open at a time, in seconds of its rate, and at least.
const OPEN: (i64, i64) = (2, 20);
/// Longest reason, in characters.
const REASON_CHARS: usize = 1_000;

/// What becomes of a delivery that is to be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// The evidence is stored.
    Store,
    /// The delivery ends with it, though it was not delivered as far as we know.
    Force,
    /// It was acknowledged before.
    Already,
    /// It is not possible, and why.
    Refused(&'static str),
}

/// Whether a delivery can be acknowledged. `has_row`: its state is stored, not derived from a cursor.
pub fn judge_acknowledgement(state: State, has_row: bool, force: bool) -> Acknowledgement {
    match state {
        State::Delivered => Acknowledgement::Store,
        State::Acknowledged => Acknowledgement::Already,
        State::Rejected => Acknowledgement::Refused("rejected: the destination's no is final"),
        State::Discarded => Acknowledgement::Refused("discarded: it was given up for good"),
        State::InFlight => Acknowledgement::Refused("in_flight: a worker has it; wait for its end"),
        State::Pending if !has_row => {
            Acknowledgement::Refused("pending: a worker is about to deliver it; wait until it is delivered")
        },
        State::Pending | State::Held | State::RetryWait | State::Dead if force => Acknowledgement::Force,
        State::Pending | State::Held | State::RetryWait => {
            Acknowledgement::Refused("not delivered yet; force needs a reason")
        },
        State::Dead => Acknowledgement::Refused("dead: redrive or discard it; force needs a reason"),
    }
}

/// The route under which an event is delivered again: one in force at the event; else one that takes its type now, which
/// is how a new destination gets what was before it.
pub(super) fn replay_route<'a>(destination: &'a Destination, event: &'a LoggedEvent) -> Option<&'a RouteVersion> {
    let newest = |route: &&RouteVersion| {
        !destination.routes.iter().any(|other| other.name == route.name && other.version > route.version)
    };
    let now = || destination.routes.iter().filter(newest);
    destination
        .routes_of(event)
        .next()
        .or_else(|| now().find(|route| route.active && type_matches(&route.type_glob, &event.event_type)))
}

/// Why an event is not delivered again; `None`: it is. `first` is its first delivery there, if there is one.
pub(super) fn replay_refusal(first: Option<&Delivery>, missing: bool) -> Option<&'static str> {
    let state = first.map(|delivery| delivery.state);
    match state {
        Some(State::Dead) => Some("dead: redrive it"),
        Some(state) if state.will_retry() => Some("not delivered yet: it comes by itself"),
        Some(State::Delivered | State::Acknowledged) if missing => Some("delivered: not missing"),
        _ => None,
    }
}

/// The fault of a request, if it has one.
pub(super) fn check(request: &Request) -> Result<(), JobError> {
    let Request { kind, filter, options, rate, reason } = request;
    let invalid = |why: &str| Err(JobError::Invalid(why.to_owned()));
    if filter.is_empty() && options.letter.is_none() {
        return Err(JobError::EmptyFilter);
    }
    if !(1..=100_000).contains(rate) {
        return invalid("a rate is 1 to 100,000 changes per second");
    }
    let reason = reason.as_deref().unwrap_or_default();
    if reason.chars().count() > REASON_CHARS || reason.chars().any(char::is_control) {
        return invalid("a reason has at most 1,000 characters and no control characters");
    }
    let of_letters = matches!(kind, JobKind::Redrive | JobKind::Discard);
    if options.letter.is_some() && !of_letters {
        return invalid("a dead letter is redriven or discarded");
    }
    if options.to.is_some() && of_letters {
        return invalid("for dead letters of one destination write destination:… into the filter");
    }
    if options.missing && (*kind != JobKind::Replay || options.to.is_none()) {
        return invalid("what is missing is replayed to one destination: name it");
    }
    if !options.only.is_empty() && (*kind != JobKind::Replay || options.to.is_none()) {
        return invalid("places belong to a replay to one destination: name it");
    }
    if options.only.len() > super::MOST_PLACES || !options.only.is_sorted() {
        return invalid("a replay takes at most 10,000 places, in order");
    }
    let evidence = options.remote_sequence.is_some() || options.receipt.is_some();
    if *kind != JobKind::Acknowledge && (evidence || options.force) {
        return invalid("evidence and force belong to acknowledge");
    }
    if *kind == JobKind::Discard && reason.trim().is_empty() {
        return invalid("discarding needs a reason");
    }
    if *kind == JobKind::Acknowledge && reason.trim().is_empty() && (!evidence || options.force) {
        return invalid("acknowledging needs a reason, or the destination's evidence; with force, a reason");
    }
    if evidence && filter.event.is_none() {
        return invalid("evidence is of one event: name it with event:…");
    }
    Ok(())
}

/// What applying does to a job in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It begins, or goes on.
    Run,
    /// It was done; applying it again is no fault.
    WasDone,
    Expired,
    Ended,
}

pub(super) fn judge_start(state: JobState, expired: bool) -> Start {
    match state {
        JobState::Planned if expired => Start::Expired,
        JobState::Planned | JobState::Running | JobState::Paused | JobState::Failed => Start::Run,
        JobState::Done => Start::WasDone,
        JobState::Aborted => Start::Ended,
    }
}

/// Events or letters of one chunk: what half a second allows.
pub(super) fn chunk_size(rate: u32) -> u16 {
    u16::try_from((rate / 2).clamp(CHUNK.0, CHUNK.1)).unwrap_or(u16::MAX)
}

/// How long so many changes take at a rate.
pub(super) fn pace(changes: i64, rate: u32) -> Duration {
    Duration::from_secs(1).saturating_mul(u32::try_from(changes).unwrap_or(0)) / rate.max(1)
}

/// Deliveries of a replay that may be open at a time: what a destination that was down gets at once when it is back.
pub(super) fn most_open(rate: u32) -> i64 {
    (i64::from(rate) * OPEN.0).max(OPEN.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::job::JobOptions;

    /// H07: every state, with and without force.
    #[test]
    fn only_what_was_delivered_is_acknowledged_without_force() {
        use Acknowledgement as A;
        for state in State::ALL {
            for has_row in [false, true] {
                let (plain, forced) =
                    (judge_acknowledgement(state, has_row, false), judge_acknowledgement(state, has_row, true));
                let expected = match state {
                    State::Delivered => (true, A::Store),
                    State::Acknowledged => (true, A::Already),
                    State::Pending | State::Held | State::RetryWait | State::Dead
                        if has_row || state != State::Pending =>
                    {
                        (false, A::Force)
                    },
                    _ => (false, forced),
                };
                assert_eq!(!matches!(plain, A::Refused(_)), expected.0, "{state}");
                assert_eq!(forced, expected.1, "{state}");
            }
        }
        assert!(matches!(judge_acknowledgement(State::InFlight, true, true), A::Refused(_)));
        assert!(matches!(judge_acknowledgement(State::Pending, false, true), A::Refused(_)));
    }

    /// G08, H07: what a request must say.
    #[test]
    fn requests_are_checked() {
        let filter = Filter::parse("type:*", 0).expect("a filter");
        let one = Filter::parse("event:0123456789", 0).expect("a filter");
        let request = |kind, filter: &Filter| Request::new(kind, filter.clone());
        assert!(matches!(check(&request(JobKind::Replay, &Filter::default())), Err(JobError::EmptyFilter)));
        check(&request(JobKind::Replay, &filter)).expect("a replay");
        let missing = JobOptions { missing: true, ..JobOptions::default() };
        let places = JobOptions { only: vec![1, 2], ..JobOptions::default() };
        let disorder = JobOptions { only: vec![2, 1], to: Some("hook".to_owned()), ..JobOptions::default() };
        let evidence = JobOptions { remote_sequence: Some(1), ..JobOptions::default() };
        let letter = JobOptions { letter: Some(uuid::Uuid::nil()), ..JobOptions::default() };
        let with = |request: Request, options: &JobOptions| Request { options: options.clone(), ..request };
        let because = |request: Request| Request { reason: Some("a test".to_owned()), ..request };
        for (bad, word) in [
            (with(request(JobKind::Replay, &filter), &missing), "name it"),
            (with(request(JobKind::Replay, &filter), &places), "places belong"),
            (with(request(JobKind::Replay, &filter), &disorder), "in order"),
            (with(request(JobKind::Replay, &filter), &letter), "redriven or discarded"),
            (with(request(JobKind::Replay, &one), &evidence), "belong to acknowledge"),
            (with(because(request(JobKind::Acknowledge, &filter)), &evidence), "one event"),
            (request(JobKind::Acknowledge, &one), "needs a reason"),
            (request(JobKind::Discard, &filter), "needs a reason"),
            (Request { rate: 0, ..request(JobKind::Replay, &filter) }, "rate"),
            (Request { reason: Some("x".repeat(2_000)), ..request(JobKind::Replay, &filter) }, "1,000"),
        ] {
            let fault = check(&bad).expect_err(word);
            assert!(fault.to_string().contains(word), "{fault}");
        }
        check(&with(request(JobKind::Acknowledge, &one), &evidence)).expect("evidence is enough");
        check(&because(request(JobKind::Discard, &filter))).expect("a reason");
        check(&with(request(JobKind::Redrive, &Filter::default()), &letter)).expect("one letter is a filter");
    }

    #[test]
    fn a_plan_is_applied_in_time_and_once() {
        for (state, expired, expected) in [
            (JobState::Planned, false, Start::Run),
            (JobState::Planned, true, Start::Expired),
            (JobState::Running, true, Start::Run),
            (JobState::Paused, true, Start::Run),
            (JobState::Failed, true, Start::Run),
            (JobState::Done, true, Start::WasDone),
            (JobState::Aborted, false, Start::Ended),
        ] {
            assert_eq!(judge_start(state, expired), expected, "{state}");
        }
    }

    #[test]
    fn the_rate_is_kept() {
        assert_eq!((chunk_size(1), chunk_size(50), chunk_size(100_000)), (1, 25, 500));
        assert_eq!((pace(25, 50), pace(0, 50)), (Duration::from_millis(500), Duration::ZERO));
        assert_eq!((most_open(1), most_open(50)), (20, 100));
    }
}
