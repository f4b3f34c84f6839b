//! From a request to its events: one transaction, once.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::{Map, json};
use sqlx::Transaction;
use stateset_outbox::{EventId, OnConflict, Outbox, Receipt, WriteError};

use crate::connector::{Connector, Reading, Refused, Request, Says, Unreadable};
use crate::plan::plan;
use crate::stats::Stats;
use crate::tables::{Place, Tables};

/// How often a transaction is done again that was in another one's way.
const TRIES: u32 = 5;

/// Takes the requests of one kind of shop into one outbox.
pub struct Intake<DB: Tables, C> {
    outbox: Outbox<DB>,
    connector: Arc<C>,
    stats: Stats,
}

/// What became of a request. All of it is a success: the shop need not send it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// These events were written; none, if the shop said what was known.
    Written(Vec<EventId>),
    /// It was taken before.
    Duplicate,
    /// Something newer about the same thing was taken before.
    Stale,
    /// Its topic is not understood, or it says nothing that is kept.
    Ignored,
}

/// Why a request was not taken; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It is not genuine, or not complete.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It is genuine and means nothing.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// An event could not be written: its limits, or master keys that are missing.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The database does not answer, or refused. Sent again, the request may be taken.
    #[error("the database")]
    Database(#[from] sqlx::Error),
    /// A transaction was in another one's way each time. Sent again, the request may be taken.
    #[error("too many requests about the same thing at once")]
    Busy,
}

impl<DB: Tables, C: Connector> Intake<DB, C> {
    /// Of `connector` into `outbox`. The tables must be there: [`crate::migrate`].
    pub fn new(outbox: Outbox<DB>, connector: C) -> Self {
        // A request that is sent again after the inbox forgot it has the same event keys; what was first stays.
        let outbox = outbox.with_on_conflict(OnConflict::FirstWins);
        Self { outbox, connector: Arc::new(connector), stats: Stats::default() }
    }

    /// The kind of shop.
    pub fn connector(&self) -> &C {
        &self.connector
    }

    /// What came so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Takes one request: its headers, and its body byte for byte.
    pub async fn take(&self, headers: &HeaderMap, body: &[u8]) -> Result<Taken, TakeError> {
        let request = self.connector.admit(headers, body);
        let topic = request.as_ref().ok().map(|request| request.topic.clone());
        let taken = match request {
            Ok(request) => self.take_genuine(&request, body).await,
            Err(refused) => Err(refused.into()),
        };
        let outcome = match &taken {
            Ok(Taken::Written(_)) => "written",
            Ok(Taken::Duplicate) => "duplicate",
            Ok(Taken::Stale) => "stale",
            Ok(Taken::Ignored) => "ignored",
            Err(TakeError::Refused(_)) => "refused",
            Err(TakeError::Unreadable(_)) => "unreadable",
            Err(TakeError::Write(_) | TakeError::Database(_) | TakeError::Busy) => "failed",
        };
        self.stats.count(self.connector.topics(), topic.as_deref(), outcome);
        taken
    }

    async fn take_genuine(&self, request: &Request, body: &[u8]) -> Result<Taken, TakeError> {
        let Some(reading) = self.connector.read(request, body)? else { return Ok(Taken::Ignored) };
        let name = self.connector.name();
        for _ in 0..TRIES {
            let mut tx = match self.outbox.begin().await {
                Ok(tx) => tx,
                Err(fault) => match WriteError::from(fault) {
                    WriteError::Database(fault) => return Err(fault.into()),
                    _ => continue,
                },
            };
            match take_once(&self.outbox, &mut tx, name, request, &reading).await {
                Ok(taken) => {
                    self.outbox.commit(tx).await?;
                    return Ok(taken);
                },
                Err(TakeError::Write(WriteError::Retry(_))) => {},
                Err(other) => return Err(other),
            }
        }
        Err(TakeError::Busy)
    }
}

/// Inbox, what is known, what follows, all in the caller's transaction.
async fn take_once<DB: Tables>(
    outbox: &Outbox<DB>,
    tx: &mut Transaction<'_, DB>,
    connector: &str,
    request: &Request,
    reading: &Reading,
) -> Result<Taken, TakeError> {
    let inbox = format!("connector:{connector}");
    let receipt = outbox.receive(tx, &inbox, request.uuid(connector)).await.map_err(WriteError::from)?;
    if receipt == Receipt::Seen {
        return Ok(Taken::Duplicate);
    }
    // One request's events belong together.
    let correlation = format!("{connector}:{}", request.id);
    write_reading(outbox, tx, &Origin { connector, request, correlation }, reading).await
}

/// Where a reading came from.
pub(crate) struct Origin<'a> {
    pub(crate) connector: &'a str,
    pub(crate) request: &'a Request,
    pub(crate) correlation: String,
}

/// What is known, what follows, in the caller's transaction.
pub(crate) async fn write_reading<DB: Tables>(
    outbox: &Outbox<DB>,
    tx: &mut Transaction<'_, DB>,
    origin: &Origin<'_>,
    reading: &Reading,
) -> Result<Taken, TakeError> {
    let (connector, request, resource) = (origin.connector, origin.request, &reading.resource);
    let place = Place { scope: outbox.scope(), connector, shop: &request.shop, kind: resource.kind, id: &resource.id };
    let mut known = DB::lock(tx, place).await.map_err(WriteError::from)?;
    if let Says::Stock { item, .. } = &reading.says {
        known.label = DB::label(tx, place, item).await.map_err(WriteError::from)?;
    }
    let Some(plan) = plan(connector, request, reading, &known).map_err(WriteError::Payload)? else {
        return Ok(Taken::Stale);
    };
    for (item, label) in &reading.labels {
        DB::set_label(tx, place, item, label).await.map_err(WriteError::from)?;
    }
    DB::set(tx, place, resource.at.unix_micros(), plan.amount.or(known.amount)).await.map_err(WriteError::from)?;
    let mut written = Vec::with_capacity(plan.drafts.len());
    for draft in plan.drafts {
        let draft = draft.metadata(origin.metadata()).correlation_id(origin.correlation.as_str());
        let outcome = outbox.write_event_with_outbox(tx, draft).await?;
        written.push(EventId(outcome.written().event_id));
    }
    Ok(Taken::Written(written))
}

impl Origin<'_> {
    /// For people; unsigned.
    fn metadata(&self) -> Map<String, serde_json::Value> {
        let origin = json!({
            "connector": self.connector,
            "topic": self.request.topic,
            "shop": self.request.shop,
            "webhook_id": self.request.id,
            "api_version": self.request.api_version,
            "triggered_at": self.request.triggered_at,
        });
        [("origin".to_owned(), origin)].into_iter().collect()
    }
}
