//! What holds for every request, whatever page it is for.
//!
//! Three things stand against another site that makes a visitor's browser send a form: the cookie is `SameSite=Strict`, a
//! request that changes something must come from this very origin, and a session's form carries the session's token. Each
//! would do.
//!
//! Two more stand against what else runs on this machine. Browsers send a host's cookies to all its ports, so the name of
//! ours has the port in it: two dashboards on one machine do not log each other out. And where the address is all that
//! keeps strangers away ([`Names::OfNobody`]), a page of theirs could have its own name point at this machine and would then
//! be of the same origin as ours; so a request by somebody's name is refused.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::web::refusal;

/// Name of the cookie; behind it comes the port, if the address has one.
pub const COOKIE: &str = "stateset_session";
/// Under which names a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Any: whoever comes has to show who it is.
    Any,
    /// Names that nobody can own: addresses, and `localhost`.
    OfNobody,
}

/// Scripts, styles, images and requests are this origin's, and nothing inline runs, whatever a page may hold by mistake.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// The layer.
pub async fn layer(State(names): State<Names>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if names == Names::OfNobody && !of_nobody(request.headers()) {
        refusal(
            StatusCode::MISDIRECTED_REQUEST,
            "These pages are on this machine only, and are reached by its address or as localhost. Another site may have \
             led your browser here by a name of its own.",
        )
    } else if changes && !same_origin(request.headers()) {
        refusal(
            StatusCode::FORBIDDEN,
            "This form was not sent from the dashboard's own pages, so nothing was done. If a proxy stands in front, \
             it must pass the Host header on.",
        )
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser says that the request comes from this origin. Browsers send `Origin` with every form that is posted;
/// a request without one is refused, because nobody knows where it is from.
pub fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let fetched_here = text(HeaderName::from_static("sec-fetch-site")).is_none_or(|site| site == "same-origin");
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    fetched_here && authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// Host and port as the request has them.
fn authority(headers: &HeaderMap) -> Option<(&str, Option<&str>)> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    match host.rsplit_once(':') {
        // The colons of an address of version 6 are inside of brackets.
        Some((name, port)) if !port.contains(']') => Some((name, Some(port))),
        _ => Some((host, None)),
    }
}

/// Whether the request came by a name that nobody can have pointed here: an address, or `localhost`.
pub fn of_nobody(headers: &HeaderMap) -> bool {
    let Some((name, _)) = authority(headers) else { return false };
    let v6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.parse::<Ipv4Addr>().is_ok()
        || v6.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
        || name.eq_ignore_ascii_case("localhost")
}

fn cookie_name(headers: &HeaderMap) -> String {
    match authority(headers).and_then(|(_, port)| port).and_then(|port| port.parse::<u16>().ok()) {
        Some(port) => format!("{COOKIE}_{port}"),
        None => COOKIE.to_owned(),
    }
}

/// The session cookie's value, if the request carries exactly one.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let name = cookie_name(headers);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut ours =
        all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().strip_prefix(&name)?.strip_prefix('='));
    // Two may be the work of another program on this host: neither is believed.
    ours.next().filter(|_| ours.next().is_none())
}

/// The header that gives a browser its cookie, or takes it away (`None`). `Secure` where the page came over TLS.
pub fn set_cookie(base: &str, value: Option<&str>, lasts: u64, headers: &HeaderMap) -> HeaderValue {
    let secure = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let (value, age) = value.map_or(("", 0), |value| (value, lasts));
    let secure = if secure { "; Secure" } else { "" };
    let name = cookie_name(headers);
    let text = format!("{name}={value}; Path={base}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("a cookie is hexadecimal, and the mount point a path")
}

/// Where the visitor's browser says the pages are: scheme, host, port. Of a request that passed [`same_origin`].
pub fn origin(headers: &HeaderMap) -> &str {
    headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{cookie, of_nobody, same_origin, set_cookie};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_our_own_origin_may_change_something() {
        let host = ("host", "log.example:8080");
        assert!(same_origin(&headers(&[host, ("origin", "https://log.example:8080")])));
        assert!(same_origin(&headers(&[
            host,
            ("origin", "http://LOG.example:8080"),
            ("sec-fetch-site", "same-origin")
        ])));
        for origin in [
            "null",
            "",
            "https://evil.example",
            "https://log.example",
            "log.example:8080",
            "https://log.example:8080.evil.example",
        ] {
            assert!(!same_origin(&headers(&[host, ("origin", origin)])), "{origin}");
        }
        assert!(!same_origin(&headers(&[host])));
        for site in ["cross-site", "same-site", "none"] {
            assert!(
                !same_origin(&headers(&[host, ("origin", "http://log.example:8080"), ("sec-fetch-site", site)])),
                "{site}"
            );
        }
    }

    #[test]
    fn one_cookie_is_taken_and_two_are_not() {
        assert_eq!(cookie(&headers(&[("cookie", "a=b; stateset_session=abc; c=d")])), Some("abc"));
        assert_eq!(cookie(&headers(&[("cookie", "stateset_session=abc; stateset_session=def")])), None);
        assert_eq!(cookie(&headers(&[("cookie", "stateset_session=abc"), ("cookie", "stateset_session=def")])), None);
        assert_eq!(cookie(&headers(&[("cookie", "xstateset_session=abc")])), None);
    }

    /// A browser sends the cookies of 127.0.0.1:8080 to 127.0.0.1:8088 too, under one name only the last one.
    #[test]
    fn two_dashboards_on_one_machine_do_not_log_each_other_out() {
        let both = ("cookie", "stateset_session_8080=first; stateset_session_8088=second");
        assert_eq!(cookie(&headers(&[("host", "127.0.0.1:8080"), both])), Some("first"));
        assert_eq!(cookie(&headers(&[("host", "[::1]:8088"), both])), Some("second"));
        assert_eq!(cookie(&headers(&[("host", "log.example"), both])), None);
        let set = set_cookie("/dashboard", Some("abc"), 60, &headers(&[("host", "127.0.0.1:8088")]));
        assert!(set.to_str().unwrap().starts_with("stateset_session_8088=abc; "), "{set:?}");
        // Nothing but a number comes into the name.
        for host in ["x:80; Path=/", "x:", "x", "[::1]", "x:99999"] {
            let set = set_cookie("/dashboard", Some("abc"), 60, &headers(&[("host", host)]));
            assert!(set.to_str().unwrap().starts_with("stateset_session=abc; "), "{set:?}");
        }
    }

    #[test]
    fn a_name_that_somebody_owns_is_told_from_an_address() {
        for host in ["127.0.0.1", "127.0.0.1:8088", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8088"] {
            assert!(of_nobody(&headers(&[("host", host)])), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8088", "127.0.0.1.evil.example:8088", "localhost.evil.example", "[evil]", ""]
        {
            assert!(!of_nobody(&headers(&[("host", host)])), "{host}");
        }
        assert!(!of_nobody(&headers(&[])));
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let plain = set_cookie("/dashboard", Some("abc"), 60, &headers(&[("origin", "http://x")]));
        assert_eq!(plain, "stateset_session=abc; Path=/dashboard; Max-Age=60; HttpOnly; SameSite=Strict");
        let secure = set_cookie("/dashboard", None, 60, &headers(&[("origin", "https://x")]));
        assert_eq!(secure, "stateset_session=; Path=/dashboard; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
    }
}
