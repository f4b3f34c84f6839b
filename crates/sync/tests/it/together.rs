//! Several processes on one database.

use std::collections::HashSet;

use serde_json::json;

use crate::harness::{Machine, Server, count};

/// E17, M01: processes write, push and pull on one database at once; every event arrives once, each writer's in its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_database() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    let mut children = Vec::new();
    for writer in ["a-{}", "b-{}"] {
        children.push(machine.spawn(&["fill", "--count", "60", "--entity-id", writer]));
    }
    children.push(machine.spawn(&["fill", "--count", "300", "--bulk", "--entity-id", "bulk-{}"]));
    for _ in 0..2 {
        for verb in ["push", "pull", "push"] {
            children.push(machine.spawn(&[verb, "--wait", "300"]));
        }
    }
    for child in &mut children {
        assert!(child.wait().await.unwrap().success());
    }
    machine.run(&["push"]).await.ok();
    machine.run(&["pull"]).await.ok();
    let events = server.events().await;
    let ids: HashSet<_> = events.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
    assert_eq!((events.len(), ids.len()), (420, 420));
    for writer in ["a-", "b-", "bulk-"] {
        let numbers: Vec<u64> = events
            .iter()
            .filter(|event| event["entity_id"].as_str().unwrap().starts_with(writer))
            .map(|event| event["payload"]["number"].as_u64().unwrap())
            .collect();
        assert!(numbers.is_sorted(), "{writer}: {numbers:?}");
    }
    assert_eq!(machine.states().await, json!({"acknowledged": 420}));
    let audit = machine.audit().await;
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_pulled WHERE own").await, 420);
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_receipt WHERE flaw IS NULL").await, 420);
}

/// Who has to wait longer than it wants to is told who is at it.
#[tokio::test]
async fn a_busy_database_is_named() {
    let mut server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.write(1, 1).await;
    server.0.kill9().await.unwrap();
    let mut patient = machine.spawn(&["push", "--retry-for", "600"]);
    let audit = machine.audit().await;
    while count(&audit, "SELECT failures FROM sync_progress WHERE direction = 'push'").await == 0 {
        tokio::task::yield_now().await;
    }
    let busy = machine.run(&["push", "--wait", "0"]).await;
    assert_eq!(busy.error(), ("SYNC_BUSY", 7), "{busy:?}");
    let holder = format!("process {}", patient.id().unwrap());
    assert!(busy.json["error"]["message"].as_str().unwrap().contains(&holder), "{busy:?}");
    patient.kill().await.unwrap();
    // Its lock went with it.
    assert_eq!(machine.run(&["push", "--wait", "0"]).await.error().0, "EVENT_SYNC_FAILED");
}
