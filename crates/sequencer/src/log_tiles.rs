//! Reading the head log: blinded entries, tiles of any width, and proofs over them.
//!
//! Full tiles are rows. A partial tile of level 0 is computed from the newest records; one of a higher level from the tiles
//! below it, whose roots never change and are remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use stateset_ledger::bytes::{Hash, Salt};
use stateset_ledger::head_log::{Record, blind, salt};
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_ledger::tree::tile::{TILE_WIDTH, tiles_for_consistency, tiles_for_frontier, tiles_for_inclusion};
use stateset_ledger::tree::{TileId, TileSet};
use stateset_store::head_log::StoredRecord;
use stateset_store::{Store, StoreError};

use crate::tile_cache::TileCache;

/// Roots remembered at most; a log of 16 million entries has as many level-0 tiles. Beyond it the memory starts over.
const MAX_ROOTS: usize = 65_536;
/// Tiles asked for at the same time: more would keep other readers from the database.
const AT_ONCE: usize = 4;

/// The head log's tree.
pub struct LogTiles {
    store: Arc<dyn Store>,
    blinding_key: [u8; 32],
    /// Roots of complete tiles, by level and index.
    roots: Mutex<HashMap<(u8, u64), Hash>>,
    tiles: TileCache<TileId>,
}

impl LogTiles {
    /// Reads the log in `store`.
    pub fn new(store: Arc<dyn Store>, blinding_key: [u8; 32]) -> Self {
        Self { store, blinding_key, roots: Mutex::default(), tiles: TileCache::default() }
    }

    /// What opens the entry of `record`.
    pub fn salt(&self, record: &Record) -> Salt {
        salt(&self.blinding_key, record.subject())
    }

    /// The public entry of a stored record.
    pub fn entry(&self, stored: &StoredRecord) -> Result<Hash, StoreError> {
        let record = Record::from_bytes(&stored.record).map_err(StoreError::corrupt)?;
        Ok(blind(&self.salt(&record), &stored.record))
    }

    /// Entries `first .. first + count`, which must exist.
    pub async fn entries(&self, first: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
        let records = self.store.log_records(first, count).await?;
        if records.len() as u64 != count {
            return Err(StoreError::corrupt(format!("{} of {count} log records are there", records.len())));
        }
        records.iter().map(|record| self.entry(record)).collect()
    }

    /// The hashes of a tile, which the log must reach. Also the first hashes of a tile that has become wider.
    pub async fn tile(&self, id: TileId) -> Result<Vec<Hash>, StoreError> {
        if let Some(hashes) = self.tiles.get(&id) {
            return Ok(hashes);
        }
        let hashes = self.read_tile(id).await?;
        if hashes.len() == usize::from(id.width) {
            self.tiles.keep(id, &hashes);
        }
        Ok(hashes)
    }

    async fn read_tile(&self, id: TileId) -> Result<Vec<Hash>, StoreError> {
        if let Some(full) = self.store.log_tile(id.level, id.index).await? {
            let mut hashes = full.hashes;
            hashes.truncate(usize::from(id.width));
            return Ok(hashes);
        }
        let (first, width) = (id.index * u64::from(TILE_WIDTH), u64::from(id.width));
        let Some(below) = id.level.checked_sub(1) else {
            return Ok(self.entries(first, width).await?.iter().map(|entry| leaf_hash(&entry.0)).collect());
        };
        let mut hashes = Vec::with_capacity(usize::from(id.width));
        let indices: Vec<u64> = (first..first + width).collect();
        for some in indices.chunks(AT_ONCE) {
            hashes.extend(try_join_all(some.iter().map(|&index| self.root_of(below, index))).await?);
        }
        Ok(hashes)
    }

    async fn root_of(&self, level: u8, index: u64) -> Result<Hash, StoreError> {
        let known = self.roots.lock().unwrap_or_else(PoisonError::into_inner).get(&(level, index)).copied();
        if let Some(root) = known {
            return Ok(root);
        }
        let tile = self.store.log_tile(level, index).await?;
        let tile = tile.ok_or_else(|| StoreError::corrupt(format!("log tile {level}/{index} is missing")))?;
        let mut frontier = Frontier::new();
        for hash in tile.hashes {
            frontier.push(hash, &mut |_, _, _| {});
        }
        let root = frontier.root();
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if roots.len() >= MAX_ROOTS {
            roots.clear();
        }
        roots.insert((level, index), root);
        Ok(root)
    }

    async fn load(&self, ids: Vec<TileId>) -> Result<TileSet, StoreError> {
        let mut set = TileSet::new();
        let hashes = try_join_all(ids.iter().map(|&id| self.tile(id))).await?;
        for (id, hashes) in ids.into_iter().zip(hashes) {
            set.insert(id, hashes).map_err(StoreError::corrupt)?;
        }
        Ok(set)
    }

    /// Path of entry `index` in the log of `size` entries.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        let set = self.load(tiles_for_inclusion(index, size)).await?;
        set.inclusion(index, size).map_err(StoreError::corrupt)
    }

    /// Proof that the log of `new` entries continues the one of `old`.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, StoreError> {
        let set = self.load(tiles_for_consistency(old, new)).await?;
        set.consistency(old, new).map_err(StoreError::corrupt)
    }

    /// The compact range of the log's first `size` entries.
    pub async fn frontier(&self, size: u64) -> Result<Frontier, StoreError> {
        let set = self.load(tiles_for_frontier(size)).await?;
        set.frontier(size).map_err(StoreError::corrupt)
    }
}
