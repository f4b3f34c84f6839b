//! `product.*`: what is for sale.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Cents, Currency, Id, Number};

const PRODUCT: Family = Family { entity: "product", topic: None, order_key: OrderKey::None, title: "Products" };

contracts! { PRODUCTS: PRODUCT;
    /// A product exists.
    "product.created" version 1 => ProductCreated {
        /// The product.
        product_id: Number,
        /// What it is called.
        title: String,
        /// Its stock keeping unit.
        sku: Option<Id>,
        /// Price of one piece.
        price_cents: Option<Cents>,
        /// Of the price.
        currency: Option<Currency>,
    } {
        user_email: Absent,
        aliases: [],
        id: product_id,
        example: r#"{"product_id":1,"title":"Mug","sku":"MUG-1","price_cents":12999,"currency":"USD"}"#
    }

    /// Something about the product changed; what is not named did not.
    "product.updated" version 1 => ProductUpdated {
        /// The product.
        product_id: Number,
        /// What it is called from now on.
        title: Option<String>,
        /// Its stock keeping unit from now on.
        sku: Option<Id>,
        /// Price of one piece from now on.
        price_cents: Option<Cents>,
        /// Of the price.
        currency: Option<Currency>,
    } { user_email: Absent, aliases: [], id: product_id, example: r#"{"product_id":1,"title":"Large mug"}"# }

    /// The product can be bought.
    "product.activated" version 1 => ProductActivated {
        /// The product.
        product_id: Number,
    } { user_email: Absent, aliases: [], id: product_id, example: r#"{"product_id":1}"# }

    /// The product can no longer be bought.
    "product.deactivated" version 1 => ProductDeactivated {
        /// The product.
        product_id: Number,
    } { user_email: Absent, aliases: [], id: product_id, example: r#"{"product_id":1}"# }
}
