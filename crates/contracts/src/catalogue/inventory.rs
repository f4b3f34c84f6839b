//! `inventory.*`: stock.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Code, Count, DateTime, Id, Quantity};

const INVENTORY: Family =
    Family { entity: "inventory", topic: None, order_key: OrderKey::Optional, title: "Inventory" };

contracts! { INVENTORIES: INVENTORY;
    /// A kind of thing can be kept in stock from now on.
    "inventory.item_created" version 1 => InventoryItemCreated {
        /// The stock keeping unit.
        sku: Id,
        /// What it is called.
        name: String,
    } { user_email: Absent, aliases: [], id: sku, example: r#"{"sku":"MUG-1","name":"Mug"}"# }

    /// The first count of a stock.
    "inventory.initialized" version 1 => InventoryInitialized {
        /// The stock keeping unit.
        sku: Id,
        /// How many pieces there are.
        on_hand: Count,
        /// Where.
        location: Option<String>,
    } { user_email: Absent, aliases: [], id: sku, example: r#"{"sku":"MUG-1","on_hand":100,"location":"warehouse-1"}"# }

    /// A stock was corrected.
    "inventory.adjusted" version 1 => InventoryAdjusted {
        /// The stock keeping unit.
        sku: Id,
        /// Pieces that came, or went if negative.
        delta: i64,
        /// Why, for programs.
        reason: Code,
        /// How many pieces there are now.
        on_hand: Option<Count>,
    } { user_email: Absent, aliases: [], id: sku, example: r#"{"sku":"MUG-1","delta":-2,"reason":"damaged","on_hand":98}"# }

    /// Pieces are kept back for an order.
    "inventory.reserved" version 1 => InventoryReserved {
        /// The stock keeping unit.
        sku: Id,
        /// How many pieces.
        qty: Quantity,
        /// The reservation.
        reservation_id: Id,
        /// Until when, unless it is confirmed.
        expires_at: Option<DateTime>,
    } { user_email: Absent, aliases: [], id: sku, example: r#"{"sku":"MUG-1","qty":2,"reservation_id":"res_1","expires_at":"2025-08-25T20:15:00Z"}"# }

    /// The reservation no longer expires.
    "inventory.reservation_confirmed" version 1 => InventoryReservationConfirmed {
        /// The stock keeping unit.
        sku: Id,
        /// How many pieces.
        qty: Quantity,
        /// The reservation.
        reservation_id: Id,
    } { user_email: Absent, aliases: [], id: sku, example: r#"{"sku":"MUG-1","qty":2,"reservation_id":"res_1"}"# }

    /// The pieces are free again.
    "inventory.reservation_released" version 1 => InventoryReservationReleased {
        /// The stock keeping unit.
        sku: Id,
        /// How many pieces.
        qty: Quantity,
        /// The reservation.
        reservation_id: Id,
        /// Why, for programs.
        reason: Option<Code>,
    } {
        user_email: Absent,
        aliases: ["inventory.released"],
        id: sku,
        example: r#"{"sku":"MUG-1","qty":2,"reservation_id":"res_1","reason":"order_cancelled"}"#
    }

    /// The reserved pieces have left the stock.
    "inventory.fulfilled" version 1 => InventoryFulfilled {
        /// The stock keeping unit.
        sku: Id,
        /// How many pieces.
        qty: Quantity,
        /// The reservation they were kept back under.
        reservation_id: Option<Id>,
    } { user_email: Absent, aliases: [], id: sku, example: r#"{"sku":"MUG-1","qty":2,"reservation_id":"res_1"}"# }
}
