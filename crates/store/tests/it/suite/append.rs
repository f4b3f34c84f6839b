//! The append: atomic, refused when anything moved, visible in order.

use std::collections::HashMap;
use std::sync::Arc;

use stateset_ledger::event::{Annotations, Candidate, EnvelopeVersion, PayloadForm, Seal};
use stateset_ledger::id::{KeyId, Micros, Scope, StoreId, TenantId};
use stateset_store::append::Appended;
use stateset_store::read::StoredEvent;
use stateset_store::stream::StreamNo;
use stateset_store::{Store, StoreError};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Factory;
use super::random::{Random, with_content_hash};
use super::writer::{NOW, Writer, all_events, page, stored};

/// A01, A02, A08: every field of every kind of event, at its extremes, comes back as it was given.
pub(crate) async fn appended_events_read_back_exactly(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(10);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut expected = writer.append(&store, &extremes(&mut random, scope)).await;
    writer.now = Micros(writer.now.0 + 1);
    expected.extend(writer.append(&store, &random.events(scope, 100)).await);
    for (found, expected) in all_events(&store, writer.stream()).await.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(all_events(&factory.open().await, writer.stream()).await, expected, "after reopening");
}

fn extremes(random: &mut Random, scope: Scope) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (number, version) in [EnvelopeVersion::Legacy, EnvelopeVersion::V1, EnvelopeVersion::V2].into_iter().enumerate()
    {
        let mut bare = random.event(scope);
        let header = &mut bare.header;
        header.version = version;
        header.entity_type = String::new();
        header.entity_id = "\u{feff}\u{202e}\u{1f9fe}\u{10ffff}".to_owned();
        header.payload_form = PayloadForm::from_number(u8::try_from(number).expect("small")).expect("a form");
        header.command_id = None;
        header.base_version = None;
        header.order_key = None;
        header.correlation_id = None;
        header.annotations = Annotations::default();
        bare.payload = Box::default();
        all.push(with_content_hash(bare, scope));

        let mut full = random.event(scope);
        let header = &mut full.header;
        header.version = version;
        header.event_type = "Ж".repeat(128);
        header.entity_id = "'\"\\\u{1}\u{7f}\r\n".repeat(64);
        header.command_id = Some(Uuid::nil());
        header.base_version = Some(u64::MAX - u64::try_from(number).expect("small"));
        header.order_key = Some(String::new());
        header.correlation_id = Some("é ≠ e\u{301}".to_owned());
        header.annotations = Annotations {
            causation_id: Some(String::new()),
            schema_version: Some(u32::MAX),
            metadata: Some(r#"{"n":1.10,"s":"\u0000","t":"\"\\"}"#.into()),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            legacy_signature: Some("0x00".to_owned()),
        };
        if let Seal::Signed { key, .. } = &mut header.seal {
            *key = KeyId(u32::MAX);
        }
        full.payload = (0..=255).cycle().take(70_000).collect();
        all.push(with_content_hash(full, scope));
    }
    all
}

/// A10: of two plans made on one head, one commits.
pub(crate) async fn append_refuses_a_stream_that_moved(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(11);
    let scope = random.scope();
    let mut first = Writer::open(&store, scope).await;
    let second = first.clone();
    let expected = first.append(&store, &random.events(scope, 2)).await;
    for stale_by in 1..=2 {
        let candidates = random.events(scope, stale_by);
        let plan = second.plan(&candidates);
        let answer = store.append(&[second.append_of(&plan)]).await.expect("moved is an answer");
        assert_eq!(answer, [Appended::Moved]);
    }
    assert_eq!(all_events(&store, first.stream()).await, expected);
    let row = store.stream(scope).await.expect("answer").expect("opened");
    assert_eq!((row.size, row.root), (2, first.opened.head.root()));
}

