//! Verifying, with nothing but hashes, that a leaf, a range of leaves or an older tree is part of a tree.
//!
//! The length of every proof follows from indices and sizes alone and is checked first. So a proof has exactly one form, and
//! neither an inner node nor a leaf at another place can be passed off.

use serde::{Deserialize, Serialize};

use crate::bytes::Hash;
use crate::tree::frontier::{Frontier, subtrees};
use crate::tree::rfc6962::{EMPTY_ROOT, node_hash};
use crate::tree::subtree::{Subtree, covering, small};

/// What surrounds a contiguous range of leaves: enough to compute the root from the leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeProof {
    /// Roots of the largest perfect subtrees that cover the leaves before the range, left to right.
    pub left: Vec<Hash>,
    /// Roots of the largest aligned subtrees that cover the leaves after the range, left to right.
    pub right: Vec<Hash>,
}

/// A proof that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The tree has no such leaves.
    #[error("leaves {first} to {first}+{count} are not in a tree of {size} leaves")]
    Outside {
        /// First leaf, counted from zero.
        first: u64,
        /// How many leaves; at least one must be proved.
        count: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// A tree never shrinks.
    #[error("a tree of {new} leaves cannot continue one of {old}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// The number of hashes does not follow from indices and sizes.
    #[error("the proof holds {found} hashes, it takes exactly {expected}")]
    WrongLength {
        /// Hashes needed.
        expected: usize,
        /// Hashes given.
        found: usize,
    },
    /// The proof leads to another root than the tree's (the newer tree's, for consistency).
    #[error("the proof leads to another root")]
    RootMismatch,
    /// The consistency proof leads to another root than the older tree's.
    #[error("the proof leads to another root of the older tree")]
    OldRootMismatch,
}

/// Number of hashes of the inclusion path of leaf `index` in a tree of `size` leaves; `None` unless `index < size`.
pub fn inclusion_length(index: u64, size: u64) -> Option<usize> {
    let (inner, border) = shape(index, size)?;
    Some(inner + border)
}

/// Checks that the leaf with hash `leaf` is number `index` (from zero) of the tree of `size` leaves with root `root`
/// (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    let (inner, border) = shape(index, size).ok_or(ProofError::Outside { first: index, count: 1, size })?;
    expect_length(inner + border, path.len())?;
    let (inner, border) = path.split_at(inner);
    let computed = climb_border(climb(*leaf, inner, index), border);
    if computed == *root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Checks that the tree of `new_size` leaves begins with the very leaves of the tree of `old_size` leaves (RFC 9162
/// section 2.1.4.2).
///
/// Every tree continues the empty one and itself, both with an empty path; the roots are checked then, too.
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    old_root: &Hash,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk { old: old_size, new: new_size });
    }
    let equals = |old: &Hash, new: &Hash| match (old == old_root, new == new_root) {
        (true, true) => Ok(()),
        (false, _) => Err(ProofError::OldRootMismatch),
        (true, false) => Err(ProofError::RootMismatch),
    };
    if old_size == 0 || old_size == new_size {
        expect_length(0, path.len())?;
        return match (old_size, new_size) {
            (0, 0) => equals(&EMPTY_ROOT, &EMPTY_ROOT),
            (0, _) => equals(&EMPTY_ROOT, new_root),
            _ => equals(new_root, new_root),
        };
    }
    let last = old_size - 1;
    let (inner, border) = shape(last, new_size).ok_or(ProofError::Outside { first: last, count: 1, size: new_size })?;
    // The proof starts at the largest perfect subtree that ends the old tree. If it is the whole old tree, the verifier
    // holds its root already and the proof leaves it out.
    let level = old_size.trailing_zeros();
    let inner = inner - usize::from(small(level));
    let seeded = usize::from(!old_size.is_power_of_two());
    expect_length(seeded + inner + border, path.len())?;
    let (seed, path) = path.split_at(seeded);
    let seed = seed.first().unwrap_or(old_root);
    let (inner, border) = path.split_at(inner);
    let place = last >> level;
    let old = climb_border(climb_left_only(*seed, inner, place), border);
    let new = climb_border(climb(*seed, inner, place), border);
    equals(&old, &new)
}

