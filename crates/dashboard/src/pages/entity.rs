//! The history of one thing: its events in order, and how far apart.

use axum::response::Response;
use maud::{Markup, html};
use stateset_api::event::{EntityHistory, Envelope};

use super::InStream;
use crate::api::Fault;
use crate::parts::commands::{commands, shell, tool};
use crate::parts::{empty, event_list, json, name, now, time};
use crate::place::{query, segment};
use crate::text;

const LIMIT: u32 = 200;
/// Events of a history whose payloads are open at once.
const FEW: usize = 6;
/// Characters of a payload shown in a history.
const PAYLOAD: usize = 2_000;

/// `GET /stream/<tenant>/<store>/entities?entity_type=…&entity_id=…`.
pub async fn page(request: InStream) -> Response {
    let asked = request.parameter("entity_type").zip(request.parameter("entity_id"));
    let body = match asked {
        Some((kind, id)) => read(&request, kind, id).await.map(|(history, path)| view(&request, &history, &path)),
        None => Ok(form(&request)),
    };
    let title = asked.map_or_else(|| "Entities".to_owned(), |(kind, id)| format!("{kind} {id}"));
    request.visitor.page(&title, body)
}

async fn read(request: &InStream, kind: &str, id: &str) -> Result<(EntityHistory<Envelope>, String), Fault> {
    let from = request.parameter("from").and_then(|from| from.parse::<u64>().ok()).unwrap_or(1);
    let path = format!(
        "/api/v1/ves/entities/{}/{}?{}&from={from}&limit={LIMIT}",
        segment(kind),
        segment(id),
        request.scope.query()
    );
    Ok((request.visitor.api.json(&path).await?, path))
}

fn form(request: &InStream) -> Markup {
    html! {
        p.lead { "An entity is what events are about: an order, a payment, a parcel. Its history is every event that names it." }
        form.inline method="get" action=(request.visitor.place.inside("/entities")) {
            label { "Entity type" input name="entity_type" required placeholder="order" value=[request.parameter("entity_type")] spellcheck="false"; }
            label { "Entity id" input name="entity_id" required placeholder="ORD-1001" value=[request.parameter("entity_id")] spellcheck="false"; }
            button type="submit" { "Show its history" }
        }
    }
}

fn view(request: &InStream, history: &EntityHistory<Envelope>, path: &str) -> Markup {
    let place = &request.visitor.place;
    let entity = shell(&format!("{}/{}", history.entity_type, history.entity_id));
    let tool = tool(&request.visitor, &format!("timeline {entity}"));
    html! {
        p.summary {
            b { (text::grouped(history.current_version)) } " events name this " (history.entity_type)
            "; the next one may say base version " (history.current_version) "."
        }
        @if history.events.is_empty() {
            (empty("No event names it", &html! {
                p { "Either it has another type or id (both are compared exactly, upper and lower case too), or its events are in another stream." }
                (form(request))
            }))
        } @else {
            (timeline(request, history))
            @if history.has_more {
                nav.pager aria-label="More events" {
                    a rel="next" href=(place.inside(&format!("/entities?{}", query(&[
                        ("entity_type", &history.entity_type), ("entity_id", &history.entity_id),
                        ("from", &history.next_sequence.to_string()),
                    ])))) { "Later events" }
                }
            }
        }
        (commands(&request.visitor, path, Some(&tool)))
    }
}

fn timeline(request: &InStream, history: &EntityHistory<Envelope>) -> Markup {
    let (place, now) = (&request.visitor.place, now());
    let moments: Vec<_> = history.events.iter().map(|event| text::moment(&event.sequenced_at)).collect();
    let pause = |at: usize| {
        let (before, here) = (moments.get(at.checked_sub(1)?).copied()??, moments.get(at).copied()??);
        std::time::Duration::try_from(here - before).ok().filter(|pause| pause.as_secs() > 0)
    };
    let few = history.events.len() <= FEW;
    html! {
        ol.timeline {
            @for (at, event) in history.events.iter().enumerate() {
                @if let Some(pause) = pause(at) { li.pause aria-hidden="true" { (text::duration(pause)) } }
                li {
                    p.what {
                        a.type href=(place.event(event.event_id)) { (name(&event.event_type)) } " " (event_list::signed(event))
                        @if let Some(version) = event.base_version { span.note { " built on version " (version) } }
                    }
                    p.when { "place " (text::grouped(event.sequence_number)) ", " (time(&event.sequenced_at, now)) }
                    @match &event.payload {
                        Some(payload) => details open[few] { summary { "Payload" }
                            (json("payload", payload.get(), PAYLOAD, "All of it is on the event's page.")) },
                        None => p.note { "The payload is encrypted; the server cannot read it." },
                    }
                }
            }
        }
    }
}
