//! Reading the log and settling what was read.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use stateset_outbox::delivery::{
    AttemptRecord, BreakerState, Change, Chunk, DeadLetter, DeliveryError, DeliveryRow, DeliveryState, Evidence,
    HeldReason, Histogram, LaneChange, Lease, LoggedEvent, NewRoute, RebaseFrom, Rollup, RouteVersion, Settlement,
    Start,
};
use stateset_outbox::{Engine, Outbox};
use uuid::Uuid;

use super::{Factory, LEASE, Plain, Reader, number, order, registration, write};

fn numbers(events: &[LoggedEvent]) -> Vec<i64> {
    events.iter().map(|event| number(&event.payload)).collect()
}

fn delivered(chunk: &Chunk) -> Settlement {
    let events = i32::try_from(chunk.events.len()).expect("a small chunk");
    Settlement { advance: Some(chunk.advance()), events, ..Settlement::default() }
}

/// Reads and settles chunks of `most` until there is nothing left.
async fn drain(reader: &Reader, lease: &Lease, most: u16) -> Vec<LoggedEvent> {
    let mut all = Vec::new();
    loop {
        let chunk = reader.store.poll(lease, most).await.expect("a chunk");
        reader.store.settle(lease, &delivered(&chunk)).await.expect("settled");
        all.extend_from_slice(&chunk.events);
        if chunk.events.is_empty() && !chunk.full {
            return all;
        }
    }
}

async fn write_orders<DB: Engine>(outbox: &Outbox<DB>, numbers: std::ops::Range<i64>) {
    let mut tx = outbox.begin().await.expect("a transaction");
    let orders = numbers.map(|number| order(&(number % 5).to_string(), number));
    outbox.write_event_batch(&mut tx, orders).await.expect("written");
    outbox.commit(tx).await.expect("it commits");
}

/// Rulings 41: a new match starts now.
pub(crate) async fn a_destination_gets_what_comes_after_its_registration<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    write_orders(&outbox, 0..3).await;
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    assert!(drain(&reader, &reader.leases[0], 10).await.is_empty());
    write_orders(&outbox, 3..6).await;
    assert_eq!(numbers(&drain(&reader, &reader.leases[0], 10).await), [3, 4, 5]);
    assert!(drain(&reader, &reader.leases[0], 10).await.is_empty());
}

/// D09
pub(crate) async fn a_backfill_gets_everything<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    write_orders(&outbox, 0..3).await;
    let reader = Reader::new(&outbox, 1, Start::Beginning).await;
    let events = drain(&reader, &reader.leases[0], 10).await;
    assert_eq!(numbers(&events), [0, 1, 2]);
    assert!(events.iter().all(|event| reader.destination.routes_of(event).count() == 1));
}

pub(crate) async fn a_full_chunk_is_followed_by_the_next<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    write_orders(&outbox, 0..10).await;
    let lease = &reader.leases[0];
    let first = reader.store.poll(lease, 4).await.expect("a chunk");
    assert_eq!((numbers(&first.events), first.full), (vec![0, 1, 2, 3], true));
    assert_eq!(reader.store.poll(lease, 4).await.expect("the same").events, first.events, "a poll changes nothing");
    reader.store.settle(lease, &delivered(&first)).await.expect("settled");
    // What comes while the pages are read comes after them.
    write_orders(&outbox, 10..12).await;
    assert_eq!(numbers(&drain(&reader, lease, 4).await), (4..12).collect::<Vec<_>>());
}

/// The beginning of a chunk was published when the destination went down.
pub(crate) async fn a_chunk_settles_in_part<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    write_orders(&outbox, 0..10).await;
    let lease = &reader.leases[0];
    for (most, published) in [(20, 3), (4, 2), (4, 4)] {
        let chunk = reader.store.poll(lease, most).await.expect("a chunk");
        let advance = chunk.advance_through(&chunk.events[published - 1]);
        let plan = Settlement { advance: Some(advance), events: 1, ..Settlement::default() };
        reader.store.settle(lease, &plan).await.expect("settled");
    }
    write_orders(&outbox, 10..11).await;
    assert_eq!(numbers(&drain(&reader, lease, 4).await), [9, 10]);
}

