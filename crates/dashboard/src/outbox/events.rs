//! Events of the outbox: the list, one of them with every delivery and try, and histories.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::answer::{Attempt, Delivery, Detail, Diagnostics, EventList, EventRow, Explanation, Timeline};
use stateset_inspect::{EventRef, Kind, Page, Subject, TimelineOf};

use super::deliveries::state;
use super::{Asking, word};
use crate::api::Fault;
use crate::parts::{block, empty, facts, hash, json, name, now, time};
use crate::place::query;
use crate::text;

const EXAMPLE: &str = "type:order.* since:1h";
/// Events of a history whose payloads are open at once.
const FEW: usize = 6;
/// Characters of a payload that a page shows.
const PAYLOAD: usize = 64 * 1024;

pub(super) async fn list(asking: Asking) -> Response {
    let body = async {
        let filter = asking.filter()?;
        let found = asking.outbox.inspect.list(&filter, &asking.page()).await?;
        Ok(view(&asking, &found))
    };
    let body = body.await;
    asking.listed("Events", "/events", EXAMPLE, body)
}

fn view(asking: &Asking, found: &EventList) -> Markup {
    html! {
        (asking.search("/events", EXAMPLE))
        p.summary role="status" { b { (text::counted(found.total, found.total_exact)) } " events, newest first"
            @if found.partial { ". " @match found.looked_at { Some(count) => { "Looked at " (text::grouped(count)) " events" }, None => "Looked at a part of the log" } " so far: the next page goes on, or narrow the filter by type or time" } }
        @if found.events.is_empty() { (nothing(asking, "/events", found.diagnostics.as_ref())) } @else {
            div data-live=[live_path(asking)] data-kind="outbox" data-base=(asking.visitor.place.base) { (rows(asking, &found.events)) }
        }
        (asking.next(found.next_cursor.as_ref()))
        (asking.command(&format!("list {}", asking.filter_word())))
    }
}

/// Where the script listens for new events; nowhere, if the page does not begin with the newest.
fn live_path(asking: &Asking) -> Option<String> {
    let newest = asking.parameter("cursor").is_empty()
        && asking.filter().is_ok_and(|filter| !filter.asks_about_deliveries() && filter.until.is_none());
    newest.then(|| asking.visitor.place.at(&format!("/live?{}", query(&[("q", asking.parameter("q"))]))))
}

/// Why a list is empty, and which word of the filter to blame.
pub(super) fn nothing(asking: &Asking, path: &str, diagnostics: Option<&Diagnostics>) -> Markup {
    let to = |q: &str| asking.visitor.place.at(&format!("{path}?{}", query(&[("q", q)])));
    empty(
        "Nothing passes the filter",
        &html! {
            @match diagnostics {
                None => p { "There is nothing of this kind, or it is finished: finished deliveries are not kept one by one." },
                Some(diagnostics) => {
                    @if diagnostics.unfiltered == 0 { p { "The log is empty: no event has been written to this tenant and store yet." } }
                    @else { p { (text::grouped(diagnostics.unfiltered)) " events are there without a filter." } }
                    ul { @for one in &diagnostics.without { li { "Without " code { (one.filter) } ": " (text::grouped(one.total)) } } }
                    @if !diagnostics.nearest_event_types.is_empty() {
                        p { "Did you mean " @for (at, near) in diagnostics.nearest_event_types.iter().enumerate() { @if at > 0 { ", " } a href=(to(&format!("type:{near}"))) { (near) } } "?" }
                    }
                    @if let Some(near) = &diagnostics.nearest_destination { p { "The destination may be " a href=(to(&word("destination", near))) { (near) } "." } }
                },
            }
        },
    )
}

/// A table of events.
pub(super) fn rows(asking: &Asking, events: &[EventRow]) -> Markup {
    let (place, now) = (&asking.visitor.place, now());
    let with = |word: String| place.at(&format!("/events?{}", query(&[("q", word.as_str())])));
    html! {
        table.events {
            thead { tr { th { "Type" } th { "Entity" } th { "Order key" } th { "Made" } th.number { "Place" } th { "Event" } } }
            tbody {
                @for event in events {
                    tr {
                        td.short data-label="Type" { a.type href=(with(format!("type:{}", event.event_type))) { (name(&event.event_type)) } }
                        td data-label="Entity" { a href=(place.at(&format!("/timeline?{}", query(&[("entity_type", &event.entity_type), ("entity_id", &event.entity_id)])))) { (name(&event.entity_type)) " " b { (name(&event.entity_id)) } } }
                        td.short data-label="Order key" { @if let Some(key) = &event.order_key { (name(key)) } }
                        td data-label="Made" { (time(&event.created_at, now)) }
                        td.number data-label="Place" title="Place in its stream at the sequencer" { @if let Some(place) = event.sequence_number { (text::grouped(place)) } }
                        td data-label="Event" { a href=(asking.event(&event.event_id)) { code.id { (event.event_id) } } }
                    }
                }
            }
        }
    }
}

