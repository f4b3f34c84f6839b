//! The batch tree of a VES commitment: leaves of one contiguous range, padded to a power of two.
//!
//! The published verifier knows neither the number of leaves nor the depth, so it accepts an index beyond the tree, an inner
//! node with a shorter path, and padding. [`BatchProof::verify`] refuses all three, given the leaf count of the commitment:
//! the root alone does not bind it, the state root does. [`verify_published`] answers as other clients do.
//!
//! Padding subtrees are all alike and taken from a table, so a batch of n leaves takes n − 1 hashes and a few, not 2n.

use std::ops::Range;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use crate::bytes::Hash;
use crate::domain;

/// Leaves of a chunk: the roots of aligned chunks are stored, so that a proof reads one chunk and not the whole batch.
pub const CHUNK_LEAVES: usize = 256;
const CHUNK_DEPTH: usize = 8;
const MAX_DEPTH: usize = 64;

/// Roots of the subtrees that are nothing but padding, by height.
static PADDING: LazyLock<[Hash; MAX_DEPTH + 1]> = LazyLock::new(|| {
    let mut roots = [Hash::of(&[domain::PAD_LEAF.as_bytes()]); MAX_DEPTH + 1];
    for height in 1..roots.len() {
        roots[height] = node_hash(&roots[height - 1], &roots[height - 1]);
    }
    roots
});

/// That a leaf is number `leaf_index` of the `leaf_count` leaves of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchProof {
    /// Place in the batch, from zero: the event's sequence minus the batch's first.
    pub leaf_index: u64,
    /// Leaves of the batch, without padding.
    pub leaf_count: u64,
    /// Siblings, leaf to root.
    pub path: Vec<Hash>,
}

/// A proof that does not hold, or stored parts of a batch that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The batch has no such leaf.
    #[error("leaf {index} is not in a batch of {leaf_count} leaves")]
    Outside {
        /// Leaf asked for, from zero.
        index: u64,
        /// Leaves of the batch.
        leaf_count: u64,
    },
    /// The number of siblings does not follow from the number of leaves.
    #[error("the path holds {found} hashes, it takes exactly {expected}")]
    WrongLength {
        /// Siblings needed.
        expected: usize,
        /// Siblings given.
        found: usize,
    },
    /// Padding is no event.
    #[error("the leaf is padding")]
    PaddingLeaf,
    /// Where the batch has only padding, the path has something else: the batch is larger than claimed.
    #[error("sibling {level} of the path must be padding")]
    NotPadding {
        /// Height of the sibling.
        level: usize,
    },
    /// The path leads to another root than the commitment's.
    #[error("the path leads to another root")]
    RootMismatch,
    /// The wrong number of leaves of a chunk, or of chunk roots.
    #[error("expected {expected} hashes of the batch, found {found}")]
    WrongCount {
        /// Hashes that follow from the leaf count.
        expected: usize,
        /// Hashes given.
        found: usize,
    },
    /// The leaves do not have the chunk root stored for them.
    #[error("the leaves of chunk {chunk} do not hash to its root")]
    ChunkMismatch {
        /// Number of the chunk in the batch, from zero.
        chunk: usize,
    },
}

/// Hash of the node above `left` and `right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    const DOMAIN: &[u8] = domain::NODE.as_bytes();
    const LEFT: usize = DOMAIN.len();
    const RIGHT: usize = LEFT + 32;
    let mut preimage = [0; RIGHT + 32];
    preimage[..LEFT].copy_from_slice(DOMAIN);
    preimage[LEFT..RIGHT].copy_from_slice(&left.0);
    preimage[RIGHT..].copy_from_slice(&right.0);
    Hash(Sha256::digest(preimage).into())
}

/// The leaf that fills a batch up to a power of two.
pub fn pad_leaf() -> Hash {
    PADDING[0]
}

/// Levels between the leaves and the root.
pub fn depth(leaf_count: u64) -> usize {
    match leaf_count {
        0 | 1 => 0,
        _ => usize::from(super::subtree::small((leaf_count - 1).ilog2() + 1)),
    }
}

/// Leaves with padding; `None` beyond 2^63, which no batch reaches.
pub fn padded_count(leaf_count: u64) -> Option<u64> {
    if leaf_count == 0 { Some(0) } else { leaf_count.checked_next_power_of_two() }
}

/// Root of a batch; 32 zero bytes without leaves, the leaf itself with one.
pub fn root(leaves: &[Hash]) -> Hash {
    // By chunks, because a chunk's rows stay in the processor's cache and a batch's do not.
    let leaf_count = count(leaves);
    climb(&chunk_roots(leaves), chunk_depth(leaf_count)..depth(leaf_count), |_, _| {})
}

