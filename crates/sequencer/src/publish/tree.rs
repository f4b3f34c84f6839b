//! The pure part of publishing: from what has happened to the one round that logs it.

use stateset_ledger::bytes::Hash;
use stateset_ledger::head_log::{Record, blind, salt};
use stateset_ledger::id::Micros;
use stateset_ledger::note::{self, NoteError};
use stateset_ledger::receipt::stream_id;
use stateset_ledger::signature::Signer;
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_ledger::tree::tile::{TILE_HEIGHT, TILE_WIDTH};
use stateset_ledger::tree::{TileId, TileSet};
use stateset_store::batch::Batch;
use stateset_store::head_log::{Checkpoint, LogTile, NewRecord, Round, Unpublished};
use stateset_store::stream::StreamRow;

/// All that must be known of the log to append to it: its compact range and its incomplete tiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTree {
    frontier: Frontier,
    /// Hashes of the incomplete tile of each level.
    tails: Vec<Vec<Hash>>,
}

/// Tails that do not belong to the frontier: the stored tiles or records are not those of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored tiles and records of the head log do not lead to its stored compact range at {0} entries")]
pub struct NotTheTails(u64);

/// Who signs, and under which name.
pub struct Signing<'a> {
    /// Name of the log.
    pub origin: &'a str,
    /// The sequencer's key.
    pub signer: &'a dyn Signer,
    /// Key of the salts.
    pub blinding_key: &'a [u8; 32],
}

impl LogTree {
    /// Joins a stored frontier and the tails read for [`Self::tails_of`] its size, which are checked against it.
    pub fn from_parts(frontier: Frontier, tails: Vec<(TileId, Vec<Hash>)>) -> Result<Self, NotTheTails> {
        let size = frontier.size();
        let mut rows = vec![Vec::new(); tails.iter().map(|(id, _)| usize::from(id.level) + 1).max().unwrap_or(1)];
        let mut set = TileSet::new();
        for (id, hashes) in tails {
            rows[usize::from(id.level)].clone_from(&hashes);
            set.insert(id, hashes).ok().ok_or(NotTheTails(size))?;
        }
        if set.frontier(size).as_ref() == Ok(&frontier) {
            Ok(Self { frontier, tails: rows })
        } else {
            Err(NotTheTails(size))
        }
    }

