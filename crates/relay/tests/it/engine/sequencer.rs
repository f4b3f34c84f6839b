//! From a local transaction to a checked receipt.

use std::time::Duration;

use serde_json::json;
use stateset_outbox::{Entity, Event, EventType, Payload, Scope};
use stateset_relay::engine::Relay;
use stateset_relay::policy::{Ack, Policy};

use super::harness::{Database, Sqlite, options, policy, registration, until};
use crate::peers::sequencer::AGENT;
use crate::peers::{Peer as _, STORE, SequencerPeer, TENANT};

/// E11, M01: the sequencer goes away in the middle and comes back: every event gets its place once, in order, and with
/// the checked receipts the deliveries count as acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_acknowledge_deliveries() {
    let (database, mut peer) = (Sqlite::create().await, SequencerPeer::start().await);
    let outbox = database.outbox().for_scope(Scope { tenant: TENANT, store: STORE });
    let write = async |first: i32| {
        let mut tx = outbox.begin().await.unwrap();
        let drafts = (first..first + 30).map(|number| {
            let event = Event::new(EventType::new("order.created"), Payload::new(json!({ "number": number })), None);
            let key = format!("ORD-{}", number % 7);
            event.about(Entity::new("order", key.as_str())).order_key(key).agent(AGENT, 1)
        });
        outbox.write_event_batch(&mut tx, drafts).await.unwrap();
        outbox.commit(tx).await.unwrap();
    };
    let policy = Policy { ack: Ack::Receipt, ..policy() };
    let relay = Relay::new(database.store(), options(Duration::from_secs(15)));
    let running = relay.destination(registration("sequencer", &policy), peer.sink()).start().await.unwrap();
    write(0).await;
    until("the first part", async || running.stats()["sequencer"].delivered >= 30).await;
    peer.vanish().await;
    write(30).await;
    until("the breaker", async || running.health().await.unwrap()[0].outage.is_some()).await;
    peer.come_back().await;
    until("the rest", async || running.stats()["sequencer"].delivered >= 60).await;
    assert!(running.stop(Duration::from_secs(20)).await.unwrap());
    assert_eq!(peer.received().await.len(), 60);
    let receipts = database.column("SELECT kind FROM outbox.receipt").await;
    assert_eq!(receipts, ["sequencer"; 60]);
    let dead = database.column("SELECT class FROM outbox.dead_letter").await;
    assert!(dead.is_empty(), "{dead:?}");
}
