//! The head log: whether a new checkpoint continues the one seen before, from tiles of hashes.

use stateset_ledger::bytes::Hash;
use stateset_ledger::note::Checkpoint;
use stateset_ledger::tree::tile::tiles_for_consistency;
use stateset_ledger::tree::{TileId, TileSet};

use crate::history::{ForkKind, Relation, continues, relation};

/// How a checkpoint stands to the one seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogRelation {
    /// It is the same.
    Same,
    /// It continues it.
    Continues,
    /// It does not.
    Contradicts(ForkKind),
}

/// The tiles that decide, none if sizes and roots already do.
pub(crate) fn tiles_needed(seen: (u64, Hash), new: &Checkpoint) -> Vec<TileId> {
    match relation(seen, (new.size, new.root)) {
        Relation::Larger => tiles_for_consistency(seen.0, new.size),
        Relation::Same | Relation::Contradicts(_) => Vec::new(),
    }
}

/// Decides, with those tiles.
pub(crate) fn log_relation(seen: (u64, Hash), new: &Checkpoint, tiles: &TileSet) -> LogRelation {
    let shown = (new.size, new.root);
    match relation(seen, shown) {
        Relation::Same => LogRelation::Same,
        Relation::Contradicts(kind) => LogRelation::Contradicts(kind),
        Relation::Larger => match tiles.consistency(seen.0, new.size).map(|path| continues(seen, shown, &path)) {
            Ok(Ok(())) => LogRelation::Continues,
            Ok(Err(kind)) => LogRelation::Contradicts(kind),
            Err(_) => LogRelation::Contradicts(ForkKind::Unproved),
        },
    }
}
