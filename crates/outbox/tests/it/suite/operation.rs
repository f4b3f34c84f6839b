//! Operations: a small checkout, done under a key.

use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use sqlx::Transaction;
use stateset_outbox::{
    Claim, Command, Entity, Event, EventType, KeyStatus, Operation, OperationPolicy, Outbox, Payload, StoredResponse,
};

use super::{Factory, Plain};

const CHECKOUT: &str = "POST /orders/checkout";

fn command(key: &str) -> Command<'_> {
    Command { operation: CHECKOUT, key, fingerprint: [1; 32], policy: OperationPolicy::default() }
}

fn impatient(key: &str) -> Command<'_> {
    let policy = OperationPolicy { wait: Duration::from_millis(20), ..OperationPolicy::default() };
    Command { policy, ..command(key) }
}

fn created() -> StoredResponse {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    StoredResponse { status: 201, headers, body: b"{\"order\":1, \"price\":1.10}".to_vec() }
}

async fn claim<DB: Plain>(outbox: &Outbox<DB>, tx: &mut Transaction<'static, DB>, command: Command<'_>) -> Claim {
    outbox.claim(tx, command).await.expect("it answers")
}

async fn fresh<DB: Plain>(outbox: &Outbox<DB>, tx: &mut Transaction<'static, DB>, command: Command<'_>) -> Operation {
    match claim(outbox, tx, command).await {
        Claim::Fresh(operation) => operation,
        other => panic!("not fresh: {other:?}"),
    }
}

async fn create_orders<F: Factory>(factory: &F) -> Outbox<F::Engine> {
    let outbox = factory.outbox();
    let mut tx = outbox.begin().await.expect("a transaction");
    F::Engine::run(&mut tx, "CREATE TABLE orders (number bigint)".to_owned()).await.expect("the business's table");
    tx.commit().await.expect("it commits");
    outbox
}

const STEPS: usize = 4;

/// The first `steps` of the command, in one transaction: claim, order, event, answer. `Err` is the answer of a replay.
async fn checkout<F: Factory>(
    outbox: &Outbox<F::Engine>,
    command: Command<'_>,
    steps: usize,
) -> Result<Transaction<'static, F::Engine>, StoredResponse> {
    let mut tx = outbox.begin().await.expect("a transaction");
    if steps == 0 {
        return Ok(tx);
    }
    let mut operation = match claim(outbox, &mut tx, command).await {
        Claim::Fresh(operation) => operation,
        Claim::Replay(stored) => return Err(stored),
        other => panic!("not to be done: {other:?}"),
    };
    if steps >= 2 {
        F::Engine::run(&mut tx, "INSERT INTO orders VALUES (1)".to_owned()).await.expect("the order");
    }
    if steps >= 3 {
        let event = Event::new(EventType::new("order.created"), Payload::new(json!({"number": 1})), None);
        let draft = event.about(Entity::new("order", "1"));
        operation.write_event(outbox, &mut tx, draft).await.expect("the event");
    }
    if steps >= STEPS {
        operation.complete(outbox, &mut tx, &created()).await.expect("the answer");
    }
    Ok(tx)
}

/// One order, one event, one answer, the same bytes.
async fn audit<F: Factory>(factory: &F, outbox: &Outbox<F::Engine>, key: &str) {
    let mut tx = outbox.begin().await.expect("a transaction");
    assert_eq!(F::Engine::number(&mut tx, "SELECT count(*) FROM orders".to_owned()).await, 1);
    let events = format!("SELECT count(*) FROM {}", factory.table("event_log"));
    assert_eq!(F::Engine::number(&mut tx, events).await, 1);
    drop(tx);
    let record = outbox.idempotency_key(CHECKOUT, key).await.expect("it answers").expect("the key");
    assert_eq!((record.status, record.event_ids.len(), record.response), (KeyStatus::Completed, 1, Some(created())));
    let replay = checkout::<F>(outbox, command(key), STEPS).await.err();
    assert_eq!(replay, Some(created()));
}

