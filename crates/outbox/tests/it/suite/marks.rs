//! What the catalogue marks as personal, without a list of the writer's.

use serde_json::Value;
use stateset_contracts::catalogue::{OrderCancelled, OrderCreated};
use stateset_contracts::commerce::Commerce;
use stateset_outbox::contracts::draft;
use stateset_outbox::subject::{MasterKeys, PersonalError};
use stateset_outbox::{AuditFilter, IdempotencyStrategy, ReplayFilter, WriteError};

use super::Factory;

const MAIL: &str = "cust@example.com";

fn cancelled(note: Option<&str>) -> Commerce<OrderCancelled> {
    let cancelled = OrderCancelled { reason: "moved".into(), note: note.map(str::to_owned), cancelled_by: None };
    Commerce::new(cancelled).order(7).user_email(MAIL)
}

/// Ruling 54, C07: marked members and the address lie beside the log. Without keys an address may be metadata, which is not
/// signed; a marked member of the payload is refused. The order is the subject unless the writer names somebody.
pub(crate) async fn the_marks_of_the_catalogue_are_enough<F: Factory>(factory: &F) {
    let keyless = factory.outbox().with_strategy(IdempotencyStrategy::HashPayload);
    let mut tx = keyless.begin().await.expect("a transaction");
    let refused = keyless.write_event(&mut tx, draft(cancelled(Some("I moved")), None).expect("complete")).await;
    assert!(matches!(refused, Err(WriteError::Personal(PersonalError::NoMasterKeys))), "{refused:?}");
    let without = draft(cancelled(None), None).expect("complete");
    let first = keyless.write_event(&mut tx, without).await.expect("an address alone");
    let again = keyless.write_event(&mut tx, draft(cancelled(None), None).expect("complete")).await.expect("the same");
    assert!(!first.is_duplicate() && again.is_duplicate(), "it has a key although it was marked");
    keyless.commit(tx).await.expect("it commits");

    let outbox = factory.outbox().with_master_keys(MasterKeys::new("2026", [9; 32]));
    let mut tx = outbox.begin().await.expect("a transaction");
    for commerce in [cancelled(Some("I moved")), cancelled(Some("Me too")).subject("customer/1")] {
        outbox.write_event(&mut tx, draft(commerce, None).expect("complete")).await.expect("written");
    }
    let nobody = draft(Commerce::new(OrderCreated::default()).order(8), None).expect("complete");
    outbox.write_event(&mut tx, nobody).await.expect("written");
    outbox.commit(tx).await.expect("it commits");
    let stored = outbox.events_for_replay(&ReplayFilter::default(), 10).await.expect("read");
    assert!(stored[0].metadata.as_deref().is_some_and(|metadata| metadata.contains(MAIL)));
    let sealed = format!("{:?}", &stored[1..]);
    assert!(!sealed.contains(MAIL) && !sealed.contains("I moved") && !sealed.contains("Me too"), "{sealed}");
    let order = outbox.subject("order/7").await.expect("a standing");
    assert_eq!((order.events, order.fields, order.readable), (1, 2, 2));

    let mut tx = outbox.begin().await.expect("a transaction");
    outbox.erase_subject(&mut tx, "customer/1", "ticket 81", "ann").await.expect("erased");
    outbox.erase_subject(&mut tx, "customer/none", "ticket 82", "ann").await.expect("nobody");
    outbox.commit(tx).await.expect("it commits");
    let person = outbox.subject("customer/1").await.expect("a standing");
    assert_eq!((person.events, person.fields, person.readable), (1, 2, 0));
    let audit = outbox.reader().audit(&AuditFilter::default(), None, 10).await.expect("the audit");
    let said: Vec<_> =
        audit.iter().map(|entry| (entry.action.as_str(), entry.subject.as_str(), entry.reason.as_deref())).collect();
    assert_eq!(said, [("subject.erased", "subject:customer/1", Some("ticket 81"))]);
    let mut seen = stored.clone();
    outbox.reveal(&mut seen).await.expect("revealed");
    let note = |at: usize| serde_json::from_str::<Value>(&seen[at].payload).expect("JSON")["note"].clone();
    assert_eq!(note(1), "I moved");
    assert!(note(2)["$personal"].is_string());
}
