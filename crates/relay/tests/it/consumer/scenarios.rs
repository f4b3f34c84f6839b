//! What happens to records, on a real broker and a real database.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stateset_outbox::consumer::{Consumer, QuarantineClass};
use stateset_relay::backoff::Backoff;
use stateset_relay::consumer::start;
use stateset_relay::engine::Relay;
use stateset_relay::sink::kafka::{Kafka, KafkaSettings};
use stateset_testkit::kafka::shared;
use uuid::Uuid;

use super::harness::{Effects, Producer, consumer, effects, envelope, settings};
use crate::engine::harness::{Database, keys, options, policy, registration, until};
use crate::engine::ledger::Ledger;
use crate::peers::kafka::consume;

const GRACE: Duration = Duration::from_secs(20);

/// H12, F13, C04: written in one database, delivered by the relay, taken by a consumer in another: every event once, keys
/// in order.
pub(super) async fn from_one_database_to_another<D: Database>() {
    let brokers = shared().await.unwrap();
    let topic = format!("through.{}", Uuid::new_v4());
    let (shop, shipping) = (D::create().await, D::create().await);
    let ledger = Mutex::new(Ledger::default());
    shop.write_all(&ledger, keys(200, 20)).await;
    let mut kafka = KafkaSettings::new(brokers);
    kafka.topics = vec![("*".to_owned(), topic.clone())];
    let relay = Relay::new(shop.store(), options(Duration::from_secs(15)));
    let relay = relay.destination(registration("kafka", &policy()), Arc::new(Kafka::new(kafka).unwrap()));
    relay.run_once().await.unwrap();
    let running = start(consumer(&shipping), settings(brokers, &[&topic])).unwrap();
    until("every effect", async || effects(&shipping).await.len() >= 200).await;
    assert!(running.stop(GRACE).await.unwrap());
    let effects = effects(&shipping).await;
    ledger.lock().unwrap().arrived = effects.iter().map(|effect| effect.of).collect();
    let audit = ledger.lock().unwrap().audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for effect in &effects {
        let place = effect.sequence.unwrap();
        assert!(last.insert(&effect.key, place).is_none_or(|before| before < place));
    }
}

/// G06, G07, D08: records that cannot be read, or are illegal, go to quarantine and to the topic of dead letters, with the
/// reason; what is behind them in the same partition is taken.
pub(super) async fn a_poisoned_record_blocks_nothing<D: Database>() {
    let brokers = shared().await.unwrap();
    let topic = format!("poison.{}", Uuid::new_v4());
    let database = D::create().await;
    let records = [
        ("7", envelope("order.created", "7", 1)),
        ("7", b"\xff\x00 no json".to_vec()),
        ("7", envelope("order.illegal", "7", 3)),
        ("7", envelope("order.created", "7", 4)),
    ];
    let records = records.map(|(key, value)| (key.to_owned(), value, None));
    Producer::new(brokers).send(&topic, records).await;
    let mut settings = settings(brokers, &[&topic]);
    settings.dead_letter_suffix = Some(".dlq".to_owned());
    let running = start(consumer(&database), settings).unwrap();
    until("what is good", async || effects(&database).await.len() == 2).await;
    let counted = async || (running.stats().applied, running.stats().quarantined) == (2, 2);
    until("all four are dealt with", counted).await;
    assert_eq!((running.stats().received, running.stats().retried), (4, 0));
    assert!(running.prometheus().contains("consumer_events_total{consumer=\"effects\",outcome=\"quarantined\"} 2\n"));
    assert!(running.stop(GRACE).await.unwrap());
    let entries = consumer(&database).quarantined(None, 10).await.unwrap();
    let classes: Vec<QuarantineClass> = entries.iter().map(|entry| entry.class).collect();
    assert_eq!(classes, [QuarantineClass::Undecodable, QuarantineClass::Illegal]);
    assert_eq!(entries[0].raw.as_deref(), Some(b"\xff\x00 no json".as_slice()));
    assert!(entries[0].source.starts_with(&format!("{topic}/")), "{}", entries[0].source);
    let copies = consume_bytes(brokers, &format!("{topic}.dlq")).await;
    assert_eq!(copies.len(), 2);
    let (value, headers) = &copies[0];
    assert_eq!(value, b"\xff\x00 no json");
    assert_eq!(headers["failure_class"], "undecodable");
    assert!(headers["failure_reason"].contains("not an envelope"), "{headers:?}");
    assert_eq!((headers["failure_by"].as_str(), headers["failure_topic"].as_str()), ("effects", topic.as_str()));
    assert_eq!(headers["failure_source"], entries[0].source);
    assert_eq!(copies[1].1["failure_class"], "illegal");
}

