//! A stream's head: all that must be remembered of a stream to append to it and to keep its tree.

use crate::bytes::Hash;
use crate::growth::Growth;
use crate::id::Micros;
use crate::tree::frontier::Frontier;
use crate::tree::rfc6962;

/// Leaves per tile and children per tile row: the tile height of C2SP tlog-tiles is 8.
pub const TILE_WIDTH: usize = 256;
const TILE_HEIGHT: u8 = 8;

/// A completed tile. Level 0 holds 256 raw leaves (the entries of the tree); level L holds the roots of 256 tiles of level
/// L − 1. `root` is the tile's own root in the stream tree, so that the next level can be read without this one's hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTile {
    /// Level, 0 for raw leaves.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
    /// The 256 values.
    pub hashes: Vec<Hash>,
    /// Root of the subtree the tile covers.
    pub root: Hash,
}

/// Size, tree frontier and incomplete tiles of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHead {
    frontier: Frontier,
    tails: Vec<Vec<Hash>>,
    last_at: Micros,
}

/// Parts that do not fit together as a head: the stored stream row and its tiles or events disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile tail of level {level} holds {found} values, {expected} follow from size {size}")]
pub struct InconsistentHead {
    /// Level of the tail.
    pub level: usize,
    /// Values it holds.
    pub found: usize,
    /// Values it must hold.
    pub expected: usize,
    /// Size of the stream.
    pub size: u64,
}

impl StreamHead {
    /// The head of a stream without events.
    pub fn empty() -> Self {
        Self { frontier: Frontier::new(), tails: vec![Vec::new()], last_at: Micros(i64::MIN) }
    }

    /// Puts a head together from storage: `tails[0]` are the raw leaves after the last full tile, `tails[L]` the roots of
    /// the tiles of level L − 1 after the last full tile of level L.
    pub fn from_parts(frontier: Frontier, tails: Vec<Vec<Hash>>, last_at: Micros) -> Result<Self, InconsistentHead> {
        let size = frontier.size();
        for (level, tail) in tails.iter().enumerate() {
            let expected = Self::tail_width(size, level);
            if tail.len() != expected {
                return Err(InconsistentHead { level, found: tail.len(), expected, size });
            }
        }
        Ok(Self { frontier, tails, last_at })
    }

    /// Number of values in the tail of `level` when the stream has `size` events.
    pub fn tail_width(size: u64, level: usize) -> usize {
        let shift = usize::from(TILE_HEIGHT) * level;
        if shift >= 64 {
            return 0;
        }
        usize::from(u8::try_from((size >> shift) & 0xff).expect("masked to eight bits"))
    }

    /// Number of levels that can have a tail at `size`; at least one.
    pub fn levels(size: u64) -> usize {
        let bits = 64 - size.leading_zeros();
        usize::try_from(bits.div_ceil(u32::from(TILE_HEIGHT))).expect("at most eight").max(1)
    }

    /// Events in the stream; the next event gets this number plus one.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Root of the stream tree.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The compact range from which the root follows.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// When the last event was sequenced; the smallest value for an empty stream.
    pub fn last_at(&self) -> Micros {
        self.last_at
    }

    /// Appends one leaf. Completed tiles are added to `tiles`, completed nodes to `growth`.
    pub fn push(&mut self, leaf: Hash, tiles: &mut Vec<StreamTile>, growth: &mut Growth) {
        let tails = &mut self.tails;
        tails[0].push(leaf);
        let leaf_hash = rfc6962::leaf_hash(&leaf.0);
        growth.leaf(leaf_hash);
        self.frontier.push(leaf_hash, &mut |level, index, root| {
            growth.node(level, index, root);
            if !level.is_multiple_of(TILE_HEIGHT) {
                return;
            }
            let above = usize::from(level / TILE_HEIGHT);
            let hashes = std::mem::replace(&mut tails[above - 1], Vec::with_capacity(TILE_WIDTH));
            tiles.push(StreamTile { level: level / TILE_HEIGHT - 1, index, hashes, root });
            if tails.len() <= above {
                tails.push(Vec::new());
            }
            tails[above].push(root);
        });
    }

    /// Records when the last pushed event was sequenced.
    pub fn sequenced_at(&mut self, at: Micros) {
        self.last_at = at;
    }
}
