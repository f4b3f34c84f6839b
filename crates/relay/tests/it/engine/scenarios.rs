//! What a worker does, on either database.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stateset_relay::engine::{Options, Relay};
use stateset_relay::metrics::stored_stats;
use stateset_relay::policy::{OnDead, Policy};
use stateset_relay::record::Record;
use stateset_relay::sink::handler::{Handler, HandlerError};
use stateset_relay::sink::{Batch, Publishing, Sink, Why};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::harness::{Database, Shop, keys, options, policy, registration, relay, until};
use crate::alerts::assert_rules_can_be_judged_by;

const GRACE: Duration = Duration::from_secs(20);

fn broken() -> HandlerError {
    HandlerError::Retry("as the test wants it".to_owned())
}

/// E14, F01, F14: everything arrives once and in order, and the happy path leaves no row.
pub(crate) async fn delivers_in_order_without_rows<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    database.write_all(&shop.ledger, keys(300, 20)).await;
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    database.write(&shop.ledger, keys(100, 20)).await;
    until("all events", async || running.stats()["shop"].delivered >= 400).await;
    let health = running.health().await.unwrap().remove(0);
    let exposition = running.prometheus().await.unwrap();
    assert!(exposition.contains("outbox_events_total{destination=\"shop\",outcome=\"delivered\"} 400"), "{exposition}");
    assert_rules_can_be_judged_by(&exposition);
    assert!(running.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
    assert!(health.counts.rows.iter().all(|(_, count)| *count == 0), "{:?}", health.counts);
}

/// F07, F14, D08: one key waits for its failed event, the others flow, and then it goes on in order.
pub(crate) async fn a_failure_parks_its_key_only<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    shop.fail(3, 2, broken());
    database.write_all(&shop.ledger, keys(60, 6)).await;
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    until("all events", async || shop.arrived() >= 60).await;
    let stats = running.stats().remove("shop").unwrap();
    assert!(running.stop(GRACE).await.unwrap());
    let ledger = shop.ledger.lock().unwrap();
    let audit = ledger.audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
    assert_eq!((stats.retried, stats.dead), (2, 0));
    let parked = ledger.arrived.iter().position(|id| *id == ledger.written[3].0).unwrap();
    assert!(parked > 40, "the others did not wait for it: it came as number {parked}");
}

/// G01, G03, G09, H12: six attempts, a dead letter with its history, a key that waits, a redrive that lets it go on.
pub(crate) async fn a_dead_letter_holds_its_key_until_it_is_redriven<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    shop.fail(1, 6, broken());
    database.write_all(&shop.ledger, keys(40, 4)).await;
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    until("the dead letter", async || running.health().await.unwrap()[0].counts.dead_letters == 1).await;
    until("the other keys", async || shop.arrived() >= 30).await;
    let letters = database.column("SELECT id::text FROM outbox.dead_letter").await;
    let attempts = database.column("SELECT outcome FROM outbox.attempt").await;
    assert_eq!(attempts, ["retry"; 6]);
    assert_eq!(shop.arrived(), 30, "the key of the dead event waits");
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert!(database.store().redrive(letter_id(letter), "ada").await.unwrap());
    assert!(!database.store().redrive(letter_id(letter), "ada").await.unwrap(), "the second time changes nothing");
    until("the rest of the key", async || shop.arrived() >= 40).await;
    assert!(running.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}

fn letter_id(text: &str) -> Uuid {
    text.parse().unwrap()
}

/// G08: what an operator gives up is gone for good, and its key goes on.
pub(crate) async fn a_discarded_letter_lets_its_key_go_on<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    shop.fail(1, 1, HandlerError::Refuse("an order without items".to_owned()));
    database.write_all(&shop.ledger, keys(40, 4)).await;
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    until("the other keys", async || shop.arrived() >= 30).await;
    until("the dead letter", async || running.health().await.unwrap()[0].counts.dead_letters == 1).await;
    let letter = database.column("SELECT id::text FROM outbox.dead_letter").await.remove(0);
    assert!(database.store().discard(letter_id(&letter), "a test order", "ada").await.unwrap());
    until("the rest of the key", async || shop.arrived() >= 39).await;
    assert!(running.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (1, 0, 0), "{audit}");
}

/// G06: log and skip, where the route says so.
pub(crate) async fn continue_skips_what_is_dead<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    shop.fail(1, 1, HandlerError::Refuse("an order without items".to_owned()));
    database.write_all(&shop.ledger, keys(40, 4)).await;
    let policy = Policy { on_dead: OnDead::Continue, ..policy() };
    let running = relay(&database, &shop, &policy).start().await.unwrap();
    until("all others", async || shop.arrived() >= 39).await;
    let stats = running.stats().remove("shop").unwrap();
    assert!(running.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted, stats.dead), (1, 0, 0, 1), "{audit}");
}

