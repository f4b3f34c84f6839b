//! Who sees personal data.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stateset_contracts::catalogue::{OrderCancelled, OrderCreated};
use stateset_contracts::commerce::Commerce;
use stateset_ledger::bundle::{Bundle, Trust, verify_bundle};
use stateset_ledger::note::VerifierKey;
use stateset_outbox::contracts::draft;
use stateset_outbox::filter::Filter;
use stateset_outbox::job::{JobKind, JobOptions, Request};
use stateset_outbox::subject::MasterKeys;
use stateset_outbox::{Entity, Event, EventType, Payload, Scope};
use stateset_relay::contract::{OrderIdMode, envelope};
use stateset_relay::engine::Relay;
use stateset_relay::policy::{Ack, Policy};
use stateset_relay::record::Record;
use stateset_relay::sink::handler::Handler;
use stateset_relay::sink::reveal::{Reveal, Revealing};

use super::harness::{Database, Postgres, options, policy, registration, until};
use crate::peers::sequencer::AGENT;
use crate::peers::{Peer as _, STORE, SequencerPeer, TENANT, WebhookPeer};

fn remembering() -> (Handler, Arc<Mutex<Vec<Record>>>) {
    let seen: Arc<Mutex<Vec<Record>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let handler = Handler::new(move |record: Record| {
        kept.lock().unwrap().push(record);
        async { Ok(()) }
    });
    (handler, seen)
}

/// Rulings 54: the destination that asks gets the values, the other one commitments; after an erasure neither does. With
/// a missing master key nothing is sent, and the breaker names the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_asks_sees_personal_data() {
    let database = Postgres::create().await;
    let outbox = database.outbox().clone().with_master_keys(MasterKeys::new("2026", [7; 32]));
    let write = async |subject: &str| {
        let event = Event::new(EventType::new("order.created"), Payload::new(json!({ "name": "Ann" })), None);
        let draft = event.about(Entity::new("order", "1")).order_key("1");
        let metadata = json!({ "user_email": "cust@example.com" }).as_object().cloned().unwrap();
        let draft = draft.metadata(metadata).personal(subject, ["/name", "metadata:/user_email"]);
        let mut tx = outbox.begin().await.unwrap();
        outbox.write_event_with_outbox(&mut tx, draft).await.unwrap();
        outbox.commit(tx).await.unwrap();
    };
    write("customer 1").await;
    write("customer 2").await;
    let mut tx = outbox.begin().await.unwrap();
    outbox.erase_subject(&mut tx, "customer 2", "asked to", "ada").await.unwrap();
    tx.commit().await.unwrap();

    let (mail, mailed) = remembering();
    let (audit, audited) = remembering();
    let locked = Revealing::new(Handler::new(|_| async { Ok(()) }), Arc::new(database.outbox().clone()));
    let running = Relay::new(database.store(), options(Duration::from_secs(15)))
        .destination(registration("mail", &policy()), Arc::new(Revealing::new(mail, Arc::new(outbox.clone()))))
        .destination(registration("audit", &policy()), Arc::new(audit))
        .destination(registration("locked", &policy()), Arc::new(locked))
        .start()
        .await
        .unwrap();
    let both = async || mailed.lock().unwrap().len() == 2 && audited.lock().unwrap().len() == 2;
    until("both destinations have both events", both).await;
    let locked = async || running.health().await.unwrap().into_iter().find(|it| it.destination == "locked").unwrap();
    until("the third one is left alone", async || locked().await.outage.is_some()).await;
    let outage = locked().await.outage.unwrap();
    assert!(
        outage.starts_with("personal_data: the event has personal fields, and the outbox no master keys"),
        "{outage}"
    );
    assert!(running.stop(Duration::from_secs(20)).await.unwrap());

    let (mailed, audited) = (mailed.lock().unwrap(), audited.lock().unwrap());
    let name = |record: &Record| serde_json::from_str::<Value>(&record.event.payload).unwrap()["name"].clone();
    assert_eq!(mailed[0].user_email().as_deref(), Some("cust@example.com"));
    assert_eq!(name(&mailed[0]), json!("Ann"));
    for record in [&mailed[1], &audited[0], &audited[1]] {
        assert_eq!(record.user_email(), None);
        assert!(name(record)["$personal"].is_string(), "{}", record.event.payload);
    }
}

/// What the relay's own Kafka sink would send, without a broker: the envelope of the contracts.
fn enveloped() -> (Handler, Arc<Mutex<Vec<Value>>>) {
    let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let handler = Handler::new(move |record: Record| {
        let bytes = envelope(&record, OrderIdMode::default()).unwrap();
        kept.lock().unwrap().push(serde_json::from_slice(&bytes).unwrap());
        async { Ok(()) }
    });
    (handler, seen)
}

/// The evidence of the scope's events from the sequencer, checked without it.
async fn proved(peer: &SequencerPeer) -> Bundle {
    let path = format!("/api/v1/proofs/bundle?tenant_id={TENANT}&store_id={STORE}");
    until("the events are in the log", async || {
        let reply = peer.client().get(&path).await.unwrap();
        reply.status == 200
    })
    .await;
    let reply = peer.client().get(&path).await.unwrap();
    let bundle = Bundle::parse(reply.text().as_bytes()).unwrap();
    let keys: Value = peer.client().get("/.well-known/ves-keys").await.unwrap().json().unwrap();
    let log_key = VerifierKey::parse(keys["logVerifierKey"].as_str().unwrap()).unwrap();
    let report = verify_bundle(&bundle, &Trust { log_key, sequencer_keys: Vec::new(), earlier: None });
    assert!(report.is_valid() && report.included == 2, "{report:?}");
    bundle
}

