//! One event by its id: evidence, ambiguity, and what a caller must not learn.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use stateset_api::event::VerdictState;
use stateset_ledger::bytes::{Hash, Signature};
use stateset_ledger::event::Seal;
use stateset_ledger::id::{AgentId, BatchId, EventId, Scope, Sequence, StoreId, TenantId};
use stateset_sequencer::publish::{Outcome, Publisher};
use stateset_sequencer::read::open_event;
use stateset_sequencer::verdict::judge;
use stateset_store::Store;
use stateset_store::batch::Batch;
use stateset_store::memory::MemoryStore;
use stateset_testkit::ves::{Agent, SignedEvent};
use uuid::Uuid;

use crate::harness::{Sequencer, Setting, Unsigned, query, scope};

fn agent_of(scope: Scope) -> Agent {
    Agent::new(1, scope.tenant.0, scope.store.0)
}

async fn register(sequencer: &Sequencer, agent: &Agent) {
    sequencer.post("/api/v1/agents/keys", &agent.registration().to_string()).await.json();
}

async fn push(sequencer: &Sequencer, agent: &Agent, events: &[SignedEvent]) -> Value {
    let reply = sequencer.post("/api/v1/ves/events/ingest", &agent.batch(events).to_string()).await.json();
    assert_eq!(reply["eventsRejected"], 0, "{reply}");
    reply
}

/// B09, A06: a signed event comes back as it was signed, with the receipt of its ingest and a fresh verdict.
#[tokio::test]
async fn a_signed_event_carries_its_evidence() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let agent = agent_of(scope);
    register(&sequencer, &agent).await;
    let event = agent
        .event("o-1", "order.created", json!({ "total": 5 }))
        .version(2)
        .command_id(Uuid::from_u128(77))
        .base_version(0)
        .field("causation_id", json!("because"))
        .field("schema_version", json!(3))
        .sign();
    let reply = push(&sequencer, &agent, std::slice::from_ref(&event)).await;
    let found = sequencer.get(&format!("/api/v1/events/{}?{}", event.id, query(scope))).await.json();
    for (name, sent) in event.json.as_object().unwrap() {
        assert_eq!(&found["event"][name], sent, "{name}");
    }
    assert_eq!((&found["event"]["sequence_number"], &found["event"]["signature"]), (&json!(1), &Value::Null));
    let given = &reply["receipts"][0];
    for (name, published) in [
        ("sequencer_id", "sequencerId"),
        ("event_id", "eventId"),
        ("sequence_number", "sequenceNumber"),
        ("sequenced_at", "sequencedAt"),
        ("receipt_hash", "receiptHash"),
        ("leaf_hash", "leafHash"),
        ("signature_alg", "signatureAlg"),
        ("sequencer_signature", "sequencerSignature"),
        ("sequencer_key_version", "sequencerKeyVersion"),
    ] {
        assert_eq!(found["receipt"][name], given[published], "{name}");
    }
    assert_eq!(
        found["signature"],
        json!({
            "state": "verified",
            "content_hash": const_hex::encode(event.signing_hash),
            "key_id": 1,
            "public_key": const_hex::encode(agent.public_key()),
            "key_status": "active",
        })
    );
    assert_eq!(found["proof"], json!({ "stream_size": 1, "batch_id": null, "logged": false }));
    let flat = sequencer.get(&format!("/api/v1/events?{}", query(scope))).await.json();
    assert_eq!(flat["events"][0]["signature_state"], "signed");
    assert_eq!(flat["events"][0]["payload_hash_form"], "ves");
}

/// H11: what a revoked key signed before stays verified, and the verdict tells that the key is revoked.
#[tokio::test]
async fn a_revocation_shows_in_the_verdict() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let agent = agent_of(scope);
    register(&sequencer, &agent).await;
    let event = agent.event("o-1", "order.created", json!({})).sign();
    push(&sequencer, &agent, std::slice::from_ref(&event)).await;
    let path = format!("/api/v1/agents/{}/keys/1?tenant_id={}", agent.id, scope.tenant);
    sequencer.send(Method::DELETE, &path, &[], "").await.json();
    let found = sequencer.get(&format!("/api/v1/events/{}?{}", event.id, query(scope))).await.json();
    assert_eq!(
        (&found["signature"]["state"], &found["signature"]["key_status"]),
        (&json!("verified"), &json!("revoked"))
    );
}

/// Events of the tenant's key stream, too, verify: under the sequencer's own key.
#[tokio::test]
async fn key_events_verify_under_the_sequencers_key() {
    let sequencer = Sequencer::new().await;
    let agent = agent_of(scope(1, 2));
    register(&sequencer, &agent).await;
    let stream = Scope::key_stream(scope(1, 2).tenant);
    let page = sequencer.get(&format!("/api/v1/ves/events?{}", query(stream))).await.json();
    let id = page["events"][0]["event_id"].as_str().unwrap();
    let found = sequencer.get(&format!("/api/v1/events/{id}?{}", query(stream))).await.json();
    assert_eq!(found["signature"]["state"], "verified", "{found}");
    assert_eq!(found["signature"]["key_status"], Value::Null);
}

