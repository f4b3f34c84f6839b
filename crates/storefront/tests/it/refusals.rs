//! What is not done, and what that does to nobody else.

use serde_json::{Value, json};
use stateset_outbox::{Entity, Event, EventType, Outbox, Payload};
use stateset_storefront::Service;

use crate::harness::{COSTS, On, Shop, on_both, order};

on_both! {
    /// D05: nothing leaves before it is paid, or after it has arrived.
    async fn goods_leave_once_they_are_paid(on) {
        let shop = Shop::open(on).await;
        let id = shop.checkout().await;
        let shipment = shop.shipment(id, "PENDING_PAYMENT").await;
        let (status, refusal) = shop.dispatch(shipment).await;
        assert_eq!((status, &refusal["code"]), (409, &json!("INVALID_TRANSITION")), "{refusal}");
        let detail = refusal["detail"].as_str().unwrap();
        assert!(detail.contains("PENDING_PAYMENT") && detail.contains("shipping.dispatched"), "{detail}");
        assert_eq!(refusal["instance"], format!("/shipments/{shipment}/dispatch"));
        assert!(shop.data.events(Service::Shipping).await.is_empty());

        shop.pay(id, COSTS).await;
        shop.shipment(id, "READY_TO_SHIP").await;
        assert_eq!(shop.dispatch(shipment).await.0, 200);
        assert_eq!(shop.dispatch(shipment).await.0, 200, "the same again is no news");
        let other = json!({ "carrier": "another", "tracking_number": "TRK-0002" });
        assert_eq!(shop.post(&format!("/shipments/{shipment}/dispatch"), other).await.0, 409);
        shop.post(&format!("/shipments/{shipment}/deliver"), json!({})).await;
        shop.until(&format!("/orders/{id}"), |order| order["fulfilment"] == "delivered").await;
        let (status, late) = shop.post(&format!("/orders/{id}/cancel"), json!({})).await;
        assert_eq!((status, &late["code"]), (409, &json!("INVALID_TRANSITION")), "{late}");
        let shipping = ["shipping.ready", "shipping.dispatched", "shipping.delivered"];
        assert_eq!(shop.data.events(Service::Shipping).await, shipping);
        shop.close().await;
    }
}

/// Every refusal has the one shape, whoever refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_have_one_shape() {
    let shop = Shop::open(On::Sqlite).await;
    let used = shop.post_once("/orders/checkout", "k", &order()).await;
    assert_eq!(used.status, 201);
    let mut other = order();
    other["items"][0]["qty"] = 3.into();
    let reused = shop.post_once("/orders/checkout", "k", &other).await;
    let checkout = async |body: Value| shop.post("/orders/checkout", body).await;
    let answers = [
        (reused.status, reused.json().unwrap(), "IDEMPOTENCY_KEY_REUSED"),
        with("INVALID_REQUEST_BODY", checkout(json!({ "items": [] })).await),
        with(
            "INVALID_REQUEST_BODY",
            checkout(json!({ "items": [{ "product_id": "p1", "qty": 1, "unit_price_cents": 1 }] })).await,
        ),
        with("INVALID_REQUEST_BODY", checkout(json!({ "user_email": "no address", "items": order()["items"] })).await),
        with("INVALID_REQUEST_BODY", checkout(json!({ "currency": "usd", "items": order()["items"] })).await),
        with(
            "OUT_OF_STOCK",
            checkout(json!({ "items": [{ "product_id": 99, "qty": 1, "unit_price_cents": 1 }] })).await,
        ),
        with("ORDER_NOT_FOUND", shop.post("/orders/77/cancel", json!({})).await),
        with("SHIPMENT_NOT_FOUND", shop.dispatch(77).await),
        with("ORDER_NOT_FOUND", shop.post("/payments/mock-fail", json!({ "order_id": 77 })).await),
        with("INVALID_REQUEST_BODY", shop.pay(1, 0).await),
        with("INVALID_PARAMETER", shop.post("/orders/x/cancel", json!({})).await),
        with("ROUTE_NOT_FOUND", shop.post("/nothing", json!({})).await),
    ];
    for (status, body, code) in answers {
        assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{body:#}");
        for member in ["type", "title", "detail", "instance", "fix", "trace_id"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {body:#}");
        }
        assert_eq!(body["error"]["code"], code);
    }
    let items = shop.data.column(Service::Order, "SELECT CAST(count(*) AS TEXT) FROM orders").await;
    assert_eq!(items, ["1"]);
    shop.close().await;
}

fn with(code: &str, (status, body): (u16, Value)) -> (u16, Value, &str) {
    (status, body, code)
}

/// D08, C25: an event that cannot be, of one order, is put away and delays no other order, nor its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_of_one_order_delays_nobody() {
    let shop = Shop::open(On::Sqlite).await;
    let (ill, well) = (shop.checkout().await, shop.checkout().await);
    // Another program writes into the log of the payment service: no amount, and a type nobody knows.
    let file = format!("sqlite:{}", shop.data.file(Service::Payment).display());
    let pool = sqlx::SqlitePool::connect(&file).await.unwrap();
    let outbox = Outbox::new(pool.clone());
    let mut tx = outbox.begin().await.unwrap();
    for (kind, payload) in [
        ("payment.succeeded", json!({ "amount_cents": "much" })),
        ("payment.wondered", json!({ "why": true })),
        (
            "payment.succeeded",
            json!({
                "amount_cents": COSTS, "currency": "USD", "provider": "other", "payment_id": "x", "new_member": [1],
            }),
        ),
    ] {
        let event = Event::new(EventType::new(kind), Payload::new(payload), None);
        let draft = event.about(Entity::new("payment", "x")).order_key(ill.to_string());
        outbox.write_event_with_outbox(&mut tx, draft).await.unwrap();
    }
    outbox.commit(tx).await.unwrap();
    pool.close().await;

    shop.pay(well, COSTS).await;
    shop.until(&format!("/orders/{well}"), |order| order["fulfilment"] == "ready_to_ship").await;
    let path = format!("/quarantine?order_id={ill}");
    let put_away = shop.until(&path, |entries| entries.as_array().is_some_and(|all| all.len() == 3)).await;
    for entry in put_away.as_array().unwrap() {
        assert!(entry["reason"].as_str().unwrap().contains("does not keep its contract"), "{entry}");
    }
    // What came behind the poison was taken, with a member that nobody knows.
    shop.until(&format!("/orders/{ill}"), |order| order["fulfilment"] == "ready_to_ship").await;
    shop.close().await;
}
