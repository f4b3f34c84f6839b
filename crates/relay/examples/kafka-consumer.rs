//! A shipping service: reads the contract's topics, keeps one row per shipment in its own PostgreSQL database, and writes
//! `shipping.ready` in the transaction in which a payment makes a shipment ready.
//!
//! ```text
//! kafka-consumer <database URL> <brokers> <topics, with commas> <group> <commit every so many ms>
//! ```

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use sqlx::{PgPool, Postgres, Transaction};
use stateset_outbox::consumer::{Consumer, Failure, Handler, Incoming, Machine, Verdict};
use stateset_outbox::{Entity, Event, EventType, Outbox, Payload};
use stateset_relay::consumer::{ConsumerSettings, start};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    None,
    PendingPayment,
    ReadyToShip,
    Dispatched,
}

use Status::{Dispatched, PendingPayment, ReadyToShip};

const SHIPMENT: Machine<Status> = Machine::new(&[
    (Status::None, "order.created", PendingPayment),
    (PendingPayment, "payment.succeeded", ReadyToShip),
    (ReadyToShip, "shipping.dispatched", Dispatched),
]);

struct Shipping {
    outbox: Outbox<Postgres>,
}

impl Handler<Postgres> for Shipping {
    type State = Status;

    async fn read(&self, tx: &mut Transaction<'static, Postgres>, event: &Incoming) -> Result<Status, Failure> {
        let found: Option<String> = sqlx::query_scalar("SELECT status FROM shipment WHERE order_id = $1 FOR UPDATE")
            .bind(&event.key)
            .fetch_optional(&mut **tx)
            .await?;
        let all = [PendingPayment, ReadyToShip, Dispatched];
        Ok(all.into_iter().find(|status| found == Some(format!("{status:?}"))).unwrap_or(Status::None))
    }

    fn judge(&self, state: &Status, event: &Incoming) -> Verdict<Status> {
        SHIPMENT.judge(*state, &event.event_type)
    }

    async fn apply(
        &self,
        tx: &mut Transaction<'static, Postgres>,
        next: Status,
        event: &Incoming,
    ) -> Result<(), Failure> {
        let upsert = "INSERT INTO shipment (order_id, status) VALUES ($1, $2) \
                      ON CONFLICT (order_id) DO UPDATE SET status = excluded.status";
        sqlx::query(upsert).bind(&event.key).bind(format!("{next:?}")).execute(&mut **tx).await?;
        if next == ReadyToShip {
            let ready = Event::new(EventType::new("shipping.ready"), Payload::new(json!({ "shipment_id": 1 })), None);
            let ready = ready.about(Entity::new("shipment", &event.key)).order_key(&event.key);
            self.outbox.write_event_with_outbox(tx, ready).await?;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, brokers, topics, group, commit_every] = arguments.as_slice() else {
        anyhow::bail!("kafka-consumer <database URL> <brokers> <topics> <group> <commit every so many ms>");
    };
    let pool = PgPool::connect(database).await?;
    let outbox = Outbox::new(pool.clone());
    outbox.migrate().await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS shipment (order_id text PRIMARY KEY, status text NOT NULL)")
        .execute(&pool)
        .await?;

    let consumer = Consumer::new(outbox.clone(), "shipping", Shipping { outbox });
    let mut settings = ConsumerSettings::new(brokers, group);
    settings.topics = topics.split(',').map(str::to_owned).collect();
    settings.commit_every = Duration::from_millis(commit_every.parse().context("a number of milliseconds")?);
    let running = start(consumer, settings)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    terminate.recv().await;
    running.stop(Duration::from_secs(20)).await?;
    Ok(())
}
