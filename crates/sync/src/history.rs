//! Whether the sequencer still tells the history it told before. Pure: heads and proofs are arguments.

use std::fmt;

use serde::{Deserialize, Serialize};
use stateset_ledger::bytes::{Hash, Signature};
use stateset_ledger::id::{KeyId, Micros};
use stateset_ledger::receipt::FlushHead;
use stateset_ledger::tree::proof::{ProofError, verify_consistency};

/// A stream's head that the sequencer signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHead {
    /// Events in the stream.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
    /// When the sequencer signed, microseconds since 1970 UTC.
    pub signed_at_us: i64,
    /// With which of its keys.
    pub key_version: u32,
    /// Over `VES_FLUSH_V1` of the above.
    pub signature: Signature,
}

impl SeenHead {
    /// What the signature is over.
    pub fn signed_hash(&self, stream_id: Hash) -> Hash {
        let (at, key) = (Micros(self.signed_at_us), KeyId(self.key_version));
        FlushHead { stream_id, size: self.size, root: self.root, at, key }.hash()
    }
}

/// How a new tree stands to the one seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is the same one.
    Same,
    /// It is larger: a consistency proof decides.
    Larger,
    /// It cannot continue the old one.
    Contradicts(ForkKind),
}

/// Compares sizes and roots.
pub fn relation(seen: (u64, Hash), new: (u64, Hash)) -> Relation {
    match new.0.cmp(&seen.0) {
        std::cmp::Ordering::Less => Relation::Contradicts(ForkKind::Shrunk),
        std::cmp::Ordering::Equal if new.1 == seen.1 => Relation::Same,
        std::cmp::Ordering::Equal => Relation::Contradicts(ForkKind::OtherRoot),
        std::cmp::Ordering::Greater => Relation::Larger,
    }
}

/// Whether the proof shows that the new tree begins with the old one.
pub fn continues(seen: (u64, Hash), new: (u64, Hash), path: &[Hash]) -> Result<(), ForkKind> {
    match verify_consistency(seen.0, new.0, &seen.1, &new.1, path) {
        Ok(()) => Ok(()),
        Err(ProofError::OldRootMismatch) => Err(ForkKind::Rewritten),
        Err(ProofError::RootMismatch | ProofError::WrongLength { .. } | ProofError::Outside { .. }) => {
            Err(ForkKind::Unproved)
        },
        Err(ProofError::Shrunk { .. }) => Err(ForkKind::Shrunk),
    }
}

/// In which way a history contradicts the one seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForkKind {
    /// It is shorter than what was signed before: an old copy of the database, or events were taken out.
    Shrunk,
    /// It has the same length and other events.
    OtherRoot,
    /// It is longer, and begins with other events.
    Rewritten,
    /// It is longer, and the sequencer cannot prove that it begins with the same events.
    Unproved,
    /// A page of events is not what the signed tree holds.
    OtherEvents,
    /// An event of this agent is not at the place its receipt names.
    Misplaced,
}

/// One side of a contradiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Events in the tree.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The signed head itself: evidence against its signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<SeenHead>,
    /// The signed note of a checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A history that contradicts the one seen before, with what each side signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// In which way.
    pub kind: ForkKind,
    /// Of what: `events`, `keys` or `checkpoint`.
    pub of: String,
    /// What was seen and checked before.
    pub seen: Side,
    /// What the sequencer shows now.
    pub shown: Side,
    /// The root that the sequencer now claims for the size that was seen, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_root_at_seen_size: Option<Hash>,
    /// Particulars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of.as_str() {
            "checkpoint" => "the head log".to_owned(),
            stream => format!("the stream of {stream}"),
        };
        let what = match self.kind {
            ForkKind::Shrunk => "is shorter than what the sequencer signed before",
            ForkKind::OtherRoot => "has other contents at the same size",
            ForkKind::Rewritten => "begins with other contents than what the sequencer signed before",
            ForkKind::Unproved => "could not be proved to continue what the sequencer signed before",
            ForkKind::OtherEvents => "was shown with events that are not in the tree the sequencer signed",
            ForkKind::Misplaced => "does not hold an event of this agent where its receipt says",
        };
        write!(
            f,
            "{of} {what}. Seen: size {}, root {}; shown now: size {}, root {}",
            self.seen.size, self.seen.root, self.shown.size, self.shown.root
        )?;
        if let Some(root) = self.shown_root_at_seen_size {
            write!(f, ", and root {root} at size {}", self.seen.size)?;
        }
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        f.write_str(
            ". Nothing was taken over. The likely causes are a server restored from an old backup, another server under \
             the same name, or a changed database. Both signed heads are kept (`sync status -o json`): show them to the \
             operator",
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stateset_ledger::tree::TileSet;
    use stateset_ledger::tree::rfc6962::leaf_hash;
    use stateset_ledger::tree::tile::TileId;

    use super::*;

    fn tree(leaves: &[u8]) -> TileSet {
        let mut set = TileSet::new();
        for (index, tile) in leaves.chunks(256).enumerate() {
            let hashes: Vec<Hash> = tile.iter().map(|leaf| leaf_hash(&[*leaf])).collect();
            let width = u16::try_from(hashes.len()).unwrap();
            set.insert(TileId { level: 0, index: u64::try_from(index).unwrap(), width }, hashes).unwrap();
        }
        set
    }

    proptest! {
        /// N08, M02: a history is taken for a continuation if and only if it is one.
        #[test]
        fn only_continuations_pass(
            old in prop::collection::vec(0..3_u8, 1..30), more in prop::collection::vec(0..3_u8, 0..30),
            change in prop::option::of(any::<prop::sample::Index>()), cut in 0..3_usize,
        ) {
            let mut new: Vec<u8> = old.iter().chain(&more).copied().collect();
            if let Some(place) = change {
                let place = place.index(new.len());
                new[place] += 1;
            }
            new.truncate((new.len() - cut.min(new.len() - 1)).max(1));
            let size = |leaves: &[u8]| u64::try_from(leaves.len()).unwrap();
            let seen = (size(&old), tree(&old).root(size(&old)).unwrap());
            let shown = (size(&new), tree(&new).root(size(&new)).unwrap());
            let passes = match relation(seen, shown) {
                Relation::Same => true,
                Relation::Contradicts(_) => false,
                Relation::Larger => {
                    // The best the server can do: an honest proof of its own history.
                    let path = tree(&new).consistency(seen.0, shown.0).unwrap();
                    continues(seen, shown, &path).is_ok()
                },
            };
            prop_assert_eq!(passes, new.starts_with(&old));
        }
    }
}
