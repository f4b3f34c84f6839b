//! Which stream to look at.

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use uuid::Uuid;

use crate::api::Fault;
use crate::host::StreamLine;
use crate::parts::{empty, hash, now, time};
use crate::place::{Place, Scope, pairs};
use crate::text;
use crate::web::Visitor;

/// `GET /`.
pub async fn list(visitor: Visitor) -> Response {
    if let Some((tenant, store)) = visitor.who.only_stream() {
        let place = Place { scope: Some(Scope { tenant, store }), ..visitor.place };
        return Redirect::to(&place.inside("")).into_response();
    }
    let body = match visitor.streams().await {
        Ok(streams) => Ok(view(&visitor, &streams)),
        Err(fault) => Err(fault),
    };
    visitor.page("Streams", body)
}

/// `GET /open?tenant_id=…&store_id=…`: where the form leads.
pub async fn open(visitor: Visitor, uri: Uri) -> Response {
    let pairs = pairs(uri.query().unwrap_or_default());
    let id = |name: &str| {
        pairs.iter().find(|(known, _)| known == name).and_then(|(_, text)| Uuid::try_parse(text.trim()).ok())
    };
    match (id("tenant_id"), id("store_id")) {
        (Some(tenant), Some(store)) => {
            let place = Place { scope: Some(Scope { tenant, store }), ..visitor.place };
            Redirect::to(&place.inside("")).into_response()
        },
        _ => visitor.page(
            "",
            Err(Fault::new(
                StatusCode::BAD_REQUEST,
                "INVALID_PARAMETER",
                "tenant and store are UUIDs, such as 11111111-1111-4111-8111-111111111111",
                "Go back and look at both.",
            )),
        ),
    }
}

fn view(visitor: &Visitor, streams: &[StreamLine]) -> Markup {
    let now = now();
    html! {
        p.lead { "A stream is the ordered events of one store of one tenant. You see what your key may see." }
        @if streams.is_empty() {
            (empty("No stream yet", &html! {
                p { "A stream begins with its first event. Push one, and it shows here:" }
                p { a href="/docs" { "How to push an event" } }
            }))
        } @else {
            table {
                thead { tr { th { "Tenant" } th { "Store" } th.number { "Events" } th { "Newest event" } th { "Root" } } }
                tbody {
                    @for line in streams {
                        @let place = Place { scope: Some(line.scope), ..visitor.place.clone() };
                        tr {
                            td data-label="Tenant" { (hash(&line.scope.tenant.to_string())) }
                            td data-label="Store" {
                                a href=(place.inside("")) {
                                    @if line.scope.store.is_nil() { "the tenant's key stream" } @else { code { (line.scope.store) } }
                                }
                            }
                            td.number data-label="Events" { (text::grouped(line.size)) }
                            td data-label="Newest event" {
                                @match line.last_at_us { Some(at) => (time(&text::from_micros(at), now)), None => "none" }
                            }
                            td data-label="Root" { (hash(&line.root)) }
                        }
                    }
                }
            }
        }
        h2 { "Open a stream by its ids" }
        form.inline method="get" action=(visitor.place.at("/open")) {
            label { "Tenant"
                input name="tenant_id" required pattern="[0-9a-fA-F\\-]{32,36}" spellcheck="false" autocomplete="off"
                    value=[visitor.who.tenant.map(|tenant| tenant.to_string())];
            }
            label { "Store" input name="store_id" required pattern="[0-9a-fA-F\\-]{32,36}" spellcheck="false" autocomplete="off"; }
            button type="submit" { "Open" }
        }
    }
}
