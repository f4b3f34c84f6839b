//! The registry of agent keys, and the sequencer's own: each change has one place in the key stream, whoever asks how often.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use stateset_ledger::bytes::{Hash, PublicKeyBytes, Signature};
use stateset_ledger::id::Micros;
use stateset_ledger::signature::PublicKey;
use stateset_store::memory::MemoryStore;
use stateset_testkit::ves::Agent;

use super::watched::Watched;
use crate::harness::{START, Sequencer, Setting, query, scope};

fn agent() -> Agent {
    Agent::new(7, scope(1, 2).tenant.0, scope(1, 2).store.0)
}

async fn register(sequencer: &Sequencer, body: &Value) -> Value {
    sequencer.post("/api/v1/agents/keys", &body.to_string()).await.json()
}

fn key_path(agent: &Agent, rest: &str) -> String {
    format!("/api/v1/agents/{}/keys/{}{rest}?tenant_id={}", agent.id, agent.key_id, agent.tenant)
}

async fn revoke(sequencer: &Sequencer, agent: &Agent) -> Value {
    sequencer.send(Method::DELETE, &key_path(agent, ""), &[], "").await.json()
}

/// The rejection of a new event of the agent, if it is rejected.
async fn rejection(sequencer: &Sequencer, agent: &Agent) -> Option<String> {
    let event = agent.event("o-1", "order.created", json!({})).sign();
    let body = agent.batch(&[event]).to_string();
    let reply = sequencer.post("/api/v1/ves/events/ingest", &body).await.json();
    reply["rejections"][0]["code"].as_str().map(str::to_owned)
}

/// A repeated revocation answers the place of the revocation, not that of the registration.
#[tokio::test]
async fn a_repeated_revocation_answers_its_own_place() {
    let sequencer = Sequencer::new().await;
    let (first, second) = (agent(), agent().rotated(2));
    assert_eq!(register(&sequencer, &first.registration()).await["keyStreamSequence"], 1);
    assert_eq!(register(&sequencer, &second.registration()).await["keyStreamSequence"], 2);
    for at in [START, START + 5] {
        sequencer.clock.set(at);
        assert_eq!(revoke(&sequencer, &first).await["keyStreamSequence"], 3);
    }
    assert_eq!(register(&sequencer, &first.registration()).await["keyStreamSequence"], 1, "still where it was");
}

