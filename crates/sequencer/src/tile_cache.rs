//! Tiles kept in memory. A tile of a given width never changes, so what is kept never goes stale.

use std::collections::HashMap;
use std::hash::Hash as Key;
use std::sync::{Arc, Mutex, PoisonError};

use stateset_ledger::bytes::Hash;

/// Tiles kept at most, 8 KiB each. Beyond it the memory starts over, which costs one reading of each tile in use.
const MAX_TILES: usize = 512;

/// Hashes of tiles by their name.
#[derive(Debug)]
pub struct TileCache<K> {
    tiles: Mutex<HashMap<K, Arc<[Hash]>>>,
}

impl<K> Default for TileCache<K> {
    fn default() -> Self {
        Self { tiles: Mutex::default() }
    }
}

impl<K: Key + Eq> TileCache<K> {
    /// The tile, if it is in memory.
    pub fn get(&self, tile: &K) -> Option<Vec<Hash>> {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner).get(tile).map(|hashes| hashes.to_vec())
    }

    /// Keeps a tile.
    pub fn keep(&self, tile: K, hashes: &[Hash]) {
        let mut tiles = self.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        if tiles.len() >= MAX_TILES {
            tiles.clear();
        }
        tiles.insert(tile, hashes.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_so_many_tiles_and_no_more() {
        let cache = TileCache::default();
        for tile in 0..=MAX_TILES {
            cache.keep(tile, &[Hash::of(&[&tile.to_be_bytes()])]);
            assert_eq!(cache.get(&tile), Some(vec![Hash::of(&[&tile.to_be_bytes()])]));
        }
        assert_eq!(cache.get(&0), None);
        assert!(cache.tiles.lock().unwrap().len() <= MAX_TILES);
    }
}
