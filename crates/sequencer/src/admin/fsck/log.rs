//! The head log: entries from records, tiles and checkpoints from entries.

use std::collections::{HashMap, VecDeque};

use stateset_ledger::bytes::Hash;
use stateset_ledger::head_log::{Record, blind, salt};
use stateset_ledger::note;
use stateset_ledger::receipt::stream_id;
use stateset_store::head_log::{Checkpoint, LogState, LogTile, StoredRecord};
use stateset_store::maintenance::LoggedHead;
use stateset_store::stream::StreamNo;

use super::{Check, Logged, STREAMS, Stop, found};
use crate::publish::tree::LogTree;

const PAGE: u64 = 1_000;
const CHECKPOINTS: u32 = 1_000;

impl Check {
    /// Derives the log and notes what it says of each stream.
    pub(super) async fn log(&mut self) -> Result<(), Stop> {
        let Some(state) = self.store.head_log().await? else { return Ok(()) };
        let size = state.frontier.size();
        let ids = self.stream_ids().await?;
        let mut tree = LogTree::default();
        let mut checkpoints = Checkpoints::default();
        while tree.size() < size {
            let first = tree.size();
            let records = self.store.log_records(first, PAGE.min(size - first)).await?;
            if records.is_empty() {
                return found("log_records", format!("index {first}"), "is missing");
            }
            for stored in records {
                self.record(&state, &ids, stored, &mut tree, &mut checkpoints).await?;
            }
        }
        if tree.frontier() != &state.frontier {
            return found("log_state", format!("{size} entries"), "the compact range is not that of the records");
        }
        if checkpoints.last != size {
            let fault = format!("the newest checkpoint covers {} entries, the log has {size}", checkpoints.last);
            return found("checkpoints", format!("size {size}"), fault);
        }
        self.logged_heads(&ids).await
    }

    /// Streams by number, as the log names them.
    async fn stream_ids(&self) -> Result<HashMap<StreamNo, Hash>, Stop> {
        let mut ids = HashMap::new();
        let mut after = StreamNo(i64::MIN);
        loop {
            let heads = self.store.all_streams(after, STREAMS).await?;
            let Some(last) = heads.last() else { return Ok(ids) };
            after = last.row.stream;
            ids.extend(heads.iter().map(|head| (head.row.stream, stream_id(head.row.scope))));
        }
    }

    async fn record(
        &mut self,
        state: &LogState,
        ids: &HashMap<StreamNo, Hash>,
        stored: StoredRecord,
        tree: &mut LogTree,
        checkpoints: &mut Checkpoints,
    ) -> Result<(), Stop> {
        let place = format!("index {}", stored.index);
        if stored.index != tree.size() {
            return found("log_records", format!("index {}", tree.size()), "is missing");
        }
        let Ok(record) = Record::from_bytes(&stored.record) else {
            return found("log_records", place, "is no record of this log");
        };
        if ids.get(&stored.stream) != Some(&record.subject().0) {
            return found("log_records", place, "names another stream than the one it is filed under");
        }
        self.note_record(&record, &stored, &place)?;
        let entry = blind(&salt(&state.blinding_key, record.subject()), &stored.record);
        let mut tiles = Vec::new();
        tree.push(&entry, &mut tiles);
        for tile in tiles {
            self.log_tile(&tile).await?;
        }
        self.report.records += 1;
        let (store, size) = (&self.store, state.frontier.size());
        checkpoints.fill(store.as_ref(), tree.size()).await?;
        while let Some(checkpoint) = checkpoints.at(tree.size(), size) {
            self.checkpoint(&checkpoint, tree.root())?;
        }
        Ok(())
    }

    /// Keeps what the record says, and checks that the records of a stream follow each other.
    fn note_record(&mut self, record: &Record, stored: &StoredRecord, place: &str) -> Result<(), Stop> {
        let logged: &mut Logged = self.logged.entry(stored.stream).or_default();
        match *record {
            Record::Open { first_sequence, created_at, .. } => {
                if first_sequence != 1 || logged.opened.is_some() || !logged.heads.is_empty() {
                    return found("log_records", place, "opens a stream that is open, or not at its first event");
                }
                logged.opened = Some(created_at);
            },
            Record::Head { size, root, previous_plus_one, .. } => {
                let (before, link) = logged.heads.last().map_or((0, 0), |(size, _, index)| (*size, index + 1));
                if logged.opened.is_none() || size <= before || previous_plus_one != link {
                    return found("log_records", place, "does not continue the heads of its stream");
                }
                logged.heads.push((size, root, stored.index));
            },
            Record::Batch { start, end, merkle_root, previous_state_root, new_state_root, .. } => {
                let batch = (start, end, merkle_root, previous_state_root, new_state_root);
                logged.batches.insert(stored.index, batch);
            },
        }
        Ok(())
    }

