//! Arguments that several tools share, and how all of them are read.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use stateset_inspect::{EventRef, Filter, FilterError, Page, nearest};

use crate::outcome::Failure;

/// Most entries of a page: an agent reads them all.
const MOST: u16 = 100;
const DEFAULT: u16 = 20;
/// Every state, for the word `all`.
const ALL: &str = "pending,held,in_flight,retry_wait,delivered,acknowledged,dead,rejected,discarded";

/// Which events. All that is set must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Which {
    /// Event types, separated by commas; * stands for any run of characters: `order.*,payment.succeeded`
    event_type: Option<String>,
    /// Entity type, such as `order`
    entity_type: Option<String>,
    /// Entity id, such as `ORD-123`
    entity_id: Option<String>,
    /// Order key: the root that events of several entities share
    order_key: Option<String>,
    /// Written at or after: how long ago (`10m`, `3h`, `7d`), or an RFC 3339 time
    since: Option<String>,
    /// Written before: as `since`
    until: Option<String>,
    /// Places in the log: `100..200`, `100..`, `7`
    sequence: Option<String>,
    /// Status or state of a delivery: `pending`, `failed`, `synced`, `acknowledged`, `dead`, …; `all` for any
    status: Option<String>,
    /// Destination of a delivery
    destination: Option<String>,
    /// Class of the last failure, such as `http_503`
    error_class: Option<String>,
    /// Agent that signs, a UUID
    agent: Option<String>,
    /// Correlation id
    correlation_id: Option<String>,
    /// Event or request that caused it
    causation_id: Option<String>,
    /// Operation that wrote it, a UUID
    command_id: Option<String>,
    /// One event: `evt_…`, a UUID, or at least 8 hexadecimal digits that begin it
    event_id: Option<String>,
    /// Token that dedupes the fact
    event_key: Option<String>,
    /// What the payload says, such as `data.amount_cents>10000`; all must hold
    #[serde(rename = "where")]
    payload: Vec<String>,
    /// More of the same in one text: `type:order.* entity:order/ORD-1 since:10m`
    filter: Option<String>,
}

impl Which {
    /// Relative times count from `now`, microseconds since 1970 UTC.
    pub(crate) fn read(&self, now: i64) -> Result<Filter, Failure> {
        let mut filter = Filter::parse(self.filter.as_deref().unwrap_or_default(), now).map_err(wrong)?;
        let status = self.status.as_deref().map(|status| if status == "all" { ALL } else { status });
        let given = [
            ("type", self.event_type.as_deref()),
            ("entity_type", self.entity_type.as_deref()),
            ("entity_id", self.entity_id.as_deref()),
            ("key", self.order_key.as_deref()),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
            ("seq", self.sequence.as_deref()),
            ("status", status),
            ("destination", self.destination.as_deref()),
            ("class", self.error_class.as_deref()),
            ("agent", self.agent.as_deref()),
            ("correlation", self.correlation_id.as_deref()),
            ("causation", self.causation_id.as_deref()),
            ("command", self.command_id.as_deref()),
            ("event", self.event_id.as_deref()),
            ("event_key", self.event_key.as_deref()),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                filter.set(key, value, now).map_err(wrong)?;
            }
        }
        for comparison in &self.payload {
            filter.set("where", comparison, now).map_err(wrong)?;
        }
        Ok(filter)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn wrong(error: FilterError) -> Failure {
    let fix = "the tool's input schema says what each argument takes";
    Failure { code: "INVALID_FILTER".to_owned(), ..Failure::argument(error.to_string(), fix) }
}

/// Which part of a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Part {
    /// Most entries: 1 to 100
    #[schemars(range(min = 1, max = 100))]
    limit: u16,
    /// The `next_cursor` of the page before, unchanged
    cursor: Option<String>,
}

impl Default for Part {
    fn default() -> Self {
        Self { limit: DEFAULT, cursor: None }
    }
}

impl Part {
    pub(crate) fn page(&self, newest_first: bool, payload: bool) -> Result<Page, Failure> {
        if !(1..=MOST).contains(&self.limit) {
            let message = format!("limit is 1 to {MOST}, not {}", self.limit);
            return Err(Failure::argument(message, "ask for the next page with cursor"));
        }
        Ok(Page { limit: self.limit, cursor: self.cursor.clone(), newest_first, payload })
    }
}

