//! An agent as a stranger would write one: it hashes and signs events by the written rules.
//!
//! Version 1 and 2 of the event signature, plaintext payloads. What the rules are, is written in `docs/spec`;
//! what they give, byte for byte, is held against fixed values in this module's tests. An agent made
//! from the same seed makes the same events, so a failing run can be repeated.

mod agent;
mod hash;

pub use agent::{Agent, EventBuilder, SignedEvent};
pub use hash::{MalformedEnvelope, key_possession_challenge, payload_hash, signing_hash};

#[cfg(test)]
mod tests;