    async fn log_tile(&mut self, tile: &LogTile) -> Result<(), Stop> {
        let place = format!("level {}, index {}", tile.level, tile.index);
        match self.store.log_tile(tile.level, tile.index).await? {
            Some(stored) if stored == *tile => {
                self.report.tiles += 1;
                Ok(())
            },
            Some(_) => found("log_tiles", place, "holds other hashes than the records give"),
            None => found("log_tiles", place, "is missing"),
        }
    }

    /// The note is signed by one of the sequencer's keys, and says the root that the records give.
    fn checkpoint(&mut self, checkpoint: &Checkpoint, root: Hash) -> Result<(), Stop> {
        let place = format!("size {}", checkpoint.size);
        let origin = checkpoint.note.lines().next().unwrap_or_default();
        let opened = self.keys.sequencer().find_map(|key| note::Checkpoint::open(&checkpoint.note, origin, key).ok());
        let Some(opened) = opened else {
            return found("checkpoints", place, "the note is signed by none of the keys in sequencer_keys");
        };
        if opened.size != checkpoint.size || opened.root != root {
            return found("checkpoints", place, "the note does not say what the records give");
        }
        self.report.checkpoints += 1;
        self.report.signatures += 1;
        Ok(())
    }

    /// The newest head of each stream is filed right. A server may log further ones meanwhile, so each is looked up.
    async fn logged_heads(&mut self, ids: &HashMap<StreamNo, Hash>) -> Result<(), Stop> {
        let mut after = StreamNo(i64::MIN);
        let mut seen = 0;
        loop {
            let rows = self.store.logged_heads(after, STREAMS).await?;
            let Some(last) = rows.last() else { break };
            after = last.stream;
            seen += rows.len();
            for LoggedHead { stream, size, log_index } in rows {
                let record = self.store.log_records(log_index, 1).await?;
                let record = record.first().and_then(|stored| Record::from_bytes(&stored.record).ok());
                let known = self.logged.get(&stream).and_then(|logged| logged.heads.last());
                let fits = matches!(record, Some(Record::Head { stream_id, size: logged, .. })
                    if logged == size && ids.get(&stream).is_none_or(|id| *id == stream_id))
                    && known.is_none_or(|(newest, _, index)| *newest <= size && *index <= log_index);
                if !fits {
                    let fault = format!("names record {log_index} for size {size}; that is not its newest head");
                    return found("logged_heads", format!("stream {}", stream.0), fault);
                }
            }
        }
        let expected = self.logged.values().filter(|logged| !logged.heads.is_empty()).count();
        if seen < expected {
            let fault = format!("{expected} streams have heads in the log, {seen} have a row");
            return found("logged_heads", "all", fault);
        }
        Ok(())
    }
}

/// Stored checkpoints, read a page at a time as the tree grows over them.
#[derive(Default)]
struct Checkpoints {
    waiting: VecDeque<Checkpoint>,
    read: u64,
    last: u64,
}

impl Checkpoints {
    /// Makes sure that the next checkpoint at or above `size` is in memory, if there is one.
    async fn fill(&mut self, store: &dyn stateset_store::maintenance::Maintenance, size: u64) -> Result<(), Stop> {
        if self.waiting.is_empty() && self.read < size {
            self.waiting.extend(store.checkpoints(size - 1, CHECKPOINTS).await?);
            self.read = self.waiting.back().map_or(u64::MAX, |last| last.size);
        }
        Ok(())
    }

    /// The checkpoint of exactly `size` entries, if it is among the first `limit`.
    fn at(&mut self, size: u64, limit: u64) -> Option<Checkpoint> {
        let next = self.waiting.pop_front_if(|next| next.size <= size && next.size <= limit)?;
        self.last = next.size;
        Some(next)
    }
}
