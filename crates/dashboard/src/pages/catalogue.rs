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
    let value = |wanted: &str| {
        pairs.iter().find(|(name, _)| name == wanted).map(|(_, name)| name.as_str()).filter(|name| !name.is_empty())
    };
    match value("type") {
        None => visitor.page("Catalogue", Ok(list(&visitor, value("find").unwrap_or_default()))),
        Some(name) => visitor
            .page(name, Ok(find(name).map_or_else(|| unknown(&visitor, name), |contract| one(&visitor, contract)))),
    }
}

fn link(visitor: &Visitor, name: &str) -> String {
    visitor.place.at(&format!("/catalogue?{}", query(&[("type", name)])))
}

/// Whether every word is somewhere in what is said of a type.
fn mentions(contract: &Contract, words: &str) -> bool {
    let payload = contract.payload();
    let mut said = [contract.name, contract.family.title, contract.family.entity, &payload.summary].join(" ");
    for name in contract.aliases.iter().copied().chain(payload.fields.iter().map(|field| field.name)) {
        said.push(' ');
        said.push_str(name);
    }
    let said = said.to_lowercase();
    words.to_lowercase().split_whitespace().all(|word| said.contains(word))
}

fn list(visitor: &Visitor, words: &str) -> Markup {
    let found: Vec<&Contract> = all().filter(|contract| mentions(contract, words)).collect();
    let mut families: Vec<&str> = found.iter().map(|contract| contract.family.title).collect();
    families.dedup();
    html! {
        p.lead { "Every type of event that this shop knows, and what it carries. A type that is not here can be written and delivered all the same." }
        form.inline.search method="get" action=(visitor.place.at("/catalogue")) role="search" aria-label="Search the catalogue" {
            label { "A type, or a member of its payload"
                input type="search" name="find" value=(words) placeholder="payment amount" spellcheck="false" autocomplete="off";
            }
            button type="submit" { "Search" }
        }
        p.summary role="status" { b { (found.len()) } " of " (all().count()) " types"
            @if !words.is_empty() { ". " a href=(visitor.place.at("/catalogue")) { "Show all" } } }
        @if found.is_empty() {
            (empty("Nothing is said of that", &html! { p { "Try one word, such as " code { "order" } " or " code { "amount" } "." } }))
        }
        @for family in families {
            section {
                h2 { (family) }
                table.types {
                    thead { tr { th { "Type" } th { "What it says" } th { "Topic" } th.number { "Version" } } }
                    tbody {
                        @for contract in found.iter().filter(|contract| contract.family.title == family) {
                            tr {
                                td data-label="Type" { a.type href=(link(visitor, contract.name)) { (contract.name) }
                                    @if !contract.aliases.is_empty() { br; span.note { "also " (contract.aliases.join(", ")) } } }
                                td data-label="Says" { (contract.payload().summary) }
                                td data-label="Topic" { @match contract.family.topic { Some(topic) => code { (topic.name()) }, None => "–" } }
                                td.number data-label="Version" { (contract.schema_version) }
                            }
                        }
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
        p { a href=(events_of(visitor, contract.name)) { "Events of this type" } " · " a href=(visitor.place.at("/catalogue")) { "All types" } }
    }
}

/// The list of events, filtered by a type; where the page is about no stream, the list of streams.
fn events_of(visitor: &Visitor, name: &str) -> String {
    if visitor.pages.is_some() {
        visitor.place.at(&format!("/events?{}", query(&[("q", &format!("type:{name}"))])))
    } else {
        visitor.place.events_with("event_type", name)
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
            p { "Events of the type " code { (crate::parts::name(name)) } " can be written and delivered; nobody has described what they carry." }
            p { a href=(visitor.place.at("/catalogue")) { "All types" } }
        },
    )
}
