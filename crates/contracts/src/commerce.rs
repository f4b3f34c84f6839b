//! A payload with what the envelope says around it: on its way to the outbox.
//!
//! ```
//! use stateset_contracts::catalogue::ShippingReady;
//! use stateset_contracts::commerce::Commerce;
//!
//! let ready = Commerce::new(ShippingReady { shipment_id: 1.into() }).order("123").user_email("cust@example.com");
//! assert_eq!(ready.entity().unwrap(), ("shipment", "1".to_owned()));
//! assert_eq!(ready.order_key().as_deref(), Some("123"));
//! ```
//!
//! The outbox takes it as it is (its feature `contracts`). The customer's address goes beside the payload, never into it:
//! a payload is signed and kept for good, an address must be erasable.

use crate::catalogue::{OrderKey, Payload, UserEmail};

/// A payload, the order it belongs to, and the customer's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commerce<P> {
    payload: P,
    entity_id: Option<String>,
    order: Option<String>,
    user_email: Option<String>,
    subject: Option<String>,
}

/// What the writer must still say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// C05: every event of an order needs the order.
    #[error("{0} belongs to an order: name it with `.order(id)`")]
    Order(&'static str),
    /// The payload does not say what it is about.
    #[error("{0} does not say what it is about: name it with `.about(id)`")]
    Entity(&'static str),
}

impl<P: Payload> Commerce<P> {
    /// A payload by itself.
    pub fn new(payload: P) -> Self {
        let entity_id = payload.entity_id();
        Self { payload, entity_id, order: None, user_email: None, subject: None }
    }

    /// The order it belongs to.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a number or a text, as it stands in the call")]
    pub fn order(mut self, id: impl ToString) -> Self {
        self.order = Some(id.to_string());
        self
    }

    /// The entity it is about, where the payload does not say so.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a number or a text, as it stands in the call")]
    pub fn about(mut self, id: impl ToString) -> Self {
        self.entity_id = Some(id.to_string());
        self
    }

    /// The customer's address. It is dropped for types whose envelope has none.
    #[must_use]
    pub fn user_email(mut self, address: impl Into<String>) -> Self {
        self.user_email = Some(address.into()).filter(|_| P::CONTRACT.user_email == UserEmail::Included);
        self
    }

    /// Whom its personal data is about: an id, never an address. One person's events under one subject are erased at once.
    #[must_use]
    pub fn subject(mut self, id: impl Into<String>) -> Self {
        self.subject = Some(id.into());
        self
    }

    /// Whom its personal data is about: as the writer said, else its order (`order/123`), else its entity
    /// (`customer/cust_1`).
    pub fn personal_subject(&self) -> Result<String, Incomplete> {
        match (&self.subject, self.order_key()) {
            (Some(subject), _) => Ok(subject.clone()),
            (None, Some(order)) => Ok(format!("order/{order}")),
            (None, None) => self.entity().map(|(kind, id)| format!("{kind}/{id}")),
        }
    }

    /// Entity type and id. For a family whose entity is the order, the order's id.
    pub fn entity(&self) -> Result<(&'static str, String), Incomplete> {
        let family = P::CONTRACT.family;
        match (family.order_key, &self.order, &self.entity_id) {
            (OrderKey::Entity, Some(id), _) | (_, _, Some(id)) => Ok((family.entity, id.clone())),
            (OrderKey::Entity, None, None) => Err(Incomplete::Order(P::CONTRACT.name)),
            (_, _, None) => Err(Incomplete::Entity(P::CONTRACT.name)),
        }
    }

    /// The root it belongs to; `None` where there is no order.
    pub fn order_key(&self) -> Option<String> {
        match P::CONTRACT.family.order_key {
            OrderKey::Entity => self.order.clone().or_else(|| self.entity_id.clone()),
            OrderKey::Required | OrderKey::Optional => self.order.clone(),
            OrderKey::None => None,
        }
    }

    /// Whether everything is said that the contract asks for.
    pub fn check(&self) -> Result<(), Incomplete> {
        self.entity()?;
        match (P::CONTRACT.family.order_key, &self.order) {
            (OrderKey::Required, None) => Err(Incomplete::Order(P::CONTRACT.name)),
            _ => Ok(()),
        }
    }

    /// The customer's address, where the envelope has it.
    pub fn address(&self) -> Option<&str> {
        self.user_email.as_deref()
    }

    /// The payload.
    pub fn payload(&self) -> &P {
        &self.payload
    }
}

/// The JSON of the payload alone.
impl<P: Payload> serde::Serialize for Commerce<P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.payload.serialize(serializer)
    }
}
