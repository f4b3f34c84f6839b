//! Webhooks by the Standard Webhooks convention: one signed POST per event, `webhook-id` the same on every attempt.

mod address;
mod sign;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use serde::Serialize;
use serde_json::value::RawValue;
use url::{Host, Url};
use uuid::Uuid;

use super::by_lane::publish_by_lane;
use super::{Batch, Outcome, Publishing, Sink, Why};
use crate::clock::Clock;
use crate::http_status;
use crate::record::Record;

pub use address::is_public;
pub use sign::{NotASecret, Secrets};

/// How a webhook is called.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Where to.
    pub url: Url,
    /// What signs.
    pub secrets: Secrets,
    /// Whether `http:` and private addresses are allowed: for receivers inside one's own network.
    pub allow_private: bool,
    /// From connecting to the end of the answer; receivers are expected to answer fast and work later.
    pub timeout: Duration,
    /// Calls at a time, each of another lane.
    pub lanes: usize,
}

impl WebhookSettings {
    /// The defaults: public addresses over TLS only, 15 seconds, 8 lanes.
    pub fn new(url: Url, secrets: Secrets) -> Self {
        Self { url, secrets, allow_private: false, timeout: Duration::from_secs(15), lanes: 8 }
    }
}

/// A webhook that cannot be called as configured.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Not a URL to POST to.
    #[error("a webhook's URL begins with https:// (or http:// if private addresses are allowed) and names a host")]
    Scheme,
    /// A name and password in the URL would end up in logs.
    #[error("a webhook's URL must not hold a user name or password; receivers check the signature")]
    Credentials,
    /// A private address in the URL itself.
    #[error("{0} is not a public address; allow private addresses for this destination if it is meant")]
    Private(IpAddr),
    /// TLS could not be set up.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
}

/// A webhook as a destination.
pub struct Webhook {
    settings: WebhookSettings,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: &'a str,
    event_id: Uuid,
    tenant_id: Uuid,
    store_id: Uuid,
    entity_type: &'a str,
    entity_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_key: Option<&'a str>,
    schema_version: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_job: Option<Uuid>,
    data: &'a RawValue,
}

impl Webhook {
    /// Checks the settings and prepares the connection pool; connects to nothing yet.
    pub fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, WebhookError> {
        check(&settings)?;
        let mut client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            // A proxy would resolve the name itself.
            .no_proxy()
            .connect_timeout(settings.timeout.min(Duration::from_secs(5)))
            .timeout(settings.timeout)
            .pool_max_idle_per_host(settings.lanes)
            .user_agent("stateset-relay");
        if !settings.allow_private {
            client = client.dns_resolver(Arc::new(address::PublicOnly));
        }
        let client = client.build().map_err(WebhookError::Client)?;
        Ok(Self { settings, client, clock })
    }

    async fn send(&self, record: &Record) -> Outcome {
        let body = match body(record) {
            Ok(body) => body,
            Err(fault) => {
                return Outcome::Refused(Why::new("payload", format!("the payload is no JSON: {fault}")));
            },
        };
        let id = record.event.event_id.to_string();
        let timestamp = self.clock.now().0.div_euclid(1_000_000);
        let signature = self.settings.secrets.sign(&id, timestamp, &body);
        let request = self
            .client
            .post(self.settings.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature);
        let request = match &record.event.traceparent {
            Some(traceparent) if traceparent.is_ascii() => request.header("traceparent", traceparent),
            _ => request,
        };
        match request.body(body).send().await {
            Ok(response) if response.status().is_success() => Outcome::Accepted(None),
            Ok(response) => http_status::failure(response).await,
            Err(error) => http_status::no_response(error),
        }
    }
}

fn check(settings: &WebhookSettings) -> Result<(), WebhookError> {
    let url = &settings.url;
    let scheme = url.scheme() == "https" || (settings.allow_private && url.scheme() == "http");
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
        Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
        Some(Host::Domain(_)) => None,
        None => return Err(WebhookError::Scheme),
    };
    if !scheme {
        return Err(WebhookError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(WebhookError::Credentials);
    }
    // A literal address is never resolved, so the resolver cannot refuse it.
    match address {
        Some(address) if !settings.allow_private && !is_public(address) => Err(WebhookError::Private(address)),
        _ => Ok(()),
    }
}

/// The payload goes in as written: `1.10` stays `1.10`.
fn body(record: &Record) -> Result<Vec<u8>, serde_json::Error> {
    let data: &RawValue = serde_json::from_str(&record.event.payload)?;
    serde_json::to_vec(&Body {
        r#type: &record.event.event_type,
        timestamp: &record.event.created_at,
        event_id: record.event.event_id,
        tenant_id: record.event.tenant,
        store_id: record.event.store,
        entity_type: &record.event.entity_type,
        entity_id: &record.event.entity_id,
        order_key: record.event.order_key.as_deref(),
        schema_version: record.event.schema_version,
        replay_job: record.replay_job,
        data,
    })
}

impl Sink for Webhook {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(publish_by_lane(batch, self.settings.lanes, |record| self.send(record)))
    }

    fn batch_limit(&self) -> usize {
        256
    }

    fn call_limit(&self) -> Duration {
        self.settings.timeout * 2
    }
}
