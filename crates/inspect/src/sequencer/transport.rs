//! How a sequencer is reached: over HTTP, or by calling its router in the same process.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt as _, unfold};
use url::Url;
use zeroize::Zeroizing;

/// The body of a reply, as it arrives.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// What a call returns.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Reply, TransportError>> + Send + 'a>>;

/// One request. Its path begins with `/` and holds the escaped query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// The place behind which an event stream goes on.
    pub last_event_id: Option<u64>,
}

/// The methods that are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes, or asks a question too long for a path.
    Post,
}

impl Call {
    /// A read.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::Get, path: path.into(), body: None, last_event_id: None }
    }

    /// A write.
    pub fn post(path: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method: Method::Post, path: path.into(), body: Some(body), last_event_id: None }
    }
}

/// What came back; the body may still be arriving.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, if it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Chunks,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// No reply, or one that broke off.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The request cannot be made as configured.
    #[error("the sequencer's address cannot be used: {0}")]
    Address(&'static str),
    /// Nothing came back, or not all of it.
    #[error("the sequencer did not answer")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// More than anybody should read.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// A way to a sequencer that carries the caller's credential. Implement it over a router in the same process to show the
/// user exactly what the user's own credential may see.
pub trait Transport: Send + Sync {
    /// Sends one request. Nothing is repeated: whoever asks decides that.
    fn call(&self, call: Call) -> Calling<'_>;

    /// For people: where answers come from, without secrets.
    fn place(&self) -> String;
}

/// What a request shows to be let in.
#[derive(Clone)]
pub enum Credential {
    /// `Authorization: ApiKey …`.
    ApiKey(Zeroizing<String>),
    /// `Authorization: Bearer …`.
    Token(Zeroizing<String>),
}

impl Credential {
    /// The value of `Authorization`.
    pub fn header(&self) -> Zeroizing<String> {
        match self {
            Self::ApiKey(key) => Zeroizing::new(format!("ApiKey {}", key.as_str())),
            Self::Token(token) => Zeroizing::new(format!("Bearer {}", token.as_str())),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// A sequencer somewhere else.
pub struct Http {
    base: Url,
    credential: Option<Credential>,
    client: reqwest::Client,
}

impl Http {
    /// Prepares the connection pool; connects to nothing yet. `timeout` is for connecting and for each piece of an answer.
    pub fn new(base: &Url, credential: Option<Credential>, timeout: Duration) -> Result<Self, TransportError> {
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(TransportError::Address("it is like https://sequencer.example:8080"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(TransportError::Address("it must not hold a name or a password; give the API key by itself"));
        }
        let client = reqwest::Client::builder()
            // A redirect would carry the credential elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .read_timeout(timeout)
            .user_agent(concat!("stateset-events/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| TransportError::Lost(error.into()))?;
        Ok(Self { base: base.clone(), credential, client })
    }

    async fn send(&self, call: Call) -> Result<Reply, TransportError> {
        let url = self.base.join(&call.path).map_err(|_| TransportError::Address("the path does not fit it"))?;
        let mut request = match call.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        if let Some(credential) = &self.credential {
            request = request.header("authorization", credential.header().as_str());
        }
        if let Some(last) = call.last_event_id {
            request = request.header("last-event-id", last);
        }
        if let Some(body) = call.body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.map_err(|error| TransportError::Lost(error.without_url().into()))?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let status = response.status().as_u16();
        let body = unfold(Some(response), |response| async move {
            let mut response = response?;
            match response.chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(response))),
                Ok(None) => None,
                Err(error) => Some((Err(TransportError::Lost(error.without_url().into())), None)),
            }
        });
        Ok(Reply { status, retry_after, body: body.boxed() })
    }
}

impl Transport for Http {
    fn call(&self, call: Call) -> Calling<'_> {
        Box::pin(self.send(call))
    }

    fn place(&self) -> String {
        self.base.origin().ascii_serialization()
    }
}

/// The whole body, at most `most` bytes.
pub(super) async fn collect(mut body: Chunks, most: usize) -> Result<Vec<u8>, TransportError> {
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        if all.len() + chunk.len() > most {
            return Err(TransportError::TooLarge(most));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}
