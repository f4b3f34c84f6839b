//! Every type of event there is, with what it means and what it carries.
//!
//! To add a type, write it in the file of its family with `contracts!`, run `cargo xtask codegen` and
//! commit what that writes. To add a member to a payload, make it an `Option`, mark it `since(n)`, raise the version, and
//! give [`crate::upcast`] what older payloads get.

mod audit;
mod billing_cycle;
mod cart;
mod connector;
mod customer;
mod inventory;
mod order;
mod payment;
mod price_change;
mod product;
mod returns;
mod shipping;
mod subscription;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::audit::*;
pub use self::billing_cycle::*;
pub use self::cart::*;
pub use self::connector::*;
pub use self::customer::*;
pub use self::inventory::*;
pub use self::order::*;
pub use self::payment::*;
pub use self::price_change::*;
pub use self::product::*;
pub use self::returns::*;
pub use self::shipping::*;
pub use self::subscription::*;
use crate::shape::{Object, Shape, Shaped};

/// One type of event.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// The canonical name, such as `payment.succeeded`.
    pub name: &'static str,
    /// Other names of the same fact, such as `payment.completed`.
    pub aliases: &'static [&'static str],
    /// What it has in common with its neighbours.
    pub family: &'static Family,
    /// Version of the payload's schema, from 1.
    pub schema_version: u32,
    /// Whether the envelope carries the customer's address.
    pub user_email: UserEmail,
    /// A payload, as JSON.
    pub example: &'static str,
    pub(crate) shape: fn() -> Shape,
    pub(crate) reads: fn(&str) -> Result<(), serde_json::Error>,
}

/// What the types of one family share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The entity the facts are about, such as `order`.
    pub entity: &'static str,
    /// Where the event contracts publish it. `None`: the facts belong to no order, and so to no topic of the contracts.
    pub topic: Option<Topic>,
    /// Where the order key comes from.
    pub order_key: OrderKey,
    /// A word for people.
    pub title: &'static str,
}

/// A topic of the event contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// `order.events`
    Order,
    /// `payment.events`
    Payment,
    /// `shipping.events`
    Shipping,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Order, Self::Payment, Self::Shipping];

    /// The name on the broker.
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order.events",
            Self::Payment => "payment.events",
            Self::Shipping => "shipping.events",
        }
    }
}

/// Where the order key of an event comes from: the root it belongs to, which is the Kafka key and the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKey {
    /// The entity is the order: its id.
    Entity,
    /// The writer must say which order.
    Required,
    /// The writer may say which order.
    Optional,
    /// There is no order; the entity is its own lane.
    None,
}

/// Whether the envelope has `user_email`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserEmail {
    /// When the writer gave one: consumers write to the customer.
    Included,
    /// Never, even if the writer gave one.
    Absent,
}

/// A payload type: the Rust side of one contract.
pub trait Payload: Serialize + DeserializeOwned + Shaped {
    /// What it is the payload of.
    const CONTRACT: &'static Contract;

    /// The entity's id, where the payload has it. An order's payloads do not: its id is the order key.
    fn entity_id(&self) -> Option<String> {
        None
    }
}

impl Contract {
    /// The payload, member by member.
    pub fn payload(&self) -> Object {
        match (self.shape)() {
            Shape::Object(object) => object,
            other => Object { name: "Payload", summary: format!("{other:?}"), fields: Vec::new() },
        }
    }

    /// Whether `name` is its name or an alias.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Reads a payload of the current version with the Rust type, and drops it.
    pub fn reads(&self, json: &str) -> Result<(), serde_json::Error> {
        (self.reads)(json)
    }
}

const FAMILIES: [&[&Contract]; 13] = [
    ORDERS,
    PAYMENTS,
    SHIPMENTS,
    INVENTORIES,
    RETURNS,
    CARTS,
    CUSTOMERS,
    PRODUCTS,
    SUBSCRIPTIONS,
    BILLING_CYCLES,
    CONNECTORS,
    PRICE_CHANGES,
    AUDITS,
];

/// The whole catalogue, family by family.
pub fn all() -> impl Iterator<Item = &'static Contract> {
    FAMILIES.into_iter().flatten().copied()
}

/// The contract of a type, by its name or an alias.
///
/// ```
/// let contract = stateset_contracts::catalogue::find("payment.completed").unwrap();
/// assert_eq!(contract.name, "payment.succeeded");
/// ```
pub fn find(name: &str) -> Option<&'static Contract> {
    all().find(|contract| contract.is_called(name))
}

/// The canonical name of a type; an unknown type is its own.
pub fn canonical(name: &str) -> &str {
    find(name).map_or(name, |contract| contract.name)
}
