//! Who sees personal data.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stateset_outbox::subject::MasterKeys;
use stateset_outbox::{Entity, Event, EventType, Payload};
use stateset_relay::engine::Relay;
use stateset_relay::record::Record;
use stateset_relay::sink::handler::Handler;
use stateset_relay::sink::reveal::Revealing;

use super::harness::{Database, Postgres, options, policy, registration, until};

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
