//! A checkout service: an order, its `order.created` event and the stored answer of its `Idempotency-Key` commit together.
//!
//! Everything the outbox needs is marked `// outbox`; the rest is what the service would be without it.

use axum::extract::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, middleware};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Postgres};
use stateset_outbox::axum::{Idempotency, Work, idempotency}; // outbox
use stateset_outbox::{Entity, Event, EventType, Outbox, Payload}; // outbox
use uuid::Uuid;

/// What a shop's page sends.
#[derive(Debug, Deserialize)]
pub struct Checkout {
    currency: String,
    items: Vec<Item>,
}

/// One line of an order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Item {
    product_id: String,
    qty: u32,
    unit_price_cents: u32,
}

/// The order as it is answered, and the payload of `order.created`.
#[expect(clippy::struct_field_names, reason = "the contract of order.created names it so")]
#[derive(Debug, Serialize)]
pub struct Order {
    order_id: i64,
    amount_cents: i64,
    currency: String,
    items: Vec<Item>,
}

/// The service on this database, whose tables it makes.
pub async fn service(pool: PgPool) -> anyhow::Result<Router> {
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, \
         amount_cents bigint NOT NULL, currency text NOT NULL)",
    )
    .execute(&pool)
    .await?;
    let outbox = Outbox::new(pool); // outbox
    outbox.migrate().await?; // outbox
    let keys = Idempotency::new(outbox).named("POST /orders/checkout", "create_order"); // outbox
    let keys = middleware::from_fn_with_state(keys, idempotency::<Postgres>); // outbox
    Ok(Router::new().route("/orders/checkout", post(checkout)).layer(keys))
}

async fn checkout(
    mut work: Work<Postgres>, // outbox
    Json(wanted): Json<Checkout>,
) -> Result<(StatusCode, Json<Order>), Failure> {
    let price = |item: &Item| i64::from(item.qty) * i64::from(item.unit_price_cents);
    let amount_cents: i64 = wanted.items.iter().map(price).sum();
    if amount_cents == 0 {
        return Err(Failure::NothingToPay);
    }
    let order_id: i64 = sqlx::query_scalar("INSERT INTO orders (amount_cents, currency) VALUES ($1, $2) RETURNING id")
        .bind(amount_cents)
        .bind(&wanted.currency)
        .fetch_one(work.connection())
        .await?;
    let order = Order { order_id, amount_cents, currency: wanted.currency, items: wanted.items };
    let event = Event::new(EventType::new("order.created"), Payload::new(&order), None); // outbox
    let entity = Entity::new("order", order_id.to_string()); // outbox
    work.write_event(event.about(entity).order_key(order_id.to_string())).await?; // outbox
    Ok((StatusCode::CREATED, Json(order)))
}

/// Why there is no order.
#[derive(Debug)]
pub enum Failure {
    /// The request is at fault.
    NothingToPay,
    /// The service is; the number is in its log.
    Internal(Uuid),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let number = Uuid::new_v4();
        eprint_error(number, &error.into());
        Self::Internal(number)
    }
}

#[expect(clippy::print_stderr, reason = "an example without a log of its own")]
fn eprint_error(number: Uuid, error: &anyhow::Error) {
    eprintln!("{number}: {error:#}");
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::NothingToPay => (StatusCode::UNPROCESSABLE_ENTITY, "an order needs something to pay").into_response(),
            Self::Internal(number) => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("nothing was done; see {number} in the log"))
                    .into_response()
            },
        }
    }
}
