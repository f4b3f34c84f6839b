//! Opening streams, reading their rows, pullers' cursors.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use stateset_ledger::id::{AgentId, Micros, Scope, StoreId};
use stateset_ledger::stream::StreamHead;
use stateset_store::Store as _;
use stateset_store::stream::StreamRow;
use tokio::task::JoinSet;

use super::Factory;
use super::random::Random;
use super::writer::{NOW, Writer, all_events};

/// B07: the head of a stream that was opened is there, empty; one never opened is not there.
pub(crate) async fn opening_creates_the_stream_and_its_key_stream(factory: &impl Factory) {
    let store = factory.open().await;
    let scope = Random::new(1).scope();
    let key_scope = Scope::key_stream(scope.tenant);
    assert_eq!(store.stream(scope).await.expect("answer"), None);
    assert_eq!(store.stream(key_scope).await.expect("answer"), None);

    let opened = Writer::open(&store, scope).await.opened;
    assert_eq!(opened.scope, scope);
    assert_eq!(opened.head, StreamHead::empty());
    let row = store.stream(scope).await.expect("answer").expect("the stream was opened");
    let empty = |stream, scope| StreamRow {
        stream,
        scope,
        size: 0,
        root: StreamHead::empty().root(),
        last_at: None,
        signed: None,
        opened_at: NOW,
    };
    assert_eq!(row, empty(opened.stream, scope));
    let (key_stream, key_size) = opened.key_stream.expect("a store's stream names its tenant's key stream");
    assert_eq!(key_size, 0);
    let row = store.stream(key_scope).await.expect("answer").expect("the key stream was opened too");
    assert_eq!(row, empty(key_stream, key_scope));

    let later = Micros(NOW.0 + 1);
    let again = store.open_streams(&[key_scope, scope], later).await.expect("opens again");
    assert_eq!((again[0].stream, again[0].key_stream), (key_stream, None));
    assert_eq!((again[1].stream, again[1].key_stream), (opened.stream, opened.key_stream));
    let row = store.stream(scope).await.expect("answer").expect("still there");
    assert_eq!(row.opened_at, NOW, "opening what exists does not date it again");
}

/// Heads come in the order asked, known and new streams mixed, a stream asked twice answered twice.
pub(crate) async fn opening_answers_in_the_order_asked(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(2);
    let tenant = random.scope().tenant;
    let mut scopes: Vec<Scope> = (0..6).map(|_| Scope::new(tenant, StoreId(random.uuid()))).collect();
    scopes.push(random.scope());
    let mut writer = Writer::open(&store, scopes[3]).await;
    writer.append(&store, &random.events(scopes[3], 3)).await;
    scopes.push(scopes[3]);
    scopes.push(Scope::key_stream(tenant));

    let opened = store.open_streams(&scopes, NOW).await.expect("opens");
    assert_eq!(opened.iter().map(|open| open.scope).collect::<Vec<_>>(), scopes);
    for open in &opened {
        let row = store.stream(open.scope).await.expect("answer").expect("opened");
        assert_eq!((row.stream, row.size), (open.stream, open.head.size()));
        assert_eq!(open.head.size(), if open.scope == scopes[3] { 3 } else { 0 });
    }
    assert!(store.open_streams(&[], NOW).await.expect("opens nothing").is_empty());
}

/// A10: two processes that open the same streams at once get the same streams.
pub(crate) async fn opening_at_once_creates_one_stream_each(factory: &impl Factory) {
    let stores = [Arc::new(factory.open().await), Arc::new(factory.open().await)];
    let mut random = Random::new(3);
    let tenants = [random.scope().tenant, random.scope().tenant];
    let scopes: Vec<Scope> = (0..8).map(|n| Scope::new(tenants[n % 2], StoreId(random.uuid()))).collect();
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let store = Arc::clone(&stores[n % 2]);
        let mut wanted = scopes.clone();
        wanted.rotate_left(n % 8);
        if n % 3 == 0 {
            wanted.reverse();
        }
        tasks.spawn(async move { store.open_streams(&wanted, NOW).await.expect("opens") });
    }
    let mut numbers: HashMap<Scope, BTreeSet<_>> = HashMap::new();
    for open in tasks.join_all().await.into_iter().flatten() {
        numbers.entry(open.scope).or_default().insert(open.stream);
        let (key_stream, _) = open.key_stream.expect("these are stores");
        numbers.entry(Scope::key_stream(open.scope.tenant)).or_default().insert(key_stream);
    }
    assert_eq!(numbers.len(), 10);
    assert!(numbers.values().all(|streams| streams.len() == 1), "{numbers:?}");
    let distinct: BTreeSet<_> = numbers.values().flatten().collect();
    assert_eq!(distinct.len(), 10, "two scopes share a stream");
}

