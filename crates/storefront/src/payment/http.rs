//! What the provider says, and what people ask.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stateset_api::code::Code;
use stateset_contracts::catalogue::{PaymentFailed, PaymentSucceeded};
use stateset_contracts::commerce::Commerce;
use stateset_contracts::envelope::{OrderId, OrderIdMode};
use stateset_contracts::machine::Payment;
use stateset_outbox::axum::Work;
use stateset_outbox::contracts::draft;
use uuid::Uuid;

use super::rules::{self, Charge};
use super::store::{self, PaymentRow};
use super::{PROVIDER, Payments};
use crate::dialect::Dialect;
use crate::http::{
    Answer, Body, Context, Failure, Params, addressed, check_address, check_currency, check_order, text, word,
};

/// Longest reason.
const REASON_CHARS: usize = 500;

/// The provider has taken the money.
#[derive(Debug, Deserialize)]
pub(super) struct Succeeded {
    order_id: OrderId,
    amount_cents: i64,
    #[serde(default = "crate::http::dollars")]
    currency: String,
    /// As the payer gave it; the order's, if it is known, where this is left out.
    #[serde(default)]
    user_email: Option<String>,
}

/// The provider could not take the money.
#[derive(Debug, Deserialize)]
pub(super) struct Failed {
    order_id: OrderId,
    #[serde(default = "declined")]
    reason: String,
    #[serde(default)]
    code: Option<String>,
    /// The order's, if it is known, where these are left out.
    #[serde(default)]
    amount_cents: Option<i64>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    user_email: Option<String>,
}

fn declined() -> String {
    "The card was declined".to_owned()
}

/// A payment.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    payment_id: String,
    order_id: Option<OrderId>,
    status: String,
    amount_cents: i64,
    currency: String,
    provider: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
    made_at: String,
}

fn shown(payment: PaymentRow) -> Shown {
    let PaymentRow { payment_id, order_key, amount_cents, currency, status, refund_id, made_at } = payment;
    Shown {
        payment_id,
        order_id: OrderId::from_key(&order_key, OrderIdMode::IntegerOrString),
        status: status.word().to_uppercase(),
        amount_cents,
        currency,
        provider: PROVIDER,
        refund_id,
        made_at,
    }
}

pub(super) async fn succeed<DB: Dialect>(
    mut work: Work<DB>,
    context: Context,
    Body(said): Body<Succeeded>,
) -> Answer<Shown> {
    let key = check_order(&said.order_id)?;
    check_amount(said.amount_cents)?;
    check_currency(&said.currency)?;
    let payable = store::lock::<DB>(work.connection(), &key).await?;
    let payments = store::payments::<DB>(work.connection(), &key).await?;
    match rules::charge(&payable, &payments, (said.amount_cents, &said.currency)) {
        Charge::Known(payment) => return Ok((StatusCode::OK, Json(shown(payment.clone())))),
        Charge::Refused(refusal) => return Err(refusal.into()),
        Charge::New => {},
    }
    let email = email(said.user_email, payable.user_email)?;
    let payment = new(&key, said.amount_cents, &said.currency, Payment::Succeeded);
    let payment = store::add::<DB>(work.connection(), payment).await?;
    let succeeded = PaymentSucceeded {
        amount_cents: said.amount_cents.into(),
        currency: said.currency.into(),
        provider: PROVIDER.to_owned(),
        payment_id: payment.payment_id.as_str().into(),
    };
    let succeeded = addressed(Commerce::new(succeeded).order(&key), email.as_deref());
    work.write_event(context.on(draft(succeeded, None)?)).await?;
    Ok((StatusCode::CREATED, Json(shown(payment))))
}

/// C17: the order stays open, and may be paid again.
pub(super) async fn fail<DB: Dialect>(mut work: Work<DB>, context: Context, Body(said): Body<Failed>) -> Answer<Shown> {
    let key = check_order(&said.order_id)?;
    let code = word("/code", said.code)?.unwrap_or_else(|| "card_declined".to_owned());
    let reason = text("/reason", said.reason, REASON_CHARS)?;
    let payable = store::lock::<DB>(work.connection(), &key).await?;
    let payments = store::payments::<DB>(work.connection(), &key).await?;
    if let Some(refusal) = rules::failure(&payable, &payments) {
        return Err(refusal.into());
    }
    let said_amount = said.amount_cents.zip(said.currency);
    let Some((amount_cents, currency)) = said_amount.or(payable.amount) else {
        let why = format!("order {key} is not known here yet: say amount_cents and currency, or try again");
        return Err(Failure::new(Code::OrderNotFound, why));
    };
    check_amount(amount_cents)?;
    check_currency(&currency)?;
    let email = email(said.user_email, payable.user_email)?;
    let payment = new(&key, amount_cents, &currency, Payment::Failed);
    let payment = store::add::<DB>(work.connection(), payment).await?;
    let failed = PaymentFailed {
        amount_cents: amount_cents.into(),
        currency: currency.into(),
        provider: PROVIDER.to_owned(),
        payment_id: payment.payment_id.as_str().into(),
        reason,
        code: code.into(),
    };
    let failed = addressed(Commerce::new(failed).order(&key), email.as_deref());
    work.write_event(context.on(draft(failed, None)?)).await?;
    Ok((StatusCode::CREATED, Json(shown(payment))))
}

/// Of which order.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    order_id: String,
}

pub(super) async fn payments<DB: Dialect>(
    State(service): State<Arc<Payments<DB>>>,
    Params(of): Params<Of>,
) -> Answer<Vec<Shown>> {
    let payments = store::payments::<DB>(&mut *service.own.connection().await?, &of.order_id).await?;
    Ok((StatusCode::OK, Json(payments.into_iter().map(shown).collect())))
}

fn new(order_key: &str, amount_cents: i64, currency: &str, status: Payment) -> PaymentRow {
    PaymentRow {
        payment_id: format!("pm_{}", Uuid::new_v4().simple()),
        order_key: order_key.to_owned(),
        amount_cents,
        currency: currency.to_owned(),
        status,
        refund_id: None,
        made_at: String::new(),
    }
}

fn email(said: Option<String>, known: Option<String>) -> Result<Option<String>, Failure> {
    if let Some(address) = &said {
        check_address(address)?;
    }
    Ok(said.or(known))
}

fn check_amount(amount_cents: i64) -> Result<(), Failure> {
    if amount_cents > 0 {
        return Ok(());
    }
    let why = "more than 0, in the currency's smallest unit";
    Err(Failure::fault(Code::InvalidRequestBody, "/amount_cents", why))
}