/// A reply that was lost: the second settlement of the same chunk is refused, and moves nothing.
pub(crate) async fn a_chunk_settles_once<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    write_orders(&outbox, 0..3).await;
    let chunk = reader.store.poll(&reader.leases[0], 2).await.expect("a chunk");
    reader.store.settle(&reader.leases[0], &delivered(&chunk)).await.expect("settled");
    let again = reader.store.settle(&reader.leases[0], &delivered(&chunk)).await;
    assert!(matches!(again, Err(DeliveryError::Conflict)), "{again:?}");
    assert_eq!(numbers(&drain(&reader, &reader.leases[0], 2).await), [2]);
}

/// E09, F13: at least once, and in order.
pub(crate) async fn a_restarted_worker_gets_what_was_not_settled<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let store = outbox.deliveries();
    let destination = store.register(&registration("all", 1, "*", Start::Now)).await.expect("registered");
    write_orders(&outbox, 0..5).await;
    let killed = store.acquire(destination.id, "killed", Duration::ZERO, 1).await.expect("a lease");
    let chunk = store.poll(&killed[0], 3).await.expect("a chunk");
    store.settle(&killed[0], &delivered(&chunk)).await.expect("settled");
    store.poll(&killed[0], 3).await.expect("a chunk that is never settled");
    let leases = store.acquire(destination.id, "restarted", LEASE, 1).await.expect("a lease");
    let reader = Reader { store, destination, leases };
    assert_eq!(numbers(&drain(&reader, &reader.leases[0], 3).await), [3, 4]);
}

/// F11, F14, R07: while 8 writers write, two workers deliver each event once, those of one key in order.
pub(crate) async fn two_workers_share_a_destination<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 2, Start::Now).await;
    let mut writers = tokio::task::JoinSet::new();
    for key in 0..8_i64 {
        let outbox = outbox.clone();
        writers.spawn(async move {
            for round in 0..25_i64 {
                write(&outbox, order(&format!("key {key}"), key * 1_000 + round)).await;
            }
        });
    }
    let mut workers = tokio::task::JoinSet::new();
    for lease in reader.leases.clone() {
        let store = outbox.deliveries();
        workers.spawn(async move {
            let mut seen: Vec<LoggedEvent> = Vec::new();
            while seen.iter().filter(|event| event.shard >= lease.shards.0).count() < expected(&lease) {
                let chunk = store.poll(&lease, 7).await.expect("a chunk");
                if chunk.events.is_empty() {
                    store.wait(Duration::from_millis(5)).await.expect("it answers");
                }
                store.settle(&lease, &delivered(&chunk)).await.expect("settled");
                seen.extend(chunk.events);
            }
            seen
        });
    }
    while let Some(done) = writers.join_next().await {
        done.expect("no writer fails");
    }
    let mut events = Vec::new();
    while let Some(seen) = workers.join_next().await {
        events.extend(seen.expect("no worker fails"));
    }
    let ids: HashSet<Uuid> = events.iter().map(|event| event.event_id).collect();
    assert_eq!((events.len(), ids.len()), (200, 200), "none lost, none twice");
    let mut last: HashMap<String, i64> = HashMap::new();
    for event in &events {
        let number = number(&event.payload);
        let before = last.insert(event.lane().key, number);
        assert!(before.is_none_or(|before| before < number), "{:?} after {before:?}", event.lane());
    }
}

/// How many of the 200 events are in the lease's shards.
fn expected(lease: &Lease) -> usize {
    let in_lease = |key: &i64| {
        let shard = stateset_outbox::shard(Some(&format!("key {key}")), "", "");
        (lease.shards.0..=lease.shards.1).contains(&shard)
    };
    (0..8).filter(in_lease).count() * 25
}

fn route(reader: &Reader) -> &RouteVersion {
    &reader.destination.routes[0]
}

fn failed(reader: &Reader, event: &LoggedEvent, to: DeliveryState) -> Change {
    Change {
        delivery: DeliveryRow::of(event, route(reader)),
        from: None,
        to,
        reason: None,
        attempts: 1,
        next_attempt_in: (to == DeliveryState::RetryWait).then_some(Duration::ZERO),
        attempt: Some(AttemptRecord {
            started_ago: Duration::from_millis(20),
            took: Duration::from_millis(10),
            outcome: "retry",
            class: Some("handler".to_owned()),
            error: Some("no\0 stock".to_owned()),
        }),
        dead_letter: (to == DeliveryState::Dead)
            .then(|| DeadLetter { class: "exhausted".to_owned(), error: "no stock".to_owned() }),
    }
}