/// A10, N08: a head that was put together from storage equals the one that was planned on, and grows on.
pub(crate) async fn reopening_gives_the_same_head_and_goes_on(factory: &impl Factory) {
    let mut random = Random::new(4);
    let scope = random.scope();
    let mut writer = Writer::open(&factory.open().await, scope).await;
    let mut expected = Vec::new();
    for grow_to in [1_u64, 255, 256, 257, 511, 512, 600] {
        let store = factory.open().await;
        let count = usize::try_from(grow_to - writer.size()).expect("small");
        expected.extend(writer.append(&store, &random.events(scope, count)).await);
        drop(store);

        let store = factory.open().await;
        let reopened = Writer::open(&store, scope).await.opened;
        assert_eq!(reopened.head, writer.opened.head, "at size {grow_to}");
        assert_eq!(reopened.stream, writer.opened.stream);
        let row = store.stream(scope).await.expect("answer").expect("opened");
        assert_eq!((row.size, row.root), (grow_to, reopened.head.root()));
        assert_eq!(row.last_at, Some(reopened.head.last_at()));
        assert_eq!(row.signed.expect("a head that grew is signed").signature.0[..32], row.root.0);
        writer.opened = reopened;
    }
    assert_eq!(all_events(&factory.open().await, writer.stream()).await, expected);
}

/// L06: what readiness asks.
pub(crate) async fn a_database_that_is_ready_answers_ping(factory: &impl Factory) {
    factory.open().await.ping().await.expect("the database is ready");
}

/// L21: a puller resumes where it acknowledged; a late or repeated acknowledgement changes nothing.
pub(crate) async fn cursors_never_go_back(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(5);
    let stream = Writer::open(&store, random.scope()).await.stream();
    let agent = AgentId(random.uuid());
    assert_eq!(store.cursor(stream, agent).await.expect("answer"), None);
    let steps = [(0, 1, (0, 1)), (5, 2, (5, 2)), (3, 3, (5, 2)), (5, 4, (5, 2)), (6, 5, (6, 5)), (0, 6, (6, 5))];
    for (acknowledged, now, (position, since)) in steps {
        let answer = store.advance_cursor(stream, agent, acknowledged, Micros(now)).await.expect("answer");
        assert_eq!(answer, (position, Micros(since)), "acknowledging {acknowledged}");
    }
    let reopened = factory.open().await;
    assert_eq!(reopened.cursor(stream, agent).await.expect("answer"), Some((6, Micros(5))));
}

/// L21: one puller's position is nobody else's.
pub(crate) async fn cursors_belong_to_one_stream_and_agent(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(6);
    let streams =
        [Writer::open(&store, random.scope()).await.stream(), Writer::open(&store, random.scope()).await.stream()];
    let agents = [AgentId(random.uuid()), AgentId(random.uuid())];
    store.advance_cursor(streams[0], agents[0], 4, NOW).await.expect("answer");
    store.advance_cursor(streams[1], agents[1], 9, NOW).await.expect("answer");
    for (stream, agent, position) in [(0, 0, Some((4, NOW))), (0, 1, None), (1, 0, None), (1, 1, Some((9, NOW)))] {
        assert_eq!(store.cursor(streams[stream], agents[agent]).await.expect("answer"), position);
    }
}

/// Key streams count as streams.
pub(crate) async fn sizes_count_streams_and_events(factory: &impl Factory) {
    let store = factory.open().await;
    let empty = store.sizes().await.expect("answer");
    assert_eq!((empty.streams, empty.events), (0, 0));
    let mut random = Random::new(9);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    writer.append(&store, &random.events(scope, 3)).await;
    let sizes = store.sizes().await.expect("answer");
    assert_eq!((sizes.streams, sizes.events), (2, 3));
}
