//! Records to events.

use proptest::prelude::*;
use serde_json::json;
use stateset_contracts::catalogue::OrderCreated;
use stateset_contracts::upcast;
use stateset_outbox::Scope;
use stateset_relay::consumer::RawRecord;
use uuid::Uuid;

use crate::peers::{STORE, TENANT, event};

const SCOPE: Scope = Scope { tenant: TENANT, store: STORE };

fn record(value: &str) -> RawRecord {
    RawRecord {
        topic: "order.events".to_owned(),
        partition: 2,
        offset: 4711,
        key: Some(b"from the key".to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

fn with(value: &str, headers: &[(&str, &str)]) -> RawRecord {
    let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
    RawRecord { headers, ..record(value) }
}

const CREATED: &str = r#"{
  "type": "order.created",
  "order_id": 123,
  "user_email": "cust@example.com",
  "timestamp": "2025-08-25T20:00:00Z",
  "data": {
    "amount_cents": 25998,
    "currency": "USD",
    "items": [
      { "product_id": 1, "qty": 2, "unit_price_cents": 12999 }
    ]
  },
  "version": 1
}"#;

/// C04, C11: the example of the contracts, from a producer that knows no headers.
#[test]
fn the_contracts_example_is_read() {
    let read = record(CREATED).decode(SCOPE).unwrap();
    assert_eq!((read.event_type.as_str(), read.key.as_str(), read.schema_version), ("order.created", "123", 1));
    assert_eq!(read.scope, SCOPE);
    assert_eq!(read.notes.user_email.as_deref(), Some("cust@example.com"));
    assert_eq!(read.notes.occurred_at.as_deref(), Some("2025-08-25T20:00:00Z"));
    assert_eq!(read.notes.source.as_deref(), Some("order.events/2/4711"));
    let data: serde_json::Value = read.data().unwrap();
    assert_eq!(data["items"][0]["unit_price_cents"], json!(12_999));
    // The same bytes at another place are the same event; other bytes are another one.
    let elsewhere = RawRecord { offset: 9, partition: 0, ..record(CREATED) };
    assert_eq!(elsewhere.decode(SCOPE).unwrap().event_id, read.event_id);
    let other = record(&CREATED.replace("123", "124")).decode(SCOPE).unwrap();
    assert_ne!(other.event_id, read.event_id);
}

/// O05: what our own producer sends besides.
#[test]
fn our_headers_name_the_event() {
    let original = event(17, "123").event;
    let (id, tenant) = (original.event_id.to_string(), Uuid::from_u128(5).to_string());
    let headers = [
        ("event_id", id.as_str()),
        ("sequence", "17"),
        ("tenant", &tenant),
        ("store", &tenant),
        ("correlation_id", "checkout-1"),
        ("traceparent", "00-a-b-01"),
        ("replay", &tenant),
        ("ce_id", "something else"),
    ];
    let read = with(CREATED, &headers).decode(SCOPE).unwrap();
    assert_eq!((read.event_id, read.sequence), (original.event_id, Some(17)));
    assert_eq!(read.scope, Scope { tenant: Uuid::from_u128(5), store: Uuid::from_u128(5) });
    assert_eq!(read.notes.correlation_id.as_deref(), Some("checkout-1"));
    assert_eq!(read.notes.replay_job, Some(Uuid::from_u128(5)));
    // Ids of other systems, and half a scope.
    let foreign = with(CREATED, &[("ce_id", "order-1-created"), ("tenant", &tenant)]).decode(SCOPE).unwrap();
    assert_eq!(foreign.scope, SCOPE);
    assert_eq!(foreign.event_id, with(CREATED, &[("event_id", "order-1-created")]).decode(SCOPE).unwrap().event_id);
}

/// C25, A18: what a later version adds is no fault; what is left out has its default.
#[test]
fn an_envelope_may_grow() {
    let grown =
        CREATED.replacen('{', r#"{ "channel": {"web": [1, null]}, "region": "eu","#, 1).replace(": 1\n}", ": 9\n}");
    let read = record(&grown).decode(SCOPE).unwrap();
    assert_eq!((read.schema_version, read.key.as_str()), (9, "123"));
    let small = r#"{"type":"product.created","order_id":1,"timestamp":"2025-08-25T22:00:00+02:00","data":{}}"#;
    let small = record(small).decode(SCOPE).unwrap();
    assert_eq!((small.schema_version, small.key.as_str()), (1, "1"));
    assert_eq!(small.notes.occurred_at.as_deref(), Some("2025-08-25T20:00:00Z"));
    for (id, key) in [(r#""007""#, "007"), (r#""ORD-1""#, "ORD-1"), ("9007199254740991", "9007199254740991")] {
        assert_eq!(record(&with_id(id, "1")).decode(SCOPE).unwrap().key, key);
    }
}

fn with_id(id: &str, data: &str) -> String {
    format!(r#"{{"type":"a.b","order_id":{id},"timestamp":"2025-08-25T20:00:00Z","data":{data}}}"#)
}

/// G06: each fault is named.
#[test]
fn what_cannot_be_read_says_why() {
    let versioned = |version: &str| with_id("1", "{}").replace(r#""data""#, &format!(r#""version":{version},"data""#));
    for (value, why) in [
        (String::new(), "EOF"),
        ("no json".to_owned(), "expected"),
        (with_id("1", "{}").replace(r#""type":"a.b","#, ""), "missing field `type`"),
        (with_id("1", "{}").replace(r#","data":{}"#, ""), "missing field `data`"),
        (with_id("1", "{}").replace("order_id", "order"), "missing field `order_id`"),
        (with_id("1", "{}").replace("timestamp", "time"), "missing field `timestamp`"),
        (with_id("1", "{}").replace("2025-08-25T", "25.8.2025 "), "RFC 3339"),
        (with_id("1", r#"{},"type":"c.d""#), "duplicate field `type`"),
        (with_id("1.5", "{}"), "an integer from 0 to 2^53 - 1, or a string"),
        (with_id("-4", "{}"), "an integer from 0 to 2^53 - 1"),
        (with_id("9007199254740992", "{}"), "an integer from 0 to 2^53 - 1"),
        (with_id(r#""""#, "{}"), "a string of 1 to 256 characters"),
        (with_id("1", "{}").replace("a.b", r"a\u0000b"), "type has 1 to"),
        (with_id(r#""a\u0000b""#, "{}"), "order_id has 1 to"),
        (versioned("0"), "versions are 1 to"),
        (versioned("4294967295"), "versions are 1 to"),
        (versioned(r#""1""#), "invalid type"),
        ("{\"type\":\"a.b\",\"order_id\":1,\"data\":\"\u{fffd}\"".to_owned(), "EOF"),
    ] {
        let fault = record(&value).decode(SCOPE).unwrap_err();
        assert!(fault.contains(why), "{value}: {fault}");
    }
    let tombstone = RawRecord { value: None, ..record("") };
    assert_eq!(tombstone.decode(SCOPE).unwrap_err(), "the record has no value");
}

proptest! {
    /// C25: no bytes make it panic, and what it reads can be stored.
    #[test]
    fn any_bytes_are_read_or_refused(value in prop::collection::vec(any::<u8>(), 0..200), name in "[a-z_]{1,12}", header in prop::collection::vec(any::<u8>(), 0..40)) {
        let junk = RawRecord { value: Some(value), headers: vec![(name, header)], ..record("") };
        if let Ok(read) = junk.decode(SCOPE) {
            prop_assert!(!read.key.is_empty() && !read.event_type.contains('\0'));
        }
    }

    /// C25: members that nobody knows change nothing.
    #[test]
    fn unknown_members_change_nothing(name in "[a-z]{1,8}x", value in any::<i64>()) {
        let grown = CREATED.replacen('{', &format!(r#"{{ "{name}": {{"deep": [{value}]}},"#), 1);
        let deep = CREATED.replacen("\"data\": {", &format!("\"data\": {{ \"{name}\": [{value}],"), 1);
        let read: OrderCreated = upcast::read(&record(&deep).decode(SCOPE).unwrap().payload, 1).unwrap();
        prop_assert_eq!(read.amount_cents.0, 25_998);
        let (plain, grown) = (record(CREATED).decode(SCOPE).unwrap(), record(&grown).decode(SCOPE).unwrap());
        prop_assert_eq!((plain.payload, plain.key, plain.event_type), (grown.payload, grown.key, grown.event_type));
    }
}
