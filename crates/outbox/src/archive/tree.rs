//! The root of an RFC 6962 tree, leaf by leaf: SHA-256 of 0x00 and the leaf, of 0x01 and both children. Anyone who has a
//! segment can prove to anyone who has its root that a line is in it.

use sha2::{Digest as _, Sha256};

/// Roots of complete subtrees, the largest first, each with its height.
#[derive(Debug, Default)]
pub(super) struct Tree(Vec<(u32, [u8; 32])>);

impl Tree {
    pub(super) fn push(&mut self, leaf: &[u8]) {
        let mut node = (0, hash(0, &[leaf]));
        while let Some((height, left)) = self.0.pop() {
            if height != node.0 {
                self.0.push((height, left));
                break;
            }
            node = (height + 1, hash(1, &[&left, &node.1]));
        }
        self.0.push(node);
    }

    /// Of no leaves: SHA-256 of nothing.
    pub(super) fn root(&self) -> [u8; 32] {
        let mut subtrees = self.0.iter().rev().map(|(_, root)| *root);
        match subtrees.next() {
            None => Sha256::digest(b"").into(),
            Some(smallest) => subtrees.fold(smallest, |right, left| hash(1, &[&left, &right])),
        }
    }
}

fn hash(kind: u8, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([kind]);
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leaves and roots that implementations of RFC 6962 are tested with (certificate-transparency's own vectors).
    #[test]
    fn roots_are_those_of_the_rfc() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(crate::hex(&tree.root()), empty);
        for (leaf, root) in leaves.iter().zip(roots) {
            tree.push(leaf);
            assert_eq!(crate::hex(&tree.root()), root);
        }
    }
}
