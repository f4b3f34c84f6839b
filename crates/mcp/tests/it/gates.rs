//! Tools that write: when they do, and when they only say what they would do.

use serde_json::{Value, json};

use crate::shop::HOOK;
use crate::world::{Served, World};

fn key(apply: bool) -> Value {
    json!({ "key": "create_order_ORD-123", "operation": "create_order", "ttl": "24h", "apply": apply })
}

/// Every tool that writes, with arguments that would change something.
fn writes(world: &World) -> [(&'static str, Value); 4] {
    [
        ("create_idempotency_key", key(false)),
        ("acknowledge_event", json!({ "event_id": world.shop.delivered, "reason": "the shop says so" })),
        ("redrive_dead_letters", json!({ "event_type": "order.*" })),
        ("replay_events", json!({ "entity_id": "ORD-1", "to": HOOK })),
    ]
}

/// K07, K08: `applied` is the first member on the wire, the text begins with the words, and nothing has changed.
#[tokio::test]
async fn a_preview_cannot_be_mistaken_and_changes_nothing() {
    let world = World::new().await;
    let before = world.dump().await;
    for server_applies in [false, true] {
        let served = world.serve(server_applies).await;
        for (tool, mut arguments) in writes(&world) {
            for apply in [Value::Null, json!(false), json!(true)] {
                if apply == true && server_applies {
                    continue;
                }
                arguments["apply"] = apply.clone();
                let raw = served.call_raw(tool, arguments.clone()).await;
                assert!(raw.contains(r#""structuredContent":{"applied":false,"#), "{tool}: {raw}");
                assert!(raw.contains(r#""text":"NOT EXECUTED: "#), "{tool}: {raw}");
                assert!(raw.contains(r#"\"applied\":false"#), "{tool}: {raw}");
                let reply: Value = serde_json::from_str(&raw).expect("JSON");
                let answer = &reply["result"]["structuredContent"];
                assert_eq!(reply["result"]["isError"], false, "{raw}");
                let message = answer["message"].as_str().expect("a message");
                assert_eq!(message.matches("NOT EXECUTED").count(), 1, "{message}");
                assert_eq!(message.contains("without --apply"), apply == true, "{message}");
                assert_eq!(answer.get("plan_id").is_some(), tool != "acknowledge_event" && apply != true, "{raw}");
            }
        }
    }
    assert_eq!(world.dump().await, before);
}

/// K05, K06, I06, I07: reserved once; a key that exists comes back, and is no error unless that is asked for.
#[tokio::test]
async fn a_key_is_reserved_once() {
    let world = World::new().await;
    let served = world.serve(true).await;
    let look = json!({ "key": "create_order_ORD-123", "operation": "create_order" });
    assert_eq!(served.call("get_idempotency_key", look.clone()).await["status"], "not_found");
    let created = served.call("create_idempotency_key", key(true)).await;
    assert_eq!((&created["applied"], &created["created"], &created["status"]), (&json!(true), &json!(true), &json!("active")));
    assert!(created["expires_at"].is_string(), "{created}");
    let again = served.call("create_idempotency_key", key(true)).await;
    assert_eq!((&again["created"], &again["command_id"]), (&json!(false), &created["command_id"]));
    let found = served.call("get_idempotency_key", look).await;
    assert_eq!((&found["status"], &found["disposition"]), (&json!("active"), &json!("same_key")));
    let mut must = key(true);
    must["must_be_new"] = json!(true);
    let error = served.refused("create_idempotency_key", must).await;
    assert_eq!((&error["code"], &error["disposition"]), (&json!("EVENT_DUPLICATE_KEY"), &json!("new_key")));
}

/// H07, K04: once more changes nothing more; what is not delivered is refused; the audit says who.
#[tokio::test]
async fn an_event_is_acknowledged() {
    let world = World::new().await;
    let served = world.serve(true).await;
    let arguments = json!({ "event_id": world.shop.delivered, "reason": "seen there", "apply": true });
    let done = served.call("acknowledge_event", arguments.clone()).await;
    assert_eq!((&done["applied"], &done["deliveries"][0]["state"]), (&json!(true), &json!("acknowledged")), "{done}");
    let before = acknowledgements(&world).await;
    served.call("acknowledge_event", arguments).await;
    assert_eq!((before, acknowledgements(&world).await), (1, 1));
    let actor: String = sqlx::query_scalar("SELECT actor FROM audit WHERE action = 'delivery.acknowledged'")
        .fetch_one(&mut *world.outbox.begin().await.expect("a transaction"))
        .await
        .expect("an entry");
    assert_eq!(actor, "tester (mcp: raw  client)");
}

async fn acknowledgements(world: &World) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'delivery.acknowledged'")
        .fetch_one(&mut *world.outbox.begin().await.expect("a transaction"))
        .await
        .expect("a count")
}

async fn code(served: &Served, tool: &str, arguments: &Value) -> String {
    served.refused(tool, arguments.clone()).await["code"].as_str().expect("a code").to_owned()
}

/// H07: what has not arrived is not acknowledged.
#[tokio::test]
async fn what_was_not_delivered_is_not_acknowledged() {
    let world = World::new().await;
    let served = world.serve(true).await;
    for apply in [false, true] {
        let arguments = json!({ "event_id": world.shop.dead, "apply": apply });
        let error = served.refused("acknowledge_event", arguments).await;
        assert_eq!((&error["code"], &error["disposition"]), (&json!("NOT_ACKNOWLEDGEABLE"), &json!("change")));
        assert!(error["message"].as_str().expect("a message").contains("dead"), "{error}");
    }
}

/// Rulings 58: what changes many needs a fresh plan of the very same arguments.
#[tokio::test]
async fn many_are_changed_only_as_previewed() {
    let world = World::new().await;
    let served = world.serve(true).await;
    for (tool, arguments, count) in [
        ("redrive_dead_letters", json!({ "event_type": "order.*", "since": "1h" }), 1),
        ("replay_events", json!({ "entity_id": "ORD-1", "to": HOOK }), 1),
    ] {
        let preview = served.call(tool, arguments.clone()).await;
        assert_eq!(preview["plan"]["count"], count, "{preview}");
        let mut apply = arguments.clone();
        apply["apply"] = json!(true);
        assert_eq!(code(&served, tool, &apply).await, "PLAN_REQUIRED");
        apply["plan_id"] = preview["plan_id"].clone();
        let mut other = apply.clone();
        other["event_type"] = json!("*");
        assert_eq!(code(&served, tool, &other).await, "PLAN_MISMATCH");
        let elsewhere = world.serve(true).await;
        assert_eq!(code(&elsewhere, tool, &apply).await, "PLAN_NOT_FOUND", "of another server");
        let done = served.call(tool, apply.clone()).await;
        assert_eq!((&done["applied"], &done["result"]["done"]), (&json!(true), &json!(count)), "{done}");
        assert_eq!(served.call(tool, apply).await, done, "a lost reply is asked for again; nothing is done twice");
    }
    let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM job")
        .fetch_one(&mut *world.outbox.begin().await.expect("a transaction"))
        .await
        .expect("a count");
    assert_eq!(jobs, 2);
    let redriven: i64 = sqlx::query_scalar("SELECT count(*) FROM dead_letter WHERE resolution = 'redriven'")
        .fetch_one(&mut *world.outbox.begin().await.expect("a transaction"))
        .await
        .expect("a count");
    assert_eq!(redriven, 1);
    let state = served.call("get_event", json!({ "event_id": world.shop.dead })).await;
    assert_ne!(state["deliveries"][0]["state"], "dead");
}
