//! Webhooks: genuine or not, once each, in one transaction.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use stateset_connector::fixtures::{self, Recorded};
use stateset_connector::http::router;
use stateset_connector::shopify::Shopify;
use stateset_connector::{Connector, Intake, Refused, TakeError, Taken};
use stateset_contracts::catalogue::find;
use stateset_outbox::WriteError;
use stateset_outbox::subject::PersonalError;
use stateset_testkit::http::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::{Database, headers, on_both, payload, shopify};

on_both! {
    a_day_of_a_shop_becomes_events
    a_request_that_comes_again_writes_nothing
    the_same_request_at_once_is_taken_once
    what_is_older_is_stale
    a_failed_write_leaves_nothing
    what_is_personal_is_beside_the_log
    the_listener_answers_as_documented
}

fn recorded(number: usize) -> Recorded {
    fixtures::shopify().swap_remove(number)
}

/// D14, D15, C23: recorded requests become events of the catalogue, through the outbox, each with where it came from.
async fn a_day_of_a_shop_becomes_events<D: Database>() {
    let (database, mut written) = (D::create().await, 0);
    let intake = database.intake();
    for request in fixtures::shopify() {
        match intake.take(&headers(&request), request.body()).await.unwrap() {
            Taken::Written(events) => written += events.len(),
            Taken::Ignored => assert_eq!(request.topic, "themes/publish"),
            other => panic!("{}: {other:?}", request.topic),
        }
    }
    let events = database.events().await;
    assert_eq!(written, events.len());
    let found: Vec<(&str, Value)> = events.iter().map(|event| (event.event_type.as_str(), payload(event))).collect();
    let (shop, blue) = ("example.myshopify.com", "MUG-BLUE");
    let product = |cents: i64| {
        json!({ "shop": shop, "external_id": "788032119674292922", "title": "Example Mug", "status": "active",
                "price_cents": cents, "currency": "USD" })
    };
    let order = json!({ "shop": shop, "external_id": "820982911946154508", "number": 1234, "amount_cents": 28_497,
                        "currency": "USD" });
    let adjusted = json!({ "sku": blue, "delta": -2, "reason": "shop_sync", "on_hand": 4 });
    assert_eq!(found[0], ("shopify.sync.product", product(12_999)));
    assert_eq!(found[1], ("inventory.initialized", json!({ "sku": blue, "on_hand": 6, "location": "655441491" })));
    assert_eq!((found[2].0, &found[2].1["customer_id"]), ("customer.created", &json!("shopify-115310627314723954")));
    assert_eq!((&found[3], &found[4]), (&("shopify.sync.order", order.clone()), &("shopify.sync.order", order)));
    assert_eq!(found[5], ("inventory.adjusted", adjusted));
    assert_eq!(found[6], ("shopify.sync.product", product(11_999)));
    assert_eq!(found.len(), 7);
    for event in &events {
        let contract = find(&event.event_type).expect("it is in the catalogue");
        assert_eq!(event.entity_type, contract.family.entity);
        let origin: Value = serde_json::from_str(event.metadata.as_deref().unwrap()).unwrap();
        assert_eq!((&origin["origin"]["shop"], &origin["origin"]["api_version"]), (&json!(shop), &json!("2025-07")));
        let correlation = event.correlation_id.as_deref().unwrap();
        assert_eq!(correlation, format!("shopify:{}", origin["origin"]["webhook_id"].as_str().unwrap()));
        let whole = format!("{event:?}");
        assert!(!["ada@example.com", "Main Street", "555-0100"].iter().any(|word| whole.contains(word)), "{whole}");
    }
    let stats = intake.stats().prometheus("shopify");
    for line in [
        r#"connector_webhooks_total{connector="shopify",topic="orders/paid",outcome="written"} 1"#,
        r#"connector_webhooks_total{connector="shopify",topic="other",outcome="ignored"} 1"#,
    ] {
        assert!(stats.contains(line), "{stats}");
    }
}