fn held(reader: &Reader, event: &LoggedEvent) -> Change {
    let reason = Some(HeldReason::LaneBlocked);
    Change { attempts: 0, attempt: None, reason, ..failed(reader, event, DeliveryState::Held) }
}

/// Writes 0..10 over five keys; of the first key, 0 fails and 5 waits behind it.
async fn park_first<F: Factory>(factory: &F, to: DeliveryState) -> (Reader, Vec<LoggedEvent>) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    write_orders(&outbox, 0..10).await;
    let chunk = reader.store.poll(&reader.leases[0], 20).await.expect("a chunk");
    let events = chunk.events.clone();
    let due_in = (to == DeliveryState::RetryWait).then_some(Duration::ZERO);
    let plan = Settlement {
        changes: vec![failed(&reader, &events[0], to), held(&reader, &events[5])],
        lanes: vec![LaneChange::Park { lane: events[0].lane(), due_in, reason: "retry".to_owned() }],
        ..delivered(&chunk)
    };
    reader.store.settle(&reader.leases[0], &plan).await.expect("settled");
    (reader, events)
}

/// F07, F14, D08
pub(crate) async fn a_failure_parks_its_lane_and_nothing_else<F: Factory>(factory: &F) {
    let (reader, events) = park_first(factory, DeliveryState::RetryWait).await;
    let lease = &reader.leases[0];
    assert!(drain(&reader, lease, 10).await.is_empty(), "the cursor went on");
    let due = reader.store.due(lease, 10).await.expect("lanes");
    assert_eq!(due.iter().map(|parked| &parked.lane).collect::<Vec<_>>(), [&events[0].lane()]);
    assert_eq!(reader.store.parked(lease, None, 10).await.expect("lanes"), due);
    assert!(reader.store.parked(lease, Some(&due[0].lane), 10).await.expect("lanes").is_empty());
    assert_eq!(reader.store.next_due(lease).await.expect("a time"), Some(Duration::ZERO));
    let waiting = reader.store.waiting(lease, &due[0].lane, 10).await.expect("deliveries");
    let found: Vec<_> = waiting.iter().map(|one| (number(&one.event.payload), one.state, one.attempts)).collect();
    assert_eq!(found, [(0, DeliveryState::RetryWait, 1), (5, DeliveryState::Held, 0)]);
    assert_eq!(waiting[0].delivery, DeliveryRow::of(&events[0], route(&reader)));

    let done = |at: usize| Change {
        from: Some(waiting[at].state),
        to: DeliveryState::Delivered,
        attempts: waiting[at].attempts + 1,
        ..held(&reader, &waiting[at].event)
    };
    let lanes = vec![LaneChange::Unpark { lane: due[0].lane.clone() }];
    let plan = Settlement { changes: vec![done(0), done(1)], lanes, ..Settlement::default() };
    reader.store.settle(lease, &plan).await.expect("settled");
    let again = reader.store.settle(lease, &plan).await;
    assert!(matches!(again, Err(DeliveryError::Conflict)), "each transition happens once: {again:?}");
    assert!(reader.store.parked(lease, None, 10).await.expect("lanes").is_empty());
    let counts = reader.store.counts(reader.destination.id).await.expect("counts");
    assert_eq!(counts.rows, [(DeliveryState::Delivered, 2)]);
}

/// The one dead letter that is there.
async fn letter<F: Factory>(factory: &F) -> Uuid {
    let mut tx = factory.outbox().begin().await.expect("a transaction");
    let table = factory.table("dead_letter");
    let id = if table.contains('.') { "id::text" } else { "lower(hex(id))" };
    let found = F::Engine::texts(&mut tx, format!("SELECT {id} FROM {table}")).await;
    assert_eq!(found.len(), 1);
    found[0].parse().expect("a UUID")
}