/// The proof of leaf `index` among `leaves`; `None` if there is no such leaf. Hashes the whole batch.
pub fn prove(leaves: &[Hash], index: usize) -> Option<BatchProof> {
    if index >= leaves.len() {
        return None;
    }
    let leaf_count = count(leaves);
    let (path, _) = path_to(leaves, index, 0..depth(leaf_count));
    Some(BatchProof { leaf_index: u64::try_from(index).ok()?, leaf_count, path })
}

/// Roots of the batch's chunks of [`CHUNK_LEAVES`] leaves, the last one padded. A batch of at most one chunk has one root,
/// that of the batch.
pub fn chunk_roots(leaves: &[Hash]) -> Vec<Hash> {
    let depth = chunk_depth(count(leaves));
    leaves.chunks(CHUNK_LEAVES).map(|chunk| climb(chunk, 0..depth, |_, _| {})).collect()
}

/// The root of a batch from its [`chunk_roots`].
pub fn root_from_chunks(chunk_roots: &[Hash], leaf_count: u64) -> Result<Hash, BatchError> {
    expect_chunks(chunk_roots, leaf_count)?;
    Ok(climb(chunk_roots, chunk_depth(leaf_count)..depth(leaf_count), |_, _| {}))
}

/// The proof of leaf `index` from the leaves of its own chunk and the roots of all chunks.
pub fn prove_from_chunks(
    chunk_leaves: &[Hash],
    chunk_roots: &[Hash],
    index: u64,
    leaf_count: u64,
) -> Result<BatchProof, BatchError> {
    let outside = BatchError::Outside { index, leaf_count };
    if index >= leaf_count {
        return Err(outside);
    }
    expect_chunks(chunk_roots, leaf_count)?;
    let place = usize::try_from(index).ok().ok_or(outside)?;
    let total = usize::try_from(leaf_count).ok().ok_or(outside)?;
    let (chunk, within) = (place / CHUNK_LEAVES, place % CHUNK_LEAVES);
    let expected = (total - chunk * CHUNK_LEAVES).min(CHUNK_LEAVES);
    if chunk_leaves.len() != expected {
        return Err(BatchError::WrongCount { expected, found: chunk_leaves.len() });
    }
    let border = chunk_depth(leaf_count);
    let (mut path, top) = path_to(chunk_leaves, within, 0..border);
    if chunk_roots.get(chunk) != Some(&top) {
        return Err(BatchError::ChunkMismatch { chunk });
    }
    path.extend(path_to(chunk_roots, chunk, border..depth(leaf_count)).0);
    Ok(BatchProof { leaf_index: index, leaf_count, path })
}

impl BatchProof {
    /// Per sibling, whether the running hash is the *left* child; published proofs carry it beside the path.
    pub fn directions(&self) -> Vec<bool> {
        (0_u32..).zip(&self.path).map(|(level, _)| !is_right(self.leaf_index, level)).collect()
    }

    /// Checks the proof strictly. `self.leaf_count` must be the commitment's, not the prover's word.
    pub fn verify(&self, leaf: &Hash, root: &Hash) -> Result<(), BatchError> {
        let (index, leaf_count) = (self.leaf_index, self.leaf_count);
        if index >= leaf_count {
            return Err(BatchError::Outside { index, leaf_count });
        }
        let (expected, found) = (depth(leaf_count), self.path.len());
        if found != expected {
            return Err(BatchError::WrongLength { expected, found });
        }
        if *leaf == pad_leaf() {
            return Err(BatchError::PaddingLeaf);
        }
        for (level, sibling) in self.path.iter().enumerate() {
            let first_leaf = ((index >> level) ^ 1) << level;
            if first_leaf >= leaf_count && *sibling != PADDING[level] {
                return Err(BatchError::NotPadding { level });
            }
        }
        verify_published(leaf, root, &self.path, index)
    }
}

/// The check that published clients make: the path leads to the root, and the index fits the path. It accepts padding and
/// inner nodes; evidence is checked with [`BatchProof::verify`].
pub fn verify_published(leaf: &Hash, root: &Hash, path: &[Hash], leaf_index: u64) -> Result<(), BatchError> {
    let levels = u32::try_from(path.len()).ok().filter(|&levels| levels <= u64::BITS);
    let levels = levels.ok_or(BatchError::WrongLength { expected: MAX_DEPTH, found: path.len() })?;
    if let Some(leaf_count) = 1_u64.checked_shl(levels)
        && leaf_index >= leaf_count
    {
        return Err(BatchError::Outside { index: leaf_index, leaf_count });
    }
    let computed = (0..).zip(path).fold(*leaf, |node, (level, sibling)| {
        if is_right(leaf_index, level) { node_hash(sibling, &node) } else { node_hash(&node, sibling) }
    });
    if computed == *root { Ok(()) } else { Err(BatchError::RootMismatch) }
}

fn is_right(index: u64, level: u32) -> bool {
    index.checked_shr(level).unwrap_or(0) & 1 == 1
}