    /// The incomplete tiles of a log of `size` entries.
    pub fn tails_of(size: u64) -> Vec<TileId> {
        let last = |level: u8| {
            let index = size.checked_shr(u32::from(level + 1) * u32::from(TILE_HEIGHT)).unwrap_or(0);
            TileId::in_tree(level, index, size)
        };
        (0..TILE_HEIGHT).filter_map(last).collect()
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Its compact range.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Root of the log.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Adds an entry, and to `tiles` those it completes.
    pub fn push(&mut self, entry: &Hash, tiles: &mut Vec<LogTile>) {
        let tails = &mut self.tails;
        let leaf = leaf_hash(&entry.0);
        tail(tails, 0).push(leaf);
        self.frontier.push(leaf, &mut |level, index, root| {
            if !level.is_multiple_of(TILE_HEIGHT) {
                return;
            }
            let above = level / TILE_HEIGHT;
            let complete = Vec::with_capacity(usize::from(TILE_WIDTH));
            let hashes = std::mem::replace(tail(tails, above - 1), complete);
            tiles.push(LogTile { level: above - 1, index, hashes });
            tail(tails, above).push(root);
        });
    }

    /// The log after a round with `records`, and that round.
    fn append(&self, records: Vec<NewRecord>, signing: &Signing<'_>, at: Micros) -> Result<(Self, Round), NoteError> {
        let mut after = self.clone();
        let mut tiles = Vec::new();
        for new in &records {
            let record = Record::from_bytes(&new.record).expect("written by this module");
            after.push(&blind(&salt(signing.blinding_key, record.subject()), &new.record), &mut tiles);
        }
        let checkpoint = note::Checkpoint::new(signing.origin, after.size(), after.root());
        let note = checkpoint.sign(signing.signer)?;
        let round = Round {
            expected_size: self.size(),
            records,
            tiles,
            frontier: after.frontier.clone(),
            checkpoint: Checkpoint { size: after.size(), note },
            at,
        };
        Ok((after, round))
    }

    /// The round that logs `facts`, and the log after it; `None` if there is nothing to log.
    pub fn round(
        &self,
        facts: &Unpublished,
        signing: &Signing<'_>,
        at: Micros,
    ) -> Result<Option<(Self, Round)>, NoteError> {
        let records = records(facts);
        if records.is_empty() { Ok(None) } else { self.append(records, signing, at).map(Some) }
    }
}

fn tail(tails: &mut Vec<Vec<Hash>>, level: u8) -> &mut Vec<Hash> {
    let level = usize::from(level);
    if tails.len() <= level {
        tails.resize_with(level + 1, Vec::new);
    }
    &mut tails[level]
}

/// Heads first, each behind its stream's `OPEN` if it is the first one: no batch is logged before a head that covers it.
fn records(facts: &Unpublished) -> Vec<NewRecord> {
    let heads = facts.heads.iter().flat_map(|(row, previous)| {
        let open = previous.is_none().then(|| open_record(row));
        open.into_iter().chain([head_record(row, *previous)])
    });
    let batches = facts.batches.iter().map(|(row, batch)| batch_record(row, batch));
    heads.chain(batches).collect()
}

fn open_record(row: &StreamRow) -> NewRecord {
    let record = Record::Open { stream_id: stream_id(row.scope), first_sequence: 1, created_at: row.opened_at };
    NewRecord { stream: row.stream, record: record.to_bytes(), head_size: None, batch: None }
}

fn head_record(row: &StreamRow, previous: Option<u64>) -> NewRecord {
    let previous_plus_one = previous.map_or(0, |index| index + 1);
    let record = Record::Head { stream_id: stream_id(row.scope), size: row.size, root: row.root, previous_plus_one };
    NewRecord { stream: row.stream, record: record.to_bytes(), head_size: Some(row.size), batch: None }
}

fn batch_record(row: &StreamRow, batch: &Batch) -> NewRecord {
    let record = Record::Batch {
        stream_id: stream_id(row.scope),
        start: batch.start.get(),
        end: batch.end.get(),
        merkle_root: batch.merkle_root,
        previous_state_root: batch.previous_state_root,
        new_state_root: batch.state_root,
    };
    NewRecord { stream: row.stream, record: record.to_bytes(), head_size: None, batch: Some(batch.batch) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use stateset_ledger::bytes::Hash;
    use stateset_ledger::head_log::{Record, blind, salt};
    use stateset_ledger::id::{Micros, Scope, StoreId, TenantId};
    use stateset_ledger::note;
    use stateset_ledger::signature::{PublicKey, SeedSigner, Signer as _};
    use stateset_ledger::tree::TileSet;
    use stateset_ledger::tree::frontier::Frontier;
    use stateset_ledger::tree::rfc6962::leaf_hash;
    use stateset_store::head_log::Unpublished;
    use stateset_store::stream::{StreamNo, StreamRow};
    use uuid::Uuid;

    use super::{LogTree, Signing};

    fn row(number: u8, size: u64) -> StreamRow {
        let scope = Scope::new(TenantId(Uuid::from_bytes([number; 16])), StoreId(Uuid::from_bytes([1; 16])));
        let root = Hash::of(&[&[number], &size.to_be_bytes()]);
        let stream = StreamNo(i64::from(number));
        StreamRow { stream, scope, size, root, last_at: None, signed: None, opened_at: Micros(7) }
    }

    /// Grows the log by random rounds beside a plain frontier over the same entries.
    fn check(rounds: &[(u8, u16)]) {
        let key = [9; 32];
        let signer = SeedSigner::new(&[3; 32]);
        let public = PublicKey::new(&signer.public_key()).unwrap();
        let signing = Signing { origin: "log.example", signer: &signer, blinding_key: &key };
        let (mut log, mut plain) = (LogTree::default(), Frontier::new());
        let mut tiles = HashMap::new();
        let mut heads: HashMap<u8, (u64, u64)> = HashMap::new();
        for &(first, streams) in rounds {
            let due = (0..streams).map(|n| first.wrapping_add(u8::try_from(n % 256).unwrap()));
            let heads_due: Vec<_> = due
                .map(|number| {
                    let (size, index) = heads.get(&number).map_or((0, None), |&(size, index)| (size, Some(index)));
                    (row(number, size + 1), index)
                })
                .collect();
            let facts = Unpublished { heads: heads_due, batches: Vec::new() };
            let Some((after, round)) = log.round(&facts, &signing, Micros(1)).unwrap() else { continue };
            assert_eq!(round.expected_size, plain.size());
            for (index, new) in (round.expected_size..).zip(&round.records) {
                let record = Record::from_bytes(&new.record).unwrap();
                let entry = blind(&salt(&key, record.subject()), &new.record);
                plain.push(leaf_hash(&entry.0), &mut |_, _, _| {});
                if let Record::Head { size, previous_plus_one, .. } = record {
                    let number = u8::try_from(new.stream.0).unwrap();
                    let previous = heads.insert(number, (size, index));
                    assert_eq!(previous_plus_one, previous.map_or(0, |(_, index)| index + 1));
                    assert!(previous.is_none_or(|(old, _)| old < size));
                }
            }
            assert_eq!((&after.frontier, &round.frontier), (&plain, &plain));
            let checkpoint = note::Checkpoint::open(&round.checkpoint.note, "log.example", &public).unwrap();
            assert_eq!((checkpoint.size, checkpoint.root), (plain.size(), plain.root()));
            for tile in round.tiles {
                assert_eq!(tile.hashes.len(), 256);
                assert!(tiles.insert((tile.level, tile.index), tile.hashes).is_none(), "a tile completes once");
            }
            log = after;
        }
        // Tails and tiles are enough to go on from, and to prove from.
        let tails: Vec<_> = LogTree::tails_of(log.size())
            .into_iter()
            .map(|id| (id, log.tails[usize::from(id.level)].clone()))
            .collect();
        let mut set = TileSet::new();
        for (id, hashes) in &tails {
            set.insert(*id, hashes.clone()).unwrap();
        }
        let mut reloaded = LogTree::from_parts(plain.clone(), tails).unwrap();
        reloaded.tails.resize(log.tails.len(), Vec::new());
        assert_eq!(reloaded, log);
        assert_eq!(set.root(log.size()), Ok(plain.root()));
        assert_eq!(tiles.keys().filter(|(level, _)| *level == 0).count() as u64, log.size() / 256);
        assert_eq!(tiles.keys().filter(|(level, _)| *level == 1).count() as u64, log.size() / 65_536);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// N08: whatever the rounds, the log is the RFC 6962 tree over its entries and its tiles are complete once.
        #[test]
        fn rounds_are_the_tree(rounds in prop::collection::vec((any::<u8>(), prop_oneof![0_u16..4, 0_u16..256]), 1..24)) {
            check(&rounds);
        }
    }

    #[test]
    fn tiles_of_level_one() {
        check(&vec![(0, 256); 260]);
    }

    #[test]
    fn wrong_tails_are_refused() {
        let signer = SeedSigner::new(&[3; 32]);
        let signing = Signing { origin: "log.example", signer: &signer, blinding_key: &[9; 32] };
        let facts = Unpublished { heads: vec![(row(1, 1), None)], batches: Vec::new() };
        let (log, _) = LogTree::default().round(&facts, &signing, Micros(1)).unwrap().unwrap();
        let id = LogTree::tails_of(2)[0];
        assert!(LogTree::from_parts(log.frontier.clone(), vec![(id, log.tails[0].clone())]).is_ok());
        assert!(LogTree::from_parts(log.frontier.clone(), vec![(id, vec![Hash::ZERO; 2])]).is_err());
        assert!(LogTree::from_parts(log.frontier.clone(), vec![(id, vec![Hash::ZERO])]).is_err());
        assert!(LogTree::from_parts(log.frontier, vec![]).is_err());
        assert!(LogTree::default().round(&Unpublished::default(), &signing, Micros(1)).unwrap().is_none());
    }
}
