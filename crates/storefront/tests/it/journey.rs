//! Whole lives of orders.

use serde_json::json;
use stateset_storefront::Service;

use crate::harness::{COSTS, Shop, headers, on_both, order, until};

on_both! {
    /// C11, C12, C13, C14, C15, C18, D01, D02, D03, D04, D10, D11: from the basket to the door, over the contract's paths.
    async fn an_order_is_paid_sent_and_delivered(on) {
        let shop = Shop::open(on).await;
        let answer = shop.post_once("/orders/checkout", "create_order_1", &order()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made: serde_json::Value = answer.json().unwrap();
        assert_eq!(made["order_id"], 1, "an integer");
        assert_eq!((&made["status"], &made["amount_cents"]), (&json!("CREATED"), &json!(COSTS)));

        let (status, payment) = shop.pay(1, COSTS).await;
        assert_eq!((status, &payment["status"]), (201, &json!("SUCCEEDED")), "{payment}");
        let shipment = shop.shipment(1, "READY_TO_SHIP").await;
        shop.until("/orders/1", |order| order["status"] == "PAID" && order["fulfilment"] == "ready_to_ship").await;
        let (status, sent) = shop.dispatch(shipment).await;
        assert_eq!((status, &sent["status"]), (200, &json!("DISPATCHED")), "{sent}");
        let (status, arrived) = shop.post(&format!("/shipments/{shipment}/deliver"), json!({})).await;
        assert_eq!((status, &arrived["status"]), (200, &json!("DELIVERED")), "{arrived}");
        let order = shop.until("/orders/1", |order| order["fulfilment"] == "delivered").await;
        assert_eq!((&order["status"], &order["payment"]), (&json!("PAID"), &json!("paid")));
        assert_eq!(order["payment_id"], payment["payment_id"]);

        // What each service said, once.
        assert_eq!(shop.data.events(Service::Order).await, ["order.created"]);
        assert_eq!(shop.data.events(Service::Payment).await, ["payment.succeeded"]);
        let shipping = ["shipping.ready", "shipping.dispatched", "shipping.delivered"];
        assert_eq!(shop.data.events(Service::Shipping).await, shipping);

        // One mail each, to the customer, named by its event.
        let mails = shop.until("/mails?order_id=1", |mails| {
            mails.as_array().is_some_and(|mails| mails.len() == 4 && mails.iter().all(|mail| !mail["sent_at"].is_null()))
        }).await;
        let types: Vec<&str> = mails.as_array().unwrap().iter().filter_map(|mail| mail["type"].as_str()).collect();
        let expected = ["payment.succeeded", "shipping.ready", "shipping.dispatched", "shipping.delivered"];
        assert!(expected.iter().all(|kind| types.contains(kind)), "{types:?}");
        let mut ids = headers(&shop.mail, "Message-ID");
        let mut named: Vec<String> = mails
            .as_array()
            .unwrap()
            .iter()
            .map(|mail| format!("<{}@storefront.example>", mail["event_id"].as_str().unwrap()))
            .collect();
        ids.sort();
        named.sort();
        assert_eq!(ids, named);
        assert!(shop.mail.received().iter().all(|mail| mail.to == ["cust@example.com"]));

        // The goods are gone, and nothing waits or was put away.
        let stock = shop.get("/stock/1").await;
        assert_eq!((&stock["on_hand"], &stock["reserved"]), (&json!(999_998), &json!(0)));
        assert_eq!((shop.get("/held").await, shop.get("/quarantine").await), (json!([]), json!([])));
        assert_eq!(shop.get("/ready").await["status"], "ready");
        shop.close().await;
    }

    /// D01, I04: paid twice, once under the same key, once by another click: one payment, one event, one mail.
    async fn a_second_payment_is_none(on) {
        let shop = Shop::open(on).await;
        let id = shop.checkout().await;
        let body = json!({ "order_id": id, "amount_cents": COSTS, "currency": "USD" });
        let first = shop.post_once("/payments/mock-succeed", "pay-1", &body).await;
        let again = shop.post_once("/payments/mock-succeed", "pay-1", &body).await;
        assert_eq!((first.status, again.status), (201, 201));
        assert_eq!((first.body.clone(), again.header("idempotency-replayed")), (again.body.clone(), Some("true")));
        let (status, known) = shop.pay(id, COSTS).await;
        assert_eq!((status, &known["payment_id"]), (200, &first.json::<serde_json::Value>().unwrap()["payment_id"]));
        shop.until(&format!("/orders/{id}"), |order| order["status"] == "PAID").await;
        assert_eq!(shop.data.events(Service::Payment).await, ["payment.succeeded"]);
        shop.close().await;
    }

    /// C13: a payment of something else pays nothing: everybody who would act on it puts it away, with both amounts; the
    /// right one is taken afterwards.
    async fn a_payment_of_another_amount_is_put_away(on) {
        let shop = Shop::open(on).await;
        let id = shop.checkout().await;
        assert_eq!(shop.pay(id, COSTS - 1).await.0, 201);
        let put_away = shop.until("/quarantine", |entries| entries.as_array().is_some_and(|all| all.len() == 3)).await;
        let mut services: Vec<&str> =
            put_away.as_array().unwrap().iter().filter_map(|entry| entry["service"].as_str()).collect();
        services.sort_unstable();
        assert_eq!(services, ["notification", "order", "shipping"]);
        for entry in put_away.as_array().unwrap() {
            let reason = entry["reason"].as_str().unwrap();
            assert!(reason.starts_with("payment.mismatch") && reason.contains("25998") && reason.contains("25997"), "{reason}");
            assert_eq!((&entry["class"], &entry["order_id"]), (&json!("illegal"), &json!(id.to_string())));
        }
        assert_eq!(shop.get(&format!("/orders/{id}")).await["status"], "CREATED");
        shop.shipment(id, "PENDING_PAYMENT").await;

        assert_eq!(shop.pay(id, COSTS).await.0, 201);
        shop.until(&format!("/orders/{id}"), |order| order["status"] == "PAID").await;
        shop.shipment(id, "READY_TO_SHIP").await;
        assert_eq!(shop.get("/quarantine").await.as_array().unwrap().len(), 3);
        shop.close().await;
    }

    /// D07: money for an order that nobody has heard of waits everywhere, and is taken when the order comes.
    async fn a_payment_may_come_first(on) {
        let shop = Shop::open(on).await;
        assert_eq!(shop.pay(1, COSTS).await.0, 201);
        let held = shop.until("/held?order_id=1", |held| held.as_array().is_some_and(|all| all.len() == 3)).await;
        for entry in held.as_array().unwrap() {
            let (class, waits_for) = (&entry["class"], &entry["reason"]);
            assert_eq!((class, waits_for), (&json!("waiting_for_predecessor"), &json!("order.created")), "{entry}");
        }
        assert_eq!(shop.checkout().await, 1);
        shop.until("/orders/1", |order| order["status"] == "PAID" && order["fulfilment"] == "ready_to_ship").await;
        shop.until("/held", |held| *held == json!([])).await;
        shop.until("/mails?order_id=1", |mails| mails.as_array().is_some_and(|all| all.len() == 2)).await;
        assert_eq!(shop.data.events(Service::Shipping).await, ["shipping.ready"]);
        shop.close().await;
    }

    /// C16: what was reserved can be sold again, the shipment never leaves, and money that was paid goes back.
    async fn cancelling_undoes_everything(on) {
        let shop = Shop::open(on).await;
        let id = shop.checkout().await;
        assert_eq!(shop.get("/stock/1").await["reserved"], 2);
        shop.pay(id, COSTS).await;
        let shipment = shop.shipment(id, "READY_TO_SHIP").await;
        shop.until(&format!("/orders/{id}"), |order| order["fulfilment"] == "ready_to_ship").await;
        let (status, order) = shop.post(&format!("/orders/{id}/cancel"), json!({})).await;
        assert_eq!((status, &order["status"]), (200, &json!("CANCELLED")), "{order}");
        assert_eq!(shop.get("/stock/1").await["reserved"], 0);
        let (status, again) = shop.post(&format!("/orders/{id}/cancel"), json!({})).await;
        assert_eq!((status, &again["status"]), (200, &json!("CANCELLED")), "no news, and no refusal");

        shop.shipment(id, "CANCELLED").await;
        let order = shop.until(&format!("/orders/{id}"), |order| {
            order["payment"] == "refunded" && order["fulfilment"] == "cancelled"
        }).await;
        assert_eq!(order["status"], "CANCELLED");
        let payments = shop.get(&format!("/payments?order_id={id}")).await;
        assert_eq!(payments[0]["status"], "REFUNDED");
        assert_eq!(shop.dispatch(shipment).await.0, 409);
        assert_eq!(shop.pay(id, COSTS).await.0, 409);
        assert_eq!(shop.data.events(Service::Order).await, ["order.created", "order.cancelled"]);
        assert_eq!(shop.data.events(Service::Payment).await, ["payment.succeeded", "payment.refunded"]);
        assert_eq!(shop.data.events(Service::Shipping).await, ["shipping.ready", "shipping.cancelled"]);
        assert_eq!(shop.get("/stock/1").await["on_hand"], 1_000_000);
        assert_eq!(shop.get("/quarantine").await, json!([]));
        shop.close().await;
    }

    /// C16: the customer has the money back; goods that are on their way stay there.
    async fn a_refund_gives_the_money_back(on) {
        let shop = Shop::open(on).await;
        let id = shop.checkout().await;
        let refund = format!("/orders/{id}/refund");
        let (status, early) = shop.post(&refund, json!({})).await;
        assert_eq!((status, &early["code"]), (409, &json!("INVALID_TRANSITION")), "{early}");
        shop.pay(id, COSTS).await;
        shop.until(&format!("/orders/{id}"), |order| order["status"] == "PAID").await;
        let (status, order) = shop.post(&refund, json!({ "reason": "damaged" })).await;
        assert_eq!((status, &order["status"]), (200, &json!("REFUNDED")), "{order}");
        shop.until(&format!("/payments?order_id={id}"), |payments| payments[0]["status"] == "REFUNDED").await;
        let mails = |mails: &serde_json::Value| {
            mails.as_array().is_some_and(|mails| mails.iter().any(|mail| mail["type"] == "payment.refunded"))
        };
        shop.until(&format!("/mails?order_id={id}"), mails).await;
        assert_eq!(shop.data.events(Service::Order).await, ["order.created", "order.refunded"]);
        assert_eq!(shop.data.events(Service::Payment).await, ["payment.succeeded", "payment.refunded"]);
        shop.close().await;
    }

    /// C17: the order stays open, the customer is told why, and may pay again.
    async fn a_payment_may_fail_and_be_tried_again(on) {
        let shop = Shop::open(on).await;
        let id = shop.checkout().await;
        shop.until(&format!("/shipments?order_id={id}"), |all| all[0]["status"] == "PENDING_PAYMENT").await;
        let body = json!({ "order_id": id, "amount_cents": COSTS, "currency": "USD", "reason": "No funds", "code": "no_funds" });
        let (status, failed) = shop.post("/payments/mock-fail", body).await;
        assert_eq!((status, &failed["status"]), (201, &json!("FAILED")), "{failed}");
        let order = shop.until(&format!("/orders/{id}"), |order| order["payment"] == "failed").await;
        assert_eq!(order["status"], "CREATED");
        let mails = || async { shop.mail.received() };
        let received = until("the mail", mails, |mails| mails.len() == 1).await;
        assert!(received[0].data.contains("No funds"), "{}", received[0].data);
        assert_eq!(shop.pay(id, COSTS).await.0, 201);
        shop.until(&format!("/orders/{id}"), |order| order["status"] == "PAID").await;
        shop.close().await;
    }
}