/// I01, I02, I05, I08
pub(crate) async fn a_command_answers_the_same_for_ever<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    assert_eq!(outbox.idempotency_key(CHECKOUT, "create_order_ORD-123").await.expect("it answers"), None);
    let tx = checkout::<F>(&outbox, command("create_order_ORD-123"), STEPS).await.expect("it is fresh");
    outbox.commit(tx).await.expect("it commits");
    audit(factory, &outbox, "create_order_ORD-123").await;
    let record = outbox.idempotency_key(CHECKOUT, "create_order_ORD-123").await.expect("it answers").expect("the key");
    assert_eq!(record.command_id.get_version_num(), 5);
    assert!(record.expires_in.is_some_and(|left| left > Duration::from_hours(23)), "{record:?}");

    let mut tx = outbox.begin().await.expect("a transaction");
    let other = Command { operation: "POST /returns", ..command("create_order_ORD-123") };
    fresh(&outbox, &mut tx, other).await;
    let control = Command { key: "a\nb", ..command("") };
    for bad in [command(""), control] {
        outbox.claim(&mut tx, bad).await.expect_err("no key");
    }
}

/// I09
pub(crate) async fn a_key_of_another_request_is_refused<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    let tx = checkout::<F>(&outbox, command("key"), STEPS).await.expect("it is fresh");
    outbox.commit(tx).await.expect("it commits");
    let mut tx = outbox.begin().await.expect("a transaction");
    let other = claim(&outbox, &mut tx, Command { fingerprint: [2; 32], ..command("key") }).await;
    assert!(matches!(other, Claim::Reused), "{other:?}");
}

/// I11
pub(crate) async fn a_refusal_is_stored_and_a_crash_is_not<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let mut tx = outbox.begin().await.expect("a transaction");
    fresh(&outbox, &mut tx, command("key")).await;
    tx.rollback().await.expect("as after a 500");
    let refusal = StoredResponse { status: 409, ..StoredResponse::default() };
    let mut tx = outbox.begin().await.expect("a transaction");
    let operation = fresh(&outbox, &mut tx, command("key")).await;
    operation.fail(&outbox, &mut tx, &refusal).await.expect("stored");
    outbox.commit(tx).await.expect("it commits");
    let mut tx = outbox.begin().await.expect("a transaction");
    let again = claim(&outbox, &mut tx, command("key")).await;
    assert!(matches!(&again, Claim::Replay(stored) if *stored == refusal), "{again:?}");
    drop(tx);
    let record = outbox.idempotency_key(CHECKOUT, "key").await.expect("it answers").expect("the key");
    assert_eq!(record.status, KeyStatus::Failed);
}

/// I10: sixteen at once; one does it, the others answer what it answered.
pub(crate) async fn a_duplicate_waits_for_the_first<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    let mut duplicates = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let outbox = outbox.clone();
        // SQLite's own queue is not fair: the wait has to be long enough for the last of them.
        let policy = OperationPolicy { wait: Duration::from_mins(1), ..OperationPolicy::default() };
        duplicates.spawn(async move {
            match checkout::<F>(&outbox, Command { policy, ..command("key") }, STEPS).await {
                Ok(tx) => {
                    outbox.commit(tx).await.expect("it commits");
                    1
                },
                Err(stored) => {
                    assert_eq!(stored, created());
                    0
                },
            }
        });
    }
    let done: usize = duplicates.join_all().await.into_iter().sum();
    assert_eq!(done, 1);
    audit(factory, &outbox, "key").await;
}

/// I05, I10: what a command does is invisible until it commits, but not that it is at work. `SQLite` cannot tell.
pub(crate) async fn a_command_at_work_is_seen<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let look = async |key: &str| outbox.idempotency_key(CHECKOUT, key).await.expect("it answers");
    let told = factory.table("x").contains('.');
    for reserved in [false, true] {
        let key = if reserved { "reserved" } else { "new" };
        if reserved {
            outbox.create_idempotency_key(CHECKOUT, key, Duration::from_mins(1)).await.expect("reserved");
        }
        let before = look(key).await.map(|record| record.status);
        assert_eq!(before, reserved.then_some(KeyStatus::Active));
        let mut tx = outbox.begin().await.expect("a transaction");
        let operation = fresh(&outbox, &mut tx, command(key)).await;
        let seen = look(key).await;
        if told {
            let seen = seen.expect("it is at work");
            assert_eq!((seen.status, seen.command_id), (KeyStatus::InProgress, operation.command_id()));
            assert_eq!((seen.expires_in, seen.response), (None, None));
        } else {
            assert_eq!(seen.map(|record| record.status), before);
        }
        assert!(look("another").await.is_none());
        tx.rollback().await.expect("rolled back");
        assert_eq!(look(key).await.map(|record| record.status), before);
    }
}

