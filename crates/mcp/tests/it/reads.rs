//! Tools that look.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::world::{CURRENT, World};

/// K01, B03: the exact members first, then the rest.
#[tokio::test]
async fn events_are_listed() {
    let world = World::new().await;
    let served = world.serve(false).await;
    let all = served.call("list_events", json!({ "oldest_first": true })).await;
    assert_eq!((all["total"].as_u64(), all["events"].as_array().map(Vec::len)), (Some(6), Some(6)));
    assert_eq!(all["events"][0]["event_id"], world.shop.delivered);
    assert!(all["events"][0].get("payload").is_none(), "payloads only where they are asked for");
    let page = served.call("list_events", json!({ "entity_type": "order", "limit": 2 })).await;
    assert_eq!((page["total"].as_u64(), page["events"].as_array().map(Vec::len)), (Some(3), Some(2)));
    let next = json!({ "entity_type": "order", "limit": 2, "cursor": page["next_cursor"] });
    let rest = served.call("list_events", next).await;
    assert_eq!(rest["events"].as_array().map(Vec::len), Some(1));
    let paid = json!({ "where": ["amount_cents>10000"], "include_payload": true });
    let paid = served.call("list_events", paid).await;
    assert_eq!(paid["total"], 2);
    assert_eq!(paid["events"][0]["payload"]["amount_cents"], 30_000);
}

/// B05, rulings 22: nothing is explained.
#[tokio::test]
async fn nothing_found_says_why() {
    let world = World::new().await;
    let served = world.serve(false).await;
    let nothing = served.call("list_events", json!({ "event_type": "order.craeted", "entity_type": "order" })).await;
    assert_eq!(nothing["total"], 0);
    assert_eq!(nothing["diagnostics"]["unfiltered"], 6);
    assert_eq!(nothing["diagnostics"]["nearest_event_types"], json!(["order.created"]));
}

/// K02, K03, B02, B04
#[tokio::test]
async fn one_event_its_deliveries_and_its_history() {
    let world = World::new().await;
    let served = world.serve(false).await;
    let event = served.call("get_event", json!({ "event_id": world.shop.dead, "include_attempts": true })).await;
    assert_eq!(event["event"]["payload"]["order_id"], "ORD-3");
    assert_eq!(event["deliveries"][0]["state"], "dead");
    assert_eq!(event["deliveries"][0]["history"][0]["class"], "http_422");
    let uuid = event["event"]["event_uuid"].as_str().expect("a UUID").to_owned();
    let by_start = served.call("get_event", json!({ "event_id": uuid[..23] })).await;
    assert_eq!(by_start["event"]["event_id"], world.shop.dead);
    let verified = served.call("verify_event", json!({ "event_id": world.shop.dead })).await;
    assert_eq!((&verified["verified"], &verified["state"]), (&json!(false), &json!("absent")));
    let history = served.call("entity_timeline", json!({ "entity_type": "order", "entity_id": "ORD-3" })).await;
    let types: Vec<&str> = history["events"].as_array().expect("events").iter().filter_map(|one| one["event_type"].as_str()).collect();
    assert_eq!(types, ["order.created", "payment.succeeded"]);
    let failed = served.call("list_outbox", json!({ "status": "failed" })).await;
    assert_eq!(failed["deliveries"].as_array().map(Vec::len), Some(1));
    assert_eq!((&failed["deliveries"][0]["status"], &failed["deliveries"][0]["will_retry"]), (&json!("Failed"), &json!(false)));
    assert_eq!(failed["counts"]["failed"], 1);
    let all = served.call("list_outbox", json!({ "status": "all" })).await;
    assert_eq!(all["deliveries"].as_array().map(Vec::len), Some(6));
}

