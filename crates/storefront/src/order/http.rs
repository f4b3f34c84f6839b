//! What people ask of the order service.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stateset_api::code::Code;
use stateset_contracts::catalogue::{OrderCancelled, OrderCreated, OrderItem, OrderRefunded};
use stateset_contracts::commerce::Commerce;
use stateset_contracts::machine::{OrderEvent, Outcome};
use stateset_outbox::axum::Work;
use stateset_outbox::contracts::draft;

use super::Orders;
use super::rules::{self, Goods, POLICY, Step};
use super::store::{self, NewOrder, OrderRow};
use crate::dialect::Dialect;
use crate::http::{Answer, Body, Context, Failure, addressed, check_address, check_currency, word};

type Service<DB> = State<Arc<Orders<DB>>>;

/// A checkout. Members that are not named here are left alone.
#[derive(Debug, Deserialize)]
pub(super) struct Checkout {
    #[serde(default)]
    user_email: Option<String>,
    #[serde(default = "crate::http::dollars")]
    currency: String,
    items: Vec<OrderItem>,
}

/// An order in both vocabularies: the one word of the contracts, and the three axes.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    order_id: i64,
    status: String,
    lifecycle: &'static str,
    payment: &'static str,
    fulfilment: &'static str,
    amount_cents: i64,
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<String>,
    items: Vec<OrderItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    created_at: String,
}

fn shown(order: OrderRow, items: Vec<OrderItem>) -> Shown {
    let OrderRow { id, user_email, currency, amount_cents, state, payment_id, created_at } = order;
    Shown {
        order_id: id,
        status: state.contract_view().to_string(),
        lifecycle: state.lifecycle.word(),
        payment: state.payment.word(),
        fulfilment: state.fulfilment.word(),
        amount_cents,
        currency,
        user_email,
        items,
        payment_id,
        created_at,
    }
}

/// C12: the order, its goods, `order.created` and the answer under the request's key are one transaction.
pub(super) async fn checkout<DB: Dialect>(
    mut work: Work<DB>,
    context: Context,
    Body(wanted): Body<Checkout>,
) -> Answer<Shown> {
    let Checkout { user_email, currency, items } = wanted;
    let fault = |(place, why): (String, String)| Failure::fault(Code::InvalidRequestBody, place, why);
    let amount_cents = rules::amount(&items).map_err(fault)?;
    check_currency(&currency)?;
    if let Some(address) = &user_email {
        check_address(address)?;
    }
    if let Err(missing) = store::reserve::<DB>(work.connection(), &items).await? {
        let store::Missing { product, wanted, available } = missing;
        let detail = format!("of product {product} {available} pieces can be sold, and {wanted} are ordered");
        return Err(Failure::new(Code::OutOfStock, detail));
    }
    let new = NewOrder { user_email: user_email.as_deref(), currency: &currency, amount_cents, items: &items };
    let id = store::add::<DB>(work.connection(), &new).await?;
    let created = OrderCreated {
        amount_cents: amount_cents.into(),
        currency: currency.as_str().into(),
        items: items.clone(),
        tax_cents: Some(0.into()),
        shipping_cents: Some(0.into()),
    };
    let created = addressed(Commerce::new(created).order(id), user_email.as_deref());
    work.write_event(context.on(draft(created, None)?)).await?;
    let order = store::show::<DB>(work.connection(), id).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok((StatusCode::CREATED, Json(shown(order, items))))
}

pub(super) async fn order<DB: Dialect>(State(orders): Service<DB>, Path(id): Path<String>) -> Answer<Shown> {
    let mut connection = orders.own.connection().await?;
    let order = store::show::<DB>(&mut connection, number(&id)?).await?.ok_or_else(|| unknown(&id))?;
    let items = store::items::<DB>(&mut connection, order.id).await?;
    Ok((StatusCode::OK, Json(shown(order, items))))
}

/// Why an order is called off, or paid back.
#[derive(Debug, Deserialize)]
pub(super) struct Why {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    cancelled_by: Option<String>,
}

