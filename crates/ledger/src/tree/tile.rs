//! Names of tiles, and which tiles a proof needs (C2SP tlog-tiles).
//!
//! A tile holds up to 256 consecutive hashes of every eighth level of the tree: level 0 the leaf hashes, level L the roots of
//! the full tiles of level L − 1. The levels between are recomputed. Full tiles never change; partial ones grow.

use std::fmt;

use crate::tree::subtree::{Subtree, consistency_path, covering, inclusion_path};

/// Hashes of a full tile.
pub const TILE_WIDTH: u16 = 256;
/// Tree levels that one tile spans.
pub const TILE_HEIGHT: u8 = 8;

const MAX_LEVEL: u8 = 63;
const ENTRIES: &str = "entries";

/// One tile, as wide as it was when the tree had some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Tile level: its hashes are those of tree level `8 * level`.
    pub level: u8,
    /// Place among the tiles of this level, from zero.
    pub index: u64,
    /// Hashes in it, 1 to 256.
    pub width: u16,
}

/// One bundle of entries: those whose leaf hashes are in the level-0 tile of the same index and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BundleId {
    /// Place among the bundles, from zero.
    pub index: u64,
    /// Entries in it, 1 to 256.
    pub width: u16,
}

/// A path that is not exactly how tlog-tiles names a tile or bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile; tiles are named like tile/0/x001/x234/067 or tile/0/000.p/17")]
pub struct NotATilePath;

impl TileId {
    /// The tile with the width it has in a tree of `size` leaves; `None` if that tree does not reach it.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))?;
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = hashes.checked_sub(before).filter(|&width| width > 0)?;
        Some(Self { level, index, width: u16::try_from(width).map_or(TILE_WIDTH, |width| width.min(TILE_WIDTH)) })
    }

    /// Whether the tile is final.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// `tile/<level>/<index>`, followed by `.p/<width>` if it is partial; relative to the log's prefix.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, Place { index: self.index, width: self.width })
    }

    /// Reads exactly what [`Self::path`] writes and refuses every other spelling, so that it is safe to look up.
    pub fn parse_path(path: &str) -> Result<Self, NotATilePath> {
        let (level, place) = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(NotATilePath)?;
        let level = level.parse().ok().filter(|&level| level <= MAX_LEVEL).ok_or(NotATilePath)?;
        let Place { index, width } = Place::parse(place)?;
        let tile = Self { level, index, width };
        if tile.path() == path { Ok(tile) } else { Err(NotATilePath) }
    }

    /// The tile that holds the hashes from which `subtree` follows, in a tree of `size` leaves, and the subtree's height
    /// within the tile and its place at that height.
    pub(super) fn holding(subtree: Subtree, size: u64) -> (Self, u8, u64) {
        let (level, height) = (subtree.level / TILE_HEIGHT, subtree.level % TILE_HEIGHT);
        let per_tile = u64::from(TILE_WIDTH) >> height;
        let index = subtree.index / per_tile;
        let tile = Self::in_tree(level, index, size).unwrap_or(Self { level, index, width: TILE_WIDTH });
        (tile, height, subtree.index % per_tile)
    }
}

impl BundleId {
    /// `tile/entries/<index>`, followed by `.p/<width>` if it is partial; relative to the log's prefix.
    pub fn path(&self) -> String {
        format!("tile/{ENTRIES}/{}", Place { index: self.index, width: self.width })
    }

    /// Reads exactly what [`Self::path`] writes and refuses every other spelling.
    pub fn parse_path(path: &str) -> Result<Self, NotATilePath> {
        let place = path.strip_prefix("tile/").and_then(|rest| rest.strip_prefix(ENTRIES)).ok_or(NotATilePath)?;
        let Place { index, width } = Place::parse(place.strip_prefix('/').ok_or(NotATilePath)?)?;
        let bundle = Self { index, width };
        if bundle.path() == path { Ok(bundle) } else { Err(NotATilePath) }
    }
}

/// The end of a path: index in groups of three digits, all but the last marked `x`, and the width of a partial tile.
struct Place {
    index: u64,
    width: u16,
}

