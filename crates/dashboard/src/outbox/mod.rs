//! Pages over an outbox database, for `stateset-events dashboard`: where every event went, why one waits, and bulk actions
//! that show what they would do before they do it.
//!
//! What is shown is what `stateset-events` prints: the same questions ([`Inspect`]), the same filter grammar, the same
//! previews. Changes need three things: a dashboard that was started for changing, this session's token, and the plan of a
//! preview.

mod actions;
mod deliveries;
mod events;
mod keys;
mod letters;
mod live;
mod overview;
mod records;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use maud::{Markup, html};
use stateset_inspect::{Filter, Inspect, Kind, Page};

use crate::api::Fault;
use crate::guard::Names;
use crate::host::{Denied, Host, StreamLine, Who};
use crate::parts::commands::shell;
use crate::place::{pairs, query};
use crate::session::Sessions;
use crate::web::{Dashboard, Visitor, router};

/// Most entries of a list.
const PAGE: u16 = 50;

/// An outbox to look at.
#[derive(Clone)]
pub struct Outbox {
    /// What answers.
    pub inspect: Arc<dyn Inspect>,
    /// Who is looking, for the audit.
    pub actor: String,
    /// Whether changes may be made from here.
    pub may_change: bool,
    /// How commands name this source, such as `--database sqlite:shop.db`: no secrets.
    pub flags: String,
}

/// The person who started the dashboard. There is no key to type: the command prints a link that works once.
pub struct Owner {
    /// Random, made at the start, known to the one-time link only.
    pub key: String,
    /// As in [`Outbox::actor`].
    pub actor: String,
    /// As in [`Outbox::may_change`].
    pub may_change: bool,
}

impl Host for Owner {
    fn identify<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Who, Denied>> {
        let same = bool::from(subtle::ConstantTimeEq::ct_eq(key.as_bytes(), self.key.as_bytes()));
        let who = Who {
            name: self.actor.clone(),
            tenant: None,
            stores: None,
            read: true,
            write: self.may_change,
            admin: self.may_change,
        };
        Box::pin(async move { if same { Ok(who) } else { Err(Denied::Credential) } })
    }

    fn everybody(&self) -> Option<Who> {
        None
    }

    fn names(&self) -> Names {
        // `mount` is for a loopback address.
        Names::OfNobody
    }

    fn streams<'a>(&'a self, _: &'a Who) -> BoxFuture<'a, Result<Vec<StreamLine>, Denied>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Pages and their names.
pub const PAGES: &[(&str, &str)] = &[
    ("/", "Overview"),
    ("/events", "Events"),
    ("/deliveries", "Deliveries"),
    ("/dead-letters", "Dead letters"),
    ("/keys", "Keys"),
    ("/jobs", "Jobs"),
    ("/audit", "Audit"),
    ("/catalogue", "Catalogue"),
];

pub(crate) fn routes() -> Router<Arc<Dashboard>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/events", get(events::list))
        .route("/live", get(live::live))
        .route("/events/{event}", get(events::one))
        .route("/timeline", get(events::timeline))
        .route("/deliveries", get(deliveries::page))
        .route("/destinations/{name}", get(deliveries::destination).post(actions::breaker))
        .route("/dead-letters", get(letters::page).post(actions::preview))
        .route("/apply", post(actions::apply))
        .route("/keys", get(keys::page))
        .route("/jobs", get(records::jobs))
        .route("/jobs/{job}", get(records::job).post(actions::job))
        .route("/audit", get(records::audit))
        .route("/catalogue", get(crate::pages::catalogue::page))
}

/// A visitor who asks an outbox, with the last segment of the path and the query.
pub(crate) struct Asking {
    pub(crate) visitor: Visitor,
    pub(crate) outbox: Outbox,
    pub(crate) rest: String,
    query: Vec<(String, String)>,
}

