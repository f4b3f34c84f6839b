//! The shop's customers as far as HTTP goes: a call, its answer, and the retry of a call whose answer was lost.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use stateset_inspect::Fault;
use tokio::time::{Instant, sleep};
use url::Url;

/// Largest answer that is read.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// For one call.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between tries of a call that was not answered.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200)];

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// With the query, from the root.
    pub(super) path: String,
    pub(super) key: Option<String>,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), key: None, body: None }
    }

    pub(super) fn post(path: impl Into<String>, key: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, path: path.into(), key: Some(key.into()), body: Some(body) }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) bytes: Vec<u8>,
    /// The bytes as JSON; null if they are none.
    pub(super) value: Value,
    /// How often the call was made before it was answered.
    pub(super) tries: u32,
}

impl Answer {
    /// The body, for people.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim_end().to_owned()
    }
}

/// Where each service answers, by the first part of a path.
#[derive(Clone, Debug)]
pub(super) struct Bases {
    by_part: BTreeMap<&'static str, Url>,
    other: Url,
}

/// Which service has which paths.
pub(super) const PARTS: [(&str, &str); 5] = [
    ("orders", "order"),
    ("stock", "order"),
    ("payments", "payment"),
    ("shipments", "shipping"),
    ("mails", "notification"),
];

impl Bases {
    /// One address for all.
    pub(super) fn one(url: Url) -> Self {
        Self { by_part: BTreeMap::new(), other: url }
    }

    /// One address for each service.
    pub(super) fn each(services: &BTreeMap<String, Url>) -> Option<Self> {
        let by_part =
            PARTS.iter().filter_map(|(part, service)| Some((*part, services.get(*service)?.clone()))).collect();
        Some(Self { by_part, other: services.values().next()?.clone() })
    }

    /// Every address, once.
    fn all(&self) -> Vec<&Url> {
        let mut all: Vec<&Url> = self.by_part.values().chain([&self.other]).collect();
        all.sort();
        all.dedup();
        all
    }

    fn of(&self, path: &str) -> &Url {
        let part = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
        self.by_part.get(part).unwrap_or(&self.other)
    }
}

/// Calls the shop.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    bases: Bases,
}

/// A client without surprises: no proxy, no redirect.
pub(super) fn http() -> Result<reqwest::Client, Fault> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .timeout(PATIENCE)
        .user_agent("stateset-events demo");
    client.build().map_err(|error| Fault::unavailable("the HTTP client", error))
}

impl Client {
    pub(super) fn new(http: reqwest::Client, bases: Bases) -> Self {
        Self { http, bases }
    }

    /// Reads the same path of every process of the shop; `None` is one that did not answer.
    pub(super) async fn everywhere(&self, path: &str, within: Duration) -> Vec<Option<Answer>> {
        let mut all = Vec::new();
        for base in self.bases.all() {
            let client = Self { http: self.http.clone(), bases: Bases::one(base.clone()) };
            all.push(client.call_until_answered(&Call::get(path), within).await);
        }
        all
    }

    /// One try.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, reqwest::Error> {
        // The paths are the demo's own: they join to any base.
        let base = self.bases.of(&call.path);
        let url = base.join(call.path.trim_start_matches('/')).unwrap_or_else(|_| base.clone());
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES {
                bytes.truncate(ANSWER_BYTES);
                break;
            }
        }
        let value = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { status, bytes, value, tries: 1 })
    }

    /// Calls until there is an answer that says what became of the call: the same call each time, with the same key.
    /// `None`: there was none within this time.
    pub(super) async fn call_until_answered(&self, call: &Call, within: Duration) -> Option<Answer> {
        let deadline = Instant::now() + within;
        let mut tries = 0;
        loop {
            tries += 1;
            let answered = self.call(call).await.ok().filter(|answer| !is_unsettled(answer));
            if let Some(answer) = answered {
                return Some(Answer { tries, ..answer });
            }
            if Instant::now() >= deadline {
                return None;
            }
            let pause = PAUSES.get(usize::try_from(tries).unwrap_or(usize::MAX) - 1).or(PAUSES.last());
            sleep(pause.copied().unwrap_or_default()).await;
        }
    }
}

/// Whether the call may still be under way somewhere, or was not looked at.
fn is_unsettled(answer: &Answer) -> bool {
    let code = answer.value.pointer("/error/code").or_else(|| answer.value.pointer("/code"));
    let in_progress = code.and_then(Value::as_str).is_some_and(|code| code.contains("IN_PROGRESS"));
    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
    status.is_server_error() || in_progress || matches!(answer.status, 408 | 425 | 429)
}