/// G01, G03, G10: attempts counted anew, history kept; the second call changes nothing.
pub(crate) async fn a_dead_letter_is_redriven_once<F: Factory>(factory: &F) {
    let (reader, events) = park_first(factory, DeliveryState::Dead).await;
    let lease = &reader.leases[0];
    let counts = reader.store.counts(reader.destination.id).await.expect("counts");
    assert_eq!((counts.dead_letters, counts.parked_lanes, counts.pending), (1, 1, 0));
    assert!(counts.oldest.is_some(), "what waits behind it is not finished");
    assert!(reader.store.due(lease, 10).await.expect("lanes").is_empty(), "it waits for an operator");
    let letter = letter(factory).await;
    assert!(reader.store.redrive(letter, "tester").await.expect("redriven"));
    assert!(!reader.store.redrive(letter, "tester").await.expect("closed before"));
    assert!(!reader.store.discard(letter, "twice", "tester").await.expect("closed before"));
    assert!(!reader.store.redrive(Uuid::nil(), "tester").await.expect("there is none"));
    let due = reader.store.due(lease, 10).await.expect("lanes");
    assert_eq!((due.len(), due[0].reason.as_str()), (1, "redriven"));
    let waiting = reader.store.waiting(lease, &due[0].lane, 10).await.expect("deliveries");
    let found: Vec<_> = waiting.iter().map(|one| (number(&one.event.payload), one.state, one.attempts)).collect();
    assert_eq!(found, [(0, DeliveryState::Pending, 0), (5, DeliveryState::Held, 0)]);
    let again = Change { from: Some(DeliveryState::Pending), ..failed(&reader, &events[0], DeliveryState::Dead) };
    let plan = Settlement { changes: vec![again], ..Settlement::default() };
    reader.store.settle(lease, &plan).await.expect("it dies again");
    let mut tx = factory.outbox().begin().await.expect("a transaction");
    let attempts = factory.table("attempt");
    assert_eq!(F::Engine::number(&mut tx, format!("SELECT count(*) FROM {attempts} WHERE number = 2")).await, 1);
    let letters = factory.table("dead_letter");
    assert_eq!(F::Engine::number(&mut tx, format!("SELECT count(*) FROM {letters}")).await, 2);
}

/// G08
pub(crate) async fn a_dead_letter_is_discarded_once<F: Factory>(factory: &F) {
    let (reader, _) = park_first(factory, DeliveryState::Dead).await;
    let letter = letter(factory).await;
    assert!(reader.store.discard(letter, "a test order", "tester").await.expect("discarded"));
    assert!(!reader.store.redrive(letter, "tester").await.expect("closed before"));
    let due = reader.store.due(&reader.leases[0], 10).await.expect("lanes");
    let waiting = reader.store.waiting(&reader.leases[0], &due[0].lane, 10).await.expect("deliveries");
    assert_eq!(waiting.iter().map(|one| number(&one.event.payload)).collect::<Vec<_>>(), [5], "its lane goes on");
    let counts = reader.store.counts(reader.destination.id).await.expect("counts");
    assert_eq!(counts.rows, [(DeliveryState::Discarded, 1), (DeliveryState::Held, 1)]);
}

/// No silent loss: a lane that flows again must have nothing waiting.
pub(crate) async fn a_lane_with_open_deliveries_cannot_flow<F: Factory>(factory: &F) {
    let (reader, events) = park_first(factory, DeliveryState::RetryWait).await;
    let lanes = vec![LaneChange::Unpark { lane: events[0].lane() }];
    let refused = reader.store.settle(&reader.leases[0], &Settlement { lanes, ..Settlement::default() }).await;
    assert!(matches!(refused, Err(DeliveryError::Conflict)), "{refused:?}");
    assert_eq!(reader.store.parked(&reader.leases[0], None, 10).await.expect("lanes").len(), 1);
}

