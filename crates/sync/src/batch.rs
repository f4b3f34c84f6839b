//! What goes into one push: a run of the log, in its order, cut where one event's verdict decides about the next. Pure.

use std::collections::HashSet;

/// What the cut looks at.
pub trait Queued {
    /// What the event is about: type and id.
    fn entity(&self) -> (&str, &str);
    /// Whether the sequencer may refuse it because the entity has moved on.
    fn is_versioned(&self) -> bool;
    /// Bytes it takes in the request.
    fn bytes(&self) -> usize;
}

/// How many of `queue`'s first events go into one request.
///
/// An event never follows a versioned event of its own entity in one request. If that one were refused, this one, whose
/// version is one higher, might be taken in its place: a change that builds on something that did not happen. So the request
/// ends there, and the agent's order is kept.
pub fn cut<Q: Queued>(queue: &[Q], most_events: usize, most_bytes: usize) -> usize {
    let mut undecided = HashSet::new();
    let mut bytes = 0_usize;
    for (index, event) in queue.iter().take(most_events).enumerate() {
        bytes = bytes.saturating_add(event.bytes());
        let full = bytes > most_bytes && index > 0;
        if full || undecided.contains(&event.entity()) {
            return index;
        }
        if event.is_versioned() {
            undecided.insert(event.entity());
        }
    }
    queue.len().min(most_events)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    struct Event {
        id: String,
        versioned: bool,
        bytes: usize,
    }

    impl Queued for Event {
        fn entity(&self) -> (&str, &str) {
            ("order", &self.id)
        }
        fn is_versioned(&self) -> bool {
            self.versioned
        }
        fn bytes(&self) -> usize {
            self.bytes
        }
    }

    fn event() -> impl Strategy<Value = Event> {
        (0..6_u8, any::<bool>(), 0..50_usize).prop_map(|(id, versioned, bytes)| Event {
            id: id.to_string(),
            versioned,
            bytes,
        })
    }

    proptest! {
        /// L20: no request holds an event behind a versioned one of the same entity; every request makes progress, keeps
        /// its limits and is as long as it may be.
        #[test]
        fn requests_are_safe_and_maximal(queue in prop::collection::vec(event(), 1..40), most in 1..20_usize) {
            let safe = |run: &[Event]| {
                let versioned_before =
                    |at: usize| run[..at].iter().any(|earlier| earlier.versioned && earlier.id == run[at].id);
                let bytes: usize = run.iter().map(|event| event.bytes).sum();
                !(0..run.len()).any(versioned_before) && run.len() <= most && (bytes <= 100 || run.len() == 1)
            };
            let count = cut(&queue, most, 100);
            prop_assert!(count >= 1 && safe(&queue[..count]));
            prop_assert!(count == queue.len() || !safe(&queue[..=count]));
        }
    }

    #[test]
    fn nothing_is_cut_from_nothing() {
        assert_eq!(cut::<Event>(&[], 10, 10), 0);
    }
}
