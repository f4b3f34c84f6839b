//! Payloads of the event catalogue, ready to be written.
//!
//! The catalogue (`stateset-contracts`) knows nothing of an outbox, and the outbox works without it. This is where they
//! meet: type, entity, order key and schema version follow from the payload's contract, and the customer's address goes
//! beside the payload, as `metadata.user_email`, where the relay finds it for the envelope and erasure can reach it.
//!
//! Members that the catalogue marks as personal, and the address, are marked in the draft: with master keys they lie beside
//! the log (see [`subject`](crate::subject)). Without master keys a payload with marked members is refused, because what is
//! signed is for ever; an address alone is written as metadata, which is not signed.
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

use serde::Serialize;
use stateset_contracts::catalogue::{Contract, Payload as Contracted, find};
use stateset_contracts::commerce::{Commerce, Incomplete};
use stateset_contracts::personal::{marks, places};

use crate::draft::{Draft, Entity, Marked};
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
    let personal = fields(P::CONTRACT, &commerce, address.is_some());
    let personal = if personal.is_empty() {
        None
    } else {
        Some(Marked { subject: commerce.personal_subject()?, fields: personal, by_contract: true })
    };
    let event = Event::new(EventType::new(P::CONTRACT.name), Payload::new(commerce), token);
    let mut draft = event.about(Entity::new(kind, id));
    draft.order_key = order_key;
    draft.schema_version = i32::try_from(P::CONTRACT.schema_version).unwrap_or(i32::MAX);
    draft.metadata = address.map(|address| [(USER_EMAIL.to_owned(), address.into())].into_iter().collect());
    draft.personal = personal;
    Ok(draft)
}

/// Marks in an untyped draft what the catalogue marks in its type, as being about `subject`. A type that is not in the
/// catalogue has no marks.
#[must_use]
pub fn marked<PT: Serialize>(draft: Draft<PT>, subject: impl Into<String>) -> Draft<PT> {
    let Some(contract) = find(&draft.event.event_type.0) else { return draft };
    let addressed = draft.metadata.as_ref().is_some_and(|metadata| metadata.contains_key(USER_EMAIL));
    let fields = fields(contract, &draft.event.payload, addressed);
    match draft.personal {
        _ if fields.is_empty() => draft,
        Some(_) => draft.personal(subject, fields),
        None => Draft { personal: Some(Marked { subject: subject.into(), fields, by_contract: true }), ..draft },
    }
}

/// The member of the metadata that becomes the envelope's.
const USER_EMAIL: &str = "user_email";

/// As [`Draft::personal`] wants them.
fn fields(contract: &Contract, payload: &impl Serialize, addressed: bool) -> Vec<String> {
    let mut fields = Vec::new();
    if !marks(contract).is_empty() {
        // A payload that has no JSON is refused when it is written.
        let payload = serde_json::to_value(payload).unwrap_or_default();
        fields.extend(places(contract, &payload).into_iter().map(|place| format!("payload:{place}")));
    }
    if addressed {
        fields.push(format!("metadata:/{USER_EMAIL}"));
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stateset_contracts::catalogue::{CustomerCreated, OrderCancelled, OrderCreated, PaymentSucceeded};

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

    /// C24: the set that a connector's first sync replays is what `product.*` selects of the catalogue.
    #[test]
    fn a_glob_selects_a_family() {
        let products = stateset_contracts::catalogue::all()
            .map(|contract| contract.name)
            .filter(|name| crate::delivery::type_matches("product.*", name));
        let expected = ["product.created", "product.updated", "product.activated", "product.deactivated"];
        assert_eq!(products.collect::<Vec<_>>(), expected);
    }

    /// Ruling 54, C07: what is personal follows from the catalogue, and whose it is from what the event is about.
    #[test]
    fn the_catalogue_marks_what_is_personal() {
        let marked_of = |draft: &Draft<_>| {
            let marked = draft.personal.clone().expect("marks");
            (marked.subject, marked.fields)
        };
        let created = CustomerCreated { customer_id: "cust_1".into(), email: Some("a@b.example".into()), name: None };
        let typed = draft(Commerce::new(created), None).unwrap();
        assert_eq!(marked_of(&typed.erased().unwrap()), ("customer/cust_1".into(), vec!["payload:/email".into()]));
        let cancelled =
            OrderCancelled { reason: "late".into(), note: Some("I moved to Rome".into()), cancelled_by: None };
        let about = Commerce::new(cancelled).order(7).user_email("a@b.example");
        let both = vec!["payload:/note".to_owned(), "metadata:/user_email".to_owned()];
        let of_order = draft(about.clone(), None).unwrap();
        assert_eq!(marked_of(&of_order.erased().unwrap()), ("order/7".into(), both.clone()));
        let of_person = draft(about.subject("customer/cust_1"), None).unwrap();
        assert_eq!(marked_of(&of_person.erased().unwrap()), ("customer/cust_1".into(), both));
        assert_eq!(draft(Commerce::new(OrderCreated::default()).order(7), None).unwrap().personal, None);

        let untyped = |event_type: &str| {
            let payload = json!({ "customer_id": "cust_1", "name": "Ada", "shoe_size": 37 });
            let event = Event::new(EventType::new(event_type), Payload::new(payload), None);
            marked(event.about(Entity::new("customer", "cust_1")), "customer/cust_1")
        };
        assert_eq!(untyped("customer.updated").personal.unwrap().fields, ["payload:/name"]);
        assert_eq!(untyped("shoe.bought").personal, None);
        let by_hand = untyped("shoe.bought").personal("order/1", ["payload:/shoe_size"]);
        assert!(!by_hand.personal.unwrap().by_contract);
        assert!(untyped("customer.updated").personal.unwrap().by_contract, "an address alone needs no master keys");
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
