use serde_json::{Map, Value, json};
use stateset_contracts::catalogue::{OrderCreated, Payload};
use stateset_contracts::envelope::Envelope;
use stateset_contracts::json_schema::schema;
use stateset_contracts::upcast;

const V1: &str =
    r#"{"amount_cents":25998,"currency":"USD","items":[{"product_id":1,"qty":2,"unit_price_cents":12999}]}"#;

fn members(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap()
}

/// C22: a payload of version 1 reads as version 2; what is stored is not touched.
#[test]
fn an_old_order_reads_as_a_new_one() {
    let stored = members(V1);
    let before = stored.clone();
    let new = upcast::upcast("order.created", &stored, 1, 2);
    assert_eq!(stored, before);
    assert_eq!((&new["tax_cents"], &new["shipping_cents"]), (&json!(0), &json!(0)));
    let schema = schema(OrderCreated::CONTRACT, 2);
    assert!(jsonschema::is_valid(&schema, &Value::Object(new)));

    let order: OrderCreated = upcast::read(V1, 1).unwrap();
    assert_eq!(order.tax_cents.map(|cents| cents.0), Some(0));
    let same: OrderCreated = upcast::read(V1, 2).unwrap();
    assert_eq!(same.tax_cents, None, "a writer of version 2 may leave it out");
    let newer: OrderCreated = upcast::read(V1, 7).unwrap();
    assert_eq!(newer.amount_cents.0, 25_998);
}

/// C22: a step never overwrites, and a type without steps stays as it is.
#[test]
fn upcasting_is_idempotent() {
    let mut stored = members(V1);
    stored.insert("tax_cents".to_owned(), 7.into());
    let once = upcast::upcast("order.created", &stored, 1, 2);
    assert_eq!(once["tax_cents"], 7);
    assert_eq!(upcast::upcast("order.created", &once, 1, 2), once);
    assert_eq!(upcast::upcast("order.created", &once, 2, 2), once);
    assert_eq!(upcast::upcast("shipping.ready", &stored, 1, 9), stored);
}

/// C22: an envelope's version decides, and its data stays as it came.
#[test]
fn an_envelope_reads_in_todays_shape() {
    let message = format!(
        r#"{{"type":"order.created","order_id":1,"timestamp":"2025-08-25T20:00:00Z","data":{V1},"version":1}}"#
    );
    let envelope = Envelope::read(message.as_bytes()).unwrap();
    let order: OrderCreated = envelope.payload().unwrap();
    assert_eq!(order.shipping_cents.map(|cents| cents.0), Some(0));
    assert_eq!(envelope.data.get(), V1);
}
