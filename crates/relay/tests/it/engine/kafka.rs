//! A real broker that goes away under load and comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use stateset_relay::engine::Relay;
use stateset_relay::sink::kafka::{Kafka, KafkaSettings};
use stateset_testkit::environment;
use stateset_testkit::kafka::Broker;
use tokio::time::{Instant, sleep};

use super::harness::{Database, Postgres, keys, options, policy, registration, until};
use super::ledger::Ledger;
use crate::peers::kafka::{Consumed, consume};

/// F08, Show: the broker stops under load for `KAFKA_OUTAGE_SECONDS` (default 12). No dead letter, no attempt used up, no
/// event lost or out of order, and a full drain when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stops_under_load_loses_nothing() {
    let seconds =
        environment::variable("KAFKA_OUTAGE_SECONDS").map_or(12, |text| text.parse().expect("a number of seconds"));
    let mut broker = Broker::start().await.unwrap();
    let database = Postgres::create().await;
    let ledger = Mutex::new(Ledger::default());
    let settings = KafkaSettings { delivery_timeout: Duration::from_secs(3), ..KafkaSettings::new(broker.bootstrap()) };
    let kafka = Arc::new(Kafka::new(settings).unwrap());
    let relay = Relay::new(database.store(), options(Duration::from_secs(8)));
    let running = relay.destination(registration("kafka", &policy()), kafka).start().await.unwrap();
    database.write_all(&ledger, keys(500, 40)).await;
    until("a first part", async || running.stats()["kafka"].delivered >= 300).await;

    broker.stop().await.unwrap();
    let stopped = Instant::now();
    while stopped.elapsed() < Duration::from_secs(seconds) {
        database.write_all(&ledger, keys(100, 40)).await;
        sleep(Duration::from_millis(500)).await;
    }
    let during = running.health().await.unwrap().remove(0);
    assert!(during.outage.is_some(), "the breaker is open");
    assert!(during.counts.pending > 0, "the lag shows");
    broker.start_again().await.unwrap();
    let back = Instant::now();
    let written = u64::try_from(ledger.lock().unwrap().written.len()).unwrap();
    until("the drain", async || running.stats()["kafka"].delivered >= written).await;
    let drained = back.elapsed();
    let after = running.health().await.unwrap().remove(0);
    assert!(running.stop(Duration::from_secs(20)).await.unwrap());

    let arrived = consume(broker.bootstrap(), "order.events").await;
    // Keys share partitions, and a partition is in order: reading them one after the other keeps each key's order.
    ledger.lock().unwrap().arrived = arrived.iter().map(Consumed::event_id).collect();
    let audit = ledger.lock().unwrap().audit();
    println!("ledger: a broker stopped for {seconds} s, drained {drained:?} after its return: {audit}");
    assert_eq!((audit.lost, audit.inverted, after.counts.dead_letters), (0, 0, 0), "{audit}");
    let attempts = database.column("SELECT outcome FROM outbox.attempt WHERE outcome <> 'accepted'").await;
    assert!(attempts.is_empty(), "no attempt was used up: {attempts:?}");
}
