//! Servers that tell another history than before.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Machine, STORE, Server, count};
use crate::proxy::Proxy;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The refusal shows both histories, nothing was taken over, and neither push nor pull goes on.
async fn is_refused(machine: &Machine, kind: &str) -> Value {
    let audit = machine.audit().await;
    let before = count(&audit, "SELECT count(*) FROM sync_pulled").await;
    machine.write(9_000, 1).await;
    let mut shown = Value::Null;
    for verb in ["pull", "push"] {
        let refused = machine.run(&[verb]).await;
        assert_eq!(refused.error(), ("SYNC_HISTORY_FORKED", 5), "{refused:?}");
        let details = refused.json["error"]["details"].clone();
        assert_eq!(details["kind"], kind, "{details}");
        let message = refused.json["error"]["message"].as_str().unwrap();
        for side in ["seen", "shown"] {
            assert!(message.contains(details[side]["root"].as_str().unwrap()), "{message}");
            assert!(message.contains(&format!("size {}", details[side]["size"])), "{message}");
            assert_eq!(details[side]["head"]["signature"].as_str().unwrap().len(), 128, "evidence of both");
        }
        assert_ne!(details["seen"]["root"], details["shown"]["root"]);
        shown = details;
    }
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_pulled").await, before, "nothing was taken over");
    let status = machine.run(&["status"]).await.ok();
    assert_eq!(status["forks"].as_array().unwrap().len(), 1, "{status}");
    assert!(status["words"][0].as_str().unwrap().contains("old backup"), "{status}");
    shown
}

/// M02, N08: a server restored from an old copy is shorter than what it signed; when it has grown again, it begins with
/// other events. Both are refused; the old history, shown again, is taken up where it was left.
#[tokio::test]
async fn a_restored_server_is_refused() {
    let mut server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    let stranger = server.stranger(3).await;
    let data = server.0.folder().join("data");
    let (old, new) = (server.0.folder().join("old"), server.0.folder().join("new"));
    for number in 1..=3 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    server.0.kill9().await.unwrap();
    copy(&data, &old);
    server.0.restart().await.unwrap();
    for number in 4..=6 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    machine.write(1, 2).await;
    machine.run(&["push"]).await.ok();
    assert_eq!(machine.run(&["pull"]).await.ok()["size"], 8);
    server.0.kill9().await.unwrap();
    copy(&data, &new);

    std::fs::remove_dir_all(&data).unwrap();
    copy(&old, &data);
    server.0.restart().await.unwrap();
    let fork = is_refused(&machine, "shrunk").await;
    assert_eq!((&fork["seen"]["size"], &fork["shown"]["size"]), (&json!(8), &json!(3)));

    for number in 40..=49 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    let refused = machine.run(&["pull"]).await;
    assert_eq!(refused.json["error"]["details"]["kind"], "rewritten", "{refused:?}");
    assert!(refused.json["error"]["details"]["shown_root_at_seen_size"].is_string());

    server.0.kill9().await.unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&new, &data);
    server.0.restart().await.unwrap();
    assert_eq!(machine.run(&["push"]).await.ok()["acknowledged"], 1);
    assert_eq!(machine.run(&["pull"]).await.ok()["size"], 9);
    assert_eq!(machine.run(&["status"]).await.ok()["forks"], json!([]));
}

/// A second server with the same key and the same name, and another history of the same length: everything it says is well
/// signed, and still it is refused.
#[tokio::test]
async fn another_server_under_the_same_name_is_refused() {
    let (server, twin) = (Server::start().await, Server::start().await);
    let machine = Machine::enrolled(&server, 1).await;
    for (server, number) in [(&server, 1), (&twin, 2)] {
        let stranger = server.stranger(3).await;
        for more in 0..4 {
            server.push(&stranger, "o-1", json!({"number": number + more})).await;
        }
    }
    assert_eq!(machine.run(&["pull"]).await.ok()["size"], 4);
    // The twin lets the machine in, as an operator's mistake would.
    machine.init_with_api_key(&twin.url(), &[]).await.ok();
    is_refused(&machine, "other_root").await;
    // And when it has become longer.
    let stranger = twin.stranger(4).await;
    twin.push(&stranger, "o-2", json!({})).await;
    assert_eq!(machine.run(&["pull"]).await.json["error"]["details"]["kind"], "rewritten");
}

/// A machine that was killed before it saw a head has only its receipts. They are enough: a server that shows another event
/// at the place of one is refused, and so is one that does not reach the place.
#[tokio::test]
async fn a_receipt_is_held_against_the_server() {
    let mut server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    let data = server.0.folder().join("data");
    let old = server.0.folder().join("old");
    server.0.kill9().await.unwrap();
    copy(&data, &old);
    server.0.restart().await.unwrap();
    machine.write(1, 2).await;
    machine.run(&["push"]).await.ok();
    let audit = machine.audit().await;
    for forget in ["UPDATE sync_stream SET seen_size = 0, seen_root = NULL", "DELETE FROM sync_checkpoint"] {
        sqlx::query(forget).execute(&audit).await.unwrap();
    }
    server.0.kill9().await.unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&old, &data);
    server.0.restart().await.unwrap();
    let short = machine.run(&["pull"]).await;
    assert_eq!(short.error(), ("SYNC_HISTORY_FORKED", 5), "{short:?}");
    assert_eq!(short.json["error"]["details"]["kind"], "shrunk");
    assert!(short.json["error"]["details"]["detail"].as_str().unwrap().contains("a receipt names place 2"));

    let stranger = server.stranger(3).await;
    for number in 1..=3 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    let other = machine.run(&["pull"]).await;
    assert_eq!(other.json["error"]["details"]["kind"], "misplaced", "{other:?}");
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_pulled").await, 0, "nothing was taken over");
    machine.write(3, 1).await;
    assert_eq!(machine.run(&["push"]).await.error().0, "SYNC_HISTORY_FORKED");
}

/// A server that forges the proof, the root, or both, gets no further.
#[tokio::test]
async fn forged_proofs_are_refused() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.init(&proxy.url(), &[]).await.ok();
    let stranger = server.stranger(3).await;
    for number in 0..3 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    machine.run(&["pull"]).await.ok();
    for number in 0..3 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    proxy.change(|path, answer| {
        if path.starts_with("/api/v1/proofs/consistency") && path.contains(&STORE.to_string()) {
            answer["path"][0] = json!("11".repeat(32));
        }
    });
    let refused = machine.run(&["pull"]).await;
    assert_eq!(refused.error().0, "SYNC_HISTORY_FORKED", "{refused:?}");
    proxy.change(|path, answer| {
        if path.starts_with("/api/v1/ves/head") {
            answer["root"] = json!("22".repeat(32));
        }
    });
    assert_eq!(machine.run(&["pull"]).await.error().0, "SEQUENCER_SIGNATURE_INVALID");
    proxy.change(|path, answer| {
        if path.starts_with("/api/v1/ves/head") {
            answer["key_version"] = json!(9);
        }
    });
    assert_eq!(machine.run(&["pull"]).await.error().0, "SEQUENCER_KEY_UNKNOWN");
    proxy.change(|path, answer| {
        if path.starts_with("/api/v1/ves/head") {
            answer["checkpoint"] = Value::Null;
        }
    });
    let refused = machine.run(&["pull"]).await;
    assert_eq!(refused.json["error"]["details"]["of"], "checkpoint", "{refused:?}");
    proxy.change_nothing();
    assert_eq!(machine.run(&["pull"]).await.ok()["size"], 6);
}
