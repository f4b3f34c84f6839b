//! Everything about one event.

use sqlx::Transaction;
use uuid::Uuid;

use super::{Delivery, ReadError, Reader, json};
use crate::delivery::{LoggedEvent, read_event};
use crate::engine::Engine;
use crate::filter::EventRef;
use crate::sql::{Cells, args, statement};

/// Most attempts that are shown of one event.
const ATTEMPTS: i64 = 1_000;
/// Events that an ambiguous beginning may mean, as the error shows them.
const CANDIDATES: i64 = 5;

/// Everything about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// As it stands in the log.
    pub event: LoggedEvent,
    /// `false`: for the record only.
    pub deliverable: bool,
    /// SHA-256 of the payload when it was written, and whether that is what it is now.
    pub payload_hash: ([u8; 32], bool),
    /// What became of it at each destination, replays included.
    pub deliveries: Vec<Delivery>,
    /// Failed tries and those that ended a delivery with a row, in order.
    pub attempts: Vec<Attempt>,
    /// Evidence of acceptance.
    pub receipts: Vec<Receipt>,
    /// All dead letters it ever was, open and closed.
    pub dead_letters: Vec<super::DeadLetter>,
}

/// A try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The delivery's row.
    pub delivery_id: i64,
    /// From 1; goes on after a redrive.
    pub number: i32,
    /// Microseconds since 1970 UTC.
    pub started_at: i64,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// `accepted`, `retry`, `refused`, `rejected`.
    pub outcome: String,
    /// Class of the failure.
    pub class: Option<String>,
    /// Its text.
    pub error: Option<String>,
    /// Who tried.
    pub worker: String,
    /// Under which lease.
    pub epoch: i64,
}

/// Evidence that a destination accepted the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Name of the destination.
    pub destination: String,
    /// `sequencer`, `consumer`, `manual`.
    pub kind: String,
    /// Place of the event there.
    pub remote_sequence: Option<i64>,
    /// JSON.
    pub evidence: String,
    /// Microseconds since 1970 UTC.
    pub received_at: i64,
}

impl<DB: Engine> Reader<DB> {
    /// Everything about one event, which is named by its id or by how that begins.
    ///
    /// # Errors
    /// [`ReadError::NotFound`]; [`ReadError::Ambiguous`]; [`ReadError::Archived`].
    pub async fn inspect(&self, event: &EventRef) -> Result<Inspection, ReadError> {
        let mut tx = self.begin().await?;
        let (id, log_id, hash) = self.resolve(&mut tx, event).await?;
        let rows = self.rows(&mut tx, statement!("events"), args![json(&[log_id])?]).await?;
        let mut row = rows.into_iter().next().ok_or(ReadError::Archived(id))?;
        let event = read_event(&mut row)?;
        let deliverable = self.is_deliverable(&mut tx, log_id).await?;
        let facts = self.facts(&mut tx, &[log_id]).await?;
        let mut deliveries = facts.deliveries(&event, deliverable);
        for delivery in deliveries.iter_mut().filter(|delivery| delivery.delivery_id.is_none()) {
            let args =
                args![delivery.destination_id, delivery.shard_group, log_id, event.log_epoch, event.xid.to_string()];
            if delivery.state.will_retry() {
                continue;
            }
            let rows = self.rows(&mut tx, statement!("read_delivered_at"), args).await?;
            delivery.delivered_at = rows.into_iter().next().map_or(Ok(None), |mut row| row.opt_int())?;
        }
        let own: Vec<i64> = deliveries.iter().filter_map(|delivery| delivery.delivery_id).collect();
        let attempts = self.rows(&mut tx, statement!("read_attempts"), args![json(&own)?, ATTEMPTS]).await?;
        let name = |id: i32| facts.destinations.iter().find(|one| one.id == id).map(|one| one.name.clone());
        let receipts = facts.receipts.iter().map(|((_, destination), receipt)| Receipt {
            destination: name(*destination).unwrap_or_default(),
            kind: receipt.kind.clone(),
            remote_sequence: receipt.remote_sequence,
            evidence: receipt.evidence.clone(),
            received_at: receipt.received_at,
        });
        let mut receipts: Vec<Receipt> = receipts.collect();
        receipts.sort_by(|a, b| a.destination.cmp(&b.destination));
        let dead_letters = self.letters_of(&mut tx, log_id, &facts).await?;
        let unchanged = crate::write::payload_hash(&event.payload) == hash;
        Ok(Inspection {
            event,
            deliverable,
            payload_hash: (hash, unchanged),
            deliveries,
            attempts: attempts.into_iter().map(read_attempt).collect::<Result<_, _>>()?,
            receipts,
            dead_letters,
        })
    }

    /// The one event that is meant: its id, its place in the log, the hash of its payload.
    pub(crate) async fn resolve(
        &self,
        tx: &mut Transaction<'static, DB>,
        event: &EventRef,
    ) -> Result<(Uuid, i64, [u8; 32]), ReadError> {
        let (least, greatest) = event.range();
        let scope = self.outbox.scope;
        let args = args![scope.tenant, scope.store, least, greatest, None::<&str>, CANDIDATES];
        let rows = self.composed(tx, statement!("read_identity"), &["id"], args).await?;
        let read = |mut row: Cells| -> Result<(Uuid, i64, [u8; 32]), sqlx::Error> {
            let id = row.id()?;
            row.opt_text()?;
            let place = row.int()?;
            let hash = row.opt_bytes()?.and_then(|bytes| bytes.try_into().ok());
            Ok((id, place, hash.ok_or_else(|| crate::sql::decode("a hash has another length"))?))
        };
        let found = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        match found.as_slice() {
            [] => Err(ReadError::NotFound(format!("event {event}"))),
            [one] => Ok(*one),
            many => Err(ReadError::Ambiguous {
                prefix: event.to_string(),
                candidates: many.iter().map(|(id, ..)| *id).collect(),
            }),
        }
    }

    async fn is_deliverable(&self, tx: &mut Transaction<'static, DB>, log_id: i64) -> Result<bool, ReadError> {
        let query =
            super::Query { after: log_id - 1, before: log_id + 1, ids: Some(vec![log_id]), ..super::Query::default() };
        let found = self.fetch(tx, &query, super::Order::NewestFirst, 1).await?;
        Ok(found.into_iter().next().is_some_and(|(_, deliverable)| deliverable))
    }
}

fn read_attempt(mut row: Cells) -> Result<Attempt, sqlx::Error> {
    Ok(Attempt {
        delivery_id: row.int()?,
        number: row.int()?,
        started_at: row.int()?,
        duration_us: row.int()?,
        outcome: row.text()?,
        class: row.opt_text()?,
        error: row.opt_text()?,
        worker: row.text()?,
        epoch: row.int()?,
    })
}
