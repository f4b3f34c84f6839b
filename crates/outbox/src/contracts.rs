//! Payloads of the event catalogue, ready to be written.
//!
//! The catalogue (`stateset-contracts`) knows nothing of an outbox, and the outbox works without it. This is where they
//! meet: type, entity, order key and schema version follow from the payload's contract, and the customer's address goes
//! beside the payload, as `metadata.user_email`, where the relay finds it for the envelope and erasure can reach it.
//!
//! ```
//! use stateset_contracts::catalogue::ShippingReady;
//! use stateset_contracts::commerce::Commerce;
//! use stateset_outbox::contracts::draft;
//!
//! let ready = Commerce::new(ShippingReady { shipment_id: 1.into() }).order("123").user_email("cust@example.com");
//! let draft = draft(ready, None).unwrap();
//! // outbox.write_event_with_outbox(&mut tx, draft).await?
//! ```

use stateset_contracts::catalogue::Payload as Contracted;
use stateset_contracts::commerce::{Commerce, Incomplete};

use crate::draft::{Draft, Entity};
use crate::event::{Event, EventType, IdempotencyToken, Payload};

/// An event of the catalogue. An error names what the contract asks for and the caller has not said.
pub fn draft<P: Contracted>(
    commerce: Commerce<P>,
    token: Option<IdempotencyToken>,
) -> Result<Draft<Commerce<P>>, Incomplete> {
    commerce.check()?;
    let (kind, id) = commerce.entity()?;
    let order_key = commerce.order_key();
    let address = commerce.address().map(str::to_owned);
    let event = Event::new(EventType::new(P::CONTRACT.name), Payload::new(commerce), token);
    let mut draft = event.about(Entity::new(kind, id));
    draft.order_key = order_key;
    draft.schema_version = i32::try_from(P::CONTRACT.schema_version).unwrap_or(i32::MAX);
    draft.metadata = address.map(|address| [("user_email".to_owned(), address.into())].into_iter().collect());
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use stateset_contracts::catalogue::{OrderCreated, PaymentSucceeded};

    use super::*;

    /// C05, C07, A17: everything follows from the contract; the address stays out of the payload.
    #[test]
    fn a_contract_makes_a_draft() {
        let order =
            Commerce::new(OrderCreated { amount_cents: 5.into(), currency: "USD".into(), ..Default::default() });
        assert_eq!(draft(order.clone(), None).unwrap_err(), Incomplete::Order("order.created"));
        let written = draft(order.order(123).user_email("a@b.example"), Some(IdempotencyToken::new("k"))).unwrap();
        assert_eq!(written.event.event_type.0, "order.created");
        assert_eq!((written.entity, written.schema_version), (Entity::new("order", "123"), 2));
        assert_eq!(written.order_key.as_deref(), Some("123"));
        assert_eq!(written.metadata.unwrap()["user_email"], "a@b.example");
        let payload = serde_json::to_string(&written.event.payload).unwrap();
        assert_eq!(payload, r#"{"amount_cents":5,"currency":"USD","items":[]}"#);
    }

    /// Metadata that comes later joins the address.
    #[test]
    fn metadata_is_added_to() {
        let paid = PaymentSucceeded { payment_id: "pm_1".into(), ..Default::default() };
        let more = [("source".to_owned(), "till".into())].into_iter().collect();
        let written = draft(Commerce::new(paid).order("1").user_email("a@b.example"), None).unwrap().metadata(more);
        assert_eq!(written.metadata.unwrap().len(), 2);
    }
}
