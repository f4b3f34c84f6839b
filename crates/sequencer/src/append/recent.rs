//! Ids seen lately: a hint that a batch is a retry, so that its ids are looked up before they are appended.

use std::collections::HashSet;

use stateset_ledger::id::EventId;

/// Ids per generation; two generations are kept, about 3 MB.
const GENERATION: usize = 50_000;

/// A set of ids of all streams that forgets the older half of its members now and then. Forgetting is safe: an append of a known id is refused by
/// the store and planned again with a look-up.
#[derive(Default)]
pub(super) struct RecentIds {
    young: HashSet<EventId>,
    old: HashSet<EventId>,
}

impl RecentIds {
    pub(super) fn insert(&mut self, id: EventId) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id);
    }

    pub(super) fn contains(&self, id: EventId) -> bool {
        self.young.contains(&id) || self.old.contains(&id)
    }
}
