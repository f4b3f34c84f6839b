//! Agent keys, which follow their tenant's key stream, and the sequencer's own keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use stateset_ledger::agent_key::{AgentKey, KeyChange};
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::{AgentId, KeyId, Micros, Scope, TenantId};
use stateset_store::append::Appended;
use stateset_store::{Store, StoreError};
use tokio::task::JoinSet;

use super::Factory;
use super::random::Random;
use super::writer::{NOW, Writer, all_events, sequence};

/// Appends one event per change to the tenant's key stream.
pub(crate) async fn change(store: &impl Store, keys: &mut Writer, random: &mut Random, changes: &[KeyChange]) {
    let candidates = random.events(keys.scope(), changes.len());
    let plan = keys.plan(&candidates);
    let mut append = keys.append_of(&plan);
    append.key_changes = append.events.iter().map(|event| event.sequence).zip(changes.iter().cloned()).collect();
    assert_eq!(store.append(&[append]).await.expect("a key change"), [Appended::Committed]);
    keys.committed(&plan);
}

async fn keys_of(store: &impl Store, tenant: TenantId, agent: Option<AgentId>) -> (u64, Vec<AgentKey>) {
    let (size, mut keys) = store.agent_keys(tenant, agent).await.expect("answer");
    keys.sort_by_key(|key| (key.agent, key.key));
    (size, keys)
}

pub(crate) fn register(agent: AgentId, key: u32, public_key: PublicKeyBytes) -> KeyChange {
    KeyChange::Register { agent, key: KeyId(key), public_key, valid_from: None, valid_to: None }
}

/// The registry changes in the transaction of the event that says so, and is read with the size it is as of.
pub(crate) async fn keys_are_registered_and_revoked_with_their_events(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(60);
    let tenant = random.scope().tenant;
    let (agent, other) = (AgentId(random.uuid()), AgentId(random.uuid()));
    assert_eq!(keys_of(&store, tenant, None).await, (0, Vec::new()), "of a tenant that never was");
    let mut keys = Writer::open(&store, Scope::key_stream(tenant)).await;
    assert_eq!(keys_of(&store, tenant, Some(agent)).await, (0, Vec::new()));

    let bytes: [PublicKeyBytes; 3] = std::array::from_fn(|_| random.public_key());
    let (valid_from, valid_to) = (Some(Micros(i64::MIN)), Some(Micros(i64::MAX)));
    let bounded = KeyChange::Register { agent, key: KeyId(u32::MAX), public_key: bytes[1], valid_from, valid_to };
    change(&store, &mut keys, &mut random, &[register(agent, 0, bytes[0]), bounded]).await;
    let revoke = |key, at| KeyChange::Revoke { agent, key: KeyId(key), revoked_at: Micros(at) };
    change(&store, &mut keys, &mut random, &[register(other, 0, bytes[2]), revoke(0, 77)]).await;

    let plain = |agent, key, public_key, registered| AgentKey {
        agent,
        key: KeyId(key),
        public_key,
        valid_from: None,
        valid_to: None,
        revoked_at: None,
        registered: sequence(registered),
    };
    let first = AgentKey { revoked_at: Some(Micros(77)), ..plain(agent, 0, bytes[0], 1) };
    let second = AgentKey { valid_from, valid_to, ..plain(agent, u32::MAX, bytes[1], 2) };
    let third = plain(other, 0, bytes[2], 3);
    assert_eq!(keys_of(&store, tenant, Some(agent)).await, (4, vec![first.clone(), second.clone()]));
    assert_eq!(keys_of(&store, tenant, Some(other)).await, (4, vec![third.clone()]));
    let mut all = vec![first, second, third];
    all.sort_by_key(|key| (key.agent, key.key));
    assert_eq!(keys_of(&factory.open().await, tenant, None).await, (4, all.clone()));

    change(&store, &mut keys, &mut random, &[revoke(0, 99)]).await;
    assert_eq!(keys_of(&store, tenant, None).await, (5, all), "a key is revoked once");
}

