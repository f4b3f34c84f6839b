//! `cart.*`: what somebody may buy.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Cents, Currency, Id, Number, Quantity};

const CART: Family = Family { entity: "cart", topic: None, order_key: OrderKey::None, title: "Carts" };

contracts! { CARTS: CART;
    /// An empty cart exists.
    "cart.created" version 1 => CartCreated {
        /// The cart.
        cart_id: Id,
        /// Whose, if known.
        customer_id: Option<Id>,
        /// Of all amounts.
        currency: Currency,
    } { user_email: Absent, aliases: [], id: cart_id, example: r#"{"cart_id":"cart_1","customer_id":"cust_1","currency":"USD"}"# }

    /// Something was put into the cart.
    "cart.item_added" version 1 => CartItemAdded {
        /// The cart.
        cart_id: Id,
        /// The product.
        product_id: Number,
        /// How many pieces.
        qty: Quantity,
        /// Price of one piece.
        unit_price_cents: Cents,
    } { user_email: Absent, aliases: [], id: cart_id, example: r#"{"cart_id":"cart_1","product_id":1,"qty":2,"unit_price_cents":12999}"# }

    /// The cart became an order.
    "cart.checked_out" version 1 => CartCheckedOut {
        /// The cart.
        cart_id: Id,
        /// The order.
        order_id: Id,
    } { user_email: Absent, aliases: [], id: cart_id, example: r#"{"cart_id":"cart_1","order_id":"123"}"# }
}