/// D15: a shop sends a request again whenever it likes, even much later.
async fn a_request_that_comes_again_writes_nothing<D: Database>() {
    let database = D::create().await;
    let intake = database.intake();
    let all = fixtures::shopify();
    for request in &all {
        intake.take(&headers(request), request.body()).await.unwrap();
    }
    let before = database.events().await;
    for request in &all {
        let again = intake.take(&headers(request), request.body()).await.unwrap();
        assert!(matches!(again, Taken::Duplicate | Taken::Ignored), "{again:?}");
    }
    assert_eq!(database.events().await, before);
    // The inbox may forget; the keys of the events do not.
    database.run("DELETE FROM outbox.inbox").await;
    let product = &all[6];
    assert!(matches!(intake.take(&headers(product), product.body()).await.unwrap(), Taken::Written(_)));
    assert_eq!(database.events().await, before);
    assert_eq!(intake.stats().outcome("duplicate"), 7);
}

/// D15: ten times at once.
async fn the_same_request_at_once_is_taken_once<D: Database>() {
    let database = D::create().await;
    let intake = database.intake();
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let intake = Arc::clone(&intake);
        calls.spawn(async move {
            let request = recorded(1);
            intake.take(&headers(&request), request.body()).await.unwrap()
        });
    }
    let taken = calls.join_all().await;
    assert_eq!(taken.iter().filter(|taken| matches!(taken, Taken::Written(_))).count(), 1, "{taken:?}");
    assert_eq!(database.types().await, ["inventory.initialized"]);
}

/// Another request about the same thing, changed: signed anew.
fn changed(number: usize, id: &str, change: impl FnOnce(&mut Value)) -> (HeaderMap, Vec<u8>) {
    let request = recorded(number);
    let mut body: Value = serde_json::from_slice(request.body()).unwrap();
    change(&mut body);
    let body = body.to_string().into_bytes();
    let mut headers = headers(&request);
    headers.insert("x-shopify-webhook-id", id.parse().unwrap());
    headers.insert("x-shopify-hmac-sha256", shopify().sign(&body).parse().unwrap());
    (headers, body)
}

/// Shops promise no order: what is older than what was taken says nothing, what is as new does.
async fn what_is_older_is_stale<D: Database>() {
    let database = D::create().await;
    let intake = database.intake();
    let newer = recorded(5);
    intake.take(&headers(&newer), newer.body()).await.unwrap();
    let older = recorded(1);
    assert_eq!(intake.take(&headers(&older), older.body()).await.unwrap(), Taken::Stale);
    let (again, body) = changed(5, "w-again", |body| body["available"] = json!(3));
    assert!(matches!(intake.take(&again, &body).await.unwrap(), Taken::Written(events) if events.len() == 1));
    let (same, body) = changed(5, "w-same", |body| body["available"] = json!(3));
    assert_eq!(intake.take(&same, &body).await.unwrap(), Taken::Written(Vec::new()));
    let (uncounted, body) = changed(5, "w-null", |body| body["available"] = Value::Null);
    assert_eq!(intake.take(&uncounted, &body).await.unwrap(), Taken::Ignored);
    let (short, body) = changed(5, "w-short", |body| {
        body["available"] = json!(-1);
        body["updated_at"] = json!("2025-08-25T16:05:03-04:00");
    });
    intake.take(&short, &body).await.unwrap();
    let deltas: Vec<Value> = database.events().await.iter().map(|event| payload(event)["delta"].clone()).collect();
    assert_eq!(deltas, [Value::Null, json!(-1), json!(-4)]);
    assert_eq!(database.number("SELECT amount FROM connector.resource WHERE kind = 'stock'").await, -1);
}

