//! Starting, refusing to start, and being ready.

use std::time::Duration;

use serde_json::Value;

use super::{SECRET, client, embedded, scope};

/// L06: liveness and readiness need no credential, and readiness says how database, keys and publisher are.
#[tokio::test]
async fn readiness_has_reasons() -> anyhow::Result<()> {
    let server = embedded()?.start().await?;
    let ready: Value = server.client().get("/ready").await?.expect_status(200)?.json()?;
    for member in ["database", "keys", "publisher"] {
        assert_eq!(ready[member], "ok", "{ready}");
    }
    assert_eq!(server.client().get("/health").await?.expect_status(200)?.json::<Value>()?["status"], "ok");
    // Another program's key in the place of ours: what is signed now could not be verified.
    let file = server.folder().join("stateset-data/sequencer.db");
    let mut database =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite://{}", file.display())).await?;
    sqlx::raw_sql("UPDATE sequencer_keys SET public_key = zeroblob(32)").execute(&mut database).await?;
    let wrong: Value = server.client().get("/ready").await?.expect_status(503)?.json()?;
    assert!(wrong["keys"].as_str().is_some_and(|text| text.contains("signing key")), "{wrong}");
    assert_eq!((&wrong["status"], &wrong["database"]), (&Value::from("not ready"), &Value::from("ok")));
    Ok(())
}

/// L13: without migrating at start, a database that is not this program's is refused in words; after `migrate` it is taken.
#[tokio::test]
async fn a_start_without_migrations_says_what_is_missing() -> anyhow::Result<()> {
    let database = stateset_testkit::postgres::shared().await?.create_database("start").await?;
    let launch = || {
        let launch = embedded()?.variable("DATABASE_URL", database.url()).variable("DB_MIGRATE_ON_STARTUP", "false");
        anyhow::Ok(launch.variable("VES_SEQUENCER_SIGNING_KEY", SECRET).variable("PAYLOAD_ENCRYPTION_KEYS", SECRET))
    };
    let mut refused = launch()?.spawn()?;
    assert!(!refused.wait(Duration::from_secs(20)).await?.success());
    assert!(refused.log().contains("DB_MIGRATE_ON_STARTUP=true"), "{}", refused.log());
    let migrated = tokio::process::Command::new(env!("CARGO_BIN_EXE_stateset-sequencer-admin"))
        .env_clear()
        .env("DATABASE_URL", database.url())
        .arg("migrate")
        .output()
        .await?;
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let server = launch()?.start().await?;
    client(&server).get(&format!("/api/v1/head?{}", scope(1, 1))).await?.expect_status(200)?;
    Ok(())
}

/// The program's own health check, for containers without curl.
#[tokio::test]
async fn the_health_check_asks_the_server_of_its_configuration() -> anyhow::Result<()> {
    let mut server = embedded()?.start().await?;
    let port = server.address().port().to_string();
    let ask = || {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_stateset-sequencer"))
            .env_clear()
            .env("PORT", &port)
            .arg("healthcheck")
            .output()
    };
    assert!(ask().await?.status.success());
    server.kill9().await?;
    assert!(!ask().await?.status.success());
    Ok(())
}

/// Every line of source 001 that a person could type at a running server, as it is printed there. `localhost:8080` is
/// where the test's server listens, `<uuid>` and `uuid` are ids; what the page prints as a request line (`GET /path`) is
/// sent by curl with the bootstrap key of the page.
const PRINTED: [(&str, &str); 8] = [
    ("curl http://localhost:8080/health", "\"ok\""),
    (
        r#"curl -H "Authorization: ApiKey dev_admin_key" "http://localhost:8080/api/v1/head?tenant_id=<uuid>&store_id=<uuid>""#,
        "\"head_sequence\":0",
    ),
    ("POST /api/v1/events/ingest", "\"events_accepted\":1"),
    ("GET /api/v1/events?tenant_id=uuid&store_id=uuid&from=0&limit=100", "\"order-123\""),
    ("GET /api/v1/head?tenant_id=uuid&store_id=uuid", "\"head_sequence\":1"),
    ("GET /api/v1/entities/{entity_type}/{entity_id}?tenant_id=uuid&store_id=uuid", "order.created"),
    ("GET /health", "\"ok\""),
    ("GET /ready", "\"ready\""),
];

/// The body that the page prints, its placeholders filled in.
fn printed_body(payload: &str) -> String {
    let hash = stateset_ledger::json::legacy::payload_hash(payload.as_bytes()).unwrap();
    let printed = r#"{
  "agent_id": "uuid",
  "events": [
    {
      "event_id": "uuid",
      "tenant_id": "uuid",
      "store_id": "uuid",
      "entity_type": "order",
      "entity_id": "order-123",
      "event_type": "order.created",
      "payload": { ... },
      "payload_hash": "...",
      "created_at": "2025-01-01T00:00:00Z",
      "source_agent": "uuid"
    }
  ]
}"#;
    printed
        .replace("{ ... }", payload)
        .replace("\"...\"", &format!("\"{hash}\""))
        .replace("\"uuid\"", &format!("\"{ID}\""))
}

const ID: &str = "0b0e8c1c-5f0f-4a55-9d6e-6f7f3c1f2a11";

/// L01, L06, L07, L10: the calls of source 001 work as they are printed, typed into a shell.
#[tokio::test]
async fn the_published_curl_lines_work() -> anyhow::Result<()> {
    let launch = stateset_testkit::server::Launch::new(env!("CARGO_BIN_EXE_stateset-sequencer"))?;
    let port = launch.address().port().to_string();
    let server = launch.variable("PORT", &port).variable("BOOTSTRAP_ADMIN_API_KEY", "dev_admin_key").start().await?;
    for (printed, expected) in PRINTED {
        let line = match printed.split_once(' ') {
            Some(("curl", _)) => printed.to_owned(),
            Some((method, path)) => {
                let body = match method {
                    "POST" => format!("-H 'Content-Type: application/json' -d '{}'", printed_body("{\"total\":1.10}")),
                    _ => String::new(),
                };
                format!(
                    "curl -X {method} {body} -H 'Authorization: ApiKey dev_admin_key' 'http://localhost:8080{path}'"
                )
            },
            None => unreachable!("{printed}"),
        };
        let line = line
            .replace("localhost:8080", &server.address().to_string())
            .replace("<uuid>", ID)
            .replace("_id=uuid", &format!("_id={ID}"))
            .replace("{entity_type}", "order")
            .replace("{entity_id}", "order-123");
        // As it would be typed, except that a failure of HTTP is one of the command too.
        let line = line.replacen("curl ", "curl -sS --fail-with-body ", 1);
        let run = tokio::process::Command::new("sh").args(["-c", &line]).output().await?;
        let text = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && text.contains(expected), "{line}: {text} {run:?}");
    }
    Ok(())
}

/// L13, L16: the commands of source 001's local set-up, with its names, against a database of their own.
#[tokio::test]
async fn the_published_admin_lines_work() -> anyhow::Result<()> {
    let postgres = stateset_testkit::postgres::shared().await?;
    let database = postgres.create_database("published").await?;
    for line in ["migrate", "backfill-ves-state-roots --dry-run", "backfill-ves-state-roots"] {
        let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_stateset-sequencer-admin"))
            .args(line.split(' '))
            .env_clear()
            .env("DATABASE_URL", database.url())
            .env("PAYLOAD_ENCRYPTION_MODE", "required")
            .env("PAYLOAD_ENCRYPTION_KEYS", format!("0x{SECRET},0x{}", "24".repeat(32)))
            .output()
            .await?;
        assert!(run.status.success(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
    }
    Ok(())
}
