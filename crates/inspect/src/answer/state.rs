//! What an entity was.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stateset_outbox::EventId;
use stateset_outbox::read;

/// An entity as its events say: each payload is merged over the ones before it, member by member (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct EntityState {
    /// Such as `order`.
    pub entity_type: String,
    /// Such as `ord_123`.
    pub entity_id: String,
    /// Number of its events.
    pub version: u64,
    /// There are more: the later ones are not in it.
    #[serde(default, skip_serializing_if = "super::events::is_false")]
    pub partial: bool,
    /// The last of them.
    pub last_event_type: Option<String>,
    /// `evt_…`.
    pub last_event_id: Option<String>,
    /// When, in the producer's own characters.
    pub last_event_at: Option<String>,
    /// What is known.
    pub data: BTreeMap<String, Value>,
    /// Place of the event that said the last of each member.
    pub said_at: BTreeMap<String, i64>,
    /// Members that differ from the earlier time; only where one was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
}

/// A member before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Changed {
    /// Its name.
    pub member: String,
    /// Null if there was none.
    pub before: Value,
    /// Null if there is none any more.
    pub after: Value,
}

impl EntityState {
    /// The answer, compared with the state `before` if one was asked for: pure.
    pub(crate) fn of(entity: (&str, &str), now: read::EntityState, before: Option<&read::EntityState>) -> Self {
        let changed = before.map(|before| differences(before, &now)).unwrap_or_default();
        let last = now.last.as_ref();
        Self {
            entity_type: entity.0.to_owned(),
            entity_id: entity.1.to_owned(),
            version: u64::try_from(now.events).unwrap_or_default(),
            partial: now.partial,
            last_event_type: last.map(|last| last.event_type.clone()),
            last_event_id: last.map(|last| EventId(last.event_id).display()),
            last_event_at: last.map(|last| last.created_at.clone()),
            said_at: now.members.iter().map(|(name, (_, place))| (name.clone(), *place)).collect(),
            data: now.members.into_iter().map(|(name, (value, _))| (name, value)).collect(),
            changed,
        }
    }
}

fn differences(before: &read::EntityState, after: &read::EntityState) -> Vec<Changed> {
    let members: BTreeSet<&String> = before.members.keys().chain(after.members.keys()).collect();
    let of = |state: &read::EntityState, member: &str| {
        state.members.get(member).map(|(value, _)| value.clone()).unwrap_or_default()
    };
    let pairs = members.into_iter().map(|member| (member, of(before, member), of(after, member)));
    pairs
        .filter(|(_, before, after)| before != after)
        .map(|(member, before, after)| Changed { member: member.clone(), before, after })
        .collect()
}
