//! The log of a stream: signed heads, checkpoints, batches, and whether all of it only ever grew.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use stateset_api::event::Head;
use stateset_api::proof::{Commitment, CommitmentList};

use super::InStream;
use crate::api::Fault;
use crate::parts::commands::commands;
use crate::parts::{block, empty, facts, hash, now, time};
use crate::place::query;
use crate::text;
use crate::web::refusal;

const BATCHES: u64 = 50;

/// `GET /stream/<tenant>/<store>/log`.
pub async fn page(request: InStream) -> Response {
    let body = read(&request).await.map(|(head, batches)| view(&request, &head, &batches));
    request.visitor.page("Log", body)
}

/// `GET /stream/<tenant>/<store>/growth?from_size=…&to_size=…`: the API's consistency proof, as it wrote it.
pub async fn growth(request: InStream) -> Response {
    let number =
        |name: &str| request.parameter(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default().to_string();
    let (from, to) = (number("from_size"), number("to_size"));
    let sizes = query(&[("from_size", from.as_str()), ("to_size", to.as_str())]);
    let path = format!("/api/v1/proofs/consistency?{}&{sizes}", request.scope.query());
    match request.visitor.api.text(&path).await {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(fault) => refusal(fault.status, &fault.detail),
    }
}

async fn read(request: &InStream) -> Result<(Head, CommitmentList<Commitment>), Fault> {
    let (api, query) = (&request.visitor.api, request.scope.query());
    let head: Head = api.json(&format!("/api/v1/head?{query}")).await?;
    let from = request.parameter("from").and_then(|from| from.parse::<u64>().ok()).unwrap_or(1);
    let batches = api.json(&format!("/api/v1/ves/commitments?{query}&from={from}&limit={BATCHES}")).await?;
    Ok((head, batches))
}

fn view(request: &InStream, head: &Head, batches: &CommitmentList<Commitment>) -> Markup {
    let (visitor, now) = (&request.visitor, now());
    let place = &visitor.place;
    html! {
        section {
            h2 { "Newest head" }
            (facts(&[
                ("Events", html! { (text::grouped(head.size)) }),
                ("Root", hash(&head.root.to_hex())),
                ("Stream id", hash(&head.stream_id.to_hex())),
                ("Signature", html! { @match head.signature { Some(signature) => (hash(&signature.to_hex())), None => "none, the stream is empty" } }),
                ("Signed", html! { @match head.signed_at_us { Some(at) => (time(&text::from_micros(at), now)), None => "–" } }),
            ]))
        }
        section {
            h2 { "Checkpoint of the head log" }
            p { "One append-only log pins the growth of every stream of this server. Keep a checkpoint: a rewritten history cannot be squared with it." }
            @match &head.checkpoint {
                Some(note) => (block("checkpoint", note)),
                None => (empty("No checkpoint yet", &html! { p { "The first one is signed about 100 ms after the first event." } })),
            }
            p { a href="/checkpoint" { "The newest checkpoint" } " · " a href="/.well-known/ves-keys" { "The keys that sign" } }
        }
        section {
            h2 { "VES batches" }
            @if batches.commitments.is_empty() {
                (empty("No batch from here on", &html! { p { "A batch is committed every second while there are new events." } }))
            } @else {
                (batch_table(&batches.commitments, now))
                nav.pager aria-label="More batches" {
                    @if batches.has_more { a rel="next" href=(place.inside(&format!("/log?from={}", batches.next_sequence))) { "Later batches" } }
                }
            }
        }
        (commands(visitor, &format!("/api/v1/ves/commitments?{}", request.scope.query()), None))
    }
}

fn batch_table(batches: &[Commitment], now: time::OffsetDateTime) -> Markup {
    html! {
        table {
            thead { tr { th { "Events" } th.number { "Count" } th { "Committed" } th { "Batch root" } th { "State root" } } }
            tbody {
                @for batch in batches {
                    tr {
                        td data-label="Events" { (text::grouped(batch.sequence_start)) " to " (text::grouped(batch.sequence_end)) }
                        td.number data-label="Count" { (text::grouped(batch.leaf_count)) }
                        td data-label="Committed" { (time(&batch.committed_at, now)) }
                        td data-label="Batch root" { (hash(&batch.merkle_root.to_hex())) }
                        td data-label="State root" { (hash(&batch.new_state_root.to_hex())) }
                    }
                }
            }
        }
    }
}
