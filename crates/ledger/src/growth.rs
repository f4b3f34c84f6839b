//! What one append added to a stream's tree: every node it completed, kept so that proofs for its events cost look-ups and
//! no hashing.

use crate::bytes::Hash;
use crate::tree::frontier::Frontier;
use crate::tree::proof::{RangeProof, all_inclusion_paths};

/// The nodes completed by consecutive pushes onto a frontier.
#[derive(Clone, Debug)]
pub struct Growth {
    before: Frontier,
    size: u64,
    levels: Vec<Level>,
}

/// Nodes of one level, consecutive from `first`.
#[derive(Clone, Debug)]
struct Level {
    first: u64,
    nodes: Vec<Hash>,
}

impl Growth {
    /// Nothing has been added to `before` yet.
    pub fn new(before: Frontier) -> Self {
        let size = before.size();
        Self { before, size, levels: vec![Level { first: size, nodes: Vec::new() }] }
    }

    /// Records a leaf hash (RFC 6962) before the nodes it completes.
    pub(crate) fn leaf(&mut self, hash: Hash) {
        self.levels[0].nodes.push(hash);
        self.size += 1;
    }

    /// Records a completed inner node.
    pub(crate) fn node(&mut self, level: u8, index: u64, hash: Hash) {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, || Level { first: 0, nodes: Vec::new() });
        }
        let row = &mut self.levels[level];
        if row.nodes.is_empty() {
            row.first = index;
        }
        row.nodes.push(hash);
    }

    /// Size of the tree afterwards.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Proves that the leaves `first .. end`, all added by this append, are in the tree of [`Self::size`]. `None` if the
    /// range is empty or reaches outside of what was added.
    pub fn range_proof(&self, first: u64, end: u64) -> Option<RangeProof> {
        if first < self.before.size() || first >= end || end > self.size {
            return None;
        }
        let left = largest_first(first).map(|(level, index)| self.find(level, index)).collect::<Option<_>>()?;
        let mut right = Vec::new();
        let mut position = end;
        while position < self.size {
            let level = position.trailing_zeros().min((self.size - position).ilog2());
            right.push(self.find(level, position >> level)?);
            position += 1 << level;
        }
        Some(RangeProof { left, right })
    }

    /// Inclusion paths of all added leaves in the tree of [`Self::size`]; hashes about as much as the append did.
    pub fn paths(&self) -> Vec<Vec<Hash>> {
        all_inclusion_paths(&self.before, &self.levels[0].nodes)
    }

    /// Size of the tree before.
    pub fn size_before(&self) -> u64 {
        self.before.size()
    }

    fn find(&self, level: u32, index: u64) -> Option<Hash> {
        let added = self.levels.get(usize::try_from(level).ok()?).and_then(|row| {
            let offset = usize::try_from(index.checked_sub(row.first)?).ok()?;
            row.nodes.get(offset)
        });
        added.or_else(|| self.find_before(level, index)).copied()
    }

    /// A subtree that was complete before is one of the frontier's, if it is maximal in a longer prefix too.
    fn find_before(&self, level: u32, index: u64) -> Option<&Hash> {
        let place = largest_first(self.before.size()).position(|node| node == (level, index))?;
        self.before.nodes().get(place)
    }
}

/// The maximal complete subtrees of the first `size` leaves, as (level, index), largest first.
fn largest_first(size: u64) -> impl Iterator<Item = (u32, u64)> {
    (0..u64::BITS).rev().filter(move |level| size >> level & 1 == 1).map(move |level| (level, (size >> level) ^ 1))
}

#[cfg(test)]
mod tests {
    use super::Growth;
    use crate::bytes::Hash;
    use crate::tree::frontier::Frontier;
    use crate::tree::proof::{verify_inclusion, verify_range};
    use crate::tree::rfc6962::leaf_hash;

    /// N08, rulings on ingest replies: every sub-range of every append is provable from what the append kept.
    #[test]
    fn every_range_of_an_append_is_proved() {
        for before in [0_u64, 1, 2, 3, 5, 7, 8, 13, 255, 256, 300] {
            for added in [1_u64, 2, 3, 7, 9] {
                let mut frontier = Frontier::new();
                for i in 0..before {
                    frontier.push(leaf_hash(&i.to_be_bytes()), &mut |_, _, _| {});
                }
                let mut growth = Growth::new(frontier.clone());
                let leaves: Vec<Hash> = (before..before + added).map(|i| leaf_hash(&i.to_be_bytes())).collect();
                for leaf in &leaves {
                    growth.leaf(*leaf);
                    frontier.push(*leaf, &mut |level, index, hash| growth.node(level, index, hash));
                }
                let root = frontier.root();
                for first in 0..added {
                    for end in first + 1..=added {
                        let proof = growth.range_proof(before + first, before + end).unwrap();
                        let range = &leaves[usize::try_from(first).unwrap()..usize::try_from(end).unwrap()];
                        verify_range(before + first, range, before + added, &proof, &root).unwrap();
                    }
                }
                assert_eq!(growth.range_proof(before, before + added + 1), None);
                for (i, path) in growth.paths().iter().enumerate() {
                    verify_inclusion(&leaves[i], before + i as u64, before + added, path, &root).unwrap();
                }
            }
        }
    }
}
