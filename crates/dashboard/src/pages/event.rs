//! One event: what it says, who signed it, and the way to a signed checkpoint, which the browser checks by itself.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stateset_api::event::{Envelope, ProofAvailability, SignatureVerdict, VerdictState};
use stateset_api::proof::InclusionProof;
use uuid::Uuid;

use super::InStream;
use crate::api::Fault;
use crate::parts::commands::{commands, tool};
use crate::parts::proof::{ladder, steps};
use crate::parts::{Tone, badge, empty, facts, hash, json, name, now, time};
use crate::text;
use crate::web::Visitor;

/// Characters of a payload that the page shows; the rest is one click away.
const PAYLOAD: usize = 64 * 1024;

#[derive(Deserialize)]
struct Single {
    event: Envelope,
    receipt: Value,
    signature: SignatureVerdict,
    proof: ProofAvailability,
}

/// What a browser needs to check an event, each reply as the API wrote it.
#[derive(Serialize)]
pub struct Evidence {
    single: String,
    inclusion: Option<String>,
    batch: Option<String>,
    commitment: Option<String>,
    #[serde(rename = "agentKeys")]
    agent_keys: Option<String>,
    #[serde(rename = "sequencerKeys")]
    sequencer_keys: Option<String>,
}

/// `GET /stream/<tenant>/<store>/events/<event_id>`.
pub async fn page(request: InStream) -> Response {
    let body = match read(&request).await {
        Ok((single, inclusion)) => Ok(view(&request, &single, inclusion.as_ref())),
        Err(fault) => Err(fault),
    };
    request.visitor.page("Event", body)
}

/// `GET …/events/<event_id>/evidence`.
pub async fn evidence(request: InStream) -> Response {
    match gather(&request).await {
        Ok(evidence) => Json(evidence).into_response(),
        Err(fault) => {
            (fault.status, Json(serde_json::json!({ "code": fault.code, "detail": fault.detail }))).into_response()
        },
    }
}

fn id(request: &InStream) -> Result<Uuid, Fault> {
    let text = request.rest.as_deref().unwrap_or_default();
    Uuid::try_parse(text).map_err(|_| {
        Fault::new(StatusCode::NOT_FOUND, "EVENT_NOT_FOUND", "an event's id is a UUID", "Look at the address.")
    })
}

async fn read(request: &InStream) -> Result<(Single, Option<InclusionProof>), Fault> {
    let (api, query, id) = (&request.visitor.api, request.scope.query(), id(request)?);
    let single: Single = api.json(&format!("/api/v1/events/{id}?{query}")).await?;
    let inclusion =
        api.find(&format!("/api/v1/proofs/inclusion?{query}&sequence={}", single.event.sequence_number)).await?;
    Ok((single, inclusion))
}

async fn gather(request: &InStream) -> Result<Evidence, Fault> {
    let (api, query, id) = (&request.visitor.api, request.scope.query(), id(request)?);
    let text = api.text(&format!("/api/v1/events/{id}?{query}")).await?;
    let single: Single = serde_json::from_str(&text)
        .map_err(|error| Fault::new(StatusCode::BAD_GATEWAY, "UNREADABLE_REPLY", error.to_string(), ""))?;
    let (sequence, agent) = (single.event.sequence_number, single.event.source_agent_id);
    let optional = async |path: String| api.text(&path).await.ok();
    let commitment = match single.proof.batch_id {
        Some(batch) => optional(format!("/api/v1/ves/commitments/{batch}?{query}")).await,
        None => None,
    };
    Ok(Evidence {
        single: text,
        inclusion: optional(format!("/api/v1/proofs/inclusion?{query}&sequence={sequence}")).await,
        batch: optional(format!("/api/v1/ves/proofs/{sequence}?{query}")).await,
        commitment,
        agent_keys: optional(format!("/api/v1/agents/{agent}/signing-keys?tenant_id={}", request.scope.tenant)).await,
        sequencer_keys: optional("/.well-known/ves-keys".to_owned()).await,
    })
}