/// I10: what was committed in progress, by a worker that may be alive.
pub(crate) async fn a_duplicate_does_not_wait_for_ever<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let mut tx = outbox.begin().await.expect("a transaction");
    fresh(&outbox, &mut tx, command("key")).await;
    outbox.commit(tx).await.expect("it commits");
    let mut tx = outbox.begin().await.expect("a transaction");
    let busy = claim(&outbox, &mut tx, impatient("key")).await;
    assert!(matches!(busy, Claim::InProgress { retry_after } if retry_after >= Duration::from_secs(1)), "{busy:?}");
    let reused = claim(&outbox, &mut tx, Command { fingerprint: [2; 32], ..impatient("key") }).await;
    assert!(matches!(reused, Claim::Reused), "before in progress: {reused:?}");
}

/// I03, I14, rulings 39: under a new command id, so that its events are new facts; the old record is kept.
pub(crate) async fn an_expired_key_is_done_anew<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    let policy = OperationPolicy { ttl: Duration::ZERO, ..OperationPolicy::default() };
    for _ in 0..2 {
        let tx = checkout::<F>(&outbox, Command { policy, ..command("key") }, STEPS).await.expect("it is fresh");
        outbox.commit(tx).await.expect("it commits");
    }
    let record = outbox.idempotency_key(CHECKOUT, "key").await.expect("it answers").expect("the key");
    assert_eq!((record.status, record.generation), (KeyStatus::Expired, 2));
    let mut tx = outbox.begin().await.expect("a transaction");
    for (table, rows) in [("event_log", 2), ("idempotency_keys", 1), ("idempotency_key_history", 1)] {
        let count = format!("SELECT count(*) FROM {}", factory.table(table));
        assert_eq!(F::Engine::number(&mut tx, count).await, rows, "{table}");
    }
}

/// I06, rulings 55
pub(crate) async fn a_reserved_key_is_used_once<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    let reserve = async |ttl| outbox.create_idempotency_key(CHECKOUT, "key", ttl).await.expect("it answers");
    assert!(reserve(Duration::ZERO).await);
    assert!(reserve(Duration::from_mins(1)).await, "the first reservation has expired");
    assert!(!reserve(Duration::from_mins(1)).await);
    let record = outbox.idempotency_key(CHECKOUT, "key").await.expect("it answers").expect("the key");
    assert_eq!((record.status, record.generation), (KeyStatus::Active, 2));
    let tx = checkout::<F>(&outbox, command("key"), STEPS).await.expect("it is fresh");
    outbox.commit(tx).await.expect("it commits");
    audit(factory, &outbox, "key").await;
    assert!(!reserve(Duration::from_mins(1)).await);
}

/// I12
pub(crate) async fn a_reset_key_is_done_anew<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    assert!(!outbox.reset_idempotency_key(CHECKOUT, "key", "wrong price", "tester").await.expect("it answers"));
    for _ in 0..2 {
        let tx = checkout::<F>(&outbox, command("key"), STEPS).await.expect("it is fresh");
        outbox.commit(tx).await.expect("it commits");
        assert!(outbox.reset_idempotency_key(CHECKOUT, "key", "wrong price", "tester").await.expect("it answers"));
    }
    let mut tx = outbox.begin().await.expect("a transaction");
    let history = factory.table("idempotency_key_history");
    let why = format!("SELECT ended_by || ': ' || reason FROM {history} ORDER BY generation");
    assert_eq!(F::Engine::texts(&mut tx, why).await, ["tester: wrong price", "tester: wrong price"]);
}

