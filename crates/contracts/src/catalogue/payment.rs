//! `payment.*`: the life of a payment.

use super::{Family, OrderKey, Topic};
use crate::declare::contracts;
use crate::scalar::{Cents, Code, Currency, Id};

const PAYMENT: Family =
    Family { entity: "payment", topic: Some(Topic::Payment), order_key: OrderKey::Required, title: "Payments" };

contracts! { PAYMENTS: PAYMENT;
    /// A payment was begun; no money has moved.
    "payment.created" version 1 => PaymentCreated {
        /// What shall be paid.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
        /// Who moves the money.
        provider: String,
        /// The provider's name of the payment.
        payment_id: Id,
    } {
        user_email: Absent,
        aliases: [],
        id: payment_id,
        example: r#"{"amount_cents":25998,"currency":"USD","provider":"mock","payment_id":"pm_abc123"}"#
    }

    /// The money has moved.
    "payment.succeeded" version 1 => PaymentSucceeded {
        /// What was paid; it must be the order's amount.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
        /// Who moved the money.
        provider: String,
        /// The provider's name of the payment.
        payment_id: Id,
    } {
        user_email: Included,
        aliases: ["payment.completed"],
        id: payment_id,
        example: r#"{"amount_cents":25998,"currency":"USD","provider":"mock","payment_id":"pm_abc123"}"#
    }

    /// The payment did not go through. The order stays open and may be paid again.
    "payment.failed" version 1 => PaymentFailed {
        /// What should have been paid.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
        /// Who should have moved the money.
        provider: String,
        /// The provider's name of the payment.
        payment_id: Id,
        /// Why, for people.
        reason: String,
        /// Why, for programs.
        code: Code,
    } {
        user_email: Included,
        aliases: [],
        id: payment_id,
        example: r#"{"amount_cents":25998,"currency":"USD","provider":"mock","payment_id":"pm_abc123","reason":"The card was declined","code":"card_declined"}"#
    }

    /// The money has gone back.
    "payment.refunded" version 1 => PaymentRefunded {
        /// What went back.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
        /// Who moved the money.
        provider: String,
        /// The provider's name of the payment.
        payment_id: Id,
        /// The provider's name of the refund.
        refund_id: Option<Id>,
        /// Why, for programs.
        reason: Option<Code>,
    } {
        user_email: Included,
        aliases: [],
        id: payment_id,
        example: r#"{"amount_cents":25998,"currency":"USD","provider":"mock","payment_id":"pm_abc123","refund_id":"re_1","reason":"order_cancelled"}"#
    }
}
