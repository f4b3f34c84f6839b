//! VES batches: contiguous, found again, and due.

use std::sync::Arc;

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{BatchId, Micros};
use stateset_store::batch::{Batch, BatchFrontier};
use stateset_store::stream::{StreamNo, StreamRow};
use stateset_store::{Store, StoreError};
use tokio::task::JoinSet;

use super::Factory;
use super::random::Random;
use super::writer::{Writer, sequence};

pub(crate) fn batch(random: &mut Random, stream: StreamNo, behind: BatchFrontier, end: u64) -> Batch {
    let chunk_roots = (0..(end - behind.end).div_ceil(256)).map(|_| Hash(random.bytes())).collect();
    Batch {
        batch: BatchId(random.uuid()),
        stream,
        start: sequence(behind.end + 1),
        end: sequence(end),
        merkle_root: Hash(random.bytes()),
        previous_state_root: behind.state_root,
        state_root: Hash(random.bytes()),
        chunk_roots,
        committed_at: Micros(random.number().cast_signed()),
        log_index: None,
    }
}

/// Adds batches that end at each of `ends`.
pub(crate) async fn add(store: &impl Store, random: &mut Random, stream: StreamNo, ends: &[u64]) -> Vec<Batch> {
    let mut added = Vec::new();
    for &end in ends {
        let behind = store.batch_frontier(stream).await.expect("answer");
        let batch = batch(random, stream, behind, end);
        store.add_batch(&batch).await.expect("the next batch");
        added.push(batch);
    }
    added
}

/// A batch starts right behind the last one, on its state root, and ends within the stream.
pub(crate) async fn batches_are_contiguous(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(70);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    writer.append(&store, &random.events(scope, 10)).await;
    let stream = writer.stream();
    let none = BatchFrontier { end: 0, state_root: Hash::ZERO };
    assert_eq!(store.batch_frontier(stream).await.expect("answer"), none);
    let first = batch(&mut random, stream, none, 4);
    store.add_batch(&first).await.expect("the first batch");
    let frontier = BatchFrontier { end: 4, state_root: first.state_root };
    assert_eq!(store.batch_frontier(stream).await.expect("answer"), frontier);

    let at = |end, state_root| BatchFrontier { end, state_root };
    let mut repeated_id = batch(&mut random, stream, frontier, 5);
    repeated_id.batch = first.batch;
    let refused = [
        ("again", first.clone()),
        ("from the start", batch(&mut random, stream, none, 5)),
        ("overlapping", batch(&mut random, stream, at(3, first.state_root), 5)),
        ("leaving a gap", batch(&mut random, stream, at(5, first.state_root), 6)),
        ("on another state root", batch(&mut random, stream, at(4, Hash::ZERO), 5)),
        ("beyond the stream", batch(&mut random, stream, frontier, 11)),
        ("with a known id", repeated_id),
    ];
    for (how, batch) in refused {
        let answer = store.add_batch(&batch).await;
        assert!(matches!(answer, Err(StoreError::Conflict)), "a batch {how}: {answer:?}");
    }
    assert_eq!(store.batch_frontier(stream).await.expect("answer"), frontier);
    let rest = add(&store, &mut random, stream, &[5, 10]).await;
    assert_eq!(store.batch_frontier(stream).await.expect("answer"), at(10, rest[1].state_root));
    let other = Writer::open(&store, random.scope()).await;
    assert_eq!(store.batch_frontier(other.stream()).await.expect("answer"), none);
}

