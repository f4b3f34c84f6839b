//! The outbox at a glance: what waits, where, for how long, and why.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::answer::{DestinationStatus, EventList, EventRow, OutboxAnswer};
use stateset_inspect::{Filter, Page};

use super::Asking;
use super::deliveries::breaker;
use super::events::rows;
use crate::api::Fault;
use crate::parts::{empty, figure};
use crate::text;

/// Events that the page shows.
const NEWEST: u16 = 10;

pub(super) async fn page(asking: Asking) -> Response {
    let body = read(&asking).await.map(|facts| view(&asking, &facts));
    asking.visitor.page("Overview", body)
}

struct Facts {
    outbox: OutboxAnswer,
    newest: EventList,
}

async fn read(asking: &Asking) -> Result<Facts, Fault> {
    let (inspect, all) = (&asking.outbox.inspect, Filter::default());
    let page = Page { limit: 1, ..Page::default() };
    Ok(Facts {
        outbox: inspect.outbox(&all, &page).await?,
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
            (figure("Events", &events(&facts.newest), &html! { @if let Some(last) = facts.newest.events.first() { (last_of(last)) } }))
            (figure("Waiting", &count(counts.pending, counts.pending_capped), &html! { a href=(place.at("/deliveries")) { "deliveries" } }))
            (figure("Oldest waiting", &oldest.map_or_else(|| "none".to_owned(), millis), &html! { (counts.failed_will_retry) " failed and will be tried again" }))
            (figure("Dead letters", &text::grouped(dead), &html! { a href=(place.at("/dead-letters")) { "open ones" } }))
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
    html! {
        table {
            thead { tr { th { "Destination" } th { "Breaker" } th { "Deliveries by state" } th { "Oldest waiting" } th.number { "Parked lanes" } th.number { "Dead" } th.number { "Passed, 24 h" } th { "Workers" } } }
            tbody {
                @for one in all {
                    tr {
                        td data-label="Destination" { a href=(asking.visitor.place.at(&format!("/destinations/{}", crate::place::segment(&one.destination)))) { (one.destination) } " " span.note { (one.kind) } }
                        td data-label="Breaker" { (breaker(&one.breaker)) }
                        td data-label="By state" { @for (at, (state, number)) in one.states.iter().enumerate() { @if at > 0 { ", " } (state) " " b { (text::grouped(*number)) } } }
                        td data-label="Oldest waiting" { (one.oldest_pending_ms.map_or_else(|| "–".to_owned(), millis)) }
                        td.number data-label="Parked lanes" { (text::grouped(one.parked_lanes)) }
                        td.number data-label="Dead" { (text::grouped(one.dead_letters)) }
                        td.number data-label="Passed, 24 h" { (text::grouped(one.passed_last_day)) }
                        td data-label="Workers" { @if one.workers.is_empty() { span.note { "none alive" } } @else { (one.workers.join(", ")) } }
                    }
                }
            }
        }
    }
}

/// Counted only as far as that is quick, whatever the log's length; `stats` counts all.
fn events(newest: &EventList) -> String {
    count(newest.total, !newest.total_exact)
}

/// Where the log ends.
fn last_of(event: &EventRow) -> Markup {
    html! {
        @if let Some(place) = event.local_sequence { "the last at place " (text::grouped(place.unsigned_abs())) }
        @if let Some(at) = &event.recorded_at { ", " (text::clock(at)) }
    }
}

fn count(number: u64, capped: bool) -> String {
    format!("{}{}", if capped { "> " } else { "" }, text::grouped(number))
}

pub(super) fn millis(length: u64) -> String {
    text::duration(std::time::Duration::from_millis(length))
}
