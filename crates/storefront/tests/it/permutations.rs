//! D06: the events of one order, in every order and repeated, lead every consumer to one state.

use serde_json::{Value, json};
use sqlx::Sqlite;
use sqlx::SqlitePool;
use stateset_outbox::consumer::testing::{Convergence, Permutations};
use stateset_outbox::consumer::{Handler, Incoming, Notes};
use stateset_outbox::{Outbox, Scope};
use stateset_storefront::notification::NotificationConsumer;
use stateset_storefront::order::OrderConsumer;
use stateset_storefront::payment::PaymentConsumer;
use stateset_storefront::shipping::ShippingConsumer;
use stateset_storefront::{notification, order, payment, shipping};
use uuid::Uuid;

/// Orders that are tried of more than five events.
const SAMPLE: usize = 40;

fn event(event_type: &str, payload: &Value) -> Incoming {
    // The same fact, the same id.
    let id = Uuid::new_v5(&Uuid::nil(), format!("{event_type} {payload}").as_bytes());
    let user_email = (event_type != "payment.failed").then(|| "cust@example.com".to_owned());
    Incoming {
        event_id: id,
        scope: Scope::single_tenant(),
        event_type: event_type.to_owned(),
        schema_version: 1,
        key: "1".to_owned(),
        sequence: None,
        payload: payload.to_string(),
        notes: Notes { user_email, ..Notes::default() },
    }
}

fn created() -> Incoming {
    let items = json!([{ "product_id": 1, "qty": 2, "unit_price_cents": 250 }]);
    event("order.created", &json!({ "amount_cents": 500, "currency": "USD", "items": items }))
}

fn paid(amount_cents: i64) -> Incoming {
    let id = format!("pm_{amount_cents}");
    let data = json!({ "amount_cents": amount_cents, "currency": "USD", "provider": "mock", "payment_id": id });
    event("payment.succeeded", &data)
}

fn failed() -> Incoming {
    let data = json!({
        "amount_cents": 500, "currency": "USD", "provider": "mock", "payment_id": "pm_f", "reason": "No", "code": "no",
    });
    event("payment.failed", &data)
}

fn refunded() -> Incoming {
    let data = json!({ "amount_cents": 500, "currency": "USD", "provider": "mock", "payment_id": "pm_500" });
    event("payment.refunded", &data)
}

fn cancelled() -> Incoming {
    event("order.cancelled", &json!({ "reason": "customer_request" }))
}

fn of_shipment(what: &str) -> Incoming {
    let data = match what {
        "dispatched" => json!({ "shipment_id": 1, "carrier": "c", "tracking_number": "t" }),
        "cancelled" => json!({ "shipment_id": 1, "reason": "order_cancelled" }),
        _ => json!({ "shipment_id": 1 }),
    };
    event(&format!("shipping.{what}"), &data)
}

async fn converges<H: Handler<Sqlite>>(
    handler: &H,
    (schema, observe): (String, &str),
    events: Vec<Incoming>,
) -> Convergence {
    let all = Permutations::of(events).schema(schema).observe(observe).bound(5, SAMPLE);
    all.converge(handler).await.unwrap_or_else(|divergence| panic!("{divergence}"))
}

/// An outbox to write through; the transaction says which database.
fn outbox() -> Outbox<Sqlite> {
    Outbox::new(SqlitePool::connect_lazy("sqlite::memory:").unwrap())
}

/// An order as checkout leaves it.
const MADE: &str = "INSERT INTO orders (id, currency, amount_cents, lifecycle, payment, fulfilment) VALUES \
                    (1, 'USD', 500, 'pending', 'unpaid', 'pending_payment'); \
                    INSERT INTO order_item VALUES (1, 1, 1, 2, 250); UPDATE stock SET reserved = 2 WHERE product_id = 1;";
const ORDER: &str = "SELECT lifecycle || ' ' || payment || ' ' || fulfilment || ' ' || coalesce(payment_id, '-') || ' ' || \
                     (SELECT on_hand || '/' || reserved FROM stock WHERE product_id = 1) FROM orders";

/// D06, D01: the order service: a whole life; with a failed try, a wrong payment, and a refund.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_converge() {
    let schema = || (format!("{}{MADE}", order::TABLES.sqlite), ORDER);
    let life = vec![created(), failed(), paid(500), of_shipment("ready"), of_shipment("dispatched")];
    let found = converges(&OrderConsumer, schema(), life.clone()).await;
    assert_eq!(found.state, ["pending paid dispatched pm_500 999998/0"]);
    assert_eq!(found.runs, 480);
    let more = [life, vec![paid(499), refunded(), of_shipment("delivered")]].concat();
    let found = converges(&OrderConsumer, schema(), more).await;
    let expected = ["pending refunded delivered pm_500 999998/0", "quarantined: payment.succeeded (illegal)"];
    assert_eq!(found.state, expected);
}

