//! `order.*`: the life of an order.

use super::{Family, OrderKey, Topic};
use crate::declare::{contracts, object};
use crate::scalar::{Cents, Code, Currency, DateTime, Id, Number, Quantity};

const ORDER: Family =
    Family { entity: "order", topic: Some(Topic::Order), order_key: OrderKey::Entity, title: "Orders" };

object! {
    /// One line of an order.
    OrderItem {
        /// The product.
        product_id: Number,
        /// How many pieces.
        qty: Quantity,
        /// Price of one piece.
        unit_price_cents: Cents,
    }
}

contracts! { ORDERS: ORDER;
    /// An order exists: checkout succeeded and its stock is reserved.
    "order.created" version 2 => OrderCreated {
        /// What the customer pays: all items, tax and shipping.
        amount_cents: Cents,
        /// Of all amounts.
        currency: Currency,
        /// What was ordered.
        items: Vec<OrderItem>,
        /// Tax within the amount. Before version 2 there was none.
        tax_cents: Option<Cents> => since(2),
        /// Shipping within the amount. Before version 2 there was none.
        shipping_cents: Option<Cents> => since(2),
    } {
        user_email: Included,
        aliases: [],
        example: r#"{"amount_cents":28497,"currency":"USD","items":[{"product_id":1,"qty":2,"unit_price_cents":12999}],"tax_cents":2000,"shipping_cents":499}"#
    }

    /// The shop has accepted the order.
    "order.confirmed" version 1 => OrderConfirmed {
        /// When, if not at the event's own time.
        confirmed_at: Option<DateTime>,
    } { user_email: Absent, aliases: [], example: r#"{"confirmed_at":"2025-08-25T20:00:30Z"}"# }

    /// Work on the order has begun; it is being packed.
    "order.processing" version 1 => OrderProcessing {
        /// Where it is packed.
        location: Option<String>,
    } { user_email: Absent, aliases: [], example: r#"{"location":"warehouse-1"}"# }

    /// All parcels of the order have left.
    "order.shipped" version 1 => OrderShipped {
        /// The shipments it left in.
        shipment_ids: Option<Vec<Number>>,
    } { user_email: Absent, aliases: [], example: r#"{"shipment_ids":[1]}"# }

    /// All parcels of the order have arrived.
    "order.delivered" version 1 => OrderDelivered {
        /// When, if not at the event's own time.
        delivered_at: Option<DateTime>,
    } { user_email: Absent, aliases: [], example: r#"{"delivered_at":"2025-08-28T11:00:00Z"}"# }

    /// The order will not be fulfilled; its reserved stock goes back.
    "order.cancelled" version 1 => OrderCancelled {
        /// Why, for programs.
        reason: Code,
        /// Why, in somebody's own words.
        note: Option<String> => personal,
        /// Who asked for it, such as `customer` or `merchant`.
        cancelled_by: Option<Code>,
    } { user_email: Included, aliases: [], example: r#"{"reason":"customer_request","cancelled_by":"customer"}"# }

    /// The customer has the money back.
    "order.refunded" version 1 => OrderRefunded {
        /// How much was given back.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
        /// The payment it was taken from.
        payment_id: Option<Id>,
        /// Why, for programs.
        reason: Option<Code>,
    } {
        user_email: Included,
        aliases: [],
        example: r#"{"amount_cents":28497,"currency":"USD","payment_id":"pm_abc123","reason":"order_cancelled"}"#
    }
}

impl OrderCreated {
    /// What the items, tax and shipping sum up to; `None` beyond 64 bits. A difference to `amount_cents` is worth a
    /// warning, not a refusal: discounts exist.
    pub fn total_cents(&self) -> Option<i64> {
        let extra = |cents: Option<Cents>| cents.unwrap_or_default().0;
        let extras = extra(self.tax_cents).checked_add(extra(self.shipping_cents))?;
        self.items
            .iter()
            .try_fold(extras, |sum, item| sum.checked_add(item.qty.0.checked_mul(item.unit_price_cents.0)?))
    }
}
