//! What the destination and the consumer share: how brokers are reached, what they complained of, and the topic of dead
//! letters.

mod dead_letters;
mod security;
mod watch;

pub(crate) use dead_letters::{DeadLetterTopic, Failure};
pub(crate) use security::SECURITY_SETTINGS;
pub use security::{KafkaSasl, KafkaSecurity, KafkaTls, SaslMechanism, SecurityError};
pub(crate) use watch::Watch;
