//! Replacing the agent's key.

use serde_json::{Value, json};

use crate::harness::{Machine, Server, TENANT};

async fn revoke(server: &Server, machine: &Machine, key: u32) {
    let path = format!("/api/v1/agents/{}/keys/{key}?tenant_id={TENANT}", machine.agent);
    server.client().delete(&path).await.unwrap().expect_status(200).unwrap();
}

fn key_ids(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["agent_key_id"].as_u64().unwrap()).collect()
}

/// M05, ruling 51: what was written before a rotation is pushed under the key it was written under, what comes after it
/// under the new one.
#[tokio::test]
async fn a_rotation_changes_nothing_that_was_written() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.write(1, 2).await;
    let token = server.token(machine.agent).await;
    let rotation = machine.run(&["keys", "rotate", "--token", &token]).await.ok();
    assert_eq!((&rotation["key_id"], &rotation["retired"]), (&json!(2), &json!([1])), "{rotation}");
    assert!(rotation["next"].as_str().unwrap().contains("push first"));
    machine.write(3, 2).await;
    let keys = machine.run(&["keys", "list"]).await.ok();
    let open: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["open_events"].clone()).collect();
    assert_eq!(open, [2, 2]);
    assert_eq!(machine.run(&["push"]).await.ok()["acknowledged"], 4);
    assert_eq!(key_ids(&server.events().await), [1, 1, 2, 2]);
    revoke(&server, &machine, 1).await;
    assert_eq!(machine.run(&["pull"]).await.ok()["quarantined"], 0);
    machine.write(5, 1).await;
    machine.run(&["push"]).await.ok();
    assert_eq!(key_ids(&server.events().await), [1, 1, 2, 2, 2]);
    // Not permitted, and the old key goes on.
    let refused = machine.run(&["keys", "rotate"]).await;
    assert_eq!(refused.error(), ("EVENT_SYNC_FAILED", 4), "{refused:?}");
    machine.write(6, 1).await;
    assert_eq!(machine.run(&["push"]).await.ok()["acknowledged"], 1);
}

/// M05: events under a key that was revoked too early are definitely refused; a rebase says them again under the new key,
/// in their order, once.
#[tokio::test]
async fn events_of_a_revoked_key_are_said_again() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.write(1, 5).await;
    let token = server.token(machine.agent).await;
    machine.run(&["keys", "rotate", "--token", &token]).await.ok();
    revoke(&server, &machine, 1).await;
    let report = machine.run(&["push"]).await.ok();
    assert_eq!((&report["conflicts"], &report["acknowledged"]), (&json!(5), &json!(0)), "{report}");
    assert_eq!(machine.run(&["rebase", "--apply"]).await.ok()["resolved"].as_array().unwrap().len(), 5);
    assert_eq!(machine.run(&["push"]).await.ok()["acknowledged"], 5);
    let events = server.events().await;
    assert_eq!(key_ids(&events), [2; 5]);
    let numbers: Vec<_> = events.iter().map(|event| event["payload"]["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}
