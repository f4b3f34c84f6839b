//! The database goes away in the middle of the work and comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use stateset_outbox::{Entity, Event, EventType, Outbox, Payload};
use stateset_relay::engine::Relay;
use stateset_relay::record::Record;
use stateset_relay::sink::handler::Handler;
use stateset_testkit::postgres::TestPostgres;
use tokio::sync::Notify;
use uuid::Uuid;

use super::harness::{options, policy, registration, until};

/// R06, F13: the server crashes after everything was published and before it is settled. The worker settles when it is back,
/// instead of publishing again: nothing is lost, nothing comes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_before_the_settlement_repeats_nothing() {
    let mut server = TestPostgres::own(&[]).await.unwrap();
    let database = server.create_database("relay").await.unwrap();
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_secs(2)).connect(database.url()).await.unwrap();
    let outbox = Outbox::new(pool);
    outbox.migrate().await.unwrap();
    let arrived: Arc<Mutex<Vec<Uuid>>> = Arc::default();
    let (reached, go_on, held) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
    let handler = {
        let (arrived, reached, go_on) = (Arc::clone(&arrived), Arc::clone(&reached), Arc::clone(&go_on));
        Handler::new(move |record: Record| {
            let (arrived, reached) = (Arc::clone(&arrived), Arc::clone(&reached));
            let (go_on, held) = (Arc::clone(&go_on), Arc::clone(&held));
            async move {
                arrived.lock().unwrap().push(record.event.event_id);
                // The first call ends when the database is gone.
                if held.swap(false, Ordering::SeqCst) {
                    reached.notify_one();
                    go_on.notified().await;
                }
                Ok(())
            }
        })
    };
    let mut tx = outbox.begin().await.unwrap();
    let drafts = (0..20).map(|number| {
        let payload = serde_json::json!({ "number": number });
        let event = Event::new(EventType::new("order.created"), Payload::new(payload), None);
        event.about(Entity::new("order", "one")).order_key("one")
    });
    outbox.write_event_batch(&mut tx, drafts).await.unwrap();
    outbox.commit(tx).await.unwrap();

    let relay = Relay::new(outbox.deliveries(), options(Duration::from_secs(30)));
    let running = relay.destination(registration("shop", &policy()), Arc::new(handler)).start().await.unwrap();
    reached.notified().await;
    server.kill_immediate().await.unwrap();
    go_on.notify_one();
    until("the rest of the batch", async || arrived.lock().unwrap().len() == 20).await;
    server.start_again().await.unwrap();
    until("the settlement", async || running.stats()["shop"].delivered == 20).await;
    assert!(running.stop(Duration::from_secs(20)).await.unwrap());
    assert_eq!(arrived.lock().unwrap().len(), 20);
}
