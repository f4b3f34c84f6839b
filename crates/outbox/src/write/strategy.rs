//! Where the token comes from that dedupes a fact.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::draft::Entity;

/// What a custom strategy sees of an event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Facts<'a> {
    /// Such as `order.created`.
    pub event_type: &'a str,
    /// What it is about.
    pub entity: &'a Entity,
    /// Where it belongs.
    pub order_key: Option<&'a str>,
    /// The payload as it will be stored.
    pub payload: &'a str,
}

/// The failure of a custom strategy.
pub type StrategyError = Box<dyn Error + Send + Sync>;
type Custom = dyn Fn(Facts<'_>) -> Result<Option<String>, StrategyError> + Send + Sync;

/// How an event without a token of its own gets one. A token that the event brings always counts.
#[derive(Clone, Default)]
pub enum IdempotencyStrategy {
    /// Only the event's own token.
    #[default]
    Provided,
    /// A random one per event: every write is a new fact.
    Uuid,
    /// The application's function.
    Custom(Arc<Custom>),
    /// SHA-256 over type, entity and payload: the same fact is written once for ever.
    HashPayload,
    /// No token: only the event id dedupes.
    None,
}

impl fmt::Debug for IdempotencyStrategy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Provided => "Provided",
            Self::Uuid => "Uuid",
            Self::Custom(_) => "Custom",
            Self::HashPayload => "HashPayload",
            Self::None => "None",
        })
    }
}

impl IdempotencyStrategy {
    /// A strategy of the application's own. Its failure is the failure of the write.
    pub fn custom(
        function: impl Fn(Facts<'_>) -> Result<Option<String>, StrategyError> + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(Arc::new(function))
    }

    pub(crate) fn token(&self, facts: Facts<'_>) -> Result<Option<String>, StrategyError> {
        match self {
            Self::Provided | Self::None => Ok(None),
            Self::Uuid => Ok(Some(Uuid::new_v4().to_string())),
            Self::Custom(function) => function(facts),
            Self::HashPayload => Ok(Some(hash_token(facts))),
        }
    }
}

fn hash_token(facts: Facts<'_>) -> String {
    let mut hash = Sha256::new();
    for part in [facts.event_type, &facts.entity.kind, &facts.entity.id] {
        hash.update(part);
        // Not allowed in any of the parts, so that they cannot run into each other.
        hash.update([0]);
    }
    hash.update(facts.payload);
    crate::hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E15
    #[test]
    fn strategies() {
        let entity = Entity::new("order", "1");
        let facts = Facts { event_type: "order.created", entity: &entity, order_key: None, payload: "{}" };
        let token = |strategy: IdempotencyStrategy| strategy.token(facts);
        assert_eq!(token(IdempotencyStrategy::Provided).expect("cannot fail"), None);
        assert_eq!(token(IdempotencyStrategy::None).expect("cannot fail"), None);
        let random = || token(IdempotencyStrategy::Uuid).expect("cannot fail").expect("a token");
        assert_ne!(random(), random());
        let hash = token(IdempotencyStrategy::HashPayload).expect("cannot fail").expect("a token");
        assert_eq!(hash.len(), 64);
        let other = Facts { payload: "{ }", ..facts };
        assert_ne!(IdempotencyStrategy::HashPayload.token(other).expect("cannot fail"), Some(hash));
        let custom = IdempotencyStrategy::custom(|facts| Ok(Some(facts.entity.id.clone())));
        assert_eq!(token(custom).expect("it does not fail"), Some("1".to_owned()));
        let failing = IdempotencyStrategy::custom(|_| Err("no order number".into()));
        assert_eq!(token(failing).expect_err("it fails").to_string(), "no order number");
    }
}
