use serde_json::{Value, json};
use stateset_relay::contract::{OrderIdMode, envelope, unmapped};
use stateset_relay::record::Record;

use crate::peers::event;

fn json_of(record: &Record, mode: OrderIdMode) -> Value {
    serde_json::from_slice(&envelope(record, mode).unwrap()).unwrap()
}

fn contract_event(event_type: &str, at: &str, data: &Value) -> Record {
    let mut record = event(1, "123");
    record.event.event_type = event_type.to_owned();
    record.event.created_at = at.to_owned();
    record.event.payload = data.to_string();
    record
}

/// C04, C06 to C10: every example of the event contracts, member by member.
#[test]
fn the_published_examples_come_out() {
    let items = json!([{ "product_id": 1, "qty": 2, "unit_price_cents": 12_999 }]);
    for (event_type, timestamp, data) in [
        ("order.created", "2025-08-25T20:00:00Z", json!({ "amount_cents": 25_998, "currency": "USD", "items": items })),
        (
            "payment.succeeded",
            "2025-08-25T20:01:00Z",
            json!({ "amount_cents": 25_998, "currency": "USD", "provider": "mock", "payment_id": "pm_abc123" }),
        ),
        ("shipping.ready", "2025-08-25T20:02:00Z", json!({ "shipment_id": 1 })),
        (
            "shipping.dispatched",
            "2025-08-25T20:03:00Z",
            json!({ "shipment_id": 1, "carrier": "demo-carrier", "tracking_number": "TRK-0001" }),
        ),
    ] {
        let found = json_of(&contract_event(event_type, timestamp, &data), OrderIdMode::default());
        let expected = json!({
            "type": event_type,
            "order_id": 123,
            "user_email": "cust@example.com",
            "timestamp": timestamp,
            "data": data,
            "version": 1,
        });
        assert_eq!(found, expected);
    }
}

/// C05, C06: an integer exactly where every reader gets the same integer back.
#[test]
fn order_ids_are_integers_where_they_can_be() {
    for (key, expected) in [
        ("123", json!(123)),
        ("0", json!(0)),
        ("9007199254740991", json!(9_007_199_254_740_991_u64)),
        ("9007199254740992", json!("9007199254740992")),
        ("007", json!("007")),
        ("+5", json!("+5")),
        ("ORD-1", json!("ORD-1")),
        ("99999999999999999999999", json!("99999999999999999999999")),
    ] {
        let mut record = event(1, key);
        assert_eq!(json_of(&record, OrderIdMode::IntegerOrString)["order_id"], expected);
        assert_eq!(json_of(&record, OrderIdMode::String)["order_id"], json!(key));
        assert_eq!(unmapped(&record, OrderIdMode::Strict).is_some(), expected.is_string(), "{key}");
        record.event.order_key = None;
        let why = unmapped(&record, OrderIdMode::IntegerOrString).unwrap();
        assert!(why.message.starts_with("CONTRACT_ORDER_ID_MISSING"));
    }
}

/// A06: numbers stay as written; an address that was not given is absent, not null.
#[test]
fn the_payload_is_not_rewritten() {
    let mut record = event(1, "5");
    record.event.payload = r#"{"price":1.10}"#.to_owned();
    record.event.metadata = None;
    let text = String::from_utf8(envelope(&record, OrderIdMode::default()).unwrap()).unwrap();
    assert!(text.contains(r#""data":{"price":1.10}"#), "{text}");
    assert!(!text.contains("user_email"), "{text}");
    record.event.payload = "not json".to_owned();
    envelope(&record, OrderIdMode::default()).unwrap_err();
}
