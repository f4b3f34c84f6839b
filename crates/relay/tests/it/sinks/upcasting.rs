use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stateset_relay::contract::{OrderIdMode, envelope};
use stateset_relay::record::Record;
use stateset_relay::sink::handler::Handler;
use stateset_relay::sink::upcasting::{Upcasting, upcasted};
use stateset_relay::sink::{Batch, Outcome, Sink as _};

use crate::peers::event;

fn order(version: i32, payload: &str) -> Record {
    let mut record = event(1, "123");
    (record.event.schema_version, record.event.payload) = (version, payload.to_owned());
    record
}

/// C22: a destination that wants it is given version 1 as version 2, in payload and envelope; what is stored, and what other
/// destinations are given, is not touched.
#[tokio::test]
async fn an_old_payload_goes_out_as_a_new_one() {
    let seen: Arc<Mutex<Vec<Record>>> = Arc::default();
    let kept = Arc::clone(&seen);
    let sink = Upcasting::new(Handler::new(move |record: Record| {
        kept.lock().unwrap().push(record);
        async { Ok(()) }
    }));
    let v1 = r#"{ "amount_cents": 25998, "currency": "USD", "items": [] }"#;
    let records = [order(1, v1), order(2, v1), order(9, v1), order(1, "no object")];
    let outcomes = sink.publish(Batch::new(0, &records)).await;
    assert_eq!(outcomes, vec![Outcome::Accepted(None); 4]);
    assert_eq!((records[0].event.payload.as_str(), records[0].event.schema_version), (v1, 1));
    let seen = seen.lock().unwrap();
    let new: Value = serde_json::from_slice(&envelope(&seen[0], OrderIdMode::default()).unwrap()).unwrap();
    assert_eq!((&new["version"], &new["data"]["tax_cents"]), (&json!(2), &json!(0)));
    assert_eq!(new["data"]["amount_cents"], json!(25_998));
    assert_eq!(seen[1..], records[1..], "byte for byte");
    let unknown = Record {
        event: stateset_outbox::delivery::LoggedEvent { event_type: "shoe.bought".into(), ..records[0].event.clone() },
        ..records[0].clone()
    };
    assert_eq!(*upcasted(&unknown), unknown);
}