/// D15: a statement that fails leaves neither inbox nor state nor event, and the request can be taken then.
async fn a_failed_write_leaves_nothing<D: Database>() {
    let database = D::create().await;
    let intake = database.intake();
    let request = recorded(1);
    database.refuse("inventory.initialized").await;
    let failed = intake.take(&headers(&request), request.body()).await.unwrap_err();
    assert!(matches!(failed, TakeError::Write(WriteError::Database(_))), "{failed:?}");
    for table in ["outbox.inbox", "outbox.event_log", "outbox.event_identity", "connector.resource"] {
        assert_eq!(database.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    database.admit("inventory.initialized").await;
    assert!(matches!(intake.take(&headers(&request), request.body()).await.unwrap(), Taken::Written(_)));
    assert_eq!(intake.stats().outcome("failed"), 1);
}

/// Ruling 54, C07: a customer's name and address follow the catalogue's marks; without master keys the customer is refused
/// rather than written in clear.
async fn what_is_personal_is_beside_the_log<D: Database>() {
    let database = D::create().await;
    let request = recorded(2);
    let keyless = Intake::new(database.outbox(), shopify());
    let refused = keyless.take(&headers(&request), request.body()).await.unwrap_err();
    assert!(matches!(refused, TakeError::Write(WriteError::Personal(PersonalError::NoMasterKeys))), "{refused:?}");
    assert_eq!(database.events().await, []);
    database.intake().take(&headers(&request), request.body()).await.unwrap();
    let stored = database.events().await;
    let commitment = &payload(&stored[0])["email"]["$personal"];
    assert_eq!(commitment.as_str().map(str::len), Some(64));
    let mut seen = stored.clone();
    database.keyed().reveal(&mut seen).await.unwrap();
    let (email, name) = (json!("ada@example.com"), json!("Ada Example"));
    assert_eq!((&payload(&seen[0])["email"], &payload(&seen[0])["name"]), (&email, &name));
    let standing = database.outbox().subject("customer/shopify-115310627314723954").await.unwrap();
    assert_eq!((standing.events, standing.fields, standing.readable), (1, 2, 2));
}

async fn serve<D: Database>(intake: Arc<Intake<D::Db, Shopify>>, limit: usize) -> (Client, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router(intake, limit)).await.unwrap() });
    (Client::new(address), server)
}

async fn post(client: &Client, headers: &HeaderMap, body: &[u8]) -> (u16, Value) {
    let mut client = client.clone();
    for (name, value) in headers {
        client = client.with_header(name.as_str(), value.to_str().unwrap());
    }
    let reply = client.post("/webhooks/shopify", "application/json", body).await.unwrap();
    (reply.status, reply.json().unwrap())
}

