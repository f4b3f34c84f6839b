//! The consumer kit: legal transitions, waiting for predecessors, quarantine, old payloads.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::Transaction;
use stateset_outbox::consumer::{
    Consumer, Failure, Handler, HoldLimits, Ignored, Incoming, Machine, Notes, QuarantineClass, Released, Taken,
    Undecodable, Upcasts, Verdict,
};
use stateset_outbox::{Outbox, Scope};
use uuid::Uuid;

use super::{Factory, Plain};

/// Shipments as in the contracts, by table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Nothing,
    PendingPayment,
    ReadyToShip,
    Dispatched,
    Cancelled,
}

use Status::{Cancelled, Dispatched, Nothing, PendingPayment, ReadyToShip};

const MACHINE: Machine<Status> = Machine::new(&[
    (Nothing, "order.created", PendingPayment),
    (PendingPayment, "payment.succeeded", ReadyToShip),
    (ReadyToShip, "shipping.dispatched", Dispatched),
    (PendingPayment, "shipping.cancelled", Cancelled),
]);

/// Writes the status into a table, and every type it applied into another.
pub(crate) struct Shipments;

impl<DB: Plain> Handler<DB> for Shipments {
    type State = Status;

    async fn read(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<Status, Failure> {
        let sql = format!("SELECT status FROM shipment WHERE order_id = '{}'", event.key);
        let found = DB::texts(tx, sql).await;
        let all = [PendingPayment, ReadyToShip, Dispatched, Cancelled];
        Ok(all.into_iter().find(|status| found == [format!("{status:?}")]).unwrap_or(Nothing))
    }

    fn judge(&self, state: &Status, event: &Incoming) -> Verdict<Status> {
        MACHINE.judge(*state, &event.event_type)
    }

    async fn apply(&self, tx: &mut Transaction<'static, DB>, next: Status, event: &Incoming) -> Result<(), Failure> {
        if event.data::<serde_json::Value>()?["fail"] == json!(true) {
            return Err("told to fail".into());
        }
        let sql = format!(
            "INSERT INTO shipment (order_id, status) VALUES ('{key}', '{next:?}') \
             ON CONFLICT (order_id) DO UPDATE SET status = excluded.status; \
             INSERT INTO applied (order_id, what) VALUES ('{key}', '{kind} v{version}')",
            key = event.key,
            kind = event.event_type,
            version = event.schema_version,
        );
        DB::run(tx, sql).await?;
        Ok(())
    }
}

pub(crate) fn incoming(number: u128, event_type: &str, sequence: Option<i64>) -> Incoming {
    Incoming {
        event_id: Uuid::from_u128(number),
        scope: Scope::single_tenant(),
        event_type: event_type.into(),
        schema_version: 1,
        key: "123".into(),
        sequence,
        payload: r#"{"amount_cents": 25998}"#.into(),
        notes: Notes::default(),
    }
}

async fn shop<F: Factory>(factory: &F) -> (Outbox<F::Engine>, Consumer<F::Engine, Shipments>) {
    let outbox = factory.outbox();
    let mut tx = outbox.begin().await.expect("a transaction");
    let sql = "CREATE TABLE shipment (order_id text PRIMARY KEY, status text NOT NULL); \
               CREATE TABLE applied (order_id text NOT NULL, what text NOT NULL)";
    F::Engine::run(&mut tx, sql.to_owned()).await.expect("the consumer's tables");
    tx.commit().await.expect("it commits");
    (outbox.clone(), Consumer::new(outbox, "shipping", Shipments))
}

async fn texts<F: Factory>(outbox: &Outbox<F::Engine>, sql: &str) -> Vec<String> {
    let mut tx = outbox.begin().await.expect("a transaction");
    F::Engine::texts(&mut tx, sql.to_owned()).await
}

async fn status<F: Factory>(outbox: &Outbox<F::Engine>) -> Vec<String> {
    texts::<F>(outbox, "SELECT status FROM shipment").await
}

/// D05: a cancellation after the dispatch is in quarantine with its reason; the state is as before.
pub(crate) async fn an_illegal_event_changes_nothing<F: Factory>(factory: &F) {
    let (outbox, consumer) = shop(factory).await;
    for (number, kind) in [(1, "order.created"), (2, "payment.succeeded"), (3, "shipping.dispatched")] {
        let taken = consumer.take_alone(&incoming(number, kind, None)).await.expect("taken");
        assert_eq!(taken, Taken::Applied { released: 0 });
    }
    let illegal = incoming(4, "shipping.cancelled", None);
    let taken = consumer.take_alone(&illegal).await.expect("taken");
    assert_eq!(taken, Taken::Quarantined(QuarantineClass::Illegal));
    assert_eq!(status::<F>(&outbox).await, ["Dispatched"]);
    let entry = consumer.quarantined(None, 10).await.expect("entries").remove(0);
    assert_eq!(entry.event.as_ref(), Some(&illegal));
    assert_eq!(entry.reason, "shipping.cancelled is not legal in Dispatched");
    // It comes again: it has been dealt with.
    let again = consumer.take_alone(&illegal).await.expect("taken");
    assert_eq!(again, Taken::Ignored(Ignored::Duplicate));
    // Another event with the same meaning finds the state behind it, an unknown type is somebody else's.
    let past = consumer.take_alone(&incoming(5, "payment.succeeded", None)).await.expect("taken");
    assert_eq!(past, Taken::Ignored(Ignored::Past));
    let other = consumer.take_alone(&incoming(6, "product.created", None)).await.expect("taken");
    assert_eq!(other, Taken::Ignored(Ignored::NotOurs));
    assert_eq!(consumer.standing().await.expect("a standing").quarantined, 1);
}

/// D07: payment and dispatch before the order wait, and are applied in the producer's order by the transaction that
/// applies the order.
pub(crate) async fn an_event_waits_for_its_predecessor<F: Factory>(factory: &F) {
    let (outbox, consumer) = shop(factory).await;
    for (number, kind, place) in [(3, "shipping.dispatched", 30), (2, "payment.succeeded", 20)] {
        let taken = consumer.take_alone(&incoming(number, kind, Some(place))).await.expect("taken");
        assert_eq!(taken, Taken::Held, "{kind}");
    }
    let held = consumer.held(0, 10).await.expect("held");
    assert_eq!(held.len(), 2);
    assert_eq!(held[0].waits_for, "shipping.dispatched needs ReadyToShip; the state is Nothing");
    assert!(held[0].deadline_at > held[0].held_at);
    assert_eq!(status::<F>(&outbox).await, Vec::<String>::new());
    let taken = consumer.take_alone(&incoming(1, "order.created", Some(10))).await.expect("taken");
    assert_eq!(taken, Taken::Applied { released: 2 });
    assert_eq!(status::<F>(&outbox).await, ["Dispatched"]);
    let order = texts::<F>(&outbox, "SELECT what FROM applied").await;
    assert_eq!(order, ["order.created v1", "payment.succeeded v1", "shipping.dispatched v1"]);
    assert_eq!(consumer.standing().await.expect("a standing"), stateset_outbox::consumer::Standing::default());
    let again = consumer.take_alone(&incoming(2, "payment.succeeded", Some(20))).await.expect("taken");
    assert_eq!(again, Taken::Ignored(Ignored::Duplicate));
}

/// D02: holding, releasing and the effect are one transaction: it fails, and everything is as it was.
pub(crate) async fn a_rollback_leaves_nothing_held<F: Factory>(factory: &F) {
    let (outbox, consumer) = shop(factory).await;
    let payment = incoming(2, "payment.succeeded", None);
    let mut tx = outbox.begin().await.expect("a transaction");
    assert_eq!(consumer.take(&mut tx, &payment).await.expect("taken"), Taken::Held);
    tx.rollback().await.expect("it rolls back");
    assert_eq!(consumer.held(0, 10).await.expect("held"), []);
    assert_eq!(consumer.take_alone(&payment).await.expect("taken"), Taken::Held);
    let failing = Incoming { payload: r#"{"fail": true}"#.into(), ..incoming(1, "order.created", None) };
    let error = consumer.take_alone(&failing).await.expect_err("the handler fails");
    assert_eq!(error.to_string(), "the handler failed: told to fail");
    assert_eq!(consumer.held(0, 10).await.expect("held").len(), 1, "it still waits");
    assert_eq!(status::<F>(&outbox).await, Vec::<String>::new());
    let taken = consumer.take_alone(&incoming(1, "order.created", None)).await.expect("the same id may come again");
    assert_eq!(taken, Taken::Applied { released: 1 });
}

/// D07, bounded: one key may not hold more than its share, all keys not more than the total.
pub(crate) async fn what_waits_is_bounded<F: Factory>(factory: &F) {
    let (_, consumer) = shop(factory).await;
    let limits = HoldLimits { per_key: 2, total: 3, ..HoldLimits::default() };
    let consumer = consumer.with_hold_limits(limits);
    let of = |number: u128, key: &str| Incoming { key: key.into(), ..incoming(number, "shipping.dispatched", None) };
    let full = Taken::Quarantined(QuarantineClass::TooManyHeld);
    for (number, key, expected) in
        [(1, "a", Taken::Held), (2, "a", Taken::Held), (3, "a", full), (4, "b", Taken::Held), (5, "b", full)]
    {
        assert_eq!(consumer.take_alone(&of(number, key)).await.expect("taken"), expected, "event {number}");
    }
    let standing = consumer.standing().await.expect("a standing");
    assert_eq!((standing.held, standing.quarantined), (3, 2));
    assert!(standing.oldest_held.is_some());
}

/// D05, D07: what has waited too long goes to quarantine, once.
pub(crate) async fn a_deadline_ends_waiting<F: Factory>(factory: &F) {
    let (_, consumer) = shop(factory).await;
    let patient = incoming(1, "payment.succeeded", None);
    assert_eq!(consumer.take_alone(&patient).await.expect("taken"), Taken::Held);
    assert_eq!(consumer.expire_held(10).await.expect("looked"), 0, "a day is not over");
    let consumer = consumer.with_hold_limits(HoldLimits { deadline: Duration::ZERO, ..HoldLimits::default() });
    let late = Incoming { key: "9".into(), ..incoming(2, "payment.succeeded", None) };
    assert_eq!(consumer.take_alone(&late).await.expect("taken"), Taken::Held);
    let mut gone = 0;
    // The clock of the database has to reach the deadline.
    while gone == 0 {
        gone = consumer.expire_held(10).await.expect("looked");
    }
    assert_eq!(gone, 1);
    let entry = consumer.quarantined(None, 10).await.expect("entries").remove(0);
    assert_eq!((entry.class, entry.event), (QuarantineClass::NoPredecessor, Some(late)));
    assert_eq!(consumer.held(0, 10).await.expect("held").len(), 1);
}

/// Quarantine: released when the state allows it, in order with what waited; discarded with a reason; each once.
pub(crate) async fn quarantine_is_released_or_discarded<F: Factory>(factory: &F) {
    let (outbox, consumer) = shop(factory).await;
    let impatient = HoldLimits { per_key: 0, ..HoldLimits::default() };
    let strict = Consumer::new(outbox.clone(), "shipping", Shipments).with_hold_limits(impatient);
    let full = Taken::Quarantined(QuarantineClass::TooManyHeld);
    assert_eq!(strict.take_alone(&incoming(2, "payment.succeeded", None)).await.expect("taken"), full);
    assert_eq!(strict.take_alone(&incoming(3, "shipping.dispatched", None)).await.expect("taken"), full);
    let entries = consumer.quarantined(None, 10).await.expect("entries");
    let [payment, dispatch] = entries.as_slice() else { panic!("two entries: {entries:?}") };
    // Nothing has changed: still not possible where nothing may wait.
    let refused = strict.release(payment.id, None, "ann").await.expect("judged");
    assert!(matches!(&refused, Released::Refused(why) if why.contains("payment.succeeded needs")), "{refused:?}");
    // Where something may, it waits.
    assert_eq!(consumer.release(dispatch.id, None, "ann").await.expect("judged"), Released::Held);
    consumer.take_alone(&incoming(1, "order.created", None)).await.expect("taken");
    assert_eq!(consumer.release(payment.id, None, "ann").await.expect("judged"), Released::Taken { released: 1 });
    assert_eq!(consumer.release(payment.id, None, "bob").await.expect("judged"), Released::Closed);
    assert_eq!(status::<F>(&outbox).await, ["Dispatched"]);
    consumer.take_alone(&incoming(4, "shipping.cancelled", None)).await.expect("taken");
    let entry = consumer.quarantined(None, 10).await.expect("entries").remove(0);
    assert!(consumer.discard(entry.id, "sent by a test system", "ann").await.expect("discarded"));
    assert!(!consumer.discard(entry.id, "again", "bob").await.expect("looked"));
    let table = factory.table("quarantine");
    let ends = texts::<F>(&outbox, &format!("SELECT resolution || ' by ' || actor FROM {table} ORDER BY id")).await;
    assert_eq!(ends, ["released by ann", "released by ann", "discarded by ann"]);
}

/// G06: a record that cannot be read is kept with its bytes, once however often it comes; mended, it is taken.
pub(crate) async fn an_unreadable_record_is_kept_once<F: Factory>(factory: &F) {
    let (outbox, consumer) = shop(factory).await;
    let bytes = [0xff, 0x00, b'{'];
    for expected in [true, false] {
        let record = Undecodable { source: "order.events/2/4711", bytes: &bytes, why: "no JSON\0at byte 0" };
        let mut tx = outbox.begin().await.expect("a transaction");
        assert_eq!(consumer.quarantine_record(&mut tx, record).await.expect("kept"), expected);
        tx.commit().await.expect("it commits");
    }
    let entry = consumer.quarantined(None, 10).await.expect("entries").remove(0);
    assert_eq!((entry.raw.as_deref(), entry.event.as_ref()), (Some(bytes.as_slice()), None));
    assert_eq!(entry.source, "order.events/2/4711");
    let unmended = consumer.release(entry.id, None, "ann").await.expect("judged");
    assert!(matches!(unmended, Released::Refused(_)), "{unmended:?}");
    let mended = incoming(1, "order.created", None);
    let taken = consumer.release(entry.id, Some(mended), "ann").await.expect("judged");
    assert_eq!(taken, Released::Taken { released: 0 });
    assert_eq!(status::<F>(&outbox).await, ["PendingPayment"]);
}

/// C22, C25: version 1 is read as version 3; the stored bytes are as they were, and their hash still holds; a version
/// nobody knows, with members nobody knows, is taken as it is. What cannot be read goes to quarantine.
pub(crate) async fn old_payloads_are_read_as_new_ones<F: Factory>(factory: &F) {
    let (outbox, consumer) = shop(factory).await;
    let upcasts = Upcasts::new()
        .add("payment.succeeded", 1, |mut data| {
            let cents = data["amount_cents"].as_i64().ok_or("amount_cents is no number")?;
            data["amount"] = json!({ "cents": cents });
            Ok(data)
        })
        .add("payment.succeeded", 2, |mut data| {
            data["amount"]["currency"] = json!("USD");
            Ok(data)
        });
    let consumer = consumer.with_upcasts(upcasts.clone());
    // In the log of a producer, with its hash.
    let draft = super::event("payment.succeeded", None, json!({ "amount_cents": 5 }));
    let written =
        super::write(&outbox, draft.about(stateset_outbox::Entity::new("order", "123")).order_key("123")).await;
    let logged = outbox.events_for_replay(&stateset_outbox::ReplayFilter::default(), 1).await.expect("read").remove(0);
    let payment = Incoming::from(&logged);
    assert_eq!(payment.event_id, written.written().event_id);
    assert_eq!(consumer.take_alone(&payment).await.expect("taken"), Taken::Held);
    let held = consumer.held(0, 1).await.expect("held").remove(0);
    assert_eq!(held.event.payload, r#"{"amount_cents":5}"#, "the bytes as received");
    let hash = format!("{:x?}", Sha256::digest(&held.event.payload).as_slice());
    let table = factory.table("event_identity");
    let sql = format!("SELECT count(*) FROM {table} WHERE payload_hash = {}", literal::<F>(&held.event.payload));
    let mut tx = outbox.begin().await.expect("a transaction");
    assert_eq!(F::Engine::number(&mut tx, sql).await, 1, "the hash in the log is that of the held bytes {hash}");
    drop(tx);
    // The upcast is what the handler sees.
    consumer.take_alone(&incoming(1, "order.created", None)).await.expect("taken");
    let applied = texts::<F>(&outbox, "SELECT what FROM applied").await;
    assert_eq!(applied, ["order.created v1", "payment.succeeded v3"]);
    let (version, read) = upcasts.read("payment.succeeded", 1, &payment.payload).expect("readable");
    assert_eq!((version, &*read), (3, r#"{"amount":{"cents":5,"currency":"USD"},"amount_cents":5}"#));
    let newer = Incoming {
        schema_version: 9,
        payload: r#"{"tracking": "T1", "unknown": [1, {"x": null}]}"#.into(),
        ..incoming(7, "shipping.dispatched", None)
    };
    assert_eq!(consumer.take_alone(&newer).await.expect("taken"), Taken::Applied { released: 0 });
    let broken = Incoming { payload: r#"{"amount_cents": "5"}"#.into(), ..incoming(8, "payment.succeeded", None) };
    let taken = consumer.take_alone(&broken).await.expect("taken");
    assert_eq!(taken, Taken::Quarantined(QuarantineClass::Upcast));
}

/// The hash of a text, as SQL writes bytes.
fn literal<F: Factory>(text: &str) -> String {
    let hex: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    if std::any::type_name::<F>().contains("Postgres") { format!("'\\x{hex}'") } else { format!("x'{hex}'") }
}

/// D07: both are taken at the same moment by two transactions. Whoever is first, nothing is left waiting.
pub(crate) async fn predecessor_and_successor_at_once<F: Factory>(factory: &F) {
    let (outbox, consumer) = shop(factory).await;
    for round in 0..25_u128 {
        let key = format!("order {round}");
        let of = |number: u128, kind: &str| Incoming { key: key.clone(), ..incoming(number, kind, None) };
        let (created, payment) = (of(1_000 + round, "order.created"), of(2_000 + round, "payment.succeeded"));
        let (first, second) = tokio::join!(consumer.take_alone(&payment), consumer.take_alone(&created));
        first.and(second).expect("both are taken");
    }
    assert_eq!(consumer.standing().await.expect("a standing").held, 0);
    let ready = texts::<F>(&outbox, "SELECT status FROM shipment WHERE status = 'ReadyToShip'").await;
    assert_eq!(ready.len(), 25);
}
