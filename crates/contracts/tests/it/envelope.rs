use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stateset_contracts::catalogue::{OrderCreated, PaymentSucceeded, ShippingDispatched, ShippingReady};
use stateset_contracts::envelope::{Envelope, OrderId, OrderIdMode, Outgoing, PayloadFault, TypeName, Unmapped};
use stateset_contracts::instant::Instant;

/// The examples of the published event contracts, as they stand there.
const EXAMPLES: [(&str, &str); 5] = [
    ("payment.succeeded", include_str!("../data/common_envelope.json")),
    ("order.created", include_str!("../data/order.created.json")),
    ("payment.succeeded", include_str!("../data/payment.succeeded.json")),
    ("shipping.ready", include_str!("../data/shipping.ready.json")),
    ("shipping.dispatched", include_str!("../data/shipping.dispatched.json")),
];

/// The same JSON without white space between its parts, and without the comment that one example has.
fn compact(json: &str) -> String {
    let json = json.replace("/* event-specific fields */", "");
    let (mut compact, mut in_text) = (String::new(), false);
    for character in json.chars() {
        in_text ^= character == '"';
        if in_text || !character.is_whitespace() {
            compact.push(character);
        }
    }
    compact
}

fn outgoing(envelope: &Envelope) -> Vec<u8> {
    let key = envelope.order_id.key();
    Outgoing {
        event_type: &envelope.event_type,
        order_key: Some(&key),
        user_email: envelope.user_email.as_deref(),
        timestamp: envelope.timestamp,
        payload: envelope.data.get(),
        schema_version: envelope.version,
    }
    .write(OrderIdMode::default(), TypeName::default())
    .unwrap()
}

/// C04, C06 to C10: every example comes out byte by byte, once the white space between its parts is gone.
#[test]
fn every_published_example_is_written_byte_for_byte() {
    for (event_type, example) in EXAMPLES {
        let example = compact(example);
        let envelope = Envelope::read(example.as_bytes()).unwrap();
        assert_eq!(envelope.event_type, event_type);
        assert_eq!(envelope.order_id, OrderId::Integer(123));
        assert_eq!(String::from_utf8(outgoing(&envelope)).unwrap(), example);
    }
}

/// C11, C13, C14, C15: the data of the examples is what the types say.
#[test]
fn the_published_data_is_typed() {
    let read = |index: usize| Envelope::read(EXAMPLES[index].1.as_bytes()).unwrap();
    let created: OrderCreated = read(1).payload().unwrap();
    assert_eq!((created.amount_cents.0, created.currency.0.as_str()), (25_998, "USD"));
    assert_eq!((created.items[0].product_id.0, created.items[0].qty.0), (1, 2));
    assert_eq!(created.total_cents(), Some(25_998), "the amount is the sum of the items");
    let paid: PaymentSucceeded = read(2).payload().unwrap();
    assert_eq!((paid.provider.as_str(), paid.payment_id.0.as_str()), ("mock", "pm_abc123"));
    let ready: ShippingReady = read(3).payload().unwrap();
    assert_eq!(ready.shipment_id.0, 1);
    let dispatched: ShippingDispatched = read(4).payload().unwrap();
    assert_eq!((dispatched.carrier.as_str(), dispatched.tracking_number.as_str()), ("demo-carrier", "TRK-0001"));
    assert!(matches!(read(4).payload::<ShippingReady>(), Err(PayloadFault::OtherType { .. })));
}

/// C06: an integer exactly where every reader gets the same integer back; integer 123 and key "123" are one.
#[test]
fn order_ids_are_integers_where_they_can_be() {
    for (key, expected) in [
        ("123", json!(123)),
        ("0", json!(0)),
        ("9007199254740991", json!(9_007_199_254_740_991_u64)),
        ("9007199254740992", json!("9007199254740992")),
        ("007", json!("007")),
        ("-1", json!("-1")),
        ("+5", json!("+5")),
        ("1e3", json!("1e3")),
        ("ORD-1", json!("ORD-1")),
        ("99999999999999999999999", json!("99999999999999999999999")),
    ] {
        let id = |mode| OrderId::from_key(key, mode);
        assert_eq!(serde_json::to_value(id(OrderIdMode::IntegerOrString)).unwrap(), expected);
        assert_eq!(id(OrderIdMode::String), Some(OrderId::Text(key.to_owned())));
        assert_eq!(id(OrderIdMode::Strict).is_none(), expected.is_string(), "{key}");
        assert_eq!(serde_json::from_value::<OrderId>(expected).unwrap().key(), key);
    }
}