fn view(request: &InStream, single: &Single, inclusion: Option<&InclusionProof>) -> Markup {
    let visitor = &request.visitor;
    let event = &single.event;
    let path = format!("/api/v1/events/{}?{}", event.event_id, request.scope.query());
    let tool = tool(visitor, &format!("inspect {} --include-payload", event.event_id));
    html! {
        p.lead {
            a.type href=(visitor.place.at(&format!("/catalogue?{}", crate::place::query(&[("type", &event.event_type)])))) { (name(&event.event_type)) } " about "
            a href=(visitor.place.entity(&event.entity_type, &event.entity_id)) { (name(&event.entity_type)) " " b { (name(&event.entity_id)) } }
        }
        div.columns {
            section { h2 { "Facts" } (event_facts(visitor, event)) }
            section { h2 { "Payload" } (payload(event)) }
            section { h2 { "Signature" } (signature(event, &single.signature)) }
            section { h2 { "Receipt" } (receipt(&single.receipt)) }
        }
        (proof(visitor, single, inclusion))
        (history(event, single))
        (commands(visitor, &path, Some(&tool)))
    }
}

fn event_facts(visitor: &Visitor, event: &Envelope) -> Markup {
    let (place, now) = (&visitor.place, now());
    let linked = |filter: &str, value: &Option<String>| {
        html! {
            @if let Some(value) = value { a href=(place.events_with(filter, value)) { (name(value)) } }
            @else { span.note { "none" } }
        }
    };
    let mut pairs = vec![
        ("Event", html! { code { (event.event_id) } }),
        ("Place", html! { (text::grouped(event.sequence_number)) }),
        ("Sequenced", time(&event.sequenced_at, now)),
        ("Made at", html! { (event.created_at) span.note { " by the agent's clock" } }),
        (
            "Agent",
            html! { a href=(place.events_with("agent_id", &event.source_agent_id.to_string())) { code { (event.source_agent_id) } } },
        ),
        ("Order key", linked("order_key", &event.order_key)),
        ("Correlation", linked("correlation_id", &event.correlation_id)),
    ];
    if let Some(cause) = &event.causation_id {
        pairs.push(("Caused by", html! { code { (name(cause)) } }));
    }
    if let Some(command) = event.command_id {
        pairs.push(("Command", html! { code { (command) } }));
    }
    if let Some(version) = event.base_version {
        pairs.push(("Built on version", html! { (version) }));
    }
    if let Some(version) = event.schema_version {
        pairs.push(("Schema version", html! { (version) }));
    }
    if let Some(trace) = &event.traceparent {
        pairs.push(("Trace", html! { code { (trace) } }));
    }
    if let Some(metadata) = &event.metadata {
        pairs.push(("Metadata", json("metadata", metadata.get(), PAYLOAD, "Fetch all of it with the command below.")));
    }
    facts(&pairs)
}

fn payload(event: &Envelope) -> Markup {
    match (&event.payload, &event.payload_encrypted) {
        (Some(payload), _) => json("payload", payload.get(), PAYLOAD, "Fetch all of it with the command below."),
        (None, Some(sealed)) => html! {
            p { "Encrypted by its agent. Neither the server nor this page can read it; what was hashed and signed is the ciphertext." }
            details { summary { "Ciphertext" } (json("ciphertext", sealed.get(), PAYLOAD, "Fetch all of it with the command below.")) }
        },
        (None, None) => empty("No payload", &html! { p { "It was erased, or is not in this reply." } }),
    }
}

fn signature(event: &Envelope, verdict: &SignatureVerdict) -> Markup {
    let (tone, word, why) = match verdict.state {
        VerdictState::Verified => (
            Tone::Good,
            "verified by the server",
            "The hashes fit the stored bytes, and the agent's signature verifies. Check it yourself below.",
        ),
        VerdictState::Absent => {
            (Tone::Plain, "unsigned", "Nobody signed. Whoever pushed it had a credential, and no more is known.")
        },
        VerdictState::Unverifiable => (Tone::Warn, "unverifiable", "It came with a signature that proves nothing."),
        VerdictState::Invalid => {
            (Tone::Bad, "invalid", "The stored event is not the one that was admitted. Tell the operator at once.")
        },
    };
    html! {
        p { (badge(tone, word)) " " (why) }
        @if let Some(cause) = &verdict.cause { p { "Cause: " code { (cause) } } }
        (facts(&[
            ("Content hash", hash(&verdict.content_hash.to_hex())),
            ("Key", html! { @match verdict.key_id { Some(id) => { "number " (id) }, None => "none" } }),
            ("Key is now", html! { (verdict.key_status.as_deref().unwrap_or("–")) }),
            ("Public key", html! { @match &verdict.public_key { Some(key) => (hash(key)), None => "–" } }),
            ("Signature", html! { @match &event.agent_signature { Some(signature) => (hash(signature)), None => "–" } }),
        ]))
    }
}

