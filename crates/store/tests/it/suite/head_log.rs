//! The head log: one publisher at a time, rounds in order, nothing twice and nothing left out.

use std::sync::Arc;

use stateset_ledger::bytes::Hash;
use stateset_ledger::head_log::Record;
use stateset_ledger::id::Micros;
use stateset_ledger::receipt::stream_id;
use stateset_ledger::tree::frontier::Frontier;
use stateset_ledger::tree::rfc6962;
use stateset_store::batch::Batch;
use stateset_store::head_log::{Checkpoint, LogTile, NewRecord, PublisherLease, Round, StoredRecord, Unpublished};
use stateset_store::stream::{StreamNo, StreamRow};
use stateset_store::{Store, StoreError};
use tokio::task::JoinSet;

use super::Factory;
use super::batches;
use super::random::Random;
use super::writer::{NOW, Writer};

const LATER: Micros = Micros(NOW.0 + 1_000_000);

/// A round that publishes `unpublished` behind `frontier`.
pub(crate) fn round(frontier: &Frontier, unpublished: &Unpublished) -> Round {
    let heads = unpublished.heads.iter().map(|(row, previous)| NewRecord {
        stream: row.stream,
        record: head_record(row, *previous).to_bytes(),
        head_size: Some(row.size),
        batch: None,
    });
    let batches = unpublished.batches.iter().map(|(row, batch)| NewRecord {
        stream: row.stream,
        record: batch_record(row, batch).to_bytes(),
        head_size: None,
        batch: Some(batch.batch),
    });
    round_of(frontier, heads.chain(batches).collect())
}

fn round_of(frontier: &Frontier, records: Vec<NewRecord>) -> Round {
    let mut after = frontier.clone();
    for record in &records {
        after.push(rfc6962::leaf_hash(&record.record), &mut |_, _, _| {});
    }
    let checkpoint =
        Checkpoint { size: after.size(), note: format!("log\n{}\n{}\n\n— é\n", after.size(), after.root()) };
    Round { expected_size: frontier.size(), records, tiles: Vec::new(), frontier: after, checkpoint, at: NOW }
}

fn head_record(row: &StreamRow, previous: Option<u64>) -> Record {
    Record::Head {
        stream_id: stream_id(row.scope),
        size: row.size,
        root: row.root,
        previous_plus_one: previous.map_or(0, |index| index + 1),
    }
}

fn batch_record(row: &StreamRow, batch: &Batch) -> Record {
    Record::Batch {
        stream_id: stream_id(row.scope),
        start: batch.start.get(),
        end: batch.end.get(),
        merkle_root: batch.merkle_root,
        previous_state_root: batch.previous_state_root,
        new_state_root: batch.state_root,
    }
}

async fn lease(store: &impl Store, owner: &str) -> PublisherLease {
    store.log_state([7; 32]).await.expect("a log");
    store.lease_publisher(owner, NOW, LATER).await.expect("answer").expect("nobody else holds it")
}

/// Publishes what is new; returns the records as they must be read.
async fn publish(store: &impl Store, lease: PublisherLease) -> Vec<StoredRecord> {
    let unpublished = store.unpublished(1_000).await.expect("answer");
    let state = store.log_state([0; 32]).await.expect("answer");
    let round = round(&state.frontier, &unpublished);
    store.publish(lease, &round).await.expect("a round");
    stored(&round)
}

fn stored(round: &Round) -> Vec<StoredRecord> {
    let numbered = (round.expected_size..).zip(&round.records);
    numbered.map(|(index, new)| StoredRecord { index, stream: new.stream, record: new.record.clone() }).collect()
}

/// The blinding key is made with the log and never again.
pub(crate) async fn the_log_is_created_once(factory: &impl Factory) {
    let stores = [Arc::new(factory.open().await), Arc::new(factory.open().await)];
    let mut tasks = JoinSet::new();
    for n in 0..6_u8 {
        let store = Arc::clone(&stores[usize::from(n % 2)]);
        tasks.spawn(async move { store.log_state([n; 32]).await.expect("a log") });
    }
    let states = tasks.join_all().await;
    assert!(states[0].blinding_key[0] < 6);
    assert_eq!((&states[0].frontier, &states[0].checkpoint), (&Frontier::new(), &None));
    for state in states.iter().chain([&factory.open().await.log_state([9; 32]).await.expect("the log")]) {
        assert_eq!(*state, states[0]);
    }
}

