//! Logging in and out, and what keeps other sites from using a session.

use axum::extract::Request;
use axum::http::{StatusCode, header};

use crate::harness::{Browser, EVENT, KEY, STORE, TENANT, pages};

/// Nothing is shown to nobody.
#[tokio::test]
async fn every_page_asks_who_is_there() {
    let mut browser = Browser::new();
    let stream = format!("/dashboard/stream/{TENANT}/{STORE}");
    let more = [
        format!("{stream}/live"),
        format!("{stream}/growth"),
        format!("{stream}/events/{EVENT}/evidence"),
        "/dashboard/open".to_owned(),
    ];
    for path in pages().into_iter().chain(more) {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header("location").starts_with("/dashboard/login?next=%2Fdashboard"), "{path}");
        let script = Request::get(&path).header(header::ACCEPT, "*/*").header("x-from-script", "1");
        assert_eq!(browser.send(script, "").await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(browser.get("/dashboard/nowhere").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_key_is_posted_once_and_never_seen_again() {
    let mut browser = Browser::new();
    let refused = browser.post("/dashboard/login", "key=wrong&next=%2Fdashboard%2Fserver").await;
    assert_eq!((refused.status, refused.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    assert!(!refused.body.contains("wrong"), "what was typed is not shown again");

    let answer = browser.post("/dashboard/login", &format!("key={KEY}&next=%2Fdashboard%2Fserver")).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/dashboard/server"));
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.contains("; HttpOnly; SameSite=Strict")
            && cookie.contains("Max-Age=28800")
            && cookie.contains("Path=/dashboard")
    );
    assert!(!cookie.contains(KEY) && !cookie.contains("secret"));
    for path in pages() {
        let page = browser.get(&path).await;
        assert!(!page.body.contains(KEY) && !page.body.contains(browser.cookie.as_deref().unwrap()), "{path}");
    }
}

#[tokio::test]
async fn a_login_leads_only_to_our_own_pages() {
    for next in
        ["https://evil.example/", "//evil.example", "/dashboard//evil.example", "javascript:alert(1)", "/dashboardx"]
    {
        let form = format!("key={KEY}&{}", stateset_dashboard::place::query(&[("next", next)]));
        assert_eq!(Browser::new().post("/dashboard/login", &form).await.header("location"), "/dashboard", "{next}");
    }
}

#[tokio::test]
async fn forms_of_other_sites_do_nothing() {
    let mut browser = Browser::logged_in().await;
    let token = form_token(&mut browser).await;
    let form = format!("token={token}");
    let others = [
        Request::post("/dashboard/logout"),
        Request::post("/dashboard/logout").header(header::ORIGIN, "null"),
        Request::post("/dashboard/logout").header(header::ORIGIN, "https://evil.example"),
        Request::post("/dashboard/logout")
            .header(header::ORIGIN, "http://log.example")
            .header("sec-fetch-site", "cross-site"),
    ];
    for request in others {
        assert_eq!(browser.send(request, &form).await.status, StatusCode::FORBIDDEN);
    }
    // From our origin, without the session's token.
    for form in ["", "token=", "token=0000"] {
        assert_eq!(browser.post("/dashboard/logout", form).await.status, StatusCode::FORBIDDEN, "{form}");
    }
    assert_eq!(browser.get("/dashboard/style").await.status, StatusCode::OK, "still logged in");
    let cookie = browser.cookie.clone().unwrap();
    assert_eq!(browser.post("/dashboard/logout", &form).await.status, StatusCode::SEE_OTHER);
    browser.cookie = Some(cookie);
    assert_eq!(browser.get("/dashboard/style").await.status, StatusCode::SEE_OTHER, "the old cookie is worth nothing");
}

#[tokio::test]
async fn a_one_time_link_is_not_used_up_by_looking_at_it() {
    let mut browser = Browser::new();
    let link = format!("/dashboard{}", browser.sessions.link(KEY).path());
    for _ in 0..3 {
        assert_eq!(browser.get(&link).await.status, StatusCode::OK);
    }
    assert_eq!(browser.post(&link, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/dashboard/style").await.status, StatusCode::OK);
    assert_eq!(Browser::new().get(&link).await.status, StatusCode::GONE);
    assert_eq!(browser.post(&link, "").await.status, StatusCode::GONE);
    assert_eq!(browser.get("/dashboard/enter/0000").await.status, StatusCode::GONE);
}

#[tokio::test]
async fn a_revoked_key_ends_its_session() {
    let mut browser = Browser::new();
    // A session whose key is not accepted any more.
    browser.cookie = Some(browser.sessions.begin("ss_abc_revoked", "http://log.example"));
    assert_eq!(browser.get("/dashboard/style").await.status, StatusCode::SEE_OTHER);
    assert!(browser.sessions.find(browser.cookie.as_deref().unwrap()).is_none());
}

/// Whatever the answer is: page, refusal, file, redirect.
#[tokio::test]
async fn every_answer_carries_the_policy() {
    let mut browser = Browser::logged_in().await;
    let mut paths = pages();
    paths.extend(
        [
            "/dashboard/",
            "/dashboard/login",
            "/dashboard/enter/0",
            "/dashboard/nowhere",
            "/dashboard/assets/style.css",
            "/dashboard/assets/nothing",
        ]
        .map(str::to_owned),
    );
    for path in paths {
        let answer = browser.get(&path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'; script-src 'self'; style-src 'self'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let cached = if path.contains("style.css") { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), cached, "{path}");
    }
}

/// Behind a proxy that ends TLS nothing in a request says so but what the browser said at the login: a command with a key
/// in it must not send the key in the clear.
#[tokio::test]
async fn a_command_goes_where_the_visitor_came_from() {
    for scheme in ["https", "http"] {
        let mut browser = Browser::new();
        let login = Request::post("/dashboard/login").header(header::ORIGIN, format!("{scheme}://log.example"));
        assert_eq!(browser.send(login, &format!("key={KEY}")).await.status, StatusCode::SEE_OTHER);
        let page = browser.get(&format!("/dashboard/stream/{TENANT}/{STORE}/events")).await.body;
        assert!(
            page.contains(&format!("&#39;{scheme}://log.example/api/v1/"))
                || page.contains(&format!("'{scheme}://log.example/api/v1/")),
            "{page}"
        );
    }
}

#[tokio::test]
async fn files_are_fetched_again_only_if_they_changed() {
    let mut browser = Browser::new();
    for name in ["style.css", "page.js", "verifier/index.js", "icon.svg"] {
        let path = format!("/dashboard/assets/{name}");
        let first = browser.get(&path).await;
        assert_eq!(first.status, StatusCode::OK, "{name}");
        let again = Request::get(&path).header(header::IF_NONE_MATCH, first.header("etag"));
        let again = browser.send(again, "").await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{name}");
    }
}

pub(crate) async fn form_token(browser: &mut Browser) -> String {
    let page = browser.get("/dashboard/style").await.body;
    let at = page.find("name=\"token\" value=\"").expect("a form with a token") + 20;
    page.get(at..).unwrap_or_default().chars().take_while(|letter| *letter != '"').collect()
}