/// Root of the subtree above `nodes`, which are at height `levels.start`, at height `levels.end`; `visit` sees each row below
/// it. What is missing to the right is padding.
fn climb(nodes: &[Hash], levels: Range<usize>, mut visit: impl FnMut(usize, &[Hash])) -> Hash {
    let mut row: Vec<Hash>;
    let mut nodes = nodes;
    for level in levels {
        visit(level, nodes);
        let padding = &PADDING[level];
        row = nodes.chunks(2).map(|pair| node_hash(&pair[0], pair.get(1).unwrap_or(padding))).collect();
        nodes = &row;
    }
    nodes.first().copied().unwrap_or(Hash::ZERO)
}

/// Siblings on the way from number `index` of `nodes` up to height `levels.end`, and the root there.
fn path_to(nodes: &[Hash], index: usize, levels: Range<usize>) -> (Vec<Hash>, Hash) {
    let mut path = Vec::with_capacity(levels.len());
    let mut place = index;
    let root = climb(nodes, levels, |level, row| {
        path.push(row.get(place ^ 1).copied().unwrap_or(PADDING[level]));
        place >>= 1;
    });
    (path, root)
}

fn count(leaves: &[Hash]) -> u64 {
    u64::try_from(leaves.len()).expect("a slice of hashes is shorter than 2^59")
}

/// Height of the chunk roots.
fn chunk_depth(leaf_count: u64) -> usize {
    depth(leaf_count).min(CHUNK_DEPTH)
}