const ADDRESS: &str = "ada@example.com";

/// Ruling 54, C07, model 8: from the writer, who keeps no list of personal fields, to everywhere: the value is joined for the
/// consumers of the topics and for a webhook, the sequencer signs the commitment, and after an erasure every proof holds,
/// while the value is gone from the log, from the sequencer's evidence and from every replay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_person_is_gone_and_every_proof_holds() {
    let (database, peer) = (Postgres::create().await, SequencerPeer::start().await);
    let hook = WebhookPeer::start().await;
    let outbox = database.outbox().for_scope(Scope { tenant: TENANT, store: STORE });
    let outbox = outbox.with_master_keys(MasterKeys::new("2026", [7; 32]));
    let mut tx = outbox.begin().await.unwrap();
    let created = OrderCreated { amount_cents: 25_998.into(), currency: "USD".into(), ..OrderCreated::default() };
    let created = Commerce::new(created).order(123).user_email(ADDRESS).subject("customer/7");
    outbox.write_event_with_outbox(&mut tx, draft(created, None).unwrap().agent(AGENT, 1)).await.unwrap();
    let note = format!("write to {ADDRESS}");
    let cancelled = OrderCancelled { reason: "moved".into(), note: Some(note.clone()), cancelled_by: None };
    let cancelled = Commerce::new(cancelled).order(123).user_email(ADDRESS).subject("customer/7");
    outbox.write_event_with_outbox(&mut tx, draft(cancelled, None).unwrap().agent(AGENT, 1)).await.unwrap();
    outbox.commit(tx).await.unwrap();

    let (topic, sent) = enveloped();
    let people: Arc<dyn Reveal> = Arc::new(outbox.clone());
    let running = Relay::new(database.store(), options(Duration::from_secs(15)))
        .destination(registration("topic", &policy()), Arc::new(Revealing::new(topic, Arc::clone(&people))))
        .destination(registration("hook", &policy()), Arc::new(Revealing::new(hook.sink(), people)))
        .destination(registration("sequencer", &Policy { ack: Ack::Receipt, ..policy() }), peer.sink())
        .start()
        .await
        .unwrap();
    let called = || hook.receiver.lock().unwrap().calls.len();
    until("both are everywhere", async || {
        sent.lock().unwrap().len() == 2 && called() == 2 && running.stats()["sequencer"].delivered >= 2
    })
    .await;
    let seen = sent.lock().unwrap().clone();
    assert_eq!((&seen[0]["user_email"], &seen[1]["user_email"]), (&json!(ADDRESS), &json!(ADDRESS)));
    assert_eq!(seen[1]["data"]["note"], json!(note));
    let body = |at: usize| -> Value { serde_json::from_slice(&hook.receiver.lock().unwrap().calls[at].body).unwrap() };
    assert_eq!(body(1)["data"]["note"], json!(note));
    let before = proved(&peer).await;
    let text = serde_json::to_string(&before).unwrap();
    assert!(text.contains("$personal") && !text.contains(ADDRESS), "{text}");

    let mut tx = outbox.begin().await.unwrap();
    let done = outbox.erase_subject(&mut tx, "customer/7", "asked to", "ada").await.unwrap();
    outbox.commit(tx).await.unwrap();
    assert_eq!((done.keys_destroyed, done.events, done.fields), (1, 2, 3));
    let after = proved(&peer).await;
    assert_eq!(after.stream.events, before.stream.events, "not a byte of the evidence is another one");

    let operator = outbox.operator("ada").unwrap();
    for to in ["topic", "hook"] {
        let options = JobOptions { to: Some(to.to_owned()), ..JobOptions::default() };
        let request = Request { options, ..Request::new(JobKind::Replay, Filter::parse("type:*", 0).unwrap()) };
        let plan = operator.plan(&request).await.unwrap();
        let job = operator.apply(plan.job.id, None).await.unwrap();
        operator.run(&job, &mut |_| {}).await.unwrap();
    }
    until("the replays", async || sent.lock().unwrap().len() == 4 && called() == 4).await;
    for again in &sent.lock().unwrap()[2..] {
        assert_eq!(again.get("user_email"), None, "{again}");
        assert!(!again.to_string().contains(ADDRESS), "{again}");
    }
    assert!(body(3)["data"]["note"]["$personal"].is_string() && !body(3).to_string().contains(ADDRESS));
    assert!(running.stop(Duration::from_secs(20)).await.unwrap());
    let log = database.column("SELECT t::text FROM outbox.event_log t").await;
    assert!(log.len() == 2 && !log.concat().contains(ADDRESS), "{log:?}");
    let audit =
        database.column("SELECT action || ' ' || subject || ' ' || actor FROM outbox.audit WHERE job_id IS NULL").await;
    assert_eq!(audit, ["subject.erased subject:customer/7 ada"]);
}
