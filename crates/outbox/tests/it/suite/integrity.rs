//! The check can fail: each kind of finding is put into the tables, past every guard, and found.

use stateset_outbox::delivery::{Evidence, Settlement};
use stateset_outbox::integrity::FindingKind as Kind;

use super::read::every_state;
use super::{Factory, Plain};

/// One fault: what must be found of it, and how it gets in.
struct Fault {
    kind: Kind,
    sql: &'static str,
}

/// `{x}` is the table x; the event at place `{p}` is the first delivered one.
const FAULTS: &[Fault] = &[
    Fault {
        kind: Kind::PayloadChanged,
        sql: "UPDATE {event_log} SET payload = '{\"number\":0,\"forged\":1}' WHERE id = {p}",
    },
    Fault { kind: Kind::EventWithoutIdentity, sql: "DELETE FROM {event_identity} WHERE log_id = {p}" },
    Fault { kind: Kind::IdentityDiffers, sql: "UPDATE {event_identity} SET log_id = {p} + 1 WHERE log_id = {p}" },
    Fault { kind: Kind::IdentityWithoutEvent, sql: "DELETE FROM {event_log} WHERE id = {p}" },
    Fault { kind: Kind::WrongShard, sql: "UPDATE {event_log} SET shard = 63 - shard WHERE id = {p}" },
    Fault {
        kind: Kind::TimeRegression,
        sql: "UPDATE {event_log} SET written_at = written_at - 60000000 WHERE id = {p}",
    },
    Fault {
        kind: Kind::CreatedAtSkew,
        sql: "UPDATE {event_log} SET created_at = '2001-01-01T00:00:00Z' WHERE id = {p}",
    },
    Fault { kind: Kind::CreatedAtSkew, sql: "UPDATE {event_log} SET created_at = 'yesterday' WHERE id = {p}" },
    Fault {
        kind: Kind::DuplicateEventId,
        sql: "UPDATE {event_log} SET event_id = (SELECT event_id FROM {event_log} WHERE id = {p}) WHERE id = {p} + 1",
    },
    Fault { kind: Kind::DuplicateEventKey, sql: "UPDATE {event_log} SET event_key = 'k' WHERE id IN ({p}, {p} + 1)" },
    Fault { kind: Kind::RemoteOrder, sql: "UPDATE {event_log} SET order_key = 'one' WHERE id IN ({p}, {p} + 3)" },
    Fault { kind: Kind::DeadLetterWithoutDelivery, sql: "DELETE FROM {delivery} WHERE state = 'dead'" },
    Fault { kind: Kind::DeadDeliveryWithoutLetter, sql: "DELETE FROM {dead_letter}" },
    Fault { kind: Kind::DeliveryWithoutLane, sql: "DELETE FROM {parked_lane}" },
    Fault { kind: Kind::DeliveryWithoutEvent, sql: "UPDATE {delivery} SET log_id = 900000 WHERE state = 'dead'" },
    Fault { kind: Kind::DeliveryOfAnotherEvent, sql: "UPDATE {delivery} SET log_id = {p} WHERE state = 'dead'" },
    Fault { kind: Kind::DeliveryInAnotherGroup, sql: "UPDATE {delivery} SET shard_group = 9 WHERE state = 'dead'" },
    Fault { kind: Kind::DeliveryWithoutEnd, sql: "UPDATE {delivery} SET finished_at = NULL WHERE state = 'dead'" },
    Fault { kind: Kind::CursorBeyondLog, sql: "UPDATE {delivery_cursor} SET {far}" },
    Fault { kind: Kind::ReceiptWithoutEvent, sql: "UPDATE {receipt} SET log_id = 900000 WHERE log_id = {p}" },
];

/// H08, H09, H10: nothing is found in what the crate wrote; every fault that is put in is found, by its name.
pub(crate) async fn every_fault_is_found<F: Factory>(factory: &F) {
    prepare(factory).await;
    let checked = factory.outbox().reader().verify(None, None).await.expect("a check");
    assert_eq!((checked.events, checked.findings.as_slice(), checked.is_faulty()), (7, [].as_slice(), false));
    for fault in FAULTS {
        let factory = F::create().await;
        let place = prepare(&factory).await;
        let mut sql = fault.sql.replace("{p}", &place.to_string());
        for table in
            ["event_log", "event_identity", "delivery", "dead_letter", "parked_lane", "receipt", "delivery_cursor"]
        {
            sql = sql.replace(&format!("{{{table}}}"), &factory.table(table));
        }
        sql = sql.replace("{far}", F::Engine::FAR);
        let outbox = factory.outbox();
        let mut tx = outbox.begin().await.expect("a transaction");
        F::Engine::run(&mut tx, F::Engine::UNPROTECT.to_owned()).await.expect("the guards are gone");
        assert!(F::Engine::run(&mut tx, sql.clone()).await.expect(&sql) > 0, "{sql}");
        tx.commit().await.expect("it commits");
        let found = outbox.reader().verify(None, None).await.expect("a check");
        assert!(found.findings.iter().any(|finding| finding.kind == fault.kind), "{}: {sql}: {found:?}", fault.kind);
        let broken = !matches!(fault.kind, Kind::TimeRegression | Kind::CreatedAtSkew);
        assert_eq!(found.is_faulty(), broken, "{sql}: {found:?}");
    }
}

/// An event in every state, and receipts in the wrong order but for the lanes. The place of the first delivered event.
async fn prepare<F: Factory>(factory: &F) -> i64 {
    let reader = every_state(factory).await;
    let mut tx = factory.outbox().begin().await.expect("a transaction");
    let sql = format!("SELECT min(id) + 1 FROM {}", factory.table("event_log"));
    let place = F::Engine::number(&mut tx, sql).await;
    drop(tx);
    let receipt =
        Evidence { log_id: place, kind: "sequencer".to_owned(), remote_sequence: Some(99), evidence: "{}".to_owned() };
    let plan = Settlement { receipts: vec![receipt], ..Settlement::default() };
    reader.store.settle(&reader.leases[0], &plan).await.expect("settled");
    place
}
