//! Setting up a machine.

use std::os::unix::fs::PermissionsExt as _;

use uuid::Uuid;

use crate::harness::{Machine, Server, count};
use crate::proxy::Proxy;

/// M05, ruling 60: a token sets the machine up; its secrets are its owner's alone; the token is spent, the machine is not.
#[tokio::test]
async fn a_token_sets_a_machine_up() {
    let server = Server::start().await;
    let machine = Machine::bare(1);
    let token = server.token(machine.agent).await;
    let report = machine.init(&server.url(), &["--token", &token]).await.ok();
    assert_eq!(report["key_id"], 1);
    assert_eq!(report["trusted"][0]["origin"], "first_use");
    let secrets = machine.folder.path().join("agent.db-secrets");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secrets), 0o700);
    let files: Vec<_> = secrets.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
    assert_eq!(mode(&machine.database()), 0o600);
    // Nothing secret is in the database.
    let database = std::fs::read(machine.database()).unwrap();
    for file in &files {
        let secret = std::fs::read(file).unwrap();
        let secret = secret.trim_ascii();
        assert!(!database.windows(secret.len()).any(|window| window == secret), "{file:?}");
    }

    machine.write(1, 3).await;
    assert_eq!(machine.run(&["push"]).await.ok()["acknowledged"], 3);
    let other = Machine::bare(1);
    let again = other.init(&server.url(), &["--token", &token]).await;
    assert_eq!(again.error(), ("EVENT_SYNC_FAILED", 4), "{again:?}");
    assert_eq!(again.json["error"]["details"]["http_status"], 401);
}

/// The answer to the enrolment is lost: the same command goes on with the same key, and needs no other token.
#[tokio::test]
async fn a_lost_answer_costs_nothing() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let machine = Machine::bare(1);
    let token = server.token(machine.agent).await;
    proxy.lose("/api/v1/agents/enrol", 1);
    let lost = machine.init(&proxy.url(), &["--token", &token]).await;
    assert_eq!(lost.error(), ("EVENT_SYNC_FAILED", 7), "{lost:?}");
    let report = machine.init(&proxy.url(), &["--token", &token]).await.ok();
    assert_eq!(report["key_id"], 1);
    machine.write(1, 1).await;
    assert_eq!(machine.run(&["push"]).await.ok()["acknowledged"], 1);
}

/// A machine is one agent's, of one store, of one log; what it believes is settled at the first contact, or by a person.
#[tokio::test]
async fn a_machine_is_set_up_for_good() {
    let server = Server::start().await;
    let machine = Machine::bare(1);
    assert_eq!(machine.run(&["status"]).await.error(), ("SYNC_NOT_INITIALISED", 8));
    let token = server.token(machine.agent).await;
    let wrong = format!("1:{}", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let refused = machine.init(&server.url(), &["--token", &token, "--sequencer-key", &wrong]).await;
    assert_eq!(refused.error(), ("SEQUENCER_KEY_UNKNOWN", 4));
    machine.init(&server.url(), &["--token", &token]).await.ok();
    let other = Machine { agent: Uuid::from_u128(9), ..machine };
    let refused = other.init(&server.url(), &["--token", "ss_0_0"]).await;
    assert_eq!(refused.error(), ("SYNC_ALREADY_INITIALISED", 5));
}

/// A key may be brought along, and an API key that may register keys does instead of a token.
#[tokio::test]
async fn a_key_is_imported() {
    let server = Server::start().await;
    let machine = Machine::bare(1);
    let file = machine.folder.path().join("mine.key");
    std::fs::write(&file, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n").unwrap();
    let import = file.to_str().unwrap();
    let report = machine.init_with_api_key(&server.url(), &["--import-key", import]).await.ok();
    assert_eq!(report["public_key"], "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let keys = machine.run(&["keys", "list"]).await.ok();
    assert_eq!(keys["keys"][0]["public_key"], report["public_key"]);
    assert_eq!(count(&machine.audit().await, "SELECT count(*) FROM sync_key WHERE registered_at IS NOT NULL").await, 1);
    let none = Machine::bare(2).init(&server.url(), &[]).await;
    assert_eq!(none.error(), ("INVALID_ARGUMENT", 2));
}
