//! Making proofs out of tiles in memory.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use crate::bytes::Hash;
use crate::id::MAX_SEQUENCE;
use crate::tree::frontier::Frontier;
use crate::tree::proof::RangeProof;
use crate::tree::rfc6962::{EMPTY_ROOT, join, leaf_hash, node_hash};
use crate::tree::subtree::{Subtree, consistency_path, covering, inclusion_path};
use crate::tree::tile::{TILE_HEIGHT, TILE_WIDTH, TileId};

/// Tiles of one tree.
///
/// A tile's inner nodes are computed when first needed and kept, so further proofs from the same tile hash almost nothing.
/// The set trusts its tiles; a proof from wrong ones does not verify.
#[derive(Clone, Debug, Default)]
pub struct TileSet {
    tiles: HashMap<(u8, u64), Tile>,
}

/// A proof that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// Load this tile, or a wider one of the same level and index, and ask again.
    #[error("{path} is missing", path = .0.path())]
    MissingTile(TileId),
    /// There is no such proof, whatever tiles are loaded.
    #[error("there are no leaves {first} to {end} in a tree of {size} leaves")]
    Outside {
        /// First leaf asked for, or the size of the older tree.
        first: u64,
        /// The leaf after the last one asked for.
        end: u64,
        /// Leaves of the tree.
        size: u64,
    },
}

/// Hashes that are no tile of the width their name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot hold {found} hashes", path = .tile.path())]
pub struct WrongWidth {
    /// The tile's name.
    pub tile: TileId,
    /// Hashes given.
    pub found: usize,
}

impl TileSet {
    /// A set without tiles.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tile's hashes: leaf hashes at level 0, roots of full tiles of the level below above. The wider of two versions
    /// of a tile is kept.
    pub fn insert(&mut self, id: TileId, hashes: Vec<Hash>) -> Result<(), WrongWidth> {
        if hashes.len() != usize::from(id.width) || !(1..=TILE_WIDTH).contains(&id.width) {
            return Err(WrongWidth { tile: id, found: hashes.len() });
        }
        let tile = self.tiles.entry((id.level, id.index)).or_default();
        if tile.hashes.len() < hashes.len() {
            *tile = Tile { hashes, inner: OnceLock::new() };
        }
        Ok(())
    }

    /// Adds a level-0 tile of a tree whose entries are themselves 32-byte hashes, such as a stream's event leaves.
    pub fn insert_entries(&mut self, index: u64, entries: &[Hash]) -> Result<(), WrongWidth> {
        let width = u16::try_from(entries.len()).unwrap_or(u16::MAX);
        let hashes = entries.iter().map(|entry| leaf_hash(&entry.0)).collect();
        self.insert(TileId { level: 0, index, width }, hashes)
    }

    /// The inclusion path of leaf `index` in the tree of `size` leaves.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, NoProof> {
        if index >= size {
            return Err(NoProof::Outside { first: index, end: index.saturating_add(1), size });
        }
        self.roots(inclusion_path(index, size), size)
    }

    /// The consistency proof from the tree of `old` leaves to the tree of `new`; empty if `old` is zero or equal to `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, NoProof> {
        if old > new {
            return Err(NoProof::Outside { first: old, end: old, size: new });
        }
        self.roots(consistency_path(old, new), new)
    }

    /// The proof of leaves `[first, end)`, at least one, in the tree of `size` leaves.
    pub fn range(&self, first: u64, end: u64, size: u64) -> Result<RangeProof, NoProof> {
        if first >= end || end > size {
            return Err(NoProof::Outside { first, end, size });
        }
        Ok(RangeProof { left: self.nodes(0..first, size)?, right: self.nodes(end..size, size)? })
    }

    /// The frontier of the tree of `size` leaves, to append to.
    pub fn frontier(&self, size: u64) -> Result<Frontier, NoProof> {
        if size > MAX_SEQUENCE {
            return Err(NoProof::Outside { first: 0, end: size, size: MAX_SEQUENCE });
        }
        Ok(Frontier::unchecked(size, self.nodes(0..size, size)?))
    }

    /// The root of the tree of `size` leaves.
    pub fn root(&self, size: u64) -> Result<Hash, NoProof> {
        Ok(join(&self.nodes(0..size, size)?).unwrap_or(EMPTY_ROOT))
    }

    fn roots(&self, ranges: Vec<Range<u64>>, size: u64) -> Result<Vec<Hash>, NoProof> {
        ranges.into_iter().map(|range| Ok(join(&self.nodes(range, size)?).unwrap_or(EMPTY_ROOT))).collect()
    }

    fn nodes(&self, leaves: Range<u64>, size: u64) -> Result<Vec<Hash>, NoProof> {
        covering(leaves).map(|subtree| self.node(subtree, size)).collect()
    }

    fn node(&self, subtree: Subtree, size: u64) -> Result<Hash, NoProof> {
        let (id, height, place) = TileId::holding(subtree, size);
        let tile = self.tiles.get(&(id.level, id.index));
        tile.and_then(|tile| tile.node(height, usize::try_from(place).ok()?)).ok_or(NoProof::MissingTile(id))
    }
}

#[derive(Clone, Debug, Default)]
struct Tile {
    hashes: Vec<Hash>,
    /// Roots of the perfect subtrees of height 1, then of height 2, and so on to 7.
    inner: OnceLock<Vec<Hash>>,
}

impl Tile {
    fn node(&self, height: u8, place: usize) -> Option<Hash> {
        let width = self.hashes.len();
        if height == 0 {
            return self.hashes.get(place).copied();
        }
        if place >= width >> height {
            return None;
        }
        let below: usize = (1..height).map(|lower| width >> lower).sum();
        self.inner.get_or_init(|| self.inner_nodes()).get(below + place).copied()
    }

    fn inner_nodes(&self) -> Vec<Hash> {
        let mut inner = Vec::with_capacity(self.hashes.len());
        let mut row = pairs(&self.hashes);
        for _ in 1..TILE_HEIGHT {
            inner.extend_from_slice(&row);
            row = pairs(&row);
        }
        inner
    }
}

/// Nodes above complete pairs; a last hash without sibling waits for a wider tile.
fn pairs(hashes: &[Hash]) -> Vec<Hash> {
    hashes.as_chunks().0.iter().map(|[left, right]| node_hash(left, right)).collect()
}