pub(super) async fn one(asking: Asking) -> Response {
    let found = read(&asking).await;
    let title = found.as_ref().map_or_else(
        |_| "Event".to_owned(),
        |(detail, _)| format!("{} of {} {}", detail.event.event_type, detail.event.entity_type, detail.event.entity_id),
    );
    let body = found.map(|(detail, why)| detail_view(&asking, &detail, why.as_ref()));
    asking.visitor.page(&title, body)
}

async fn read(asking: &Asking) -> Result<(Detail, Option<Explanation>), Fault> {
    let event: EventRef = asking.rest.parse().map_err(|why: String| {
        Fault::new(axum::http::StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", why, "Look at the address.")
    })?;
    let detail = asking.outbox.inspect.event(&event, true).await?;
    let why = explained(asking, &Subject::Event(event)).await?;
    Ok((detail, why))
}

/// Why it is so, if the source can tell.
pub(super) async fn explained(asking: &Asking, subject: &Subject) -> Result<Option<Explanation>, Fault> {
    match asking.outbox.inspect.explain(subject).await {
        Ok(why) => Ok(Some(why)),
        Err(fault) if fault.kind == Kind::Unsupported => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

fn detail_view(asking: &Asking, detail: &Detail, why: Option<&Explanation>) -> Markup {
    let (event, now) = (&detail.event, now());
    let or_none = |text: &Option<String>| html! { @match text { Some(text) => (name(text)), None => "–" } };
    html! {
        @if let Some(why) = why { (explanation(why)) }
        section { h2 { "Deliveries" }
            @if detail.deliveries.is_empty() { (empty("No delivery", &html! { p { "No route takes this event, or its deliveries are finished and tidied away." } })) }
            @else { (deliveries(asking, &detail.deliveries)) }
        }
        div.columns {
            section { h2 { "Facts" } (facts(&[
                ("Type", html! { a.type href=(asking.visitor.place.at(&format!("/catalogue?{}", query(&[("type", &event.event_type)])))) { (name(&event.event_type)) } }),
                ("About", html! { a href=(asking.visitor.place.at(&format!("/timeline?{}", query(&[("entity_type", &event.entity_type), ("entity_id", &event.entity_id)])))) {
                    (name(&event.entity_type)) " " b { (name(&event.entity_id)) } } }),
                ("Event", html! { code { (event.event_id) } }),
                ("UUID", html! { code { (event.event_uuid) } }),
                ("Made", time(&event.created_at, now)),
                ("Place in the log", html! { @match event.local_sequence { Some(place) => (place), None => "–" } }),
                ("Place at the sequencer", html! { @match event.sequence_number { Some(place) => (text::grouped(place)), None => "none yet" } }),
                ("Order key", or_none(&event.order_key)),
                ("Correlation", html! { @match &event.correlation_id {
                    Some(id) => a href=(asking.visitor.place.at(&format!("/timeline?{}", query(&[("correlation", id)])))) { (name(id)) },
                    None => "–",
                } }),
                ("Command", or_none(&event.command_id)),
                ("Event key", or_none(&event.event_key)),
                ("Signature", html! { (detail.signature.explanation) @if let Some(content) = &detail.signature.content_hash { " " (hash(content)) } }),
            ])) }
            section { h2 { "Payload" }
                @match &event.payload {
                    Some(payload) => (json("payload", payload.get(), PAYLOAD, "The command below prints all of it.")),
                    None => (empty("No payload", &html! { p { "It was archived or erased." } })),
                }
            }
        }
        (asking.command(&format!("inspect {} --include-payload --attempts", event.event_id)))
    }
}

/// Why it is where it is, in the words of `explain`.
pub(super) fn explanation(why: &Explanation) -> Markup {
    html! {
        section.explanation {
            p { b { (name(&why.summary)) } }
            @if !why.reasons.is_empty() { ul { @for reason in &why.reasons { li { (name(reason)) } } } }
            @if let Some(next) = &why.next { p { "Next: " (next) } }
            @for command in &why.commands {
                div.command { (block("command", command)) button.copy type="button" data-copy=(command) { "Copy" } }
            }
        }
    }
}

/// Where it went, a line each; then the tries of those that had any trouble.
fn deliveries(asking: &Asking, all: &[Delivery]) -> Markup {
    let now = now();
    let to = |name: &str| asking.visitor.place.at(&format!("/destinations/{}", crate::place::segment(name)));
    html! {
        table {
            thead { tr { th { "Destination" } th { "State" } th { "Delivered" } th { "Acknowledged" } th.number { "Tries" } th { "Next try" } th { "Last failure" } } }
            tbody { @for one in all { tr {
                td.short data-label="Destination" { a href=(to(&one.destination)) { (name(&one.destination)) }
                    @if let Some(job) = &one.replay_job { " " a.note href=(asking.visitor.place.at(&format!("/jobs/{}", crate::place::segment(job)))) { "replay" } } }
                td data-label="State" { (state(one)) @if let Some(reason) = &one.reason { " " span.note { (name(reason)) } } }
                td data-label="Delivered" { @if let Some(at) = &one.delivered_at { (time(at, now)) } }
                td data-label="Acknowledged" { @if let Some(at) = &one.acknowledged_at { (time(at, now)) } }
                td.number data-label="Tries" { @if one.attempts > 0 { (one.attempts) @if let Some(most) = one.max_attempts { " of " (most) } } }
                td data-label="Next try" { @if let Some(at) = &one.next_attempt_at { (time(at, now)) } }
                td data-label="Last failure" { @if let Some(error) = &one.last_error { @if let Some(class) = &one.last_class { code { (class) } " " } (name(error)) } }
            } } }
        }
        @for one in all {
            @if let Some(history) = one.history.as_deref().filter(|history| !history.is_empty()) {
                h3 { "Tries at " (name(&one.destination)) }
                (tries(history))
            }
        }
    }
}

fn tries(history: &[Attempt]) -> Markup {
    let now = now();
    html! {
        ol.timeline {
            @for attempt in history {
                li {
                    p.what { "Try " (attempt.number) ": " (attempt.outcome) @if let Some(class) = &attempt.class { " " code { (class) } } }
                    p.when { (time(&attempt.started_at, now)) ", took " (text::duration(std::time::Duration::from_micros(attempt.duration_us.unsigned_abs()))) ", by " (attempt.worker) }
                    @if let Some(error) = &attempt.error { p { (name(error)) } }
                }
            }
        }
    }
}

pub(super) async fn timeline(asking: Asking) -> Response {
    let body = async {
        let of = match (asking.parameter("correlation"), asking.parameter("entity_type"), asking.parameter("entity_id"))
        {
            ("", "", _) | ("", _, "") => return Ok(timeline_form(&asking)),
            ("", kind, id) => TimelineOf::Entity { entity_type: kind.to_owned(), entity_id: id.to_owned() },
            (correlation, ..) => TimelineOf::Correlation(correlation.to_owned()),
        };
        let page = Page { newest_first: false, payload: true, ..asking.page() };
        let found = asking.outbox.inspect.timeline(&of, &page).await?;
        Ok(timeline_view(&asking, &found))
    };
    let body = body.await;
    let title = match (asking.parameter("correlation"), asking.parameter("entity_type"), asking.parameter("entity_id"))
    {
        ("", "", _) | ("", _, "") => "Timeline".to_owned(),
        ("", kind, id) => format!("{kind} {id}"),
        (correlation, ..) => format!("Correlation {correlation}"),
    };
    asking.visitor.page(&title, body)
}

fn timeline_form(asking: &Asking) -> Markup {
    html! {
        form.inline method="get" action=(asking.visitor.place.at("/timeline")) {
            label { "Entity type" input name="entity_type" placeholder="order" spellcheck="false"; }
            label { "Entity id" input name="entity_id" placeholder="ORD-1001" spellcheck="false"; }
            button type="submit" { "Show its history" }
        }
    }
}

fn timeline_view(asking: &Asking, found: &Timeline) -> Markup {
    let now = now();
    let moments: Vec<_> = found.events.iter().map(|event| text::moment(&event.created_at)).collect();
    let pause = |at: usize| {
        let (before, here) = (moments.get(at.checked_sub(1)?).copied()??, moments.get(at).copied()??);
        std::time::Duration::try_from(here - before).ok().filter(|pause| pause.as_secs() > 0)
    };
    let few = found.events.len() <= FEW;
    html! {
        p.summary { b { (text::grouped(found.total)) } @if found.total == 1 { " event" } @else { " events" } ", the oldest first"
            @if let Some(waiting) = found.pending_deliveries { "; " (text::grouped(waiting)) " deliveries are not finished" } }
        @if found.events.is_empty() { (nothing(asking, "/events", found.diagnostics.as_ref())) (timeline_form(asking)) }
        ol.timeline {
            @for (at, event) in found.events.iter().enumerate() {
                @if let Some(pause) = pause(at) { li.pause aria-hidden="true" { (text::duration(pause)) } }
                li {
                    p.what { a.type href=(asking.event(&event.event_id)) { (name(&event.event_type)) } " " span.note { (name(&event.entity_type)) " " (name(&event.entity_id)) } }
                    p.when { (time(&event.created_at, now)) }
                    @if let Some(payload) = &event.payload { details open[few] { summary { "Payload" } (json("payload", payload.get(), 2_000, "All of it is on the event's page.")) } }
                }
            }
        }
        (asking.next(found.next_cursor.as_ref()))
    }
}
