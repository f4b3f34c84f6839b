//! What the events of a shop are: every type, what it carries, how it travels, and what it may change.
//!
//! * [`catalogue`]: every type with its names, entity, topic, order key, payload and example. **The source**: schemas, the
//!   `AsyncAPI` document and the types of other languages are written from it.
//! * [`commerce`]: a payload on its way to the outbox.
//! * [`envelope`]: the JSON that consumers of the Kafka topics read.
//! * [`upcast`]: older payloads in today's shape, stored bytes untouched.
//! * [`json_schema`], [`compatibility`], [`history`]: the schemas of payloads, and whether one may follow another.
//! * [`personal`]: where in a payload a person's data lies.
//! * [`machine`]: what an event may do to an order, a payment, a shipment.
//!
//! This crate is pure, imports nothing of ours, and knows no broker, database or clock. Validation against a schema is
//! elsewhere (the sequencer, tests); an event that is not in the catalogue is nobody's error here.
//!
//! To add a type or a member: see [`catalogue`].

#![warn(missing_docs)]

pub mod catalogue;
pub mod commerce;
pub mod compatibility;
mod declare;
pub mod envelope;
pub mod history;
pub mod instant;
pub mod json_schema;
pub mod machine;
pub mod personal;
pub mod scalar;
pub mod shape;
pub mod upcast;