/// Limits, misspelt arguments, unknown tools: each refused in its way, with what helps.
#[tokio::test]
async fn bad_calls_are_refused_by_name() {
    let world = World::new().await;
    let served = world.serve(false).await;
    for (tool, arguments, code) in [
        ("list_events", json!({ "limit": 101 }), "INVALID_ARGUMENT"),
        ("list_events", json!({ "limit": 0 }), "INVALID_ARGUMENT"),
        ("list_events", json!({ "evnt_type": "x" }), "INVALID_ARGUMENT"),
        ("list_events", json!({ "tenant_id": "x" }), "INVALID_ARGUMENT"),
        ("list_events", json!({ "status": "faild" }), "INVALID_FILTER"),
        ("list_events", json!({ "cursor": "x" }), "INVALID_ARGUMENT"),
        ("list_events", json!({ "entity_id": "x".repeat(5_000) }), "INVALID_FILTER"),
        ("get_event", json!({}), "INVALID_ARGUMENT"),
        ("get_event", json!({ "event_id": "evt_001" }), "INVALID_ARGUMENT"),
        ("get_event", json!({ "event_id": "0123456789abcdef0123456789abcdef" }), "EVENT_NOT_FOUND"),
        ("entity_timeline", json!({ "entity_type": "order" }), "INVALID_ARGUMENT"),
        ("explain", json!({}), "INVALID_ARGUMENT"),
        ("explain", json!({ "order": "1", "key": "2" }), "INVALID_ARGUMENT"),
        ("get_idempotency_key", json!({ "key": "\u{7}" }), "INVALID_ARGUMENT"),
        ("get_idempotency_key", json!({ "key": "k".repeat(256) }), "INVALID_ARGUMENT"),
        ("create_idempotency_key", json!({ "key": "k", "operation": "o", "ttl": "0s" }), "INVALID_ARGUMENT"),
        ("create_idempotency_key", json!({ "key": "k", "operation": "o", "apply": "yes" }), "INVALID_ARGUMENT"),
        ("redrive_dead_letters", json!({}), "EMPTY_FILTER"),
        ("replay_events", json!({ "to": "hook" }), "EMPTY_FILTER"),
    ] {
        let error = served.refused(tool, arguments.clone()).await;
        assert_eq!(error["code"], code, "{tool} {arguments}: {error}");
        assert_eq!((&error["retryable"], &error["disposition"]), (&json!(false), &json!("change")));
        let text = error["message"].as_str().unwrap_or_default();
        assert!(text.len() < 1_000, "{tool}: {text}");
    }
    let params = json!({ "name": "drop_database", "arguments": {} });
    let (_, text) = served.post(CURRENT, "tools/call", params, HeaderMap::new()).await;
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(reply["error"]["code"], -32602, "{text}");
}

/// K10: what is another tenant's is answered as what is not there.
#[tokio::test]
async fn another_tenant_is_not_there() {
    let world = World::new().await;
    let served = world.serve(true).await;
    let absent = "evt_00000000000000000000000001";
    let event = |id: &str| json!({ "event_id": id });
    for tool in ["get_event", "verify_event", "explain", "acknowledge_event"] {
        let mut answers = Vec::new();
        for id in [world.shop.foreign.as_str(), absent] {
            let mut arguments = event(id);
            if tool == "acknowledge_event" {
                arguments["apply"] = json!(true);
            }
            let raw = served.call_raw(tool, arguments).await;
            let reply: Value = serde_json::from_str(&raw).expect("JSON");
            assert_eq!(reply["result"]["isError"], true, "{tool}: {raw}");
            let uuid = id.parse::<stateset_inspect::EventRef>().expect("an id").to_string();
            answers.push(raw.replace(id, "ID").replace(&uuid, "ID"));
        }
        assert_eq!(answers[0], answers[1], "{tool}");
        assert!(!answers[0].contains("theirs"));
    }
    let listed = served.call("list_events", json!({ "event_id": world.shop.foreign })).await;
    assert_eq!(listed["total"], 0);
    let key = served.call("get_idempotency_key", json!({ "key": "theirs" })).await;
    assert_eq!(key["status"], "not_found");
    let history = served.call("entity_timeline", json!({ "entity_type": "order", "entity_id": "ORD-1", "include_payload": true }));
    assert!(!history.await.to_string().contains("theirs"));
}
