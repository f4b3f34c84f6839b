//! Proofs over a stream's tree, made from the few tiles they need.

use futures_util::future::try_join_all;
use stateset_ledger::bytes::Hash;
use stateset_ledger::tree::tile::{
    TILE_WIDTH, tiles_for_consistency, tiles_for_frontier, tiles_for_inclusion, tiles_for_range,
};
use stateset_ledger::tree::{RangeProof, TileId, TileSet};
use stateset_store::stream::StreamNo;
use stateset_store::{Store, StoreError};

use crate::tile_cache::TileCache;

/// That a leaf is in a stream's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The event's leaf.
    pub leaf: Hash,
    /// Siblings, leaf to root.
    pub path: Vec<Hash>,
    /// Root of the tree.
    pub root: Hash,
}

/// That a tree continues an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// Root of the older tree.
    pub old_root: Hash,
    /// Root of the newer tree.
    pub new_root: Hash,
    /// The proof.
    pub path: Vec<Hash>,
}

/// The tree of one stream. Indices and sizes must be within what the stream holds; historic sizes are as good as the newest.
pub struct StreamTree<'a> {
    store: &'a dyn Store,
    tiles: &'a TileCache<(StreamNo, TileId)>,
    stream: StreamNo,
}

impl<'a> StreamTree<'a> {
    /// The tree of `stream`, whose tiles are looked for in `tiles` first.
    pub fn new(store: &'a dyn Store, tiles: &'a TileCache<(StreamNo, TileId)>, stream: StreamNo) -> Self {
        Self { store, tiles, stream }
    }

    /// Leaf `index` in the tree of `size` leaves.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Inclusion, StoreError> {
        // The tile of the leaf itself is among them, and the root's are all but always: the right border is in the path.
        let own = TileId::in_tree(0, index / u64::from(TILE_WIDTH), size);
        let ids = own.into_iter().chain(tiles_for_inclusion(index, size)).chain(tiles_for_frontier(size));
        let (set, leaves) = self.load(ids.collect()).await?;
        let leaf = leaves
            .iter()
            .find_map(|(first, leaves)| leaves.get(usize::try_from(index.checked_sub(*first)?).ok()?).copied())
            .ok_or_else(|| StoreError::corrupt("the leaf is not in its tile"))?;
        let path = set.inclusion(index, size).map_err(StoreError::corrupt)?;
        Ok(Inclusion { leaf, path, root: set.root(size).map_err(StoreError::corrupt)? })
    }

    /// From the tree of `old` leaves to the tree of `new`.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Consistency, StoreError> {
        let ids =
            tiles_for_consistency(old, new).into_iter().chain(tiles_for_frontier(old)).chain(tiles_for_frontier(new));
        let (set, _) = self.load(ids.collect()).await?;
        let root = |size| set.root(size).map_err(StoreError::corrupt);
        let path = set.consistency(old, new).map_err(StoreError::corrupt)?;
        Ok(Consistency { old_root: root(old)?, new_root: root(new)?, path })
    }

    /// Leaves `first .. end` in the tree of `size` leaves.
    pub async fn range(&self, first: u64, end: u64, size: u64) -> Result<RangeProof, StoreError> {
        let (set, _) = self.load(tiles_for_range(first, end, size)).await?;
        set.range(first, end, size).map_err(StoreError::corrupt)
    }

    /// Root of the tree of `size` leaves.
    pub async fn root(&self, size: u64) -> Result<Hash, StoreError> {
        let (set, _) = self.load(tiles_for_frontier(size)).await?;
        set.root(size).map_err(StoreError::corrupt)
    }

    /// Reads each tile once, in the widest version asked for. Also answers the raw leaves read, by first index.
    async fn load(&self, mut ids: Vec<TileId>) -> Result<(TileSet, Vec<(u64, Vec<Hash>)>), StoreError> {
        ids.sort_unstable_by_key(|id| (id.level, id.index, std::cmp::Reverse(id.width)));
        ids.dedup_by_key(|id| (id.level, id.index));
        let hashes = try_join_all(ids.iter().map(|&id| self.tile(id))).await?;
        let (mut set, mut leaves) = (TileSet::new(), Vec::new());
        for (id, hashes) in ids.into_iter().zip(hashes) {
            if id.level > 0 {
                set.insert(id, hashes).map_err(StoreError::corrupt)?;
                continue;
            }
            set.insert_entries(id.index, &hashes).map_err(StoreError::corrupt)?;
            leaves.push((id.index * u64::from(TILE_WIDTH), hashes));
        }
        Ok((set, leaves))
    }

    async fn tile(&self, id: TileId) -> Result<Vec<Hash>, StoreError> {
        if let Some(hashes) = self.tiles.get(&(self.stream, id)) {
            return Ok(hashes);
        }
        let (first, width) = (id.index * u64::from(TILE_WIDTH), u64::from(id.width));
        let Some(below) = id.level.checked_sub(1) else {
            let leaves = self.store.leaves(self.stream, first, width).await?;
            // Complete tiles of leaves are many, and each proof wants another; all want the tile at the border.
            if id.width < TILE_WIDTH && leaves.len() as u64 == width {
                self.tiles.keep((self.stream, id), &leaves);
            }
            return Ok(leaves);
        };
        let roots = self.store.tile_roots(self.stream, below, first, width).await?;
        if roots.len() as u64 == width {
            self.tiles.keep((self.stream, id), &roots);
        }
        Ok(roots)
    }
}
