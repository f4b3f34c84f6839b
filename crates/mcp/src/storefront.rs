//! The storefront: the one other system that a tool of ours writes to.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::Value;
use stateset_inspect::Fault;
use url::Url;

use crate::outcome::{Failure, Next};

/// Where orders are made, below the storefront's address.
const CHECKOUT: &str = "orders/checkout";
/// Longest wait for an answer: a storefront answers a command that is at work after 5 seconds.
const WAIT: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
/// Longest answer.
const ANSWER_BYTES: usize = 256 * 1024;
/// What an agent is shown of a refusal that is no problem document, in characters.
const WORDS: usize = 500;
/// When a command at work is worth asking about again, if the storefront does not say.
const ASK_AGAIN_MS: u64 = 800;

/// What the storefront answered.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) status: u16,
    /// It is the stored answer of an earlier call.
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

/// A storefront, by its address.
pub(crate) struct Storefront {
    client: Client,
    checkout: Url,
}

/// Members of a problem document (RFC 9457) that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

impl Storefront {
    pub(crate) fn new(address: &Url) -> Result<Self, Fault> {
        let wrong = |why: &str| Fault::usage(format!("the storefront's address {why}"), "such as http://localhost:3000");
        if !matches!(address.scheme(), "http" | "https") || address.cannot_be_a_base() {
            return Err(wrong("is not http or https"));
        }
        if !address.username().is_empty() || address.password().is_some() {
            return Err(wrong("holds a credential"));
        }
        let mut base = address.clone();
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let checkout = base.join(CHECKOUT).map_err(|error| wrong("is not one").because(error))?;
        let client = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).timeout(WAIT).build();
        let client = client.map_err(|error| Fault::unavailable("the HTTP client", error))?;
        Ok(Self { client, checkout })
    }

    /// For people.
    pub(crate) fn checkout(&self) -> &str {
        self.checkout.as_str()
    }

    /// Sends the order under the key. The same bytes under the same key are the same command, however often they come.
    pub(crate) async fn order(&self, key: &str, body: String) -> Result<Ordered, Failure> {
        let request = self.client.post(self.checkout.clone()).header("idempotency-key", key);
        let request = request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "application/json").body(body);
        let mut reply = request.send().await.map_err(|error| lost(&error))?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(|error| lost(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                let message = format!("the storefront answered {status} with more than {ANSWER_BYTES} bytes");
                return Err(Failure::new("STOREFRONT_ANSWER", Next::Operator, message, ""));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            let replayed = headers.get("idempotency-replayed").is_some_and(|value| value == "true");
            let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
            let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
            return Ok(Ordered { status: status.as_u16(), replayed, body });
        }
        Err(refusal(status, &headers, &body))
    }
}

/// No answer. Whether the order was made is then unknown, unless nobody was there to make it.
fn lost(error: &reqwest::Error) -> Failure {
    tracing::warn!(error = error as &dyn std::error::Error, "the storefront did not answer");
    if error.is_connect() {
        let message = "the storefront cannot be reached; nothing was sent";
        let fix = "call again later with the same idempotency_key and the same arguments";
        return Failure::new("STOREFRONT_UNAVAILABLE", Next::SameKey, message, fix).after(ASK_AGAIN_MS);
    }
    let message = "the storefront's answer was lost: the order may have been made, or not";
    let fix = "do not use a new key. Ask get_idempotency_key what became of it, or make the same call again with the same \
        idempotency_key and the same arguments: that is safe, and gives the one order";
    Failure::new("OUTCOME_UNKNOWN", Next::SameKey, message, fix).after(ASK_AGAIN_MS)
}

/// A refusal in the storefront's own words, with what to do about it.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let words = problem.detail.or(problem.title).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let words: String = words.chars().filter(|letter| !letter.is_control()).take(WORDS).collect();
    let message = format!("the storefront answered {}: {words}", status.as_u16());
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    let wait = seconds.map_or(ASK_AGAIN_MS, |seconds| seconds.saturating_mul(1_000));
    let code = problem.code.filter(|code| is_code(code));
    match code.as_deref() {
        Some("IDEMPOTENCY_KEY_REUSED") => {
            let fix = "this key belongs to another order: get_idempotency_key shows it. Another order needs another key";
            Failure::new("IDEMPOTENCY_KEY_REUSED", Next::NewKey, message, fix)
        },
        Some("IN_PROGRESS") => {
            let fix = "the first call is still at work: make the same call again under the same key";
            Failure::new("IN_PROGRESS", Next::SameKey, message, fix).after(wait)
        },
        Some("UNCERTAIN") => {
            let fix = "nobody knows whether it happened: a person has to find out, and complete or reset the key";
            Failure::new("UNCERTAIN", Next::Operator, message, fix)
        },
        code if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) => {
            let fix = "nothing was done; make the same call again under the same key";
            Failure::new(code.unwrap_or("STOREFRONT_UNAVAILABLE"), Next::SameKey, message, fix).after(wait)
        },
        code => {
            let next = if matches!(status.as_u16(), 401 | 403) { Next::Operator } else { Next::Change };
            Failure::new(code.unwrap_or("ORDER_REFUSED"), next, message, "")
        },
    }
}

/// Upper snake case, as all codes.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K09: every refusal says whether, and how, to try again.
    #[test]
    fn refusals_say_what_to_do() {
        let problem = |code: &str| format!(r#"{{"code":"{code}","detail":"why"}}"#);
        for (status, body, code, next) in [
            (422, problem("IDEMPOTENCY_KEY_REUSED"), "IDEMPOTENCY_KEY_REUSED", Next::NewKey),
            (409, problem("IN_PROGRESS"), "IN_PROGRESS", Next::SameKey),
            (409, problem("UNCERTAIN"), "UNCERTAIN", Next::Operator),
            (503, problem("UNAVAILABLE"), "UNAVAILABLE", Next::SameKey),
            (500, "oops".to_owned(), "STOREFRONT_UNAVAILABLE", Next::SameKey),
            (429, String::new(), "STOREFRONT_UNAVAILABLE", Next::SameKey),
            (422, "an order needs something to pay".to_owned(), "ORDER_REFUSED", Next::Change),
            (404, problem("<script>"), "ORDER_REFUSED", Next::Change),
            (401, String::new(), "ORDER_REFUSED", Next::Operator),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let failure = refusal(status, &HeaderMap::new(), body.as_bytes());
            assert_eq!((failure.code.as_str(), failure.disposition), (code, next), "{status} {body}");
            assert_eq!(failure.retryable, failure.retry_after_ms.is_some(), "{failure:?}");
        }
        let headers = HeaderMap::from_iter([(RETRY_AFTER, http::HeaderValue::from_static("5"))]);
        let busy = refusal(StatusCode::CONFLICT, &headers, problem("IN_PROGRESS").as_bytes());
        assert_eq!(busy.retry_after_ms, Some(5_000));
    }

    #[test]
    fn an_address_is_http_and_holds_no_secret() {
        let new = |text: &str| Storefront::new(&Url::parse(text).expect("a URL"));
        for (text, checkout) in [
            ("http://localhost:3000", "http://localhost:3000/orders/checkout"),
            ("https://shop.example/api/?x=1#y", "https://shop.example/api/orders/checkout"),
        ] {
            assert_eq!(new(text).expect("a storefront").checkout(), checkout);
        }
        for bad in ["ftp://localhost", "http://me:secret@localhost", "data:text/plain,x"] {
            let fault = new(bad).err().expect("refused").to_string();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
