//! The log is structured, names the request, and holds neither secrets nor payloads.

use serde_json::Value;
use stateset_testkit::http::Request;

use super::{API_KEY, SECRET, client, embedded, push, scope, unsigned};

/// What must never be found in a log.
const CANARY: &str = "canary-5ecret";

/// Every line of a JSON log is a JSON object.
fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"))).collect()
}

/// Pushes a canary through every header, parameter and field, at the most talkative level, and reads the whole log.
#[tokio::test]
async fn no_secret_and_no_payload_is_logged() -> anyhow::Result<()> {
    for format in ["json", "text"] {
        let server = embedded()?
            .variable("LOG_FORMAT", format)
            .variable("RUST_LOG", "trace")
            .variable("VES_SEQUENCER_SIGNING_KEY", SECRET)
            .variable("PAYLOAD_ENCRYPTION_KEYS", SECRET)
            .start()
            .await?;
        let client = client(&server);
        push(&client, &unsigned(1, 2, 1, &[&format!("{{\"card\":\"{CANARY}\"}}")])).await?;
        let query = scope(1, 2);
        for path in [
            format!("/api/v1/events?{query}&entity_id={CANARY}&event_type={CANARY}"),
            format!("/api/v1/events?{query}&from={CANARY}"),
            format!("/api/v1/entities/{CANARY}/{CANARY}?{query}"),
            format!("/api/v1/events/{CANARY}?{query}&token={CANARY}"),
            format!("/tile/0/{CANARY}"),
            format!("/{CANARY}"),
        ] {
            client.get(&path).await?;
        }
        for header in
            ["authorization", "x-api-key", "cookie", "traceparent", "last-event-id", "user-agent", "x-forwarded-for"]
        {
            for value in [CANARY.to_owned(), format!("ApiKey {CANARY}"), format!("Bearer {CANARY}")] {
                let headers = [(header, value.as_str())];
                let path = format!("/api/v1/head?{query}");
                server.client().send(Request { headers: &headers, ..Request::new("GET", &path) }).await?;
            }
        }
        for body in
            [format!("{{\"{CANARY}"), format!("{{\"agent_id\":\"{CANARY}\",\"events\":[{{\"x\":\"{CANARY}\"}}]}}")]
        {
            client.post("/api/v1/events/ingest", "application/json", body.as_bytes()).await?;
            client.post("/api/v1/ves/events/ingest", "application/json", body.as_bytes()).await?;
            client.post("/api/v1/agents/keys", "application/json", body.as_bytes()).await?;
        }
        let log = server.log();
        assert!(log.contains("request"), "the log is not talkative enough:\n{log}");
        for secret in [CANARY, API_KEY, SECRET] {
            let found = log.lines().find(|line| line.contains(secret));
            assert!(found.is_none(), "{secret} in {found:?}");
        }
    }
    Ok(())
}

/// A line written during a request carries its id and the trace's.
#[tokio::test]
async fn lines_name_the_request_and_the_trace() -> anyhow::Result<()> {
    let server =
        embedded()?.variable("LOG_FORMAT", "json").variable("RUST_LOG", "stateset_sequencer=debug").start().await?;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let traceparent = format!("00-{trace}-b7ad6b7169203331-01");
    let headers = [("x-request-id", "order-4711"), ("traceparent", traceparent.as_str())];
    let path = format!("/api/v1/head?{}", scope(1, 2));
    let response = client(&server).send(Request { headers: &headers, ..Request::new("GET", &path) }).await?;
    assert_eq!(response.header("x-request-id"), Some("order-4711"));
    let lines = lines(&server.log());
    let line = lines.iter().find(|line| line["span"]["id"] == "order-4711").expect("a line of the request");
    assert_eq!(line["span"]["trace_id"], trace);
    assert_eq!(line["fields"]["route"], "/api/v1/head");
    assert_eq!(line["fields"]["status"], 200);
    assert!(line["timestamp"].is_string() && line["level"] == "DEBUG");
    Ok(())
}

/// Nobody writes lines into the log: neither through an id nor through anything else that is logged.
#[tokio::test]
async fn a_line_cannot_be_forged() -> anyhow::Result<()> {
    let server = embedded()?.variable("RUST_LOG", "debug").start().await?;
    let query = scope(1, 2);
    for path in [
        format!("/api/v1/events?{query}&entity_id=x%0aERROR%20forged"),
        format!("/x%0d%0aERROR%20forged?{query}"),
        format!("/api/v1/entities/a%0aERROR%20forged/b?{query}"),
    ] {
        let headers = [("x-request-id", "a b\u{7f}ERROR forged")];
        client(&server).send(Request { headers: &headers, ..Request::new("GET", &path) }).await.ok();
        client(&server).get(&path).await?;
    }
    let log = server.log();
    assert!(!log.contains("forged"), "{log}");
    Ok(())
}
