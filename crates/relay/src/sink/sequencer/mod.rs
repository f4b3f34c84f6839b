//! The sequencer as a destination: signed pushes in batches, receipts checked and kept as evidence.
//!
//! A reply that is lost costs nothing: the same bytes are pushed again, and the sequencer answers with the same places.

mod envelope;
mod reply;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use serde::Serialize;
use serde_json::value::RawValue;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::{AgentId, Scope};
use stateset_ledger::signature::{NotAKey, PublicKey, SeedSigner, Signer};
use url::Url;
use uuid::Uuid;

use super::{Batch, Outcome, Publishing, Sink, Why};
use crate::http_status;
use crate::record::Record;
use crate::secret::Secret;

pub use envelope::{Envelope, SigningAgent};
pub use reply::{Pushed, Rejection, Reply, SequencerKeys};

/// Events of one request: the sequencer's own default limit.
const BATCH_EVENTS: usize = 1_000;
/// Bytes of events in one request, well below the sequencer's default of 10 MiB.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Longest reply that is read: 1000 receipts are less than 1 MiB.
const REPLY_BYTES: usize = 16 * 1024 * 1024;

/// How the sequencer is reached.
#[derive(Clone)]
pub struct SequencerSettings {
    /// `http://` or `https://`, host and port.
    pub url: Url,
    /// `ApiKey` credential.
    pub api_key: Secret,
    /// Who signs.
    pub agent: SigningAgent,
    /// Which receipts are believed.
    pub keys: SequencerKeys,
    /// For one request.
    pub timeout: Duration,
}

impl SequencerSettings {
    /// The settings from plain bytes: the agent's seeds and the sequencer's public keys, each by its number, 32 bytes each.
    /// A request may take 30 seconds.
    pub fn new(
        url: Url,
        api_key: impl Into<String>,
        agent: Uuid,
        seeds: impl IntoIterator<Item = (u32, [u8; 32])>,
        sequencer_keys: impl IntoIterator<Item = (u32, [u8; 32])>,
    ) -> Result<Self, SequencerError> {
        let signer = |(number, seed): (u32, [u8; 32])| (number, Arc::new(SeedSigner::new(&seed)) as Arc<dyn Signer>);
        let key = |(number, bytes): (u32, [u8; 32])| {
            let key = PublicKey::new(&PublicKeyBytes(bytes));
            key.map(|key| (number, key)).map_err(|source| SequencerError::Key { number, source })
        };
        Ok(Self {
            url,
            api_key: Secret::new(api_key.into()),
            agent: SigningAgent { id: AgentId(agent), keys: seeds.into_iter().map(signer).collect() },
            keys: sequencer_keys.into_iter().map(key).collect::<Result<_, _>>()?,
            timeout: Duration::from_secs(30),
        })
    }
}

/// The sequencer as a destination.
pub struct Sequencer {
    settings: SequencerSettings,
    ingest: Url,
    client: reqwest::Client,
}

/// A sequencer that cannot be reached as configured.
#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    /// Not a base URL.
    #[error("the sequencer's URL is like https://sequencer.example:8080")]
    Url,
    /// A public key of the sequencer's.
    #[error("the sequencer's key {number} is no public key")]
    Key {
        /// Its number.
        number: u32,
        /// What is wrong with it.
        #[source]
        source: NotAKey,
    },
    /// TLS could not be set up.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Push<'a> {
    agent_id: Uuid,
    events: &'a [Box<RawValue>],
}

/// A request in the making.
#[derive(Default)]
struct Request {
    /// Positions in the batch.
    indices: Vec<usize>,
    events: Vec<Box<RawValue>>,
    pushed: Vec<Pushed>,
    bytes: usize,
}

