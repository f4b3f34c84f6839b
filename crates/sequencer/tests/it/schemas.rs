//! The schema registry.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use stateset_sequencer::schemas::Mode;
use stateset_sequencer::schemas::admit::{MAX_BYTES, admit};
use tokio::time::Instant;

use crate::harness::{Reply, Sequencer, Setting, Unsigned, scope};

const TENANT: &str = "tenant_id=00000000-0000-0000-0000-000000000001";

fn order_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": { "amount_cents": { "type": "integer", "minimum": 0 }, "currency": { "$ref": "#/$defs/currency" } },
        "required": ["amount_cents"],
        "$defs": { "currency": { "type": "string", "pattern": "^[A-Z]{3}$" } },
    })
}

async fn with_mode(schema_mode: Mode) -> Sequencer {
    Sequencer::with(Setting { schema_mode, ..Setting::default() }).await
}

impl Sequencer {
    async fn register(&self, event_type: &str, schema: &Value) -> Reply {
        let body = json!({ "tenantId": scope(1, 2).tenant, "eventType": event_type, "schemaJson": schema });
        self.post("/api/v1/schemas", &body.to_string()).await
    }

    /// Ingests one event of `order.created` as the first API has it.
    async fn push(&self, number: u64, event_type: &str, payload: &str) -> Value {
        let event = Unsigned::new(scope(1, 2), number).typed(event_type).payload(payload);
        let body = format!(r#"{{"agent_id":"{}","events":[{}]}}"#, event.agent, event.json());
        self.post("/api/v1/events/ingest", &body).await.json()
    }
}

/// C21, A18: registered, listed, found by number, type and version; the same again is the one that is there; what would
/// break readers is refused and named.
#[tokio::test]
async fn schemas_are_registered_once_and_only_grow() {
    let sequencer = Sequencer::new().await;
    let first = sequencer.register("order.created", &order_schema()).await.json();
    assert_eq!((&first["created"], &first["schemaId"], &first["version"]), (&json!(true), &json!(1), &json!(1)));
    let again = sequencer.register("order.created", &Value::String(order_schema().to_string())).await.json();
    assert_eq!((&again["created"], &again["schemaId"]), (&json!(false), &json!(1)));

    let mut grown = order_schema();
    grown["properties"]["tax_cents"] = json!({ "type": "integer" });
    let second = sequencer.register("order.created", &grown).await.json();
    assert_eq!((&second["schemaId"], &second["version"]), (&json!(2), &json!(2)));
    let mut broken = grown.clone();
    broken["properties"]["amount_cents"]["type"] = json!("string");
    let refused = sequencer.register("order.created", &broken).await;
    let (status, code, _) = refused.problem();
    assert_eq!((status, code.as_str()), (409, "SCHEMA_INCOMPATIBLE"));
    assert!(refused.text().contains("/properties/amount_cents"), "{}", refused.text());

    let list = sequencer.get(&format!("/api/v1/schemas?{TENANT}&event_type=order.created")).await.json();
    assert_eq!((&list["count"], &list["policy"]["compatibility"]), (&json!(2), &json!("FULL_TRANSITIVE")));
    let latest = sequencer.get(&format!("/api/v1/schemas/event-type/order.created/latest?{TENANT}")).await.json();
    assert_eq!((&latest["version"], &latest["schemaJson"]), (&json!(2), &grown));
    let one = sequencer.get(&format!("/api/v1/schemas/1?{TENANT}")).await.json();
    assert_eq!((&one["schemaJson"], &one["status"]), (&order_schema(), &json!("active")));

    let status = json!({ "tenantId": scope(1, 2).tenant, "status": "disabled" }).to_string();
    assert_eq!(sequencer.put("/api/v1/schemas/2/status", &status).await.json()["status"], "disabled");
    let latest = sequencer.get(&format!("/api/v1/schemas/event-type/order.created/latest?{TENANT}")).await.json();
    assert_eq!(latest["version"], 1);
    for _ in 0..2 {
        let gone = sequencer.send(Method::DELETE, &format!("/api/v1/schemas/1?{TENANT}"), &[], "").await;
        assert_eq!(gone.status, StatusCode::OK);
    }
    assert_eq!(sequencer.get(&format!("/api/v1/schemas/1?{TENANT}")).await.problem().1, "SCHEMA_NOT_FOUND");
    // What is out of force is part of the history all the same.
    let shrunk = sequencer.register("order.created", &order_schema()).await;
    assert_eq!(shrunk.problem().1, "SCHEMA_INCOMPATIBLE");
    grown["properties"]["shipping_cents"] = json!({ "type": "integer" });
    let third = sequencer.register("order.created", &grown).await.json();
    assert_eq!((&third["schemaId"], &third["version"]), (&json!(3), &json!(3)), "numbers are never given twice");
}

/// C09, C21: `enforce` refuses what does not keep its schema, event by event, and says where; the value itself is not repeated.
#[tokio::test]
async fn enforce_refuses_what_does_not_keep_its_schema() {
    let sequencer = Sequencer::new().await;
    sequencer.register("order.created", &order_schema()).await.json();
    let (good, bad) = (r#"{"amount_cents":5}"#, r#"{"amount_cents":"secret-4711","currency":"usd"}"#);
    let events: Vec<String> = (1..=6)
        .map(|number| {
            let payload = if number % 2 == 0 { bad } else { good };
            Unsigned::new(scope(1, 2), number).typed("order.created").payload(payload).json()
        })
        .collect();
    let agent = Unsigned::new(scope(1, 2), 1).agent;
    let body = format!(r#"{{"agent_id":"{agent}","events":[{}]}}"#, events.join(","));
    let reply = sequencer.post("/api/v1/events/ingest", &body).await.json();
    assert_eq!((&reply["events_accepted"], &reply["events_rejected"]), (&json!(3), &json!(3)), "{reply}");
    let rejection = &reply["rejections"][0];
    assert_eq!(
        (&rejection["code"], &rejection["reason"]),
        (&json!("SCHEMA_VALIDATION_FAILED"), &json!("schema_validation"))
    );
    assert_eq!(rejection["index"], 1);
    let message = rejection["message"].as_str().unwrap();
    assert!(message.contains("/amount_cents") && message.contains("/currency"), "{message}");
    assert!(!reply.to_string().contains("4711"), "{reply}");
    // A type without a schema is free, and its alias is held to the canonical type's schema.
    assert_eq!(sequencer.push(20, "loyalty.earned", "{}").await["events_accepted"], 1);
    sequencer.register("payment.succeeded", &order_schema()).await.json();
    assert_eq!(sequencer.push(21, "payment.completed", "{}").await["events_rejected"], 1);
}

/// L02: what was taken before its schema came is a duplicate when it comes again, not a rejection.
#[tokio::test]
async fn a_repetition_keeps_its_place_whatever_became_of_the_schema() {
    let sequencer = Sequencer::new().await;
    let first = sequencer.push(1, "order.created", r#"{"total":1}"#).await;
    assert_eq!(first["events_accepted"], 1);
    sequencer.register("order.created", &order_schema()).await.json();
    let again = sequencer.push(1, "order.created", r#"{"total":1}"#).await;
    assert_eq!((&again["events_duplicate"], &again["events_rejected"]), (&json!(1), &json!(0)), "{again}");
    assert_eq!(sequencer.push(2, "order.created", r#"{"total":1}"#).await["events_rejected"], 1);
}

/// C21: the server's mode, and a tenant's own for all types or one.
#[tokio::test]
async fn modes_decide_what_becomes_of_a_violation() {
    for (mode, bad, unknown, warnings) in [
        (Mode::Disabled, "events_accepted", "events_accepted", 0),
        (Mode::Warn, "events_accepted", "events_accepted", 1),
        (Mode::Enforce, "events_rejected", "events_accepted", 0),
        (Mode::Required, "events_rejected", "events_rejected", 0),
    ] {
        let sequencer = with_mode(mode).await;
        sequencer.register("order.created", &order_schema()).await.json();
        let reply = sequencer.push(1, "order.created", "{}").await;
        assert_eq!(reply[bad], 1, "{mode:?} {reply}");
        let said = reply["warnings"].as_array().map_or(0, |list| {
            list.iter().filter(|one| one["message"].as_str().unwrap().starts_with("schema:")).count()
        });
        assert_eq!(said, warnings, "{mode:?} {reply}");
        let reply = sequencer.push(2, "loyalty.earned", "{}").await;
        assert_eq!(reply[unknown], 1, "{mode:?} {reply}");
        if mode == Mode::Required {
            assert_eq!(reply["rejections"][0]["code"], "SCHEMA_NOT_FOUND");
        }
        // For one type, then for all, the tenant decides.
        let decide = |mode: &str| json!({ "tenantId": scope(1, 2).tenant, "mode": mode }).to_string();
        sequencer.put("/api/v1/schemas/event-type/order.created/policy", &decide("strict")).await.json();
        sequencer.put("/api/v1/schemas/event-type/*/policy", &decide("disabled")).await.json();
        assert_eq!(sequencer.push(3, "order.created", "{}").await["events_rejected"], 1);
        assert_eq!(sequencer.push(4, "loyalty.earned", "{}").await["events_accepted"], 1);
    }
}

/// Ruling 54, C21: the commitment to a personal value keeps the schema of a member that is marked `x-pii`, and of no other.
#[tokio::test]
async fn a_commitment_stands_for_a_personal_value() {
    let sequencer = with_mode(Mode::Required).await;
    let email = json!({ "type": "string", "format": "email", "x-pii": true });
    let schema = json!({ "type": "object", "required": ["email"], "properties": { "email": email, "id": { "type": "string" } } });
    sequencer.register("customer.created", &schema).await.json();
    let commitment = json!({ "$personal": "0b".repeat(32) });
    for (number, payload, taken) in [
        (1, json!({ "id": "c1", "email": commitment }), 1),
        (2, json!({ "id": "c1", "email": "ada@example.com" }), 1),
        (3, json!({ "id": "c1", "email": "nobody" }), 0),
        (4, json!({ "id": commitment, "email": commitment }), 0),
        (5, json!({ "email": { "$personal": "short" } }), 0),
        (6, json!({ "email": { "$personal": "0b".repeat(32), "more": 1 } }), 0),
        (7, json!({ "id": "c1" }), 0),
    ] {
        let reply = sequencer.push(number, "customer.created", &payload.to_string()).await;
        assert_eq!(reply["events_accepted"], taken, "{payload} {reply}");
    }
}

/// C21: a deprecated schema holds, and says that it is; a payload can be tried without being sent.
#[tokio::test]
async fn deprecated_schemas_warn_and_payloads_can_be_tried() {
    let sequencer = Sequencer::new().await;
    sequencer.register("order.created", &order_schema()).await.json();
    let status = json!({ "tenantId": scope(1, 2).tenant, "status": "deprecated" }).to_string();
    sequencer.put("/api/v1/schemas/1/status", &status).await.json();
    let reply = sequencer.push(1, "order.created", r#"{"amount_cents":1}"#).await;
    assert!(reply["warnings"].to_string().contains("deprecated"), "{reply}");

    let try_it = |payload: Value| {
        json!({ "tenantId": scope(1, 2).tenant, "eventType": "order.created", "payload": payload }).to_string()
    };
    let verdict = sequencer.post("/api/v1/schemas/validate", &try_it(json!({ "amount_cents": -1 }))).await.json();
    assert_eq!((&verdict["valid"], &verdict["errors"][0]["path"]), (&json!(false), &json!("/amount_cents")));
    let verdict = sequencer.post("/api/v1/schemas/validate", &try_it(json!({ "amount_cents": 1 }))).await.json();
    assert_eq!((&verdict["valid"], &verdict["schemaVersion"]), (&json!(true), &json!(1)));
}

/// Another process finds a change within five seconds, this one at once.
#[tokio::test]
async fn a_change_elsewhere_is_found_in_time() {
    let store: Arc<stateset_store::memory::MemoryStore> = Arc::default();
    let setting = || Setting { store: Arc::clone(&store) as _, ..Setting::default() };
    let (one, other) = (Sequencer::with(setting()).await, Sequencer::with(setting()).await);
    assert_eq!(other.push(1, "order.created", "{}").await["events_accepted"], 1);
    one.register("order.created", &order_schema()).await.json();
    assert_eq!(one.push(2, "order.created", "{}").await["events_rejected"], 1);
    other.clock.set(crate::harness::START + 5_000_000);
    assert_eq!(other.push(3, "order.created", "{}").await["events_rejected"], 1);
}

/// Hostile schemas: what would fetch, never end or cost too much is refused, quickly and by name.
#[tokio::test]
async fn hostile_schemas_are_refused() {
    let sequencer = Sequencer::new().await;
    let nested = (0..60).fold(json!({}), |inner, _| json!({ "properties": { "a": inner } }));
    let mut doubling = json!({ "$defs": { "d0": {} }, "$ref": "#/$defs/d40" });
    for level in 1..=40 {
        let below = json!({ "$ref": format!("#/$defs/d{}", level - 1) });
        doubling["$defs"][format!("d{level}")] = json!({ "allOf": [below, below] });
    }
    let mut chained = json!({ "$defs": {}, "$ref": "#/$defs/d2000" });
    for level in 0..=2_000 {
        chained["$defs"][format!("d{level}")] = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
    }
    for (name, schema) in [
        ("a remote reference", json!({ "$ref": "http://169.254.169.254/latest/meta-data" })),
        ("a file", json!({ "properties": { "a": { "$ref": "file:///etc/passwd" } } })),
        ("a relative reference", json!({ "$ref": "other.json" })),
        ("a dynamic reference", json!({ "$dynamicRef": "#node" })),
        ("an anchor", json!({ "$ref": "#node", "$defs": { "a": { "$anchor": "node" } } })),
        ("a base within", json!({ "properties": { "a": { "$id": "http://evil.example/", "$ref": "#/x" } } })),
        ("nowhere", json!({ "$ref": "#/$defs/nothing" })),
        ("itself", json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }] })),
        ("itself within items", json!({ "items": { "allOf": [{ "$ref": "#" }, { "$ref": "#" }] } })),
        (
            "a circle of two",
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } }),
        ),
        ("deep nesting", nested),
        ("two to the forty", doubling),
        ("a long chain", chained),
        ("a look-ahead", json!({ "properties": { "a": { "pattern": "^(?=a)b" } } })),
        ("a back-reference", json!({ "properties": { "a": { "pattern": "(a+)\\1+$" } } })),
        ("an expression that wants memory", json!({ "properties": { "a": { "pattern": "((a{1000}){1000}){100}" } } })),
        ("a long expression", json!({ "properties": { "a": { "pattern": "a".repeat(600) } } })),
        ("another dialect", json!({ "$schema": "http://evil.example/schema" })),
        ("no schema", json!({ "type": 5 })),
        ("a list", json!([])),
        ("true", json!(true)),
    ] {
        let began = Instant::now();
        let refused = sequencer.register("order.created", &schema).await;
        assert_eq!(refused.problem().1, "INVALID_SCHEMA", "{name}: {}", refused.text());
        assert!(began.elapsed() < Duration::from_secs(5), "{name} took {:?}", began.elapsed());
    }
    let long = format!(r#"{{"description":"{}"}}"#, "a".repeat(MAX_BYTES));
    admit(&long).unwrap_err();
    let deep = format!("{}{}", r#"{"not":"#.repeat(10_000), "}".repeat(10_000));
    admit(&deep).unwrap_err();
}

/// An expression that makes backtracking engines take years takes no time here.
#[tokio::test]
async fn expressions_take_linear_time() {
    let sequencer = Sequencer::new().await;
    let schema = json!({ "type": "object", "properties": { "a": { "pattern": "^(a+)+$" } } });
    sequencer.register("order.created", &schema).await.json();
    let payload = json!({ "a": format!("{}!", "a".repeat(200_000)) }).to_string();
    let began = Instant::now();
    assert_eq!(sequencer.push(1, "order.created", &payload).await["events_rejected"], 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// C21: what Confluent clients ask, in their own words. `scripts/registry.sh` does the same with a real client.
#[tokio::test]
async fn the_registry_speaks_to_confluent_clients() {
    let sequencer = Sequencer::new().await;
    let path = |path: &str| format!("{path}?{TENANT}");
    let body = |schema: &Value| json!({ "schema": schema.to_string(), "schemaType": "JSON" }).to_string();
    let registry_error = |reply: &Reply| {
        let problem: Value = serde_json::from_slice(&reply.body).unwrap();
        (reply.status.as_u16(), problem["error_code"].as_u64().unwrap())
    };
    assert_eq!(sequencer.get("/schemas/types").await.json(), json!(["JSON"]));
    assert_eq!(sequencer.get(&path("/subjects")).await.json(), json!([]));
    assert_eq!(registry_error(&sequencer.get(&path("/subjects/s/versions")).await), (404, 40_401));
    let versions = path("/subjects/order.created/versions");
    assert_eq!(sequencer.post(&versions, &body(&order_schema())).await.json(), json!({ "id": 1 }));
    assert_eq!(sequencer.post(&versions, &body(&order_schema())).await.json(), json!({ "id": 1 }));
    assert_eq!(sequencer.get(&versions).await.json(), json!([1]));
    let found = sequencer.post(&path("/subjects/order.created"), &body(&order_schema())).await.json();
    assert_eq!((&found["id"], &found["version"], &found["subject"]), (&json!(1), &json!(1), &json!("order.created")));
    let by_id = sequencer.get(&path("/schemas/ids/1")).await.json();
    assert_eq!(by_id, json!({ "schema": order_schema().to_string(), "schemaType": "JSON" }));
    assert_eq!(sequencer.get(&path("/subjects/order.created/versions/latest")).await.json()["version"], 1);
    assert_eq!(registry_error(&sequencer.get(&path("/subjects/order.created/versions/9")).await), (404, 40_402));
    assert_eq!(registry_error(&sequencer.get(&path("/subjects/order.created/versions/x")).await), (400, 42_202));
    assert_eq!(registry_error(&sequencer.get(&path("/schemas/ids/9")).await), (404, 40_403));

    let mut broken = order_schema();
    broken["properties"]["amount_cents"]["type"] = json!("string");
    let asked = path("/compatibility/subjects/order.created/versions/latest");
    let verdict = sequencer.post(&asked, &body(&broken)).await.json();
    assert_eq!(verdict["is_compatible"], false);
    assert_eq!(registry_error(&sequencer.post(&versions, &body(&broken)).await), (409, 409));
    assert_eq!(sequencer.get(&path("/config")).await.json(), json!({ "compatibilityLevel": "FULL_TRANSITIVE" }));
    let none = r#"{"compatibility":"NONE"}"#;
    assert_eq!(sequencer.put(&path("/config/order.created"), none).await.json(), json!({ "compatibility": "NONE" }));
    assert_eq!(registry_error(&sequencer.put(&path("/config"), r#"{"compatibility":"X"}"#).await), (400, 42_203));
    assert_eq!(sequencer.post(&versions, &body(&broken)).await.json(), json!({ "id": 2 }));
    let avro = json!({ "schema": "\"string\"" }).to_string();
    assert_eq!(registry_error(&sequencer.post(&versions, &avro).await), (422, 42_201));
    let gone = sequencer.send(Method::DELETE, &path("/subjects/order.created/versions/2"), &[], "").await;
    assert_eq!(gone.json(), json!(2));
    assert_eq!(sequencer.get(&versions).await.json(), json!([1]));
    assert_eq!(sequencer.get(&path("/schemas/ids/2")).await.status, StatusCode::OK, "what it wrote stays readable");
    let all = sequencer.send(Method::DELETE, &path("/subjects/order.created"), &[], "").await;
    assert_eq!(all.json(), json!([1, 2]));
    assert_eq!(sequencer.get(&path("/subjects")).await.json(), json!([]));
}
