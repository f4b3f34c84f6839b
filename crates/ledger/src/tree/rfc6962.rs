//! Hashes of the stream tree (RFC 6962 section 2.1, RFC 9162 section 2.1.1).
//!
//! Leaves and nodes start with different bytes, so an inner node can never be presented as a leaf.

use sha2::{Digest as _, Sha256};

use crate::bytes::Hash;

const LEAF: u8 = 0x00;
const NODE: u8 = 0x01;

/// Root of the tree without leaves: SHA-256 of the empty string.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// Hash of a leaf whose entry is `entry`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash::of(&[&[LEAF], entry])
}

/// Hash of the node above `left` and `right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One buffer, one call: measurably faster than three updates, and this is the hottest function of the crate.
    let mut preimage = [NODE; 65];
    preimage[1..33].copy_from_slice(&left.0);
    preimage[33..].copy_from_slice(&right.0);
    Hash(Sha256::digest(preimage).into())
}

/// Root above perfect subtrees of strictly descending size, largest first, as RFC 6962 splits a tree; `None` for no subtree.
pub(super) fn join(subtrees: &[Hash]) -> Option<Hash> {
    let (last, rest) = subtrees.split_last()?;
    Some(rest.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}

#[cfg(test)]
mod tests {
    use super::{EMPTY_ROOT, leaf_hash, node_hash};
    use crate::bytes::Hash;

    /// Values published with the Certificate Transparency reference code.
    #[test]
    fn published_hashes() {
        assert_eq!(Hash::of(&[]), EMPTY_ROOT);
        let empty_leaf = leaf_hash(b"");
        assert_eq!(empty_leaf.to_hex(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(
            node_hash(&empty_leaf, &leaf_hash(&[0])).to_hex(),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
    }
}
