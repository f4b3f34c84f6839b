use serde::Serialize;
use serde_json::{Map, Value};
use stateset_inspect::answer::EventRow;
use stateset_inspect::{Fault, Filter, Kind, Page};

use super::timeline::entity;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

/// Most pages of 1,000 events that are read of one entity.
const PAGES: usize = 100;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Such as order/ORD-1; or the type, and the id behind it
    #[arg(value_name = "TYPE/ID")]
    entity: String,
    /// The id, if the first word is only the type
    id: Option<String>,
    /// As of this time; otherwise now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// And what changed since this time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// An entity as its events say: each payload is merged over the ones before it, member by member (RFC 7396).
#[derive(Debug, Default, Serialize)]
struct State {
    entity_type: String,
    entity_id: String,
    /// Number of its events.
    version: u64,
    last_event_type: Option<String>,
    last_event_id: Option<String>,
    last_event_at: Option<String>,
    data: Map<String, Value>,
    /// Members that differ from the earlier time: before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<Changed>,
}

#[derive(Debug, Serialize)]
struct Changed {
    member: String,
    before: Value,
    after: Value,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let (entity_type, entity_id) = entity(&self.entity, self.id.as_deref())?;
        let mut state = State { entity_type, entity_id, ..State::default() };
        let mut filter = Filter::default();
        let wrong = |error: stateset_inspect::FilterError| Fault::usage(error.to_string(), "such as 2026-02-01T10:00:00Z, or 3h");
        filter.set("entity_type", &state.entity_type, context.now).map_err(wrong)?;
        filter.set("entity_id", &state.entity_id, context.now).map_err(wrong)?;
        if let Some(at) = &self.at {
            filter.set("until", at, context.now).map_err(wrong)?;
        }
        let since = self.since.as_deref().map(|text| stateset_outbox::filter::parse_time(text, context.now)).transpose();
        let since = since.map_err(|why| Fault::usage(why, "such as 3h"))?;
        let inspect = context.inspect().await?;
        let mut before: Option<Map<String, Value>> = None;
        let mut page = Page { limit: 1_000, newest_first: false, payload: true, cursor: None };
        for _ in 0..PAGES {
            let list = inspect.list(&filter, &page).await?;
            for event in &list.events {
                let recorded = event.recorded_at.as_deref().unwrap_or(&event.created_at);
                let recorded = stateset_outbox::filter::parse_time(recorded, context.now).unwrap_or(i64::MAX);
                if since.is_some_and(|since| recorded >= since) && before.is_none() {
                    before = Some(state.data.clone());
                }
                state.add(event);
            }
            page.cursor = list.next_cursor;
            if page.cursor.is_none() {
                break;
            }
        }
        if state.version == 0 {
            let message = format!("{}/{} has no events at that time", state.entity_type, state.entity_id);
            let fix = "`stateset-events timeline` shows when its events were";
            return Err(Fault::new(Kind::NotFound, "ENTITY_NOT_FOUND", message, fix).into());
        }
        if page.cursor.is_some() {
            return Err(Fault::new(Kind::Unsupported, "TOO_MANY_EVENTS", "the entity has more than 100,000 events", "").into());
        }
        if since.is_some() {
            state.changed = differences(before.as_ref().unwrap_or(&state.data), &state.data);
        }
        context.output.print(&state, sheet)?;
        Ok(Done::Well)
    }
}

impl State {
    fn add(&mut self, event: &EventRow) {
        self.version += 1;
        self.last_event_type = Some(event.event_type.clone());
        self.last_event_id = Some(event.event_id.clone());
        self.last_event_at = Some(event.created_at.clone());
        let payload = event.payload.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok());
        if let Some(Value::Object(payload)) = payload {
            merge(&mut self.data, payload);
        }
    }
}

/// RFC 7396: null removes, an object is merged, anything else replaces.
fn merge(data: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (member, value) in patch {
        match (data.get_mut(&member), value) {
            (_, Value::Null) => {
                data.remove(&member);
            },
            (Some(Value::Object(inner)), Value::Object(patch)) => merge(inner, patch),
            (_, value) => {
                data.insert(member, value);
            },
        }
    }
}

fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Changed> {
    let members: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |data: &Map<String, Value>, member: &str| data.get(member).cloned().unwrap_or_default();
    let pairs = members.into_iter().map(|member| (member, of(before, member), of(after, member)));
    pairs
        .filter(|(_, before, after)| before != after)
        .map(|(member, before, after)| Changed { member: member.clone(), before, after })
        .collect()
}

fn sheet(state: &State) -> Sheet {
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut sheet = Sheet::new(&["member", "value"]).head(format!(
        "{}/{} version {}, after {} at {}",
        state.entity_type,
        state.entity_id,
        state.version,
        word(&state.last_event_type),
        word(&state.last_event_at)
    ));
    for (member, value) in &state.data {
        sheet = sheet.row([member.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]);
    }
    for one in &state.changed {
        sheet = sheet.foot(format!("{}: {} → {}", one.member, one.before, one.after));
    }
    sheet
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// H05
    #[test]
    fn payloads_are_merged_in_order() {
        let mut data = Map::new();
        for patch in [json!({"a": 1, "b": {"x": 1, "y": 2}}), json!({"b": {"x": null, "z": 3}, "c": [1]}), json!({"a": null})] {
            let Value::Object(patch) = patch else { panic!("an object") };
            merge(&mut data, patch);
        }
        assert_eq!(Value::Object(data.clone()), json!({"b": {"y": 2, "z": 3}, "c": [1]}));
        let changed = differences(&Map::new(), &data);
        assert_eq!(changed.iter().map(|one| one.member.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }
}
