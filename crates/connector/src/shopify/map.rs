//! From a topic and a body to what they mean. Pure.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use stateset_contracts::catalogue::{CustomerCreated, CustomerUpdated, Payload, ShopifySyncOrder, ShopifySyncProduct};
use stateset_contracts::commerce::Commerce;
use stateset_outbox::Draft;
use stateset_outbox::contracts::draft;

use super::NAME;
use super::wire::{Customer, InventoryLevel, Order, Product};
use crate::connector::{Reading, Request, Resource, Says, Unreadable};
use crate::money::{is_currency, minor_units};

pub(super) const TOPICS: &[&str] = &[
    "products/create",
    "products/update",
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/fulfilled",
    "inventory_levels/update",
    "inventory_levels/connect",
    "customers/create",
    "customers/update",
];

/// Characters that are kept of a title and of a state: the shop's own limit is 255.
const TEXT: usize = 255;
/// Variants whose stock keeping units are remembered: the most a product of a shop has.
const VARIANTS: usize = 2_048;

pub(super) fn read(request: &Request, body: &[u8], currency: Option<&str>) -> Result<Option<Reading>, Unreadable> {
    match request.topic.as_str() {
        "products/create" | "products/update" => product(request, body, currency).map(Some),
        "orders/create" | "orders/updated" | "orders/paid" | "orders/cancelled" | "orders/fulfilled" => {
            order(request, body).map(Some)
        },
        "inventory_levels/update" | "inventory_levels/connect" => stock(request, body),
        "customers/create" => customer(request, body, true).map(Some),
        "customers/update" => customer(request, body, false).map(Some),
        _ => Ok(None),
    }
}

/// A product as it stands in webhooks and in pages of the shop's API. Its price is that of its first variant.
pub fn product(request: &Request, body: &[u8], currency: Option<&str>) -> Result<Reading, Unreadable> {
    let product: Product = parse(request, body)?;
    let unreadable = |why: &str| Unreadable { topic: request.topic.clone(), why: why.to_owned() };
    if product.title.is_empty() {
        return Err(unreadable("title is empty"));
    }
    let price = product.variants.first().and_then(|variant| variant.price.as_deref());
    let price = match price.zip(currency) {
        Some((price, currency)) => {
            let cents = minor_units(price, currency)
                .ok_or_else(|| unreadable(&format!("variants[0].price is no amount in {currency}")))?;
            Some((cents, currency))
        },
        None => None,
    };
    let event = ShopifySyncProduct {
        shop: request.shop.as_str().into(),
        external_id: product.id.to_string().into(),
        title: cut(product.title),
        status: product.status.filter(|status| !status.is_empty()).map(cut),
        price_cents: price.map(|(cents, _)| cents.into()),
        currency: price.map(|(_, currency)| currency.into()),
    };
    let labels = product.variants.into_iter().take(VARIANTS);
    let labels = labels.filter_map(|variant| {
        let sku = variant.sku.filter(|sku| (1..=TEXT).contains(&sku.chars().count()))?;
        Some((variant.inventory_item_id?.to_string(), sku))
    });
    Ok(Reading {
        resource: Resource { kind: "product", id: product.id.to_string(), at: product.updated_at },
        says: Says::Facts(vec![fact(request, event)?]),
        labels: labels.collect(),
    })
}

/// An order as it stands in webhooks and in pages of the shop's API. Who ordered is not read.
pub fn order(request: &Request, body: &[u8]) -> Result<Reading, Unreadable> {
    let order: Order = parse(request, body)?;
    let unreadable = |why: &str| Unreadable { topic: request.topic.clone(), why: why.to_owned() };
    if !is_currency(&order.currency) {
        return Err(unreadable("currency is no ISO 4217 code"));
    }
    let amount = minor_units(&order.total_price, &order.currency)
        .ok_or_else(|| unreadable(&format!("total_price is no amount in {}", order.currency)))?;
    let event = ShopifySyncOrder {
        shop: request.shop.as_str().into(),
        external_id: order.id.to_string().into(),
        number: order.order_number.map(Into::into),
        amount_cents: amount.into(),
        currency: order.currency.into(),
    };
    Ok(Reading {
        resource: Resource { kind: "order", id: order.id.to_string(), at: order.updated_at },
        says: Says::Facts(vec![fact(request, event)?]),
        labels: Vec::new(),
    })
}

/// An item that the shop does not count says nothing.
fn stock(request: &Request, body: &[u8]) -> Result<Option<Reading>, Unreadable> {
    let level: InventoryLevel = parse(request, body)?;
    let Some(available) = level.available else { return Ok(None) };
    let (item, location) = (level.inventory_item_id.to_string(), level.location_id.to_string());
    Ok(Some(Reading {
        resource: Resource { kind: "stock", id: format!("{item}/{location}"), at: level.updated_at },
        says: Says::Stock { item, location, available },
        labels: Vec::new(),
    }))
}

fn customer(request: &Request, body: &[u8], new: bool) -> Result<Reading, Unreadable> {
    let customer: Customer = parse(request, body)?;
    // Other customers may be known under plain numbers.
    let customer_id = format!("{NAME}-{}", customer.id);
    let names = [customer.first_name, customer.last_name].into_iter().flatten().filter(|name| !name.is_empty());
    let name = Some(names.collect::<Vec<_>>().join(" ")).filter(|name| !name.is_empty()).map(cut);
    let email = customer.email.filter(|email| !email.is_empty()).map(Into::into);
    let event = if new {
        fact(request, CustomerCreated { customer_id: customer_id.into(), email, name })?
    } else {
        fact(request, CustomerUpdated { customer_id: customer_id.into(), email, name })?
    };
    Ok(Reading {
        resource: Resource { kind: "customer", id: customer.id.to_string(), at: customer.updated_at },
        says: Says::Facts(vec![event]),
        labels: Vec::new(),
    })
}

/// Says where the fault is, never what stands there.
fn parse<T: DeserializeOwned>(request: &Request, body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|fault| {
        let place = format!("line {} column {}", fault.line(), fault.column());
        let text = fault.to_string();
        // The names of members are ours; anything else may be quoted from the body.
        let why = match text.split_once(" at line ") {
            Some((why, _)) if why.starts_with("missing field `") => format!("{why} ({place})"),
            _ => format!("it is not of the documented form ({place})"),
        };
        Unreadable { topic: request.topic.clone(), why }
    })
}

/// The one event of a request.
fn fact<P: Payload>(request: &Request, payload: P) -> Result<Draft<Box<RawValue>>, Unreadable> {
    let unreadable = |why: String| Unreadable { topic: request.topic.clone(), why };
    let draft =
        draft(Commerce::new(payload), Some(request.token(NAME, 0))).map_err(|why| unreadable(why.to_string()))?;
    draft.erased().map_err(|why| unreadable(why.to_string()))
}

fn cut(text: String) -> String {
    if text.chars().count() <= TEXT { text } else { text.chars().take(TEXT).collect() }
}
