//! The members of Shopify's JSON that are read. All others are left alone: they may grow, and many are personal.

use serde::Deserialize;
use stateset_contracts::instant::Instant;

#[derive(Debug, Deserialize)]
pub(super) struct Product {
    pub(super) id: u64,
    pub(super) title: String,
    #[serde(default)]
    pub(super) status: Option<String>,
    pub(super) updated_at: Instant,
    #[serde(default)]
    pub(super) variants: Vec<Variant>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Variant {
    #[serde(default)]
    pub(super) sku: Option<String>,
    #[serde(default)]
    pub(super) price: Option<String>,
    #[serde(default)]
    pub(super) inventory_item_id: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) order_number: Option<i64>,
    pub(super) total_price: String,
    pub(super) currency: String,
    pub(super) updated_at: Instant,
}

#[derive(Debug, Deserialize)]
pub(super) struct InventoryLevel {
    pub(super) inventory_item_id: u64,
    pub(super) location_id: u64,
    /// `null`: the shop does not count this item.
    pub(super) available: Option<i64>,
    pub(super) updated_at: Instant,
}

#[derive(Debug, Deserialize)]
pub(super) struct Customer {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default)]
    pub(super) first_name: Option<String>,
    #[serde(default)]
    pub(super) last_name: Option<String>,
    pub(super) updated_at: Instant,
}
