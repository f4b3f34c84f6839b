//! Facts of the payment service, in and out.

use std::str::FromStr;

use sqlx::Error;
use stateset_contracts::machine::Payment;

use crate::dialect::{Dialect, Row, look_once, look_one, statement, values};

/// Whether an order can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is known of it yet.
    Expected,
    /// It can.
    Open,
    /// It was called off.
    Cancelled,
    /// The money was given back.
    Refunded,
}

impl Standing {
    const ALL: [Self; 4] = [Self::Expected, Self::Open, Self::Cancelled, Self::Refunded];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Open => "open",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

impl FromStr for Standing {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|standing| standing.word() == word).ok_or(())
    }
}

/// What the service knows of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payable {
    /// What it costs; `None` before `order.created`.
    pub(super) amount: Option<(i64, String)>,
    pub(super) user_email: Option<String>,
    pub(super) standing: Standing,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PaymentRow {
    pub(super) payment_id: String,
    pub(super) order_key: String,
    pub(super) amount_cents: i64,
    pub(super) currency: String,
    pub(super) status: Payment,
    pub(super) refund_id: Option<String>,
    pub(super) made_at: String,
}

/// What is known of an order, locked for whoever decides about its money; also of one that was not heard of yet.
pub(super) async fn lock<DB: Dialect>(connection: &mut DB::Connection, key: &str) -> Result<Payable, Error> {
    DB::change(connection, statement!("payable_expect"), values![key]).await?;
    let mut row = look_one::<DB>(connection, statement!("payable_get"), values![key]).await?;
    read_payable(&mut row)
}

/// The same without making a row.
pub(super) async fn known<DB: Dialect>(connection: &mut DB::Connection, key: &str) -> Result<Option<Payable>, Error> {
    let row = look_once::<DB>(connection, statement!("payable_get"), values![key]).await?;
    row.map(|mut row| read_payable(&mut row)).transpose()
}

fn read_payable(row: &mut Row) -> Result<Payable, Error> {
    let (amount_cents, currency) = (row.opt_int()?, row.opt_text()?);
    Ok(Payable { amount: amount_cents.zip(currency), user_email: row.opt_text()?, standing: row.word()? })
}

/// Writes what is known of an order.
pub(super) async fn set<DB: Dialect>(
    connection: &mut DB::Connection,
    key: &str,
    payable: &Payable,
) -> Result<(), Error> {
    let (amount_cents, currency) = payable.amount.clone().unzip();
    DB::change(connection, statement!("payable_expect"), values![key]).await?;
    let values = values![key, amount_cents, currency, payable.user_email.as_deref(), payable.standing.word()];
    DB::change(connection, statement!("payable_set"), values).await.map(drop)
}

/// All payments of an order, the oldest first.
pub(super) async fn payments<DB: Dialect>(
    connection: &mut DB::Connection,
    key: &str,
) -> Result<Vec<PaymentRow>, Error> {
    let rows = DB::look(connection, statement!("payments_of"), values![key]).await?;
    let payment = |mut row: Row| {
        Ok(PaymentRow {
            payment_id: row.text()?,
            order_key: row.text()?,
            amount_cents: row.int()?,
            currency: row.text()?,
            status: row.word()?,
            refund_id: row.opt_text()?,
            made_at: row.instant()?,
        })
    };
    rows.into_iter().map(payment).collect()
}

/// Adds a payment; the time is the database's.
pub(super) async fn add<DB: Dialect>(
    connection: &mut DB::Connection,
    payment: PaymentRow,
) -> Result<PaymentRow, Error> {
    let mut values = values![&payment.payment_id, &payment.order_key, payment.amount_cents];
    values.extend(values![&payment.currency, payment.status.word()]);
    let made_at = look_one::<DB>(connection, statement!("payment_add"), values).await?.instant()?;
    Ok(PaymentRow { made_at, ..payment })
}

/// Notes that a payment's money went back.
pub(super) async fn refund<DB: Dialect>(
    connection: &mut DB::Connection,
    payment_id: &str,
    refund_id: &str,
) -> Result<(), Error> {
    let values = values![payment_id, Payment::Refunded.word(), refund_id];
    DB::change(connection, statement!("payment_refund"), values).await.map(drop)
}
