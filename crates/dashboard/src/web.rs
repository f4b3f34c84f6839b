//! From a request to a page: routes, the visitor, the frame around every page.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::Markup;

use crate::api::{Api, Fault};
use crate::assets;
use crate::guard::{self, cookie};
use crate::host::{Denied, Host, StreamLine, Who};
use crate::pages;
use crate::parts::frame;
use crate::place::{Place, Scope, query};
use crate::session::{Session, Sessions};

/// Largest form in bytes: a key and where to go.
const MAX_FORM: usize = 16 * 1024;

/// What the dashboard works with.
pub struct Dashboard {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) api: Router,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) base: &'static str,
    #[cfg(feature = "outbox")]
    pub(crate) outbox: Option<crate::outbox::Outbox>,
}

impl Dashboard {
    /// Pages over the streams of an API. `api` are its routes with their own layers, called in this process; `base` is where
    /// the pages are mounted, such as `/dashboard`.
    pub fn new(host: Arc<dyn Host>, sessions: Arc<Sessions>, base: &'static str, api: Router) -> Self {
        Self {
            host,
            api,
            sessions,
            base,
            #[cfg(feature = "outbox")]
            outbox: None,
        }
    }

    /// Pages over an outbox. The host is an [`Owner`](crate::outbox::Owner).
    #[cfg(feature = "outbox")]
    pub fn over_outbox(
        host: Arc<dyn Host>,
        sessions: Arc<Sessions>,
        base: &'static str,
        outbox: crate::outbox::Outbox,
    ) -> Self {
        Self { host, api: Router::new(), sessions, base, outbox: Some(outbox) }
    }

    /// The mount point as a place.
    pub fn place(&self) -> Place {
        Place { base: self.base.to_owned(), scope: None }
    }

    /// Whether a link is the only way in: there is no key to type.
    pub(crate) fn by_link(&self) -> bool {
        self.pages().is_some()
    }

    #[cfg(feature = "outbox")]
    fn pages(&self) -> Option<&'static [(&'static str, &'static str)]> {
        self.outbox.as_ref().map(|_| crate::outbox::PAGES)
    }

    #[cfg(not(feature = "outbox"))]
    #[expect(clippy::unused_self, reason = "it depends on the outbox, where there can be one")]
    fn pages(&self) -> Option<&'static [(&'static str, &'static str)]> {
        None
    }
}

/// All pages at their mount point, to be merged into the routes of a server.
pub fn router(dashboard: Dashboard) -> Router {
    let base = dashboard.base;
    let guarded = from_fn_with_state(dashboard.host.names(), guard::layer);
    // Nested routes answer the mount point itself; with a slash behind it, it is another path.
    let with_slash = get(move || async move { Redirect::permanent(base) });
    let with_slash = Router::new().route(&format!("{base}/"), with_slash).layer(guarded.clone());
    with_slash.nest(base, pages(dashboard).layer(guarded))
}

fn pages(dashboard: Dashboard) -> Router {
    let pages = common().merge(subject(&dashboard)).fallback(pages::missing);
    pages.with_state(Arc::new(dashboard)).layer(DefaultBodyLimit::max(MAX_FORM))
}

/// What is there whatever the pages are about.
fn common() -> Router<Arc<Dashboard>> {
    Router::new()
        .route("/login", get(pages::login::form).post(pages::login::login))
        .route("/logout", post(pages::login::logout))
        .route("/enter/{token}", get(pages::login::offer).post(pages::login::enter))
        .route("/style", get(pages::style::page))
        .route("/assets/{*name}", get(assets::asset))
}

#[cfg(feature = "outbox")]
fn subject(dashboard: &Dashboard) -> Router<Arc<Dashboard>> {
    if dashboard.outbox.is_some() { crate::outbox::routes() } else { streams() }
}

#[cfg(not(feature = "outbox"))]
fn subject(_: &Dashboard) -> Router<Arc<Dashboard>> {
    streams()
}

/// Pages over the sequencer's streams.
fn streams() -> Router<Arc<Dashboard>> {
    Router::new()
        .route("/", get(pages::streams::list))
        .route("/open", get(pages::streams::open))
        .route("/server", get(pages::server::page))
        .route("/catalogue", get(pages::catalogue::page))
        .route("/stream/{tenant}/{store}", get(pages::overview::page))
        .route("/stream/{tenant}/{store}/events", get(pages::events::page))
        .route("/stream/{tenant}/{store}/live", get(pages::events::live))
        .route("/stream/{tenant}/{store}/events/{event_id}", get(pages::event::page))
        .route("/stream/{tenant}/{store}/events/{event_id}/evidence", get(pages::event::evidence))
        .route("/stream/{tenant}/{store}/entities", get(pages::entity::page))
        .route("/stream/{tenant}/{store}/log", get(pages::log::page))
        .route("/stream/{tenant}/{store}/growth", get(pages::log::growth))
        .route("/stream/{tenant}/{store}/agents", get(pages::agents::page))
}

