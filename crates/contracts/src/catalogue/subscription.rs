//! `subscription.*`: what is paid again and again.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Cents, Code, Currency, DateTime, Id};

const SUBSCRIPTION: Family =
    Family { entity: "subscription", topic: None, order_key: OrderKey::None, title: "Subscriptions" };

contracts! { SUBSCRIPTIONS: SUBSCRIPTION;
    /// A subscription runs.
    "subscription.created" version 1 => SubscriptionCreated {
        /// The subscription.
        subscription_id: Id,
        /// Whose.
        customer_id: Id,
        /// Which plan.
        plan: String,
        /// Price of one cycle.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
    } {
        user_email: Absent,
        aliases: [],
        id: subscription_id,
        example: r#"{"subscription_id":"sub_1","customer_id":"cust_1","plan":"coffee-monthly","amount_cents":1999,"currency":"USD"}"#
    }

    /// Nothing is charged until it is resumed.
    "subscription.paused" version 1 => SubscriptionPaused {
        /// The subscription.
        subscription_id: Id,
        /// When it resumes by itself.
        until: Option<DateTime>,
    } { user_email: Absent, aliases: [], id: subscription_id, example: r#"{"subscription_id":"sub_1","until":"2025-10-01T00:00:00Z"}"# }

    /// It is charged again.
    "subscription.resumed" version 1 => SubscriptionResumed {
        /// The subscription.
        subscription_id: Id,
    } { user_email: Absent, aliases: [], id: subscription_id, example: r#"{"subscription_id":"sub_1"}"# }

    /// It has ended.
    "subscription.cancelled" version 1 => SubscriptionCancelled {
        /// The subscription.
        subscription_id: Id,
        /// Why, for programs.
        reason: Option<Code>,
    } { user_email: Absent, aliases: [], id: subscription_id, example: r#"{"subscription_id":"sub_1","reason":"too_expensive"}"# }
}
