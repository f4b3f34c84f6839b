//! `return.*`: goods that come back.

use super::{Family, OrderKey, Topic};
use crate::declare::{contracts, object};
use crate::scalar::{Cents, Code, Currency, DateTime, Id, Number, Quantity};

const RETURN: Family =
    Family { entity: "return", topic: Some(Topic::Order), order_key: OrderKey::Required, title: "Returns" };

object! {
    /// One line of a return.
    ReturnItem {
        /// The product.
        product_id: Number,
        /// How many pieces.
        qty: Quantity,
        /// Why, for programs.
        reason: Option<Code>,
    }
}

contracts! { RETURNS: RETURN;
    /// A customer wants to send something back.
    "return.requested" version 1 => ReturnRequested {
        /// The return.
        return_id: Id,
        /// What shall come back.
        items: Vec<ReturnItem>,
        /// Why, in the customer's own words.
        comment: Option<String> => personal,
    } {
        user_email: Included,
        aliases: ["return.created"],
        id: return_id,
        example: r#"{"return_id":"ret_1","items":[{"product_id":1,"qty":1,"reason":"wrong_size"}]}"#
    }

    /// The shop agrees.
    "return.approved" version 1 => ReturnApproved {
        /// The return.
        return_id: Id,
        /// Until when the goods must be sent.
        send_by: Option<DateTime>,
    } { user_email: Included, aliases: [], id: return_id, example: r#"{"return_id":"ret_1","send_by":"2025-09-10T00:00:00Z"}"# }

    /// The shop does not agree.
    "return.rejected" version 1 => ReturnRejected {
        /// The return.
        return_id: Id,
        /// Why, for programs.
        reason: Code,
    } { user_email: Included, aliases: [], id: return_id, example: r#"{"return_id":"ret_1","reason":"too_late"}"# }

    /// The goods have come back.
    "return.received" version 1 => ReturnReceived {
        /// The return.
        return_id: Id,
        /// What came back.
        items: Vec<ReturnItem>,
    } { user_email: Absent, aliases: [], id: return_id, example: r#"{"return_id":"ret_1","items":[{"product_id":1,"qty":1}]}"# }

    /// The customer has the money for the returned goods.
    "return.refunded" version 1 => ReturnRefunded {
        /// The return.
        return_id: Id,
        /// How much was given back.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
    } { user_email: Included, aliases: [], id: return_id, example: r#"{"return_id":"ret_1","amount_cents":12999,"currency":"USD"}"# }

    /// Nothing more happens with the return.
    "return.completed" version 1 => ReturnCompleted {
        /// The return.
        return_id: Id,
    } { user_email: Absent, aliases: [], id: return_id, example: r#"{"return_id":"ret_1"}"# }
}
