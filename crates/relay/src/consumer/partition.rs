//! One partition in hand: what may be worked on now, and up to where it is finished. Pure.
//!
//! Records of one key are worked on one after the other; other keys do not wait for them. The offset that may be
//! committed is that of the first record that is not finished, whatever was finished behind it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Records in hand at which a partition is paused.
const MANY: usize = 500;
/// Bytes in hand at which it is.
const MUCH: usize = 8 * 1024 * 1024;

/// A partition that was assigned.
#[derive(Debug)]
pub(super) struct Partition<R> {
    waiting: BTreeMap<i64, Waiting<R>>,
    /// Waiting, or being worked on.
    open: BTreeSet<i64>,
    /// Keys that are being worked on.
    busy: HashSet<Vec<u8>>,
    /// Behind the last record that came.
    next: Option<i64>,
    committed: Option<i64>,
    bytes: usize,
    paused: bool,
}

#[derive(Debug)]
struct Waiting<R> {
    key: Vec<u8>,
    bytes: usize,
    record: R,
}

/// What to tell the broker client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// No more for now.
    Pause,
    /// Go on.
    Resume,
}

impl<R> Partition<R> {
    pub(super) fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            open: BTreeSet::new(),
            busy: HashSet::new(),
            next: None,
            committed: None,
            bytes: 0,
            paused: false,
        }
    }

    /// A record came. One that is in hand is left out; one from before, as after a topic was made anew, is taken.
    pub(super) fn push(&mut self, offset: i64, key: Vec<u8>, bytes: usize, record: R) {
        if !self.open.insert(offset) {
            return;
        }
        self.next = self.next.max(Some(offset + 1));
        self.bytes += bytes;
        self.waiting.insert(offset, Waiting { key, bytes, record });
    }

    /// The first record whose key is free, if any.
    pub(super) fn begin(&mut self) -> Option<(i64, Vec<u8>, R)> {
        let offset = self.waiting.iter().find(|(_, it)| !self.busy.contains(&it.key)).map(|(offset, _)| *offset)?;
        let Waiting { key, bytes, record } = self.waiting.remove(&offset)?;
        self.bytes -= bytes;
        self.busy.insert(key.clone());
        Some((offset, key, record))
    }

    /// Its transaction is committed.
    pub(super) fn finish(&mut self, offset: i64, key: &[u8]) {
        self.open.remove(&offset);
        self.busy.remove(key);
    }

    /// Behind everything that is finished without a gap, if that is further than what was committed.
    pub(super) fn to_commit(&self) -> Option<i64> {
        let upto = self.open.first().copied().or(self.next)?;
        let finished = self.next.is_some_and(|next| upto < next || self.open.is_empty());
        let further = self.committed.is_none_or(|committed| upto > committed);
        (finished && further).then_some(upto)
    }

    pub(super) fn committed(&mut self, upto: i64) {
        self.committed = Some(upto);
    }

    /// What to do about the inflow, if anything.
    pub(super) fn flow(&mut self) -> Option<Flow> {
        let full = self.waiting.len() >= MANY || self.bytes >= MUCH;
        let low = self.waiting.len() <= MANY / 2 && self.bytes <= MUCH / 2;
        match self.paused {
            false if full => {
                self.paused = true;
                Some(Flow::Pause)
            },
            true if low => {
                self.paused = false;
                Some(Flow::Resume)
            },
            _ => None,
        }
    }

    pub(super) fn in_hand(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(keys: &[u8]) -> Partition<()> {
        let mut partition = Partition::new();
        for (offset, key) in (10..).zip(keys) {
            partition.push(offset, vec![*key], 1, ());
        }
        partition
    }

    fn offsets(partition: &mut Partition<()>) -> Vec<i64> {
        std::iter::from_fn(|| partition.begin().map(|(offset, ..)| offset)).collect()
    }

    /// D08, F14
    #[test]
    fn a_key_waits_for_itself_only() {
        let mut partition = filled(b"aabac");
        assert_eq!(offsets(&mut partition), [10, 12, 14]);
        partition.finish(12, b"b");
        assert_eq!(partition.to_commit(), Some(10), "nothing before the first open one");
        partition.finish(10, b"a");
        assert_eq!(partition.to_commit(), Some(11));
        assert_eq!(offsets(&mut partition), [11]);
        partition.finish(11, b"a");
        partition.committed(11);
        assert_eq!(partition.to_commit(), Some(13));
        assert_eq!(offsets(&mut partition), [13]);
        partition.finish(14, b"c");
        partition.finish(13, b"a");
        assert_eq!(partition.to_commit(), Some(15));
        partition.committed(15);
        assert_eq!(partition.to_commit(), None);
        // The topic was made anew: its records count, and what was committed does not go back.
        partition.push(2, b"b".to_vec(), 1, ());
        partition.push(2, b"b".to_vec(), 1, ());
        assert_eq!(offsets(&mut partition), [2]);
        partition.finish(2, b"b");
        assert_eq!(partition.to_commit(), None);
    }

    #[test]
    fn nothing_is_committed_before_anything_came() {
        assert_eq!(Partition::<()>::new().to_commit(), None);
    }

    #[test]
    fn a_full_partition_is_paused_once_and_resumed_once() {
        let mut partition = filled(&[b'a'; MANY]);
        assert_eq!((partition.flow(), partition.flow()), (Some(Flow::Pause), None));
        let mut resumed = 0;
        while let Some((offset, key, ())) = partition.begin() {
            partition.finish(offset, &key);
            resumed += usize::from(partition.flow() == Some(Flow::Resume));
        }
        assert_eq!((resumed, partition.in_hand()), (1, 0));
    }

    proptest! {
        /// F13, F14: however work ends, what may be committed never passes an unfinished record and never goes back, and
        /// a key's records are begun in order, one at a time.
        #[test]
        fn the_commit_never_passes_what_is_open(keys in prop::collection::vec(0_u8..4, 1..60), ends in prop::collection::vec(0_usize..8, 0..200)) {
            let mut partition = filled(&keys);
            let mut working: Vec<(i64, Vec<u8>)> = Vec::new();
            let mut begun: Vec<i64> = Vec::new();
            let mut finished: BTreeSet<i64> = BTreeSet::new();
            let mut last = 0;
            for end in ends.into_iter().chain(std::iter::repeat_n(0, 200)) {
                while let Some((offset, key, ())) = partition.begin() {
                    prop_assert!(working.iter().all(|(_, busy)| *busy != key));
                    working.push((offset, key));
                    begun.push(offset);
                }
                if working.is_empty() {
                    break;
                }
                let (offset, key) = working.remove(end % working.len());
                partition.finish(offset, &key);
                finished.insert(offset);
                if let Some(upto) = partition.to_commit() {
                    prop_assert!(upto > last && (10..upto).all(|before| finished.contains(&before)));
                    last = upto;
                    partition.committed(upto);
                }
            }
            prop_assert_eq!(last, 10 + i64::try_from(keys.len()).unwrap());
            for key in 0..4 {
                let of_key: Vec<i64> = begun.iter().copied().filter(|at| keys[usize::try_from(at - 10).unwrap()] == key).collect();
                prop_assert!(of_key.is_sorted());
            }
        }
    }
}
