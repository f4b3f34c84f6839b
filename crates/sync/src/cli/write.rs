//! `sync write`: an event of the agent's own, in a transaction of its own.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde_json::json;
use serde_json::value::RawValue;
use stateset_outbox::{Draft, Entity, Event, EventId, EventType, IdempotencyToken, Payload};

use super::{Answer, read_payload};
use crate::error::SyncError;
use crate::replica::Replica;
use crate::write::BaseVersion;

/// Which event.
#[derive(Args, Debug)]
pub struct WriteArgs {
    /// What happened, such as order.created
    pub event_type: String,
    /// What it is about: order/ORD-1
    #[arg(long, value_name = "TYPE/ID")]
    pub entity: String,
    /// The payload: a JSON object, or @file
    #[arg(long, value_name = "JSON")]
    pub data: String,
    /// Root it belongs to, such as the order of a payment
    #[arg(long, visible_alias = "order", value_name = "KEY")]
    pub order_key: Option<String>,
    /// What it belongs to across services
    #[arg(long, value_name = "ID")]
    pub correlation: Option<String>,
    /// Token that dedupes the fact: with a token that was used before nothing is written
    #[arg(long, value_name = "TOKEN")]
    pub event_key: Option<String>,
    /// Which version of the entity it builds on: `any`, `known` (what this machine knows), or a number; the sequencer refuses
    /// it if the entity is at another one
    #[arg(long, value_name = "VERSION", default_value = "any")]
    pub base: BaseVersion,
    /// Do it.
    #[arg(long)]
    pub apply: bool,
}

impl FromStr for BaseVersion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Self::Any),
            "known" => Ok(Self::Known),
            number => number.parse().map(Self::At).map_err(|_| "is `any`, `known`, or the number of a version"),
        }
    }
}

/// Writes it; or goes through all of it and takes it back, so that a preview refuses what would be refused.
pub(super) async fn write(database: PathBuf, arguments: WriteArgs) -> Result<Answer, SyncError> {
    let (base, apply) = (arguments.base, arguments.apply);
    let draft = draft(&arguments)?;
    let replica = Replica::open(database).await?;
    let mut tx = replica.begin().await?;
    let outcome = replica.write_event(&mut tx, draft, base).await?;
    if apply {
        replica.commit(tx).await?;
    } else {
        tx.rollback().await?;
    }
    let WriteArgs { event_type, entity, order_key, .. } = arguments;
    let id = EventId(outcome.written().event_id);
    // The id of what was not written would only mislead.
    let known = apply || outcome.is_duplicate();
    let text = match (outcome.is_duplicate(), apply) {
        (true, _) => format!("the token was used before, by event {}; nothing is changed", id.display()),
        (false, true) => format!("event {} is written; `sync push` sends it", id.display()),
        (false, false) => {
            format!("NOT EXECUTED: an event {event_type} of {entity} would be written; do it with --apply")
        },
    };
    let json = json!({
        "applied": apply && !outcome.is_duplicate(),
        "message": text,
        "event_id": known.then(|| id.display()),
        "event_uuid": known.then_some(id.0),
        "duplicate": outcome.is_duplicate(),
        "event_type": event_type,
        "entity": entity,
        "order_key": order_key,
        "agent_id": replica.profile().agent,
    });
    Ok(Answer { json, text })
}

fn draft(arguments: &WriteArgs) -> Result<Draft<Box<RawValue>>, SyncError> {
    let WriteArgs { event_type, entity, data, order_key, correlation, event_key, .. } = arguments;
    let (kind, id) = entity
        .split_once('/')
        .filter(|(kind, id)| !kind.is_empty() && !id.is_empty())
        .ok_or_else(|| SyncError::Usage(format!("--entity {entity:.80?} is like order/ORD-1")))?;
    let data = read_payload(data.clone())?;
    let no_object = || SyncError::Usage("--data is no JSON object, such as '{\"amount_cents\":100}'".to_owned());
    let payload = RawValue::from_string(data.trim().to_owned()).map_err(|_| no_object())?;
    if !payload.get().starts_with('{') {
        return Err(no_object());
    }
    let token = event_key.as_deref().map(IdempotencyToken::new);
    let mut draft = Event::new(EventType::new(event_type), Payload::new(payload), token).about(Entity::new(kind, id));
    if let Some(key) = order_key {
        draft = draft.order_key(key);
    }
    if let Some(id) = correlation {
        draft = draft.correlation_id(id);
    }
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_word_or_a_number() {
        for (text, base) in [("any", BaseVersion::Any), ("known", BaseVersion::Known), ("0", BaseVersion::At(0))] {
            assert_eq!(text.parse(), Ok(base));
        }
        assert!("-1".parse::<BaseVersion>().is_err() && "".parse::<BaseVersion>().is_err());
    }
}
