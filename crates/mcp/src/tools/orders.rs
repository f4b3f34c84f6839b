//! Orders, made by the storefront.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::CREATE_ORDER;
use crate::gate::{Decision, Reach};
use crate::outcome::{Failure, Next};
use crate::tool::{Call, Effect, Tool};

/// Most lines of an order.
const LINES: usize = 200;

/// `create_order`.
pub(crate) struct CreateOrder;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct OrderArguments {
    /// Names this order: 1 to 255 printable characters, such as `create_order_ORD-123`. The same key is the same order,
    /// whatever gets lost on the way; another order needs another key
    idempotency_key: String,
    /// ISO 4217, such as `EUR`
    #[schemars(length(equal = 3))]
    currency: String,
    /// What is bought
    #[schemars(length(min = 1, max = 200))]
    items: Vec<Line>,
    /// Do it; otherwise it is only said what would be done
    #[serde(default)]
    #[expect(dead_code, reason = "read by the gate; here for the published schema")]
    apply: bool,
}

/// One line of an order.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Id of the product
    product_id: Product,
    /// How many
    #[schemars(range(min = 1))]
    qty: u32,
    /// Price of one in the smallest unit of the currency
    unit_price_cents: u32,
}

/// Shops number their products, or name them.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum Product {
    /// A name
    Name(String),
    /// A number
    Number(u64),
}

/// What the storefront is sent. The same arguments are the same bytes.
#[derive(Serialize)]
struct Body<'a> {
    currency: &'a str,
    items: &'a [Line],
}

/// An order that was, or would be, made.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OrderCreated {
    /// Whether there is such an order
    applied: bool,
    /// Events that the order wrote; left out if this server looks into another log
    event_ids: Vec<String>,
    /// The key that names it
    idempotency_key: String,
    /// What was, or would be, done. A preview begins with NOT EXECUTED
    message: String,
    /// Names this preview
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_id: Option<String>,
    /// True: an earlier call had made it, and this is its stored answer
    replayed: bool,
    /// The storefront's answer
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// HTTP status of that answer
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl OrderArguments {
    fn check(&self) -> Result<(), Failure> {
        let key = self.idempotency_key.as_str();
        let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !fits || key.trim() != key {
            let fix = "such as create_order_ORD-123";
            return Err(Failure::argument("idempotency_key has 1 to 255 printable ASCII characters", fix));
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Failure::argument("currency is three upper-case letters, such as EUR", ""));
        }
        if !(1..=LINES).contains(&self.items.len()) || self.items.iter().any(|line| line.qty == 0) {
            return Err(Failure::argument(format!("an order has 1 to {LINES} items, each of at least one piece"), ""));
        }
        Ok(())
    }
}

impl Tool for CreateOrder {
    const NAME: &'static str = CREATE_ORDER;
    const TITLE: &'static str = "Create an order";
    const ABOUT: &'static str = "Makes an order in the storefront, once per idempotency_key whatever happens. After a lost \
        reply make the same call again, or ask get_idempotency_key (operation create_order); never use a new key for the \
        same order. replayed: true means that an earlier call had made it. Without apply: true, and on a server without \
        --apply, no order is made and applied is false.";
    const EFFECT: Effect = Effect::OnceOutside;
    type Arguments = OrderArguments;
    type Output = OrderCreated;

    async fn call(call: Call, arguments: OrderArguments) -> Result<OrderCreated, Failure> {
        arguments.check()?;
        let key = arguments.idempotency_key.as_str();
        let Some(storefront) = call.desk.storefront.as_ref() else {
            return Err(Failure::new("NO_STOREFRONT", Next::Operator, "this server has no storefront", ""));
        };
        let body = serde_json::to_string(&Body { currency: &arguments.currency, items: &arguments.items });
        let body = body.map_err(|error| Failure::argument(error.to_string(), ""))?;
        if let Decision::Preview(because) = call.decision(Reach::One)? {
            let (lines, place) = (lines(arguments.items.len()), storefront.checkout());
            let message = format!("an order of {lines} would be made at {place} under the key {key:?}");
            let previewed = call.previewed(&message, None, because, Reach::One)?;
            return Ok(OrderCreated {
                applied: false,
                event_ids: Vec::new(),
                idempotency_key: arguments.idempotency_key,
                message: previewed.message,
                plan_id: previewed.plan_id,
                replayed: false,
                result: None,
                status: None,
            });
        }
        let ordered = storefront.order(key, body).await?;
        // The storefront's log may be another one, or a sequencer, which knows no keys: then the answer has no events.
        let event_ids = call.key(key, CREATE_ORDER).await.map(|known| known.event_ids).unwrap_or_default();
        let message = match ordered.replayed {
            true => "the order had been made by an earlier call; this is its stored answer".to_owned(),
            false => format!("the order of {} is made", lines(arguments.items.len())),
        };
        Ok(OrderCreated {
            applied: true,
            event_ids,
            idempotency_key: arguments.idempotency_key,
            message,
            plan_id: None,
            replayed: ordered.replayed,
            result: Some(ordered.body),
            status: Some(ordered.status),
        })
    }

    fn sentence(answer: &OrderCreated) -> Option<&str> {
        Some(&answer.message)
    }
}

fn lines(count: usize) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}
