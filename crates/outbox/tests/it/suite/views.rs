//! The views: one state, four vocabularies, each event at each destination that a route sends it to.

use std::time::Duration;

use stateset_outbox::delivery::{
    Change, DeadLetter, DeliveryRow, DeliveryState, Evidence, Heartbeat, LaneChange, Settlement, Start,
};

use super::{Factory, Plain, Reader, order, registration, write};

async fn rows<F: Factory>(factory: &F, view: &str, columns: &str) -> Vec<String> {
    let mut tx = factory.outbox().begin().await.expect("a transaction");
    let columns =
        columns.split(' ').map(|column| format!("CAST({column} AS text)")).collect::<Vec<_>>().join(" || ' ' || ");
    let order = if view == "dlq_event_log" { "event_id" } else { "payload" };
    let sql = format!("SELECT {columns} FROM {} ORDER BY {order}", factory.table(view));
    F::Engine::texts(&mut tx, sql).await
}

/// E05, E06, E07, E08, E11, E12: 0 delivered, 1 retried, 2 dead, 3 acknowledged, 4 being published, 5 pending.
pub(crate) async fn one_state_has_many_words<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    write(&outbox, order("before the registration", 9)).await;
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    reader.store.register(&registration("nothing", 1, "payment.*", Start::Beginning)).await.expect("registered");
    let lease = &reader.leases[0];
    for number in 0..4 {
        write(&outbox, order(&number.to_string(), number)).await;
    }
    let chunk = reader.store.poll(lease, 10).await.expect("a chunk");
    let change = |at: usize, to, letter: Option<DeadLetter>| Change {
        delivery: DeliveryRow::of(&chunk.events[at], &reader.destination.routes[0]),
        from: None,
        to,
        reason: None,
        attempts: 1,
        next_attempt_in: (to == DeliveryState::RetryWait).then_some(Duration::from_secs(1)),
        attempt: None,
        dead_letter: letter,
    };
    let letter = DeadLetter { class: "refused".to_owned(), error: "no".to_owned() };
    let lane = chunk.events[1].lane();
    let receipt = Evidence {
        log_id: chunk.events[3].log_id,
        kind: "sequencer".to_owned(),
        remote_sequence: Some(77),
        evidence: "{}".to_owned(),
    };
    let plan = Settlement {
        advance: Some(chunk.advance()),
        events: 4,
        changes: vec![change(1, DeliveryState::RetryWait, None), change(2, DeliveryState::Dead, Some(letter))],
        lanes: vec![LaneChange::Park { lane, due_in: Some(Duration::from_secs(1)), reason: "retry".to_owned() }],
        receipts: vec![receipt],
        ..Settlement::default()
    };
    reader.store.settle(lease, &plan).await.expect("settled");
    write(&outbox, order("4", 4)).await;
    let chunk = reader.store.poll(lease, 10).await.expect("a chunk");
    let beat = Heartbeat { lease: lease.clone(), in_flight: Some(chunk.advance_through(&chunk.events[0])) };
    reader.store.renew(&[beat], Duration::from_mins(1)).await.expect("renewed");
    write(&outbox, order("5", 5)).await;

    let words = rows(factory, "outbox", "state sync_status status destination").await;
    assert_eq!(
        words,
        [
            "delivered Synced COMPLETED all",
            "retry_wait Failed PENDING all",
            "dead Failed FAILED all",
            "acknowledged Acknowledged COMPLETED all",
            "in_flight Pending PROCESSING all",
            "pending Pending PENDING all",
        ]
    );
    let words = rows(factory, "outbox_004", "status").await;
    assert_eq!(words, ["Sent", "Pending", "Sent", "Processing", "Pending"]);
    let mut tx = outbox.begin().await.expect("a transaction");
    let locked =
        format!("SELECT count(*) FROM {} WHERE CAST(locked_until AS text) > '2020'", factory.table("outbox_004"));
    assert_eq!(F::Engine::number(&mut tx, locked).await, 1, "only what is being published is locked");
    let delivered =
        format!("SELECT count(*) FROM {} WHERE delivered_at >= written_at", factory.table("delivery_state"));
    assert_eq!(F::Engine::number(&mut tx, delivered).await, 2, "a mark says when");
    drop(tx);
    assert_eq!(rows(factory, "dlq_event_log", "class error_message retry_count status").await, ["refused no 0 FAILED"]);
}
