//! The event browser: filters that live in the address, the newest first, new ones as they come.

use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use stateset_api::event::{Envelope, EventPage};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::InStream;
use crate::api::Fault;
use crate::parts::commands::{commands, shell, tool};
use crate::parts::{empty, event_list, now};
use crate::place::{Place, Scope, query};
use crate::text;
use crate::web::{Visitor, refusal};

/// Filters under the names of the API, with what they are called and an example.
pub const FILTERS: &[(&str, &str, &str)] = &[
    ("event_type", "Type", "order.*"),
    ("entity_type", "Entity type", "order"),
    ("entity_id", "Entity id", "ORD-1001"),
    ("since", "Since", "10m, 3d or a time"),
    ("until", "Until", "a time"),
    ("order_key", "Order key", ""),
    ("correlation_id", "Correlation", ""),
    ("agent_id", "Agent", ""),
];
const PAGE: u64 = 50;

/// `GET /stream/<tenant>/<store>/events`.
pub async fn page(request: InStream) -> Response {
    let body = read(&request).await.map(|found| view(&request, &found));
    request.visitor.page("Events", body)
}

/// `GET /stream/<tenant>/<store>/live`: the API's own stream of events, with the session instead of a key.
pub async fn live(request: InStream, headers: HeaderMap) -> Response {
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let filters = api_filters(&request, now());
    let from = request.parameter("from").unwrap_or("1");
    let path = format!("/api/v1/events/stream?{}&{}", request.scope.query(), query(&with(&filters, "from", from)));
    match request.visitor.api.stream(&path, after).await {
        Ok(events) => events,
        Err(fault) => refusal(fault.status, &fault.detail),
    }
}

struct Found {
    page: EventPage<Envelope>,
    /// Whether the newest come first, which is so without filters.
    newest_first: bool,
    first: u64,
}

async fn read(request: &InStream) -> Result<Found, Fault> {
    let filters = api_filters(request, now());
    let newest_first = filters.is_empty();
    let asked = request.parameter("from").and_then(|from| from.parse::<u64>().ok());
    let first = match asked {
        Some(from) => from.max(1),
        None if newest_first => newest(request).await?.saturating_sub(PAGE - 1).max(1),
        None => 1,
    };
    let (from, limit) = (first.to_string(), PAGE.to_string());
    let pairs = with(&filters, "from", &from);
    let path = format!("/api/v1/ves/events?{}&{}&limit={limit}", request.scope.query(), query(&pairs));
    let mut page: EventPage<Envelope> = request.visitor.api.json(&path).await?;
    if newest_first {
        page.events.reverse();
    }
    Ok(Found { page, newest_first, first })
}

async fn newest(request: &InStream) -> Result<u64, Fault> {
    #[derive(serde::Deserialize)]
    struct Size {
        size: u64,
    }
    Ok(request.visitor.api.json::<Size>(&format!("/api/v1/head?{}", request.scope.query())).await?.size)
}

/// The filters of the address as the API wants them: `since=10m` becomes a time.
fn api_filters(request: &InStream, now: OffsetDateTime) -> Vec<(&'static str, String)> {
    let filter = |(name, ..): &(&'static str, &str, &str)| {
        let value = request.parameter(name)?.trim();
        let value = if matches!(*name, "since" | "until") { absolute(value, now) } else { value.to_owned() };
        Some((*name, value))
    };
    FILTERS.iter().filter_map(filter).collect()
}

/// A length of time before now (`90s`, `10m`, `2h`, `3d`) as a time; anything else as it is.
fn absolute(text: &str, now: OffsetDateTime) -> String {
    let Some((number, unit)) = text.char_indices().next_back().and_then(|(at, unit)| Some((text.get(..at)?, unit)))
    else {
        return text.to_owned();
    };
    let length = number.parse::<u32>().ok().map(i64::from).and_then(|number| match unit {
        's' => Some(Duration::seconds(number)),
        'm' => Some(Duration::minutes(number)),
        'h' => Some(Duration::hours(number)),
        'd' => Some(Duration::days(number)),
        _ => None,
    });
    let moment = length.and_then(|length| now.checked_sub(length)).and_then(|at| at.format(&Rfc3339).ok());
    moment.unwrap_or_else(|| text.to_owned())
}