fn expect_chunks(chunk_roots: &[Hash], leaf_count: u64) -> Result<(), BatchError> {
    let chunks = leaf_count.div_ceil(1 << CHUNK_DEPTH);
    let expected = usize::try_from(chunks).unwrap_or(usize::MAX);
    let found = chunk_roots.len();
    if found == expected { Ok(()) } else { Err(BatchError::WrongCount { expected, found }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{
        BatchError, BatchProof, CHUNK_LEAVES, chunk_roots, depth, node_hash, pad_leaf, padded_count, prove,
        prove_from_chunks, root, root_from_chunks, verify_published,
    };
    use crate::bytes::Hash;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/merkle.json")).unwrap()
    }

    fn hash(value: &Value) -> Hash {
        Hash::from_hex(value.as_str().unwrap()).unwrap()
    }

    fn hashes(value: &Value) -> Vec<Hash> {
        value.as_array().unwrap().iter().map(hash).collect()
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| Hash::of(&[&i.to_be_bytes()])).collect()
    }

    /// The definition: pad, then pair.
    fn naive_root(leaves: &[Hash]) -> Hash {
        let mut row = leaves.to_vec();
        row.resize(leaves.len().next_power_of_two(), pad_leaf());
        while row.len() > 1 {
            row = row.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        row[0]
    }

    #[test]
    fn literals_of_the_specification() {
        assert_eq!(pad_leaf().to_hex(), "d9dd0e003ba5370a698013c48ed69c6c41d9ebc1236d44b280c52ceacfdad524");
        assert!(node_hash(&Hash([1; 32]), &Hash([2; 32])).to_hex().starts_with("5186fbc7"));
        assert_eq!(root(&[]), Hash::ZERO);
    }

    #[test]
    fn vectors_of_trees_and_proofs() {
        for tree in vectors()["trees"].as_array().unwrap() {
            let leaves = hashes(&tree["leaves"]);
            let leaf_count = leaves.len() as u64;
            assert_eq!(Value::from(leaf_count), tree["size"]);
            assert_eq!(padded_count(leaf_count).map(Value::from).as_ref(), Some(&tree["padded"]));
            assert_eq!(Value::from(depth(leaf_count)), tree["depth"]);
            let expected = hash(&tree["root"]);
            assert_eq!(root(&leaves), expected);
            for vector in tree["proofs"].as_array().unwrap() {
                let index = usize::try_from(vector["leaf_index"].as_u64().unwrap()).unwrap();
                let proof = prove(&leaves, index).unwrap();
                assert_eq!(proof.path, hashes(&vector["proof_path"]));
                assert_eq!(Value::from(proof.directions()), vector["directions"]);
                assert_eq!(proof.verify(&hash(&vector["leaf_hash"]), &expected), Ok(()));
            }
        }
    }

    /// What published clients accept is answered as the vectors say; our own verifier, which knows that the attacked batch
    /// has five leaves, refuses every attack.
    #[test]
    fn vectors_of_attacks() {
        let vectors = vectors();
        let five_leaves = hash(&vectors["trees"][3]["root"]);
        let mut attacks = 0;
        for attack in vectors["adversarial"].as_array().unwrap() {
            let (leaf, root) = (hash(&attack["leaf_hash"]), hash(&attack["root"]));
            let Some(valid) = attack["strict_valid"].as_bool() else {
                assert_eq!(BatchProof { leaf_index: 0, leaf_count: 1, path: vec![] }.verify(&leaf, &root), Ok(()));
                continue;
            };
            attacks += 1;
            let (leaf_index, path) = (attack["leaf_index"].as_u64().unwrap(), hashes(&attack["proof_path"]));
            assert_eq!(verify_published(&leaf, &root, &path, leaf_index).is_ok(), valid, "{attack}");
            assert_eq!(root, five_leaves);
            for leaf_count in 5..=8 {
                let proof = BatchProof { leaf_index, leaf_count, path: path.clone() };
                assert!(proof.verify(&leaf, &root).is_err(), "{attack}");
            }
        }
        assert_eq!(attacks, 3);
    }

    #[test]
    fn chunks_that_do_not_fit_are_refused() {
        let leaves = leaves(600);
        let roots = chunk_roots(&leaves);
        let wrong = |expected, found| Err(BatchError::WrongCount { expected, found });
        assert_eq!(root_from_chunks(&roots, 768), Ok(root(&leaves)), "the root does not bind the leaf count");
        assert_eq!(root_from_chunks(&roots, 769), Err(BatchError::WrongCount { expected: 4, found: 3 }));
        assert_eq!(root_from_chunks(&[], 0), Ok(Hash::ZERO));
        assert!(root_from_chunks(&roots, u64::MAX).is_err());
        assert_eq!(prove_from_chunks(&leaves[..256], &roots, 256, 600), Err(BatchError::ChunkMismatch { chunk: 1 }));
        assert_eq!(prove_from_chunks(&leaves[..255], &roots, 0, 600), wrong(256, 255));
        assert_eq!(prove_from_chunks(&leaves[512..], &roots, 599, 601), wrong(89, 88));
        assert_eq!(
            prove_from_chunks(&leaves[512..], &roots, 600, 600),
            Err(BatchError::Outside { index: 600, leaf_count: 600 })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn chunked_and_whole_batches_agree(count in prop_oneof![1_usize..20, 1_usize..1200], place in any::<prop::sample::Index>()) {
            let (leaves, index) = (leaves(count), place.index(count));
            let (leaf_count, expected) = (count as u64, naive_root(&leaves));
            prop_assert_eq!(root(&leaves), expected);
            let roots = chunk_roots(&leaves);
            prop_assert_eq!(root_from_chunks(&roots, leaf_count), Ok(expected));
            let proof = prove(&leaves, index).unwrap();
            let chunk = leaves.chunks(CHUNK_LEAVES).nth(index / CHUNK_LEAVES).unwrap();
            prop_assert_eq!(&prove_from_chunks(chunk, &roots, index as u64, leaf_count).unwrap(), &proof);
            prop_assert_eq!(proof.verify(&leaves[index], &expected), Ok(()));
            prop_assert!(prove(&leaves, count).is_none());
            for place in 0..proof.path.len() {
                let mut forged = proof.clone();
                forged.path[place].0[place] ^= 1;
                prop_assert!(forged.verify(&leaves[index], &expected).is_err());
                forged.path.remove(place);
                prop_assert!(forged.verify(&leaves[index], &expected).is_err());
            }
            let longer = BatchProof { path: [&proof.path[..], &[expected]].concat(), ..proof.clone() };
            prop_assert!(longer.verify(&leaves[index], &expected).is_err());
            let elsewhere = BatchProof { leaf_index: proof.leaf_index ^ 1, ..proof };
            prop_assert!(elsewhere.path.is_empty() || elsewhere.verify(&leaves[index], &expected).is_err());
        }

        /// The padding in a path says how large the batch is at most.
        #[test]
        fn a_batch_is_not_smaller_than_it_is(count in 2_usize..300) {
            let leaves = leaves(count);
            let mut proof = prove(&leaves, 0).unwrap();
            proof.leaf_count = (count as u64).next_power_of_two() / 2;
            prop_assert!(proof.verify(&leaves[0], &root(&leaves)).is_err());
        }

        #[test]
        fn no_proof_panics(leaf_index in any::<u64>(), leaf_count in any::<u64>(), length in 0_usize..70) {
            let path = vec![pad_leaf(); length];
            let proof = BatchProof { leaf_index, leaf_count, path };
            let padding_above = |node| verify_published(&pad_leaf(), &node, &proof.path, leaf_index);
            prop_assert!(padding_above(Hash::ZERO).is_err());
            prop_assert!(proof.verify(&Hash::ZERO, &Hash::ZERO).is_err());
            prop_assert_eq!(proof.directions().len(), length);
            prop_assert!(padded_count(leaf_count).is_none_or(|padded| padded >= leaf_count));
            prop_assert!(root_from_chunks(&proof.path, leaf_count).is_err() || leaf_count <= 256 * 70);
        }
    }
}
