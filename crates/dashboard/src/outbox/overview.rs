//! The outbox at a glance: what waits, where, for how long, and why.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::answer::{DestinationStatus, EventList, OutboxAnswer, Stats};
use stateset_inspect::{Filter, Page};

use super::deliveries::breaker;
use super::events::rows;
use super::{Asking, word};
use crate::api::Fault;
use crate::parts::{empty, figure};
use crate::place::query;
use crate::text;

/// Events that the page shows.
const NEWEST: u16 = 10;

pub(super) async fn page(asking: Asking) -> Response {
    let body = read(&asking).await.map(|facts| view(&asking, &facts));
    asking.visitor.page("Overview", body)
}

struct Facts {
    outbox: OutboxAnswer,
    stats: Stats,
    newest: EventList,
}

async fn read(asking: &Asking) -> Result<Facts, Fault> {
    let (inspect, all) = (&asking.outbox.inspect, Filter::default());
    let page = Page { limit: 1, ..Page::default() };
    Ok(Facts {
        outbox: inspect.outbox(&all, &page).await?,
        stats: inspect.stats(&all).await?,
        newest: inspect.list(&all, &Page { limit: NEWEST, newest_first: true, ..Page::default() }).await?,
    })
}

fn view(asking: &Asking, facts: &Facts) -> Markup {
    let (place, counts) = (&asking.visitor.place, &facts.outbox.counts);
    let source = asking.outbox.inspect.source();
    let oldest = facts.outbox.destinations.iter().filter_map(|one| one.oldest_pending_ms).max();
    let dead: u64 = facts.outbox.destinations.iter().map(|one| one.dead_letters).sum();
    html! {
        p.lead { "Outbox in " code { (source.place) } ". "
            @if asking.outbox.may_change { "Changes can be made from here; each is shown first, and kept in the audit." }
            @else { "Nothing can be changed from here: start the dashboard with " code { "--allow-changes" } " to change something." } }
        dl.figures {
            (figure("Events", &text::grouped(facts.stats.total), &html! { @if let Some(last) = &facts.stats.last_at { "the last " (ago(last)) } @else { "none yet" } }))
            (figure("Waiting", &count(counts.pending, counts.pending_capped), &html! { a href=(place.at("/deliveries")) { "deliveries" } " have not arrived yet" }))
            (figure("Oldest waiting", &oldest.map_or_else(|| "none".to_owned(), millis), &html! { a href=(place.at("/deliveries?q=state%3Aretry_wait")) { (text::grouped(counts.failed_will_retry)) } " failed and will be tried again" }))
            (figure("Dead letters", &text::grouped(dead), &html! { @if dead > 0 { a href=(place.at("/dead-letters")) { "Look why" } ": somebody has to decide" } @else { "nothing was given up" } }))
        }
        section {
            h2 { "Destinations" }
            @if facts.outbox.destinations.is_empty() {
                (empty("No destination", &html! { p { "Events are written and go nowhere yet. Name a route: " code { "stateset-events routes apply routes.toml" } } }))
            } @else { (destinations(asking, &facts.outbox.destinations)) }
        }
        section {
            h2 { "Newest events" }
            (rows(asking, &facts.newest.events))
            p { a href=(place.at("/events")) { "All events" } }
        }
        (asking.command("stats"))
    }
}

fn destinations(asking: &Asking, all: &[DestinationStatus]) -> Markup {
    let to = |path: &str, name: &str, more: &str| {
        let filter = format!("{}{more}", word("destination", name));
        asking.visitor.place.at(&format!("{path}?{}", query(&[("q", filter.as_str())])))
    };
    html! {
        table {
            thead { tr { th { "Destination" } th { "Breaker" } th { "Deliveries by state" } th { "Oldest waiting" } th.number { "Parked lanes" } th.number { "Dead letters" } th.number { "Passed in 24 h" } th { "Workers" } } }
            tbody {
                @for one in all {
                    @let name = one.destination.as_str();
                    tr {
                        td.short data-label="Destination" { a href=(asking.visitor.place.at(&format!("/destinations/{}", crate::place::segment(name)))) { (crate::parts::name(name)) } @if one.kind != name { " " span.note { (one.kind) } } }
                        td data-label="Breaker" { (breaker(&one.breaker)) }
                        td.states data-label="By state" { @for (state, number) in &one.states {
                            a class=(super::deliveries::tone(state).class()) href=(to("/deliveries", name, &format!(" state:{state}"))) { (state) " " b { (text::grouped(*number)) } } " "
                        } }
                        td data-label="Oldest waiting" { @if let Some(age) = one.oldest_pending_ms { (millis(age)) } }
                        td.number data-label="Parked lanes" { @if one.parked_lanes > 0 { (text::grouped(one.parked_lanes)) } }
                        td.number data-label="Dead letters" { @if one.dead_letters > 0 { a href=(to("/dead-letters", name, "")) { (text::grouped(one.dead_letters)) } } }
                        td.number data-label="Passed, 24 h" { (text::grouped(one.passed_last_day)) }
                        td.short data-label="Workers" { @if one.workers.is_empty() { span.note { "none alive" } } @else { (crate::parts::name(&one.workers.join(", "))) } }
                    }
                }
            }
        }
    }
}

fn count(number: u64, capped: bool) -> String {
    format!("{}{}", if capped { "> " } else { "" }, text::grouped(number))
}

/// How long ago, going on as the page is looked at.
fn ago(rfc3339: &str) -> Markup {
    html! { @if let Some(at) = text::moment(rfc3339) { span.ago data-since=(at.unix_timestamp()) { (text::ago(at, crate::parts::now())) } } }
}

pub(super) fn millis(length: u64) -> String {
    text::duration(std::time::Duration::from_millis(length))
}
