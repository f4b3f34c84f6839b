//! Everybody's events, checked.

use serde_json::{Value, json};
use stateset_ledger::bytes::Hash;
use stateset_testkit::postgres;
use uuid::Uuid;

use crate::harness::{Machine, STORE, Server, TENANT, count, text};
use crate::proxy::Proxy;

const STRANGER: Uuid = Uuid::from_u128(0x9);

/// L21, M02: two agents see each other's events, in the sequencer's order, once, however often they pull; a reader of the
/// replica takes them in its own transaction.
async fn two_agents(server: &Server) {
    let (one, two) = (Machine::enrolled(server, 1).await, Machine::enrolled(server, 2).await);
    for round in 0..3 {
        one.write(round * 400 + 1, 400).await;
        two.write(round * 10 + 1, 10).await;
        one.run(&["push"]).await.ok();
        two.run(&["push"]).await.ok();
    }
    let payload = json!({"price": 1.5});
    let unsigned = json!({"agent_id": STRANGER, "events": [{
        "event_id": Uuid::from_u128(10), "tenant_id": TENANT, "store_id": STORE, "entity_type": "order",
        "entity_id": "legacy", "event_type": "order.created", "payload": payload, "created_at": "2026-01-02T03:04:05Z",
        "payload_hash": Hash::of(&[payload.to_string().as_bytes()]), "source_agent": STRANGER,
    }]});
    let reply = server.client().post_json("/api/v1/events/ingest", &unsigned).await.unwrap();
    let reply: Value = reply.json().unwrap();
    assert_eq!(reply["events_accepted"], 1, "{reply}");
    let total = 1_231;
    for machine in [&one, &two] {
        let report = machine.run(&["pull"]).await.ok();
        assert_eq!((&report["pulled"], &report["quarantined"]), (&json!(total), &json!(0)), "{report}");
        let again = machine.run(&["pull"]).await.ok();
        assert_eq!((&again["pulled"], &again["size"]), (&json!(0), &json!(total)));
        let audit = machine.audit().await;
        assert_eq!(count(&audit, "SELECT count(*) FROM sync_pulled").await, total);
        assert_eq!(count(&audit, "SELECT max(sequence) FROM sync_pulled").await, total);
    }
    let stream: Vec<String> =
        server.events().await.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect();
    let replica = two.replica().await;
    let mut taken = Vec::new();
    loop {
        let events = replica.next_for("projection").await.unwrap();
        let Some(last) = events.last() else { break };
        let mut tx = replica.begin().await.unwrap();
        replica.taken(&mut tx, "projection", last.sequence).await.unwrap();
        replica.commit(tx).await.unwrap();
        taken.extend(events.iter().map(|event| event.event_id.to_string()));
    }
    assert_eq!(taken, stream);
    let status = two.run(&["status"]).await.ok();
    assert_eq!((&status["pulled"], &status["lag"]), (&json!(total), &json!(0)));
    assert!(status["checkpoint"]["note"].as_str().unwrap().starts_with("sync.example/log\n"), "{status}");
}

#[tokio::test]
async fn two_agents_see_the_same() {
    two_agents(&Server::start().await).await;
}

#[tokio::test]
async fn two_agents_see_the_same_on_postgres() {
    let database = postgres::shared().await.unwrap().create_database("sync").await.unwrap();
    two_agents(&Server::on_postgres(database.url()).await).await;
}

/// E11: an own event that is found in the log is delivered, whatever reply was lost; its receipt comes with the next push.
#[tokio::test]
async fn a_pull_finds_what_a_lost_answer_hid() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.init(&proxy.url(), &[]).await.ok();
    machine.write(1, 4).await;
    proxy.lose("/api/v1/ves/events/ingest", 1);
    machine.run(&["push"]).await;
    assert_eq!(machine.run(&["pull"]).await.ok()["own"], 4);
    assert_eq!(machine.states().await, json!({"delivered": 4}));
    assert_eq!(machine.run(&["push"]).await.ok()["repeated"], 4);
    assert_eq!(machine.states().await, json!({"acknowledged": 4}));
    assert_eq!(server.events().await.len(), 4);
}

