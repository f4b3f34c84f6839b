//! The frame around every page, and the page that says why there is none.

use maud::{DOCTYPE, Markup, html};

use super::{facts, hash};
use crate::api::Fault;
use crate::place::Place;
use crate::web::Visitor;

/// A whole document.
pub fn page(visitor: &Visitor, title: &str, body: &Markup) -> Markup {
    let place = &visitor.place;
    document(
        place,
        title,
        &html! {
            header.top {
                div.bar {
                    a.brand href=(place.at("/")) { (mark()) "StateSet log" }
                    (navigation(visitor))
                    div.visitor {
                        span.who title={ "may: " (visitor.who.permissions()) } { (visitor.who.name) }
                        @if let Some(session) = &visitor.session {
                            form method="post" action=(place.at("/logout")) {
                                input type="hidden" name="token" value=(session.token);
                                button.quiet type="submit" { "Log out" }
                            }
                        }
                    }
                }
                @if let Some(scope) = place.scope {
                    p.scope {
                        span { "tenant " (hash(&scope.tenant.to_string())) }
                        span { "store " (hash(&scope.store.to_string())) }
                        a href=(place.at("/")) { "another stream" }
                    }
                }
            }
            main #main tabindex="-1" { h1 { (crate::parts::name(title)) } (body) }
            footer { p {
                "Times are UTC. "
                @if visitor.pages.is_none() { a href="/docs" { "API" } " · " }
                a href=(place.at("/style")) { "Style" }
            } }
        },
    )
}

/// A document of somebody who is not logged in.
pub fn outside(place: &Place, title: &str, body: &Markup) -> Markup {
    document(
        place,
        title,
        &html! {
            main #main.outside { p.brand { (mark()) "StateSet log" } h1 { (title) } (body) }
        },
    )
}

fn document(place: &Place, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (crate::text::plain(title)) " · StateSet log" }
                link rel="icon" type="image/svg+xml" href=(place.at("/assets/icon.svg"));
                link rel="stylesheet" href=(place.at("/assets/style.css"));
                script type="module" src=(place.at("/assets/page.js")) {}
            }
            body { a.skip href="#main" { "Skip to the content" } (body) }
        }
    }
}

fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            path d="M12 4 7 11M12 4l5 7M7 11l-3 8M7 11l3 8M17 11l-3 8M17 11l3 8" {}
            circle cx="12" cy="4" r="2.5" {}
            circle cx="7" cy="11" r="2" {}
            circle cx="17" cy="11" r="2" {}
            @for x in ["4", "10", "14", "20"] { circle cx=(x) cy="19.5" r="2" {} }
        }
    }
}

/// The pages there are, the current one marked.
fn navigation(visitor: &Visitor) -> Markup {
    let place = &visitor.place;
    let mut entries = Vec::new();
    if let Some(pages) = visitor.pages {
        entries.extend(pages.iter().map(|(path, name)| (place.at(path), *name)));
    } else if place.scope.is_some() {
        for (path, name) in
            [("", "Overview"), ("/events", "Events"), ("/entities", "Entities"), ("/log", "Log"), ("/agents", "Agents")]
        {
            entries.push((place.inside(path), name));
        }
    } else {
        entries.push((place.at("/"), "Streams"));
    }
    if visitor.pages.is_none() {
        entries.push((place.at("/catalogue"), "Catalogue"));
        if visitor.who.tenant.is_none() {
            entries.push((place.at("/server"), "Server"));
        }
    }
    let path = visitor.here.split('?').next().unwrap_or_default();
    let current = |target: &str| {
        target == path
            || (path.starts_with(target)
                && path.get(target.len()..).is_some_and(|rest| rest.starts_with('/'))
                && !target.ends_with('/')
                && visitor.place.inside("") != target)
    };
    html! {
        nav aria-label="Pages" {
            ul {
                @for (target, name) in &entries {
                    li { a href=(target) aria-current=[current(target).then_some("page")] { (name) } }
                }
            }
        }
    }
}

/// What is wrong with what was typed, above the box it was typed into.
pub fn mistake(fault: &Fault) -> Markup {
    html! {
        div.fault role="alert" {
            p.title { (crate::parts::name(&fault.detail)) }
            @if !fault.fix.is_empty() { p { (fault.fix) } }
            p.note { code { (fault.code) } }
        }
    }
}

/// Why a page cannot be shown, in the API's own words, and what to do.
pub fn fault(visitor: &Visitor, fault: &Fault) -> Markup {
    html! {
        div.fault role="alert" {
            p.title { (crate::parts::name(&fault.detail)) }
            @if !fault.fix.is_empty() { p { (fault.fix) } }
            (facts(&[
                ("Code", html! { code { (fault.code) } }),
                ("Status", html! { (fault.status.as_u16()) }),
                ("You are", html! { (visitor.who.name) ", who may: " (visitor.who.permissions()) }),
            ]))
        }
        p { a href=(visitor.place.inside("")) { "Back to the overview" } }
    }
}
