//! Writing events.

use std::collections::HashSet;

use serde_json::json;
use serde_json::value::RawValue;
use stateset_outbox::delivery::Start;
use stateset_outbox::{
    AddOutcome, Entity, Event, EventType, Fact, IdempotencyStrategy, OnConflict, Payload, Scope, WriteError,
};
use uuid::Uuid;

use super::{Factory, Plain, Reader, event, number, order, write};

#[derive(serde::Serialize)]
struct Paid {
    order: u32,
    number: i64,
}

impl Fact for Paid {
    fn entity(&self) -> Entity {
        Entity::new("payment", "pm_abc123")
    }
    fn order_key(&self) -> Option<String> {
        Some(self.order.to_string())
    }
    fn schema_version(&self) -> i32 {
        3
    }
}

/// A06, A15, A16, A17, E02: every column, the payload byte for byte, `1.10` included.
pub(crate) async fn an_event_reads_back_exactly_as_written<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let raw = RawValue::from_string("{\"price\":1.10, \"text\":\"\\u0000é\"}".to_owned()).expect("JSON");
    let draft = Event::new(EventType::new("order.created"), Payload::new(raw), None)
        .about(Entity::new("order", "ord_123"))
        .metadata(json!({"by": "test"}).as_object().expect("an object").clone())
        .traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .causation_id("request 1")
        .agent(Uuid::from_u128(9), 4_000_000_000);
    let fact = Event::new(EventType::new("payment.succeeded"), Payload::new(Paid { order: 7, number: 1 }), None);
    let fact_id = fact.id.0;
    let mut tx = outbox.begin().await.expect("a transaction");
    let first = outbox.write_event_with_outbox(&mut tx, draft).await.expect("written");
    outbox.write_event_with_outbox(&mut tx, fact).await.expect("written");
    outbox.commit(tx).await.expect("it commits");

    let chunk = reader.store.poll(&reader.leases[0], 10).await.expect("a chunk");
    let [stored, paid] = chunk.events.as_slice() else { panic!("two events") };
    assert_eq!(AddOutcome::Created(first.written()), first);
    assert_eq!((stored.log_id, stored.event_id), (first.written().log_id, first.written().event_id));
    assert_eq!((stored.tenant, stored.store), (outbox.scope().tenant, outbox.scope().store));
    assert_eq!(stored.payload, "{\"price\":1.10, \"text\":\"\\u0000é\"}");
    assert_eq!(stored.metadata.as_deref(), Some("{\"by\":\"test\"}"));
    assert_eq!(stored.correlation_id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(stored.causation_id.as_deref(), Some("request 1"));
    assert_eq!((stored.agent_id, stored.agent_key_id), (Some(Uuid::from_u128(9)), Some(4_000_000_000)));
    assert_eq!((stored.order_key.as_deref(), stored.event_key.as_deref()), (None, None));
    assert_eq!(stored.lane().key, "order\u{1f}ord_123");
    assert_eq!(stored.shard, stateset_outbox::shard(None, "order", "ord_123"));
    assert!(stored.created_at.ends_with('Z') && stored.written_at > 1_700_000_000_000_000, "{stored:?}");
    assert_eq!((paid.event_id, paid.schema_version, paid.order_key.as_deref()), (fact_id, 3, Some("7")));
    assert_eq!((paid.lane().key.as_str(), paid.entity_id.as_str()), ("7", "pm_abc123"));
}

/// E02, E16: nothing of it, not even its key.
pub(crate) async fn a_rolled_back_event_was_never_there<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let draft = || event("order.created", Some("key"), json!({"number": 1})).about(Entity::new("order", "1"));
    let mut tx = outbox.begin().await.expect("a transaction");
    outbox.write_event_with_outbox(&mut tx, draft()).await.expect("written");
    tx.rollback().await.expect("it rolls back");
    assert!(reader.store.poll(&reader.leases[0], 10).await.expect("a chunk").events.is_empty());
    assert!(!write(&outbox, draft()).await.is_duplicate(), "the key is not burnt");
}

/// A12, E01, E04, E16: on PostgreSQL a duplicate would otherwise abort everything the caller has done.
pub(crate) async fn a_known_key_gives_the_first_event_and_the_transaction_goes_on<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let draft = || event("order.created", Some("key"), json!({"number": 1})).about(Entity::new("order", "1"));
    let first = write(&outbox, draft()).await;
    let mut tx = outbox.begin().await.expect("a transaction");
    let again = outbox.write_event_with_outbox(&mut tx, draft()).await.expect("a duplicate is a success");
    assert_eq!(again, AddOutcome::Duplicate { original: first.written() });
    let within = outbox.write_event_with_outbox(&mut tx, draft()).await.expect("and again");
    assert_eq!(within, again);
    outbox.write_event_with_outbox(&mut tx, order("1", 2)).await.expect("the transaction is usable");
    outbox.commit(tx).await.expect("it commits");
    let chunk = reader.store.poll(&reader.leases[0], 10).await.expect("a chunk");
    assert_eq!(chunk.events.iter().map(|event| number(&event.payload)).collect::<Vec<_>>(), [1, 2]);
}