/// One publisher at a time; a lease ends when it lapses, and renewing it keeps its epoch.
pub(crate) async fn a_lease_keeps_others_out_until_it_lapses(factory: &impl Factory) {
    let store = Arc::new(factory.open().await);
    store.log_state([7; 32]).await.expect("a log");
    let ask =
        async |owner: &str, now, until| store.lease_publisher(owner, Micros(now), Micros(until)).await.expect("answer");
    let first = ask("a", 1_000, 1_100).await.expect("nobody holds it");
    assert_eq!(first.until, Micros(1_100));
    assert_eq!(ask("b", 1_000, 1_100).await, None);
    assert_eq!(ask("b", 1_099, 1_200).await, None);
    assert_eq!(ask("a", 1_050, 1_150).await, Some(PublisherLease { epoch: first.epoch, until: Micros(1_150) }));
    assert_eq!(ask("b", 1_149, 1_200).await, None, "the renewal counts");
    let second = ask("b", 1_150, 1_200).await.expect("it has lapsed");
    assert!(second.epoch > first.epoch);
    assert_eq!(ask("a", 1_199, 1_300).await, None);
    assert_eq!(
        ask("b", 1_250, 1_260).await.map(|lease| lease.epoch),
        Some(second.epoch),
        "late, but nobody came between"
    );

    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(&store);
        let owner = format!("owner {n}");
        tasks.spawn(async move { store.lease_publisher(&owner, Micros(1_260), Micros(1_360)).await.expect("answer") });
    }
    let taken: Vec<PublisherLease> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1, "one of many gets it");
    assert!(taken[0].epoch > second.epoch);
}

/// Who lost the lease cannot publish any more, whatever it believes.
pub(crate) async fn an_old_epoch_is_refused(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(80);
    let scope = random.scope();
    Writer::open(&store, scope).await.append(&store, &random.events(scope, 3)).await;
    let old = lease(&store, "a").await;
    let unpublished = store.unpublished(10).await.expect("answer");
    let next = round(&Frontier::new(), &unpublished);
    let new = store.lease_publisher("b", LATER, Micros(LATER.0 + 1)).await.expect("answer").expect("it has lapsed");
    let refused = store.publish(old, &next).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(store.log_records(0, 10).await.expect("answer"), []);
    assert_eq!(store.checkpoint().await.expect("answer"), None);
    assert_eq!(store.unpublished(10).await.expect("answer").heads, unpublished.heads);
    store.publish(new, &next).await.expect("under the new epoch");
    assert_eq!(store.log_records(0, 10).await.expect("answer"), stored(&next));
}

/// N08, L21: a round is all or nothing and only behind the last one; records, heads and checkpoint read back.
pub(crate) async fn rounds_are_published_in_order(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(81);
    let scopes = [random.scope(), random.scope()];
    let mut writers = [Writer::open(&store, scopes[0]).await, Writer::open(&store, scopes[1]).await];
    let lease = lease(&store, "a").await;
    let mut expected: Vec<StoredRecord> = Vec::new();
    for number in 0..3 {
        for writer in &mut writers[..=number % 2] {
            let events = random.events(writer.scope(), 2);
            writer.append(&store, &events).await;
        }
        let unpublished = store.unpublished(1_000).await.expect("answer");
        let before = store.log_state([0; 32]).await.expect("answer").frontier;
        assert_eq!(before.size(), expected.len() as u64);
        let next = round(&before, &unpublished);
        for off_by in [1, 7] {
            let misplaced = Round { expected_size: next.expected_size + off_by, ..next.clone() };
            let refused = store.publish(lease, &misplaced).await;
            assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        }
        store.publish(lease, &next).await.expect("the next round");
        let refused = store.publish(lease, &next).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "the same round again: {refused:?}");

        expected.extend(stored(&next));
        let state = store.log_state([0; 32]).await.expect("answer");
        assert_eq!((&state.frontier, state.checkpoint.as_ref()), (&next.frontier, Some(&next.checkpoint)));
        assert_eq!(store.checkpoint().await.expect("answer"), Some(next.checkpoint));
    }
    let records = expected.len();
    for (first, count, found) in [
        (0, 100, 0..records),
        (0, 2, 0..2),
        (1, 2, 1..3),
        (records as u64, 5, records..records),
        (9_999, 1, 0..0),
        (1, 0, 0..0),
    ] {
        assert_eq!(store.log_records(first, count).await.expect("answer"), expected[found], "{count} from {first}");
    }
    for writer in &writers {
        let newest = expected.iter().rev().find(|record| record.stream == writer.stream());
        assert_eq!(store.head_record(writer.stream()).await.expect("answer").as_ref(), newest);
    }
    let never = Writer::open(&store, random.scope()).await.stream();
    assert_eq!(store.head_record(never).await.expect("answer"), None);
}

