//! Payload keys are rotated under load, and nothing is ever unreadable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use stateset_testkit::http::Client;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{SECRET, Site};
use crate::service::{scope, unsigned};

const NEW: &str = "1717171717171717171717171717171717171717171717171717171717171717";
const BATCH: u128 = 20;

/// Pushes batches, each until it is taken, until told to stop. Counts the events taken.
async fn write(client: Client, taken: Arc<AtomicU64>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut first = 1;
    while !stop.is_cancelled() {
        let payloads: Vec<String> = (first..first + BATCH).map(|n| format!("{{\"n\":{n}}}")).collect();
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        let body = unsigned(1, 2, first, &payloads);
        loop {
            match client.post("/api/v1/events/ingest", "application/json", body.as_bytes()).await {
                Ok(response) if response.status == 200 => break,
                Ok(response) => anyhow::ensure!(response.status == 503, "{}", response.text()),
                // Between two servers.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        first += BATCH;
        taken.fetch_add(20, Ordering::SeqCst);
    }
    Ok(())
}

/// Reads everything there is from the start, again and again: each payload is the one that was sent.
async fn read(client: Client, stop: CancellationToken) -> anyhow::Result<u64> {
    let mut pages = 0;
    while !stop.is_cancelled() {
        let mut from = 1;
        loop {
            let path = format!("/api/v1/events?{}&from={from}&limit=1000", scope(1, 2));
            let Ok(response) = client.get(&path).await else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            if response.status == 503 {
                continue;
            }
            let page: Value = response.expect_status(200)?.json()?;
            for event in page["events"].as_array().into_iter().flatten() {
                anyhow::ensure!(event["payload"]["n"] == event["sequence_number"], "{event}");
            }
            pages += 1;
            if page["has_more"] != true || stop.is_cancelled() {
                break;
            }
            from = page["next_sequence"].as_u64().unwrap_or(u64::MAX);
        }
    }
    Ok(pages)
}

/// L16: rotation as the guide says, with a server that takes and serves events all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_load_leaves_nothing_unreadable() -> anyhow::Result<()> {
    for mut site in [Site::embedded().await?, Site::postgres().await?] {
        let old = if site.database.is_some() {
            SECRET.to_owned()
        } else {
            std::fs::read_to_string(site.server.folder().join("stateset-data/payload.key"))?
        };
        let tasks = TaskTracker::new();
        let (stop, taken) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let writer = tasks.spawn(write(site.client(), Arc::clone(&taken), stop.clone()));
        let reader = tasks.spawn(read(site.client(), stop.clone()));
        until(&taken, 200).await;

        let both = format!("{NEW},{old}");
        restart(&mut site, &both).await?;
        let before = taken.load(Ordering::SeqCst);
        until(&taken, before + 100).await;
        let plan = site.admin(&["reencrypt-events", "--json"]).await?;
        assert_eq!((plan.code, &plan.json["applied"]), (Some(0), &Value::Bool(false)), "{} {}", plan.out, plan.error);
        let planned = plan.json["outcome"]["resealed"].as_u64().unwrap_or(0);
        assert!(planned > 0, "{}", plan.out);
        let done = site.admin(&["reencrypt-events", "--apply", "--json"]).await?;
        assert_eq!(done.code, Some(0), "{} {}", done.out, done.error);
        assert_eq!(done.json["outcome"]["resealed"], planned, "{}", done.out);
        let again = site.admin(&["reencrypt-events", "--apply", "--json"]).await?;
        assert_eq!(again.json["outcome"]["resealed"], 0, "{}", again.out);

        restart(&mut site, NEW).await?;
        let before = taken.load(Ordering::SeqCst);
        until(&taken, before + 100).await;
        stop.cancel();
        writer.await??;
        let pages = reader.await??;
        assert!(pages > 3, "{pages}");
        let check = site.admin(&["fsck", "--json"]).await?;
        assert_eq!(check.code, Some(0), "{} {}", check.out, check.error);
        assert!(check.json["events"].as_u64() >= Some(taken.load(Ordering::SeqCst)));
        // The old key opens nothing any more.
        site.variables.retain(|(name, _)| name != "PAYLOAD_ENCRYPTION_KEYS");
        site.variables.push(("PAYLOAD_ENCRYPTION_KEYS".to_owned(), old.clone()));
        let old_key = site.admin(&["fsck", "--json"]).await?;
        assert_eq!((old_key.code, &old_key.json["findings"][0]["table"]), (Some(3), &Value::from("event_payload")));
        let list = site.admin(&["keys", "payload", "list"]).await?;
        assert!(list.code == Some(3) && list.out.contains("NOT CONFIGURED"), "{}", list.out);
    }
    Ok(())
}

async fn restart(site: &mut Site, keys: &str) -> anyhow::Result<()> {
    site.server.terminate(Duration::from_secs(20)).await?;
    site.server.set_variable("PAYLOAD_ENCRYPTION_KEYS", keys);
    site.variables.retain(|(name, _)| name != "PAYLOAD_ENCRYPTION_KEYS");
    site.variables.push(("PAYLOAD_ENCRYPTION_KEYS".to_owned(), keys.to_owned()));
    site.server.restart().await
}

async fn until(taken: &AtomicU64, events: u64) {
    let waiting = async {
        while taken.load(Ordering::SeqCst) < events {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("the load goes on");
}
