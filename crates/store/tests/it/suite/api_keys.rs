//! API keys: what is stored of them, and that they end when they should.

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{AgentId, Micros, StoreId, TenantId};
use stateset_store::api_key::{ApiKey, ApiKeyQuery};
use stateset_store::{Store, StoreError};

use super::Factory;
use super::random::Random;
use super::writer::NOW;

/// A key with a prefix of its own that may read all of the tenant.
pub(crate) fn api_key(random: &mut Random, tenant: TenantId) -> ApiKey {
    ApiKey {
        prefix: random.uuid().simple().to_string(),
        secret_hash: Hash::of(&[random.uuid().as_bytes()]),
        tenant,
        stores: Vec::new(),
        read: true,
        write: false,
        admin: false,
        agent: None,
        rate_limit: None,
        name: String::new(),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}

async fn all(store: &impl Store, tenant: TenantId, agent: Option<AgentId>) -> Vec<ApiKey> {
    let query = ApiKeyQuery { tenant, agent, after: String::new(), limit: 1_000 };
    store.api_keys(&query).await.expect("answer")
}

/// L07: a key is found by its prefix with everything it permits, and there is nothing from which it could be made.
pub(crate) async fn api_keys_read_back_exactly(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(80);
    let tenant = random.scope().tenant;
    let plain = api_key(&mut random, tenant);
    let rich = ApiKey {
        stores: vec![StoreId(random.uuid()), StoreId::NIL, StoreId(random.uuid())],
        read: false,
        write: true,
        admin: true,
        agent: Some(AgentId(random.uuid())),
        rate_limit: Some(u32::MAX),
        name: "Grüße; DROP TABLE api_keys --'".to_owned(),
        expires_at: Some(Micros(i64::MAX)),
        ..api_key(&mut random, tenant)
    };
    for key in [&plain, &rich] {
        store.add_api_key(key).await.expect("added");
        assert_eq!(factory.open().await.api_key(&key.prefix).await.expect("answer").as_ref(), Some(key));
    }
    for unknown in ["", "x", "%", "' OR 1=1 --"] {
        assert_eq!(store.api_key(unknown).await.expect("answer"), None, "{unknown}");
    }
}

pub(crate) async fn a_prefix_is_taken_once(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(81);
    let tenant = random.scope().tenant;
    let first = api_key(&mut random, tenant);
    store.add_api_key(&first).await.expect("added");
    let second = ApiKey { prefix: first.prefix.clone(), ..api_key(&mut random, TenantId::NIL) };
    assert!(matches!(store.add_api_key(&second).await, Err(StoreError::Conflict)));
    let third = api_key(&mut random, first.tenant);
    let taken = ApiKey { prefix: first.prefix.clone(), ..third };
    assert!(matches!(store.rotate_api_key(&first.prefix, NOW, &taken).await, Err(StoreError::Conflict)));
    assert_eq!(store.api_key(&first.prefix).await.expect("answer"), Some(first), "nothing was written");
}

/// L07: once revoked, a key stays so, and only its own tenant revokes it.
pub(crate) async fn a_revocation_is_for_ever(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(82);
    let (tenant, agent) = (random.scope().tenant, AgentId(random.uuid()));
    let key = ApiKey { agent: Some(agent), ..api_key(&mut random, tenant) };
    store.add_api_key(&key).await.expect("added");
    let other = TenantId(random.uuid());
    for (tenant, agent) in [(other, None), (tenant, Some(AgentId(random.uuid()))), (other, Some(agent))] {
        let gone = store.revoke_api_key(tenant, agent, &key.prefix, Micros(1)).await.expect("answer");
        assert_eq!(gone, None);
    }
    assert_eq!(store.revoke_api_key(tenant, None, "unknown", Micros(1)).await.expect("answer"), None);
    let revoked = Some(ApiKey { revoked_at: Some(Micros(7)), ..key.clone() });
    for (agent, now) in [(Some(agent), 7), (None, 8), (Some(agent), 9)] {
        let answer = store.revoke_api_key(tenant, agent, &key.prefix, Micros(now)).await.expect("answer");
        assert_eq!(answer, revoked, "the first revocation counts");
    }
    assert_eq!(factory.open().await.api_key(&key.prefix).await.expect("answer"), revoked);
    let next = api_key(&mut random, tenant);
    assert!(matches!(store.rotate_api_key(&key.prefix, NOW, &next).await, Err(StoreError::Conflict)));
    assert_eq!(store.api_key(&next.prefix).await.expect("answer"), None, "no successor of a revoked key");
}

/// A rotation gives the old key an end and never a longer life.
pub(crate) async fn a_rotated_key_ends_when_it_should(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(83);
    let tenant = random.scope().tenant;
    let soon = Micros(NOW.0 + 5);
    let late = Micros(NOW.0 + 50);
    for (expires_at, retire_at, expected) in
        [(None, soon, soon), (Some(late), soon, soon), (Some(soon), late, soon), (None, NOW, NOW)]
    {
        let key = ApiKey { expires_at, ..api_key(&mut random, tenant) };
        store.add_api_key(&key).await.expect("added");
        let next = api_key(&mut random, tenant);
        store.rotate_api_key(&key.prefix, retire_at, &next).await.expect("rotated");
        let old = store.api_key(&key.prefix).await.expect("answer").expect("kept");
        assert_eq!(old, ApiKey { expires_at: Some(expected), ..key });
        assert_eq!((old.is_live(Micros(expected.0 - 1)), old.is_live(expected)), (true, false));
        assert_eq!(store.api_key(&next.prefix).await.expect("answer"), Some(next));
    }
    let over = ApiKey { expires_at: Some(NOW), ..api_key(&mut random, tenant) };
    let other = TenantId(random.uuid());
    let foreign = api_key(&mut random, other);
    store.add_api_key(&over).await.expect("added");
    store.add_api_key(&foreign).await.expect("added");
    for refused in [over.prefix.as_str(), foreign.prefix.as_str(), "unknown"] {
        let next = api_key(&mut random, tenant);
        assert!(matches!(store.rotate_api_key(refused, late, &next).await, Err(StoreError::Conflict)));
        assert_eq!(store.api_key(&next.prefix).await.expect("answer"), None);
    }
    assert_eq!(store.api_key(&foreign.prefix).await.expect("answer"), Some(foreign));
}

pub(crate) async fn api_keys_are_listed_by_tenant_and_agent(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(84);
    let (tenant, other) = (random.scope().tenant, TenantId(random.uuid()));
    let agent = AgentId(random.uuid());
    let mut keys = Vec::new();
    for number in 0..5 {
        let bound = (number % 2 == 0).then_some(agent);
        keys.push(ApiKey { agent: bound, ..api_key(&mut random, tenant) });
    }
    keys.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    for key in keys.iter().rev() {
        store.add_api_key(key).await.expect("added");
    }
    store.add_api_key(&ApiKey { agent: Some(agent), ..api_key(&mut random, other) }).await.expect("added");
    assert_eq!(all(&store, tenant, None).await, keys);
    assert_eq!(all(&store, other, None).await.len(), 1);
    let bound: Vec<ApiKey> = keys.iter().filter(|key| key.agent.is_some()).cloned().collect();
    assert_eq!(all(&store, tenant, Some(agent)).await, bound);
    assert_eq!(all(&store, TenantId(random.uuid()), Some(agent)).await, []);
    let query = ApiKeyQuery { tenant, agent: None, after: keys[1].prefix.clone(), limit: 2 };
    assert_eq!(store.api_keys(&query).await.expect("answer"), keys[2..4]);
}