/// A head is due when its stream grew, a batch once; each head names the one before it.
pub(crate) async fn unpublished_lists_exactly_what_is_new(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(82);
    let scopes = [random.scope(), random.scope(), random.scope()];
    let mut writers = Vec::new();
    for scope in scopes {
        writers.push(Writer::open(&store, scope).await);
    }
    assert_eq!(new(&store).await, (Vec::new(), Vec::new()), "streams without events are not due");
    for writer in &mut writers[..2] {
        let events = random.events(writer.scope(), 4);
        writer.append(&store, &events).await;
    }
    let numbers: Vec<StreamNo> = writers.iter().map(Writer::stream).collect();
    assert_eq!(new(&store).await.0, [(numbers[0], 4, None), (numbers[1], 4, None)]);
    let first = batches::add(&store, &mut random, numbers[0], &[1, 3]).await;
    let other = batches::add(&store, &mut random, numbers[1], &[4]).await;
    assert_eq!(new(&store).await.1, [first.as_slice(), &other].concat());
    let one_each = store.unpublished(1).await.expect("answer");
    assert_eq!((one_each.heads.len(), one_each.batches.len()), (1, 1));

    let lease = lease(&store, "a").await;
    let records = publish(&store, lease).await;
    assert_eq!(records.len(), 5);
    assert_eq!(new(&store).await, (Vec::new(), Vec::new()), "everything is published");
    let index_of = |record: Vec<u8>| records.iter().find(|found| found.record == record).map(|found| found.index);
    for batch in first.iter().chain(&other) {
        let (scope, found) = store.batch(batch.batch).await.expect("answer").expect("the batch");
        let row = store.stream(scope).await.expect("answer").expect("its stream");
        let log_index = index_of(batch_record(&row, batch).to_bytes());
        assert_eq!(found, Batch { log_index, ..batch.clone() });
        assert_eq!(store.batch_covering(batch.stream, batch.start).await.expect("answer"), Some(found));
    }

    for writer in &mut writers[1..] {
        let events = random.events(writer.scope(), 1);
        writer.append(&store, &events).await;
    }
    let rest = batches::add(&store, &mut random, numbers[0], &[4]).await;
    let previous = store.head_record(numbers[1]).await.expect("answer").expect("published").index;
    assert_eq!(new(&store).await, (vec![(numbers[1], 5, Some(previous)), (numbers[2], 1, None)], rest));
    publish(&store, lease).await;
    let newest = store.head_record(numbers[1]).await.expect("answer").expect("published");
    let Ok(Record::Head { size, previous_plus_one, .. }) = Record::from_bytes(&newest.record) else {
        panic!("the newest head record is no head record: {newest:?}")
    };
    assert_eq!((size, previous_plus_one), (5, previous + 1));
}

type New = (Vec<(StreamNo, u64, Option<u64>)>, Vec<Batch>);

/// What is unpublished, in the order of streams and places; rows must be those that readers see.
async fn new(store: &impl Store) -> New {
    let Unpublished { heads, batches } = store.unpublished(1_000).await.expect("answer");
    for row in heads.iter().map(|(row, _)| row).chain(batches.iter().map(|(row, _)| row)) {
        assert_eq!(store.stream(row.scope).await.expect("answer").as_ref(), Some(row));
    }
    assert!(batches.iter().all(|(row, batch)| row.stream == batch.stream));
    let mut heads: Vec<_> = heads.into_iter().map(|(row, previous)| (row.stream, row.size, previous)).collect();
    let mut batches: Vec<_> = batches.into_iter().map(|(_, batch)| batch).collect();
    heads.sort_unstable();
    batches.sort_by_key(|batch| (batch.stream, batch.start));
    (heads, batches)
}

/// N08: the tiles of the log's tree are kept as they were given, with the round that completed them.
pub(crate) async fn log_tiles_are_kept(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(83);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    writer.append(&store, &random.events(scope, 1)).await;
    let lease = lease(&store, "a").await;
    assert_eq!(store.log_tile(0, 0).await.expect("answer"), None);
    let tile = |random: &mut Random, level, index| LogTile {
        level,
        index,
        hashes: (0..256).map(|_| Hash(random.bytes())).collect(),
    };
    let tiles = vec![tile(&mut random, 0, 0), tile(&mut random, 0, 1), tile(&mut random, 1, 0)];
    let record = NewRecord { stream: writer.stream(), record: vec![1, 2, 3], head_size: None, batch: None };
    let next = Round { tiles: tiles.clone(), ..round_of(&Frontier::new(), vec![record]) };
    let stale = PublisherLease { epoch: lease.epoch - 1, ..lease };
    let refused = store.publish(stale, &next).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(store.log_tile(0, 0).await.expect("answer"), None, "a refused round leaves no tile");
    store.publish(lease, &next).await.expect("a round");
    for tile in tiles {
        assert_eq!(store.log_tile(tile.level, tile.index).await.expect("answer"), Some(tile));
    }
    for (level, index) in [(0, 2), (1, 1), (2, 0)] {
        assert_eq!(store.log_tile(level, index).await.expect("answer"), None);
    }
}
