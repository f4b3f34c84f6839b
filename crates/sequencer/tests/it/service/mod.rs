//! The real server as an operator and an attacker see it.

mod bundle;
mod edge;
mod hostile;
mod logs;
mod metrics;
#[cfg(feature = "otel")]
mod otel;
mod start;

use std::fmt::Write as _;

use stateset_testkit::http::{Client, Response};
use stateset_testkit::server::{Launch, SequencerProcess};
use uuid::Uuid;

pub(crate) const API_KEY: &str = "service-tests-secret-key";
pub(crate) const SECRET: &str = "4242424242424242424242424242424242424242424242424242424242424242";

/// A server on the embedded database.
pub(crate) fn embedded() -> anyhow::Result<Launch> {
    let launch = Launch::new(env!("CARGO_BIN_EXE_stateset-sequencer"))?;
    let port = launch.address().port().to_string();
    Ok(launch.variable("HOST", "127.0.0.1").variable("PORT", port).variable("BOOTSTRAP_ADMIN_API_KEY", API_KEY))
}

/// A client that may do everything.
pub(crate) fn client(server: &SequencerProcess) -> Client {
    server.client().with_header("authorization", &format!("ApiKey {API_KEY}"))
}

/// `tenant_id=…&store_id=…` of tenant and store with these numbers.
pub(crate) fn scope(tenant: u128, store: u128) -> String {
    format!("tenant_id={}&store_id={}", Uuid::from_u128(tenant), Uuid::from_u128(store))
}

/// The body of the first API with `payloads`, one event each, from the number `first` on.
pub(crate) fn unsigned(tenant: u128, store: u128, first: u128, payloads: &[&str]) -> String {
    let mut events = String::new();
    for (number, payload) in (first..).zip(payloads) {
        let comma = if events.is_empty() { "" } else { "," };
        let hash = stateset_ledger::json::legacy::payload_hash(payload.as_bytes()).unwrap();
        write!(
            events,
            r#"{comma}{{"event_id":"{}","tenant_id":"{}","store_id":"{}","source_agent":"{}","entity_type":"order",
            "entity_id":"o-{number}","event_type":"order.created","created_at":"2026-01-02T03:04:05Z",
            "payload_hash":"{hash}","payload":{payload}}}"#,
            Uuid::from_u128(0x1_0000_0000 + number),
            Uuid::from_u128(tenant),
            Uuid::from_u128(store),
            Uuid::from_u128(0xA),
        )
        .unwrap();
    }
    format!(r#"{{"agent_id":"{}","events":[{events}]}}"#, Uuid::from_u128(0xA))
}

/// Pushes and expects that all is taken.
pub(crate) async fn push(client: &Client, body: &str) -> anyhow::Result<Response> {
    let response =
        client.post("/api/v1/events/ingest", "application/json", body.as_bytes()).await?.expect_status(200)?;
    let reply: serde_json::Value = response.json()?;
    anyhow::ensure!(reply["events_rejected"] == 0, "{reply}");
    Ok(response)
}