/// Of two revocations at once one is logged; the other answers the same place.
#[tokio::test]
async fn revocations_at_once_are_one() {
    let store = Arc::new(Watched::default());
    let sequencer = Sequencer::with(Setting { store: Arc::clone(&store) as _, ..Setting::default() }).await;
    let agent = agent();
    register(&sequencer, &agent.registration()).await;
    let gate = store.stop_next("agent_keys");
    let slow = revoke(&sequencer, &agent);
    let fast = async {
        gate.reached().await;
        let reply = revoke(&sequencer, &agent).await;
        sequencer.clock.set(START + 1_000);
        gate.open();
        reply
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert_eq!((&slow["keyStreamSequence"], &fast["keyStreamSequence"]), (&json!(2), &json!(2)));
}

/// Of two registrations of one key number at once, with different keys, one is told that it came too late.
#[tokio::test]
async fn registrations_at_once_of_different_keys() {
    let store = Arc::new(Watched::default());
    let sequencer = Sequencer::with(Setting { store: Arc::clone(&store) as _, ..Setting::default() }).await;
    let (first, mut second) = (agent(), agent().rotated(2));
    second.key_id = 1;
    let gate = store.stop_next("agent_keys");
    let body = first.registration().to_string();
    let slow = sequencer.post("/api/v1/agents/keys", &body);
    let fast = async {
        gate.reached().await;
        let reply = register(&sequencer, &second.registration()).await;
        gate.open();
        reply
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert_eq!((slow.problem().1.as_str(), &fast["keyStreamSequence"]), ("ALREADY_EXISTS", &json!(1)));
}

/// Whether a key may sign is judged when the event is sequenced, to the microsecond.
#[tokio::test]
async fn windows_of_validity_hold_at_sequencing() {
    let sequencer = Sequencer::new().await;
    let agent = agent();
    let mut body = agent.registration();
    body["validFrom"] = json!(Micros(START + 10).to_rfc3339());
    body["validTo"] = json!(Micros(START + 20).to_rfc3339());
    register(&sequencer, &body).await;
    for (at, expected) in
        [(9, Some("AGENT_KEY_NOT_YET_VALID")), (10, None), (20, None), (21, Some("AGENT_KEY_EXPIRED"))]
    {
        sequencer.clock.set(START + at);
        assert_eq!(rejection(&sequencer, &agent).await.as_deref(), expected, "{at}");
    }
    body["validTo"] = json!(Micros(START + 9).to_rfc3339());
    let reply = sequencer.post("/api/v1/agents/keys", &body.to_string()).await;
    assert_eq!(reply.problem().2, "/validTo");
}

/// A rotation is one step: the new key is there and the old one is over, in the log and in the registry.
#[tokio::test]
async fn a_rotation_registers_and_revokes() {
    let sequencer = Sequencer::new().await;
    let old = agent();
    register(&sequencer, &old.registration()).await;
    let new = old.rotated(2);
    let rotate = |old: &Agent, new: &Agent| (key_path(old, "/rotate"), new.registration().to_string());
    let (path, body) = rotate(&old, &new);
    let reply = sequencer.post(&path, &body).await.json();
    assert_eq!((&reply["keyId"], &reply["keyStreamSequence"]), (&json!(2), &json!(2)), "{reply}");
    assert_eq!(rejection(&sequencer, &old).await.as_deref(), Some("AGENT_KEY_REVOKED"));
    assert_eq!(rejection(&sequencer, &new).await, None);
    let keys = query(stateset_ledger::id::Scope::key_stream(scope(1, 2).tenant));
    let log = sequencer.get(&format!("/api/v1/ves/events?{keys}")).await.json();
    let types: Vec<&str> = log["events"].as_array().unwrap().iter().filter_map(|e| e["event_type"].as_str()).collect();
    assert_eq!(types, ["agent_key.registered", "agent_key.registered", "agent_key.revoked"]);
    assert_eq!(sequencer.post(&path, &body).await.json()["keyStreamSequence"], 2, "a repetition changes nothing");

    let third = old.rotated(3);
    let (path, body) = rotate(&old, &third);
    assert_eq!(sequencer.post(&path, &body).await.problem().1, "CONFLICT", "a revoked key is not rotated");
    let (path, body) = rotate(&old.rotated(9), &third);
    assert_eq!(sequencer.post(&path, &body).await.problem().1, "AGENT_KEY_NOT_FOUND");
    let (path, body) = rotate(&new, &new);
    assert_eq!(sequencer.post(&path, &body).await.problem().2, "/keyId", "not by itself");
    let mut stranger = third.registration();
    stranger["agentId"] = json!(scope(5, 6).tenant);
    let reply = sequencer.post(&key_path(&new, "/rotate"), &stranger.to_string()).await;
    assert_eq!(reply.problem().2, "/agentId");
    assert_eq!(rejection(&sequencer, &new).await, None, "nothing of this has changed a key");
}

fn receipt(reply: &Value) -> (Hash, Signature, u64) {
    let receipt = &reply["receipts"][0];
    let text = |name: &str| receipt[name].as_str().unwrap_or_else(|| panic!("{name} in {receipt}"));
    let version = receipt["sequencerKeyVersion"].as_u64().or(receipt["sequencer_key_version"].as_u64());
    (
        Hash::from_hex(text("receiptHash")).unwrap(),
        Signature::from_hex(text("sequencerSignature")).unwrap(),
        version.unwrap(),
    )
}

/// The sequencer's own key changes: the receipts of before are given again byte for byte, and verify under the published
/// key they name; new ones are under the new key.
#[tokio::test]
async fn receipts_outlive_the_sequencers_key() {
    let store = Arc::new(MemoryStore::new());
    let before = Sequencer::with(Setting { store: Arc::clone(&store) as _, ..Setting::default() }).await;
    let agent = agent();
    register(&before, &agent.registration()).await;
    let old = agent.batch(&[agent.event("o-1", "order.created", json!({})).sign()]).to_string();
    let first = before.post("/api/v1/ves/events/ingest", &old).await.json();

    let after = Sequencer::with(Setting { store: store as _, signing_seed: [6; 32], ..Setting::default() }).await;
    let again = after.post("/api/v1/ves/events/ingest", &old).await.json();
    assert_eq!(receipt(&first), receipt(&again), "byte for byte");
    let new = agent.batch(&[agent.event("o-2", "order.created", json!({})).sign()]).to_string();
    let new = after.post("/api/v1/ves/events/ingest", &new).await.json();
    let published = after.get("/.well-known/ves-keys").await.json();
    assert_eq!(published["keys"].as_array().map(Vec::len), Some(2));
    for (reply, version) in [(&first, 1), (&again, 1), (&new, 2)] {
        let (hash, signature, named) = receipt(reply);
        assert_eq!(named, version);
        let entry = &published["keys"][usize::try_from(version - 1).unwrap()];
        assert_eq!((&entry["keyVersion"], &entry["current"]), (&json!(version), &json!(version == 2)));
        let key = PublicKeyBytes::from_hex(entry["publicKey"].as_str().unwrap()).unwrap();
        PublicKey::new(&key).unwrap().verify(&hash.0, &signature).expect("verifies under the key it names");
        let other = &published["keys"][usize::try_from(2 - version).unwrap()]["publicKey"];
        let other = PublicKeyBytes::from_hex(other.as_str().unwrap()).unwrap();
        PublicKey::new(&other).unwrap().verify(&hash.0, &signature).expect_err("and under no other");
        assert!(entry["logVerifierKey"].as_str().is_some_and(|key| key.starts_with("log.example/one+")));
    }
    assert_eq!(published["keys"][1]["logVerifierKey"], published["logVerifierKey"]);
}
