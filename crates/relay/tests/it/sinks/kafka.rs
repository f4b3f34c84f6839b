use std::collections::HashMap;

use serde_json::{Value, json};
use stateset_relay::record::Record;
use stateset_relay::sink::kafka::{Kafka, KafkaSettings, KafkaSinkError};
use stateset_relay::sink::{Batch, Outcome, Sink as _};
use stateset_testkit::kafka::shared;
use uuid::Uuid;

use crate::peers::event;
use crate::peers::kafka::{consume, settings};

fn all_accepted(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted(_)))
}

/// O02, O05, O06, C04: what a consumer gets, whatever its language: the order as the key in plain text, one plain JSON document
/// without framing as the value, headers in plain text, also as a `CloudEvent`.
#[tokio::test]
async fn a_consumer_gets_key_envelope_and_headers() {
    let bootstrap = shared().await.unwrap();
    let topic = format!("contract.{}", Uuid::new_v4());
    let kafka = Kafka::new(settings(bootstrap, &topic)).unwrap();
    let mut record = event(17, "123");
    record.replay_job = Some(Uuid::nil());
    assert!(all_accepted(&kafka.publish(Batch::new(0, std::slice::from_ref(&record))).await));
    let message = consume(bootstrap, &topic).await.remove(0);
    assert_eq!(message.key, "123");
    assert!(
        message.bytes.starts_with(b"{\"type\":") && message.bytes.ends_with(b"}"),
        "no framing: {:?}",
        message.bytes
    );
    let value: Value = serde_json::from_str(&message.value).unwrap();
    assert_eq!(value["order_id"], json!(123));
    assert_eq!(value["data"]["amount_cents"], json!(25_998));
    let id = record.event.event_id.to_string();
    for (name, expected) in [
        ("event_id", id.as_str()),
        ("sequence", "17"),
        ("tenant", &record.event.tenant.to_string()),
        ("store", &record.event.store.to_string()),
        ("schema_version", "1"),
        ("correlation_id", "checkout-1"),
        ("traceparent", record.event.traceparent.as_deref().unwrap()),
        ("replay", &Uuid::nil().to_string()),
        ("ce_specversion", "1.0"),
        ("ce_id", &id),
        ("ce_type", "order.created"),
        ("ce_time", "2025-08-25T20:00:00Z"),
        ("ce_subject", "order/123"),
        ("ce_partitionkey", "123"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(message.headers.get(name).map(String::as_str), Some(expected), "{name}");
    }
}

/// O03, ruling 50: keys lie where Java's default partitioner puts them, computed here independently (murmur2 as in
/// `org.apache.kafka.common.utils.Utils`), and a key's messages are in order.
#[tokio::test]
async fn keys_lie_where_java_puts_them() {
    let bootstrap = shared().await.unwrap();
    let topic = format!("partitions.{}", Uuid::new_v4());
    let kafka = Kafka::new(settings(bootstrap, &topic)).unwrap();
    let records: Vec<Record> = (0..300).map(|number| event(number, &format!("ORD-{}", number % 40))).collect();
    assert!(all_accepted(&kafka.publish(Batch::new(0, &records)).await));
    let messages = consume(bootstrap, &topic).await;
    assert_eq!(messages.len(), 300);
    let mut last: HashMap<String, i64> = HashMap::new();
    for message in messages {
        let place = (murmur2(message.key.as_bytes()) & 0x7fff_ffff) % 3;
        assert_eq!(u32::try_from(message.partition).unwrap(), place, "{}", message.key);
        let number: i64 = message.headers["sequence"].parse().unwrap();
        assert!(last.insert(message.key.clone(), number).is_none_or(|before| before < number));
    }
}

/// Seed and mixing constants of Kafka's Java client.
fn murmur2(data: &[u8]) -> u32 {
    let m = 0x5bd1_e995_u32;
    let mut h = 0x9747_b28c ^ u32::try_from(data.len()).unwrap();
    let chunks = data.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(m);
        k ^= k >> 24;
        h = h.wrapping_mul(m) ^ k.wrapping_mul(m);
    }
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * index);
        }
        h = h.wrapping_mul(m);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(m);
    h ^ (h >> 15)
}

/// O04, ruling 50: a transactional destination shows whole batches; the producer that a later one replaced writes
/// nothing any more.
#[tokio::test]
async fn the_producer_of_a_lost_lease_is_fenced() {
    let bootstrap = shared().await.unwrap();
    let topic = format!("fenced.{}", Uuid::new_v4());
    let transactional = || {
        let prefix = Some(topic.clone());
        Kafka::new(KafkaSettings { transactional_prefix: prefix, ..settings(bootstrap, &topic) }).unwrap()
    };
    let (zombie, heir) = (transactional(), transactional());
    let records: Vec<Record> = (0..3).map(|number| event(number, "7")).collect();
    let batch = |index: usize| Batch::new(4, &records[index..=index]);
    assert!(all_accepted(&zombie.publish(batch(0)).await));
    assert!(all_accepted(&heir.publish(batch(1)).await));
    let late = zombie.publish(batch(2)).await;
    assert!(matches!(&late[0], Outcome::Unavailable(_)), "{late:?}");
    let seen: Vec<Uuid> =
        consume(bootstrap, &topic).await.iter().map(crate::peers::kafka::Consumed::event_id).collect();
    assert_eq!(seen, [records[0].event.event_id, records[1].event.event_id]);
}

/// C01 to C03, O01: families of events and their topics; a type without one is held, as is an event without an order.
#[test]
fn topics_follow_the_family() {
    let kafka = Kafka::new(KafkaSettings::new("127.0.0.1:1")).unwrap();
    let of = |event_type: &str| {
        let mut record = event(1, "7");
        record.event.event_type = event_type.to_owned();
        kafka.unmapped(&record).map(|why| why.class)
    };
    for known in ["order.created", "payment.succeeded", "shipping.ready", "shipment.shipped"] {
        assert_eq!(of(known), None, "{known}");
    }
    // Whatever the catalogue gives a topic has one, and nothing else of it.
    for contract in stateset_contracts::catalogue::all() {
        let names = contract.aliases.iter().chain([&contract.name]);
        for name in names.filter(|name| name.contains('.')) {
            let expected = if contract.family.topic.is_some() { None } else { Some("no_topic") };
            assert_eq!(of(name).as_deref(), expected, "{name}");
        }
    }
    let mut record = event(1, "7");
    record.event.order_key = None;
    assert_eq!(kafka.unmapped(&record).unwrap().class, "contract_order_id_missing");
}

#[test]
fn what_order_depends_on_cannot_be_configured_away() {
    let mut settings = KafkaSettings::new("127.0.0.1:1");
    settings.more = vec![("acks".to_owned(), "1".to_owned())];
    assert!(matches!(Kafka::new(settings), Err(KafkaSinkError::Reserved(name)) if name == "acks"));
}