/// Somebody who may see pages.
pub struct Visitor {
    /// Who it is.
    pub who: Who,
    /// The session; `None` where nobody is asked who they are.
    pub session: Option<Session>,
    /// The API, called as this visitor.
    pub api: Api,
    /// The dashboard, and the stream the page is about.
    pub place: Place,
    /// The page's own path and query, for links that change one parameter.
    pub here: String,
    /// Where programs reach this server, for commands to copy.
    pub origin: String,
    /// The pages there are, if they are not those of streams.
    pub pages: Option<&'static [(&'static str, &'static str)]>,
    host: Arc<dyn Host>,
}

impl Visitor {
    /// The same visitor on a page about a stream.
    #[must_use]
    pub fn in_stream(mut self, scope: Scope) -> Self {
        self.place.scope = Some(scope);
        self
    }

    /// The stream of the page.
    pub fn scope(&self) -> Result<Scope, Fault> {
        self.place
            .scope
            .ok_or_else(|| Fault::new(StatusCode::NOT_FOUND, "NO_STREAM", "no stream was named", "Choose one."))
    }

    /// The streams it may see.
    pub async fn streams(&self) -> Result<Vec<StreamLine>, Fault> {
        self.host.streams(&self.who).await.map_err(|denied| {
            Fault::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "SERVICE_UNAVAILABLE",
                denied.to_string(),
                "Try again in a moment.",
            )
        })
    }

    /// A page that is not quite what was asked for.
    pub fn page_with(&self, status: StatusCode, title: &str, body: &Markup) -> Response {
        html(status, &frame::page(self, title, body))
    }

    /// A page, or what stood in its way.
    pub fn page(&self, title: &str, body: Result<Markup, Fault>) -> Response {
        match body {
            Ok(body) => html(StatusCode::OK, &frame::page(self, title, &body)),
            Err(fault) => {
                html(fault.status, &frame::page(self, "This could not be shown", &frame::fault(self, &fault)))
            },
        }
    }
}

/// A whole document.
pub fn html(status: StatusCode, document: &Markup) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], document.0.clone()).into_response()
}

/// A refusal that needs no frame: what is wrong, as a page.
pub fn refusal(status: StatusCode, why: &str) -> Response {
    html(
        status,
        &maud::html! {
            (maud::DOCTYPE)
            html lang="en" { head { meta charset="utf-8"; title { "Refused" } } body { p { (why) } } }
        },
    )
}

impl FromRequestParts<Arc<Dashboard>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Arc<Dashboard>) -> Result<Self, Response> {
        // The router has taken the mount point off.
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let here = format!("{}{}{query}", dashboard.base, parts.uri.path().trim_end_matches('/'));
        let (who, session) = match dashboard.host.everybody() {
            Some(everybody) => (everybody, None),
            None => recognise(parts, dashboard, &here).await?,
        };
        // What the browser said when it logged in, because nothing in a later request tells TLS in front of a proxy from
        // none: a command with a key must not go out in the clear.
        let origin = if let Some(session) = &session {
            session.origin.to_string()
        } else {
            let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("127.0.0.1:8080"))
        };
        Ok(Self {
            who,
            api: Api::new(dashboard.api.clone(), session.clone()),
            session,
            place: dashboard.place(),
            here,
            origin,
            host: Arc::clone(&dashboard.host),
            pages: dashboard.pages(),
        })
    }
}

async fn recognise(parts: &Parts, dashboard: &Dashboard, here: &str) -> Result<(Who, Option<Session>), Response> {
    let Some((cookie, session)) =
        cookie(&parts.headers).and_then(|cookie| Some((cookie, dashboard.sessions.find(cookie)?)))
    else {
        return Err(to_login(parts, dashboard, here));
    };
    match dashboard.host.identify(&session.key).await {
        Ok(who) => Ok((who, Some(session))),
        Err(Denied::Credential) => {
            // Revoked or over since: the session ends with it.
            dashboard.sessions.end(cookie);
            Err(to_login(parts, dashboard, here))
        },
        Err(Denied::Unavailable) => {
            Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "The database is not available. Try again in a moment."))
        },
    }
}

/// A person goes to the login page and comes back; a script is told.
fn to_login(parts: &Parts, dashboard: &Dashboard, here: &str) -> Response {
    let wants = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if wants.contains("text/html") || wants.contains("*/*") && !parts.headers.contains_key("x-from-script") {
        Redirect::to(&format!("{}/login?{}", dashboard.base, query(&[("next", here)]))).into_response()
    } else {
        refusal(StatusCode::UNAUTHORIZED, "The session is over. Log in again.")
    }
}
