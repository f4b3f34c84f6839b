//! Own events to the sequencer.

use std::time::Duration;

use serde_json::{Value, json};
use stateset_sync::Patience;

use crate::harness::{Machine, Server, count, text};
use crate::proxy::Proxy;

/// E17, M01, E11: written without a network, pushed later: in order, each with two times and a receipt that was checked.
#[tokio::test]
async fn what_was_written_offline_arrives_in_order() {
    let mut server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    server.0.kill9().await.unwrap();
    machine.write(1, 2_500).await;
    let failed = machine.run(&["push"]).await;
    assert_eq!(failed.error(), ("EVENT_SYNC_FAILED", 7), "{failed:?}");
    let status = machine.run(&["status"]).await.ok();
    assert_eq!(status["statuses"], json!({"Pending": 2500, "Synced": 0, "Failed": 0, "Acknowledged": 0}));
    assert_eq!(status["push"]["failures"], 1);
    assert!(status["push"]["next_at"].as_i64().unwrap() > status["push"]["failed_at"].as_i64().unwrap());
    server.0.restart().await.unwrap();
    let report = machine.run(&["push"]).await.ok();
    assert_eq!((&report["acknowledged"], &report["requests"]), (&json!(2500), &json!(3)), "{report}");

    let events = server.events().await;
    let numbers: Vec<u64> = events.iter().map(|event| event["payload"]["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=2_500).collect::<Vec<_>>());
    let audit = machine.audit().await;
    let proper = "SELECT count(*) FROM sync_event e JOIN sync_receipt r USING (local_seq, remote_sequence) \
                  WHERE e.state = 'acknowledged' AND e.first_sent_at <= e.delivered_at \
                  AND e.delivered_at < e.acknowledged_at AND r.flaw IS NULL AND e.attempts = 1";
    assert_eq!(count(&audit, proper).await, 2_500);
    let statuses = machine.run(&["status"]).await.ok()["statuses"].clone();
    assert_eq!(statuses["Acknowledged"], 2500);
    assert_eq!(machine.run(&["push"]).await.ok()["requests"], 0, "nothing is left");
}

/// M01, ruling 51: the answer is lost; the same bytes are pushed again and get the same receipts.
#[tokio::test]
async fn a_lost_answer_gets_the_same_receipts() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.init(&proxy.url(), &[]).await.ok();
    machine.write(1, 20).await;
    proxy.lose("/api/v1/ves/events/ingest", 1);
    assert_eq!(machine.run(&["push"]).await.error(), ("EVENT_SYNC_FAILED", 7));
    let audit = machine.audit().await;
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_event WHERE state = 'retry_wait'").await, 20);
    // Status words: tried and not there yet.
    assert_eq!(machine.run(&["status"]).await.ok()["statuses"]["Failed"], 20);
    let first = server.events().await;
    let report = machine.run(&["push"]).await.ok();
    assert_eq!((&report["acknowledged"], &report["repeated"]), (&json!(20), &json!(20)), "{report}");
    assert_eq!(server.events().await, first, "nothing came twice");
    for event in first {
        let path =
            format!("/api/v1/events/{}?tenant_id={}", event["event_id"].as_str().unwrap(), crate::harness::TENANT);
        let single: Value = server.client().get(&path).await.unwrap().json().unwrap();
        let id = event["event_id"].as_str().unwrap().replace('-', "");
        let body: String = sqlx::query_scalar(
            "SELECT r.body FROM sync_receipt r JOIN sync_event e USING (local_seq) WHERE lower(hex(e.event_id)) = ?",
        )
        .bind(id)
        .fetch_one(&audit)
        .await
        .unwrap();
        let kept: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(kept["sequencerSignature"], single["receipt"]["sequencer_signature"]);
        assert_eq!(kept["sequenceNumber"], single["receipt"]["sequence_number"]);
    }
}

/// M03: a push waits an outage out, with growing pauses.
#[tokio::test]
async fn an_outage_is_waited_out() {
    let mut server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.write(1, 5).await;
    server.0.kill9().await.unwrap();
    let session = machine.session().await;
    let patience = Patience { for_sequencer: Duration::from_mins(2), ..Patience::default() };
    let push = session.push(patience);
    let revive = async {
        // The server comes back only after a try has failed.
        loop {
            let status = session.replica().status().await.unwrap();
            if status.push.failures > 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        server.0.restart().await.unwrap();
    };
    let (report, ()) = tokio::join!(push, revive);
    let report = report.unwrap();
    assert_eq!(report.acknowledged, 5);
    assert!(report.retries >= 1);
    let status = session.replica().status().await.unwrap();
    assert_eq!((status.push.failures, status.push.error), (0, None));
}

/// J11: the same token with another payload is no new fact; the same again is one fact.
#[tokio::test]
async fn a_duplicate_key_is_named() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    let write = async |payload: &str| machine.run(&["fill", "--token", "paid-7", "--payload", payload]).await;
    assert_eq!(write(r#"{"cents":5}"#).await.ok()["written"], 1);
    assert_eq!(write(r#"{"cents":5}"#).await.ok()["written"], 0);
    let conflict = write(r#"{"cents":6}"#).await;
    assert_eq!(conflict.error(), ("EVENT_DUPLICATE_KEY", 5));
    let details = &conflict.json["error"]["details"];
    assert_eq!(details["event_key"], "paid-7");
    assert_ne!(details["expected_hash"], details["actual_hash"]);
}

/// J11, H11: another key under the same number: the error names key, hashes, both public keys and what to do; the events
/// wait, and go when it is mended.
#[tokio::test]
async fn a_signature_that_is_not_believed_is_explained() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.write(1, 3).await;
    let audit = machine.audit().await;
    let file = machine.folder.path().join(text(&audit, "SELECT file FROM sync_key").await);
    let right = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let missing = machine.run(&["push"]).await;
    assert_eq!(missing.error(), ("AGENT_KEY_MISSING", 4), "the file is another key's");

    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let swap = |hex: String| {
        let audit = audit.clone();
        async move {
            sqlx::query("UPDATE sync_key SET public_key = unhex(?)").bind(hex).execute(&audit).await.unwrap();
        }
    };
    let registered = text(&audit, "SELECT lower(hex(public_key)) FROM sync_key").await;
    swap(public.to_owned()).await;
    let refused = machine.run(&["push"]).await;
    assert_eq!(refused.error(), ("EVENT_SIGNATURE_INVALID", 4), "{refused:?}");
    let details = &refused.json["error"]["details"];
    assert_eq!(details["key_id"], 1);
    assert_eq!((&details["local_public_key"], &details["registered_public_key"]), (&json!(public), &json!(registered)));
    assert_eq!(details["signed_hash"].as_str().unwrap().len(), 64);
    assert!(details["likely_cause"].as_str().unwrap().contains("key file was replaced"), "{details}");
    assert_eq!(machine.states().await, json!({"retry_wait": 3}));

    std::fs::write(&file, right).unwrap();
    swap(registered).await;
    assert_eq!(machine.run(&["push"]).await.ok()["acknowledged"], 3);
}

/// M01, ⚡2: a receipt that proves nothing leaves the event delivered and says so; it is acknowledged when a good one comes.
#[tokio::test]
async fn a_receipt_that_proves_nothing_is_flagged() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.init(&proxy.url(), &[]).await.ok();
    machine.write(1, 2).await;
    proxy.change(|path, answer| {
        if path.starts_with("/api/v1/ves/events/ingest") {
            answer["receipts"][1]["sequencerSignature"] = json!("00".repeat(64));
        }
    });
    let flawed = machine.run(&["push"]).await;
    assert_eq!(flawed.error().0, "EVENT_SYNC_FAILED", "{flawed:?}");
    assert_eq!(flawed.json["error"]["details"]["remote_code"], "RECEIPT_SIGNATURE");
    assert_eq!(machine.states().await, json!({"acknowledged": 1, "delivered": 1}));
    assert_eq!(machine.run(&["status"]).await.ok()["statuses"]["Synced"], 1);
    proxy.change_nothing();
    assert_eq!(machine.run(&["push"]).await.ok()["repeated"], 1);
    assert_eq!(machine.states().await, json!({"acknowledged": 2}));
}

/// An event that no server can take is refused for good, with the reason, and holds nothing up.
#[tokio::test]
async fn what_cannot_be_taken_holds_nothing_up() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    // JSON by grammar, beyond every number there is: it has no canonical form.
    machine.run(&["fill", "--payload", r#"{"n":1e999}"#, "--entity-id", "big"]).await.ok();
    machine.write(1, 2).await;
    let report = machine.run(&["push"]).await.ok();
    assert_eq!(
        (&report["acknowledged"], machine.states().await),
        (&json!(2), json!({"acknowledged": 2, "rejected": 1}))
    );
    let reason = text(&machine.audit().await, "SELECT error FROM sync_event WHERE state = 'rejected'").await;
    assert!(reason.contains("canonical form"), "{reason}");
}

/// E17: whatever archives the log, an event leaves it only when it is at the sequencer.
#[tokio::test]
async fn an_event_is_archived_after_it_was_pushed() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.write(1, 2).await;
    let audit = machine.audit().await;
    // What an archiver is permitted by a mark on the row, this test takes.
    sqlx::query("DROP TRIGGER events_are_not_deleted").execute(&audit).await.unwrap();
    let early = sqlx::query("DELETE FROM event_log").execute(&audit).await;
    assert!(early.unwrap_err().to_string().contains("push it before it is archived"));
    machine.run(&["push"]).await.ok();
    assert_eq!(sqlx::query("DELETE FROM event_log").execute(&audit).await.unwrap().rows_affected(), 2);
    assert_eq!(machine.states().await, json!({"acknowledged": 2}));
    assert_eq!(machine.run(&["pull"]).await.ok()["own"], 2);
}
