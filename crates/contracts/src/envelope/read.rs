//! Reading envelopes, tolerantly.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::order_id::OrderId;
use crate::catalogue::{Contract, Payload, find};
use crate::instant::Instant;
use crate::upcast;

/// A message of the topics. Members it does not know are ignored, and so are those of its data.
#[derive(Clone, Debug, Deserialize)]
pub struct Envelope {
    /// As it was named; [`Envelope::contract`] knows the aliases.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The order it belongs to.
    pub order_id: OrderId,
    /// The customer's address, where the contract has it.
    #[serde(default)]
    pub user_email: Option<String>,
    /// When it happened.
    pub timestamp: Instant,
    /// The payload, as it came.
    pub data: Box<RawValue>,
    /// Version of the payload's schema. It may be higher than the one this program knows.
    #[serde(default = "first_version")]
    pub version: u32,
}

fn first_version() -> u32 {
    1
}

/// A message that is no envelope: poison, it will never be one.
#[derive(Debug, thiserror::Error)]
#[error("not an envelope of the event contracts: {0}")]
pub struct Unreadable(#[source] serde_json::Error);

/// Why an envelope's data is not the payload that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PayloadFault {
    /// Another type of event.
    #[error("the event is {found}, not {wanted}")]
    OtherType {
        /// The type of the payload.
        wanted: &'static str,
        /// The type of the event.
        found: String,
    },
    /// Its data does not keep the contract.
    #[error("the data of {event_type} does not keep its contract: {source}")]
    Data {
        /// The canonical type.
        event_type: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Envelope {
    /// Reads a message's value.
    pub fn read(value: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice(value).map_err(Unreadable)
    }

    /// What the catalogue says of the type; `None` for a type it does not have.
    pub fn contract(&self) -> Option<&'static Contract> {
        find(&self.event_type)
    }

    /// The canonical name of the type.
    pub fn canonical_type(&self) -> &str {
        self.contract().map_or(&self.event_type, |contract| contract.name)
    }

    /// The payload in today's shape: an older one is upcast, the unknown members of a newer one are ignored.
    pub fn payload<P: Payload>(&self) -> Result<P, PayloadFault> {
        if !P::CONTRACT.is_called(&self.event_type) {
            return Err(PayloadFault::OtherType { wanted: P::CONTRACT.name, found: self.event_type.clone() });
        }
        upcast::read(self.data.get(), self.version)
            .map_err(|source| PayloadFault::Data { event_type: P::CONTRACT.name, source })
    }
}