/// F08: while the destination is down nothing is attempted but probes, no attempt is used up, no row is written.
pub(crate) async fn an_outage_dead_letters_nothing<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    shop.down.store(true, Ordering::SeqCst);
    database.write_all(&shop.ledger, keys(200, 10)).await;
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    until("the breaker", async || running.health().await.unwrap()[0].outage.is_some()).await;
    database.write_all(&shop.ledger, keys(200, 10)).await;
    until("some probes", async || running.stats()["shop"].unavailable >= 3).await;
    assert!(database.column("SELECT state FROM outbox.delivery").await.is_empty(), "an outage costs no rows");
    assert!(shop.calls.load(Ordering::SeqCst) < 200, "only probes were sent");
    shop.down.store(false, Ordering::SeqCst);
    until("the drain", async || shop.arrived() >= 400).await;
    until("a closed breaker", async || running.health().await.unwrap()[0].outage.is_none()).await;
    let stats = running.stats().remove("shop").unwrap();
    assert!(running.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
    assert_eq!((stats.dead, stats.retried), (0, 0));
}

/// F12: for cron: drains, gives the leases back, ends.
pub(crate) async fn once_drains_and_gives_back<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    database.write_all(&shop.ledger, keys(700, 20)).await;
    for events in [700, 0, 5] {
        if events == 5 {
            database.write_all(&shop.ledger, keys(5, 5)).await;
        }
        let stats = relay(&database, &shop, &policy()).run_once().await.unwrap();
        assert_eq!(stats["shop"].delivered, events);
    }
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}

/// F03, F12: a worker that is stopped settles what it has and gives its groups to the next at once, not after the lease.
pub(crate) async fn a_stop_hands_over_at_once<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    let lease = Duration::from_mins(10);
    let start = async || {
        let relay = Relay::new(database.store(), options(lease));
        relay.destination(registration("shop", &policy()), Arc::new(shop.handler())).start().await.unwrap()
    };
    let first = start().await;
    until("the first worker's leases", async || first.stats()["shop"].groups == 4).await;
    let second = start().await;
    database.write(&shop.ledger, keys(50, 10)).await;
    assert!(first.stop(GRACE).await.unwrap());
    until("the second worker's leases", async || second.stats()["shop"].groups == 4).await;
    database.write(&shop.ledger, keys(50, 10)).await;
    until("all events", async || shop.arrived() >= 100).await;
    assert!(second.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}

/// F02, F09, F10: each subscriber gets what it asked for, and one's failure is not the other's.
pub(crate) async fn each_subscriber_is_a_delivery_of_its_own<D: Database>() {
    let database = D::create().await;
    let (mail, stock, nobody) = (Shop::default(), Shop::default(), Shop::default());
    mail.fail(0, 3, broken());
    let running = Relay::new(database.store(), options(Duration::from_secs(15)))
        .subscribe("mail", "order.*", &policy(), mail.handler())
        .subscribe("stock", "*", &policy(), stock.handler())
        .subscribe("nobody", "product.*", &policy(), nobody.handler())
        .start()
        .await
        .unwrap();
    database.write_all(&stock.ledger, keys(30, 1)).await;
    until("both", async || mail.arrived() >= 30 && stock.arrived() >= 30).await;
    until("the count", async || running.stats()["nobody"].unrouted == 30).await;
    assert!(running.stop(GRACE).await.unwrap());
    assert_eq!(stock.calls.load(Ordering::SeqCst), 30, "its success is never run again");
    assert_eq!(nobody.calls.load(Ordering::SeqCst), 0);
    let (mail, stock) = (mail.ledger.lock().unwrap(), stock.ledger.lock().unwrap());
    assert_eq!(mail.arrived, stock.arrived, "both in the order of the log");
}

/// A sink that has no form for some events until it is configured better.
struct Choosy {
    handler: Handler,
    knows_all: bool,
}

impl Sink for Choosy {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        self.handler.publish(batch)
    }

    fn unmapped(&self, record: &Record) -> Option<Why> {
        let known = self.knows_all || record.event.order_key.as_deref() != Some("key 1");
        (!known).then(|| Why::new("no_topic", "no topic is configured for it"))
    }
}

/// E13: held, visible with its reason, without an attempt; delivered in order once a better configured worker starts.
pub(crate) async fn an_event_without_a_form_waits_for_one<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    database.write_all(&shop.ledger, keys(40, 4)).await;
    for (knows_all, events) in [(false, 30), (true, 40)] {
        let sink = Choosy { handler: shop.handler(), knows_all };
        let relay = Relay::new(database.store(), options(Duration::from_secs(15)));
        relay.destination(registration("shop", &policy()), Arc::new(sink)).run_once().await.unwrap();
        assert_eq!(shop.arrived(), events);
        let held = database.column("SELECT reason FROM outbox.delivery WHERE state = 'held' ORDER BY log_id").await;
        assert_eq!(held.len(), 40 - events);
        assert!(knows_all || held[0] == "unmapped", "{held:?}");
    }
    assert_eq!(shop.calls.load(Ordering::SeqCst), 40, "no attempt was used up");
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}

