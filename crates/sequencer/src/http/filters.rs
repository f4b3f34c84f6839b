//! The query of the routes that list events: which stream, which events, from where, how many.

use std::collections::BTreeMap;

use serde::Deserialize;
use stateset_api::code::Code;
use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::id::{AgentId, MAX_SEQUENCE, Micros, Scope, Sequence};
use stateset_ledger::json::members::near_miss;
use stateset_ledger::limits;
use stateset_store::read::{EventFilter, PAGE_EVENTS};
use uuid::Uuid;

use super::parameters::{parse_optional, scope};
use super::problem::{ApiError, ApiResult};

const DEFAULT_LIMIT: u32 = 100;

/// Parameters as received. An empty one counts as absent.
#[derive(Debug, Default, Deserialize)]
pub struct EventParameters {
    #[serde(alias = "tenantId")]
    tenant_id: Option<String>,
    #[serde(alias = "storeId")]
    store_id: Option<String>,
    from: Option<String>,
    upto: Option<String>,
    order: Option<String>,
    limit: Option<String>,
    entity_type: Option<String>,
    entity_id: Option<String>,
    event_type: Option<String>,
    since: Option<String>,
    until: Option<String>,
    agent_id: Option<String>,
    correlation_id: Option<String>,
    order_key: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

const NAMES: [&str; 14] = [
    "tenant_id",
    "store_id",
    "from",
    "upto",
    "order",
    "limit",
    "entity_type",
    "entity_id",
    "event_type",
    "since",
    "until",
    "agent_id",
    "correlation_id",
    "order_key",
];

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Oldest,
    Newest,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Tenant and store.
    pub scope: Scope,
    /// First place that may appear.
    pub from: Sequence,
    /// Last place that may appear; `None`: the head.
    pub upto: Option<Sequence>,
    /// From the end downwards; `None` if the request does not say.
    order: Option<Order>,
    /// Most events; `None` if the request does not say.
    limit: Option<u32>,
    /// Which events.
    pub filter: EventFilter,
}

impl Asked {
    /// Most events of a page.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Whether the newest come first.
    pub fn newest_first(&self) -> bool {
        self.order == Some(Order::Newest)
    }

    /// Refuses what ends a page where there are no pages.
    pub fn no_end(&self) -> ApiResult<()> {
        let ends = [("limit", self.limit.is_some()), ("upto", self.upto.is_some()), ("order", self.order.is_some())];
        match ends.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((name, _)) => Err(fault(name, "does not apply to a stream, which goes on until one side closes it")),
        }
    }

    /// Restricts the filter to the entity a path names.
    pub fn of_entity(mut self, entity_type: &str, entity_id: &str) -> ApiResult<Self> {
        for (name, given) in [("entity_type", &self.filter.entity_type), ("entity_id", &self.filter.entity_id)] {
            if given.is_some() {
                return Err(fault(name, "is named by the path"));
            }
        }
        self.filter.entity_type = text("entity_type", Some(entity_type.to_owned()), limits::ENTITY_TYPE_BYTES)?;
        self.filter.entity_id = text("entity_id", Some(entity_id.to_owned()), limits::ENTITY_ID_BYTES)?;
        Ok(self)
    }
}

impl EventParameters {
    /// Reads all parameters; the first one at fault is named.
    pub fn read(self) -> ApiResult<Asked> {
        for name in self.others.keys() {
            // A misspelt filter would silently admit every event.
            if let Some(meant) = near_miss(name, &NAMES) {
                return Err(fault(name, format!("is not known; {meant} was probably meant")));
            }
        }
        Ok(Asked {
            scope: scope(self.tenant_id.as_deref(), self.store_id.as_deref())?,
            from: place("from", self.from.as_deref())?.unwrap_or(Sequence::FIRST),
            upto: place("upto", self.upto.as_deref())?,
            order: order(self.order.as_deref())?,
            limit: limit(self.limit.as_deref())?,
            filter: EventFilter {
                entity_type: text("entity_type", self.entity_type, limits::ENTITY_TYPE_BYTES)?,
                entity_id: text("entity_id", self.entity_id, limits::ENTITY_ID_BYTES)?,
                event_type: text("event_type", self.event_type, limits::EVENT_TYPE_BYTES)?,
                agent: parse_optional::<Uuid>("agent_id", self.agent_id.as_deref(), "a UUID")?.map(AgentId),
                correlation_id: text("correlation_id", self.correlation_id, limits::REFERENCE_BYTES)?,
                order_key: text("order_key", self.order_key, limits::REFERENCE_BYTES)?,
                since: instant("since", self.since.as_deref())?,
                until: instant("until", self.until.as_deref())?,
            },
        })
    }
}