/// Checks that `leaves` (leaf hashes) are the leaves from number `first` on of the tree of `size` leaves with root `root`.
///
/// One such proof replaces a path per leaf: it costs at most 126 hashes however many leaves there are.
pub fn verify_range(first: u64, leaves: &[Hash], size: u64, proof: &RangeProof, root: &Hash) -> Result<(), ProofError> {
    let count = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
    let outside = ProofError::Outside { first, count, size };
    let end = first.checked_add(count).filter(|&end| end <= size && count > 0).ok_or(outside)?;
    let after: Vec<Subtree> = covering(end..size).collect();
    expect_length(subtrees(first) + after.len(), proof.left.len().saturating_add(proof.right.len()))?;
    expect_length(subtrees(first), proof.left.len())?;

    let mut tree = Frontier::unchecked(first, proof.left.clone());
    let ignore = &mut |_, _, _| {};
    for leaf in leaves {
        tree.push(*leaf, ignore);
    }
    for (subtree, node) in after.iter().zip(&proof.right) {
        tree.push_subtree(subtree.level, *node, ignore);
    }
    if tree.root() == *root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Inclusion paths of all `leaves` (leaf hashes) in the tree that results from appending them to `old`.
///
/// Hashes each inner node once, about one per leaf, and reads nothing of the old tree but its frontier.
pub fn all_inclusion_paths(old: &Frontier, leaves: &[Hash]) -> Vec<Vec<Hash>> {
    let size = old.size().saturating_add(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
    if leaves.is_empty() {
        return Vec::new();
    }
    let levels = levels_above(old, leaves);
    (old.size()..size)
        .map(|index| {
            let mut path = Vec::with_capacity(inclusion_length(index, size).unwrap_or_default());
            let mut place = index;
            for (first, nodes) in &levels {
                let sibling = (place ^ 1).checked_sub(*first).and_then(|at| usize::try_from(at).ok());
                path.extend(sibling.and_then(|at| nodes.get(at)));
                place >>= 1;
            }
            path
        })
        .collect()
}

/// Per level below the root, given at least one leaf: the index of the first known node, and the known nodes up to the right end of the tree.
///
/// A last node without sibling moves up unchanged, which is what RFC 6962's uneven split amounts to.
fn levels_above(old: &Frontier, leaves: &[Hash]) -> Vec<(u64, Vec<Hash>)> {
    let mut levels = Vec::new();
    let (mut first, mut nodes) = (old.size(), leaves.to_vec());
    for level in 0.. {
        if let Some(left) = old.at_level(level) {
            nodes.insert(0, left);
            first -= 1;
        }
        if first == 0 && nodes.len() == 1 {
            break;
        }
        let above = nodes
            .chunks(2)
            .map(|pair| if let [left, right] = pair { node_hash(left, right) } else { pair[0] })
            .collect();
        levels.push((first, std::mem::replace(&mut nodes, above)));
        first >>= 1;
    }
    levels
}

/// Lengths of the two parts of an inclusion path: up to where the way to the leaf leaves the tree's right border, and along
/// that border, where siblings are always to the left.
fn shape(index: u64, size: u64) -> Option<(usize, usize)> {
    if index >= size {
        return None;
    }
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    Some((usize::from(small(inner)), usize::from(small(border))))
}

fn expect_length(expected: usize, found: usize) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::WrongLength { expected, found }) }
}

/// Hashes upwards; the bits of `place` say on which side each sibling is.
fn climb(seed: Hash, siblings: &[Hash], place: u64) -> Hash {
    let mut place = place;
    siblings.iter().fold(seed, |node, sibling| {
        let right_child = place & 1 == 1;
        place >>= 1;
        if right_child { node_hash(sibling, &node) } else { node_hash(&node, sibling) }
    })
}

/// As [`climb`], without the siblings to the right: they came after the old tree.
fn climb_left_only(seed: Hash, siblings: &[Hash], place: u64) -> Hash {
    let mut place = place;
    siblings.iter().fold(seed, |node, sibling| {
        let right_child = place & 1 == 1;
        place >>= 1;
        if right_child { node_hash(sibling, &node) } else { node }
    })
}

fn climb_border(seed: Hash, siblings: &[Hash]) -> Hash {
    siblings.iter().fold(seed, |node, sibling| node_hash(sibling, &node))
}
