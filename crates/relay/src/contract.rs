//! A record as consumers of the Kafka topics read it: the envelope of the event contracts (`stateset-contracts`).

pub use stateset_contracts::envelope::OrderIdMode;
use stateset_contracts::envelope::{Outgoing, TypeName, Unmapped};
use stateset_contracts::instant::Instant;

use crate::record::Record;
use crate::sink::Why;

/// Why an event has no such envelope now; something an operator can mend.
pub fn unmapped(record: &Record, mode: OrderIdMode) -> Option<Why> {
    outgoing(record, None).order_id(mode).err().map(|fault| why(&fault))
}

/// The envelope's JSON. The payload goes in as written. An error is a payload that is no JSON.
pub fn envelope(record: &Record, mode: OrderIdMode) -> Result<Vec<u8>, Why> {
    let email = record.user_email();
    outgoing(record, email.as_deref()).write(mode, TypeName::Canonical).map_err(|fault| why(&fault))
}

fn outgoing<'a>(record: &'a Record, user_email: Option<&'a str>) -> Outgoing<'a> {
    let event = &record.event;
    Outgoing {
        event_type: &event.event_type,
        order_key: event.order_key.as_deref(),
        user_email,
        timestamp: Instant::from_unix_micros(record.created_at().0),
        payload: &event.payload,
        schema_version: u32::try_from(event.schema_version).unwrap_or(1),
    }
}

fn why(fault: &Unmapped) -> Why {
    Why::new(fault.code(), fault.to_string())
}