/// Unsigned events say so everywhere; a signature of the first API's form is shown and called unverifiable.
#[tokio::test]
async fn unsigned_events_say_so() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    let plain = Unsigned::new(scope, 1).payload(r#"{"b":1.10,"a":2}"#);
    let legacy = Unsigned::new(scope, 2).with("signature", &json!({ "sig": "00" }));
    sequencer.ingest(&[plain.clone(), legacy.clone()]).await;
    for (event, state) in [(&plain, "absent"), (&legacy, "unverifiable")] {
        let found = sequencer.get(&format!("/api/v1/events/{}?{}", event.id, query(scope))).await.json();
        assert_eq!(found["signature"]["state"], state);
        assert_eq!((&found["event"]["signature"], &found["event"]["ves_version"]), (&json!(state), &json!(0)));
        assert_eq!(found["event"]["agent_signature"], Value::Null);
        assert_eq!(found["event"]["payload_hash_form"], "legacy_sorted");
    }
    let flat = sequencer.get(&format!("/api/v1/events?{}", query(scope))).await.json();
    assert_eq!(flat["events"][0]["signature_state"], "absent");
    assert_eq!(flat["events"][1]["signature_state"], "unverifiable");
    assert_eq!(flat["events"][1]["signature"], json!({ "sig": "00" }));
    let ves = sequencer.get(&format!("/api/v1/ves/events?{}", query(scope))).await.json();
    assert_eq!(ves["events"][1]["legacy_signature"], json!({ "sig": "00" }));
}

/// B09: an id in several stores has to be completed; with the store it is found in each.
#[tokio::test]
async fn ambiguous_ids_are_refused() {
    let sequencer = Sequencer::new().await;
    let (one, two) = (scope(1, 2), scope(1, 3));
    sequencer.ingest(&[Unsigned::new(one, 1)]).await;
    let id = Unsigned::new(one, 1).id;
    let path = format!("/api/v1/events/{id}?tenant_id={}", one.tenant);
    assert_eq!(sequencer.get(&path).await.json()["event"]["store_id"], one.store.to_string());
    sequencer.ingest(&[Unsigned::new(two, 1)]).await;
    let reply = sequencer.get(&path).await;
    assert_eq!(reply.problem(), (409, "AMBIGUOUS_EVENT_ID".to_owned(), String::new()));
    assert!(reply.text().contains(&one.store.to_string()) && reply.text().contains(&two.store.to_string()));
    for scope in [one, two] {
        let found = sequencer.get(&format!("/api/v1/events/{id}?{}", query(scope))).await.json();
        assert_eq!(found["event"]["store_id"], scope.store.to_string());
    }
}

/// Isolation (B09): another tenant's event and an event that does not exist get the same answer to the byte.
#[tokio::test]
async fn foreign_events_do_not_exist() {
    let sequencer = Sequencer::new().await;
    let (own, foreign) = (scope(1, 2), scope(8, 2));
    sequencer.ingest(&[Unsigned::new(own, 1)]).await;
    sequencer.ingest(&[Unsigned::new(foreign, 5)]).await;
    let (exists, missing) = (Unsigned::new(foreign, 5).id, Uuid::from_u128(0xdead));
    for scope in [query(own), format!("tenant_id={}", own.tenant)] {
        let answer = async |id: Uuid| {
            let path = format!("/api/v1/events/{id}?{scope}");
            let reply = sequencer.send(Method::GET, &path, &[("x-request-id", "same")], "").await;
            assert_eq!(reply.problem(), (404, "EVENT_NOT_FOUND".to_owned(), String::new()));
            let headers: Vec<_> = reply.headers.iter().map(|(n, v)| format!("{n}: {v:?}")).collect();
            (reply.text().replace(&id.to_string(), "ID"), headers)
        };
        assert_eq!(answer(exists).await, answer(missing).await);
    }
    for path in ["/api/v1/events", "/api/v1/ves/events", "/api/v1/ves/entities/order/o-5"] {
        let page = sequencer.get(&format!("{path}?{}", query(own))).await;
        assert!(!page.text().contains(&exists.to_string()));
    }
}

