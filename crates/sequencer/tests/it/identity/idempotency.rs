//! A lost reply of a route that makes API keys, and its retry (L10, decision 54).

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use stateset_ledger::id::TenantId;
use stateset_store::api_key::ApiKeyQuery;
use stateset_store::memory::MemoryStore;
use stateset_testkit::http::Request;
use uuid::Uuid;

use super::watched::Watched;
use super::{BOOTSTRAP, guarded, over};
use crate::harness::{Reply, START, Sequencer, Setting, scope};

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

async fn post(sequencer: &Sequencer, credential: &str, once: &str, path: &str, body: &Value) -> Reply {
    let authorization = format!("ApiKey {credential}");
    let headers = [("authorization", authorization.as_str()), ("idempotency-key", once)];
    sequencer.send(Method::POST, path, &headers, &body.to_string()).await
}

async fn keys_of(sequencer: &Sequencer, tenant: TenantId) -> usize {
    let query = ApiKeyQuery { tenant, agent: None, after: String::new(), limit: 100 };
    sequencer.service.store.api_keys(&query).await.unwrap().len()
}

/// The retry of every route that makes a key shows the same key, which works; another request is told so.
#[tokio::test]
async fn a_retry_makes_no_second_key() {
    let sequencer = guarded(Setting::default()).await;
    let tenant = scope(1, 2).tenant;
    let agent = Uuid::from_u128(7);
    let (_, old) = sequencer.minted(tenant, json!({"permissions": ["read"]})).await;
    let mint = json!({"tenantId": tenant, "name": "till"});
    for (number, path, body, other) in [
        (1, "/api/v1/api-keys".to_owned(), mint.clone(), json!({"tenantId": tenant, "name": "till", "admin": true})),
        (2, format!("/api/v1/agents/{agent}/api-keys"), mint.clone(), json!({"tenantId": tenant})),
        (3, "/api/v1/agents/register".to_owned(), mint.clone(), json!({"tenantId": tenant, "agentId": agent})),
        (
            4,
            format!("/api/v1/api-keys/{old}/rotate"),
            json!({"tenantId": tenant}),
            json!({"tenantId": tenant, "overlapSeconds": 9}),
        ),
    ] {
        let once = format!("attempt-{number}");
        let before = keys_of(&sequencer, tenant).await;
        let first = post(&sequencer, BOOTSTRAP, &once, &path, &body).await;
        assert_eq!(first.headers.get("idempotency-replayed"), None, "{path}");
        sequencer.clock.set(START + 1_000_000 * number);
        let second = post(&sequencer, BOOTSTRAP, &once, &path, &body).await;
        assert_eq!(second.headers["idempotency-replayed"], "true", "{path}");
        assert_eq!(first.json(), second.json(), "{path}");
        assert_eq!(keys_of(&sequencer, tenant).await, before + 1, "{path}");
        let key = first.json()["apiKey"].as_str().unwrap().to_owned();
        let head = format!("/api/v1/head?{}", crate::harness::query(scope(1, 2)));
        sequencer.with_key(&key, Method::GET, &head, "").await.json();
        let problem = post(&sequencer, BOOTSTRAP, &once, &path, &other).await.problem();
        assert_eq!((problem.0, problem.1.as_str()), (422, "IDEMPOTENCY_KEY_REUSED"), "{path}");
        assert_eq!(keys_of(&sequencer, tenant).await, before + 1, "{path}");
    }
    let moved = json!({"tenantId": tenant});
    let reused = post(&sequencer, BOOTSTRAP, "attempt-1", &format!("/api/v1/api-keys/{old}/rotate"), &moved).await;
    assert_eq!(reused.problem().1, "IDEMPOTENCY_KEY_REUSED", "of another route");
    sequencer.clock.set(START + 10 * DAY);
    let late = post(&sequencer, BOOTSTRAP, "attempt-1", "/api/v1/api-keys", &mint).await;
    assert_eq!(late.problem().1, "IDEMPOTENCY_KEY_REUSED", "a day is over");
}

/// An `Idempotency-Key` belongs to who sent it: another caller, and another tenant, make a key of their own with it.
#[tokio::test]
async fn nobody_sees_the_key_of_another_caller() {
    let sequencer = guarded(Setting::default()).await;
    let tenant = scope(1, 2).tenant;
    let all = json!({"permissions": ["read", "write", "admin"]});
    let (one, _) = sequencer.minted(tenant, all.clone()).await;
    let (two, _) = sequencer.minted(tenant, all).await;
    let mut made = Vec::new();
    for (credential, tenant) in
        [(one.as_str(), tenant), (&two, tenant), (BOOTSTRAP, tenant), (BOOTSTRAP, scope(9, 2).tenant)]
    {
        let reply = post(&sequencer, credential, "1", "/api/v1/api-keys", &json!({"tenantId": tenant})).await;
        assert_eq!(reply.headers.get("idempotency-replayed"), None);
        made.push(reply.json()["apiKey"].as_str().unwrap().to_owned());
    }
    made.sort_unstable();
    made.dedup();
    assert_eq!(made.len(), 4);
}

