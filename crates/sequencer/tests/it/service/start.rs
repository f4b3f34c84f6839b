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

/// The calls that the first sequencer's page prints, with its bootstrap key, through curl itself.
#[tokio::test]
async fn the_published_curl_lines_work() -> anyhow::Result<()> {
    let launch = stateset_testkit::server::Launch::new(env!("CARGO_BIN_EXE_stateset-sequencer"))?;
    let port = launch.address().port().to_string();
    let server = launch.variable("PORT", &port).variable("BOOTSTRAP_ADMIN_API_KEY", "dev_admin_key").start().await?;
    let (url, ids) = (server.base_url(), scope(1, 2));
    let key = "Authorization: ApiKey dev_admin_key";
    let body = super::unsigned(1, 2, 1, &["{\"total\":1.10}"]);
    let json = "Content-Type: application/json";
    let ingest = format!("{url}/api/v1/events/ingest");
    for (arguments, expected) in [
        (vec![format!("{url}/health")], "\"ok\""),
        (vec![format!("{url}/ready")], "\"ready\""),
        (vec!["-H".into(), key.into(), format!("{url}/api/v1/head?{ids}")], "\"head_sequence\":0"),
        (vec!["-H".into(), key.into(), "-H".into(), json.into(), "-d".into(), body, ingest], "\"events_accepted\":1"),
        (vec!["-H".into(), key.into(), format!("{url}/api/v1/events?{ids}&from=0&limit=100")], "{\"total\":1.10}"),
        (vec!["-H".into(), key.into(), format!("{url}/api/v1/entities/order/o-1?{ids}")], "order.created"),
    ] {
        let run =
            tokio::process::Command::new("curl").args(["-sS", "--fail-with-body"]).args(&arguments).output().await?;
        let text = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && text.contains(expected), "{arguments:?}: {text}");
    }
    Ok(())
}