fn receipt(receipt: &Value) -> Markup {
    let text = |name: &str| receipt.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = receipt.get("sequencer_key_version").and_then(Value::as_u64);
    html! {
        p { "The sequencer's word for the place, signed when the event got it." }
        (facts(&[
            ("Sequencer", html! { code { (text("sequencer_id")) } }),
            ("Receipt hash", hash(text("receipt_hash"))),
            ("Leaf", hash(text("leaf_hash"))),
            ("Signature", html! {
                @if text("sequencer_signature").is_empty() { "the head of its flush was signed instead" }
                @else { (hash(text("sequencer_signature"))) }
            }),
            ("Key", html! { @match number { Some(number) => { "number " (number) }, None => "–" } }),
        ]))
    }
}

/// The picture, and the place where the browser writes what it found.
fn proof(visitor: &Visitor, single: &Single, inclusion: Option<&InclusionProof>) -> Markup {
    let evidence = visitor.place.inside(&format!("/events/{}/evidence", single.event.event_id));
    html! {
        section.proof #proof data-evidence=(evidence) data-growth=(visitor.place.inside("/growth"))
            data-scope=[visitor.place.scope.map(|scope| format!("{}/{}", scope.tenant, scope.store))] {
            h2 { "Proof" }
            @match inclusion {
                None => (empty("No proof yet", &html! { p { "A proof exists as soon as the event has its place. Reload the page." } })),
                Some(proof) => {
                    p { "Your browser checks this itself, from the payload up to the signed checkpoint: every hash is computed \
                         here, and nothing the server says of its own honesty counts." }
                    noscript { p.note { "Checking needs scripts. Without them: " code { "node verifier-js/bin/verify.js evidence.json" }
                        ", with the " a href=(evidence) { "evidence of this event" } "." } }
                    div.verify {
                        div {
                            p #verdict.verdict role="status" aria-live="polite" { "Not checked yet." }
                            ol #steps.steps {}
                            form #tamper.tamper hidden {
                                label for="what" { "See what happens if somebody changes " }
                                select #what name="what" {
                                    option value="payload" { "the payload" }
                                    option value="field" { "a signed field" }
                                    option value="signature" { "the agent's signature" }
                                    option value="place" { "the place" }
                                    option value="path" { "the path" }
                                    option value="root" { "the root" }
                                    option value="record" { "the head log's record" }
                                    option value="checkpoint" { "the checkpoint" }
                                    option value="batch" { "the batch" }
                                }
                                button type="submit" { "Tamper and check" }
                                button type="reset" { "Check the original" }
                            }
                            p.note #trust {}
                            p { a href=(evidence) download="evidence.json" { "Evidence as a file" } ", to check it elsewhere" }
                        }
                        (picture(proof))
                    }
                },
            }
        }
    }
}

fn picture(proof: &InclusionProof) -> Markup {
    let hexes = |path: &[_]| path.iter().map(ToString::to_string).collect::<Vec<String>>();
    let stream = steps(proof.leaf_index, proof.tree_size, &hexes(&proof.path));
    let log =
        proof.logged_head.as_ref().map(|head| (head, steps(head.log_index, head.log_size, &hexes(&head.log_path))));
    html! {
        div.picture {
            @if let Some((head, steps)) = &log {
                (ladder("checkpoint", &format!("checkpoint, {}", text::grouped(head.log_size)), "head log record", steps, "entries"))
                div.link aria-hidden="true" { "the record names this root" }
            }
            (ladder("stream", &format!("stream root, {}", text::grouped(proof.tree_size)), &format!("event {}", text::grouped(proof.leaf_index + 1)), &stream, "events"))
        }
    }
}

/// What happened to it, in order.
fn history(event: &Envelope, single: &Single) -> Markup {
    let now = now();
    html! {
        section {
            h2 { "What happened to it" }
            ol.timeline {
                li { p.what { "Made by its agent" } p.when { (time(&event.created_at, now)) ", by the agent's clock" } }
                li { p.what { "Sequenced: durable, with its place and receipt" } p.when { (time(&event.sequenced_at, now)) } }
                li {
                    p.what { @if single.proof.logged { "Logged: a signed checkpoint covers it" } @else { "Not logged yet; it takes about 100 ms" } }
                }
                li {
                    p.what {
                        @match single.proof.batch_id {
                            Some(batch) => { "Committed in the VES batch " code { (batch) } },
                            None => "Waits for its VES batch, about a second",
                        }
                    }
                }
            }
        }
    }
}
