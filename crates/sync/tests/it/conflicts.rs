//! Events that the world has overtaken.

use serde_json::{Value, json};

use crate::harness::{Machine, Server, count, text};
use crate::proxy::Proxy;

async fn versioned(machine: &Machine, entity: &str, payload: &str) {
    machine.run(&["fill", "--versioned", "--entity-id", entity, "--payload", payload]).await.ok();
}

async fn payloads(server: &Server, entity: &str) -> Vec<Value> {
    let events = server.events().await;
    events.into_iter().filter(|event| event["entity_id"] == entity).map(|event| event["payload"].clone()).collect()
}

/// L20, M04: a stale base version is a conflict with both versions; what builds on the refused event waits, everything else
/// goes on. Put on top of what happened, all of it arrives, in order.
#[tokio::test]
async fn local_wins_puts_own_events_on_top() {
    let server = Server::start().await;
    let (one, two) = (Machine::enrolled(&server, 1).await, Machine::enrolled(&server, 2).await);
    versioned(&one, "o-1", r#"{"status":"new"}"#).await;
    one.run(&["push"]).await.ok();
    for machine in [&one, &two] {
        machine.run(&["pull"]).await.ok();
    }
    // Both build on version 1, without knowing of each other.
    versioned(&two, "o-1", r#"{"status":"paid"}"#).await;
    two.run(&["push"]).await.ok();
    versioned(&one, "o-1", r#"{"note":"a"}"#).await;
    versioned(&one, "o-1", r#"{"note":"b"}"#).await;
    versioned(&one, "o-2", r#"{"other":1}"#).await;
    one.run(&["fill", "--entity-id", "o-1", "--payload", r#"{"note":"c"}"#]).await.ok();

    let report = one.run(&["push"]).await.ok();
    assert_eq!((&report["conflicts"], &report["acknowledged"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(one.states().await, json!({"acknowledged": 2, "held": 2, "rejected": 1}));
    // Without knowledge of what happened there is nothing to merge with.
    let unknown = one.run(&["resolve", "--strategy", "merge"]).await;
    assert_eq!(unknown.error(), ("MERGE_IMPOSSIBLE", 5), "{unknown:?}");
    let conflicts = one.run(&["conflicts"]).await.ok();
    let conflict = &conflicts["conflicts"][0];
    assert_eq!((&conflict["expected_version"], &conflict["actual_version"]), (&json!(1), &json!(2)), "{conflicts}");
    assert_eq!(conflict["held"], 2);
    assert_eq!(one.run(&["push"]).await.ok()["requests"], 0, "held");

    let preview = one.run(&["rebase"]).await.ok();
    assert_eq!((&preview["applied"], &preview["resolved"][0]["moved"]), (&json!(false), &json!(1)), "{preview}");
    assert_eq!(one.states().await["rejected"], 1, "a preview changes nothing");
    let done = one.run(&["rebase", "--apply"]).await.ok();
    assert_eq!((&done["applied"], &done["resolved"][0]["base_version"]), (&json!(true), &json!(2)), "{done}");
    assert_eq!(one.run(&["push"]).await.ok()["acknowledged"], 3);
    let notes = payloads(&server, "o-1").await;
    assert_eq!(
        Value::from(notes),
        json!([{"status": "new"}, {"status": "paid"}, {"note": "a"}, {"note": "b"}, {"note": "c"}])
    );
    assert_eq!(one.states().await, json!({"acknowledged": 5, "discarded": 1}));
    assert_eq!(one.run(&["resolve", "1", "-s", "ours"]).await.error(), ("CONFLICT_NOT_FOUND", 8));
    let audit = one.audit().await;
    assert_eq!(text(&audit, "SELECT strategy FROM sync_conflict").await, "local-wins");
    let causation = "SELECT count(*) FROM sync_event n JOIN sync_event o ON o.local_seq = n.replaces JOIN event_log l ON l.id = \
                     n.local_seq WHERE replace(l.causation_id, '-', '') = lower(hex(o.event_id)) AND n.position = o.position";
    assert_eq!(count(&audit, causation).await, 1);
}

/// M04: the other strategies, on one conflict each.
#[tokio::test]
async fn every_strategy_settles() {
    let server = Server::start().await;
    let (one, stranger) = (Machine::enrolled(&server, 1).await, server.stranger(3).await);
    for (entity, strategy, more, expected) in [
        ("theirs", "accept_remote", vec![], json!([{"status": "paid"}])),
        ("merge", "merge", vec![], json!([{"status": "paid"}, {"note": "mine", "status": "paid"}])),
        ("manual", "manual", vec!["--payload", r#"{"by":"hand"}"#], json!([{"status": "paid"}, {"by": "hand"}])),
        ("ours", "ours", vec![], json!([{"status": "paid"}, {"note": "mine"}])),
    ] {
        versioned(&one, entity, r#"{"note":"mine"}"#).await;
        versioned(&one, entity, r#"{"note":"built on it"}"#).await;
        server.push(&stranger, entity, json!({"status": "paid"})).await;
        assert_eq!(one.run(&["push"]).await.ok()["conflicts"], 1);
        one.run(&["pull"]).await.ok();
        let mut arguments = vec!["resolve", "--strategy", strategy, "--apply"];
        arguments.extend(more);
        let done = one.run(&arguments).await.ok();
        let given_up = i32::from(entity == "theirs");
        assert_eq!(done["resolved"][0]["given_up"], given_up, "{done}");
        assert_eq!(one.run(&["push"]).await.ok()["acknowledged"], if given_up == 1 { 0 } else { 2 });
        let mut expected = expected.as_array().unwrap().clone();
        if given_up == 0 {
            expected.push(json!({"note": "built on it"}));
        }
        assert_eq!(payloads(&server, entity).await, expected, "{entity}");
    }
    let differs = r#"{"status":"held"}"#;
    versioned(&one, "differs", differs).await;
    server.push(&stranger, "differs", json!({"status": "paid"})).await;
    one.run(&["push"]).await.ok();
    one.run(&["pull"]).await.ok();
    let refused = one.run(&["resolve", "--strategy", "merge", "--apply"]).await;
    assert!(refused.json["error"]["message"].as_str().unwrap().contains("/status"), "{refused:?}");
    assert_eq!(one.run(&["conflicts"]).await.ok()["total"], 1);
}

/// Ruling 9: an event whose outcome is unknown is pushed again unchanged, though its entity has moved on; there is nothing to
/// rebase, and it is in the log once.
#[tokio::test]
async fn an_unknown_outcome_is_no_conflict() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let (one, stranger) = (Machine::enrolled(&server, 1).await, server.stranger(3).await);
    one.init(&proxy.url(), &[]).await.ok();
    versioned(&one, "o-1", r#"{"note":"mine"}"#).await;
    proxy.lose("/api/v1/ves/events/ingest", 1);
    one.run(&["push"]).await;
    // Somebody builds on it.
    server.push(&stranger, "o-1", json!({"status": "paid"})).await;
    assert_eq!(one.run(&["rebase", "--apply"]).await.ok()["applied"], false);
    let audit = one.audit().await;
    let changed = sqlx::query("UPDATE sync_event SET base_version = 7").execute(&audit).await;
    assert!(changed.unwrap_err().to_string().contains("was sent"), "its bytes are settled");
    assert_eq!(one.run(&["push"]).await.ok()["repeated"], 1);
    assert_eq!(payloads(&server, "o-1").await, [json!({"note": "mine"}), json!({"status": "paid"})]);
    let gone = sqlx::query("UPDATE sync_event SET state = 'pending'").execute(&audit).await;
    assert!(gone.unwrap_err().to_string().contains("final"));
    assert!(sqlx::query("DELETE FROM sync_event").execute(&audit).await.is_err());
}