/// Whatever refuses the event refuses the change.
pub(crate) async fn keys_of_a_moved_key_stream_are_not_written(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(61);
    let key_scope = Scope::key_stream(random.scope().tenant);
    let mut keys = Writer::open(&store, key_scope).await;
    let stale = keys.clone();
    let agent = AgentId(random.uuid());
    let public_key = random.public_key();
    change(&store, &mut keys, &mut random, &[register(agent, 1, public_key)]).await;
    let before = keys_of(&store, key_scope.tenant, None).await;
    assert_eq!(before.1.len(), 1);

    let candidates = random.events(key_scope, 1);
    let plan = stale.plan(&candidates);
    let mut append = stale.append_of(&plan);
    append.key_changes = vec![(sequence(1), register(agent, 2, random.public_key()))];
    assert_eq!(store.append(&[append]).await.expect("answer"), [Appended::Moved]);

    let known = [all_events(&store, keys.stream()).await[0].header.clone()];
    let candidates = random.events(key_scope, 1);
    let plan = keys.plan(&candidates);
    for (key, header) in [(3, &known[0]), (1, &candidates[0].header)] {
        let mut append = keys.append_of(&plan);
        append.events[0].header = header;
        append.key_changes = vec![(sequence(2), register(agent, key, random.public_key()))];
        let refused = store.append(&[append]).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "a known event id, then a known key: {refused:?}");
    }
    assert_eq!(keys_of(&store, key_scope.tenant, None).await, before);
    assert_eq!(all_events(&store, keys.stream()).await.len(), 1);
}

/// One tenant's keys are nobody else's, even for the same agent and key id.
pub(crate) async fn keys_belong_to_one_tenant(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(62);
    let agent = AgentId(random.uuid());
    let mut expected = Vec::new();
    for number in 1..=3 {
        let tenant = random.scope().tenant;
        let mut keys = Writer::open(&store, Scope::key_stream(tenant)).await;
        for _ in 1..number {
            keys.append(&store, &random.events(keys.scope(), 1)).await;
        }
        let public_key = random.public_key();
        change(&store, &mut keys, &mut random, &[register(agent, 1, public_key)]).await;
        expected.push((tenant, number, public_key));
    }
    for (tenant, number, public_key) in expected {
        let (size, keys) = keys_of(&store, tenant, Some(agent)).await;
        assert_eq!(size, number);
        assert_eq!(
            keys.iter().map(|key| (key.public_key, key.registered.get())).collect::<Vec<_>>(),
            [(public_key, number)]
        );
        assert_eq!(keys_of(&store, tenant, Some(AgentId(random.uuid()))).await, (number, Vec::new()));
    }
}

/// A key's number is in signed receipts, so it never changes and is never given again.
pub(crate) async fn sequencer_keys_are_numbered_once(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(63);
    assert_eq!(store.sequencer_keys().await.expect("answer"), []);
    let keys: Vec<PublicKeyBytes> = (0..4).map(|_| random.public_key()).collect();
    let mut expected = Vec::new();
    for (&key, at) in keys.iter().zip(100..) {
        let number = store.register_sequencer_key(key, Micros(at)).await.expect("a number");
        expected.push((number, key, Micros(at)));
    }
    let numbers: Vec<u32> = expected.iter().map(|(number, _, _)| number.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    for (number, key, _) in &expected {
        assert_eq!(store.register_sequencer_key(*key, NOW).await.expect("the same number"), *number);
    }
    assert_eq!(store.sequencer_keys().await.expect("answer"), expected);
    assert_eq!(factory.open().await.sequencer_keys().await.expect("answer"), expected);
}

/// Processes that start at once agree on the numbers.
pub(crate) async fn sequencer_keys_are_numbered_once_by_many(factory: &impl Factory) {
    let stores = [Arc::new(factory.open().await), Arc::new(factory.open().await)];
    let mut random = Random::new(64);
    let keys: Vec<PublicKeyBytes> = (0..4).map(|_| random.public_key()).collect();
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(&stores[n % 2]);
        let key = keys[n / 2];
        tasks.spawn(async move { (key, store.register_sequencer_key(key, NOW).await.expect("a number")) });
    }
    let given: BTreeSet<_> = tasks.join_all().await.into_iter().map(|(key, number)| (number, key, NOW)).collect();
    assert_eq!(given.iter().map(|(number, _, _)| number.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(stores[0].sequencer_keys().await.expect("answer"), given.into_iter().collect::<Vec<_>>());
}