/// Ruling 44: `on_dead = stop` stops the destination until an operator has looked.
pub(crate) async fn a_stopped_destination_waits_for_an_operator<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    shop.fail(0, 1, HandlerError::Refuse("an order without items".to_owned()));
    let policy = Policy { on_dead: OnDead::Stop, ..policy() };
    let running = relay(&database, &shop, &policy).start().await.unwrap();
    database.write_all(&shop.ledger, keys(1, 1)).await;
    until("the stop", async || running.health().await.unwrap()[0].outage.is_some()).await;
    let arrived = shop.arrived();
    database.write_all(&shop.ledger, (0..40).map(|number| format!("other {number}"))).await;
    until("the pending ones", async || running.health().await.unwrap()[0].counts.pending >= 40).await;
    assert_eq!(shop.arrived(), arrived);
    assert!(running.resume("shop").await.unwrap());
    until("the others", async || shop.arrived() >= 40).await;
    assert!(running.stop(GRACE).await.unwrap());
}

/// A destination that takes longer than the lease.
struct Slow {
    shop: Shop,
    takes: Duration,
}

impl Sink for Slow {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(async move {
            sleep(self.takes).await;
            self.shop.handler().publish(batch).await
        })
    }
}

/// F15: a publish of several leases' length is not done twice, although another worker waits for the group.
pub(crate) async fn a_long_publish_keeps_its_lease<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    database.write_all(&shop.ledger, keys(10, 3)).await;
    let lease = Duration::from_millis(900);
    let start = async || {
        let slow = Slow { shop: shop.clone(), takes: lease * 4 };
        let options = Options { worker: format!("slow-{}", Uuid::new_v4()), ..options(lease) };
        let relay = Relay::new(database.store(), options);
        relay.destination(registration("shop", &policy()), Arc::new(slow)).start().await.unwrap()
    };
    let begun = Instant::now();
    let (first, second) = (start().await, start().await);
    until("all events", async || shop.arrived() >= 10).await;
    assert!(begun.elapsed() >= lease * 4);
    assert!(first.stop(GRACE).await.unwrap() & second.stop(GRACE).await.unwrap());
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}

/// F11: two workers at once, each with half of the groups, while events are written: as if there were one.
pub(crate) async fn two_workers_share_the_groups<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    let start = async || {
        let options = Options { groups: 2, ..options(Duration::from_secs(15)) };
        let relay = Relay::new(database.store(), options);
        relay.destination(registration("shop", &policy()), Arc::new(shop.handler())).start().await.unwrap()
    };
    let (first, second) = (start().await, start().await);
    until("both at work", async || first.stats()["shop"].groups == 2 && second.stats()["shop"].groups == 2).await;
    shop.fail(5, 2, broken());
    database.write_all(&shop.ledger, keys(300, 40)).await;
    database.write(&shop.ledger, keys(100, 40)).await;
    until("all events", async || shop.arrived() >= 400).await;
    let shares = [first.stats()["shop"].delivered, second.stats()["shop"].delivered];
    assert!(first.stop(GRACE).await.unwrap() & second.stop(GRACE).await.unwrap());
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
    let audit = shop.ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
}

/// F01: idle, with the ordinary poll interval of seconds: a writer's commit wakes the worker.
pub(crate) async fn a_commit_wakes_an_idle_worker<D: Database>() {
    let (database, shop) = (D::create().await, Shop::default());
    let relay = Relay::new(database.store(), Options::new(format!("idle-{}", Uuid::new_v4())));
    let running = relay.destination(registration("shop", &policy()), Arc::new(shop.handler())).start().await.unwrap();
    until("the leases", async || running.stats()["shop"].groups == 4).await;
    for number in 1..=40 {
        database.write(&shop.ledger, [format!("key {number}")]).await;
        until("the event", async || running.stats()["shop"].delivered >= number).await;
    }
    let latency = running.stats()["shop"].latency.unwrap();
    assert!(running.stop(GRACE).await.unwrap());
    println!("idle latency, commit to settlement: {latency:?}");
    assert!(latency.p50 <= Duration::from_millis(50), "{latency:?}");
}

/// Q06, Q07: what workers counted is there for the next one, by type, with percentiles; the counts add up.
pub(crate) async fn statistics_survive_a_restart<D: Database>() {
    let database = D::create().await;
    let shop = Shop::default();
    shop.fail(3, 1, HandlerError::Retry("busy".to_owned()));
    for round in 1..=2 {
        let relay = Relay::new(database.store(), options(Duration::from_secs(30)));
        let relay = relay.destination(registration("shop", &policy()), Arc::new(shop.handler()));
        let running = relay.start().await.unwrap();
        database.write(&shop.ledger, keys(10, 4)).await;
        until("all of them", async || shop.arrived() == round * 10).await;
        assert!(running.stop(Duration::from_secs(20)).await.unwrap());
    }
    let stats = stored_stats(&*database.store(), Duration::from_hours(1)).await.unwrap();
    assert_eq!((stats.total, stats.by_type["order.created"]), (21, 21), "20 delivered, one tried twice");
    assert!((stats.success_rate - 1.0).abs() < 1e-9 && (stats.retry_rate - 0.05).abs() < 1e-9);
    let latency = stats.latency.unwrap();
    assert!(Duration::ZERO < latency.p50 && latency.p50 <= latency.p95 && latency.p95 <= latency.max);
}