/// Rulings 41: judged by the version in force at the event.
pub(crate) async fn routes_are_versions<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    write(&outbox, order("1", 0)).await;
    let mut changed = registration("all", 1, "payment.*", Start::Now);
    let same = reader.store.register(&registration("all", 1, "*", Start::Now)).await.expect("registered");
    assert_eq!(same, reader.destination, "the same registration changes nothing");
    reader.store.register(&changed).await.expect("registered");
    write(&outbox, order("1", 1)).await;
    changed.routes = vec![NewRoute { name: "new".into(), type_glob: "order.*".into(), policy: "{}".into() }];
    let destination = reader.store.register(&changed).await.expect("registered");
    write(&outbox, order("1", 2)).await;
    let events = drain(&reader, &reader.leases[0], 10).await;
    let routes: Vec<Vec<(&str, i32)>> = events
        .iter()
        .map(|event| destination.routes_of(event).map(|route| (route.name.as_str(), route.version)).collect())
        .collect();
    assert_eq!(routes, [vec![("all", 1)], vec![], vec![("new", 1)]]);
    let other = registration("all", 2, "*", Start::Now);
    let refused = reader.store.register(&other).await.expect_err("shard groups are for ever");
    assert!(matches!(refused, DeliveryError::Mismatch(_)), "{refused:?}");
    for bad in [registration("b", 3, "*", Start::Now), registration("b", 1, "a?", Start::Now)] {
        assert!(matches!(reader.store.register(&bad).await, Err(DeliveryError::Mismatch(_))), "{bad:?}");
    }
}

/// F08
pub(crate) async fn a_breaker_is_compared_and_set<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let mut breaker = reader.store.breaker(reader.destination.id).await.expect("a breaker");
    assert_eq!((breaker.state, breaker.version), (BreakerState::Closed, 0));
    breaker.state = BreakerState::Open;
    breaker.failures = 3;
    breaker.reason = Some("connection refused".to_owned());
    breaker.probe_in = Some(Duration::from_hours(1));
    assert!(reader.store.set_breaker(&breaker).await.expect("stored"));
    assert!(!reader.store.set_breaker(&breaker).await.expect("another was first"));
    let stored = reader.store.breaker(reader.destination.id).await.expect("a breaker");
    assert_eq!((stored.state, stored.failures, stored.version), (BreakerState::Open, 3, 1));
    assert_eq!(stored.reason, breaker.reason);
    assert!(stored.probe_in.is_some_and(|left| left > Duration::from_mins(50)), "{stored:?}");
    assert!(reader.store.set_breaker(&stored).await.expect("stored"));
}

/// E14, Q11
pub(crate) async fn counts_add_up<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 4, Start::Now).await;
    let only_payments = registration("payments", 1, "payment.*", Start::Now);
    let payments = reader.store.register(&only_payments).await.expect("registered").id;
    write_orders(&outbox, 0..10).await;
    let counts = reader.store.counts(reader.destination.id).await.expect("counts");
    assert_eq!((counts.pending, counts.pending_capped, counts.parked_lanes), (10, false, 0));
    assert!(counts.oldest.is_some_and(|age| age < Duration::from_mins(1)), "{counts:?}");
    assert_eq!(reader.store.counts(payments).await.expect("counts").pending, 0, "no route takes them");
    for lease in &reader.leases {
        let chunk = reader.store.poll(lease, 1).await.expect("a chunk");
        reader.store.settle(lease, &delivered(&chunk)).await.expect("settled");
    }
    let settled = 10 - reader.store.counts(reader.destination.id).await.expect("counts").pending;
    let groups: HashSet<u8> =
        (0..5).map(|key: i64| stateset_outbox::shard(Some(&key.to_string()), "", "") / 16).collect();
    assert_eq!(settled, i64::try_from(groups.len()).expect("few"));
}

/// R04: finished rows go, open ones and the log stay.
pub(crate) async fn finished_rows_are_collected<F: Factory>(factory: &F) {
    let (reader, events) = park_first(factory, DeliveryState::Dead).await;
    let lease = &reader.leases[0];
    let done = Change { from: Some(DeliveryState::Held), to: DeliveryState::Delivered, ..held(&reader, &events[5]) };
    let receipt = Evidence {
        log_id: events[5].log_id,
        kind: "manual".to_owned(),
        remote_sequence: Some(7),
        evidence: "{}".to_owned(),
    };
    let plan = Settlement { changes: vec![done], receipts: vec![receipt.clone(), receipt], ..Settlement::default() };
    reader.store.settle(lease, &plan).await.expect("settled");
    assert_eq!(reader.store.collect(Duration::from_hours(1), 100).await.expect("collected"), 0);
    let mut gone = 0;
    // The clock of the database has to move past the moment of the settlement.
    while gone == 0 {
        gone = reader.store.collect(Duration::ZERO, 100).await.expect("collected");
    }
    let counts = reader.store.counts(reader.destination.id).await.expect("counts");
    assert_eq!(counts.rows, [(DeliveryState::Dead, 1)], "a dead letter is not collected");
    assert_eq!(reader.store.events(&[events[5].log_id]).await.expect("the log").len(), 1);
}

