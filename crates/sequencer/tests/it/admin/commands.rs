//! What each command says, and with which status.

use std::time::Duration;

use serde_json::Value;

use super::{Site, admin};
use crate::service::{SECRET, scope};

/// J06: migrating is idempotent, several may do it at once, and the applied set is shown.
#[tokio::test]
async fn migrate_is_idempotent_and_says_what_is_applied() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let database = stateset_testkit::postgres::shared().await?.create_database("migrate").await?;
    let embedded = vec![("STATESET_DATA_DIR".to_owned(), folder.path().join("data").display().to_string())];
    let postgres = vec![("DATABASE_URL".to_owned(), database.url().to_owned())];
    for variables in [embedded, postgres] {
        let run = |arguments: &'static [&'static str]| admin(&variables, arguments, folder.path());
        let (one, two, three) = tokio::try_join!(run(&["migrate"]), run(&["migrate"]), run(&["migrate", "--json"]))?;
        for answer in [&one, &two, &three] {
            assert_eq!(answer.code, Some(0), "{} {}", answer.out, answer.error);
        }
        let again = run(&["migrate", "--json"]).await?;
        assert_eq!(again.json["before"], again.json["after"]);
        assert_eq!(again.json["after"][0], 1, "{}", again.out);
        assert!(run(&["migrate"]).await?.out.contains("nothing to do"));
        let empty = run(&["fsck"]).await?;
        assert_eq!(empty.code, Some(0), "{} {}", empty.out, empty.error);
    }
    Ok(())
}

/// J07 and the reading commands, on both engines, beside a running server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_work_beside_a_server() -> anyhow::Result<()> {
    for site in [Site::embedded().await?, Site::postgres().await?] {
        site.fill().await?;
        for arguments in [["backfill-ves-state-roots", "--dry-run"].as_slice(), &["backfill-ves-state-roots"]] {
            let answer = site.admin(arguments).await?;
            assert_eq!(answer.code, Some(0), "{} {}", answer.out, answer.error);
            assert!(answer.out.contains("0 have none"), "{}", answer.out);
        }
        let check = site.admin(&["fsck", "--all"]).await?;
        assert_eq!(check.code, Some(0), "{} {}", check.out, check.error);
        assert!(check.out.contains("everything follows from the events"), "{}", check.out);
        export(&site).await?;
        proofs(&site).await?;
        let doctor = site.admin(&["doctor", "--json"]).await?;
        let findings = doctor.json["findings"].as_array().cloned().unwrap_or_default();
        for subject in ["database", "durability", "clock", "migrations", "keys", "head log", "port"] {
            assert!(findings.iter().any(|finding| finding["subject"] == subject), "{subject} in {}", doctor.out);
        }
        let keys = site.admin(&["keys", "payload", "list", "--json"]).await?;
        assert_eq!(keys.code, Some(0), "{}", keys.out);
        assert!(keys.json["keys"][0]["payloads"].as_u64() >= Some(640), "{}", keys.out);
        assert!(!keys.out.contains(SECRET));
        keys_of_callers_and_agents(&site).await?;
    }
    Ok(())
}