/// D14, Q14: over HTTP: each answer of the table, nothing written but by the good request, and all of it counted.
async fn the_listener_answers_as_documented<D: Database>() {
    let database = D::create().await;
    let only = shopify().only(["Example.myshopify.com".to_owned()]);
    let intake = Arc::new(Intake::new(database.keyed(), only));
    let (client, _server) = serve::<D>(Arc::clone(&intake), 16 * 1024).await;
    let request = recorded(0);
    let good = headers(&request);
    let with = |name: &'static str, value: &str| {
        let mut headers = good.clone();
        headers.insert(name, value.parse().unwrap());
        headers
    };
    let without = |name: &str| {
        let mut headers = good.clone();
        headers.remove(name);
        headers
    };
    let shouted = [request.body(), b" "].concat();
    let (unreadable, bad_body) = changed(0, "w-bad", |body| {
        body.as_object_mut().unwrap().remove("title");
    });
    for (headers, body, status, code) in [
        (without("x-shopify-hmac-sha256"), request.body(), 401, "SIGNATURE_INVALID"),
        (good.clone(), &shouted[..], 401, "SIGNATURE_INVALID"),
        (with("x-shopify-hmac-sha256", "AAAA"), request.body(), 401, "SIGNATURE_INVALID"),
        (without("x-shopify-webhook-id"), request.body(), 400, "HEADER_MISSING"),
        (with("x-shopify-api-version", "soon"), request.body(), 400, "HEADER_MISSING"),
        (with("x-shopify-shop-domain", "other.myshopify.com"), request.body(), 403, "SHOP_UNKNOWN"),
        (unreadable, &bad_body[..], 422, "UNREADABLE"),
        (good.clone(), &vec![b' '; 20_000][..], 413, "BODY_TOO_LARGE"),
    ] {
        let (found, answer) = post(&client, &headers, body).await;
        assert_eq!((found, answer["error"]["code"].as_str()), (status, Some(code)), "{answer}");
    }
    assert_eq!(database.events().await, []);
    let (status, answer) = post(&client, &good, request.body()).await;
    assert_eq!((status, &answer["status"], answer["events"].as_array().unwrap().len()), (200, &json!("written"), 1));
    let (status, answer) = post(&client, &good, request.body()).await;
    assert_eq!((status, &answer["status"]), (200, &json!("duplicate")));
    let unknown = recorded(7);
    let (status, answer) = post(&client, &headers(&unknown), unknown.body()).await;
    assert_eq!((status, &answer["status"]), (200, &json!("ignored")));
    assert_eq!(client.get("/health").await.unwrap().status, 200);
    let metrics = client.get("/metrics").await.unwrap();
    assert!(metrics.text().contains(r#"outcome="refused"} 6"#), "{}", metrics.text());
    assert_eq!(database.types().await, ["shopify.sync.product"]);
}

/// What is wrong with a body is named; what stands in it is not repeated.
#[test]
fn a_fault_names_the_member_and_not_the_value() {
    let shopify = shopify();
    for (number, member, value, fault) in [
        (0, "title", json!(null), "not of the documented form"),
        (0, "id", json!("ada@example.com"), "not of the documented form"),
        (3, "total_price", json!("ada@example.com"), "total_price is no amount in USD"),
        (3, "currency", json!("ada@example.com"), "currency is no ISO 4217 code"),
        (3, "updated_at", json!("ada@example.com"), "not of the documented form"),
    ] {
        let (headers, body) = changed(number, "w", |body| body[member] = value);
        let request = shopify.admit(&headers, &body).unwrap();
        let unreadable = shopify.read(&request, &body).unwrap_err().to_string();
        assert!(unreadable.contains(fault) && !unreadable.contains("ada@"), "{unreadable}");
    }
    let (headers, body) = changed(0, "w", |body| {
        body.as_object_mut().unwrap().remove("updated_at");
    });
    let request = shopify.admit(&headers, &body).unwrap();
    let unreadable = shopify.read(&request, &body).unwrap_err().to_string();
    assert!(unreadable.starts_with("products/create: missing field `updated_at` (line 1"), "{unreadable}");
}

proptest! {
    /// No bytes make it panic, and nothing unsigned is admitted.
    #[test]
    fn any_body_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300), number in 0_usize..8) {
        let (shopify, request) = (shopify(), recorded(number));
        prop_assert_eq!(shopify.admit(&headers(&request), &body).err(), Some(Refused::Signature));
        let known = shopify.admit(&headers(&request), request.body()).unwrap();
        drop(shopify.read(&known, &body));
    }

    /// C25: members that nobody knows change nothing of what a body means.
    #[test]
    fn unknown_members_change_nothing(name in "x_[a-z]{1,8}", value in any::<i64>(), number in 0_usize..7) {
        let (shopify, request) = (shopify(), recorded(number));
        let known = shopify.admit(&headers(&request), request.body()).unwrap();
        let mut body: Value = serde_json::from_slice(request.body()).unwrap();
        body[name.as_str()] = json!({ "deep": [value] });
        let (plain, grown) = (shopify.read(&known, request.body()).unwrap(), shopify.read(&known, body.to_string().as_bytes()).unwrap());
        let (plain, grown) = (plain.unwrap(), grown.unwrap());
        prop_assert_eq!(plain.resource, grown.resource);
        prop_assert_eq!(plain.labels, grown.labels);
    }
}
