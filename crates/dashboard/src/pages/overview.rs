//! A stream at a glance: how much, how fast, how far behind, and what came last.

use axum::response::Response;
use maud::{Markup, html};
use stateset_api::event::{Envelope, EventPage, Head};
use stateset_api::proof::{Commitment, CommitmentList};
use time::OffsetDateTime;

use super::InStream;
use crate::api::{Api, Fault};
use crate::parts::chart::{Sample, rates, sparkline};
use crate::parts::commands::commands;
use crate::parts::{Tone, badge, empty, event_list, figure, hash, now, time};
use crate::place::Scope;
use crate::text;
use crate::web::Visitor;

/// Events that the page shows.
const NEWEST: u64 = 12;
/// Time that the chart covers, in seconds, and the number of its values.
const WINDOW: i64 = 3_600;
const BUCKETS: u32 = 60;
/// Places of the log that are looked up for the chart, besides the search for its beginning.
const SAMPLES: u64 = 30;

/// `GET /stream/<tenant>/<store>`.
pub async fn page(InStream { visitor, scope, .. }: InStream) -> Response {
    let body = read(&visitor, scope).await.map(|facts| view(&visitor, &facts));
    visitor.page("Overview", body)
}

struct Facts {
    head: Head,
    newest: Vec<Envelope>,
    committed: bool,
    /// Events per minute, by the minute.
    rates: Vec<f64>,
}

async fn read(visitor: &Visitor, scope: Scope) -> Result<Facts, Fault> {
    let (api, query) = (&visitor.api, scope.query());
    let head: Head = api.json(&format!("/api/v1/head?{query}")).await?;
    if head.size == 0 {
        return Ok(Facts { head, newest: Vec::new(), committed: true, rates: Vec::new() });
    }
    let from = head.size.saturating_sub(NEWEST - 1).max(1);
    let page: EventPage<Envelope> = api.json(&format!("/api/v1/ves/events?{query}&from={from}&limit={NEWEST}")).await?;
    let covering: CommitmentList<Commitment> =
        api.json(&format!("/api/v1/ves/commitments?{query}&from={}&limit=1", head.size)).await?;
    let end = now().unix_timestamp();
    let samples = samples(api, scope, head.size, end - WINDOW).await?;
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century fit a double")]
    let rates =
        rates(&samples, (end - WINDOW) as f64, end as f64, BUCKETS).into_iter().map(|rate| rate * 60.0).collect();
    let newest = page.events.into_iter().rev().collect();
    Ok(Facts { head, newest, committed: !covering.commitments.is_empty(), rates })
}

/// Places of the last hour with their times: its first one by bisection, because times grow with places, then some between.
async fn samples(api: &Api, scope: Scope, size: u64, start: i64) -> Result<Vec<Sample>, Fault> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century fit a double")]
    let early = start as f64;
    let (mut low, mut high) = (1, size);
    if at(api, scope, size).await? < early {
        return Ok(Vec::new());
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if at(api, scope, middle).await? < early { low = middle + 1 } else { high = middle }
    }
    let mut found = Vec::new();
    if low > 1 {
        found.push((low - 1, at(api, scope, low - 1).await?));
    }
    let step = ((size - low) / SAMPLES).max(1);
    let mut place = low;
    while place < size {
        found.push((place, at(api, scope, place).await?));
        place += step;
    }
    found.push((size, at(api, scope, size).await?));
    Ok(found)
}

/// When the event at this place was sequenced, in seconds.
async fn at(api: &Api, scope: Scope, place: u64) -> Result<f64, Fault> {
    #[derive(serde::Deserialize)]
    struct Line {
        sequenced_at: String,
    }
    #[derive(serde::Deserialize)]
    struct Lines {
        events: Vec<Line>,
    }
    let page: Lines = api.json(&format!("/api/v1/events?{}&from={place}&limit=1", scope.query())).await?;
    let moment = page.events.first().and_then(|line| text::moment(&line.sequenced_at));
    #[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than a double holds")]
    Ok(moment.map_or(0.0, |at: OffsetDateTime| at.unix_timestamp_nanos() as f64 / 1e9))
}

fn view(visitor: &Visitor, facts: &Facts) -> Markup {
    let (place, head, now) = (&visitor.place, &facts.head, now());
    html! {
        @if head.size == 0 {
            (empty("This stream has no events yet", &html! {
                p { "It begins with the first event that is pushed to it. A stream nobody has written to is empty, not missing: \
                     look whether tenant and store are the ones you mean." }
            }))
        } @else {
            dl.figures {
                (figure("Events", &text::grouped(head.size), &html! { "exactly, without gaps" }))
                (figure("Events per minute", &text::quantity(average(&facts.rates)), &html! { (sparkline(&facts.rates, "last hour", "per minute")) }))
                (figure("Newest event", &newest_age(facts, now), &html! {
                    @if let Some(event) = facts.newest.first() { a href=(place.event(event.event_id)) { (event.event_type) } }
                }))
                (figure("VES batch", if facts.committed { "up to date" } else { "behind" }, &html! {
                    @if facts.committed { (badge(Tone::Good, "newest event committed")) }
                    @else { (badge(Tone::Warn, "newest event waits for its batch")) }
                }))
            }
            section {
                h2 { "Signed head" }
                (crate::parts::facts(&[
                    ("Size", html! { (text::grouped(head.size)) }),
                    ("Root", hash(&head.root.to_hex())),
                    ("Signed", html! {
                        @if let Some(at) = head.signed_at_us { (time(&text::from_micros(at), now)) }
                        @if let Some(key) = head.key_version { ", key " (key) }
                    }),
                    ("Head log", html! { (checkpoint_line(head)) }),
                ]))
                p { a href=(place.inside("/log")) { "Checkpoints and batches" } }
            }
            section {
                h2 { "Newest events" }
                (event_list::table(place, &facts.newest, now))
                p { a href=(place.inside("/events")) { "All events, filtered and live" } }
            }
        }
        @if let Some(scope) = place.scope {
            (commands(visitor, &format!("/api/v1/head?{}", scope.query()), None))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sixty values")]
fn average(rates: &[f64]) -> f64 {
    if rates.is_empty() { 0.0 } else { rates.iter().sum::<f64>() / rates.len() as f64 }
}

fn newest_age(facts: &Facts, now: OffsetDateTime) -> String {
    let moment = facts.newest.first().and_then(|event| text::moment(&event.sequenced_at));
    moment.map_or_else(|| "none".to_owned(), |at| text::ago(at, now))
}

/// Size and name of the newest checkpoint.
fn checkpoint_line(head: &Head) -> Markup {
    let mut lines = head.checkpoint.as_deref().unwrap_or_default().lines();
    html! {
        @if let (Some(origin), Some(size)) = (lines.next(), lines.next()) {
            "checkpoint at " (size) " entries of " code { (origin) }
        } @else { "no checkpoint yet" }
    }
}
