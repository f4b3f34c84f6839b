//! What the consumers of all services read of an event.

use stateset_contracts::catalogue::Payload;
use stateset_contracts::upcast;
use stateset_outbox::consumer::Incoming;

/// The payload in today's shape. A text that is none is poison: no retry mends it, so it belongs into quarantine.
pub(crate) fn data<P: Payload>(event: &Incoming) -> Result<P, String> {
    let version = u32::try_from(event.schema_version).unwrap_or(1);
    upcast::read(&event.payload, version)
        .map_err(|fault| format!("the data of {} does not keep its contract: {fault}", P::CONTRACT.name))
}

/// The number of an order of this shop, if the key is its one way to write it.
pub(crate) fn order_number(key: &str) -> Option<i64> {
    key.parse().ok().filter(|number: &i64| *number > 0 && number.to_string() == key)
}

/// The customer's address: as the event has it.
pub(crate) fn address(event: &Incoming) -> Option<String> {
    event.notes.user_email.clone()
}

#[cfg(test)]
mod tests {
    use super::order_number;

    #[test]
    fn orders_are_numbered() {
        assert_eq!(order_number("123"), Some(123));
        for key in ["", "0", "007", "-1", "+1", "ORD-1", "99999999999999999999"] {
            assert_eq!(order_number(key), None, "{key}");
        }
    }
}