/// `keys api` makes a key that the running server takes, lists it without its secret, and ends it; `keys agent` lists.
async fn keys_of_callers_and_agents(site: &Site) -> anyhow::Result<()> {
    let tenant = uuid::Uuid::from_u128(1).to_string();
    let mint = ["keys", "api", "mint", "--tenant", &tenant, "--permission", "read", "--name", "auditor"];
    let minted = site.admin(&mint).await?;
    assert_eq!(minted.code, Some(0), "{}", minted.error);
    let key = minted.out.trim();
    let path = format!("/api/v1/head?{}", scope(1, 2));
    let with_key = site.server.client().with_header("authorization", &format!("ApiKey {key}"));
    with_key.get(&path).await?.expect_status(200)?;
    let prefix = key.split('_').nth(1).unwrap_or_default();
    let listed = site.admin(&["keys", "api", "list", "--tenant", &tenant, "--json"]).await?;
    assert_eq!(
        (&listed.json["keys"][0]["prefix"], &listed.json["keys"][0]["name"]),
        (&prefix.into(), &"auditor".into())
    );
    assert!(!listed.out.contains(key), "{}", listed.out);
    let revoked = site.admin(&["keys", "api", "revoke", "--tenant", &tenant, prefix]).await?;
    assert!(revoked.code == Some(0) && revoked.out.contains("revoked"), "{} {}", revoked.out, revoked.error);
    // Another process obeys within the stated bound.
    let refused = tokio::time::timeout(Duration::from_secs(20), async {
        while with_key.get(&path).await?.status != 401 {}
        anyhow::Ok(())
    });
    refused.await??;
    let foreign = ["keys", "api", "revoke", "--tenant", &uuid::Uuid::from_u128(2).to_string(), prefix];
    assert_eq!(site.admin(&foreign).await?.code, Some(8), "of another tenant");
    let wrong = ["keys", "api", "mint", "--tenant", &tenant, "--permission", "root"];
    assert_eq!(site.admin(&wrong).await?.code, Some(2));
    let agents = site.admin(&["keys", "agent", "list", "--tenant", &tenant, "--json"]).await?;
    let states: Vec<_> = agents.json["keys"].as_array().into_iter().flatten().map(|key| &key["status"]).collect();
    assert_eq!(states, ["active", "revoked"], "{}", agents.out);
    Ok(())
}

async fn export(site: &Site) -> anyhow::Result<()> {
    let all = site.admin(&["export-events"]).await?;
    assert_eq!(all.code, Some(0), "{}", all.error);
    let lines: Vec<Value> = all.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    // 601 and 40 events, 100 streams of one, three key changes.
    assert_eq!(lines.len(), 744);
    assert!(all.out.contains("\"x\": 1.10"), "payloads come as they were received");
    let store = uuid::Uuid::from_u128(3).to_string();
    let some = site.admin(&["export-events", "--store", &store, "--from", "31"]).await?;
    let numbers: Vec<u64> = some
        .out
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["sequence_number"].as_u64().unwrap_or(0)))
        .collect::<anyhow::Result<_>>()?;
    assert_eq!(numbers, (31..=40).collect::<Vec<u64>>());
    let file = site.server.folder().join("export.ndjson");
    let path = file.display().to_string();
    let written = site.admin(&["export-events", "--output", &path, "--json"]).await?;
    assert_eq!(written.json["events"], 744, "{}", written.error);
    assert_eq!(std::fs::read_to_string(&file)?, all.out);
    assert_eq!(site.admin(&["export-events", "--output", &path]).await?.code, Some(1), "a file is never overwritten");
    Ok(())
}

async fn proofs(site: &Site) -> anyhow::Result<()> {
    let client = site.client();
    let keys: Value = client.get("/.well-known/ves-keys").await?.json()?;
    let log_key = keys["logVerifierKey"].as_str().or_else(|| keys["log_verifier_key"].as_str()).unwrap_or_default();
    let query = scope(1, 2);
    for (name, path) in [
        ("inclusion", format!("/api/v1/proofs/inclusion?{query}&sequence=300")),
        ("consistency", format!("/api/v1/proofs/consistency?{query}&from_size=100&to_size=601")),
        ("batch", format!("/api/v1/ves/proofs/5?{query}")),
        ("batch", format!("/api/v1/proofs/5?{query}")),
    ] {
        let proof = client.get(&path).await?.expect_status(200)?.text();
        let file = site.server.folder().join("proof.json");
        let shown = file.display().to_string();
        std::fs::write(&file, &proof)?;
        let mut arguments = vec!["verify-proof", &shown, "--json"];
        if name == "inclusion" {
            assert!(!log_key.is_empty(), "{keys}");
            arguments.extend(["--log-key", log_key]);
        }
        let good = site.admin(&arguments).await?;
        assert_eq!((good.code, &good.json["kind"]), (Some(0), &Value::from(name)), "{} {}", good.out, good.error);
        // Any other leaf, root or path is refused.
        let mut value: Value = serde_json::from_str(&proof)?;
        for member in ["leaf_hash", "root", "from_root", "to_root", "merkle_root", "events_root"] {
            let Some(old) = value.get(member).cloned() else { continue };
            value[member] = Value::from("11".repeat(32));
            std::fs::write(&file, value.to_string())?;
            let bad = site.admin(&["verify-proof", &shown]).await?;
            assert_eq!(bad.code, Some(3), "{name} {member}: {}", bad.out);
            assert!(bad.out.contains("FAILS"), "{}", bad.out);
            value[member] = old;
        }
    }
    Ok(())
}