/// I11: committed before an external call, then the worker died.
pub(crate) async fn an_external_call_leaves_the_outcome_uncertain<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let policy = OperationPolicy { lease: Duration::ZERO, ..OperationPolicy::default() };
    let command = Command { policy, ..command("key") };
    let mut tx = outbox.begin().await.expect("a transaction");
    let operation = fresh(&outbox, &mut tx, command).await;
    operation.before_external_call(&outbox, &mut tx, "charging the card").await.expect("recorded");
    let command_id = operation.command_id();
    outbox.commit(tx).await.expect("it commits");

    let mut tx = outbox.begin().await.expect("a transaction");
    let Claim::Uncertain { operation, recovery_point } = claim(&outbox, &mut tx, command).await else {
        panic!("nobody knows whether the card was charged");
    };
    assert_eq!((operation.command_id(), recovery_point.as_str()), (command_id, "charging the card"));
    operation.complete(&outbox, &mut tx, &created()).await.expect("the probe found the charge");
    outbox.commit(tx).await.expect("it commits");
    let mut tx = outbox.begin().await.expect("a transaction");
    let again = claim(&outbox, &mut tx, command).await;
    assert!(matches!(&again, Claim::Replay(stored) if *stored == created()), "{again:?}");
}

/// I11: everything was local, so doing it again under the same command id is safe.
pub(crate) async fn a_dead_worker_s_local_work_is_done_again<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    let policy = OperationPolicy { lease: Duration::ZERO, ..OperationPolicy::default() };
    let command = Command { policy, ..command("key") };
    let mut tx = outbox.begin().await.expect("a transaction");
    let first = fresh(&outbox, &mut tx, command).await.command_id();
    outbox.commit(tx).await.expect("it commits");
    let mut tx = outbox.begin().await.expect("a transaction");
    assert_eq!(fresh(&outbox, &mut tx, command).await.command_id(), first);
}

/// I04, E04: the connection dies after every step; then the command comes again.
pub(crate) async fn a_crash_at_every_step_leaves_one_order_and_one_event<F: Factory>(factory: &F) {
    let outbox = create_orders(factory).await;
    for steps in 0..=STEPS {
        let tx = checkout::<F>(&outbox, command("key"), steps).await.expect("nothing was left of the crash before");
        factory.kill(tx).await;
    }
    let tx = checkout::<F>(&outbox, command("key"), STEPS).await.expect("it is fresh");
    outbox.commit(tx).await.expect("it commits");
    // The reply was lost: the caller comes again, and again.
    audit(factory, &outbox, "key").await;
    audit(factory, &outbox, "key").await;
}

/// I04, E04: the whole command, commit included, is given up at its first await, at its second, and so on, until once it
/// gets through. What a given-up commit did nobody knows; the next try finds out.
pub(crate) async fn a_command_given_up_at_every_await_happens_once<F: Factory>(factory: &F) {
    let mut given_up = give_up_at_every_await(factory).await;
    // A command awaits the database at least for begin, claim, event and commit. On a busy machine several answers are
    // there at once, so that it is through earlier; then once more, elsewhere.
    for _ in 0..20 {
        if given_up > 3 {
            return;
        }
        given_up = give_up_at_every_await(&F::create().await).await;
    }
    panic!("in no try was a command given up four times");
}

/// How often it was given up.
async fn give_up_at_every_await<F: Factory>(factory: &F) -> usize {
    let outbox = create_orders(factory).await;
    let command = async || match checkout::<F>(&outbox, command("key"), STEPS).await {
        Ok(tx) => outbox.commit(tx).await.expect("it commits"),
        Err(stored) => assert_eq!(stored, created()),
    };
    let mut given_up = 0;
    while !give_up_after(given_up, command()).await {
        given_up += 1;
    }
    audit(factory, &outbox, "key").await;
    given_up
}

/// Drops the future when it is woken for the next time after `wakes`; whether it was done before.
pub(super) async fn give_up_after(wakes: usize, future: impl Future<Output = ()>) -> bool {
    let mut future = Box::pin(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls > wakes {
            return Poll::Ready(false);
        }
        polls += 1;
        future.as_mut().poll(context).map(|()| true)
    })
    .await
}
