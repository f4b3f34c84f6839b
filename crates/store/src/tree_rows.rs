//! What a stream's tree is made of, from rows of either engine.

use stateset_ledger::bytes::Hash;
use stateset_ledger::event::leaf;
use stateset_ledger::id::{Micros, Scope};
use stateset_ledger::stream::{StreamHead, TILE_WIDTH};
use stateset_ledger::tree::frontier::Frontier;

use crate::error::StoreError;
use crate::raw;
use crate::row::Row;
use crate::stream::{OpenStream, StreamNo};

/// Leaves of a tile.
pub(crate) const TILE: u64 = TILE_WIDTH as u64;

/// A stream as it is read to be appended to, still without the unfinished tiles of its tree.
pub(crate) struct HeadRow {
    pub(crate) stream: StreamNo,
    pub(crate) scope: Scope,
    size: u64,
    frontier: Vec<u8>,
    last_at: Option<Micros>,
    key_stream: (StreamNo, u64),
}

/// Hashes of a tree's level that no complete tile holds yet: so many from the first on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    /// Of the tiles whose roots they are; `None`: they are leaves.
    pub(crate) below: Option<u8>,
    pub(crate) first: u64,
    pub(crate) width: u64,
}

impl HeadRow {
    pub(crate) fn read(row: &impl Row) -> Result<Self, StoreError> {
        Ok(Self {
            stream: row.stream_no(0)?,
            scope: row.scope(1)?,
            size: row.count(3)?,
            frontier: row.bytes(4)?.to_vec(),
            last_at: row.opt_micros(5)?,
            key_stream: (row.stream_no(6)?, row.count(7)?),
        })
    }

    /// What [`Self::open`] needs, level by level.
    pub(crate) fn tails(&self) -> impl Iterator<Item = Tail> {
        let size = self.size;
        (0..StreamHead::levels(size)).map(move |level| Tail {
            below: u8::try_from(level).ok().and_then(|level| level.checked_sub(1)),
            first: ((size >> (8 * level)) / TILE) * TILE,
            width: StreamHead::tail_width(size, level) as u64,
        })
    }

    pub(crate) fn open(self, tails: Vec<Vec<Hash>>) -> Result<OpenStream, StoreError> {
        let frontier = Frontier::from_bytes(self.size, &self.frontier).map_err(StoreError::corrupt)?;
        let last_at = self.last_at.unwrap_or(StreamHead::empty().last_at());
        let head = StreamHead::from_parts(frontier, tails, last_at).map_err(StoreError::corrupt)?;
        let key_stream = (!self.scope.is_key_stream()).then_some(self.key_stream);
        Ok(OpenStream { stream: self.stream, scope: self.scope, head, key_stream })
    }
}

/// Leaves of `count` events, from their places, contents and seals.
pub(crate) fn tail_leaves(rows: &[impl Row], scope: Scope, count: u64) -> Result<Vec<Hash>, StoreError> {
    expect(rows.len(), count, "leaves")?;
    let read = |row: &_| leaf_of(row, scope);
    rows.iter().map(read).collect()
}

fn leaf_of(row: &impl Row, scope: Scope) -> Result<Hash, StoreError> {
    let seal = raw::seal(row.opt_int(2)?, row.bytes(3)?)?;
    Ok(leaf(scope, row.sequence(0)?, &row.hash(1)?, &seal))
}

/// Roots of `count` tiles.
pub(crate) fn tile_roots(rows: &[impl Row], count: u64) -> Result<Vec<Hash>, StoreError> {
    expect(rows.len(), count, "tile roots")?;
    rows.iter().map(|row| row.hash(0)).collect()
}

/// Leaves `first` to `end` as far as complete tiles, in their order, have them without a gap.
pub(crate) fn leaves_of_tiles(rows: &[impl Row], first: u64, end: u64) -> Result<Vec<Hash>, StoreError> {
    let mut leaves = Vec::with_capacity(usize::try_from(end - first).map_err(StoreError::corrupt)?);
    let mut next = first;
    for row in rows {
        let start = row.count(0)? * TILE;
        if start > next || next >= end {
            break;
        }
        let skip = usize::try_from(next - start).map_err(StoreError::corrupt)?;
        let take = usize::try_from(end - next).map_err(StoreError::corrupt)?;
        leaves.extend(row.hashes(1)?.into_iter().skip(skip).take(take));
        next = first + leaves.len() as u64;
    }
    Ok(leaves)
}

fn expect(found: usize, wanted: u64, what: &str) -> Result<(), StoreError> {
    if found as u64 == wanted {
        Ok(())
    } else {
        Err(StoreError::corrupt(format!("{wanted} {what} were expected in the database, {found} are there")))
    }
}
