//! A small HTTP/1.1 client for the crash tests and the load generator.
//!
//! It never retries: a test that counts what the server acknowledged must see every failure, and
//! [`HttpError`] says of each whether the server may have processed the request. No TLS, no redirects, no
//! compression, no cookies.

mod connection;
mod events;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use connection::Connection;
pub use events::{EventStream, ServerEvent};

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nobody listens: the request was not processed.
    #[error("could not connect")]
    Connect(#[source] std::io::Error),
    /// The connection ended before the response was complete: the request may or may not have been processed.
    #[error("the connection was lost")]
    Lost(#[source] std::io::Error),
    /// No complete response in time: the request may or may not have been processed.
    #[error("no complete response in time")]
    Timeout,
    /// What came back is not HTTP.
    #[error("malformed response: {0}")]
    Malformed(&'static str),
    /// The response is not what the caller asked for, for instance an event stream.
    #[error("unexpected response: {0:?}")]
    Unexpected(Box<Response>),
}

/// A request; the header `host`, if there is none, and the length are added when it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Path and query, already escaped.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// `None` sends neither a body nor a length.
    pub body: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// A request without headers and body.
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, headers: &[], body: None }
    }
}

/// A complete response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; the error holds the status and the text.
    pub fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| anyhow::anyhow!("{error} in a response {}: {}", self.status, self.text()))
    }

    /// The response itself if it has this status, else an error that shows it.
    pub fn expect_status(self, status: u16) -> anyhow::Result<Self> {
        anyhow::ensure!(self.status == status, "expected {status}, got {}: {}", self.status, self.text());
        Ok(self)
    }
}

/// A client of one server. Clones share the idle connections.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    headers: Arc<Vec<(String, String)>>,
    timeout: Duration,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: Arc::default(), timeout: Duration::from_secs(30), idle: Arc::default() }
    }

    /// Adds a header to every request, for instance `authorization`.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        Arc::make_mut(&mut self.headers).push((name.to_owned(), value.to_owned()));
        self
    }

    /// Limits each request, from connecting to the last byte, instead of 30 seconds.
    #[must_use]
    pub fn with_timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    pub async fn get(&self, path: &str) -> Result<Response, HttpError> {
        self.send(Request::new("GET", path)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Response, HttpError> {
        self.send(Request::new("DELETE", path)).await
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Response, HttpError> {
        self.post(path, "application/json", body.to_string().as_bytes()).await
    }

    pub async fn put_json(&self, path: &str, body: &Value) -> Result<Response, HttpError> {
        let headers = [("content-type", "application/json")];
        let body = body.to_string();
        self.send(Request { headers: &headers, body: Some(body.as_bytes()), ..Request::new("PUT", path) }).await
    }

    pub async fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Response, HttpError> {
        let headers = [("content-type", content_type)];
        self.send(Request { headers: &headers, body: Some(body), ..Request::new("POST", path) }).await
    }

    /// Sends a request on an idle connection, else on a new one.
    pub async fn send(&self, request: Request<'_>) -> Result<Response, HttpError> {
        let exchange = async {
            let mut connection = self.connection().await?;
            let response = connection.exchange(&self.with_defaults(request, &mut Vec::new())).await?;
            if connection.is_reusable() {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            Ok(response)
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(HttpError::Timeout))
    }

    /// Opens a stream of server-sent events; any answer but one is [`HttpError::Unexpected`].
    pub async fn events(&self, path: &str, headers: &[(&str, &str)]) -> Result<EventStream, HttpError> {
        let opening = async {
            let connection = Connection::open(self.address).await?;
            let request = Request { headers, ..Request::new("GET", path) };
            EventStream::open(connection, &self.with_defaults(request, &mut Vec::new())).await
        };
        tokio::time::timeout(self.timeout, opening).await.unwrap_or(Err(HttpError::Timeout))
    }

    fn with_defaults<'a>(&'a self, request: Request<'a>, all: &'a mut Vec<(&'a str, &'a str)>) -> Request<'a> {
        all.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        all.extend(request.headers);
        Request { headers: all, ..request }
    }

    async fn connection(&self) -> Result<Connection, HttpError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(connection) if connection.is_open() => return Ok(connection),
                Some(closed) => drop(closed),
                None => return Connection::open(self.address).await,
            }
        }
    }
}
