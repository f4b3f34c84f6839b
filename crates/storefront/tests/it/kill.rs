//! The program is killed while orders flow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stateset_storefront::Service;
use stateset_testkit::smtp::SmtpServer;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::{COSTS, Data, Http, On, headers, order};
use crate::process::Process;

const CUSTOMERS: usize = 4;
const ORDERS_EACH: usize = 6;
const KILLS: usize = 4;

/// C12, D02, D03, P03: customers who repeat what got no answer, under the same key, and a program that is killed again and
/// again. In the end every order is paid and sent, once, with one mail per event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing() {
    let (data, mail) = (Data::create(On::Sqlite).await, SmtpServer::start().await.unwrap());
    let (database, smtp) = (data.url(), mail.address().to_string());
    let mut process = Process::start(&["--database", &database, "--smtp", &smtp]).await;
    let steps = Arc::new(AtomicUsize::new(0));
    let mut customers = JoinSet::new();
    for customer in 0..CUSTOMERS {
        let (http, steps) = (process.http(), Arc::clone(&steps));
        customers.spawn(async move {
            for number in 0..ORDERS_EACH {
                buy(&http, &format!("{customer}-{number}"), &steps).await;
            }
        });
    }
    // Spread over the work: each time so many answers have been given.
    let all = CUSTOMERS * ORDERS_EACH * STEPS;
    for kill in 1..=KILLS {
        while steps.load(Ordering::Relaxed) < all * kill / (KILLS + 1) {
            sleep(Duration::from_millis(1)).await;
        }
        process.kill().await;
        process.start_again().await;
    }
    while let Some(customer) = customers.join_next().await {
        customer.unwrap();
    }
    audit(&process.http(), &data, &mail).await;
    process.kill().await;
}

/// Answers that one order takes: checkout, payment, dispatch.
const STEPS: usize = 3;

async fn buy(http: &Http, name: &str, steps: &AtomicUsize) {
    let made = insist(http, "/orders/checkout", &format!("order-{name}"), &order(), 201).await;
    steps.fetch_add(1, Ordering::Relaxed);
    let id = made["order_id"].as_i64().unwrap();
    let payment = json!({ "order_id": id, "amount_cents": COSTS, "currency": "USD" });
    insist(http, "/payments/mock-succeed", &format!("pay-{name}"), &payment, 201).await;
    steps.fetch_add(1, Ordering::Relaxed);
    let shipment = loop {
        let path = format!("/shipments?order_id={id}");
        let found = http.0.get(&path).await.ok().and_then(|answer| answer.json::<Value>().ok()).unwrap_or_default();
        if found[0]["status"] == "READY_TO_SHIP" {
            break found[0]["shipment_id"].as_i64().unwrap();
        }
        sleep(Duration::from_millis(20)).await;
    };
    let parcel = json!({ "carrier": "demo-carrier", "tracking_number": format!("TRK-{name}") });
    insist(http, &format!("/shipments/{shipment}/dispatch"), &format!("send-{name}"), &parcel, 200).await;
    steps.fetch_add(1, Ordering::Relaxed);
}

/// Until there is an answer.
async fn insist(http: &Http, path: &str, key: &str, body: &Value, expected: u16) -> Value {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let text = body.to_string();
    loop {
        let request = stateset_testkit::http::Request {
            headers: &headers,
            body: Some(text.as_bytes()),
            ..stateset_testkit::http::Request::new("POST", path)
        };
        match http.0.send(request).await {
            Ok(answer) if answer.status == expected => return answer.json().unwrap(),
            Ok(answer) if answer.status < 500 => panic!("{path} {}: {}", answer.status, answer.text()),
            Ok(_) | Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn audit(http: &Http, data: &Data, mail: &SmtpServer) {
    let orders = i64::try_from(CUSTOMERS * ORDERS_EACH).unwrap();
    for id in 1..=orders {
        let sent = |order: &Value| order["status"] == "PAID" && order["fulfilment"] == "dispatched";
        http.until(&format!("/orders/{id}"), sent).await;
        let all_sent = |mails: &Value| {
            let mails = mails.as_array().unwrap();
            mails.len() == 3 && mails.iter().all(|mail| !mail["sent_at"].is_null())
        };
        http.until(&format!("/mails?order_id={id}"), all_sent).await;
    }
    let stock = http.get("/stock/1").await;
    assert_eq!((stock["on_hand"].as_i64(), stock["reserved"].as_i64()), (Some(1_000_000 - 2 * orders), Some(0)));
    assert_eq!((http.get("/held").await, http.get("/quarantine").await), (json!([]), json!([])));
    let count = |service| async move {
        let mut counts = BTreeMap::new();
        for kind in data.events(service).await {
            *counts.entry(kind).or_insert(0_i64) += 1;
        }
        counts.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(count(Service::Order).await, [("order.created".to_owned(), orders)]);
    assert_eq!(count(Service::Payment).await, [("payment.succeeded".to_owned(), orders)]);
    let shipping = [("shipping.dispatched".to_owned(), orders), ("shipping.ready".to_owned(), orders)];
    assert_eq!(count(Service::Shipping).await, shipping);
    // A mail may come twice only if the program died between the mail server's yes and its note: at most one for each
    // of two connections and each kill, and under the same name.
    let mut names = headers(mail, "Message-ID");
    let sent = names.len();
    names.sort();
    names.dedup();
    assert_eq!(i64::try_from(names.len()).unwrap(), 3 * orders);
    assert!(sent - names.len() <= KILLS * 2, "{sent} mails under {} names", names.len());
}