/// One event, as people name it.
pub(crate) fn event(text: &str) -> Result<EventRef, Failure> {
    text.trim().parse::<EventRef>().map_err(|why| {
        Failure::argument(format!("{text:.80?} names no event: {why}"), "list_events finds events and their ids")
    })
}

/// `idempotencyKey` is `idempotency_key`, and null is nothing: agents write both, and mean the same.
pub(crate) fn normal(given: Map<String, Value>, schema: &Map<String, Value>) -> Map<String, Value> {
    let known = |name: &str| schema.get("properties").is_some_and(|known| known.get(name).is_some());
    let said = given.into_iter().filter(|(_, value)| !value.is_null());
    let renamed = said.map(|(name, value)| {
        let mut snake = String::with_capacity(name.len() + 2);
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        (if known(&snake) && !known(&name) { snake } else { name }, value)
    });
    renamed.collect()
}

/// Reads the arguments of a tool whose schema is `schema`. A misspelt name is refused, never ignored.
pub(crate) fn read<T: DeserializeOwned>(given: Map<String, Value>, schema: &Map<String, Value>) -> Result<T, Failure> {
    let known = schema.get("properties").and_then(Value::as_object);
    let names = || known.into_iter().flat_map(Map::keys).map(String::as_str);
    if let Some(unknown) = given.keys().find(|name| !names().any(|known| known == *name)) {
        let near = nearest(unknown, names()).map_or(String::new(), |near| format!("did you mean {near}? "));
        let fix = format!("{near}There are: {}", names().collect::<Vec<_>>().join(", "));
        return Err(Failure::argument(format!("there is no argument {unknown:.80?}"), fix));
    }
    serde_json::from_value(Value::Object(given))
        .map_err(|error| Failure::argument(error.to_string(), "the tool's input schema says what each argument takes"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn which(arguments: Value) -> Result<Filter, Failure> {
        serde_json::from_value::<Which>(arguments).expect("arguments").read(1_767_225_600_000_000)
    }

    /// B01, K01: the arguments are the one filter grammar.
    #[test]
    fn arguments_are_the_filter() {
        let by_name = which(json!({
            "event_type": "order.*", "entity_type": "order", "entity_id": "ORD-1", "since": "10m", "sequence": "1..9",
            "status": "failed", "where": ["data.amount_cents>10000"],
        }));
        let by_text = which(json!({
            "filter": "type:order.* entity:order/ORD-1 since:10m seq:1..9 status:failed where:data.amount_cents>10000",
        }));
        assert_eq!(by_name, by_text);
        assert_eq!(which(json!({ "status": "all" })).expect("a filter").states.len(), 9);
        for bad in [json!({ "since": "yesterday" }), json!({ "status": "faild" }), json!({ "filter": "tpye:x" })] {
            assert_eq!(which(bad.clone()).expect_err("refused").code, "INVALID_FILTER", "{bad}");
        }
    }

    #[test]
    fn a_misspelt_argument_is_refused_by_name() {
        let schema = json!({ "properties": { "limit": {}, "cursor": {} } });
        let schema = schema.as_object().expect("an object");
        let given = |value: Value| value.as_object().expect("an object").clone();
        let refusal = read::<Part>(given(json!({ "limti": 3 })), schema).expect_err("refused");
        assert!(refusal.fix.starts_with("did you mean limit?"), "{refusal:?}");
        assert_eq!(read::<Part>(given(json!({ "limit": "x" })), schema).expect_err("refused").code, "INVALID_ARGUMENT");
        let part = read::<Part>(given(json!({ "limit": 101 })), schema).expect("read");
        assert_eq!(part.page(true, false).expect_err("refused").code, "INVALID_ARGUMENT");
        assert_eq!(read::<Part>(Map::new(), schema).expect("defaults").limit, DEFAULT);
        let renamed = normal(given(json!({ "Limit": 1, "other": 2, "cursor": null })), schema);
        assert_eq!(Value::Object(renamed), json!({ "Limit": 1, "other": 2 }), "only what is known after it");
        let schema = json!({ "properties": { "idempotency_key": {} } });
        let renamed = normal(given(json!({ "idempotencyKey": 1 })), schema.as_object().expect("an object"));
        assert_eq!(Value::Object(renamed), json!({ "idempotency_key": 1 }));
    }
}