const BASE: Outgoing<'_> = Outgoing {
    event_type: "payment.succeeded",
    order_key: Some("5"),
    user_email: Some("cust@example.com"),
    timestamp: EPOCH,
    payload: r#"{"price":1.10}"#,
    schema_version: 1,
};
const EPOCH: Instant = Instant::UNIX_EPOCH;

fn json_of(outgoing: Outgoing<'_>) -> Value {
    serde_json::from_slice(&outgoing.write(OrderIdMode::default(), TypeName::default()).unwrap()).unwrap()
}

/// C05, C07, C20: no envelope without an order; no address where the contract has none; aliases go out under the
/// canonical name.
#[test]
fn the_catalogue_decides_what_is_written() {
    let without = Outgoing { order_key: None, ..BASE };
    let refused = without.write(OrderIdMode::default(), TypeName::default());
    assert!(
        matches!(&refused, Err(fault @ Unmapped::OrderIdMissing) if fault.to_string().starts_with("CONTRACT_ORDER_ID_MISSING"))
    );
    let strict = Outgoing { order_key: Some("ORD-1"), ..BASE }.write(OrderIdMode::Strict, TypeName::default());
    assert!(matches!(strict, Err(Unmapped::OrderIdNotInteger)));

    assert_eq!(json_of(BASE)["user_email"], "cust@example.com");
    assert_eq!(json_of(Outgoing { event_type: "payment.created", ..BASE }).get("user_email"), None);
    assert_eq!(json_of(Outgoing { event_type: "loyalty.earned", ..BASE })["user_email"], "cust@example.com");
    assert_eq!(json_of(Outgoing { user_email: None, ..BASE }).get("user_email"), None, "absent, not null");

    let alias = Outgoing { event_type: "payment.completed", ..BASE };
    assert_eq!(json_of(alias)["type"], "payment.succeeded");
    let emitted = alias.write(OrderIdMode::default(), TypeName::Emitted).unwrap();
    assert_eq!(Envelope::read(&emitted).unwrap().event_type, "payment.completed");
    assert_eq!(Envelope::read(&emitted).unwrap().canonical_type(), "payment.succeeded");
}

