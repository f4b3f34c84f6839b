//! Who may sign: the tenant's agents and their keys.

use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::InStream;
use crate::api::Fault;
use crate::parts::commands::commands;
use crate::parts::{Tone, badge, empty, hash, now, time};
use crate::text;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    agent_id: Option<Uuid>,
    key_id: u32,
    public_key: String,
    valid_from: Option<String>,
    valid_to: Option<String>,
    revoked_at: Option<String>,
    status: String,
    key_stream_sequence: u64,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Registered>,
}

/// `GET /stream/<tenant>/<store>/agents`.
pub async fn page(request: InStream) -> Response {
    let path = format!("/api/v1/agents/keys?tenant_id={}", request.scope.tenant);
    let body = request.visitor.api.json::<Keys>(&path).await.map(|found| view(&request, &found.keys, &path));
    request.visitor.page("Agents", body as Result<Markup, Fault>)
}

fn view(request: &InStream, keys: &[Registered], path: &str) -> Markup {
    let (place, now) = (&request.visitor.place, now());
    let until = |text: &Option<String>| {
        html! {
            @if let Some(at) = text { (time(at, now)) } @else { span.note { "open" } }
        }
    };
    html! {
        p.lead { "Agents sign events. What a key signed while it was active stays valid when it is revoked; every change of a key is itself an event of the tenant's key stream." }
        @if keys.is_empty() {
            (empty("No agent has a key", &html! { p { "Unsigned events can still be pushed, if the server allows them. " a href="/docs" { "Register a key" } } }))
        } @else {
            table {
                thead { tr { th { "Agent" } th.number { "Key" } th { "State" } th { "Public key" } th { "Valid from" } th { "Valid to" } th.number { "Registered at place" } } }
                tbody {
                    @for key in keys {
                        tr {
                            td data-label="Agent" {
                                @if let Some(agent) = key.agent_id { a href=(place.events_with("agent_id", &agent.to_string())) { code { (agent) } } }
                            }
                            td.number data-label="Key" { (key.key_id) }
                            td data-label="State" { (state(&key.status)) @if let Some(at) = &key.revoked_at { " " (time(at, now)) } }
                            td data-label="Public key" { (hash(&key.public_key)) }
                            td data-label="Valid from" { (until(&key.valid_from)) }
                            td data-label="Valid to" { (until(&key.valid_to)) }
                            td.number data-label="Registered at place" { (text::grouped(key.key_stream_sequence)) }
                        }
                    }
                }
            }
        }
        (commands(&request.visitor, path, None))
    }
}

fn state(status: &str) -> Markup {
    let tone = match status {
        "active" => Tone::Good,
        "revoked" => Tone::Bad,
        _ => Tone::Warn,
    };
    badge(tone, status)
}
