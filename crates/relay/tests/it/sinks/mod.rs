//! What only one sink does.

mod contract;
#[cfg(feature = "kafka")]
mod kafka;
mod mail;
mod sequencer;
mod webhook;