/// D08, F14: an order whose handler fails is tried again while the others flow, in the same partition; its own later
/// events wait for it. In the end it goes to quarantine, and they go on.
pub(super) async fn a_failing_event_delays_no_other_order<D: Database>() {
    let brokers = shared().await.unwrap();
    let topic = format!("failing.{}", Uuid::new_v4());
    let database = D::create().await;
    let keys = (0..60).map(|number| format!("order {}", number % 6));
    let records = keys.enumerate().map(|(number, key)| (key.clone(), envelope("order.created", &key, number), None));
    Producer::new(brokers).send(&topic, records).await;
    let handler = Effects::new(database.outbox().clone()).fail("order 0", 2).fail("order 1", u32::MAX);
    let consumer = Consumer::new(database.outbox().clone(), "effects", handler);
    let mut settings = settings(brokers, &[&topic]);
    // So long that the others are through before the first try is over.
    settings.backoff = Backoff { initial: Duration::from_secs(2), retries: 2, jitter_percent: 0, ..settings.backoff };
    settings.backoff.max = Duration::from_secs(2);
    let running = start(consumer, settings).unwrap();
    until("the orders that do not fail", async || effects(&database).await.len() >= 40).await;
    let of = |effects: &[super::harness::Effect], key: &str| effects.iter().filter(|it| it.key == key).count();
    let early = effects(&database).await;
    assert_eq!((of(&early, "order 0"), of(&early, "order 1")), (0, 0), "they wait for their first event");
    until("the order that fails twice", async || of(&effects(&database).await, "order 0") == 10).await;
    assert!(running.stop(GRACE).await.unwrap());
    let entries = self::consumer(&database).quarantined(None, 100).await.unwrap();
    assert!(
        entries.iter().all(|entry| entry.class == QuarantineClass::Exhausted && entry.reason.contains("told to fail"))
    );
}

/// F13, O03: members come and go; partitions move; every event has one effect, and what one member has committed the
/// next one does not see.
pub(super) async fn members_share_and_repeat_nothing<D: Database>() {
    let brokers = shared().await.unwrap();
    let topic = format!("members.{}", Uuid::new_v4());
    let database = D::create().await;
    let producer = Producer::new(brokers);
    let ids: Vec<Uuid> = (0..600).map(|_| Uuid::new_v4()).collect();
    let send = async |part: std::ops::Range<usize>| {
        let record = |number: usize| {
            let key = format!("order {}", number % 40);
            (key.clone(), envelope("order.created", &key, number), Some(ids[number]))
        };
        producer.send(&topic, part.map(record)).await;
    };
    send(0..200).await;
    let settings = settings(brokers, &[&topic]);
    let first = start(consumer(&database), settings.clone()).unwrap();
    until("a first part", async || first.stats().applied >= 50).await;
    let second = start(consumer(&database), settings.clone()).unwrap();
    send(200..400).await;
    until("both are at work", async || second.stats().applied > 0 || effects(&database).await.len() == 400).await;
    assert!(first.stop(GRACE).await.unwrap());
    send(400..600).await;
    until("the rest", async || effects(&database).await.len() >= 600).await;
    assert!(second.stop(GRACE).await.unwrap());
    let taken: Vec<Uuid> = effects(&database).await.iter().map(|effect| effect.of).collect();
    assert_eq!(taken.len(), 600);
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), ids.iter().copied().collect());
    // Everything is committed: a third member finds nothing but what comes now.
    let third = start(consumer(&database), settings).unwrap();
    producer.send(&topic, [("order 1".to_owned(), envelope("order.created", "order 1", 600), None)]).await;
    until("the new one", async || effects(&database).await.len() == 601).await;
    assert_eq!(third.stats().received, 1);
    assert!(third.stop(GRACE).await.unwrap());
}

/// Bounded memory: more records of one partition than are kept in hand; it is paused and resumed, and nothing is lost or
/// out of order.
pub(super) async fn a_full_partition_is_taken_in_order<D: Database>() {
    let brokers = shared().await.unwrap();
    let topic = format!("full.{}", Uuid::new_v4());
    let database = D::create().await;
    let records = (0..1_600).map(|number| ("7".to_owned(), envelope("product.created", "7", number), None));
    let last = [("7".to_owned(), envelope("order.created", "7", 1_600), Some(Uuid::from_u128(1_600)))];
    Producer::new(brokers).send(&topic, records.chain(last)).await;
    let running = start(consumer(&database), settings(brokers, &[&topic])).unwrap();
    until("the last one", async || running.stats().applied == 1).await;
    assert_eq!(running.stats().ignored, 1_600, "the last one came last");
    assert!(running.stop(GRACE).await.unwrap());
}

/// Value and headers of every record.
async fn consume_bytes(brokers: &str, topic: &str) -> Vec<(Vec<u8>, std::collections::HashMap<String, String>)> {
    consume(brokers, topic).await.into_iter().map(|it| (it.bytes, it.headers)).collect()
}
