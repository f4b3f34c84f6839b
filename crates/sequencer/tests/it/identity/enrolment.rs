//! One-time tokens with which an agent's machine is set up.

use axum::http::Method;
use serde_json::{Value, json};
use stateset_ledger::bytes::Hash;
use stateset_testkit::ves::Agent;

use super::guarded;
use crate::harness::{Reply, START, Sequencer, Setting, scope};

const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn agent() -> Agent {
    Agent::new(7, scope(1, 2).tenant.0, scope(1, 2).store.0)
}

async fn token(sequencer: &Sequencer, agent: &Agent, more: Value) -> String {
    let mut body = json!({"tenantId": agent.tenant});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let path = format!("/api/v1/agents/{}/enrolment-tokens", agent.id);
    let reply = sequencer.admin(Method::POST, &path, &body).await;
    reply["token"].as_str().expect("a token").to_owned()
}

fn api_key(prefix: &str) -> String {
    format!("ss_{prefix}_{SECRET}")
}

async fn enrol(sequencer: &Sequencer, token: &str, agent: &Agent, prefix: &str) -> Reply {
    let mut body = agent.registration();
    body["apiKeyPrefix"] = json!(prefix);
    body["apiKeyHash"] = json!(Hash::of(&[api_key(prefix).as_bytes()]));
    sequencer.with_key(token, Method::POST, "/api/v1/agents/enrol", &body.to_string()).await
}

async fn push(sequencer: &Sequencer, key: &str, agent: &Agent) -> Reply {
    let event = agent.event("o-1", "order.created", json!({})).sign();
    let body = agent.batch(&[event]).to_string();
    sequencer.with_key(key, Method::POST, "/api/v1/ves/events/ingest", &body).await
}

/// M05, ruling 60: the token registers the agent's key and lets the machine's own API key in, for this agent and these
/// stores only; then it is spent.
#[tokio::test]
async fn a_token_sets_up_one_agent_once() {
    let sequencer = guarded(Setting::default()).await;
    let agent = agent();
    let token = token(&sequencer, &agent, json!({"storeIds": [agent.store], "name": "till 7"})).await;
    let prefix = "0123456789abcdef";
    let enrolled = enrol(&sequencer, &token, &agent, prefix).await.json();
    assert_eq!(enrolled["signingKey"]["keyStreamSequence"], 1);
    assert_eq!(enrolled["apiKey"]["permissions"], json!(["read", "write"]));
    assert_eq!((&enrolled["apiKey"]["agentId"], &enrolled["apiKey"]["name"]), (&json!(agent.id), &json!("till 7")));
    assert!(!enrolled.to_string().contains(SECRET));
    assert_eq!(push(&sequencer, &api_key(prefix), &agent).await.json()["eventsAccepted"], 1);

    for path in ["/api/v1/agents/enrol", "/api/v1/head"] {
        let again = sequencer.with_key(&token, Method::POST, path, "{}").await;
        assert_eq!(again.status.as_u16(), if path.ends_with("enrol") { 401 } else { 405 });
    }
    let other_store = Agent::new(7, agent.tenant, scope(1, 3).store.0);
    assert_eq!(push(&sequencer, &api_key(prefix), &other_store).await.status.as_u16(), 403);
    let mut body = agent.rotated(2).registration();
    body["apiKeyPrefix"] = json!("1123456789abcdef");
    let more = sequencer.with_key(&api_key(prefix), Method::POST, "/api/v1/agents/keys", &body.to_string()).await;
    assert_eq!(more.status.as_u16(), 403, "the machine's key registers nothing");
}

/// A token is for its agent, until its end, and permits nothing else.
#[tokio::test]
async fn a_token_is_good_for_nothing_else() {
    let sequencer = guarded(Setting::default()).await;
    let (agent, stranger) = (agent(), Agent::new(8, scope(1, 2).tenant.0, scope(1, 2).store.0));
    let token = token(&sequencer, &agent, json!({"expiresInSeconds": 60})).await;
    assert_eq!(enrol(&sequencer, &token, &stranger, "0123456789abcdef").await.status.as_u16(), 403);
    assert_eq!(push(&sequencer, &token, &agent).await.status.as_u16(), 403);
    let head = format!("tenant_id={}&store_id={}", agent.tenant, agent.store);
    let header = format!("ApiKey {token}");
    assert_eq!(sequencer.head_with(&[("authorization", &header)], &head).await.0, 403);
    for prefix in ["", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0", "0123456789abcde\u{e9}"] {
        assert_eq!(enrol(&sequencer, &token, &agent, prefix).await.status.as_u16(), 400, "{prefix:?}");
    }
    sequencer.clock.set(START + 60_000_000);
    assert_eq!(enrol(&sequencer, &token, &agent, "0123456789abcdef").await.status.as_u16(), 401);
}

/// However many spend it at once, one machine is set up.
#[tokio::test]
async fn a_token_is_spent_once() {
    let sequencer = guarded(Setting::default()).await;
    let agent = agent();
    let token = token(&sequencer, &agent, json!({})).await;
    let (one, other) = tokio::join!(
        enrol(&sequencer, &token, &agent, "0123456789abcdef"),
        enrol(&sequencer, &token, &agent, "1123456789abcdef"),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let accepted = [
        push(&sequencer, &api_key("0123456789abcdef"), &agent).await.status.as_u16(),
        push(&sequencer, &api_key("1123456789abcdef"), &agent).await.status.as_u16(),
    ];
    assert_eq!(accepted.iter().filter(|status| **status == 200).count(), 1, "{accepted:?}");
}

/// Nobody hands out more than they have: an administrator of one agent makes no token for another one.
#[tokio::test]
async fn tokens_are_made_by_who_could_do_it() {
    let sequencer = guarded(Setting::default()).await;
    let agent = agent();
    let all = json!({"permissions": ["read", "write", "admin"], "agentId": agent.id});
    let (bound, _) = sequencer.minted(scope(1, 2).tenant, all).await;
    let (admin_only, _) = sequencer.minted(scope(1, 2).tenant, json!({"permissions": ["admin"]})).await;
    let body = json!({"tenantId": agent.tenant}).to_string();
    let path = |agent: &Agent| format!("/api/v1/agents/{}/enrolment-tokens", agent.id);
    let stranger = Agent::new(8, agent.tenant, agent.store);
    assert_eq!(sequencer.with_key(&bound, Method::POST, &path(&agent), &body).await.status.as_u16(), 200);
    assert_eq!(sequencer.with_key(&bound, Method::POST, &path(&stranger), &body).await.status.as_u16(), 403);
    assert_eq!(sequencer.with_key(&admin_only, Method::POST, &path(&agent), &body).await.status.as_u16(), 403);
    for seconds in [0, 604_801] {
        let body = json!({"tenantId": agent.tenant, "expiresInSeconds": seconds}).to_string();
        assert_eq!(sequencer.with_key(&bound, Method::POST, &path(&agent), &body).await.status.as_u16(), 400);
    }
}
