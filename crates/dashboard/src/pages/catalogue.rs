//! The catalogue: every type of event there is, what it carries, and where it goes.

use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use stateset_contracts::catalogue::{Contract, OrderKey, UserEmail, all, find};
use stateset_contracts::shape::{Field, Shape};

use crate::parts::{Tone, badge, block, empty, facts};
use crate::place::{pairs, query};
use crate::text;
use crate::web::Visitor;

/// `GET /catalogue`, or one type with `?type=`.
pub async fn page(visitor: Visitor, uri: Uri) -> Response {
    let pairs = pairs(uri.query().unwrap_or_default());
    let wanted =
        pairs.iter().find(|(name, _)| name == "type").map(|(_, name)| name.as_str()).filter(|name| !name.is_empty());
    match wanted {
        None => visitor.page("Catalogue", Ok(list(&visitor))),
        Some(name) => visitor
            .page(name, Ok(find(name).map_or_else(|| unknown(&visitor, name), |contract| one(&visitor, contract)))),
    }
}

fn link(visitor: &Visitor, name: &str) -> String {
    visitor.place.at(&format!("/catalogue?{}", query(&[("type", name)])))
}

fn list(visitor: &Visitor) -> Markup {
    html! {
        p.lead { "Every type of event that this shop knows. A type that is not here can be written and delivered all the same." }
        table {
            thead { tr { th { "Type" } th { "Also called" } th { "About" } th { "Topic" } th.number { "Version" } } }
            tbody {
                @for contract in all() {
                    tr {
                        td data-label="Type" { a.type href=(link(visitor, contract.name)) { (contract.name) } }
                        td data-label="Also called" { @if contract.aliases.is_empty() { "–" } (contract.aliases.join(", ")) }
                        td data-label="About" { (contract.family.entity) }
                        td data-label="Topic" { @match contract.family.topic { Some(topic) => code { (topic.name()) }, None => "–" } }
                        td.number data-label="Version" { (contract.schema_version) }
                    }
                }
            }
        }
    }
}

fn one(visitor: &Visitor, contract: &Contract) -> Markup {
    let payload = contract.payload();
    let order_key = match contract.family.order_key {
        OrderKey::Entity => "the entity's id",
        OrderKey::Required => "named by the writer",
        OrderKey::Optional => "named by the writer, or none",
        OrderKey::None => "none: the entity is its own lane",
    };
    html! {
        p.lead { (payload.summary) }
        (facts(&[
            ("Name", html! { code { (contract.name) } }),
            ("Also called", html! { @if contract.aliases.is_empty() { "nothing else" } (contract.aliases.join(", ")) }),
            ("About", html! { (contract.family.entity) " (" (contract.family.title) ")" }),
            ("Topic", html! { @match contract.family.topic { Some(topic) => code { (topic.name()) }, None => "none" } }),
            ("Order key", html! { (order_key) }),
            ("Customer's address", html! { @if contract.user_email == UserEmail::Included { "in the envelope, if there is one" } @else { "never" } }),
            ("Schema version", html! { (contract.schema_version) }),
        ]))
        section { h2 { "Payload" }
            table {
                thead { tr { th { "Member" } th { "Value" } th { "Required" } th.number { "Since" } th { "Meaning" } } }
                tbody { @for field in &payload.fields { (member(field)) } }
            }
        }
        section { h2 { "Example" } (block("example", &text::pretty(contract.example))) }
        p { a href=(visitor.place.at("/catalogue")) { "All types" } }
    }
}

fn member(field: &Field) -> Markup {
    html! {
        tr {
            td data-label="Member" { code { (field.name) } @if field.personal { " " (badge(Tone::Warn, "personal")) } }
            td data-label="Value" { (kind(&field.shape)) }
            td data-label="Required" { @if field.required { "yes" } @else { "no" } }
            td.number data-label="Since" { (field.since) }
            td data-label="Meaning" { (field.summary) }
        }
    }
}

fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Boolean => "true or false".to_owned(),
        Shape::Integer { .. } => "whole number".to_owned(),
        Shape::Text { format: Some(format), .. } => format!("text, {format}"),
        Shape::Text { .. } => "text".to_owned(),
        Shape::List(of) => format!("list of {}", kind(of)),
        Shape::Object(object) => object.name.to_owned(),
        Shape::Free => "any object".to_owned(),
    }
}

fn unknown(visitor: &Visitor, name: &str) -> Markup {
    empty(
        "This type is not in the catalogue",
        &html! {
            p { "Events of the type " code { (name) } " can be written and delivered; nobody has described what they carry." }
            p { a href=(visitor.place.at("/catalogue")) { "All types" } }
        },
    )
}
