//! One event that nobody can read or take, and all the others.

use std::time::Duration;

use stateset_relay::sink::handler::HandlerError;

use super::harness::{Database, Shop, keys, policy, relay, until};

const GRACE: Duration = Duration::from_secs(20);

/// Decode per row: one stored row is spoilt. It becomes a dead letter and its key waits; everything before it, and all
/// other keys of its chunk, are delivered; mended, it is redriven and its key goes on in order.
pub(crate) async fn an_unreadable_row_parks_its_key_only<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    database.write_all(&shop.ledger, keys(40, 4)).await;
    // Number 9 of 0 to 39: its key has two events before it and seven behind.
    let ids = database.column("SELECT CAST(id AS text) FROM outbox.event_log ORDER BY event_log.id").await;
    let id: i64 = ids[9].parse().unwrap();
    database.run(&D::spoil(id)).await;
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    until("the other keys", async || shop.arrived() >= 32).await;
    until("the dead letter", async || running.health().await.unwrap()[0].counts.dead_letters == 1).await;
    let letter = database.column("SELECT class || ' ' || CAST(log_id AS text) FROM outbox.dead_letter").await;
    assert_eq!(letter, [format!("undecodable {id}")]);
    let errors = database.column("SELECT error FROM outbox.dead_letter").await;
    assert!(errors[0].contains("stored"), "{errors:?}");
    database.write_all(&shop.ledger, keys(8, 4)).await;
    until("the other keys go on", async || shop.arrived() >= 38).await;
    let held = "SELECT 'held' FROM outbox.delivery WHERE state = 'held'";
    until("its key waits", async || database.column(held).await.len() == 9).await;
    assert_eq!(shop.arrived(), 38);
    let letter = database.column("SELECT id::text FROM outbox.dead_letter").await.remove(0);
    assert!(database.store().discard(letter.parse().unwrap(), "spoilt", "ada").await.unwrap());
    until("its key goes on", async || shop.arrived() >= 47).await;
    assert!(running.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (1, 0, 0), "{audit}");
}

/// G03, G09, D08: an order is poisoned; the others are delivered as they are written; it is redriven in the middle of that
/// and catches up in order, while they still flow.
pub(crate) async fn a_poisoned_order_is_redriven_while_others_flow<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    // The first event of key 1, until somebody mends it.
    shop.fail(1, 1, HandlerError::Refuse("an order without items".to_owned()));
    database.write_all(&shop.ledger, keys(20, 5)).await;
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    until("the dead letter", async || running.health().await.unwrap()[0].counts.dead_letters == 1).await;
    for round in 1..=5 {
        database.write_all(&shop.ledger, keys(20, 5)).await;
        until("the other orders", async || shop.arrived() >= 16 * (round + 1)).await;
    }
    assert_eq!(shop.arrived(), 96, "24 events of the poisoned order wait");
    let letter = database.column("SELECT id::text FROM outbox.dead_letter").await.remove(0);
    assert!(database.store().redrive(letter.parse().unwrap(), "ada").await.unwrap());
    for _ in 0..5 {
        database.write_all(&shop.ledger, keys(20, 5)).await;
    }
    until("everything", async || shop.arrived() >= 220).await;
    assert!(running.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}
