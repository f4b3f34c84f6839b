//! Which events: the one filter grammar of the project.
//!
//! A [`Filter`] is a conjunction: everything that is set must hold. Its text is a list of `key:value` tokens, the same in
//! flags of programs, query parameters of pages, stored jobs and messages:
//!
//! ```text
//! type:order.*,payment.succeeded entity:order/ORD-1 key:123 since:10m until:2026-03-01T00:00:00Z seq:100..200
//! state:dead destination:kafka agent:… correlation:… command:… event:evt_… where:data.amount_cents>10000
//! ```
//!
//! Everything here is pure. Relative times become absolute when they are read: the time of reading is an argument.

mod name;
mod parse;
mod path;
mod text;
mod time;

use uuid::Uuid;

use crate::delivery::{DeliveryState, LoggedEvent, type_matches};

pub use name::{EventRef, TypeGlob, nearest};
pub use parse::{FilterError, KEYS};
pub use path::{Comparison, Literal, Operator};
pub use time::{format_time, parse_duration, parse_time};

/// Which events of a scope. All that is set must hold; the default is every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these types; empty: any.
    pub types: Vec<TypeGlob>,
    /// Entity type, such as `order`.
    pub entity_type: Option<String>,
    /// Entity id, such as `ORD-1`.
    pub entity_id: Option<String>,
    /// Order key: the root the event belongs to.
    pub order_key: Option<String>,
    /// Written at or after, microseconds since 1970 UTC.
    pub since: Option<i64>,
    /// Written before, microseconds since 1970 UTC.
    pub until: Option<i64>,
    /// First place in the log, inclusive.
    pub first: Option<i64>,
    /// Last place in the log, inclusive.
    pub last: Option<i64>,
    /// A delivery of the event is in one of these states; empty: any, or none.
    pub states: Vec<DeliveryState>,
    /// The delivery that `states` speaks of is at this destination; without `states`: the event has a delivery there.
    pub destination: Option<String>,
    /// Class of the last failure, such as `exhausted`, `refused`, `http_503`.
    pub class: Option<String>,
    /// The agent that signs the event.
    pub agent: Option<Uuid>,
    /// What the event belongs to, across services.
    pub correlation: Option<String>,
    /// The event or request that caused it.
    pub causation: Option<String>,
    /// The operation it was written by.
    pub command: Option<Uuid>,
    /// One event.
    pub event: Option<EventRef>,
    /// The token that dedupes the fact.
    pub event_key: Option<String>,
    /// What the payload says; all must hold.
    pub payload: Vec<Comparison>,
}

impl Filter {
    /// Whether nothing is set. Whatever changes many things at once refuses such a filter; `type:*` says that everything
    /// is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks about deliveries, which not every backend knows.
    pub fn asks_about_deliveries(&self) -> bool {
        !self.states.is_empty() || self.destination.is_some() || self.class.is_some()
    }

    /// Whether the event matches all that is said about events; what is said about deliveries is not looked at.
    pub fn matches_event(&self, event: &LoggedEvent) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let same_opt = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        self.matches_type(&event.event_type)
            && same(&self.entity_type, &event.entity_type)
            && same(&self.entity_id, &event.entity_id)
            && same_opt(&self.order_key, &event.order_key)
            && same_opt(&self.correlation, &event.correlation_id)
            && same_opt(&self.causation, &event.causation_id)
            && same_opt(&self.event_key, &event.event_key)
            && self.since.is_none_or(|since| event.written_at >= since)
            && self.until.is_none_or(|until| event.written_at < until)
            && self.first.is_none_or(|first| event.log_id >= first)
            && self.last.is_none_or(|last| event.log_id <= last)
            && (self.agent.is_none() || self.agent == event.agent_id)
            && (self.command.is_none() || self.command == event.command_id)
            && self.event.as_ref().is_none_or(|wanted| wanted.matches(event.event_id))
            && self.matches_payload(event)
    }

    /// Whether one of the globs takes the type.
    pub fn matches_type(&self, event_type: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|glob| type_matches(glob.as_str(), event_type))
    }

    /// Whether the payload is as wanted. A payload that is no JSON matches no comparison.
    pub fn matches_payload(&self, event: &LoggedEvent) -> bool {
        self.payload_matches(&event.payload, event.metadata.as_deref())
    }

    /// The same for the texts of a payload and its metadata.
    pub(crate) fn payload_matches(&self, payload: &str, metadata: Option<&str>) -> bool {
        if self.payload.is_empty() {
            return true;
        }
        // Most payloads that do not match are told without parsing them.
        if !self.payload.iter().all(|comparison| comparison.may_hold(payload, metadata)) {
            return false;
        }
        let Ok(payload) = serde_json::from_str(payload) else { return false };
        let metadata = metadata.and_then(|text| serde_json::from_str(text).ok());
        let metadata = metadata.unwrap_or(serde_json::Value::Null);
        self.payload.iter().all(|comparison| comparison.holds(&payload, &metadata))
    }

    /// The same filter without one of the things it says; `None` if it does not say it. For finding out which of them
    /// leaves nothing.
    #[must_use]
    pub fn without(&self, key: &str) -> Option<Self> {
        let mut less = self.clone();
        match key {
            "type" => less.types.clear(),
            "entity" | "entity_type" | "entity_id" => (less.entity_type, less.entity_id) = (None, None),
            "key" => less.order_key = None,
            "since" => less.since = None,
            "until" => less.until = None,
            "seq" => (less.first, less.last) = (None, None),
            "state" => less.states.clear(),
            "destination" => less.destination = None,
            "class" => less.class = None,
            "agent" => less.agent = None,
            "correlation" => less.correlation = None,
            "causation" => less.causation = None,
            "command" => less.command = None,
            "event" => less.event = None,
            "event_key" => less.event_key = None,
            "where" => less.payload.clear(),
            _ => return None,
        }
        (less != *self).then_some(less)
    }
}

#[cfg(test)]
mod tests;
