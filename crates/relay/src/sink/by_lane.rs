//! For destinations that take one event at a time: lanes side by side, each lane in order and only up to its first
//! failure. After the first sign that the destination is down nothing new is started.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;

use stateset_outbox::delivery::Lane;

use super::{Batch, Outcome};
use crate::record::Record;

/// Calls `send` for the records of `batch` with at most `lanes` calls at a time, as long as the batch [holds](Batch::holds).
pub async fn publish_by_lane<'a, F, Fut>(batch: Batch<'a>, lanes: usize, send: F) -> Vec<Outcome>
where
    F: Fn(&'a Record) -> Fut + Sync,
    Fut: Future<Output = Outcome> + Send,
{
    let mut order: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Lane, usize> = HashMap::new();
    for (index, record) in batch.records.iter().enumerate() {
        let lane = *known.entry(record.lane()).or_insert(order.len());
        match order.get_mut(lane) {
            Some(indices) => indices.push(index),
            None => order.push(vec![index]),
        }
    }
    let down = AtomicBool::new(false);
    let runs = stream::iter(order.into_iter().map(|indices| run(batch, indices, &send, &down)));
    let mut outcomes = vec![Outcome::NotTried; batch.records.len()];
    let mut finished = runs.buffer_unordered(lanes.max(1));
    while let Some(run) = finished.next().await {
        for (index, outcome) in run {
            if let Some(place) = outcomes.get_mut(index) {
                *place = outcome;
            }
        }
    }
    outcomes
}

async fn run<'a, F, Fut>(batch: Batch<'a>, indices: Vec<usize>, send: &F, down: &AtomicBool) -> Vec<(usize, Outcome)>
where
    F: Fn(&'a Record) -> Fut,
    Fut: Future<Output = Outcome>,
{
    let mut outcomes = Vec::with_capacity(indices.len());
    for index in indices {
        if down.load(Ordering::Relaxed) || !batch.holds() {
            break;
        }
        let Some(record) = batch.records.get(index) else { break };
        let outcome = send(record).await;
        if matches!(outcome, Outcome::Unavailable(_)) {
            down.store(true, Ordering::Relaxed);
        }
        let goes_on = outcome.lets_lane_go_on();
        outcomes.push((index, outcome));
        if !goes_on {
            break;
        }
    }
    outcomes
}
