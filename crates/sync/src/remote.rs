//! Talking to the sequencer. One request, one answer; whoever calls decides what a failure means.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode, header, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stateset_relay::secret::Secret;
use url::Url;

/// Longest answer that is read: a page is asked for again in halves until it fits.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_mins(1);
/// Characters of a foreign text that are repeated.
const QUOTED: usize = 300;

/// The sequencer did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody answered, or the answer broke off: whether the request was done is unknown.
    #[error("{url}: {fault}. Nothing is lost; it is tried again")]
    NoAnswer {
        /// Whom it was sent to.
        url: String,
        /// What happened.
        fault: String,
    },
    /// It cannot at the moment.
    #[error("the sequencer answered {status} {code}: {detail}. Nothing is lost; it is tried again")]
    Unavailable {
        /// HTTP status.
        status: u16,
        /// Its code.
        code: String,
        /// What it said.
        detail: String,
        /// When to come back.
        after: Option<Duration>,
    },
    /// It will not.
    #[error("the sequencer answered {status} {code}: {detail}{}", advice(.fix))]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its code.
        code: String,
        /// What it said.
        detail: String,
        /// What it advised.
        fix: String,
    },
    /// What it said is not what this version understands.
    #[error("the answer of {url} is not a sequencer's: {fault}")]
    Unreadable {
        /// Who answered.
        url: String,
        /// What is wrong.
        fault: String,
    },
    /// The answer is longer than is read.
    #[error("the answer of {url} is longer than 64 MiB")]
    TooLong {
        /// Who answered.
        url: String,
    },
    /// Single events were refused for a reason that somebody has to see to.
    #[error("the sequencer does not take event {event_id} ({code}): {message}")]
    EventRefused {
        /// Which event.
        event_id: uuid::Uuid,
        /// Why.
        code: String,
        /// Why, in words.
        message: String,
    },
    /// Receipts that prove nothing.
    #[error("the sequencer has the events, but its receipts prove nothing ({code}): {message}")]
    Receipt {
        /// Why.
        code: String,
        /// Why, in words.
        message: String,
    },
}

fn advice(fix: &str) -> String {
    if fix.is_empty() { String::new() } else { format!(" ({fix})") }
}

impl RemoteError {
    /// Whether it may go better later by itself.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Unavailable { .. })
    }

    /// Whether our credential is to blame.
    pub fn is_refusal_of_credential(&self) -> bool {
        matches!(self, Self::Refused { status: 401 | 403, .. })
    }

    /// HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unavailable { status, .. } | Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// A stable word.
    pub fn code(&self) -> &str {
        match self {
            Self::NoAnswer { .. } => "NO_ANSWER",
            Self::Unavailable { code, .. }
            | Self::Refused { code, .. }
            | Self::EventRefused { code, .. }
            | Self::Receipt { code, .. } => code,
            Self::Unreadable { .. } => "UNREADABLE_ANSWER",
            Self::TooLong { .. } => "ANSWER_TOO_LONG",
        }
    }

    /// What the sequencer asked us to wait.
    pub(crate) fn after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { after, .. } => *after,
            _ => None,
        }
    }
}

/// A sequencer, as one credential sees it.
#[derive(Clone)]
pub(crate) struct Remote {
    base: Url,
    client: reqwest::Client,
    credential: Option<Secret>,
}

impl Remote {
    pub(crate) fn new(base: &Url, credential: Option<Secret>) -> Result<Self, RemoteError> {
        let unreadable = |fault: String| RemoteError::Unreadable { url: base.to_string(), fault };
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(unreadable("the URL is like https://sequencer.example:8080".to_owned()));
        }
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .user_agent("stateset-sync")
            .build()
            .map_err(|fault| unreadable(fault.to_string()))?;
        Ok(Self { base: base.clone(), client, credential })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, RemoteError> {
        let bytes = self.get_bytes(path, query).await?;
        self.read_json(&bytes)
    }

    pub(crate) async fn get_bytes(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, RemoteError> {
        self.exchange(Method::GET, path, query, None).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, RemoteError> {
        let body = serde_json::to_vec(body).map_err(|fault| self.unreadable(fault.to_string()))?;
        let bytes = self.post_bytes(path, body).await?;
        self.read_json(&bytes)
    }

    pub(crate) async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Vec<u8>, RemoteError> {
        self.exchange(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &impl Serialize) -> Result<(), RemoteError> {
        let body = serde_json::to_vec(body).map_err(|fault| self.unreadable(fault.to_string()))?;
        self.exchange(Method::PUT, path, &[], Some(body)).await.map(drop)
    }

    pub(crate) async fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<(), RemoteError> {
        self.exchange(Method::DELETE, path, query, None).await.map(drop)
    }

    pub(crate) fn read_json<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, RemoteError> {
        serde_json::from_slice(bytes).map_err(|fault| self.unreadable(fault.to_string()))
    }

    fn unreadable(&self, fault: String) -> RemoteError {
        RemoteError::Unreadable { url: self.base.to_string(), fault }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, RemoteError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.client.request(method, url);
        if let Some(credential) = &self.credential {
            request = request.header(header::AUTHORIZATION, format!("ApiKey {}", credential.reveal_text()));
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.map_err(|fault| self.no_answer(fault))?;
        let (status, after) = (response.status(), retry_after(&response));
        let bytes = self.read(response).await?;
        if status.is_success() { Ok(bytes) } else { Err(failure(status, after, &bytes)) }
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, RemoteError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|fault| self.no_answer(fault))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES {
                return Err(RemoteError::TooLong { url: self.base.to_string() });
            }
        }
        Ok(bytes)
    }

    /// The URL of the request is left out: the base says enough.
    fn no_answer(&self, fault: reqwest::Error) -> RemoteError {
        let fault = fault.without_url();
        let mut text = fault.to_string();
        let mut source = std::error::Error::source(&fault);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        RemoteError::NoAnswer { url: self.base.to_string(), fault: text }
    }
}

fn failure(status: StatusCode, after: Option<Duration>, body: &[u8]) -> RemoteError {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        code: String,
        detail: String,
        fix: String,
    }
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let plain = |text: &str| -> String {
        text.chars().take(QUOTED).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
    };
    let detail = plain(if problem.detail.is_empty() { &text } else { &problem.detail });
    let code = if problem.code.is_empty() { format!("HTTP_{}", status.as_u16()) } else { plain(&problem.code) };
    let (status, later) = (
        status.as_u16(),
        status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS),
    );
    if later {
        RemoteError::Unavailable { status, code, detail, after }
    } else {
        RemoteError::Refused { status, code, detail, fix: plain(&problem.fix) }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