/// D06, C16: the order service, of an order that was called off while it was being paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_order_converges() {
    let called_off = "UPDATE orders SET lifecycle = 'cancelled'; UPDATE stock SET reserved = 0;";
    let schema = (format!("{}{MADE}{called_off}", order::TABLES.sqlite), ORDER);
    let events = vec![created(), paid(500), cancelled(), of_shipment("cancelled"), refunded()];
    let found = converges(&OrderConsumer, schema, events).await;
    assert_eq!(found.state, ["cancelled refunded cancelled pm_500 1000000/0"]);
}

/// D06, C16: the payment service gives money back once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_converge() {
    let taken = "INSERT INTO payable (order_key) VALUES ('1'); INSERT INTO payment \
                 (payment_id, order_key, amount_cents, currency, status) VALUES ('pm_500', '1', 500, 'USD', 'succeeded');";
    let observe = "SELECT standing || ' ' || coalesce(amount_cents, '-') FROM payable UNION ALL \
                   SELECT payment_id || ' ' || status FROM payment UNION ALL SELECT event_type FROM event_log";
    let schema = || (format!("{}{taken}", payment::TABLES.sqlite), observe);
    let consumer = PaymentConsumer::new(outbox());
    let found = converges(&consumer, schema(), vec![created(), cancelled()]).await;
    assert_eq!(found.state, ["cancelled 500", "pm_500 refunded", "payment.refunded"]);
    let refund = event("order.refunded", &json!({ "amount_cents": 500, "currency": "USD" }));
    let found = converges(&consumer, schema(), vec![created(), refund, cancelled()]).await;
    assert_eq!(found.state, ["cancelled 500", "pm_500 refunded", "payment.refunded"]);
}

/// D06, D02, C14: the shipping service says `shipping.ready` once, and not for a wrong payment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shipments_converge() {
    let consumer = ShippingConsumer::new(outbox());
    let tables = || shipping::TABLES.sqlite.to_owned();
    let observe = "SELECT order_key || ' ' || status FROM shipment UNION ALL SELECT event_type FROM event_log";
    let found = converges(&consumer, (tables(), observe), vec![created(), failed(), paid(499), paid(500)]).await;
    let expected = ["1 ready_to_ship", "shipping.ready", "quarantined: payment.succeeded (illegal)"];
    assert_eq!(found.state, expected);
    // Whether it was ready for a moment depends on what came first; where it ends does not.
    let observe = "SELECT order_key || ' ' || status FROM shipment UNION ALL \
                   SELECT event_type FROM event_log WHERE event_type = 'shipping.cancelled'";
    let found = converges(&consumer, (tables(), observe), vec![created(), paid(500), cancelled()]).await;
    assert_eq!(found.state, ["1 cancelled", "shipping.cancelled"]);
}

/// D06, D03, D04, P03: the notification service decides on one mail per event, for the right ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_converge() {
    let consumer = NotificationConsumer::new(outbox());
    let observe = "SELECT event_type || ' ' || recipient FROM mail UNION ALL \
                   SELECT 'to send: ' || event_type FROM event_log ORDER BY 1";
    let schema = || (notification::TABLES.sqlite.to_owned(), observe);
    let life = vec![created(), paid(500), of_shipment("ready"), of_shipment("dispatched"), of_shipment("delivered")];
    let found = converges(&consumer, schema(), life).await;
    let expected = [
        "payment.succeeded cust@example.com",
        "shipping.delivered cust@example.com",
        "shipping.dispatched cust@example.com",
        "shipping.ready cust@example.com",
        "to send: payment.succeeded",
        "to send: shipping.delivered",
        "to send: shipping.dispatched",
        "to send: shipping.ready",
    ];
    assert_eq!(found.state, expected);
    // A failed try has no address of its own, and a payment of another amount is not good news.
    let found = converges(&consumer, schema(), vec![created(), failed(), paid(499), cancelled(), refunded()]).await;
    let expected = [
        "order.cancelled cust@example.com",
        "payment.failed cust@example.com",
        "payment.refunded cust@example.com",
        "to send: order.cancelled",
        "to send: payment.failed",
        "to send: payment.refunded",
        "quarantined: payment.succeeded (illegal)",
    ];
    assert_eq!(found.state, expected);
}
