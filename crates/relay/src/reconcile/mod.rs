//! What a destination really holds, beside what the record of deliveries says of it. The comparison is pure; what a
//! destination holds is found by asking it ([`kafka`] reads topics).
//!
//! Deliberately absent: repair. What is missing is replayed by a job like any other.

#[cfg(feature = "kafka")]
pub mod kafka;

use std::collections::HashMap;

use stateset_outbox::delivery::DeliveryState;
use uuid::Uuid;

/// An event of the log that goes to the destination, as the record of deliveries has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the log.
    pub log_id: i64,
    /// Its identity.
    pub event_id: Uuid,
    /// How its delivery stands.
    pub standing: Standing,
    /// Its place at the destination, by the destination's receipt.
    pub sequence: Option<u64>,
}

/// How a delivery stands, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The destination has it.
    Delivered,
    /// It is still to come.
    Waiting,
    /// It will not come by itself.
    GivenUp,
}

impl Standing {
    /// The states of a standing.
    pub fn states(self) -> Vec<DeliveryState> {
        let of = |state: &DeliveryState| match state {
            DeliveryState::Delivered | DeliveryState::Acknowledged => Self::Delivered,
            DeliveryState::Dead | DeliveryState::Rejected | DeliveryState::Discarded => Self::GivenUp,
            _ => Self::Waiting,
        };
        DeliveryState::ALL.into_iter().filter(|state| of(state) == self).collect()
    }
}

/// One thing that the destination holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The event's identity.
    pub event_id: Uuid,
    /// Its place in our log, if the destination knows it.
    pub log_id: Option<i64>,
    /// Its place at the destination, if that gives numbers.
    pub sequence: Option<u64>,
    /// Where it is, for people: `topic/partition/offset`, or a place in a stream.
    pub at: String,
    /// Whether it came as a replay, and is meant to be there again.
    pub replay: bool,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Delivered by the record, and there.
    pub agreeing: u64,
    /// Delivered by the record, and not there.
    pub missing: Vec<Recorded>,
    /// Not delivered by the record, and there: it is about to be recorded, or comes once more.
    pub ahead: Vec<(Recorded, Held)>,
    /// Still to come, and not there.
    pub waiting: u64,
    /// Given up, and not there.
    pub given_up: u64,
    /// There, and in the range of the log that was compared, which has no such event for the destination.
    pub extra: Vec<Held>,
    /// There, and not in the range; the destination does not know from which place of the log it is.
    pub unplaced: Vec<Held>,
    /// There at another place than the receipt says.
    pub moved: Vec<(Recorded, Held)>,
    /// Copies beyond the first, replays left out: the destination was given them again after a crash.
    pub repeated: u64,
}

impl Comparison {
    /// Whether record and destination say the same.
    pub fn agrees(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.moved.is_empty()
    }
}

/// Compares. `range` is the first and the last place of the log that `recorded` is from; what the destination holds from
/// outside of it is nobody's business here.
pub fn compare(
    range: (i64, i64),
    recorded: impl IntoIterator<Item = Recorded>,
    held: impl IntoIterator<Item = Held>,
) -> Comparison {
    let mut found = Comparison::default();
    let mut known: HashMap<Uuid, (Recorded, Vec<Held>)> =
        recorded.into_iter().map(|one| (one.event_id, (one, Vec::new()))).collect();
    for one in held {
        match (known.get_mut(&one.event_id), one.log_id) {
            (Some((_, copies)), _) => copies.push(one),
            (None, Some(place)) if place < range.0 || place > range.1 => {},
            (None, Some(_)) => found.extra.push(one),
            (None, None) => found.unplaced.push(one),
        }
    }
    for (one, mut copies) in known.into_values() {
        let first = copies.iter().filter(|copy| !copy.replay).count();
        found.repeated += u64::try_from(first.saturating_sub(1)).unwrap_or(u64::MAX);
        match (copies.pop(), one.standing) {
            (None, Standing::Delivered) => found.missing.push(one),
            (None, Standing::Waiting) => found.waiting += 1,
            (None, Standing::GivenUp) => found.given_up += 1,
            (Some(copy), Standing::Delivered) => {
                let elsewhere = one.sequence.is_some() && copy.sequence.is_some() && one.sequence != copy.sequence;
                if elsewhere {
                    found.moved.push((one, copy));
                } else {
                    found.agreeing += 1;
                }
            },
            (Some(copy), _) => found.ahead.push((one, copy)),
        }
    }
    found.missing.sort_by_key(|one| one.log_id);
    found.ahead.sort_by_key(|(one, _)| one.log_id);
    found.moved.sort_by_key(|(one, _)| one.log_id);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(log_id: i64, standing: Standing) -> Recorded {
        Recorded { log_id, event_id: Uuid::from_u128(log_id.unsigned_abs().into()), standing, sequence: None }
    }

    fn held(log_id: i64) -> Held {
        let event_id = Uuid::from_u128(log_id.unsigned_abs().into());
        Held { event_id, log_id: Some(log_id), sequence: None, at: format!("t/0/{log_id}"), replay: false }
    }

    /// H04: each of the ways in which record and destination can differ, and those in which they do not.
    #[test]
    fn every_difference_has_its_name() {
        use Standing::{Delivered, GivenUp, Waiting};
        let standings = [(1, Delivered), (2, Delivered), (3, Waiting), (4, Waiting), (5, GivenUp), (6, Delivered)];
        let log = standings.map(|(place, standing)| recorded(place, standing));
        let replay = Held { replay: true, ..held(1) };
        let found =
            compare((1, 9), log.clone(), [held(1), replay, held(3), held(6), held(6), held(7), held(10), held(0)]);
        let places = |all: &[Recorded]| all.iter().map(|one| one.log_id).collect::<Vec<_>>();
        assert_eq!((found.agreeing, found.waiting, found.given_up, found.repeated), (2, 1, 1, 1));
        assert_eq!(places(&found.missing), [2]);
        assert_eq!(found.ahead.iter().map(|(one, _)| one.log_id).collect::<Vec<_>>(), [3]);
        assert_eq!(found.extra, [held(7)]);
        assert!(!found.agrees());
        let all = [held(1), held(2), held(6)];
        assert!(compare((1, 9), log, all).agrees(), "what waits or was given up is no difference");
    }

    #[test]
    fn receipts_are_held_against_places() {
        let with = |place| Recorded { sequence: Some(place), ..recorded(1, Standing::Delivered) };
        let at = |place| Held { sequence: Some(place), log_id: None, ..held(1) };
        assert_eq!(compare((1, 1), [with(7)], [at(7)]).agreeing, 1);
        assert_eq!(compare((1, 1), [with(7)], [at(8)]).moved, [(with(7), at(8))]);
        let stranger = Held { log_id: None, ..held(2) };
        assert_eq!(compare((1, 1), [with(7)], [at(7), stranger.clone()]).unplaced, [stranger]);
    }

    /// Every state has one standing.
    #[test]
    fn states_are_divided() {
        let all: usize =
            [Standing::Delivered, Standing::Waiting, Standing::GivenUp].map(|one| one.states().len()).iter().sum();
        assert_eq!(all, DeliveryState::ALL.len());
    }
}