fn fault(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::fault(Code::InvalidParameter, name, message)
}

/// 0 means 1, because published clients start there.
fn place(name: &str, text: Option<&str>) -> ApiResult<Option<Sequence>> {
    let expected = "a sequence number, which is a whole number from 0";
    let Some(number) = parse_optional::<u64>(name, text, expected)? else { return Ok(None) };
    let too_large = |_| fault(name, format!("is above {MAX_SEQUENCE}, the last sequence there can be"));
    Sequence::new(number.max(1)).map(Some).map_err(too_large)
}

fn order(text: Option<&str>) -> ApiResult<Option<Order>> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some("oldest") => Ok(Some(Order::Oldest)),
        Some("newest") => Ok(Some(Order::Newest)),
        Some(other) => Err(fault("order", format!("is {other:.40?}; it must be oldest or newest"))),
    }
}

fn limit(text: Option<&str>) -> ApiResult<Option<u32>> {
    let expected = format!("a whole number from 1 to {PAGE_EVENTS}");
    match parse_optional::<u32>("limit", text, &expected)? {
        Some(limit) if !(1..=PAGE_EVENTS).contains(&limit) => {
            Err(fault("limit", format!("is {limit}; it must be {expected}")))
        },
        limit => Ok(limit),
    }
}

/// Text that no event could hold is a mistake of the caller, and some of it no database would take.
fn text(name: &str, value: Option<String>, max: usize) -> ApiResult<Option<String>> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    if value.len() > max {
        return Err(fault(name, format!("has {} bytes; events have {max} at most", value.len())));
    }
    if value.contains('\0') {
        return Err(fault(name, "must not contain U+0000"));
    }
    Ok(Some(value))
}

/// RFC 3339 or microseconds since 1970. A `+` that was not escaped arrives as a space.
fn instant(name: &str, text: Option<&str>) -> ApiResult<Option<Micros>> {
    const OFFSET_CHARS: usize = "+00:00".len();
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    if let Ok(micros) = text.parse() {
        return Ok(Some(Micros(micros)));
    }
    let mut escaped = text.to_owned();
    if let Some((date_time, offset)) = text.rsplit_once(' ')
        && date_time.contains(':')
        && offset.len() + 1 == OFFSET_CHARS
    {
        escaped = format!("{date_time}+{offset}");
    }
    parse_rfc3339(&escaped).map(Some).map_err(|_| {
        fault(
            name,
            format!("{text:.80?} is neither RFC 3339, such as 2026-01-02T03:04:05Z, nor microseconds since 1970"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::instant;
    use stateset_ledger::id::Micros;

    #[test]
    fn instants_in_queries() {
        let at = Some(Micros(1_767_323_045_000_000));
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T03:04:05 00:00",
            "2026-01-02 03:04:05Z",
            "2026-01-02T05:04:05 02:00",
            "1767323045000000",
        ] {
            assert_eq!(instant("since", Some(text)).ok().flatten(), at, "{text}");
        }
        for text in ["2026-01-02", "yesterday", "1767323045.0", "2026-01-02T03:04:05"] {
            assert!(instant("since", Some(text)).is_err(), "{text}");
        }
        assert_eq!(instant("since", Some("")).ok().flatten(), None);
    }
}