/// Committers that race leave one chain.
pub(crate) async fn batches_at_once_do_not_overlap(factory: &impl Factory) {
    let stores = [Arc::new(factory.open().await), Arc::new(factory.open().await)];
    let mut random = Random::new(71);
    let scope = random.scope();
    let mut writer = Writer::open(&*stores[0], scope).await;
    writer.append(&*stores[0], &random.events(scope, 40)).await;
    let stream = writer.stream();
    let mut tasks = JoinSet::new();
    for n in 0..6_usize {
        let store = Arc::clone(&stores[n % 2]);
        let mut random = Random::new(7_100 + n as u64);
        tasks.spawn(async move {
            loop {
                let behind = store.batch_frontier(stream).await.expect("answer");
                if behind.end == 40 {
                    return;
                }
                let end = (behind.end + 1 + random.below(3)).min(40);
                match store.add_batch(&batch(&mut random, stream, behind, end)).await {
                    Ok(()) | Err(StoreError::Conflict) => {},
                    Err(other) => panic!("a batch: {other:?}"),
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("a committer");
    }
    let batches = stores[0].batches(stream, sequence(1), 100).await.expect("answer");
    let mut behind = BatchFrontier { end: 0, state_root: Hash::ZERO };
    for batch in batches {
        assert_eq!((batch.start.index(), batch.previous_state_root), (behind.end, behind.state_root));
        behind = BatchFrontier { end: batch.end.get(), state_root: batch.state_root };
    }
    assert_eq!(behind.end, 40);
}

/// N02: the batch of an event, by id or place, with all its fields; pages of a stream's batches.
pub(crate) async fn batches_are_found_by_id_place_and_page(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(72);
    let (scope, other) = (random.scope(), random.scope());
    let mut writer = Writer::open(&store, scope).await;
    writer.append(&store, &random.events(scope, 600)).await;
    let mut stranger = Writer::open(&store, other).await;
    stranger.append(&store, &random.events(other, 5)).await;
    let strange = add(&store, &mut random, stranger.stream(), &[2]).await;
    let batches = add(&store, &mut random, writer.stream(), &[1, 3, 300, 557]).await;
    assert_eq!(batches[2].chunk_roots.len(), 2);

    for batch in &batches {
        assert_eq!(store.batch(batch.batch).await.expect("answer"), Some((scope, batch.clone())));
    }
    assert_eq!(store.batch(strange[0].batch).await.expect("answer"), Some((other, strange[0].clone())));
    assert_eq!(store.batch(BatchId(random.uuid())).await.expect("answer"), None);

    let covering =
        [(1, Some(0)), (2, Some(1)), (3, Some(1)), (4, Some(2)), (300, Some(2)), (301, Some(3)), (557, Some(3))];
    for (place, number) in covering.into_iter().chain([(558, None), (600, None), (601, None)]) {
        let found = store.batch_covering(writer.stream(), sequence(place)).await.expect("answer");
        assert_eq!(found, number.map(|number: usize| batches[number].clone()), "place {place}");
    }

    let pages =
        [(1, 10, 0..4), (1, 2, 0..2), (2, 2, 1..3), (3, 10, 1..4), (4, 1, 2..3), (557, 10, 3..4), (558, 10, 4..4)];
    for (from, limit, numbers) in pages {
        let found = store.batches(writer.stream(), sequence(from), limit).await.expect("answer");
        let bare = |batch: &Batch| Batch { chunk_roots: Vec::new(), ..batch.clone() };
        let found: Vec<_> = found.iter().map(bare).collect();
        assert_eq!(found, batches[numbers].iter().map(bare).collect::<Vec<_>>(), "{limit} from {from}");
    }
}

/// R12: a tenant's streams are its own, the newest first.
pub(crate) async fn streams_are_listed_by_tenant(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(74);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let scope = random.scope();
        streams.push((scope, Writer::open(&store, scope).await.stream()));
    }
    let all = store.newest_streams(None, 100).await.expect("answer");
    assert!(all.is_sorted_by(|left, right| left.stream > right.stream));
    for (scope, stream) in &streams {
        assert!(all.iter().any(|row| row.stream == *stream && row.scope == *scope));
        let own = store.newest_streams(Some(scope.tenant), 100).await.expect("answer");
        let of_tenant: Vec<StreamRow> = all.iter().filter(|row| row.scope.tenant == scope.tenant).cloned().collect();
        assert_eq!(own, of_tenant, "the tenant's streams, its key stream among them, and no other");
        assert!(own.len() >= 2);
    }
    assert_eq!(store.newest_streams(None, 2).await.expect("answer"), all[..2]);
}

/// N01: a stream is due as long as it has events behind its last batch.
pub(crate) async fn streams_to_commit_are_those_behind_their_batches(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(73);
    let mut writers = Vec::new();
    for events in [0, 3, 3, 3] {
        let scope = random.scope();
        let mut writer = Writer::open(&store, scope).await;
        if events > 0 {
            writer.append(&store, &random.events(scope, events)).await;
        }
        writers.push(writer);
    }
    let streams: Vec<StreamNo> = writers.iter().map(Writer::stream).collect();
    assert_eq!(due(&store, 100).await, streams[1..]);
    add(&store, &mut random, streams[1], &[2]).await;
    add(&store, &mut random, streams[2], &[1, 3]).await;
    assert_eq!(due(&store, 100).await, [streams[1], streams[3]]);
    assert_eq!(due(&store, 1).await.len(), 1);
    assert_eq!(due(&store, 0).await, []);
    let event = random.events(writers[2].scope(), 1);
    writers[2].append(&store, &event).await;
    add(&store, &mut random, streams[1], &[3]).await;
    assert_eq!(due(&store, 100).await, streams[2..]);
}

async fn due(store: &impl Store, limit: u32) -> Vec<StreamNo> {
    let mut rows: Vec<StreamRow> = store.streams_to_commit(limit).await.expect("answer");
    rows.sort_by_key(|row| row.stream);
    for row in &rows {
        let read = store.stream(row.scope).await.expect("answer").expect("a stream that is due");
        assert_eq!(*row, read);
    }
    rows.into_iter().map(|row| row.stream).collect()
}