impl Place {
    /// Reads leniently: the callers compare the whole path with the one way to write it.
    fn parse(text: &str) -> Result<Self, NotATilePath> {
        let (digits, width) = match text.split_once(".p/") {
            Some((digits, width)) => {
                (digits, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width)).ok_or(NotATilePath)?)
            },
            None => (text, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for group in digits.split('/') {
            let group = group.strip_prefix('x').unwrap_or(group);
            let value: u64 = group.parse().ok().filter(|&value| value < 1000).ok_or(NotATilePath)?;
            index = index.checked_mul(1000).and_then(|index| index.checked_add(value)).ok_or(NotATilePath)?;
        }
        Ok(Self { index, width })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scale = 1;
        while self.index / scale >= 1000 {
            scale *= 1000;
        }
        while scale > 1 {
            write!(f, "x{:03}/", self.index / scale % 1000)?;
            scale /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Tiles from which the inclusion path of leaf `index` in a tree of `size` leaves follows; none unless `index < size`.
pub fn tiles_for_inclusion(index: u64, size: u64) -> Vec<TileId> {
    tiles(inclusion_path(index, size).into_iter().flat_map(covering), size)
}

/// Tiles from which the consistency proof from `old` to `new` leaves follows; none unless `0 < old < new`.
pub fn tiles_for_consistency(old: u64, new: u64) -> Vec<TileId> {
    tiles(consistency_path(old, new).into_iter().flat_map(covering), new)
}

/// Tiles from which the range proof of leaves `[first, end)` follows; none unless `first < end <= size`.
pub fn tiles_for_range(first: u64, end: u64, size: u64) -> Vec<TileId> {
    if first >= end || end > size {
        return Vec::new();
    }
    tiles(covering(0..first).chain(covering(end..size)), size)
}

/// Tiles from which the frontier of the tree of `size` leaves, and so its root, follows.
pub fn tiles_for_frontier(size: u64) -> Vec<TileId> {
    tiles(covering(0..size), size)
}

/// Each tile once, by level and index.
fn tiles(subtrees: impl Iterator<Item = Subtree>, size: u64) -> Vec<TileId> {
    let mut tiles: Vec<TileId> = subtrees.map(|subtree| TileId::holding(subtree, size).0).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

#[cfg(test)]
mod tests {
    use super::{BundleId, TileId, tiles_for_frontier};

    fn tile(level: u8, index: u64, width: u16) -> TileId {
        TileId { level, index, width }
    }

    #[test]
    fn paths_of_the_specification() {
        for (path, expected) in [
            ("tile/0/x001/x234/067", tile(0, 1_234_067, 256)),
            ("tile/0/000", tile(0, 0, 256)),
            ("tile/1/999.p/1", tile(1, 999, 1)),
            ("tile/63/x001/000.p/255", tile(63, 1000, 255)),
            ("tile/0/x018/x446/x744/x073/x709/x551/615", tile(0, u64::MAX, 256)),
        ] {
            assert_eq!(expected.path(), path);
            assert_eq!(TileId::parse_path(path), Ok(expected));
            let entries = path.replacen(&format!("tile/{}", expected.level), "tile/entries", 1);
            assert_eq!(BundleId::parse_path(&entries).map(|bundle| bundle.path()), Ok(entries));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/256/000",
            "tile/-1/000",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/+00",
            "tile/0/x000/001",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/X001/000",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/..",
            "tile/0/../000",
            "tile/../0/000",
            "tile/0/%2e%2e/000",
            "tile/0/000\0",
            "tile/0/ 00",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
            "tile/entries/000",
            "tile/0/٠٠٠",
        ] {
            assert!(TileId::parse_path(path).is_err(), "{path}");
        }
        for path in
            ["tile/entries", "tile/entries/", "tile/entries/0", "tile/entries000", "tile/entries//000", "tile/0/000"]
        {
            assert!(BundleId::parse_path(path).is_err(), "{path}");
        }
    }

    /// The two examples of the specification: 70,000 and 256 leaves.
    #[test]
    fn widths_follow_from_the_size() {
        let width = |level, index, size| TileId::in_tree(level, index, size).map(|tile| tile.width);
        assert_eq!((width(0, 272, 70_000), width(0, 273, 70_000), width(0, 274, 70_000)), (Some(256), Some(112), None));
        assert_eq!((width(1, 0, 70_000), width(1, 1, 70_000), width(1, 2, 70_000)), (Some(256), Some(17), None));
        assert_eq!((width(2, 0, 70_000), width(3, 0, 70_000)), (Some(1), None));
        assert_eq!((width(0, 0, 256), width(1, 0, 256)), (Some(256), Some(1)));
        assert_eq!(
            (width(7, 0, u64::MAX), width(8, 0, u64::MAX), width(255, u64::MAX, u64::MAX)),
            (Some(255), None, None)
        );
        assert_eq!(tiles_for_frontier(70_000), [tile(0, 273, 112), tile(1, 1, 17), tile(2, 0, 1)]);
        assert_eq!(tiles_for_frontier(0), []);
        assert_eq!(tiles_for_frontier(u64::MAX).len(), 8);
    }
}