/// Two of the same at the same time make one key between them, and the loser shows it too.
#[tokio::test]
async fn a_race_makes_one_key() {
    let store = Arc::new(Watched::default());
    let sequencer = over(Arc::clone(&store) as _).await;
    let tenant = scope(1, 2).tenant;
    let body = json!({"tenantId": tenant});
    let gate = store.stop_next("api_key");
    let slow = post(&sequencer, BOOTSTRAP, "race", "/api/v1/api-keys", &body);
    let fast = async {
        gate.reached().await;
        let reply = post(&sequencer, BOOTSTRAP, "race", "/api/v1/api-keys", &body).await;
        gate.open();
        reply
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert_eq!(slow.json()["apiKey"], fast.json()["apiKey"]);
    assert_eq!(slow.headers["idempotency-replayed"], "true");
    assert_eq!(keys_of(&sequencer, tenant).await, 1);
}

/// A process with another signing key cannot show the secret again, and makes no second key either.
#[tokio::test]
async fn another_signing_key_makes_no_second_key() {
    let store: Arc<MemoryStore> = Arc::new(MemoryStore::new());
    let setting = |seed| Setting { store: Arc::clone(&store) as _, signing_seed: [seed; 32], ..Setting::default() };
    let (here, there) = (guarded(setting(5)).await, guarded(setting(6)).await);
    let tenant = scope(1, 2).tenant;
    let body = json!({"tenantId": tenant});
    let prefix = post(&here, BOOTSTRAP, "x", "/api/v1/api-keys", &body).await.json()["key"]["prefix"].clone();
    let reply = post(&there, BOOTSTRAP, "x", "/api/v1/api-keys", &body).await;
    assert!(reply.text().contains(prefix.as_str().unwrap()), "{}", reply.text());
    assert_eq!(reply.problem().1, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(keys_of(&there, tenant).await, 1);
}

/// What is no usable `Idempotency-Key` is refused by name.
#[tokio::test]
async fn an_unusable_idempotency_key_is_named() {
    let sequencer = guarded(Setting::default()).await;
    let body = json!({"tenantId": scope(1, 2).tenant});
    for once in ["", "a\u{e9}", &"x".repeat(256), "a b"] {
        let problem = post(&sequencer, BOOTSTRAP, once, "/api/v1/api-keys", &body).await.problem();
        assert_eq!((problem.0, problem.2.as_str()), (400, "Idempotency-Key"), "{once}");
    }
}

/// The real server: the connection is cut before the reply is read, the server is killed, and the retry against the next
/// process on the same data gives the one key that there is.
#[tokio::test]
async fn a_lost_reply_is_had_again_from_the_next_process() -> anyhow::Result<()> {
    let mut server = crate::service::embedded()?.start().await?;
    let body = json!({"tenantId": Uuid::from_u128(1), "name": "till"}).to_string();
    let authorization = format!("ApiKey {}", crate::service::API_KEY);
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "0d3b9f2c"),
    ];
    let mint = Request { headers: &headers, body: Some(body.as_bytes()), ..Request::new("POST", "/api/v1/api-keys") };
    let text = format!(
        "POST /api/v1/api-keys HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\nidempotency-key: 0d3b9f2c\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let list = format!("/api/v1/api-keys?tenant_id={}", Uuid::from_u128(1));
    let mut connection = stateset_testkit::http::Connection::open(server.address()).await?;
    connection.send_raw(text.as_bytes()).await?;
    let listed = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            let listed: Value = crate::service::client(&server).get(&list).await?.json()?;
            if listed["count"] == 1 {
                return anyhow::Ok(listed);
            }
        }
    })
    .await??;
    drop(connection);
    server.kill9().await?;
    server.restart().await?;
    let reply = server.client().send(mint).await?.expect_status(200)?;
    assert_eq!(reply.header("idempotency-replayed"), Some("true"));
    let minted: Value = reply.json()?;
    assert_eq!(minted["key"]["prefix"], listed["keys"][0]["prefix"]);
    let key = minted["apiKey"].as_str().unwrap_or_default();
    let head = format!("/api/v1/head?{}", crate::service::scope(1, 1));
    server.client().with_header("authorization", &format!("ApiKey {key}")).get(&head).await?.expect_status(200)?;
    assert_eq!(crate::service::client(&server).get(&list).await?.json::<Value>()?["count"], 1);
    Ok(())
}