/// One stale stream does not hold up the others of its flush.
pub(crate) async fn append_commits_the_streams_that_did_not_move(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(12);
    let tenant = random.scope().tenant;
    let scopes: Vec<Scope> = (0..5).map(|_| Scope::new(tenant, StoreId(random.uuid()))).collect();
    let mut writers = Vec::new();
    for &scope in &scopes {
        writers.push(Writer::open(&store, scope).await);
    }
    let moved_on = writers[2].clone().append(&store, &random.events(scopes[2], 1)).await;

    // Neither in the order of their numbers nor in the order they were opened.
    let order = [3, 0, 2, 4, 1];
    let batches: Vec<Vec<Candidate>> = order.iter().map(|&n| random.events(scopes[n], n + 1)).collect();
    let plans: Vec<_> = order.iter().zip(&batches).map(|(&n, candidates)| writers[n].plan(candidates)).collect();
    let appends: Vec<_> = order.iter().zip(&plans).map(|(&n, plan)| writers[n].append_of(plan)).collect();
    let answer = store.append(&appends).await.expect("answer");
    for ((&n, append), answer) in order.iter().zip(&appends).zip(answer) {
        let found = all_events(&store, writers[n].stream()).await;
        if n == 2 {
            assert_eq!((answer, found), (Appended::Moved, moved_on.clone()));
        } else {
            assert_eq!((answer, found), (Appended::Committed, stored(append)));
        }
    }
}

/// A10, A11: a refused call leaves no trace in any of its streams.
pub(crate) async fn append_is_atomic_across_streams(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(13);
    let scopes = [random.scope(), random.scope(), random.scope()];
    let mut writers = Vec::new();
    for scope in scopes {
        writers.push(Writer::open(&store, scope).await);
    }
    let once = random.events(scopes[1], 1);
    let expected = writers[1].append(&store, &once).await;
    let batches = [
        random.events(scopes[0], 300),
        vec![random.event(scopes[1]), once[0].clone(), random.event(scopes[1])],
        random.events(scopes[2], 1),
    ];
    let plans: Vec<_> = writers.iter().zip(&batches).map(|(writer, candidates)| writer.plan(candidates)).collect();
    let appends: Vec<_> = writers.iter().zip(&plans).map(|(writer, plan)| writer.append_of(plan)).collect();
    let refused = store.append(&appends).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    for (n, writer) in writers.iter().enumerate() {
        assert_eq!(all_events(&store, writer.stream()).await, if n == 1 { expected.clone() } else { Vec::new() });
        let reopened = Writer::open(&store, writer.scope()).await.opened;
        assert_eq!(reopened.head, writer.opened.head, "stream {n}");
    }
    for (n, writer) in writers.iter_mut().enumerate() {
        writer.append(&store, &random.events(scopes[n], 2)).await;
    }
}

/// A revocation that was logged after the key facts were read refuses the append.
pub(crate) async fn append_refuses_a_key_stream_that_moved(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(14);
    let scope = random.scope();
    let stale = Writer::open(&store, scope).await;
    let key_scope = Scope::key_stream(scope.tenant);
    let mut keys = Writer::open(&store, key_scope).await;
    keys.append(&store, &random.events(key_scope, 1)).await;

    let candidates = random.events(scope, 1);
    let plan = stale.plan(&candidates);
    assert_eq!(store.append(&[stale.append_of(&plan)]).await.expect("answer"), [Appended::Moved]);
    assert_eq!(all_events(&store, stale.stream()).await, []);

    let mut fresh = Writer::open(&store, scope).await;
    assert_eq!(fresh.opened.key_stream, Some((keys.stream(), 1)));
    fresh.append(&store, &candidates).await;

    let other = random.scope();
    Writer::open(&store, other).await.append(&store, &random.events(other, 1)).await;
}

