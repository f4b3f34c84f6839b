//! Writing envelopes.

use serde::Serialize;
use serde_json::value::RawValue;

use super::order_id::{OrderId, OrderIdMode};
use crate::catalogue::{UserEmail, find};
use crate::instant::Instant;

/// What the outbox knows of an event, on its way into an envelope.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// As the writer named it.
    pub event_type: &'a str,
    /// The order.
    pub order_key: Option<&'a str>,
    /// The customer's address, if the writer gave one. Types whose contract has none do not show it.
    pub user_email: Option<&'a str>,
    /// When it happened.
    pub timestamp: Instant,
    /// JSON; goes in as written, numbers included.
    pub payload: &'a str,
    /// Version of the payload's schema.
    pub schema_version: u32,
}

/// Which name goes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TypeName {
    /// The canonical one: consumers of the topics know `payment.succeeded`, not `payment.completed`.
    #[default]
    Canonical,
    /// As the writer named it.
    Emitted,
}

/// Why an event has no envelope.
#[derive(Debug, thiserror::Error)]
pub enum Unmapped {
    /// C05
    #[error("CONTRACT_ORDER_ID_MISSING: the event has no order key, which every commerce event needs")]
    OrderIdMissing,
    /// C06
    #[error("the order key is no integer up to 2^53 - 1; the route demands one (order_id_mode = strict)")]
    OrderIdNotInteger,
    /// The payload is no JSON.
    #[error("the payload is no JSON: {0}")]
    Payload(#[source] serde_json::Error),
}

impl Unmapped {
    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OrderIdMissing => "contract_order_id_missing",
            Self::OrderIdNotInteger => "contract_order_id_not_integer",
            Self::Payload(_) => "payload",
        }
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    r#type: &'a str,
    order_id: OrderId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<&'a str>,
    timestamp: Instant,
    data: &'a RawValue,
    version: u32,
}

impl Outgoing<'_> {
    /// The `order_id`, or what an operator or the writer must mend first.
    pub fn order_id(&self, mode: OrderIdMode) -> Result<OrderId, Unmapped> {
        let key = self.order_key.filter(|key| !key.is_empty()).ok_or(Unmapped::OrderIdMissing)?;
        OrderId::from_key(key, mode).ok_or(Unmapped::OrderIdNotInteger)
    }

    /// The envelope's JSON.
    pub fn write(&self, mode: OrderIdMode, name: TypeName) -> Result<Vec<u8>, Unmapped> {
        let contract = find(self.event_type);
        let canonical = contract.filter(|_| name == TypeName::Canonical).map(|contract| contract.name);
        let without = contract.is_some_and(|contract| contract.user_email == UserEmail::Absent);
        let wire = Wire {
            r#type: canonical.unwrap_or(self.event_type),
            order_id: self.order_id(mode)?,
            user_email: self.user_email.filter(|_| !without),
            timestamp: self.timestamp,
            data: serde_json::from_str(self.payload).map_err(Unmapped::Payload)?,
            version: self.schema_version,
        };
        serde_json::to_vec(&wire).map_err(Unmapped::Payload)
    }
}