/// H11: a stored event that no longer fits its hashes or its signature is called invalid, with the hashes.
#[tokio::test]
async fn tampering_shows() {
    let store = Arc::new(MemoryStore::new());
    let sequencer =
        Sequencer::with(Setting { store: Arc::clone(&store) as Arc<dyn Store>, ..Setting::default() }).await;
    let scope = scope(1, 2);
    let agent = agent_of(scope);
    register(&sequencer, &agent).await;
    let event = agent.event("o-1", "order.created", json!({ "total": 5 })).sign();
    push(&sequencer, &agent, std::slice::from_ref(&event)).await;
    let found = store.event(scope.tenant, None, EventId(event.id)).await.unwrap().remove(0);
    let opened = open_event(&sequencer.service.keyring, scope, found.event, &found.segment).unwrap();
    let (header, payload) = (opened.event.header, opened.payload.get());
    let now = sequencer.service.clock.now();
    let judge = async |header, payload| {
        let verdict = judge(store.as_ref(), scope, &header, payload, now).await.unwrap();
        (verdict.state, verdict.cause.unwrap_or_default())
    };
    assert_eq!(judge(header.clone(), payload).await, (VerdictState::Verified, String::new()));
    let (state, cause) = judge(header.clone(), r#"{"total":6}"#).await;
    assert!(state == VerdictState::Invalid && cause.contains(&header.payload_hash.to_hex()), "{cause}");
    let mut other = header.clone();
    other.entity_id = "o-2".to_owned();
    let (state, cause) = judge(other.clone(), payload).await;
    assert!(state == VerdictState::Invalid && cause.contains(&header.content_hash.to_hex()), "{cause}");
    // Whoever rewrites the hash as well still lacks the signature.
    other.content_hash = other.derive_content_hash(scope);
    assert_eq!(judge(other, payload).await.0, VerdictState::Invalid);
    let Seal::Signed { key, .. } = header.seal else { panic!("the event was signed") };
    let mut forged = header.clone();
    forged.seal = Seal::Signed { key, signature: Signature::ZERO };
    assert_eq!(judge(forged, payload).await.0, VerdictState::Invalid);
    let mut stranger = header;
    stranger.agent = AgentId(Uuid::from_u128(0xF));
    stranger.content_hash = stranger.derive_content_hash(scope);
    assert_eq!(judge(stranger, payload).await.0, VerdictState::Unverifiable);
}

/// An encrypted payload is returned as received under its own name, and its cipher hash is checked again.
#[tokio::test]
async fn encrypted_payloads_are_returned_as_they_are() {
    let mut vectors: Value =
        serde_json::from_str(include_str!("../../../../ledger/tests/vectors/encryption.json")).unwrap();
    let envelope = vectors["vectors"][0]["envelope"].take();
    let uuid = |name: &str| envelope[name].as_str().unwrap().parse::<Uuid>().unwrap();
    let scope = Scope::new(TenantId(uuid("tenant_id")), StoreId(uuid("store_id")));
    let mut agent = Agent::from_key([3; 32], uuid("source_agent_id"), scope.tenant.0, scope.store.0);
    agent.key_id = serde_json::from_value(envelope["agent_key_id"].clone()).unwrap();
    let sequencer = Sequencer::new().await;
    register(&sequencer, &agent).await;
    let event = agent.sign(envelope.clone()).unwrap();
    push(&sequencer, &agent, std::slice::from_ref(&event)).await;
    let found = sequencer.get(&format!("/api/v1/events/{}?{}", event.id, query(scope))).await.json();
    assert_eq!(found["event"]["payload_encrypted"], envelope["payload_encrypted"]);
    assert_eq!((&found["event"]["payload"], &found["event"]["payload_kind"]), (&Value::Null, &json!(1)));
    assert_eq!(found["signature"]["state"], "verified", "{found}");
    let flat = sequencer.get(&format!("/api/v1/events?{}", query(scope))).await.json();
    assert_eq!(flat["events"][0]["payload_encrypted"], envelope["payload_encrypted"]);
    assert_eq!(flat["events"][0]["payload_hash_form"], "ves_encrypted");
}

/// The answer names the batch that covers an event once there is one, and says when the head log reaches it.
#[tokio::test]
async fn proofs_become_available() {
    let sequencer = Sequencer::new().await;
    let scope = scope(1, 2);
    sequencer.ingest(&Unsigned::range(scope, 1..4)).await;
    let store = &sequencer.service.store;
    let row = store.stream(scope).await.unwrap().unwrap();
    let batch = Batch {
        batch: BatchId(Uuid::from_u128(0xBA7C)),
        stream: row.stream,
        start: Sequence::FIRST,
        end: Sequence::new(2).unwrap(),
        merkle_root: Hash::ZERO,
        previous_state_root: Hash::ZERO,
        state_root: Hash([1; 32]),
        chunk_roots: vec![Hash::ZERO],
        committed_at: sequencer.service.clock.now(),
        log_index: None,
    };
    store.add_batch(&batch).await.unwrap();
    let proof = async |number| {
        let id = Unsigned::new(scope, number).id;
        sequencer.get(&format!("/api/v1/events/{id}?{}", query(scope))).await.json()["proof"].take()
    };
    for (number, batch_id) in [(1, json!(batch.batch.0)), (2, json!(batch.batch.0)), (3, Value::Null)] {
        assert_eq!(proof(number).await, json!({ "stream_size": 3, "batch_id": batch_id, "logged": false }));
    }
    let mut publisher = Publisher::new(Arc::clone(&sequencer.service), Duration::from_millis(10), None);
    while publisher.publish().await.unwrap() != Outcome::Idle {}
    sequencer.ingest(&[Unsigned::new(scope, 4)]).await;
    for (number, logged) in [(1, true), (3, true), (4, false)] {
        assert_eq!(proof(number).await["logged"], logged, "{number}");
    }
    let head = sequencer.get(&format!("/api/v1/head?{}", query(scope))).await.json();
    assert!(head["checkpoint"].as_str().unwrap().starts_with("log.example/one\n"), "{head}");
}
