//! Appending to a stream tree.

use crate::bytes::Hash;
use crate::id::MAX_SEQUENCE;
use crate::tree::rfc6962::{self, EMPTY_ROOT, node_hash};

const HASH_BYTES: usize = 32;

/// All that must be known of a tree to append to it: the roots of the perfect subtrees that cover its leaves.
///
/// Their sizes are the bits of the tree's size, so a tree of a million leaves is remembered in at most 20 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

/// Bytes that are no frontier of a tree of that size: a stored stream row is corrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrontier {
    /// The number of hashes must be the number of one bits of the size.
    #[error("the frontier of {size} leaves takes {expected} bytes, found {found}")]
    WrongLength {
        /// Leaves of the tree.
        size: u64,
        /// Bytes that follow from the size.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// No stream holds so many events.
    #[error("a stream has at most {MAX_SEQUENCE} events, not {size}")]
    TooLarge {
        /// The size given.
        size: u64,
    },
}

impl Frontier {
    /// The frontier of the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Roots of the perfect subtrees of a tree of `size` leaves, largest first.
    pub fn from_nodes(size: u64, nodes: Vec<Hash>) -> Result<Self, BadFrontier> {
        Self::check(size, nodes.len().saturating_mul(HASH_BYTES))?;
        Ok(Self { size, nodes })
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, BadFrontier> {
        Self::check(size, bytes.len())?;
        Ok(Self { size, nodes: bytes.as_chunks().0.iter().copied().map(Hash).collect() })
    }

    fn check(size: u64, found: usize) -> Result<(), BadFrontier> {
        if size > MAX_SEQUENCE {
            return Err(BadFrontier::TooLarge { size });
        }
        let expected = subtrees(size) * HASH_BYTES;
        if found == expected { Ok(()) } else { Err(BadFrontier::WrongLength { size, expected, found }) }
    }

    /// A frontier of any size, for verification; `nodes` must be as many as [`subtrees`] says.
    pub(super) fn unchecked(size: u64, nodes: Vec<Hash>) -> Self {
        Self { size, nodes }
    }

    /// The nodes' bytes, concatenated; the size is stored beside them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.nodes.iter().flat_map(|node| node.0).collect()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the perfect subtrees, largest first.
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// Root of the tree; [`EMPTY_ROOT`] without leaves.
    pub fn root(&self) -> Hash {
        rfc6962::join(&self.nodes).unwrap_or(EMPTY_ROOT)
    }

    /// Appends a leaf by its *leaf hash*.
    ///
    /// `completed` is told of every inner node that became final: its level (1 is just above the leaves), its index at that
    /// level and its hash, lowest first. On average that is one node per leaf.
    pub fn push(&mut self, leaf: Hash, completed: &mut impl FnMut(u8, u64, Hash)) {
        self.push_subtree(0, leaf, completed);
    }

    /// Appends a perfect subtree of `1 << level` leaves; the size must be a multiple of that.
    pub(super) fn push_subtree(&mut self, level: u8, root: Hash, completed: &mut impl FnMut(u8, u64, Hash)) {
        let mut place = self.size >> level;
        let (mut level_now, mut node) = (level, root);
        while place & 1 == 1
            && let Some(left) = self.nodes.pop()
        {
            node = node_hash(&left, &node);
            place >>= 1;
            level_now += 1;
            completed(level_now, place, node);
        }
        self.nodes.push(node);
        self.size += 1 << level;
    }

    /// The root of the subtree of `1 << level` leaves at the right end, if the size has that bit.
    pub(super) fn at_level(&self, level: u32) -> Option<Hash> {
        let larger = self.size.checked_shr(level)?;
        if larger & 1 == 0 {
            return None;
        }
        self.nodes.get(subtrees(larger) - 1).copied()
    }
}

/// How many perfect subtrees cover a tree of `size` leaves.
pub(super) fn subtrees(size: u64) -> usize {
    usize::from(super::subtree::small(size.count_ones()))
}