/// A01
pub(crate) async fn a_known_id_gives_the_first_event<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let draft = order("1", 1);
    let first = write(&outbox, draft.clone()).await;
    assert_eq!(write(&outbox, draft).await, AddOutcome::Duplicate { original: first.written() });
    let mut other = event("order.created", None, json!({"number": 2}));
    other.id.0 = first.written().event_id;
    let mut tx = outbox.begin().await.expect("a transaction");
    let refused = outbox.write_event_with_outbox(&mut tx, other.about(Entity::new("order", "1"))).await;
    assert!(matches!(refused, Err(WriteError::EventIdConflict { .. })), "{refused:?}");
}

/// A13: with both hashes, and the transaction goes on.
pub(crate) async fn another_payload_under_a_known_key_is_a_conflict<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let draft =
        |number| event("order.created", Some("key"), json!({"number": number})).about(Entity::new("order", "1"));
    let first = write(&outbox, draft(1)).await;
    let mut tx = outbox.begin().await.expect("a transaction");
    let refused = outbox.write_event_with_outbox(&mut tx, draft(2)).await.expect_err("a conflict");
    let WriteError::EventKeyConflict { event_key, original, stored_hash, new_hash } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((event_key.as_str(), original), ("key", first.written().event_id));
    assert_eq!(stored_hash, hash(1));
    assert_eq!(new_hash, hash(2));
    outbox.write_event_with_outbox(&mut tx, order("1", 3)).await.expect("the transaction is usable");
    outbox.commit(tx).await.expect("it commits");
}

fn hash(number: i64) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{{\"number\":{number}}}"));
    digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A13
pub(crate) async fn the_first_payload_may_win<F: Factory>(factory: &F) {
    let outbox = factory.outbox().with_on_conflict(OnConflict::FirstWins);
    let draft =
        |number| event("order.created", Some("key"), json!({"number": number})).about(Entity::new("order", "1"));
    let first = write(&outbox, draft(1)).await;
    assert_eq!(write(&outbox, draft(2)).await, AddOutcome::Duplicate { original: first.written() });
}

/// A03, A05, A06, A16, E15: refused before the database is asked.
pub(crate) async fn an_inadmissible_event_leaves_the_transaction_usable<F: Factory>(factory: &F) {
    let outbox = factory.outbox().with_payload_limit(30);
    let failing = outbox.clone().with_strategy(IdempotencyStrategy::custom(|_| Err("no".into())));
    let about = |event: Event<serde_json::Value>| event.about(Entity::new("order", "1"));
    let mut tx = outbox.begin().await.expect("a transaction");
    for bad in [
        about(event("order", None, json!({}))),
        about(event("order.created", None, json!([1]))),
        about(event("order.created", None, json!({"text": "x".repeat(30)}))),
        about(event("order.created", Some(""), json!({}))),
        about(event("order.created", None, json!({}))).schema_version(0),
        event("order.created", None, json!({})).about(Entity::new("order", "a\0b")),
    ] {
        let refused = outbox.write_event_with_outbox(&mut tx, bad.clone()).await;
        assert!(matches!(refused, Err(WriteError::Invalid(_))), "{bad:?} {refused:?}");
    }
    let refused = failing.write_event_with_outbox(&mut tx, order("1", 1)).await;
    assert!(matches!(refused, Err(WriteError::Strategy(_))), "{refused:?}");
    outbox.write_event_with_outbox(&mut tx, order("1", 1)).await.expect("the transaction is usable");
    outbox.commit(tx).await.expect("it commits");
}

/// E03
pub(crate) async fn a_batch_keeps_its_order_and_takes_duplicates<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let keyed = |key: &str, number: i64| {
        event("order.created", Some(key), json!({"number": number})).about(Entity::new("order", "1"))
    };
    let first = write(&outbox, keyed("a", 0)).await;
    let twice = order("1", 4);
    let batch = vec![keyed("b", 1), keyed("a", 0), keyed("c", 2), keyed("b", 1), twice.clone(), twice];
    let mut tx = outbox.begin().await.expect("a transaction");
    let outcomes = outbox.write_event_batch(&mut tx, batch).await.expect("written");
    outbox.commit(tx).await.expect("it commits");
    let duplicates: Vec<bool> = outcomes.iter().map(AddOutcome::is_duplicate).collect();
    assert_eq!(duplicates, [false, true, false, true, false, true]);
    assert_eq!(outcomes[1].written(), first.written());
    assert_eq!(outcomes[3].written(), outcomes[0].written());
    assert_eq!(outcomes[5].written(), outcomes[4].written());
    let chunk = reader.store.poll(&reader.leases[0], 10).await.expect("a chunk");
    assert_eq!(chunk.events.iter().map(|event| number(&event.payload)).collect::<Vec<_>>(), [0, 1, 2, 4]);

    let large: Vec<_> = (0..2_000).map(|number| order("2", number)).collect();
    let mut tx = outbox.begin().await.expect("a transaction");
    let outcomes = outbox.write_event_batch(&mut tx, large).await.expect("written");
    outbox.commit(tx).await.expect("it commits");
    assert!(outcomes.is_sorted_by_key(|outcome| outcome.written().log_id) && outcomes.len() == 2_000);
}

