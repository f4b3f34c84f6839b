//! `billing_cycle.created`: one period of a subscription.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Cents, Currency, DateTime, Id};

const BILLING_CYCLE: Family =
    Family { entity: "billing_cycle", topic: None, order_key: OrderKey::None, title: "Billing cycles" };

contracts! { BILLING_CYCLES: BILLING_CYCLE;
    /// A period that will be charged has begun.
    "billing_cycle.created" version 1 => BillingCycleCreated {
        /// The subscription.
        subscription_id: Id,
        /// The period.
        billing_cycle_id: Id,
        /// When it begins.
        starts_at: DateTime,
        /// When it ends.
        ends_at: DateTime,
        /// What will be charged.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
    } {
        user_email: Absent,
        aliases: [],
        id: billing_cycle_id,
        example: r#"{"subscription_id":"sub_1","billing_cycle_id":"bc_1","starts_at":"2025-09-01T00:00:00Z","ends_at":"2025-10-01T00:00:00Z","amount_cents":1999,"currency":"USD"}"#
    }
}
