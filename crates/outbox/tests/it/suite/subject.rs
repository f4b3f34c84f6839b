//! Personal data beside the log.

use serde_json::{Value, json};
use stateset_outbox::delivery::LoggedEvent;
use stateset_outbox::subject::{MasterKeys, PersonalError, RevealError};
use stateset_outbox::{Draft, Entity, IdempotencyStrategy, Outbox, ReplayFilter, WriteError};

use super::{Factory, Plain, event, write};

const MAIL: &str = "cust@example.com";

fn keys() -> MasterKeys {
    MasterKeys::new("2026", [9; 32])
}

fn about(subject: &str, number: i64) -> Draft<Value> {
    let payload = json!({ "number": number, "customer": { "email": MAIL, "name": "Ann" }, "total": 5 });
    let metadata = json!({ "user_email": MAIL }).as_object().cloned().expect("an object");
    event("order.created", None, payload)
        .about(Entity::new("order", number.to_string()))
        .metadata(metadata)
        .personal(subject, ["/customer/email", "/customer/name", "/missing", "metadata:/user_email"])
}

async fn log<F: Factory>(outbox: &Outbox<F::Engine>) -> Vec<LoggedEvent> {
    outbox.events_for_replay(&ReplayFilter::default(), 100).await.expect("read")
}

/// Rulings 54, model 8: the log never has the values; with the keys they are there; erased they are not, and nothing else
/// changes: not a byte of the log, not a hash.
pub(crate) async fn an_erased_person_is_gone_and_the_log_is_as_it_was<F: Factory>(factory: &F) {
    let outbox = factory.outbox().with_master_keys(keys());
    write(&outbox, about("customer 1", 1)).await;
    write(&outbox, about("customer 2", 2)).await;
    let stored = log::<F>(&outbox).await;
    for event in &stored {
        let all = format!("{event:?}");
        assert!(!all.contains(MAIL) && !all.contains("Ann"), "{all}");
        assert!(event.payload.contains("\"total\":5"), "{}", event.payload);
    }
    let mut seen = stored.clone();
    outbox.reveal(&mut seen).await.expect("revealed");
    for (event, number) in seen.iter().zip(1..) {
        let payload: Value = serde_json::from_str(&event.payload).expect("JSON");
        assert_eq!(payload, json!({ "number": number, "customer": { "email": MAIL, "name": "Ann" }, "total": 5 }));
        assert_eq!(event.metadata.as_deref(), Some(r#"{"user_email":"cust@example.com"}"#));
    }
    let table = factory.table("subject_data");
    let mut tx = outbox.begin().await.expect("a transaction");
    assert_eq!(F::Engine::number(&mut tx, format!("SELECT count(*) FROM {table}")).await, 6);
    let certificate = outbox.erase_subject(&mut tx, "customer 1", "asked to", "ann").await.expect("erased");
    tx.commit().await.expect("it commits");
    assert_eq!((certificate.keys_destroyed, certificate.events, certificate.fields), (1, 1, 3));
    let text = serde_json::to_string(&certificate).expect("JSON");
    for word in ["backups", "topics", "mailboxes", "consumers", "archive segments"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(!text.contains(MAIL));
    let mut after = log::<F>(&outbox).await;
    assert_eq!(after, stored);
    let identities = factory.table("event_identity");
    let mut tx = outbox.begin().await.expect("a transaction");
    for event in &after {
        let hash = super::sha256(&event.payload);
        let stored = if std::any::type_name::<F>().contains("Postgres") {
            "encode(payload_hash, 'hex')"
        } else {
            "lower(hex(payload_hash))"
        };
        let sql = format!("SELECT count(*) FROM {identities} WHERE {stored} = '{hash}'");
        assert_eq!(F::Engine::number(&mut tx, sql).await, 1, "it still verifies");
    }
    drop(tx);
    outbox.reveal(&mut after).await.expect("revealed");
    assert_eq!(after[0], stored[0], "commitments stay");
    assert!(after[1].payload.contains(MAIL), "the other person's are there");
    let mut tx = outbox.begin().await.expect("a transaction");
    let again = outbox.erase_subject(&mut tx, "customer 1", "asked to", "ann").await.expect("erased");
    drop(tx);
    assert_eq!(again.keys_destroyed, 0);
    // The person comes again: a new key, and what was erased stays so.
    write(&outbox, about("customer 1", 3)).await;
    let mut last = log::<F>(&outbox).await;
    outbox.reveal(&mut last).await.expect("revealed");
    assert!(!last[0].payload.contains(MAIL) && last[2].payload.contains(MAIL));
}

/// E16: the same fact again is the same bytes, so it is a duplicate and no conflict, by its key and by its hash.
pub(crate) async fn the_same_personal_fact_is_a_duplicate<F: Factory>(factory: &F) {
    let outbox = factory.outbox().with_master_keys(keys()).with_strategy(IdempotencyStrategy::HashPayload);
    let first = write(&outbox, about("customer 1", 1)).await;
    let second = write(&outbox, about("customer 1", 1)).await;
    assert!(second.is_duplicate());
    assert_eq!(first.written(), second.written());
    assert!(!write(&outbox, about("customer 2", 1)).await.is_duplicate(), "somebody else's fact");
    let mut events = log::<F>(&outbox).await;
    outbox.reveal(&mut events).await.expect("revealed");
    assert!(events.iter().all(|event| event.payload.contains(MAIL)));
}

/// Master keys are exchanged: wrapped anew, the old one is not needed any more. Without keys nothing is written in clear.
pub(crate) async fn master_keys_are_exchanged<F: Factory>(factory: &F) {
    let outbox = factory.outbox().with_master_keys(MasterKeys::new("2025", [5; 32]));
    write(&outbox, about("customer 1", 1)).await;
    let reveal = async |keys: Option<MasterKeys>| {
        let plain = factory.outbox();
        let with = if let Some(keys) = keys { plain.with_master_keys(keys) } else { plain };
        let mut events = log::<F>(&with).await;
        with.reveal(&mut events).await.map(|()| events[0].payload.contains(MAIL))
    };
    let unknown = reveal(Some(keys())).await;
    assert!(matches!(&unknown, Err(RevealError::Personal(PersonalError::UnknownMasterKey(id))) if id == "2025"));
    let both = factory.outbox().with_master_keys(keys().and_older("2025", [5; 32]));
    assert_eq!(
        (both.rewrap_subjects(10).await.expect("wrapped"), both.rewrap_subjects(10).await.expect("done")),
        (1, 0)
    );
    assert!(reveal(Some(keys())).await.expect("revealed"));
    assert!(matches!(reveal(None).await, Err(RevealError::Personal(PersonalError::NoMasterKeys))));

    let plain = factory.outbox();
    let mut tx = plain.begin().await.expect("a transaction");
    let refused = plain.write_event(&mut tx, about("customer 1", 2)).await.expect_err("no keys");
    assert!(matches!(refused, WriteError::Personal(PersonalError::NoMasterKeys)), "{refused}");
    let odd =
        event("order.created", None, json!({})).about(Entity::new("order", "1")).personal("c", ["customer.email"]);
    let refused = both.write_event(&mut tx, odd).await.expect_err("no pointer");
    assert!(refused.to_string().contains("is no field"), "{refused}");
    // The transaction is as good as before.
    both.write_event(&mut tx, about("customer 1", 2)).await.expect("written");
    both.commit(tx).await.expect("it commits");
}