/// C08: UTC with a Z; a fraction only where there is one. A06: numbers stay as written.
#[test]
fn times_are_utc_and_numbers_stay() {
    for (text, expected) in [
        ("2025-08-25T20:12:34Z", "2025-08-25T20:12:34Z"),
        ("2025-08-25T22:12:34+02:00", "2025-08-25T20:12:34Z"),
        ("2025-08-25T20:12:34.5Z", "2025-08-25T20:12:34.500000Z"),
    ] {
        let at = Instant::parse(text).unwrap();
        assert_eq!(at.to_string(), expected);
        assert_eq!(Instant::from_unix_micros(at.unix_micros()), at);
    }
    assert_eq!(Instant::from_unix_micros(i64::MAX).to_string().len(), "9999-12-31T23:59:59.000000Z".len());
    Instant::parse("2025-08-25 20:12").unwrap_err();
    let text = String::from_utf8(BASE.write(OrderIdMode::default(), TypeName::default()).unwrap()).unwrap();
    assert!(text.contains(r#""data":{"price":1.10}"#), "{text}");
    assert!(Outgoing { payload: "no json", ..BASE }.write(OrderIdMode::default(), TypeName::default()).is_err());
}

/// What is no envelope is said to be none.
#[test]
fn poison_is_refused() {
    for poison in [
        "",
        "[]",
        "null",
        r#"{"type":"a.b"}"#,
        r#"{"type":"a.b","order_id":1.5,"timestamp":"2025-08-25T20:12:34Z","data":{},"version":1}"#,
        r#"{"type":"a.b","order_id":9007199254740992,"timestamp":"2025-08-25T20:12:34Z","data":{},"version":1}"#,
        r#"{"type":"a.b","order_id":"","timestamp":"2025-08-25T20:12:34Z","data":{},"version":1}"#,
        r#"{"type":"a.b","order_id":1,"timestamp":"yesterday","data":{},"version":1}"#,
        r#"{"type":"a.b","order_id":1,"timestamp":"2025-08-25T20:12:34Z","data":{},"version":-1}"#,
    ] {
        assert!(Envelope::read(poison.as_bytes()).is_err(), "{poison}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Adds the members to every object.
fn grow(value: &mut Value, more: &BTreeMap<String, Value>) {
    match value {
        Value::Array(entries) => entries.iter_mut().for_each(|entry| grow(entry, more)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| grow(member, more));
            members.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        },
        _ => {},
    }
}

proptest! {
    /// C10, C25: members that a reader does not know, in the envelope and in its data, and higher versions change nothing
    /// of what it does know.
    #[test]
    fn consumers_tolerate_what_they_do_not_know(
        more in prop::collection::btree_map("x_[a-z]{1,8}", any_json(), 0..5),
        version in 1_u32..1_000_000,
    ) {
        for (index, (_, example)) in EXAMPLES.iter().enumerate().skip(1) {
            let mut value: Value = serde_json::from_str(example).unwrap();
            value["version"] = version.into();
            for (name, member) in &more {
                value[name.as_str()] = member.clone();
                value["data"][name.as_str()] = member.clone();
            }
            let envelope = Envelope::read(value.to_string().as_bytes()).unwrap();
            let known = Envelope::read(example.as_bytes()).unwrap();
            prop_assert_eq!(&envelope.order_id, &known.order_id);
            prop_assert_eq!(envelope.version, version);
            match index {
                1 => {
                    let (found, expected) = (envelope.payload::<OrderCreated>().unwrap(), known.payload::<OrderCreated>().unwrap());
                    prop_assert_eq!(found.items, expected.items);
                },
                2 => prop_assert_eq!(envelope.payload::<PaymentSucceeded>().unwrap(), known.payload().unwrap()),
                3 => prop_assert_eq!(envelope.payload::<ShippingReady>().unwrap(), known.payload().unwrap()),
                _ => prop_assert_eq!(envelope.payload::<ShippingDispatched>().unwrap(), known.payload().unwrap()),
            }
        }
    }

    /// C10, C25: members that nobody knows, in every object of every type's example, change nothing of what is known.
    #[test]
    fn every_payload_may_grow(more in prop::collection::btree_map("x_[a-z]{1,8}", any_json(), 1..4)) {
        for contract in stateset_contracts::catalogue::all() {
            let mut payload: Value = serde_json::from_str(contract.example).unwrap();
            grow(&mut payload, &more);
            prop_assert!(contract.reads(&payload.to_string()).is_ok(), "{}: {payload}", contract.name);
        }
    }

    /// C04: whatever is written can be read again, and comes out the same.
    #[test]
    fn written_envelopes_are_read(key in "[ -~]{1,20}|[1-9][0-9]{0,15}", data in any_json(), micros in 0_i64..4_000_000_000_000_000, version in 1_u32..9) {
        let payload = RawValue::from_string(data.to_string()).unwrap();
        let outgoing = Outgoing { order_key: Some(&key), payload: payload.get(), timestamp: Instant::from_unix_micros(micros), schema_version: version, ..BASE };
        let bytes = outgoing.write(OrderIdMode::default(), TypeName::default()).unwrap();
        let envelope = Envelope::read(&bytes).unwrap();
        prop_assert_eq!(envelope.order_id.key(), key);
        prop_assert_eq!(envelope.timestamp.unix_micros(), micros);
        prop_assert_eq!(super::envelope::outgoing(&envelope), bytes);
    }

    /// No bytes make the reader panic.
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Envelope::read(&bytes));
    }
}
