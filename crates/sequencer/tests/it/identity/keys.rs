//! API keys over HTTP.

use std::sync::Arc;

use axum::http::Method;
use serde_json::json;
use stateset_ledger::id::{Micros, TenantId};
use stateset_sequencer::identity::REVOCATION_BOUND;
use stateset_store::memory::MemoryStore;
use uuid::Uuid;

use super::watched::Watched;
use super::{BOOTSTRAP, guarded, over};
use crate::harness::{START, Sequencer, Setting, Unsigned, query, scope};

const OK: (u16, &str) = (200, "");
const NO_KEY: (u16, &str) = (401, "INVALID_API_KEY");

async fn assert_head(sequencer: &Sequencer, key: &str, expected: (u16, &str)) {
    let found = sequencer.head_with(&[("authorization", &format!("ApiKey {key}"))], &query(scope(1, 2))).await;
    assert_eq!((found.0, found.1.as_str()), expected, "{key}");
}

/// L07, L10: the bootstrap key mints; the key is shown once, works, is listed without its secret, and ends.
#[tokio::test]
async fn a_key_lives_and_ends() {
    let sequencer = guarded(Setting::default()).await;
    let tenant = scope(1, 2).tenant;
    let body = json!({"name": "shop", "description": "till 7", "readOnly": true, "rateLimit": 50}).to_string();
    let path = format!("/api/v1/agents/{}/api-keys", Uuid::from_u128(7));
    let body = body.replacen('{', &format!(r#"{{"tenant_id":"{tenant}","#), 1);
    let reply = sequencer.with_key(BOOTSTRAP, Method::POST, &path, &body).await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    let minted = reply.json();
    let key = minted["apiKey"].as_str().unwrap();
    let prefix = minted["key"]["prefix"].as_str().unwrap();
    assert!(key.starts_with(&format!("ss_{prefix}_")));
    assert_eq!(minted["key"]["permissions"], json!(["read"]));
    assert_head(&sequencer, key, OK).await;

    let listed = sequencer.admin(Method::GET, &format!("/api/v1/api-keys?tenant_id={tenant}"), &json!({})).await;
    assert_eq!((&listed["count"], &listed["keys"][0]["name"]), (&json!(1), &json!("shop: till 7")));
    assert_eq!(listed["keys"][0]["status"], "active");
    let stored = sequencer.service.store.api_key(prefix).await.unwrap().unwrap();
    let secret = key.rsplit_once(prefix).unwrap().1;
    for leak in [secret, &stored.secret_hash.to_hex()] {
        assert!(!listed.to_string().contains(leak) && !format!("{stored:?}").contains(secret));
    }

    let revoke = format!("/api/v1/api-keys/{prefix}?tenant_id={tenant}");
    let first = sequencer.admin(Method::DELETE, &revoke, &json!({})).await;
    assert_head(&sequencer, key, NO_KEY).await;
    sequencer.clock.set(START + 9);
    let second = sequencer.admin(Method::DELETE, &revoke, &json!({})).await;
    assert_eq!(first["key"]["revokedAt"], second["key"]["revokedAt"], "a repetition changes nothing");
    let rotate = format!("/api/v1/api-keys/{prefix}/rotate");
    let body = json!({"tenantId": tenant}).to_string();
    let problem = sequencer.with_key(BOOTSTRAP, Method::POST, &rotate, &body).await.problem();
    assert_eq!((problem.0, problem.1.as_str()), (409, "CONFLICT"), "a revoked key has no successor");
}

/// A rotation keeps everything but the secret; the old key ends at once or after the overlap, to the microsecond.
#[tokio::test]
async fn a_rotated_key_hands_over() {
    let sequencer = guarded(Setting::default()).await;
    let tenant = scope(1, 2).tenant;
    let stores = [Uuid::from_u128(2), Uuid::from_u128(9)];
    let body = json!({"storeIds": stores, "permissions": ["read"], "agentId": Uuid::from_u128(3), "rateLimit": 7});
    let (old, prefix) = sequencer.minted(tenant, body).await;
    let rotate = json!({"tenantId": tenant, "overlapSeconds": 60});
    let reply = sequencer.admin(Method::POST, &format!("/api/v1/api-keys/{prefix}/rotate"), &rotate).await;
    let new = reply["apiKey"].as_str().unwrap().to_owned();
    let next = reply["key"]["prefix"].as_str().unwrap().to_owned();
    for (field, expected) in [
        ("storeIds", json!(stores)),
        ("permissions", json!(["read"])),
        ("agentId", json!(Uuid::from_u128(3))),
        ("rateLimit", json!(7)),
        ("expiresAt", json!(null)),
    ] {
        assert_eq!(reply["key"][field], expected, "{field}");
    }
    assert_head(&sequencer, &new, OK).await;
    assert_head(&sequencer, &old, OK).await;
    sequencer.clock.set(START + 60_000_000 - 1);
    assert_head(&sequencer, &old, OK).await;
    sequencer.clock.set(START + 60_000_000);
    assert_head(&sequencer, &old, NO_KEY).await;
    let now = json!({"tenantId": tenant});
    sequencer.admin(Method::POST, &format!("/api/v1/api-keys/{next}/rotate"), &now).await;
    assert_head(&sequencer, &new, NO_KEY).await;
}

/// L07: a key ends when it should, whether it is in memory or not.
#[tokio::test]
async fn an_expired_key_is_no_key() {
    let sequencer = guarded(Setting::default()).await;
    let body = json!({"expiresAt": Micros(START + 10_000_000).to_rfc3339()});
    let (key, _) = sequencer.minted(scope(1, 2).tenant, body).await;
    sequencer.clock.set(START + 9_999_999);
    assert_head(&sequencer, &key, OK).await;
    sequencer.clock.set(START + 10_000_000);
    assert_head(&sequencer, &key, NO_KEY).await;
    for past in [START, START - 1] {
        let body = json!({"tenantId": scope(1, 2).tenant, "expiresAt": Micros(past).to_rfc3339()}).to_string();
        let problem = sequencer.with_key(BOOTSTRAP, Method::POST, "/api/v1/api-keys", &body).await.problem();
        assert_eq!((problem.0, problem.2.as_str()), (400, "/expiresAt"));
    }
}

/// A revocation in another process is obeyed within the stated bound, which is a few seconds.
#[tokio::test]
async fn a_revocation_elsewhere_is_obeyed_within_the_bound() {
    let store = Arc::new(MemoryStore::new());
    let (here, there) = (over(Arc::clone(&store) as _).await, over(store).await);
    let tenant = scope(1, 2).tenant;
    let (key, prefix) = here.minted(tenant, json!({})).await;
    assert_head(&there, &key, OK).await;
    here.admin(Method::DELETE, &format!("/api/v1/api-keys/{prefix}?tenant_id={tenant}"), &json!({})).await;
    assert_head(&here, &key, NO_KEY).await;
    there.clock.set(START + REVOCATION_BOUND);
    assert_head(&there, &key, NO_KEY).await;
    const { assert!(REVOCATION_BOUND <= 5_000_000) };
    // A clock that was set back does not prolong it either.
    let (key, prefix) = here.minted(tenant, json!({})).await;
    assert_head(&there, &key, OK).await;
    here.admin(Method::DELETE, &format!("/api/v1/api-keys/{prefix}?tenant_id={tenant}"), &json!({})).await;
    there.clock.set(START);
    assert_head(&there, &key, NO_KEY).await;
}

/// What was read before a revocation is not remembered after it.
#[tokio::test]
async fn a_look_up_that_a_revocation_overtakes_is_not_remembered() {
    let store = Arc::new(Watched::default());
    let sequencer = over(Arc::clone(&store) as _).await;
    let tenant = scope(1, 2).tenant;
    let (key, prefix) = sequencer.minted(tenant, json!({})).await;
    let gate = store.stop_next("api_key");
    let slow = assert_head(&sequencer, &key, OK);
    let revoked = async {
        gate.reached().await;
        sequencer.admin(Method::DELETE, &format!("/api/v1/api-keys/{prefix}?tenant_id={tenant}"), &json!({})).await;
        gate.open();
    };
    tokio::join!(slow, revoked);
    assert_head(&sequencer, &key, NO_KEY).await;
}

/// A key in memory costs no statement, an unknown one costs one, and what cannot be a key costs none.
#[tokio::test]
async fn look_ups_are_counted() {
    let store = Arc::new(Watched::default());
    let sequencer = over(Arc::clone(&store) as _).await;
    let (key, prefix) = sequencer.minted(scope(1, 2).tenant, json!({})).await;
    assert_head(&sequencer, &key, OK).await;
    store.calls();
    assert_head(&sequencer, &key, OK).await;
    let base = store.calls();
    assert_head(&sequencer, BOOTSTRAP, OK).await;
    assert_eq!(store.calls(), base, "the reads of the route alone");
    let (unknown, wrong) =
        (format!("ss_{}_{}", "0".repeat(16), "A".repeat(43)), format!("ss_{prefix}_{}", "A".repeat(43)));
    for (offered, calls) in [(unknown.as_str(), 1), (wrong.as_str(), 0), ("ss_short", 0), ("", 0)] {
        assert_head(&sequencer, offered, NO_KEY).await;
        assert_eq!(store.calls(), calls, "{offered}");
    }
}

/// Truncated, over-long, altered and smuggled credentials.
#[tokio::test]
async fn no_other_text_opens() {
    let sequencer = guarded(Setting::default()).await;
    let (key, _) = sequencer.minted(scope(1, 2).tenant, json!({})).await;
    let scope = query(scope(1, 2));
    let bearer = format!("Bearer {key}");
    let quoted = format!("ApiKey \"{key}\"");
    let (plain, spaced) = (format!("ApiKey {key}"), format!("apikey   {key} "));
    let (long, cut) = (format!("ApiKey {key}A"), plain.get(..plain.len() - 1).unwrap().to_owned());
    let huge = format!("ApiKey {}", "A".repeat(20_000));
    let latin = "ApiKey \u{e9}";
    for (headers, expected) in [
        (&[("authorization", plain.as_str())][..], OK),
        (&[("authorization", &spaced)], OK),
        (&[("authorization", &key)], OK),
        (&[("x-api-key", &key)], OK),
        (&[], (401, "AUTH_REQUIRED")),
        (&[("authorization", "")], NO_KEY),
        (&[("authorization", "ApiKey ")], NO_KEY),
        (&[("authorization", &bearer)], (401, "INVALID_TOKEN")),
        (&[("authorization", &quoted)], NO_KEY),
        (&[("authorization", &long)], NO_KEY),
        (&[("authorization", &cut)], NO_KEY),
        (&[("authorization", &huge)], NO_KEY),
        (&[("authorization", latin)], NO_KEY),
        (&[("x-api-key", &plain)], NO_KEY),
        (&[("authorization", &plain), ("x-api-key", &key)], NO_KEY),
        (&[("authorization", &plain), ("authorization", &plain)], NO_KEY),
        (&[("authorization", "ApiKey wrong"), ("authorization", &plain)], NO_KEY),
        (&[("x-api-key", &key), ("x-api-key", "wrong")], NO_KEY),
        (&[("cookie", &key), ("proxy-authorization", &plain)], (401, "AUTH_REQUIRED")),
    ] {
        let found = sequencer.head_with(headers, &scope).await;
        assert_eq!((found.0, found.1.as_str()), expected, "{headers:?}");
    }
}

/// Nobody gives away, sees or ends more than they have.
#[tokio::test]
async fn a_key_grants_no_more_than_it_has() {
    let sequencer = guarded(Setting::default()).await;
    let tenant = scope(1, 2).tenant;
    let (one, two) = (Uuid::from_u128(2), Uuid::from_u128(3));
    let agent = Uuid::from_u128(7);
    let all = ["read", "write", "admin"];
    let (whole, whole_prefix) = sequencer.minted(tenant, json!({"permissions": all})).await;
    let (shop, _) = sequencer.minted(tenant, json!({"permissions": all, "storeIds": [one]})).await;
    let (bound, _) = sequencer.minted(tenant, json!({"permissions": all, "agentId": agent})).await;
    let (bare, _) = sequencer.minted(tenant, json!({"permissions": ["admin"]})).await;
    for (key, body, status) in [
        (&whole, json!({"permissions": all}), 200),
        (&whole, json!({"tenantId": TenantId(two)}), 403),
        (&shop, json!({"storeIds": [one]}), 200),
        (&shop, json!({}), 403),
        (&shop, json!({"storeIds": [one, two]}), 403),
        (&bound, json!({"agentId": agent}), 200),
        (&bound, json!({}), 403),
        (&bound, json!({"agentId": two}), 403),
        (&bare, json!({"permissions": ["admin"]}), 200),
        (&bare, json!({"readOnly": true}), 403),
        (&bare, json!({"permissions": ["write"]}), 403),
    ] {
        let reply = sequencer.with_key(key, Method::POST, "/api/v1/api-keys", &body.to_string()).await;
        assert_eq!(reply.status.as_u16(), status, "{body}: {}", reply.text());
    }
    for key in [&shop, &bound, &bare] {
        let listed = sequencer.with_key(key, Method::GET, "/api/v1/api-keys", "").await.json();
        assert!(!listed.to_string().contains(&whole_prefix), "a stronger key is not seen");
        for (method, path) in [(Method::POST, format!("{whole_prefix}/rotate")), (Method::DELETE, whole_prefix.clone())]
        {
            let problem = sequencer.with_key(key, method, &format!("/api/v1/api-keys/{path}"), "{}").await.problem();
            assert_eq!((problem.0, problem.1.as_str()), (404, "API_KEY_NOT_FOUND"));
        }
    }
    assert_head(&sequencer, &whole, OK).await;
}

/// A misspelt member is refused: it could have been the one that limits the key.
#[tokio::test]
async fn wishes_that_cannot_be_met_are_named() {
    let sequencer = guarded(Setting::default()).await;
    let tenant = scope(1, 2).tenant;
    for (body, pointer) in [
        (json!({"tenantId": tenant, "expires": "2030-01-01T00:00:00Z"}), ""),
        (json!({"tenantId": tenant, "permissions": ["root"]}), ""),
        (json!({"tenantId": tenant, "permissions": []}), "/permissions"),
        (json!({"tenantId": tenant, "permissions": ["read"], "admin": true}), "/permissions"),
        (json!({"tenantId": tenant, "rateLimit": 0}), "/rateLimit"),
        (json!({"tenantId": tenant, "expiresAt": "tomorrow"}), "/expiresAt"),
        (json!({"tenantId": tenant, "name": "a\nb"}), "/name"),
        (json!({"tenantId": tenant, "name": "x".repeat(201)}), "/name"),
        (json!({"tenantId": tenant, "storeIds": vec![Uuid::nil(); 101]}), "/storeIds"),
        (json!({}), "tenant_id"),
    ] {
        let reply = sequencer.with_key(BOOTSTRAP, Method::POST, "/api/v1/api-keys", &body.to_string()).await;
        let problem = reply.problem();
        assert_eq!((problem.0, problem.2.as_str()), (400, pointer), "{body}");
    }
    let register = |agent: u128| json!({"tenantId": tenant, "agentId": Uuid::from_u128(agent), "name": "till"});
    sequencer.admin(Method::POST, "/api/v1/agents/register", &register(5)).await;
    let again = sequencer.with_key(BOOTSTRAP, Method::POST, "/api/v1/agents/register", &register(5).to_string()).await;
    assert_eq!(again.problem().1, "ALREADY_EXISTS");
    let other = sequencer.admin(Method::POST, "/api/v1/agents/register", &json!({"tenantId": tenant})).await;
    assert!(other["agentId"].as_str().is_some_and(|id| id.parse::<Uuid>().is_ok()));
}

/// A stream of events that is open when its key is revoked shows nothing that comes after.
#[tokio::test]
async fn a_revocation_ends_open_streams() {
    let sequencer = guarded(Setting::default()).await;
    let ours = scope(1, 2);
    let (key, prefix) = sequencer.minted(ours.tenant, json!({})).await;
    let header = format!("ApiKey {key}");
    let push = async |number| {
        let event = Unsigned::new(ours, number);
        let body = format!(r#"{{"agent_id":"{}","events":[{}]}}"#, event.agent, event.json());
        sequencer.with_key(BOOTSTRAP, Method::POST, "/api/v1/events/ingest", &body).await.json();
    };
    push(1).await;
    let path = format!("/api/v1/events/stream?{}", query(ours));
    let mut live = sequencer.stream(&path, &[("authorization", &header)]).await;
    assert_eq!(live.sequences(1).await, [1]);
    sequencer.admin(Method::DELETE, &format!("/api/v1/api-keys/{prefix}?tenant_id={}", ours.tenant), &json!({})).await;
    push(2).await;
    let last = live.next().await.expect("a reason");
    assert_eq!((last.event.as_str(), &last.json()["code"]), ("problem", &json!("INVALID_API_KEY")));
    assert!(live.next().await.is_none());
}