/// E03: all or nothing, and the transaction goes on.
pub(crate) async fn a_batch_with_a_conflict_leaves_nothing<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let keyed = |key: &str, number: i64| {
        event("order.created", Some(key), json!({"number": number})).about(Entity::new("order", "1"))
    };
    let mut tx = outbox.begin().await.expect("a transaction");
    let refused = outbox.write_event_batch(&mut tx, vec![keyed("a", 1), keyed("a", 2)]).await;
    assert!(matches!(refused, Err(WriteError::EventKeyConflict { .. })), "{refused:?}");
    outbox.write_event_with_outbox(&mut tx, order("1", 3)).await.expect("the transaction is usable");
    outbox.commit(tx).await.expect("it commits");
    let chunk = reader.store.poll(&reader.leases[0], 10).await.expect("a chunk");
    assert_eq!(chunk.events.iter().map(|event| number(&event.payload)).collect::<Vec<_>>(), [3]);
}

/// A01, A12, R12
pub(crate) async fn keys_belong_to_their_scope<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let other = outbox.for_scope(Scope { tenant: Uuid::from_u128(1), store: Uuid::from_u128(2) });
    let draft = event("order.created", Some("key"), json!({"number": 1})).about(Entity::new("order", "1"));
    let first = write(&outbox, draft.clone()).await;
    let second = write(&other, draft).await;
    assert!(!second.is_duplicate() && second.written().event_id == first.written().event_id);
}

/// E01
pub(crate) async fn an_event_for_the_record_goes_nowhere<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let mut tx = outbox.begin().await.expect("a transaction");
    let first = outbox.write_event(&mut tx, order("1", 1)).await.expect("written").written();
    outbox.write_event_with_outbox(&mut tx, order("1", 2)).await.expect("written");
    outbox.commit(tx).await.expect("it commits");
    let chunk = reader.store.poll(&reader.leases[0], 10).await.expect("a chunk");
    assert_eq!(chunk.events.iter().map(|event| number(&event.payload)).collect::<Vec<_>>(), [2]);
    let found = reader.store.events(&[first.log_id]).await.expect("the log has it");
    assert_eq!(found.iter().map(|event| event.event_id).collect::<Vec<_>>(), [first.event_id]);
    assert_eq!(reader.store.counts(reader.destination.id).await.expect("counts").pending, 1);
}

/// E18: 64 writers, half of them with the same keys: each fact once, no transaction lost.
pub(crate) async fn many_writers_lose_nothing<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64_i64 {
        let outbox = outbox.clone();
        writers.spawn(async move {
            for round in 0..4_i64 {
                let key = format!("{}-{round}", writer / 2);
                let payload = json!({"number": writer / 2 * 4 + round});
                let draft = event("order.created", Some(&key), payload).about(Entity::new("order", key.clone()));
                write(&outbox, draft).await;
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.expect("no writer fails");
    }
    let chunk = reader.store.poll(&reader.leases[0], 1_000).await.expect("a chunk");
    let numbers: Vec<i64> = chunk.events.iter().map(|event| number(&event.payload)).collect();
    assert_eq!(numbers.len(), 128);
    assert_eq!(numbers.into_iter().collect::<HashSet<_>>(), (0..128).collect());
}

/// A11: whoever may write.
pub(crate) async fn the_log_refuses_changes<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    write(&outbox, order("1", 1)).await;
    let log = factory.table("event_log");
    for refused in [format!("UPDATE {log} SET entity_id = 'x'"), format!("DELETE FROM {log}")] {
        let mut tx = outbox.begin().await.expect("a transaction");
        let error = F::Engine::run(&mut tx, refused.clone()).await.expect_err(&refused);
        assert!(error.to_string().contains("append-only"), "{refused}: {error}");
    }
}

/// R09: again, and at once from many places.
pub(crate) async fn migrations_run_once<F: Factory>(factory: &F) {
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let outbox = factory.outbox();
        starts.spawn(async move { outbox.migrate().await });
    }
    while let Some(done) = starts.join_next().await {
        done.expect("no panic").expect("nothing is left to do");
    }
    let mut tx = factory.outbox().begin().await.expect("a transaction");
    F::Engine::run(
        &mut tx,
        format!("INSERT INTO {} (version, name) VALUES (99, 'x')", factory.table("outbox_migration")),
    )
    .await
    .expect("a newer version");
    tx.commit().await.expect("it commits");
    let refused = factory.outbox().migrate().await.expect_err("a newer schema is refused");
    assert!(refused.to_string().contains("update this program"), "{refused}");
}