impl Sequencer {
    /// Prepares the connection pool; connects to nothing yet.
    pub fn new(settings: SequencerSettings) -> Result<Self, SequencerError> {
        let ingest = settings.url.join("/api/v1/ves/events/ingest").map_err(|_| SequencerError::Url)?;
        if !matches!(ingest.scheme(), "http" | "https") {
            return Err(SequencerError::Url);
        }
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.timeout.min(Duration::from_secs(5)))
            .timeout(settings.timeout)
            .user_agent("stateset-relay")
            .build()
            .map_err(SequencerError::Client)?;
        Ok(Self { settings, ingest, client })
    }

    async fn publish_all(&self, batch: Batch<'_>) -> Vec<Outcome> {
        let records = batch.records;
        let mut outcomes = vec![Outcome::NotTried; records.len()];
        let mut by_scope: HashMap<Scope, Vec<usize>> = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            by_scope.entry(record.scope()).or_default().push(index);
        }
        for (scope, indices) in by_scope {
            if !batch.holds() || !self.publish_scope(scope, records, &indices, &mut outcomes).await {
                break;
            }
        }
        outcomes
    }

    /// One store's events, request after request. `false`: the destination is down, nothing further is worth trying.
    async fn publish_scope(
        &self,
        scope: Scope,
        records: &[Record],
        indices: &[usize],
        outcomes: &mut [Outcome],
    ) -> bool {
        let mut request = Request::default();
        let mut stuck = HashSet::new();
        for (position, index) in indices.iter().enumerate() {
            let Some((record, outcome)) = records.get(*index).zip(outcomes.get_mut(*index)) else { continue };
            if stuck.contains(&record.lane()) {
                continue;
            }
            match self.settings.agent.envelope(record, None) {
                Ok(envelope) => {
                    request.bytes += envelope.json.get().len();
                    request.indices.push(*index);
                    request.events.push(envelope.json);
                    let content_hash = envelope.content_hash;
                    request.pushed.push(Pushed { event_id: record.event.event_id, content_hash });
                },
                Err(why) => {
                    stuck.insert(record.lane());
                    *outcome = Outcome::Refused(why);
                },
            }
            let full = request.events.len() >= BATCH_EVENTS || request.bytes >= BATCH_BYTES;
            let last = position + 1 == indices.len();
            if (full || last) && !request.events.is_empty() {
                let sent = std::mem::take(&mut request);
                if !self.push(scope, sent, outcomes).await {
                    return false;
                }
            }
        }
        // The last record may have been refused here, with others waiting to be sent.
        request.events.is_empty() || self.push(scope, request, outcomes).await
    }

    async fn push(&self, scope: Scope, request: Request, outcomes: &mut [Outcome]) -> bool {
        let answers = self.request(scope, &request).await;
        let mut goes_on = true;
        for (index, answer) in request.indices.iter().zip(answers) {
            goes_on &= !matches!(answer, Outcome::Unavailable(_) | Outcome::Retry { .. });
            if let Some(place) = outcomes.get_mut(*index) {
                *place = answer;
            }
        }
        goes_on
    }

    async fn request(&self, scope: Scope, request: &Request) -> Vec<Outcome> {
        let all = |outcome: Outcome| vec![outcome; request.pushed.len()];
        let body = Push { agent_id: self.settings.agent.id.0, events: &request.events };
        let body = match serde_json::to_vec(&body) {
            Ok(body) => body,
            Err(fault) => return all(Outcome::Refused(Why::new("payload", fault.to_string()))),
        };
        let sent = self
            .client
            .post(self.ingest.clone())
            .header("authorization", format!("ApiKey {}", self.settings.api_key.reveal_text()))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await;
        let response = match sent {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => return all(http_status::failure(response).await),
            Err(error) => return all(http_status::no_response(error)),
        };
        match read(response).await {
            Ok(reply) => reply.outcomes(scope, &request.pushed, &self.settings.keys),
            Err(outcome) => all(outcome),
        }
    }
}

/// A reply that breaks off is a lost reply: the same push again gives the same receipts.
async fn read(mut response: reqwest::Response) -> Result<Reply, Outcome> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(http_status::no_response)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > REPLY_BYTES {
            return Err(Outcome::Unavailable(Why::new("reply_too_long", "the reply is longer than 16 MiB")));
        }
    }
    serde_json::from_slice(&bytes).map_err(|fault| {
        Outcome::Unavailable(Why::new("reply_unreadable", format!("the reply is not a sequencer's: {fault}")))
    })
}

impl Sink for Sequencer {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(self.publish_all(batch))
    }

    fn unmapped(&self, record: &Record) -> Option<Why> {
        self.settings.agent.unmapped(record)
    }

    fn batch_limit(&self) -> usize {
        BATCH_EVENTS
    }

    fn call_limit(&self) -> Duration {
        self.settings.timeout * 2
    }
}
