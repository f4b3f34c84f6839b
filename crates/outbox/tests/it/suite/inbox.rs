//! Consumers: one effect, whatever comes in whatever order.

use sqlx::Transaction;
use stateset_outbox::{Outbox, Receipt, permutations};
use uuid::Uuid;

use super::{Factory, Plain};

async fn create_total<F: Factory>(factory: &F) -> Outbox<F::Engine> {
    let outbox = factory.outbox();
    let mut tx = outbox.begin().await.expect("a transaction");
    let sql = "CREATE TABLE total (sum bigint NOT NULL); INSERT INTO total VALUES (0)";
    F::Engine::run(&mut tx, sql.to_owned()).await.expect("the consumer's table");
    tx.commit().await.expect("it commits");
    outbox
}

/// The consumer's handler: adds the number once.
async fn handle<F: Factory>(
    outbox: &Outbox<F::Engine>,
    tx: &mut Transaction<'static, F::Engine>,
    consumer: &str,
    number: u128,
) -> Receipt {
    let receipt = outbox.receive(tx, consumer, Uuid::from_u128(number)).await.expect("it answers");
    if receipt == Receipt::New {
        F::Engine::run(tx, format!("UPDATE total SET sum = sum + {number}")).await.expect("the effect");
    }
    receipt
}

async fn total<F: Factory>(outbox: &Outbox<F::Engine>) -> i64 {
    let mut tx = outbox.begin().await.expect("a transaction");
    F::Engine::number(&mut tx, "SELECT sum FROM total".to_owned()).await
}

/// D03, F13: a rollback takes the note with the effect; consumers do not know of each other.
pub(crate) async fn an_event_has_one_effect<F: Factory>(factory: &F) {
    let outbox = create_total(factory).await;
    for (consumer, commits, expected) in [
        ("mailer", false, Receipt::New),
        ("mailer", true, Receipt::New),
        ("mailer", true, Receipt::Seen),
        ("shipper", true, Receipt::New),
    ] {
        let mut tx = outbox.begin().await.expect("a transaction");
        assert_eq!(handle::<F>(&outbox, &mut tx, consumer, 5).await, expected);
        if commits {
            tx.commit().await.expect("it commits");
        } else {
            tx.rollback().await.expect("it rolls back");
        }
    }
    assert_eq!(total::<F>(&outbox).await, 10);
    let mut gone = 0;
    // The clock of the database has to move past the moment of the receipt.
    while gone == 0 {
        gone = outbox.collect_inbox("mailer", std::time::Duration::ZERO).await.expect("collected");
    }
    assert_eq!(gone, 1);
}

/// D06
pub(crate) async fn every_order_and_duplication_ends_in_one_state<F: Factory>(factory: &F) {
    let outbox = create_total(factory).await;
    for (run, order) in permutations(4).into_iter().enumerate() {
        let mut tx = outbox.begin().await.expect("a transaction");
        F::Engine::run(&mut tx, "UPDATE total SET sum = 0".to_owned()).await.expect("a fresh state");
        for place in &order {
            let number = [1, 10, 100, 1_000][*place];
            handle::<F>(&outbox, &mut tx, &format!("run {run}"), number).await;
        }
        let sum = F::Engine::number(&mut tx, "SELECT sum FROM total".to_owned()).await;
        assert_eq!(sum, 1_111, "{order:?}");
        tx.rollback().await.expect("it rolls back");
    }
}
