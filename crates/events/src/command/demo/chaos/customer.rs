//! One customer of a chaos run, who never takes no answer for an answer: every request is repeated, with the same key, until
//! the shop says what became of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::plan::Journey;
use crate::command::demo::expect::at;
use crate::command::demo::http::{Answer, Call, Client};
use crate::command::demo::runner::plain;

/// How long a customer waits for one thing. A service may be killed several times meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(60);
/// What an order is over: two of product 1.
pub(crate) const AMOUNT_CENTS: i64 = 25_998;
pub(crate) const PIECES: i64 = 2;

/// What a customer found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The order's number.
    pub(crate) order: Value,
    /// Requests that were made more than once.
    pub(crate) repeated: u32,
    /// Why the customer left in anger, if so.
    pub(crate) complaint: Option<String>,
}

struct Customer<'a> {
    client: &'a Client,
    /// Beginning of this customer's keys.
    name: String,
    found: Found,
}

/// Goes through the shop.
pub(crate) async fn visit(client: &Client, run: &str, number: usize, journey: Journey) -> Found {
    let mut customer = Customer { client, name: format!("{run}-{number}"), found: Found::default() };
    if let Err(complaint) = customer.go(journey).await {
        customer.found.complaint = Some(complaint);
    }
    customer.found
}

impl Customer<'_> {
    async fn go(&mut self, journey: Journey) -> Result<(), String> {
        let body = json!({
            "user_email": format!("{}@example.com", self.name),
            "currency": "USD",
            "items": [{ "product_id": 1, "qty": PIECES, "unit_price_cents": AMOUNT_CENTS / PIECES }],
        });
        let ordered = self.ask("/orders/checkout", "checkout", body, &[201]).await?;
        self.found.order = ordered.value["order_id"].clone();
        match journey {
            Journey::Delivered => {
                self.pay("pay", AMOUNT_CENTS, &[201]).await?;
                let shipment = self.ready().await?;
                self.dispatch(&shipment).await?;
                self.ask(&format!("/shipments/{shipment}/deliver"), "deliver", json!({}), &[200]).await?;
            },
            Journey::Dispatched => {
                self.pay("pay", AMOUNT_CENTS, &[201]).await?;
                let shipment = self.ready().await?;
                self.dispatch(&shipment).await?;
            },
            Journey::Paid => self.pay("pay", AMOUNT_CENTS, &[201]).await?,
            Journey::PaidTwice => {
                self.pay("pay", AMOUNT_CENTS, &[201]).await?;
                self.pay("pay-again", AMOUNT_CENTS, &[200]).await?;
            },
            Journey::FailedThenPaid => {
                let body = json!({
                    "order_id": self.found.order, "reason": "The card was declined", "code": "card_declined",
                    "amount_cents": AMOUNT_CENTS, "currency": "USD", "user_email": format!("{}@example.com", self.name),
                });
                self.ask("/payments/mock-fail", "fail", body, &[201]).await?;
                self.pay("pay", AMOUNT_CENTS, &[201]).await?;
            },
            Journey::Mismatch => self.pay("pay", AMOUNT_CENTS - 1, &[201]).await?,
            Journey::Cancelled => {
                let path = format!("/orders/{}/cancel", plain(&self.found.order));
                self.ask(&path, "cancel", json!({ "reason": "customer_request" }), &[200]).await?;
            },
            Journey::Refunded => {
                self.pay("pay", AMOUNT_CENTS, &[201]).await?;
                self.ready().await?;
                let order = plain(&self.found.order);
                self.until(&format!("/orders/{order}"), |order| order["status"] == "PAID").await?;
                self.ask(&format!("/orders/{order}/refund"), "refund", json!({}), &[200]).await?;
            },
        }
        Ok(())
    }

    async fn pay(&mut self, key: &str, amount_cents: i64, statuses: &[u16]) -> Result<(), String> {
        let body = json!({
            "order_id": self.found.order, "amount_cents": amount_cents, "currency": "USD",
            "user_email": format!("{}@example.com", self.name),
        });
        self.ask("/payments/mock-succeed", key, body, statuses).await.map(drop)
    }

    /// Waits until the parcel may leave; its number.
    async fn ready(&mut self) -> Result<String, String> {
        let path = format!("/shipments?order_id={}", plain(&self.found.order));
        let shipments =
            self.until(&path, |found| at(found, "0.status").is_some_and(|it| it == "READY_TO_SHIP")).await?;
        at(&shipments, "0.shipment_id").map(plain).ok_or_else(|| format!("a shipment without a number: {shipments}"))
    }

    async fn dispatch(&mut self, shipment: &str) -> Result<(), String> {
        let body = json!({ "carrier": "demo-carrier", "tracking_number": format!("TRK-{}", self.name) });
        self.ask(&format!("/shipments/{shipment}/dispatch"), "dispatch", body, &[200]).await.map(drop)
    }

    async fn ask(&mut self, path: &str, key: &str, body: Value, statuses: &[u16]) -> Result<Answer, String> {
        let call = Call::post(path, format!("{}-{key}", self.name), body);
        let Some(answer) = self.client.call_until_answered(&call, PATIENCE).await else {
            return Err(format!("POST {path}: no answer within {} s", PATIENCE.as_secs()));
        };
        if answer.tries > 1 {
            self.found.repeated += 1;
        }
        if statuses.contains(&answer.status) {
            return Ok(answer);
        }
        Err(format!("POST {path}: expected status {}, found {}: {}", statuses[0], answer.status, answer.text()))
    }

    async fn until(&mut self, path: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::new();
        loop {
            if let Some(answer) = self.client.call_until_answered(&Call::get(path), PATIENCE).await {
                if answer.status == 200 && is_so(&answer.value) {
                    return Ok(answer.value);
                }
                last = answer.text();
            }
            if Instant::now() >= deadline {
                return Err(format!("GET {path}: still {last:.200} after {} s", PATIENCE.as_secs()));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
