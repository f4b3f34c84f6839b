//! `pricechange.applied`: a price, and why it changed.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Cents, Code, Currency, Id, Number};

const PRICE_CHANGE: Family = Family { entity: "price_change", topic: None, order_key: OrderKey::None, title: "Prices" };

contracts! { PRICE_CHANGES: PRICE_CHANGE;
    /// A price was changed.
    "pricechange.applied" version 1 => PriceChangeApplied {
        /// The change.
        price_change_id: Id,
        /// The product.
        product_id: Number,
        /// Price of one piece before.
        old_price_cents: Cents,
        /// Price of one piece from now on.
        new_price_cents: Cents,
        /// Of both.
        currency: Currency,
        /// Why, for programs.
        reason: Option<Code>,
    } {
        user_email: Absent,
        aliases: [],
        id: price_change_id,
        example: r#"{"price_change_id":"pc_1","product_id":1,"old_price_cents":12999,"new_price_cents":11999,"currency":"USD","reason":"sale"}"#
    }
}
