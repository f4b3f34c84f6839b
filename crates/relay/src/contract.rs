//! The envelope of the event contracts: what consumers of the Kafka topics read.
//!
//! ```json
//! {"type":"payment.succeeded","order_id":123,"user_email":"cust@example.com","timestamp":"2025-08-25T20:12:34Z","data":{},"version":1}
//! ```
//!
//! It only ever grows: members keep their names and types.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::record::Record;
use crate::sink::Why;

/// Largest integer that every JSON reader keeps: 2^53 − 1.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// How an order key becomes `order_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderIdMode {
    /// An integer if the key is the one way to write an integer up to 2^53 − 1, else a string: `"007"` stays a string.
    #[default]
    IntegerOrString,
    /// An integer, else the event is held.
    Strict,
    /// Always a string.
    String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OrderId<'a> {
    Integer(u64),
    Text(&'a str),
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    order_id: OrderId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<String>,
    timestamp: String,
    data: &'a RawValue,
    version: i32,
}

/// Why an event has no such envelope now; something an operator can mend.
pub fn unmapped(record: &Record, mode: OrderIdMode) -> Option<Why> {
    match (record.event.order_key.as_deref(), mode) {
        (None, _) => Some(Why::new(
            "contract_order_id_missing",
            "CONTRACT_ORDER_ID_MISSING: the event has no order key, which every commerce event needs",
        )),
        (Some(key), OrderIdMode::Strict) if integer(key).is_none() => Some(Why::new(
            "contract_order_id_not_integer",
            "the order key is no integer up to 2^53 - 1; the route demands one (order_id_mode = strict)",
        )),
        _ => None,
    }
}

/// The envelope's JSON. The payload goes in as written. An error is a payload that is no JSON.
pub fn envelope(record: &Record, mode: OrderIdMode) -> Result<Vec<u8>, Why> {
    let event = &record.event;
    let not_json = |fault: serde_json::Error| Why::new("payload", format!("the payload is no JSON: {fault}"));
    let key = event.order_key.as_deref().unwrap_or_default();
    let order_id = match integer(key).filter(|_| mode != OrderIdMode::String) {
        Some(number) => OrderId::Integer(number),
        None => OrderId::Text(key),
    };
    serde_json::to_vec(&Envelope {
        r#type: &event.event_type,
        order_id,
        user_email: record.user_email(),
        timestamp: timestamp(record),
        data: serde_json::from_str(&event.payload).map_err(not_json)?,
        version: event.schema_version,
    })
    .map_err(not_json)
}

/// The number, if `key` is its canonical decimal form.
fn integer(key: &str) -> Option<u64> {
    let canonical = key == "0" || (!key.starts_with('0') && key.bytes().all(|b| b.is_ascii_digit()));
    key.parse().ok().filter(|number| canonical && *number <= LARGEST_EXACT)
}

/// RFC 3339 in UTC with `Z`; whole seconds without a fraction.
fn timestamp(record: &Record) -> String {
    let text = record.created_at().to_rfc3339();
    text.strip_suffix(".000000Z").map_or_else(|| text.clone(), |seconds| format!("{seconds}Z"))
}
