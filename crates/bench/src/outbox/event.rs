//! The events that everybody is measured with.

use serde::Serialize;
use stateset_outbox::{Draft, Entity, Event, EventId, EventType, Payload};
use uuid::Uuid;

/// Events of one key are numbered from 0; the numbers of all keys grow together.
pub(super) const KEYS: u64 = 1_000;
pub(super) const EVENT_TYPE: &str = "order.created";
/// Makes the payload as long as that of the other benchmarks.
pub(super) const NOTE: &str = "one line of an order of a shop, with as many characters as an average line of an order of \
                               an average shop has, which is not so few after all, and a bit";

/// The incumbent's program writes the same.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Body {
    pub(super) key: u64,
    pub(super) number: u64,
    pub(super) note: &'static str,
}

/// The `at`-th event: its key and its number within the key.
pub(super) fn place(at: u64) -> (u64, u64) {
    (at % KEYS, at / KEYS)
}

pub(super) fn body(at: u64) -> Body {
    let (key, number) = place(at);
    Body { key, number, note: NOTE }
}

/// Its identity tells its place, so that a sink need not look inside.
pub(super) fn id(at: u64) -> Uuid {
    let (key, number) = place(at);
    Uuid::from_u64_pair(key, number)
}

pub(super) fn draft(at: u64) -> Draft<Body> {
    let key = order_key(at);
    let mut event = Event::new(EventType::new(EVENT_TYPE), Payload::new(body(at)), None);
    event.id = EventId(id(at));
    event.about(Entity::new("order", key.as_str())).order_key(key)
}

pub(super) fn order_key(at: u64) -> String {
    format!("order-{:08}", place(at).0)
}

/// What arrived against what was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) lost: u64,
    pub(super) duplicated: u64,
    /// Arrived behind a later event of their key.
    pub(super) inverted: u64,
}

impl Tally {
    /// Of arrivals, as ids, of the events 0 to `written` − 1.
    pub(super) fn of(arrivals: &[Uuid], written: u64) -> Self {
        let mut seen = std::collections::HashSet::with_capacity(arrivals.len());
        let mut newest: std::collections::HashMap<u64, u64> = std::collections::HashMap::new();
        let mut tally = Self::default();
        for id in arrivals {
            let (key, number) = id.as_u64_pair();
            if !seen.insert(*id) {
                tally.duplicated += 1;
                continue;
            }
            let newest = newest.entry(key).or_default();
            tally.inverted += u64::from(number < *newest);
            *newest = number.max(*newest);
        }
        tally.lost = written.saturating_sub(seen.len() as u64);
        tally
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} lost, {} inverted, {} duplicated", self.lost, self.inverted, self.duplicated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_sees_what_is_missing_late_or_there_twice() {
        let ids: Vec<Uuid> = (0..3 * KEYS).map(id).collect();
        assert_eq!(Tally::of(&ids, 3 * KEYS), Tally::default());
        let mut broken = ids.clone();
        broken.swap(0, usize::try_from(KEYS).unwrap());
        broken.push(ids[7]);
        broken.remove(5);
        assert_eq!(Tally::of(&broken, 3 * KEYS), Tally { lost: 1, duplicated: 1, inverted: 1 });
    }
}
