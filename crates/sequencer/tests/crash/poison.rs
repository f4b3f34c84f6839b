//! Input that brings services down: each piece is stored as it is or refused by name (L03 among them), and never harms its
//! batch.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use stateset_ledger::id::{Scope, StoreId, TenantId};
use stateset_testkit::http::Client;
use stateset_testkit::postgres::shared;
use stateset_testkit::ves::{Agent, EventBuilder, SignedEvent};
use uuid::Uuid;

use crate::auditor::Auditor;
use crate::promises::Promises;
use crate::site;
use Fate::{Accepted, Rejected};

const INGEST: &str = "/api/v1/ves/events/ingest";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_on_sqlite() -> anyhow::Result<()> {
    let server = site::embedded()?.start().await?;
    poison(&site::client(&server)).await.with_context(|| server.log())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_on_postgres() -> anyhow::Result<()> {
    let database = shared().await?.create_database("poison").await?;
    let server = site::on_postgres(database.url())?.start().await?;
    poison(&site::client(&server)).await.with_context(|| server.log())
}

/// What must become of a piece of poison.
enum Fate {
    Accepted,
    /// Rejected with this code and a message that names this.
    Rejected(&'static str, &'static str),
}

async fn poison(client: &Client) -> anyhow::Result<()> {
    let agent = Agent::new(9, Uuid::from_u128(10), Uuid::from_u128(11));
    client.post_json("/api/v1/agents/keys", &agent.registration()).await?.expect_status(200)?;
    let promises = std::sync::Arc::<Promises>::default();
    let scope = scope_of(&agent);
    let mut faults = Vec::new();
    for (name, raw, fate) in pieces(&agent) {
        if let Err(fault) = one(client, &agent, &promises, &raw, &fate).await {
            faults.push(format!("{name}: {fault:#}"));
        }
    }
    faults.extend(whole_bodies(client, &agent).await?);
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    let mut auditor = Auditor::new(client.clone(), promises, &[scope]);
    auditor.look().await?;
    auditor.full().await
}

fn scope_of(agent: &Agent) -> Scope {
    Scope::new(TenantId(agent.tenant), StoreId(agent.store))
}

/// The piece between two sound events, which must get their places whatever becomes of it; and once more, as a retry.
async fn one(client: &Client, agent: &Agent, promises: &Promises, raw: &str, fate: &Fate) -> anyhow::Result<()> {
    let scope = scope_of(agent);
    let sound: Vec<SignedEvent> = (0..2).map(|_| agent.event("order-1", "order.changed", json!({})).sign()).collect();
    let body = format!("{{\"agentId\":\"{}\",\"events\":[{},{raw},{}]}}", agent.id, sound[0].json, sound[1].json);
    for push in 0..2 {
        let response = client.post(INGEST, "application/json", body.as_bytes()).await?.expect_status(200)?;
        let reply: Value = response.json()?;
        let rejection = reply.pointer("/rejections/0");
        match fate {
            Accepted => ensure!(rejection.is_none(), "{reply}"),
            Rejected(code, named) => {
                let rejection = rejection.context("it was accepted")?;
                let message = rejection["message"].as_str().unwrap_or_default();
                ensure!(rejection["code"] == *code && rejection["index"] == 1, "{rejection}");
                ensure!(message.contains(named), "{named} is not named: {rejection}");
            },
        }
        let counter = if push == 0 { "eventsAccepted" } else { "eventsDuplicate" };
        let expected = if matches!(fate, Accepted) { 3 } else { 2 };
        ensure!(reply[counter] == expected, "{reply}");
        let receipts = reply["receipts"].as_array().context("receipts")?;
        for event in &sound {
            let own = receipts.iter().find(|receipt| receipt["eventId"] == event.id.to_string());
            promises.note(scope, event, own.context("a sound event has no receipt")?)?;
        }
    }
    Ok(())
}

const FIELD: &str = "INVALID_FIELD_VALUE";

type Piece = (&'static str, String, Fate);

fn pieces(agent: &Agent) -> Vec<Piece> {
    let mut pieces = poisoned_members(agent);
    pieces.extend(broken_envelopes(agent));
    pieces.extend(poisoned_payloads(agent));
    pieces
}

fn event(agent: &Agent, payload: Value) -> EventBuilder<'_> {
    agent.event("order-1", "order.changed", payload)
}

fn text(event: &SignedEvent) -> String {
    event.json.to_string()
}

/// A sound event whose member was replaced after it was signed.
fn spoilt(agent: &Agent, name: &str, value: Value) -> String {
    let mut json = event(agent, json!({})).sign().json;
    json[name] = value;
    json.to_string()
}

/// An event with this text where its payload was.
fn with_payload(agent: &Agent, payload: &str) -> String {
    text(&event(agent, json!("@")).sign()).replace("\"payload\":\"@\"", &format!("\"payload\":{payload}"))
}

fn poisoned_members(agent: &Agent) -> Vec<Piece> {
    vec![
        ("U+0000 in the payload", text(&event(agent, json!({ "a\u{0}": "b\u{0}" })).sign()), Accepted),
        ("U+0000 in entity_id", text(&agent.event("a\u{0}b", "t", json!({})).sign()), Rejected(FIELD, "entity_id")),
        ("U+0000 in event_type", text(&agent.event("a", "t\u{0}", json!({})).sign()), Rejected(FIELD, "event_type")),
        (
            "U+0000 in correlation_id",
            spoilt(agent, "correlation_id", json!("\u{0}")),
            Rejected(FIELD, "correlation_id"),
        ),
        ("U+0000 in metadata", spoilt(agent, "metadata", json!({ "a\u{0}": "\u{0}" })), Accepted),
        ("an empty entity_id", text(&agent.event("", "t", json!({})).sign()), Rejected(FIELD, "entity_id")),
        ("an id that is none", spoilt(agent, "event_id", json!("7")), Rejected(FIELD, "event_id")),
        ("a number for a string", spoilt(agent, "entity_id", json!(7)), Rejected(FIELD, "entity_id")),
        (
            "a time that is none",
            text(&event(agent, json!({})).created_at("yesterday").sign()),
            Rejected(FIELD, "created_at"),
        ),
        (
            "a date that is none",
            text(&event(agent, json!({})).created_at("2026-02-30T00:00:00Z").sign()),
            Rejected(FIELD, "created_at"),
        ),
        ("a misspelt member", spoilt(agent, "base_verison", json!(1)), Rejected(FIELD, "base_version")),
    ]
}

fn broken_envelopes(agent: &Agent) -> Vec<Piece> {
    vec![
        ("no payload", spoilt(agent, "payload", Value::Null), Rejected(FIELD, "payload")),
        ("not an object", "7".to_owned(), Rejected("INVALID_ENVELOPE", "object")),
        ("null", "null".to_owned(), Rejected("INVALID_ENVELOPE", "object")),
        ("an empty object", "{}".to_owned(), Rejected("MISSING_REQUIRED_FIELD", "ves_version")),
        ("another version", spoilt(agent, "ves_version", json!(3)), Rejected("UNSUPPORTED_VERSION", "3")),
        ("another payload", spoilt(agent, "payload", json!({ "other": 1 })), Rejected("INVALID_PAYLOAD_HASH", "hash")),
        (
            "another signature",
            spoilt(agent, "agent_signature", json!("00".repeat(64))),
            Rejected("SIGNATURE_VERIFICATION_FAILED", ""),
        ),
        ("another agent", spoilt(agent, "source_agent_id", json!(Uuid::nil())), Rejected("AGENT_MISMATCH", "agent")),
        ("another store", spoilt(agent, "store_id", json!(Uuid::max())), Rejected("SCOPE_MISMATCH", "store_id")),
        ("an unknown key", spoilt(agent, "agent_key_id", json!(7)), Rejected("AGENT_KEY_NOT_FOUND", "key")),
        (
            "a huge version",
            spoilt(agent, "base_version", json!(u64::MAX)),
            Rejected("VERSION_CONFLICT", "18446744073709551615"),
        ),
    ]
}

fn poisoned_payloads(agent: &Agent) -> Vec<Piece> {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    vec![
        ("a lone surrogate", with_payload(agent, r#""\ud800""#), Rejected(FIELD, "payload")),
        ("a lone surrogate as a key", with_payload(agent, r#"{"\udfff":1}"#), Rejected(FIELD, "payload")),
        ("a number beyond all", with_payload(agent, "1e400"), Rejected(FIELD, "payload")),
        ("a key given twice", with_payload(agent, r#"{"a":1,"a":2}"#), Rejected(FIELD, "payload")),
        ("nested too deep", with_payload(agent, &nested(10_000)), Rejected(FIELD, "payload")),
        (
            "a payload too large",
            with_payload(agent, &format!("\"{}\"", "x".repeat(1_100_000))),
            Rejected("PAYLOAD_TOO_LARGE", "1048576"),
        ),
        (
            "an entity_id too long",
            text(&agent.event(&"x".repeat(513), "t", json!({})).sign()),
            Rejected(FIELD, "entity_id"),
        ),
        ("an id of our own", text(&event(agent, json!({ "n": 1 })).event_id(Uuid::from_u128(77)).sign()), Accepted),
        (
            "the same id with other content",
            text(&event(agent, json!({ "n": 2 })).event_id(Uuid::from_u128(77)).sign()),
            Rejected("EVENT_ID_CONFLICT", "event_id"),
        ),
        ("large numbers", text(&event(agent, json!({ "n": u64::MAX, "f": 1e308 })).sign()), Accepted),
        (
            "odd unicode",
            text(&agent.event("\u{202e}\u{feff}💥", "t\u{1}", json!({ "\u{ffff}": "\u{10ffff}" })).sign()),
            Accepted,
        ),
    ]
}

/// Bodies that are no batch are refused as a whole, by name. Answers what was not.
async fn whole_bodies(client: &Client, agent: &Agent) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    let sound = agent.event("order-1", "order.changed", json!({})).sign();
    let too_many = json!({ "agentId": agent.id, "events": vec![json!({}); 1001] }).to_string().into_bytes();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    let mut not_utf8 = agent.batch(&[sound]).to_string().into_bytes();
    let at = not_utf8.windows(7).position(|window| window == b"order-1").context("the id")?;
    not_utf8[at] = 0xff;
    let bodies: [(&str, &[u8], u16, &str); 9] = [
        ("empty", b"", 400, "INVALID_REQUEST_BODY"),
        ("not JSON", b"{", 400, "INVALID_REQUEST_BODY"),
        ("a NUL", b"\0", 400, "INVALID_REQUEST_BODY"),
        ("not UTF-8", &not_utf8, 400, "INVALID_REQUEST_BODY"),
        ("deep", &deep, 400, "INVALID_REQUEST_BODY"),
        ("no events", b"{\"agentId\":\"00000000-0000-0000-0000-000000000001\",\"events\":[]}", 400, "EMPTY_BATCH"),
        ("no agent", b"{\"events\":[{}]}", 400, "INVALID_REQUEST_BODY"),
        ("too many events", &too_many, 413, "BATCH_TOO_LARGE"),
        ("too large", &vec![b' '; 11_000_000], 413, "PAYLOAD_TOO_LARGE"),
    ];
    for (name, body, status, code) in bodies {
        let response = client.post(INGEST, "application/json", body).await.with_context(|| format!("a body {name}"))?;
        let (problem, kind) = (response.json::<Value>()?, response.header("content-type"));
        if response.status != status || problem["code"] != code || kind != Some("application/problem+json") {
            faults.push(format!("a body {name}: {} {problem}", response.status));
        }
    }
    Ok(faults)
}