/// A01: an id is in a stream once, whatever the planner knew.
pub(crate) async fn a_repeated_id_is_refused_and_writes_nothing(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(15);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let candidates = random.events(scope, 3);
    let expected = writer.append(&store, &candidates).await;
    let mut other_content = random.event(scope);
    other_content.header.event_id = candidates[1].header.event_id;
    for repeated in [candidates[0].clone(), with_content_hash(other_content, scope)] {
        let again = [random.event(scope), repeated];
        let plan = writer.plan(&again);
        let refused = store.append(&[writer.append_of(&plan)]).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(all_events(&store, writer.stream()).await, expected);
    assert_eq!(Writer::open(&store, scope).await.opened.head, writer.opened.head);
    writer.append(&store, &random.events(scope, 1)).await;
}

/// A01: the planner merges repetitions; a store that is handed one refuses it.
pub(crate) async fn an_id_twice_in_one_append_is_refused(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(16);
    let scope = random.scope();
    let writer = Writer::open(&store, scope).await;
    let candidates = random.events(scope, 2);
    let plan = writer.plan(&candidates);
    let mut append = writer.append_of(&plan);
    append.events[1].header = append.events[0].header;
    let refused = store.append(&[append]).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(all_events(&store, writer.stream()).await, []);
}

/// L02: the slower of two copies of one request learns that the stream moved, and finds its events on reloading.
pub(crate) async fn a_moved_stream_is_moved_even_with_a_known_id(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(17);
    let scope = random.scope();
    let slower = Writer::open(&store, scope).await;
    let candidates = random.events(scope, 2);
    slower.clone().append(&store, &candidates).await;
    let plan = slower.plan(&candidates);
    let other_scope = random.scope();
    let other = Writer::open(&store, other_scope).await;
    let others = random.events(other_scope, 1);
    let other_plan = other.plan(&others);
    let answer = store.append(&[slower.append_of(&plan), other.append_of(&other_plan)]).await.expect("answer");
    assert_eq!(answer, [Appended::Moved, Appended::Committed]);
}

/// A01: ids are unique per tenant and store, so nobody can squat another's.
pub(crate) async fn an_id_may_be_in_many_streams(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(18);
    let (tenant, other_tenant) = (TenantId(random.uuid()), TenantId(random.uuid()));
    let (shop, other_shop) = (StoreId(random.uuid()), StoreId(random.uuid()));
    let scopes = [Scope::new(tenant, shop), Scope::new(tenant, other_shop), Scope::new(other_tenant, shop)];
    let event = random.event(scopes[0]);
    let copies: Vec<Vec<Candidate>> =
        scopes.iter().map(|&scope| vec![with_content_hash(event.clone(), scope)]).collect();
    let mut writers = Vec::new();
    for scope in scopes {
        writers.push(Writer::open(&store, scope).await);
    }
    let expected = writers[0].append(&store, &copies[0]).await;
    let plans = [writers[1].plan(&copies[1]), writers[2].plan(&copies[2])];
    let appends = [writers[1].append_of(&plans[0]), writers[2].append_of(&plans[1])];
    assert_eq!(store.append(&appends).await.expect("answer"), [Appended::Committed; 2]);
    assert_eq!(all_events(&store, writers[0].stream()).await, expected);
    assert_eq!(all_events(&store, writers[1].stream()).await, stored(&appends[0]));
    assert_eq!(all_events(&store, writers[2].stream()).await, stored(&appends[1]));
}

const WRITERS: usize = 64;
const APPENDS_EACH: usize = 3;

/// A10: with 64 writers on one stream and a reader that polls, the order starts at 1, has no gap, and no reader ever sees
/// place n + 1 before place n.
pub(crate) async fn events_become_visible_in_order_and_without_gap(factory: &impl Factory) {
    let stores = [Arc::new(factory.open().await), Arc::new(factory.open().await)];
    let scope = Random::new(19).scope();
    let stream = Writer::open(&*stores[0], scope).await.stream();
    let mut tasks = JoinSet::new();
    let mut total = 0;
    for n in 0..WRITERS {
        let store = Arc::clone(&stores[n % 2]);
        let mut random = Random::new(1_000 + n as u64);
        let batches: Vec<_> = (0..APPENDS_EACH).map(|size| random.events(scope, 1 + (n + size) % 3)).collect();
        total += batches.iter().map(Vec::len).sum::<usize>();
        tasks.spawn(async move {
            for candidates in batches {
                append_until_committed(&*store, scope, &candidates).await;
            }
        });
    }
    let reader = Arc::clone(&stores[1]);
    let mut seen = JoinSet::new();
    seen.spawn(async move { read_until(&*reader, scope, stream, total as u64).await });
    while let Some(task) = tasks.join_next().await {
        task.expect("a writer");
    }
    let seen = seen.join_next().await.expect("one reader").expect("a reader");
    assert_eq!(all_events(&*stores[0], stream).await, seen);
    let distinct: HashMap<_, _> = seen.iter().map(|event| (event.header.event_id, event.sequence)).collect();
    assert_eq!(distinct.len(), total);
}

/// Reads what is new until `total` events were seen; the order must never be broken.
async fn read_until(store: &impl Store, scope: Scope, stream: StreamNo, total: u64) -> Vec<StoredEvent> {
    let mut seen: Vec<StoredEvent> = Vec::new();
    let mut head = 0;
    while (seen.len() as u64) < total {
        let from = seen.len() as u64 + 1;
        let page = page(store, stream, from, 50).await;
        assert!(page.head_size >= head, "the head went back from {head} to {}", page.head_size);
        head = page.head_size;
        let places: Vec<u64> = page.events.iter().map(|event| event.sequence.get()).collect();
        let end = head.min(from + 49);
        assert_eq!(places, (from..=end).collect::<Vec<_>>(), "of a stream of {head}");
        assert_eq!(page.has_more, head > end);
        if let Some(last) = page.events.last() {
            let leaf = store.leaves(stream, last.sequence.index(), 1).await.expect("the leaf of a visible event");
            assert_eq!(leaf, [last.header.leaf(scope, last.sequence)]);
        }
        seen.extend(page.events);
        tokio::task::yield_now().await;
    }
    seen
}

async fn append_until_committed(store: &impl Store, scope: Scope, candidates: &[Candidate]) {
    loop {
        let writer = Writer::open(store, scope).await;
        let plan = writer.plan(candidates);
        match store.append(&[writer.append_of(&plan)]).await.expect("an answer").as_slice() {
            [Appended::Committed] => return,
            moved => assert_eq!(moved, [Appended::Moved]),
        }
    }
}

/// Appends that name the same streams in opposite orders neither block nor lose each other.
pub(crate) async fn writers_of_many_streams_do_not_disturb_each_other(factory: &impl Factory) {
    let stores = [Arc::new(factory.open().await), Arc::new(factory.open().await)];
    let mut random = Random::new(20);
    let scopes = [random.scope(), random.scope(), random.scope()];
    stores[0].open_streams(&scopes, NOW).await.expect("opens");
    let mut tasks = JoinSet::new();
    for n in 0..8_usize {
        let store = Arc::clone(&stores[n % 2]);
        let mut scopes = scopes.to_vec();
        scopes.rotate_left(n % 3);
        if n % 2 == 0 {
            scopes.reverse();
        }
        let mut random = Random::new(2_000 + n as u64);
        tasks.spawn(async move {
            for _ in 0..5 {
                let batches: Vec<_> = scopes.iter().map(|&scope| random.events(scope, 1)).collect();
                append_all_until_committed(&*store, scopes.clone(), batches).await;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("a writer");
    }
    for scope in scopes {
        let writer = Writer::open(&*stores[0], scope).await;
        let places: Vec<u64> =
            all_events(&*stores[1], writer.stream()).await.iter().map(|event| event.sequence.get()).collect();
        assert_eq!(places, (1..=40).collect::<Vec<_>>());
    }
}

async fn append_all_until_committed(store: &impl Store, scopes: Vec<Scope>, batches: Vec<Vec<Candidate>>) {
    let mut waiting: Vec<_> = scopes.into_iter().zip(batches).collect();
    while !waiting.is_empty() {
        let scopes: Vec<Scope> = waiting.iter().map(|(scope, _)| *scope).collect();
        let opened = store.open_streams(&scopes, NOW).await.expect("opens");
        let writers: Vec<_> = opened.into_iter().map(|opened| Writer { opened, now: NOW }).collect();
        let plans: Vec<_> = writers.iter().zip(&waiting).map(|(writer, (_, events))| writer.plan(events)).collect();
        let appends: Vec<_> = writers.iter().zip(&plans).map(|(writer, plan)| writer.append_of(plan)).collect();
        let answers = store.append(&appends).await.expect("an answer");
        let mut answers = answers.into_iter();
        waiting.retain(|_| answers.next() == Some(Appended::Moved));
    }
}