/// All faults come at once, each with what to do, none with a secret; and every status means what the help says.
#[tokio::test]
async fn doctor_reports_all_faults_at_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let variables: Vec<(String, String)> = [
        ("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:1/nothing"),
        ("HOST", "127.0.0.1"),
        ("PORT", port.as_str()),
        ("PAYLOAD_ENCRYPTION_KEY", "hunter2"),
        ("RATE_LIMIT_PER_MINUTE", "many"),
        ("STATESET_DATA_DIR", "data"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let answer = admin(&variables, &["doctor", "--json"], folder.path()).await?;
    assert_eq!(answer.code, Some(3), "{} {}", answer.out, answer.error);
    let findings = answer.json["findings"].as_array().cloned().unwrap_or_default();
    let bad = |text: &str| {
        findings.iter().any(|finding| finding["state"] != "ok" && finding["detail"].as_str().unwrap().contains(text))
    };
    for text in ["PAYLOAD_ENCRYPTION_KEY ", "RATE_LIMIT_PER_MINUTE", "VES_SEQUENCER_SIGNING_KEY", "BOOTSTRAP_ADMIN"] {
        assert!(bad(text), "{text} in {}", answer.out);
    }
    assert!(bad(&port) && bad("not available"), "{}", answer.out);
    for finding in findings.iter().filter(|finding| finding["state"] == "fault") {
        assert!(!finding["fix"].as_str().unwrap_or_default().is_empty(), "{finding}");
    }
    assert!(!answer.out.contains("hunter2") && !answer.error.contains("hunter2"), "{}", answer.out);
    Ok(())
}

#[tokio::test]
async fn statuses_mean_what_the_help_says() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let none = vec![("STATESET_DATA_DIR".to_owned(), "nothing-here".to_owned())];
    let away = vec![("DATABASE_URL".to_owned(), "postgres://nobody@127.0.0.1:1/nothing".to_owned())];
    let wrong = vec![("DATABASE_URL".to_owned(), "mysql://x".to_owned())];
    for (variables, arguments, code) in [
        (&none, ["fsck"].as_slice(), 8),
        (&none, &["verify-proof", "nothing.json"], 8),
        (&none, &["no-such-command"], 2),
        (&none, &["export-events", "--from", "0"], 2),
        (&wrong, &["fsck"], 2),
        (&away, &["fsck"], 7),
        (&away, &["migrate"], 7),
        (&none, &["keys", "payload", "generate"], 0),
    ] {
        let answer =
            tokio::time::timeout(Duration::from_secs(30), admin(variables, arguments, folder.path())).await??;
        assert_eq!(answer.code, Some(code), "{arguments:?}: {} {}", answer.out, answer.error);
        assert!(code == 0 || !answer.error.is_empty(), "{arguments:?}");
    }
    let commands = ["migrate", "doctor", "fsck", "export-events", "reencrypt-events", "backfill-ves-state-roots"];
    for command in commands.into_iter().chain(["verify-proof"]) {
        let help = admin(&none, &[command, "--help"], folder.path()).await?;
        assert!(help.code == Some(0) && help.out.len() > 300, "{command}: {}", help.out);
    }
    let help = admin(&none, &["--help"], folder.path()).await?.out;
    assert!(help.contains("Exit codes") && help.contains("Examples"), "{help}");
    let keys = admin(&none, &["keys", "payload", "generate"], folder.path()).await?;
    assert_eq!(keys.out.trim().len(), 64);
    Ok(())
}
