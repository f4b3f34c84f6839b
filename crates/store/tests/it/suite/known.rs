//! The facts a plan is made from: known events and entity versions.

use std::collections::HashMap;

use stateset_ledger::event::KnownEvent;
use stateset_ledger::id::EventId;
use stateset_ledger::plan::{EntityRef, Verdict};
use stateset_ledger::rejection::Cause;
use stateset_store::read::StoredEvent;
use stateset_store::{Store as _, StoreError};

use super::Factory;
use super::random::{Random, with_content_hash};
use super::writer::{Writer, all_events, known_by_id};

/// L02: all that a repeated receipt needs comes back as it was given, `u64::MAX` and key id `u32::MAX` included.
pub(crate) async fn known_events_read_back_exactly(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(30);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut expected = writer.append(&store, &random.events(scope, 60)).await;
    expected.extend(writer.append(&store, &random.events(scope, 60)).await);
    let ids: Vec<EventId> = expected.iter().map(|event| event.header.event_id).collect();
    let mut found = store.known_events(writer.stream(), &ids).await.expect("answer");
    found.sort_by_key(|known| known.sequence);
    assert_eq!(found, expected.iter().map(known).collect::<Vec<_>>());
    for wanted in [u64::MAX, 1 << 63, 0] {
        assert!(found.iter().any(|known| known.base_version == Some(wanted)), "the seed makes a {wanted}");
    }
}

fn known(event: &StoredEvent) -> KnownEvent {
    KnownEvent {
        event_id: event.header.event_id,
        sequence: event.sequence,
        sequenced_at: event.sequenced_at,
        content_hash: event.header.content_hash,
        seal: event.header.seal,
        command_id: event.header.command_id,
        base_version: event.header.base_version,
        receipt: event.receipt,
    }
}

/// A01: an id that another stream holds is not known here; one asked twice is answered once.
pub(crate) async fn known_events_are_those_of_one_stream(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(31);
    let scopes = [random.scope(), random.scope()];
    let mut here = Writer::open(&store, scopes[0]).await;
    let mut there = Writer::open(&store, scopes[1]).await;
    let event = random.event(scopes[0]);
    here.append(&store, std::slice::from_ref(&event)).await;
    there.append(&store, &random.events(scopes[1], 3)).await;
    there.append(&store, &[with_content_hash(event.clone(), scopes[1])]).await;
    let strangers = all_events(&store, there.stream()).await;

    let id = event.header.event_id;
    let mut ids: Vec<EventId> = strangers.iter().map(|event| event.header.event_id).collect();
    ids.extend([id, EventId(random.uuid()), id]);
    let found = store.known_events(here.stream(), &ids).await.expect("answer");
    assert_eq!(found.iter().map(|known| (known.event_id, known.sequence.get())).collect::<Vec<_>>(), [(id, 1)]);
    let found = store.known_events(there.stream(), &[id]).await.expect("answer");
    assert_eq!(found.iter().map(|known| (known.event_id, known.sequence.get())).collect::<Vec<_>>(), [(id, 4)]);
    assert_eq!(store.known_events(here.stream(), &[]).await.expect("answer"), []);
}

/// L02, A12: a guess that a repeated event is new is refused; with the facts loaded, the retry gets its first answer.
pub(crate) async fn a_retry_is_recognised_after_a_conflict(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(32);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let candidates = random.events(scope, 4);
    let first = writer.append(&store, &candidates).await;
    let mut retry = candidates.clone();
    retry.push(random.event(scope));
    let guess = writer.plan(&retry);
    let refused = store.append(&[writer.append_of(&guess)]).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");

    let ids: Vec<EventId> = retry.iter().map(|candidate| candidate.header.event_id).collect();
    let known_now = known_by_id(store.known_events(writer.stream(), &ids).await.expect("answer"));
    let plan = writer.plan_with(&retry, &known_now, &HashMap::new());
    for (verdict, event) in plan.verdicts.iter().zip(&first) {
        assert_eq!(*verdict, Verdict::Stored(Box::new(known(event))));
    }
    assert_eq!(plan.verdicts[4], Verdict::Accepted(0));
    store.append(&[writer.append_of(&plan)]).await.expect("the new one is appended");
    let places: Vec<u64> = all_events(&store, writer.stream()).await.iter().map(|e| e.sequence.get()).collect();
    assert_eq!(places, [1, 2, 3, 4, 5]);
}

/// L04: the events of one command share its id.
pub(crate) async fn one_command_may_bring_many_events(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(33);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let command = random.uuid();
    let mut candidates = random.events(scope, 6);
    for candidate in &mut candidates {
        candidate.header.command_id = Some(command);
        *candidate = with_content_hash(candidate.clone(), scope);
    }
    writer.append(&store, &candidates[..3]).await;
    writer.append(&store, &candidates[3..]).await;
    let events = all_events(&store, writer.stream()).await;
    assert_eq!(events.iter().filter(|event| event.header.command_id == Some(command)).count(), 6);
}

/// L20: an entity's version is the number of its events.
pub(crate) async fn entity_versions_count_events_in_the_order_asked(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(34);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut expected = writer.append(&store, &random.events(scope, 80)).await;
    expected.extend(writer.append(&store, &random.events(scope, 40)).await);
    let other = random.scope();
    Writer::open(&store, other).await.append(&store, &random.events(other, 40)).await;

    let mut entities: Vec<EntityRef> = expected.iter().take(20).map(entity).collect();
    entities.extend([("order".to_owned(), "none".to_owned()), entities[0].clone(), (String::new(), String::new())]);
    let versions: Vec<u64> = entities
        .iter()
        .map(|wanted| expected.iter().filter(|event| entity(event) == *wanted).map(|_| 1).sum())
        .collect();
    assert_eq!(store.entity_versions(writer.stream(), &entities).await.expect("answer"), versions);
    assert_eq!(store.entity_versions(writer.stream(), &[]).await.expect("answer"), [0; 0]);
}

fn entity(event: &StoredEvent) -> EntityRef {
    (event.header.entity_type.clone(), event.header.entity_id.clone())
}

/// L20: with the versions loaded, a stale `base_version` is rejected with the actual one, a fresh one is accepted.
pub(crate) async fn a_stale_base_version_is_refused(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(35);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let of_one_entity = |random: &mut Random, base_version| {
        let mut event = random.event(scope);
        event.header.entity_type = "order".to_owned();
        event.header.entity_id = "42".to_owned();
        event.header.base_version = base_version;
        with_content_hash(event, scope)
    };
    let first: Vec<_> = (0..3).map(|_| of_one_entity(&mut random, None)).collect();
    writer.append(&store, &first).await;
    let entities = [("order".to_owned(), "42".to_owned())];
    let versions = store.entity_versions(writer.stream(), &entities).await.expect("answer");
    let versions: HashMap<EntityRef, u64> = entities.into_iter().zip(versions).collect();
    let next = [of_one_entity(&mut random, Some(2)), of_one_entity(&mut random, Some(3))];
    let plan = writer.plan_with(&next, &HashMap::new(), &versions);
    let stale = Cause::VersionConflict { expected: 2, actual: 3 };
    assert_eq!(plan.verdicts, [Verdict::Rejected(stale), Verdict::Accepted(0)]);
}