fn with<'a>(filters: &'a [(&'static str, String)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    filters.iter().map(|(name, value)| (*name, value.as_str())).chain([(name, value)]).collect()
}

fn view(request: &InStream, found: &Found) -> Markup {
    let InStream { visitor, scope, .. } = request;
    let (place, page) = (&visitor.place, &found.page);
    let set: Vec<(&'static str, String)> =
        FILTERS.iter().filter_map(|(name, ..)| Some((*name, request.parameter(name)?.to_owned()))).collect();
    html! {
        (filter_form(request, place))
        p.summary role="status" {
            @if set.is_empty() {
                b { (text::grouped(page.head_sequence)) } " events in the stream, newest first"
            } @else {
                b { (text::counted(page.total, page.total_exact)) }
                " of " (text::grouped(page.head_sequence)) " events pass the filters, oldest first. "
                a href=(place.inside("/events")) { "Clear the filters" }
            }
        }
        @if page.events.is_empty() {
            (nothing(place, &set, page))
        } @else {
            div data-live=[live_path(place, &set, page)] data-base=(place.inside("")) { (event_list::table(place, &page.events, now())) }
        }
        (pager(place, &set, found))
        (commands(visitor, &api_path(*scope, &set), Some(&tool_command(visitor, &set))))
    }
}

fn filter_form(request: &InStream, place: &Place) -> Markup {
    html! {
        form.filters method="get" action=(place.inside("/events")) role="search" aria-label="Filter events" {
            @for (name, label, example) in FILTERS {
                label { (label)
                    input name=(name) value=[request.parameter(name)] placeholder=(example) spellcheck="false" autocomplete="off";
                }
            }
            button type="submit" { "Filter" }
        }
    }
}

/// Why the list is empty, and which filter to blame.
fn nothing(place: &Place, set: &[(&'static str, String)], page: &EventPage<Envelope>) -> Markup {
    let without = |name: &str| {
        let rest: Vec<(&str, &str)> =
            set.iter().filter(|(known, _)| *known != name).map(|(name, value)| (*name, value.as_str())).collect();
        place.inside(&format!("/events?{}", query(&rest)))
    };
    let on = page.has_more.then(|| from(place, set, page.next_sequence));
    empty(
        "No event",
        &html! {
            @if page.head_sequence == 0 { p { "The stream is empty: nothing has been pushed to it yet." } }
            @else if set.is_empty() { p { "There is nothing from this place on." } }
            @else if let Some(on) = on { p { "None of those that were looked at passes all filters. " a href=(on) { "Look further" } } }
            @else { p { "The stream has events, but none passes all filters from here on." } }
            @if let Some(diagnostics) = &page.diagnostics {
                ul {
                    @for one in &diagnostics.without {
                        li { a href=(without(&one.filter)) { "Without " (one.filter) } ": "
                            (text::counted(one.total, one.total_exact)) " events" }
                    }
                }
                @if let Some(near) = &diagnostics.nearest_event_type {
                    p { "Did you mean " a href=(place.events_with("event_type", near)) { (near) } "?" }
                }
            }
        },
    )
}

/// The list from a place on.
fn from(place: &Place, set: &[(&'static str, String)], from: u64) -> String {
    place.inside(&format!("/events?{}", query(&with(set, "from", &from.to_string()))))
}

fn pager(place: &Place, set: &[(&'static str, String)], found: &Found) -> Markup {
    let (page, first) = (&found.page, found.first);
    let to = |first: u64| from(place, set, first);
    let (newer, older) = if found.newest_first {
        (
            (first + PAGE <= page.head_sequence).then(|| to(first + PAGE)),
            (first > 1).then(|| to(first.saturating_sub(PAGE).max(1))),
        )
    } else {
        (page.has_more.then(|| to(page.next_sequence)), None)
    };
    html! {
        nav.pager aria-label="More events" {
            @if let Some(newer) = newer { a href=(newer) rel="prev" { "Newer" } }
            @if let Some(older) = older { a href=(older) rel="next" { "Older" } }
        }
    }
}

/// Where the script listens for what comes after this page; nowhere, if the page is not the last one.
fn live_path(place: &Place, set: &[(&'static str, String)], page: &EventPage<Envelope>) -> Option<String> {
    let at_end = !page.has_more && set.iter().all(|(name, _)| *name != "until");
    let next = page.head_sequence.saturating_add(1).to_string();
    at_end.then(|| place.inside(&format!("/live?{}", query(&with(set, "from", &next)))))
}

fn api_path(scope: Scope, set: &[(&'static str, String)]) -> String {
    let pairs: Vec<(&str, &str)> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let filters = query(&pairs);
    let filters = if filters.is_empty() { filters } else { format!("&{filters}") };
    format!("/api/v1/ves/events?{}{filters}", scope.query())
}

fn tool_command(visitor: &Visitor, set: &[(&'static str, String)]) -> String {
    let mut command = tool(visitor, "list");
    for (name, value) in set {
        let flag = match *name {
            "event_type" => "type",
            "agent_id" => "agent",
            "correlation_id" => "correlation",
            "entity_type" => "entity-type",
            "entity_id" => "entity-id",
            "order_key" => "order-key",
            other => other,
        };
        command.push_str(&format!(" --{flag}={}", shell(value)));
    }
    command
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::absolute;

    #[test]
    fn lengths_of_time_are_counted_back_from_now() {
        let now = OffsetDateTime::from_unix_timestamp(1_767_225_600).unwrap();
        assert_eq!(absolute("10m", now), "2025-12-31T23:50:00Z");
        assert_eq!(absolute("3d", now), "2025-12-29T00:00:00Z");
        for other in ["", "m", "10", "10y", "2025-01-01T00:00:00Z", "-1m", "99999999999d", "é"] {
            assert_eq!(absolute(other, now), other);
        }
    }
}
