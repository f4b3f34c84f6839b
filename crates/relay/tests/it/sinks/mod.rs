//! What only one sink does.

mod contract;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kafka")]
mod kafka_security;
mod mail;
mod sequencer;
mod upcasting;
mod webhook;
