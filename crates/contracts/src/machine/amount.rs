//! Whether a payment pays an order.

/// C13: a payment of something else than the order. Quarantine it as `payment.mismatch`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "payment.mismatch: the order costs {expected_cents} {expected_currency}, the payment is over {found_cents} {found_currency}"
)]
pub struct Mismatch {
    /// What the order costs.
    pub expected_cents: i64,
    /// Of that amount.
    pub expected_currency: String,
    /// What was paid.
    pub found_cents: i64,
    /// Of that amount.
    pub found_currency: String,
}

/// Checks a payment against its order, in the smallest unit of the currency.
pub fn check_amount(order: (i64, &str), payment: (i64, &str)) -> Result<(), Mismatch> {
    if order == payment {
        return Ok(());
    }
    Err(Mismatch {
        expected_cents: order.0,
        expected_currency: order.1.to_owned(),
        found_cents: payment.0,
        found_currency: payment.1.to_owned(),
    })
}
