//! The head log and its lease.

use stateset_ledger::id::Micros;
use stateset_ledger::tree::frontier::Frontier;

use super::State;
use crate::error::StoreError;
use crate::head_log::{LogState, LogTile, PublisherLease, Round, StoredRecord, Unpublished};

#[derive(Debug)]
pub(super) struct HeadLog {
    pub(super) state: LogState,
    pub(super) records: Vec<StoredRecord>,
    pub(super) tiles: Vec<LogTile>,
    owner: String,
    lease: PublisherLease,
}

impl HeadLog {
    pub(super) fn new(blinding_key: [u8; 32]) -> Self {
        Self {
            state: LogState { frontier: Frontier::new(), blinding_key, checkpoint: None },
            records: Vec::new(),
            tiles: Vec::new(),
            owner: String::new(),
            lease: PublisherLease { epoch: 0, until: Micros(0) },
        }
    }

    /// Only a change of owner starts a new epoch: an owner who renews, even late, was never followed by another.
    pub(super) fn lease(&mut self, owner: &str, now: Micros, until: Micros) -> Option<PublisherLease> {
        if self.owner != owner {
            if now < self.lease.until {
                return None;
            }
            owner.clone_into(&mut self.owner);
            self.lease.epoch += 1;
        }
        self.lease.until = until;
        Some(self.lease)
    }
}

impl State {
    pub(super) fn unpublished(&self, limit: usize) -> Unpublished {
        let grown = self.streams.iter().filter(|s| s.row.size > s.logged.map_or(0, |(size, _)| size));
        let batches = self.streams.iter().flat_map(|s| s.batches.iter().map(|batch| (s.row.clone(), batch.clone())));
        Unpublished {
            heads: grown.take(limit).map(|s| (s.row.clone(), s.logged.map(|(_, index)| index))).collect(),
            batches: batches.filter(|(_, batch)| batch.log_index.is_none()).take(limit).collect(),
        }
    }

    pub(super) fn publish(&mut self, lease: PublisherLease, round: &Round) -> Result<(), StoreError> {
        let log = self.log.as_mut().ok_or(StoreError::Conflict)?;
        if log.lease.epoch != lease.epoch || log.state.frontier.size() != round.expected_size {
            return Err(StoreError::Conflict);
        }
        log.state.frontier = round.frontier.clone();
        log.state.checkpoint = Some(round.checkpoint.clone());
        log.tiles.extend_from_slice(&round.tiles);
        for (index, new) in (round.expected_size..).zip(&round.records) {
            log.records.push(StoredRecord { index, stream: new.stream, record: new.record.clone() });
        }
        for (index, new) in (round.expected_size..).zip(&round.records) {
            let stream = self.get_mut(new.stream)?;
            if let Some(size) = new.head_size {
                stream.logged = Some((size, index));
            }
            for batch in stream.batches.iter_mut().filter(|batch| Some(batch.batch) == new.batch) {
                batch.log_index = Some(index);
            }
        }
        Ok(())
    }
}
