//! The permutation tester finds what does not converge, and only that.

use sqlx::{Sqlite, Transaction};
use stateset_outbox::consumer::testing::{Divergence, Permutations};
use stateset_outbox::consumer::{Failure, Handler, Ignored, Incoming, Verdict};

use crate::suite::consumer::{Shipments, incoming};

const SCHEMA: &str = "CREATE TABLE shipment (order_id text PRIMARY KEY, status text NOT NULL); \
                      CREATE TABLE applied (order_id text NOT NULL, what text NOT NULL)";
const KINDS: [&str; 3] = ["order.created", "payment.succeeded", "shipping.dispatched"];

fn events() -> Vec<Incoming> {
    (1..).zip(KINDS).map(|(number, kind)| incoming(number, kind, None)).collect()
}

/// D06: every order of an order's events, with every duplication and a crash before each, ends dispatched, each event
/// applied once.
#[tokio::test]
async fn an_orders_events_converge() {
    let found = Permutations::of(events())
        .schema(SCHEMA)
        .observe("SELECT status FROM shipment UNION ALL SELECT what FROM applied")
        .converge(&Shipments)
        .await
        .expect("one state");
    assert_eq!(found.runs, 6 * 4);
    let expected = ["Dispatched", "order.created v1", "payment.succeeded v1", "shipping.dispatched v1"];
    assert_eq!(found.state, expected);
}

/// D06: beyond the bound a sample, named by its seed.
#[tokio::test]
async fn a_sample_converges() {
    let found = Permutations::of(events()).schema(SCHEMA).observe("SELECT status FROM shipment").bound(2, 4).seed(7);
    assert_eq!(found.converge(&Shipments).await.expect("one state").runs, 4 * 4);
}

/// Takes whatever comes, the last one wins: what a careless consumer does.
struct Careless;

impl Handler<Sqlite> for Careless {
    type State = String;

    async fn read(&self, _: &mut Transaction<'static, Sqlite>, event: &Incoming) -> Result<String, Failure> {
        Ok(event.event_type.clone())
    }

    fn judge(&self, state: &String, event: &Incoming) -> Verdict<String> {
        if event.event_type == "ignored" { Verdict::Ignore(Ignored::NotOurs) } else { Verdict::Apply(state.clone()) }
    }

    async fn apply(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        next: String,
        event: &Incoming,
    ) -> Result<(), Failure> {
        sqlx::query("INSERT OR REPLACE INTO shipment (order_id, status) VALUES (?1, ?2)")
            .bind(&event.key)
            .bind(next)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

/// A tester that could not fail would prove nothing.
#[tokio::test]
async fn a_careless_consumer_is_found_out() {
    let run =
        Permutations::of(events()).schema(SCHEMA).observe("SELECT status FROM shipment").converge(&Careless).await;
    let Err(Divergence::Diverged { first, first_state, other, other_state, .. }) = run else {
        panic!("it does not converge: {run:?}")
    };
    assert_ne!(first_state, other_state);
    assert_ne!(first.last(), other.last(), "the last one wins");
}