pub(super) async fn cancel<DB: Dialect>(
    mut work: Work<DB>,
    context: Context,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Answer<Shown> {
    let reason = word("/reason", why.reason)?.unwrap_or_else(|| "customer_request".to_owned());
    let by = word("/cancelled_by", why.cancelled_by)?;
    let (order, changed) = command(&mut work, &id, OrderEvent::Cancelled).await?;
    if changed {
        let cancelled = OrderCancelled { reason: reason.into(), note: None, cancelled_by: by.map(Into::into) };
        let cancelled = addressed(Commerce::new(cancelled).order(order.id), order.user_email.as_deref());
        work.write_event(context.on(draft(cancelled, None)?)).await?;
    }
    answer(&mut work, order).await
}

pub(super) async fn refund<DB: Dialect>(
    mut work: Work<DB>,
    context: Context,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Answer<Shown> {
    let reason = word("/reason", why.reason)?;
    let (order, changed) = command(&mut work, &id, OrderEvent::Refunded).await?;
    if changed {
        let refunded = OrderRefunded {
            amount_cents: order.amount_cents.into(),
            currency: order.currency.as_str().into(),
            payment_id: order.payment_id.clone().map(Into::into),
            reason: reason.map(Into::into),
        };
        let refunded = addressed(Commerce::new(refunded).order(order.id), order.user_email.as_deref());
        work.write_event(context.on(draft(refunded, None)?)).await?;
    }
    answer(&mut work, order).await
}

/// Does what somebody asks for, if the state machine lets them: the order as it is then, and whether it changed.
async fn command<DB: Dialect>(work: &mut Work<DB>, id: &str, event: OrderEvent) -> Result<(OrderRow, bool), Failure> {
    let order = store::lock::<DB>(work.connection(), number(id)?).await?.ok_or_else(|| unknown(id))?;
    match order.state.command(event, POLICY) {
        Outcome::Applied(state) => {
            let goods: Goods = rules::goods(order.state, state);
            let step = Step { order: OrderRow { state, ..order }, goods };
            store::take::<DB>(work.connection(), &step).await?;
            Ok((step.order, true))
        },
        Outcome::AlreadyApplied => Ok((order, false)),
        Outcome::Illegal(refusal) => Err(refusal.into()),
        Outcome::Waiting(what) => Err(Failure::new(Code::InvalidTransition, format!("{what} must come first"))),
    }
}

async fn answer<DB: Dialect>(work: &mut Work<DB>, order: OrderRow) -> Answer<Shown> {
    let items = store::items::<DB>(work.connection(), order.id).await?;
    Ok((StatusCode::OK, Json(shown(order, items))))
}

/// What there is of a product.
#[derive(Debug, Serialize)]
pub(super) struct Stock {
    product_id: i64,
    on_hand: i64,
    reserved: i64,
    available: i64,
}

pub(super) async fn stock<DB: Dialect>(State(orders): Service<DB>, Path(product): Path<String>) -> Answer<Stock> {
    let product = number(&product)?;
    let found = store::stock::<DB>(&mut *orders.own.connection().await?, product).await?;
    let (on_hand, reserved) = found.unwrap_or_default();
    Ok((StatusCode::OK, Json(Stock { product_id: product, on_hand, reserved, available: on_hand - reserved })))
}

/// How many pieces there are.
#[derive(Debug, Deserialize)]
pub(super) struct Counted {
    on_hand: i64,
}

pub(super) async fn set_stock<DB: Dialect>(
    mut work: Work<DB>,
    Path(product): Path<String>,
    Body(counted): Body<Counted>,
) -> Answer<Stock> {
    let product = number(&product)?;
    if !(0..=1_000_000_000).contains(&counted.on_hand) {
        return Err(Failure::fault(Code::InvalidRequestBody, "/on_hand", "0 to 1,000,000,000 pieces"));
    }
    if !store::set_stock::<DB>(work.connection(), product, counted.on_hand).await? {
        let detail = format!("more than {} pieces of product {product} are reserved", counted.on_hand);
        return Err(Failure::new(Code::OutOfStock, detail));
    }
    let (on_hand, reserved) = store::stock::<DB>(work.connection(), product).await?.unwrap_or_default();
    Ok((StatusCode::OK, Json(Stock { product_id: product, on_hand, reserved, available: on_hand - reserved })))
}

fn number(text: &str) -> Result<i64, Failure> {
    let number = crate::incoming::order_number(text);
    number.ok_or_else(|| Failure::new(Code::InvalidParameter, format!("{text:?} is no number of this shop's")))
}

fn unknown(id: &str) -> Failure {
    Failure::new(Code::OrderNotFound, format!("there is no order {id}"))
}
