//! Who may come in, and how.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use stateset_mcp::{BearerToken, HttpSettings};

use crate::world::{CURRENT, PREVIOUS, Served, World};

fn header(name: &'static str, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
}

async fn status(served: &Served, more: HeaderMap) -> u16 {
    served.post(CURRENT, "tools/list", json!({}), more).await.0
}

/// K10: a page in somebody's browser, a rebound name, and whoever has no token stay outside.
#[tokio::test]
async fn strangers_stay_outside() {
    let world = World::new().await;
    let open = world.serve(false).await;
    assert_eq!(status(&open, HeaderMap::new()).await, 200);
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "http://127.0.0.1"), ("origin", "null"), ("host", "evil.example")]
    {
        assert_eq!(status(&open, header(name, value)).await, 403, "{name}: {value}");
    }
    let http = HttpSettings {
        token: Some(BearerToken::new("a-long-enough-token").expect("a token")),
        allowed_origins: vec!["https://agents.example:443".to_owned()],
        allowed_hosts: vec!["events.example".to_owned()],
    };
    let closed = world.serve_with(false, None, http).await;
    assert_eq!(status(&closed, HeaderMap::new()).await, 401);
    assert_eq!(status(&closed, header("authorization", "Bearer another-long-token")).await, 401);
    let with = |name, value| {
        let mut headers = header("authorization", "Bearer a-long-enough-token");
        headers.extend(header(name, value));
        headers
    };
    for (name, value, expected) in [
        ("origin", "https://agents.example", 200),
        ("origin", "https://evil.example", 403),
        ("host", "events.example", 200),
        ("host", "evil.example", 403),
    ] {
        assert_eq!(status(&closed, with(name, value)).await, expected, "{name}: {value}");
    }
}

/// One server, both versions, the same tools in the same order.
#[tokio::test]
async fn the_current_and_the_previous_version_are_served() {
    let world = World::new().await;
    let served = world.serve(false).await;
    let mut lists = Vec::new();
    for version in [CURRENT, PREVIOUS] {
        let (status, text) = served.post(version, "tools/list", json!({}), HeaderMap::new()).await;
        assert_eq!(status, 200, "{text}");
        let reply: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(reply["result"].get("resultType").is_some(), version == CURRENT, "{version}");
        lists.push(reply["result"]["tools"].clone());
    }
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0].as_array().map(Vec::len), Some(11), "none of a storefront that is not there");
    let hello = json!({
        "protocolVersion": PREVIOUS, "capabilities": {}, "clientInfo": { "name": "raw", "version": "1" },
    });
    let (_, text) = served.post(PREVIOUS, "initialize", hello, HeaderMap::new()).await;
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(reply["result"]["protocolVersion"], PREVIOUS);
    assert_eq!(reply["result"]["serverInfo"]["name"], "stateset-events");
    let (_, text) = served.post(CURRENT, "server/discover", json!({}), HeaderMap::new()).await;
    assert!(text.contains(CURRENT) && text.contains(PREVIOUS), "{text}");
}

#[tokio::test]
async fn a_request_that_is_too_long_is_refused() {
    let world = World::new().await;
    let served = world.serve(false).await;
    let params = json!({ "name": "list_events", "arguments": { "filter": "x".repeat(2_000_000) } });
    let (status, _) = served.post(CURRENT, "tools/call", params, HeaderMap::new()).await;
    assert_eq!(status, 413);
}