impl Asking {
    /// A parameter's value, or nothing.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        value(&self.query, name)
    }

    /// The filter in the address, `q`.
    pub(crate) fn filter(&self) -> Result<Filter, Fault> {
        parse(self.parameter("q"))
    }

    /// The part of a list that the address names.
    pub(crate) fn page(&self) -> Page {
        let cursor = Some(self.parameter("cursor").to_owned()).filter(|cursor| !cursor.is_empty());
        Page { limit: PAGE, cursor, newest_first: true, payload: false }
    }

    /// The page of this event.
    pub(crate) fn event(&self, id: &str) -> String {
        self.visitor.place.at(&format!("/events/{}", crate::place::segment(id)))
    }

    /// This list from another place on.
    pub(crate) fn next(&self, cursor: Option<&String>) -> Markup {
        let path = self.visitor.here.split('?').next().unwrap_or_default();
        let rest: Vec<(&str, &str)> = self
            .query
            .iter()
            .filter(|(name, _)| name != "cursor")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        html! {
            nav.pager aria-label="More" {
                @if let Some(cursor) = cursor {
                    @let pairs: Vec<(&str, &str)> = rest.iter().copied().chain([("cursor", cursor.as_str())]).collect();
                    a rel="next" href={ (path) "?" (query(&pairs)) } { "More" }
                }
            }
        }
    }

    /// The one box for filters, with the grammar within reach.
    pub(crate) fn search(&self, path: &str, example: &str) -> Markup {
        html! {
            form.inline.search method="get" action=(self.visitor.place.at(path)) role="search" aria-label="Filter" {
                label { "Filter"
                    input name="q" value=(self.parameter("q")) placeholder=(example) spellcheck="false" autocomplete="off";
                }
                button type="submit" { "Filter" }
            }
            details.grammar {
                summary { "What can be filtered" }
                p { "Words of the form " code { "key:value" } "; all must hold. Keys: "
                    @for (at, key) in KEYS.iter().enumerate() { @if at > 0 { ", " } code { (key) } } "." }
                p { "For example " code { "type:order.*,payment.succeeded since:2h entity:order/ORD-1 where:data.amount_cents>10000" } }
            }
        }
    }

    /// A list, or its box for filters with what is wrong with the one that was given.
    pub(crate) fn listed(&self, title: &str, path: &str, example: &str, body: Result<Markup, Fault>) -> Response {
        match body {
            Err(fault) if fault.status == StatusCode::BAD_REQUEST => {
                let body = html! { (crate::parts::frame::mistake(&fault)) (self.search(path, example)) };
                self.visitor.page_with(fault.status, title, &body)
            },
            body => self.visitor.page(title, body),
        }
    }

    /// The command that prints what the page shows.
    pub(crate) fn command(&self, words: &str) -> Markup {
        command_text(format!("stateset-events {words} {}", self.outbox.flags).trim())
    }

    /// The filter as a word of a command.
    pub(crate) fn filter_word(&self) -> String {
        let words = self.parameter("q").split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() { words } else { shell(&words) }
    }

    /// The session's token for a form.
    pub(crate) fn token(&self) -> Markup {
        html! { @if let Some(session) = &self.visitor.session { input type="hidden" name="token" value=(session.token); } }
    }
}

const KEYS: [&str; 12] = [
    "type",
    "entity",
    "key",
    "since",
    "until",
    "seq",
    "state",
    "destination",
    "class",
    "correlation",
    "event",
    "where",
];

/// One word of a filter, whatever is in its value.
pub(crate) fn word(key: &str, value: &str) -> String {
    let plain = !value.is_empty() && !value.contains(['"', '\\']) && !value.contains(char::is_whitespace);
    if plain {
        format!("{key}:{value}")
    } else {
        format!("{key}:\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}

/// A filter from its text; times in it count from now.
pub(crate) fn parse(text: &str) -> Result<Filter, Fault> {
    let now = i64::try_from(crate::parts::now().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
    Filter::parse(text, now).map_err(|error| {
        Fault::new(StatusCode::BAD_REQUEST, "INVALID_FILTER", error.to_string(), "Look at \"What can be filtered\".")
    })
}

impl From<stateset_inspect::Fault> for Fault {
    fn from(fault: stateset_inspect::Fault) -> Self {
        let status = match fault.kind {
            Kind::Usage | Kind::Unsupported => StatusCode::BAD_REQUEST,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Auth => StatusCode::FORBIDDEN,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Corrupt => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, &fault.code, fault.message, fault.fix)
    }
}

impl FromRequestParts<Arc<Dashboard>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Arc<Dashboard>) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, dashboard).await?;
        let Some(outbox) = dashboard.outbox.clone() else { return Err(crate::pages::missing(visitor).await) };
        let path = axum::extract::Path::<Vec<(String, String)>>::from_request_parts(parts, dashboard).await;
        let rest =
            path.ok().and_then(|axum::extract::Path(segments)| segments.into_iter().next_back()).map(|(_, text)| text);
        Ok(Self {
            visitor,
            outbox,
            rest: rest.unwrap_or_default(),
            query: pairs(parts.uri.query().unwrap_or_default()),
        })
    }
}

/// Where the pages over an outbox are mounted.
pub const BASE: &str = "/dashboard";

/// All pages over `outbox`, to be served on a loopback address, and the path of the link that lets one browser in, once.
pub fn mount(outbox: Outbox) -> (Router, String) {
    let sessions = Arc::new(Sessions::default());
    let key = crate::session::random();
    let link = format!("{BASE}{}", sessions.link(&key).path());
    let owner = Owner { key, actor: outbox.actor.clone(), may_change: outbox.may_change };
    (router(Dashboard::over_outbox(Arc::new(owner), sessions, BASE, outbox)), link)
}

/// A command that is complete as it is.
fn command_text(text: &str) -> Markup {
    html! {
        details.commands {
            summary { "From a terminal" }
            div.command { (crate::parts::block("command", text)) button.copy type="button" data-copy=(text) { "Copy" } }
        }
    }
}
