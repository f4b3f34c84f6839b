//! `backfill-ves-state-roots`: the command of the first sequencer, whose older versions left state roots out.
//!
//! Here every batch has had its state root from the first version on, bound to the one before it by the statement that
//! stores it. So there is never anything to fill in; the command derives the chain again and says so, or finds the batch
//! that does not fit, which is damage and a matter for `fsck`.

use std::sync::Arc;

use serde::Serialize;
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::Sequence;
use stateset_ledger::receipt::{state_root, stream_id};
use stateset_store::StoreError;
use stateset_store::maintenance::Maintenance;
use stateset_store::stream::StreamNo;

const STREAMS: u32 = 256;
const BATCHES: u32 = 500;

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Streams looked at.
    pub streams: u64,
    /// Batches whose state root follows from the one before.
    pub right: u64,
    /// Batches without a state root: always none.
    pub missing: u64,
    /// The first batch of each stream whose state root is another one.
    pub wrong: Vec<String>,
}

/// Derives the chains of all streams from the stored batch roots.
pub async fn run(store: Arc<dyn Maintenance>) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    let mut after = StreamNo(i64::MIN);
    loop {
        let streams = store.all_streams(after, STREAMS).await?;
        let Some(last) = streams.last() else { return Ok(outcome) };
        after = last.row.stream;
        for head in streams {
            outcome.streams += 1;
            let id = stream_id(head.row.scope);
            let (mut before, mut from) = (Hash::ZERO, Sequence::FIRST);
            'stream: loop {
                let batches = store.batches(head.row.stream, from, BATCHES).await?;
                let Some(last) = batches.last() else { break };
                from = Sequence::from_index(last.end.get()).map_err(StoreError::corrupt)?;
                for batch in &batches {
                    let count = u32::try_from(batch.leaf_count()).map_err(StoreError::corrupt)?;
                    let after = state_root(&id, &before, &batch.merkle_root, batch.start, batch.end, count);
                    if batch.previous_state_root != before || batch.state_root != after {
                        outcome.wrong.push(batch.batch.0.to_string());
                        break 'stream;
                    }
                    outcome.right += 1;
                    before = after;
                }
            }
        }
    }
}
