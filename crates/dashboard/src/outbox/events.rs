//! Events of the outbox: the list, one of them with every delivery and try, and histories.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::answer::{Attempt, Delivery, Detail, Diagnostics, EventList, EventRow, Explanation, Timeline};
use stateset_inspect::{EventRef, Kind, Page, Subject, TimelineOf};

use super::Asking;
use super::deliveries::state;
use crate::api::Fault;
use crate::parts::{block, empty, facts, hash, now, time};
use crate::place::query;
use crate::text;

/// Characters of a payload that a page shows.
const PAYLOAD: usize = 64 * 1024;

pub(super) async fn list(asking: Asking) -> Response {
    let body = async {
        let filter = asking.filter()?;
        let found = asking.outbox.inspect.list(&filter, &asking.page()).await?;
        Ok(view(&asking, &found))
    };
    let body = body.await;
    asking.visitor.page("Events", body)
}

fn view(asking: &Asking, found: &EventList) -> Markup {
    html! {
        (asking.search("/events", "type:order.* since:1h"))
        p.summary role="status" { @if !found.total_exact { "more than " } b { (text::grouped(found.total)) } " events, newest first"
            @if found.partial { ". " @match found.looked_at { Some(count) => { "Looked at " (text::grouped(count)) " events" }, None => "Looked at a part of the log" } " so far: the next page goes on, or narrow the filter by type or time" } }
        @if found.events.is_empty() { (nothing(asking, "/events", found.diagnostics.as_ref())) } @else { (rows(asking, &found.events)) }
        (asking.next(found.next_cursor.as_ref()))
        (asking.command(&format!("list {}", asking.filter_word())))
    }
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
                    @if let Some(near) = &diagnostics.nearest_destination { p { "The destination may be " a href=(to(&format!("destination:{near}"))) { (near) } "." } }
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
            thead { tr { th { "Event" } th { "Type" } th { "Entity" } th { "Made" } th { "Order key" } th.number { "Place at the sequencer" } } }
            tbody {
                @for event in events {
                    tr {
                        td data-label="Event" { a href=(asking.event(&event.event_id)) { code { (event.event_id) } } }
                        td data-label="Type" { a.type href=(with(format!("type:{}", event.event_type))) { (event.event_type) } }
                        td data-label="Entity" { a href=(place.at(&format!("/timeline?{}", query(&[("entity_type", &event.entity_type), ("entity_id", &event.entity_id)])))) { (event.entity_type) " " b { (event.entity_id) } } }
                        td data-label="Made" { (time(&event.created_at, now)) }
                        td data-label="Order key" { (event.order_key.as_deref().unwrap_or("–")) }
                        td.number data-label="Place" { @match event.sequence_number { Some(place) => (text::grouped(place)), None => "–" } }
                    }
                }
            }
        }
    }
}

pub(super) async fn one(asking: Asking) -> Response {
    let body = read(&asking).await.map(|(detail, why)| detail_view(&asking, &detail, why.as_ref()));
    asking.visitor.page("Event", body)
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
    let or_none = |text: &Option<String>| html! { (text.as_deref().unwrap_or("–")) };
    html! {
        p.lead { b.type { (event.event_type) } " about " (event.entity_type) " " b { (event.entity_id) } }
        @if let Some(why) = why { (explanation(why)) }
        section { h2 { "Deliveries" }
            @if detail.deliveries.is_empty() { (empty("No delivery", &html! { p { "No route takes this event, or its deliveries are finished and tidied away." } })) }
            @for delivery in &detail.deliveries { (delivery_view(asking, delivery)) }
        }
        div.columns {
            section { h2 { "Facts" } (facts(&[
                ("Event", html! { code { (event.event_id) } }),
                ("UUID", html! { code { (event.event_uuid) } }),
                ("Made", time(&event.created_at, now)),
                ("Place in the log", html! { @match event.local_sequence { Some(place) => (place), None => "–" } }),
                ("Place at the sequencer", html! { @match event.sequence_number { Some(place) => (text::grouped(place)), None => "none yet" } }),
                ("Order key", or_none(&event.order_key)),
                ("Correlation", html! { @match &event.correlation_id {
                    Some(id) => a href=(asking.visitor.place.at(&format!("/timeline?{}", query(&[("correlation", id)])))) { (id) },
                    None => "–",
                } }),
                ("Command", or_none(&event.command_id)),
                ("Event key", or_none(&event.event_key)),
                ("Signature", html! { (detail.signature.explanation) @if let Some(content) = &detail.signature.content_hash { " " (hash(content)) } }),
            ])) }
            section { h2 { "Payload" }
                @match &event.payload {
                    Some(payload) => (block("payload", &text::pretty(&payload.get().chars().take(PAYLOAD).collect::<String>()))),
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
            p { b { (why.summary) } }
            @if !why.reasons.is_empty() { ul { @for reason in &why.reasons { li { (reason) } } } }
            @if let Some(next) = &why.next { p { "Next: " (next) } }
            @for command in &why.commands {
                div.command { (block("command", command)) button.copy type="button" data-copy=(command) { "Copy" } }
            }
        }
    }
}

fn delivery_view(asking: &Asking, delivery: &Delivery) -> Markup {
    let now = now();
    let at = |text: &Option<String>| html! { @match text { Some(at) => (time(at, now)), None => "–" } };
    html! {
        h3 { a href=(asking.visitor.place.at(&format!("/destinations/{}", crate::place::segment(&delivery.destination)))) { (delivery.destination) } " " (state(delivery))
            @if let Some(job) = &delivery.replay_job { " " span.note { "replay of " (job) } } }
        (facts(&[
            ("State", html! { (delivery.state) ", " (delivery.status) @if let Some(reason) = &delivery.reason { ": " (reason) } }),
            ("Tries", html! { (delivery.attempts) @if let Some(most) = delivery.max_attempts { " of " (most) } }),
            ("Next try", at(&delivery.next_attempt_at)),
            ("Delivered", at(&delivery.delivered_at)),
            ("Acknowledged", at(&delivery.acknowledged_at)),
            ("Last failure", html! { @match &delivery.last_error { Some(error) => { @if let Some(class) = &delivery.last_class { code { (class) } " " } (error) }, None => "none" } }),
        ]))
        @if let Some(history) = delivery.history.as_deref().filter(|history| !history.is_empty()) { (tries(history)) }
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
                    @if let Some(error) = &attempt.error { p { (error) } }
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
    asking.visitor.page("Timeline", body)
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
    html! {
        p.summary { b { (found.subject) } ": " (text::grouped(found.total)) " events"
            @if let Some(waiting) = found.pending_deliveries { ", " (text::grouped(waiting)) " deliveries not finished" } }
        @if found.events.is_empty() { (nothing(asking, "/events", found.diagnostics.as_ref())) (timeline_form(asking)) }
        ol.timeline {
            @for event in &found.events {
                li {
                    p.what { a.type href=(asking.event(&event.event_id)) { (event.event_type) } " " span.note { (event.entity_type) " " (event.entity_id) } }
                    p.when { (time(&event.created_at, now)) }
                    @if let Some(payload) = &event.payload { details { summary { "Payload" } (block("payload", &text::pretty(&payload.get().chars().take(2_000).collect::<String>()))) } }
                }
            }
        }
        (asking.next(found.next_cursor.as_ref()))
    }
}
