//! Deliveries by destination and lane, and a destination by itself.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::Subject;
use stateset_inspect::answer::{BreakerAnswer, Delivery, DestinationStatus, Explanation, OutboxAnswer};

use super::events::{explained, explanation, nothing};
use super::overview::millis;
use super::{Asking, word};
use crate::parts::{Tone, badge, empty, facts, name, now, time};
use crate::place::query;
use crate::text;

const EXAMPLE: &str = "destination:kafka state:retry_wait";
/// Status words that lead to their states.
const STATES: &[(&str, &str)] = &[
    ("", "Not finished"),
    ("state:pending", "Waiting"),
    ("state:held", "Held"),
    ("state:in_flight", "In flight"),
    ("state:retry_wait", "Will be tried again"),
    ("state:dead", "Dead"),
    ("state:rejected", "Rejected"),
];

pub(super) async fn page(asking: Asking) -> Response {
    let body = async {
        let filter = asking.filter()?;
        Ok(view(&asking, &asking.outbox.inspect.outbox(&filter, &asking.page()).await?))
    };
    let body = body.await;
    asking.listed("Deliveries", "/deliveries", EXAMPLE, body)
}

fn view(asking: &Asking, found: &OutboxAnswer) -> Markup {
    let (place, now) = (&asking.visitor.place, now());
    let to = |q: &str| place.at(&format!("/deliveries?{}", query(&[("q", q)])));
    html! {
        nav.tabs aria-label="States" { ul {
            @for (q, name) in STATES {
                li { a href=(to(q)) aria-current=[(asking.parameter("q") == *q).then_some("page")] { (name) } }
            }
        } }
        (asking.search("/deliveries", EXAMPLE))
        (by_destination(asking, found))
        p.summary role="status" { b { (text::counted(found.total, found.total_exact)) } " events with such deliveries, the newest first" }
        @if found.deliveries.is_empty() { (nothing(asking, "/deliveries", found.diagnostics.as_ref())) } @else {
            table {
                thead { tr { th { "Event" } th { "Destination" } th { "Lane" } th { "State" } th.number { "Tries" } th { "Next try" } th { "Last failure" } } }
                tbody {
                    @for one in &found.deliveries {
                        tr {
                            td data-label="Event" { a.type href=(asking.event(&one.event_id)) { (name(&one.event_type)) } " " code.id { (one.event_id) } }
                            td.short data-label="Destination" { a href=(place.at(&format!("/destinations/{}", crate::place::segment(&one.destination)))) { (name(&one.destination)) } }
                            td.short data-label="Lane" { @match &one.order_key { Some(key) => a href=(to(&word("key", key))) { (name(key)) }, None => { (name(&one.entity_type)) "/" (name(&one.entity_id)) } } }
                            td data-label="State" { (state(one)) @if let Some(reason) = &one.reason { " " span.note { (name(reason)) } } }
                            td.number data-label="Tries" { @if one.attempts > 0 { (one.attempts) } }
                            td data-label="Next try" { @if let Some(at) = &one.next_attempt_at { (time(at, now)) } }
                            td data-label="Last failure" { @if let Some(error) = &one.last_error { (name(error)) } }
                        }
                    }
                }
            }
        }
        (asking.next(found.next_cursor.as_ref()))
        (asking.command(&format!("outbox {}", asking.filter_word())))
    }
}

/// How much waits where, each a filter of its own.
fn by_destination(asking: &Asking, found: &OutboxAnswer) -> Markup {
    let busy = found.destinations.iter().map(|one| (one, open(one)));
    html! {
        @if found.destinations.len() > 1 {
            ul.piles {
                @for (one, waiting) in busy {
                    li { a href=(asking.visitor.place.at(&format!("/deliveries?{}", query(&[("q", &word("destination", &one.destination))])))) {
                            (name(&one.destination)) } " " b { (text::grouped(waiting)) @if one.pending_capped { "+" } }
                        @if one.parked_lanes > 0 { span.note { " in " (text::grouped(one.parked_lanes)) " parked lanes" } }
                        @if one.breaker.state != "closed" { " " (breaker(&one.breaker)) }
                    }
                }
            }
        }
    }
}

/// Deliveries that have not come to their end.
fn open(one: &DestinationStatus) -> u64 {
    let ended = ["delivered", "acknowledged", "rejected", "discarded", "dead"];
    one.states.iter().filter(|(state, _)| !ended.contains(&state.as_str())).map(|(_, number)| number).sum()
}

/// How a state looks.
pub(super) fn tone(state: &str) -> Tone {
    match state {
        "acknowledged" | "delivered" => Tone::Good,
        "dead" | "rejected" => Tone::Bad,
        "held" | "retry_wait" => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// A delivery's state; whether it goes on by itself is said too.
pub(super) fn state(delivery: &Delivery) -> Markup {
    let tone = tone(&delivery.state);
    html! { (badge(tone, &delivery.state)) @if !delivery.will_retry && tone == Tone::Bad { " " span.note { "not tried again" } } }
}

/// Whether a destination is up.
pub(super) fn breaker(found: &BreakerAnswer) -> Markup {
    let tone = match found.state.as_str() {
        "closed" => Tone::Good,
        "open" => Tone::Bad,
        _ => Tone::Warn,
    };
    html! { (badge(tone, &found.state)) @if let Some(since) = found.since_ms.filter(|_| tone != Tone::Good) { " " span.note { "for " (millis(since)) } } }
}

pub(super) async fn destination(asking: Asking) -> Response {
    let body = async {
        let found = asking.outbox.inspect.breaker(&asking.rest).await?;
        let why = explained(&asking, &Subject::Destination(asking.rest.clone())).await?;
        Ok(destination_view(&asking, &found, why.as_ref()))
    };
    let body = body.await;
    asking.visitor.page(&asking.rest, body)
}

fn destination_view(asking: &Asking, found: &BreakerAnswer, why: Option<&Explanation>) -> Markup {
    let place = &asking.visitor.place;
    let here = &asking.rest;
    let open = found.state == "open";
    html! {
        @if let Some(why) = why { (explanation(why)) }
        (facts(&[
            ("Breaker", breaker(found)),
            ("Failures in a row", html! { (found.failures) }),
            ("Last failure", html! { (name(found.reason.as_deref().unwrap_or("none"))) }),
            ("Tried again in", html! { (found.probe_in_ms.map_or_else(|| "–".to_owned(), millis)) }),
        ]))
        p { a href=(place.at(&format!("/deliveries?{}", query(&[("q", &word("destination", here))])))) { "Its deliveries" } " · "
            a href=(place.at(&format!("/dead-letters?{}", query(&[("q", &word("destination", here))])))) { "its dead letters" } }
        @if asking.outbox.may_change {
            section { h2 { @if open { "Close the breaker" } @else { "Open the breaker" } }
                form.inline method="post" action=(place.at(&format!("/destinations/{}", crate::place::segment(here)))) {
                    (asking.token())
                    input type="hidden" name="open" value=(if open { "no" } else { "yes" });
                    label { "Why" input name="reason" required maxlength="200"; }
                    button type="submit" { @if open { "Close: try it again at once" } @else { "Open: leave it alone" } }
                }
            }
        } @else { (empty("Nothing can be changed from here", &html! { p { "Start the dashboard with " code { "--allow-changes" } ", or use the commands above." } })) }
        (asking.command(&format!("explain --destination {}", crate::parts::commands::shell(here))))
    }
}
