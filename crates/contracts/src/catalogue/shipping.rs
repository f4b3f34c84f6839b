//! `shipping.*` and `shipment.*`: the life of a shipment.

use super::{Family, OrderKey, Topic};
use crate::declare::contracts;
use crate::scalar::{Code, DateTime, Number};

const SHIPPING: Family =
    Family { entity: "shipment", topic: Some(Topic::Shipping), order_key: OrderKey::Required, title: "Shipping" };

contracts! { SHIPMENTS: SHIPPING;
    /// A shipment is planned; it waits for the payment.
    "shipment.created" version 1 => ShipmentCreated {
        /// The shipment.
        shipment_id: Number,
    } { user_email: Absent, aliases: [], id: shipment_id, example: r#"{"shipment_id":1}"# }

    /// The payment has cleared; the shipment may leave.
    "shipping.ready" version 1 => ShippingReady {
        /// The shipment.
        shipment_id: Number,
    } { user_email: Included, aliases: [], id: shipment_id, example: r#"{"shipment_id":1}"# }

    /// The carrier has the shipment.
    "shipping.dispatched" version 1 => ShippingDispatched {
        /// The shipment.
        shipment_id: Number,
        /// Who carries it.
        carrier: String,
        /// The carrier's name of the parcel.
        tracking_number: String,
    } {
        user_email: Included,
        aliases: ["shipment.shipped"],
        id: shipment_id,
        example: r#"{"shipment_id":1,"carrier":"demo-carrier","tracking_number":"TRK-0001"}"#
    }

    /// The shipment has arrived.
    "shipping.delivered" version 1 => ShippingDelivered {
        /// The shipment.
        shipment_id: Number,
        /// When, if not at the event's own time.
        delivered_at: Option<DateTime>,
    } {
        user_email: Included,
        aliases: ["shipment.delivered"],
        id: shipment_id,
        example: r#"{"shipment_id":1,"delivered_at":"2025-08-28T11:00:00Z"}"#
    }

    /// The shipment will not leave.
    "shipping.cancelled" version 1 => ShippingCancelled {
        /// The shipment.
        shipment_id: Number,
        /// Why, for programs.
        reason: Code,
    } {
        user_email: Included,
        aliases: [],
        id: shipment_id,
        example: r#"{"shipment_id":1,"reason":"order_cancelled"}"#
    }
}
