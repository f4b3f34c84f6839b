//! Logging in and out. A key is posted once; afterwards the browser has a cookie and the key is here only.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use crate::guard::{cookie, origin, set_cookie};
use crate::host::Denied;
use crate::parts::frame;
use crate::place::{local, pairs};
use crate::session::SESSION_LASTS;
use crate::web::{Dashboard, html as document, refusal};

/// `GET /login`.
pub async fn form(State(dashboard): State<Arc<Dashboard>>, uri: axum::http::Uri) -> Response {
    if dashboard.host.everybody().is_some() {
        return Redirect::to(&dashboard.place().at("/")).into_response();
    }
    let next = value(uri.query().unwrap_or_default(), "next");
    document(StatusCode::OK, &page(&dashboard, &next, None))
}

/// `POST /login`.
pub async fn login(State(dashboard): State<Arc<Dashboard>>, headers: HeaderMap, body: String) -> Response {
    let (key, next) = (value(&body, "key"), value(&body, "next"));
    match dashboard.host.identify(key.trim()).await {
        Ok(_) => {
            let cookie = dashboard.sessions.begin(key.trim(), origin(&headers));
            admitted(&dashboard, &cookie, &headers, &local(dashboard.base, &next))
        },
        Err(Denied::Credential) => {
            document(StatusCode::UNAUTHORIZED, &page(&dashboard, &next, Some("This key is not valid, or no longer.")))
        },
        Err(Denied::Unavailable) => document(
            StatusCode::SERVICE_UNAVAILABLE,
            &page(&dashboard, &next, Some("The database is not available. Try again in a moment.")),
        ),
    }
}

/// `POST /logout`. Needs the session's token, like every form of a session.
pub async fn logout(State(dashboard): State<Arc<Dashboard>>, headers: HeaderMap, body: String) -> Response {
    let Some(cookie) = cookie(&headers) else { return Redirect::to(&dashboard.place().at("/login")).into_response() };
    if dashboard.sessions.find(cookie).is_some_and(|session| !session.sent(&value(&body, "token"))) {
        return refusal(
            StatusCode::FORBIDDEN,
            "This form is of another session, so nothing was done. Reload the page.",
        );
    }
    dashboard.sessions.end(cookie);
    let mut response = see_other(&dashboard.place().at("/login"));
    response.headers_mut().insert(header::SET_COOKIE, set_cookie(dashboard.base, None, 0, &headers));
    response
}

/// `GET /enter/<token>`: a page with one button, because a link that acts when it is fetched is used up by whatever fetches
/// links in advance.
pub async fn offer(State(dashboard): State<Arc<Dashboard>>, Path(token): Path<String>) -> Response {
    let place = dashboard.place();
    if !dashboard.sessions.waits(&token) {
        return used_up(&dashboard);
    }
    let body = html! {
        p { "This link lets one browser in, once. It was printed when the server started." }
        form method="post" action=(place.at(&format!("/enter/{token}"))) {
            button.primary type="submit" autofocus { "Open the dashboard" }
        }
    };
    document(StatusCode::OK, &frame::outside(&place, "Welcome", &body))
}

/// `POST /enter/<token>`.
pub async fn enter(State(dashboard): State<Arc<Dashboard>>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    match dashboard.sessions.enter(&token, origin(&headers)) {
        Some(cookie) => admitted(&dashboard, &cookie, &headers, &dashboard.place().at("/")),
        None => used_up(&dashboard),
    }
}

fn used_up(dashboard: &Dashboard) -> Response {
    let place = dashboard.place();
    let body = html! {
        p { "A one-time link works once, within 15 minutes of the start. This one was used, is over, or never was." }
        @if dashboard.by_link() { (start_anew()) }
        @else { p { a href=(place.at("/login")) { "Log in with an API key" } " or start the server anew." } }
    };
    document(StatusCode::GONE, &frame::outside(&place, "This link is used up", &body))
}

fn admitted(dashboard: &Dashboard, cookie: &str, headers: &HeaderMap, next: &str) -> Response {
    let mut response = see_other(next);
    let cookie = set_cookie(dashboard.base, Some(cookie), SESSION_LASTS.as_secs(), headers);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

fn see_other(target: &str) -> Response {
    let target = HeaderValue::from_str(target).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
}

fn start_anew() -> Markup {
    html! { p { "For another one stop " code { "stateset-events dashboard" } " with Ctrl-C and start it again: it prints a new link." } }
}

fn page(dashboard: &Dashboard, next: &str, fault: Option<&str>) -> Markup {
    let place = dashboard.place();
    if dashboard.by_link() {
        let body = html! {
            p { "This dashboard lets in the browser that opens the link which was printed at its start, for eight hours." }
            (start_anew())
        };
        return frame::outside(&place, "Open the printed link", &body);
    }
    frame::outside(
        &place,
        "Log in",
        &html! {
            @if let Some(fault) = fault { p.fault role="alert" { (fault) } }
            form.login method="post" action=(place.at("/login")) {
                input type="hidden" name="next" value=(next);
                label for="key" { "API key" }
                input #key type="password" name="key" required autofocus autocomplete="current-password" spellcheck="false";
                button.primary type="submit" { "Log in" }
            }
            p.note {
                "The key is sent once and kept by the server for eight hours at most; your browser keeps a cookie that is \
                 worth nothing elsewhere. On an embedded start the key is in " code { "stateset-data/admin.key" } "."
            }
        },
    )
}

fn value(text: &str, name: &str) -> String {
    pairs(text).into_iter().find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_default()
}