/// Rulings 49: a new epoch, nothing rewritten; who held a lease has lost it.
pub(crate) async fn a_rebase_delivers_again<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    write_orders(&outbox, 0..6).await;
    let events = drain(&reader, &reader.leases[0], 4).await;
    assert_eq!(reader.store.check_log().await.expect("it answers"), None);
    reader.store.rebase(RebaseFrom::Resume).await.expect("nothing is wrong");
    for (from, expected) in [
        (RebaseFrom::After(events[3].log_id), vec![4, 5, 6]),
        (RebaseFrom::Nothing, vec![6]),
        (RebaseFrom::WrittenSince(0), vec![0, 1, 2, 3, 4, 5, 6, 6, 6]),
    ] {
        let old = reader.store.acquire(reader.destination.id, "old", LEASE, 1).await.expect("leases");
        let lease = old.into_iter().next().unwrap_or_else(|| reader.leases[0].clone());
        reader.store.rebase(from).await.expect("rebased");
        let lost = reader.store.poll(&lease, 10).await;
        assert!(matches!(lost, Err(DeliveryError::LeaseLost)), "{lost:?}");
        write_orders(&outbox, 6..7).await;
        let lease = reader.store.acquire(reader.destination.id, "new", LEASE, 1).await.expect("a lease").remove(0);
        let again = drain(&reader, &lease, 4).await;
        let found = numbers(&again);
        assert_eq!(found, expected, "{from:?}");
        assert!(again.last().is_some_and(|event| event.log_epoch >= again[0].log_epoch));
        assert_eq!(reader.store.check_log().await.expect("it answers"), None);
        reader.store.release(&[lease]).await.expect("released");
    }
}

/// F01: the worker waits far longer than the test may take.
pub(crate) async fn a_commit_wakes_a_worker<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let (same, other) = (outbox.deliveries(), factory.outbox().deliveries());
    for store in [same, other] {
        // Another process needs a moment until it listens; a hint can be missed, so there are many.
        let writing = async {
            loop {
                write(&outbox, order("1", 1)).await;
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            woken = store.wait(Duration::from_mins(10)) => woken.expect("it answers"),
            () = writing => {},
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("nobody woke the worker"),
        }
    }
}

/// Q06, Q07: a worker's counts of a minute replace each other, those of two workers stand side by side, and what is too
/// old is forgotten with the next write.
pub(crate) async fn counts_of_minutes_survive_and_expire<F: Factory>(factory: &F) {
    let store = Reader::new(&factory.outbox(), 1, Start::Beginning).await;
    let (destination, store) = (store.destination.id, store.store);
    let minute = minutes_now();
    let rollup = |ago: i64, worker: &str, delivered: u64| {
        let mut latencies = Histogram::default();
        (0..delivered).for_each(|_| latencies.add(Duration::from_millis(3)));
        Rollup {
            minute: minute - ago,
            destination,
            event_type: "order.created".to_owned(),
            worker: worker.to_owned(),
            delivered,
            retried: 1,
            failed: 0,
            slowest_us: 3_000,
            latencies,
        }
    };
    let (day, hour) = (Duration::from_hours(24), Duration::from_hours(1));
    let old = rollup(30 * 60, "a", 9);
    store.record_rollups(std::slice::from_ref(&old), Duration::from_hours(48)).await.expect("stored");
    let written = [rollup(90, "a", 4), rollup(0, "a", 1), rollup(0, "b", 2)];
    store.record_rollups(&written, Duration::from_hours(48)).await.expect("stored");
    assert_eq!(store.rollups(hour).await.expect("read"), written[1..]);
    assert_eq!(store.rollups(Duration::from_hours(40)).await.expect("read")[0], old);
    let grown = rollup(0, "a", 5);
    store.record_rollups(std::slice::from_ref(&grown), day).await.expect("stored");
    let all = store.rollups(Duration::from_hours(40)).await.expect("read");
    assert_eq!(
        all,
        [written[0].clone(), grown, written[2].clone()],
        "the old one is gone, the grown one is there once"
    );
}

#[expect(clippy::disallowed_methods, reason = "the database's clock is the machine's")]
fn minutes_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs() / 60).expect("a time of this age")
}
