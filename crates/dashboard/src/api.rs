//! Asking the API's own router, in this process, with the visitor's credential.
//!
//! A page learns nothing that the same key could not fetch with curl. The reply's text is kept as it was written: what a
//! browser verifies must be the bytes the API gives, not what this crate makes of them.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::session::Session;

/// Most bytes of one reply that a page reads: 1,000 events with the largest headers, and a few payloads of a megabyte.
const MAX_REPLY: usize = 32 * 1024 * 1024;

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {detail}")]
pub struct Fault {
    /// Status of the API's reply, which is also the page's.
    pub status: StatusCode,
    /// The API's stable code.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub fix: String,
}

impl Fault {
    /// A fault of our own making.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), fix: fix.into() }
    }

    fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "UNREADABLE_REPLY",
            detail,
            "Tell the operator; the API answered in another form.",
        )
    }
}

#[derive(Deserialize)]
struct Told {
    code: String,
    detail: String,
    #[serde(default)]
    fix: String,
}

/// The API, as one visitor may use it.
#[derive(Clone)]
pub struct Api {
    router: Router,
    session: Option<Session>,
}

impl Api {
    /// The API behind `router`, called with the session's key, or without any where nobody is asked for one.
    pub fn new(router: Router, session: Option<Session>) -> Self {
        Self { router, session }
    }

    /// The reply to `GET path`, whatever it is.
    async fn call(&self, path: &str, last_event_id: Option<&str>) -> axum::response::Response {
        let mut request = Request::get(path);
        if let Some(session) = &self.session {
            request = request.header(header::AUTHORIZATION, format!("ApiKey {}", session.key.as_str()));
        }
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let Ok(request) = request.body(Body::empty()) else {
            // The key holds what no header may hold, or the address what no address may.
            let mut response = axum::response::Response::new(Body::empty());
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return response;
        };
        self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }

    /// A successful reply as it comes, such as a stream of events. `last_event_id` resumes one.
    pub async fn stream(&self, path: &str, last_event_id: Option<&str>) -> Result<axum::response::Response, Fault> {
        let response = self.call(path, last_event_id).await;
        if response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        Err(fault(parts.status, &whole(body).await?))
    }

    /// The text of a successful reply.
    pub async fn text(&self, path: &str) -> Result<String, Fault> {
        let body = whole(self.stream(path, None).await?.into_body()).await?;
        String::from_utf8(body.into()).map_err(|_| Fault::unreadable("the reply is not text"))
    }

    /// A successful reply as JSON.
    pub async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).map_err(|error| Fault::unreadable(error.to_string()))
    }

    /// The same, where a reply that there is no such thing is an answer too.
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Fault> {
        match self.json(path).await {
            Ok(found) => Ok(Some(found)),
            Err(fault) if fault.status == StatusCode::NOT_FOUND => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

async fn whole(body: Body) -> Result<Bytes, Fault> {
    let body = Limited::new(body, MAX_REPLY).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|_| Fault::unreadable("the reply is too large"))
}

fn fault(status: StatusCode, body: &Bytes) -> Fault {
    match serde_json::from_slice::<Told>(body) {
        Ok(told) => Fault { status, code: told.code, detail: told.detail, fix: told.fix },
        Err(_) => Fault::new(status, "UNKNOWN", "the API gave no reason", ""),
    }
}