/// M02: a server that shows something else than its signed history holds: each such event is put into quarantine with the
/// reason and what the tree really holds; the others come through, in order.
#[tokio::test]
async fn what_is_not_believed_goes_into_quarantine() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.init(&proxy.url(), &[]).await.ok();
    let stranger = server.stranger(3).await;
    for number in 1..=8 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    let replay = server.events().await[6].clone();
    proxy.change(move |path, answer| {
        if !path.starts_with("/api/v1/ves/events?") || !path.contains(&STORE.to_string()) {
            return;
        }
        for event in answer["events"].as_array_mut().into_iter().flatten() {
            match event["sequence_number"].as_u64() {
                // The payload, without and with its hash.
                Some(2) => event["payload"]["number"] = json!(99),
                Some(3) => event["event_type"] = json!("order.cancelled"),
                // No envelope at all.
                Some(4) => *event = json!({"sequence_number": 4, "surprise": true}),
                // A key that nobody registered.
                Some(5) => event["agent_key_id"] = json!(7),
                // Well signed, and another one than the tree holds here.
                Some(6) => {
                    *event = replay.clone();
                    event["sequence_number"] = json!(6);
                },
                _ => {},
            }
        }
    });
    let report = machine.run(&["pull"]).await.ok();
    assert_eq!((&report["pulled"], &report["quarantined"]), (&json!(3), &json!(5)), "{report}");
    let audit = machine.audit().await;
    let kept =
        text(&audit, "SELECT group_concat(sequence) FROM (SELECT sequence FROM sync_pulled ORDER BY sequence)").await;
    assert_eq!(kept, "1,7,8");
    let codes = text(
        &audit,
        "SELECT group_concat(sequence || ' ' || code) FROM (SELECT * FROM sync_quarantine ORDER BY sequence)",
    )
    .await;
    assert_eq!(
        codes,
        "2 EVENT_INVALID,3 EVENT_SIGNATURE_INVALID,4 UNDECODABLE,5 AGENT_KEY_UNKNOWN,6 NOT_THE_COMMITTED_EVENT"
    );
    let reason = text(&audit, "SELECT reason FROM sync_quarantine WHERE sequence = 3").await;
    assert!(reason.contains("key 1") && reason.contains("over the hash"), "{reason}");
    // What is in quarantine counts as a version of its entity, as far as it can be read.
    assert_eq!(count(&audit, "SELECT version FROM sync_entity WHERE entity_id = 'o-1'").await, 7);
    // Nothing is held up, nothing is asked for again.
    proxy.change_nothing();
    server.push(&stranger, "o-1", json!({"number": 9})).await;
    assert_eq!(machine.run(&["pull"]).await.ok()["pulled"], 1);
    assert!(machine.run(&["status"]).await.ok()["words"].to_string().contains("5 pulled events in quarantine"));
}

/// A key is judged at the time its event got its place: what it signed before its end is good.
#[tokio::test]
async fn a_revoked_key_spoils_nothing_that_was_signed_before() {
    let server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    let stranger = server.stranger(3).await;
    server.push(&stranger, "o-1", json!({})).await;
    let path = format!("/api/v1/agents/{}/keys/1?tenant_id={TENANT}", stranger.id);
    server.client().delete(&path).await.unwrap().expect_status(200).unwrap();
    let report = machine.run(&["pull"]).await.ok();
    assert_eq!((&report["pulled"], &report["quarantined"], &report["key_changes"]), (&json!(1), &json!(0), &json!(3)));
    assert_eq!(count(&machine.audit().await, "SELECT count(*) FROM sync_peer_key WHERE revoked_at > 0").await, 1);
}

/// A gap is no page: a server that leaves an event out is told so, and nothing behind it is taken for something else.
#[tokio::test]
async fn nothing_can_be_left_out() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server.url()).await;
    let machine = Machine::enrolled(&server, 1).await;
    machine.init(&proxy.url(), &[]).await.ok();
    let stranger = server.stranger(3).await;
    for number in 1..=4 {
        server.push(&stranger, "o-1", json!({"number": number})).await;
    }
    proxy.change(|path, answer| {
        if path.starts_with("/api/v1/ves/events?") && path.contains(&STORE.to_string()) {
            answer["events"].as_array_mut().unwrap().remove(1);
        }
    });
    let refused = machine.run(&["pull"]).await;
    assert_eq!(refused.error().0, "EVENT_SYNC_FAILED", "{refused:?}");
    assert!(refused.json.to_string().contains("place 3 was shown where 2 belongs"), "{refused:?}");
    assert_eq!(count(&machine.audit().await, "SELECT count(*) FROM sync_pulled").await, 0);
    proxy.change_nothing();
    assert_eq!(machine.run(&["pull"]).await.ok()["pulled"], 4);
}
