//! What stands beside the body.

use axum::http::HeaderMap;
use stateset_contracts::instant::Instant;

use crate::connector::{Refused, Request};

pub(super) const SIGNATURE: &str = "x-shopify-hmac-sha256";
const TOPIC: &str = "x-shopify-topic";
const SHOP: &str = "x-shopify-shop-domain";
const WEBHOOK_ID: &str = "x-shopify-webhook-id";
const API_VERSION: &str = "x-shopify-api-version";
const TRIGGERED_AT: &str = "x-shopify-triggered-at";

/// Longest header that is looked at, in bytes.
const BYTES: usize = 128;

/// Reads them; those that only people look at may be missing.
pub(super) fn read(headers: &HeaderMap) -> Result<Request, Refused> {
    let api_version = optional(headers, API_VERSION)?;
    if api_version.is_some_and(|version| !is_version(version)) {
        return Err(Refused::Header { name: API_VERSION, fault: "is no version such as 2025-07" });
    }
    let triggered_at = optional(headers, TRIGGERED_AT)?.map(Instant::parse).transpose();
    let shop = required(headers, SHOP)?.to_ascii_lowercase();
    if !is_domain(&shop) {
        return Err(Refused::Header { name: SHOP, fault: "is no domain such as example.myshopify.com" });
    }
    Ok(Request {
        id: required(headers, WEBHOOK_ID)?.to_owned(),
        topic: required(headers, TOPIC)?.to_owned(),
        shop,
        api_version: api_version.map(str::to_owned),
        triggered_at: triggered_at
            .map_err(|_| Refused::Header { name: TRIGGERED_AT, fault: "is no RFC 3339 date and time" })?,
    })
}

fn required<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refused> {
    optional(headers, name)?.ok_or(Refused::Header { name, fault: "is missing" })
}

fn optional<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refused> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= BYTES);
    text.map(Some).ok_or(Refused::Header { name, fault: "has 1 to 128 visible characters" })
}

/// `2025-07`, `unstable`.
fn is_version(text: &str) -> bool {
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    text == "unstable" || text.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.contains('.') && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(more: &[(&'static str, &str)]) -> HeaderMap {
        let all = [(TOPIC, "products/update"), (SHOP, "Example.myshopify.com"), (WEBHOOK_ID, "w1")];
        let mut map = HeaderMap::new();
        for (name, value) in all.iter().chain(more) {
            map.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn what_is_needed_is_there_or_named() {
        let read_well = read(&headers(&[(API_VERSION, "2025-07"), (TRIGGERED_AT, "2025-08-25T20:00:00.5Z")])).unwrap();
        assert_eq!(
            (read_well.shop.as_str(), read_well.api_version.as_deref()),
            ("example.myshopify.com", Some("2025-07"))
        );
        assert!(read(&headers(&[])).unwrap().triggered_at.is_none());
        for name in [TOPIC, SHOP, WEBHOOK_ID] {
            let mut without = headers(&[]);
            without.remove(name);
            assert_eq!(read(&without).unwrap_err().to_string(), format!("the header {name} is missing"));
        }
        let long = "w".repeat(129);
        for (name, value, fault) in [
            (WEBHOOK_ID, long.as_str(), "has 1 to 128"),
            (TOPIC, "", "has 1 to 128"),
            (SHOP, "example", "no domain"),
            (SHOP, "exa mple.com", "no domain"),
            (SHOP, "a..b", "no domain"),
            (API_VERSION, "2025", "no version"),
            (API_VERSION, "2025-7", "no version"),
            (TRIGGERED_AT, "yesterday", "no RFC 3339"),
        ] {
            let refused = read(&headers(&[(name, value)])).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("the header {name} ")) && refused.contains(fault), "{refused}");
        }
    }
}
