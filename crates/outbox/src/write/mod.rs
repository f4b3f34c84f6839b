//! Writing events in the caller's transaction.

mod grammar;
mod resolve;
mod row;
mod strategy;

use serde::Serialize;
use sqlx::{Connection as _, Database, Transaction};
use uuid::Uuid;

use crate::draft::Draft;
use crate::engine::Engine;
use crate::outbox::Outbox;

pub use grammar::InvalidEvent;
pub(crate) use grammar::PAYLOAD_BYTES;
pub use resolve::OnConflict;
#[cfg(feature = "personal")]
pub(crate) use row::PersonalField;
pub(crate) use row::{Row, payload_hash};
pub use strategy::{Facts, IdempotencyStrategy, StrategyError};

/// Most events of one batch: 64 MiB at the default payload limit of typical sizes, and one statement.
const BATCH_EVENTS: usize = 10_000;

/// From how many events on a batch without event keys is copied on PostgreSQL.
pub(crate) const BULK_FROM: usize = 1_000;

/// Where an event is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its place; grows with time for events of one order key.
    pub log_id: i64,
    /// Its identity.
    pub event_id: Uuid,
}

/// What became of a write. A duplicate is a success: the event is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddOutcome {
    /// It is new.
    Created(Written),
    /// It was there before, with this identity; nothing was added.
    Duplicate {
        /// The first event with the key or id.
        original: Written,
    },
}

impl AddOutcome {
    /// The event that is in the log now.
    pub fn written(&self) -> Written {
        match *self {
            Self::Created(written) | Self::Duplicate { original: written } => written,
        }
    }

    /// Whether it was there before.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate { .. })
    }
}

/// Why an event was not written. But for [`WriteError::Retry`] and [`WriteError::Database`] the caller's transaction is
/// as good as before.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A part of it is not admissible.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// Its payload has no JSON.
    #[error("the payload cannot be written as JSON")]
    Payload(#[source] serde_json::Error),
    /// `created_at` has no RFC 3339 text: a year above 9999.
    #[error("created_at cannot be written as RFC 3339")]
    CreatedAt(#[source] time::error::Format),
    /// The custom strategy failed.
    #[error("the idempotency strategy failed")]
    Strategy(#[source] StrategyError),
    /// A13: the key is known with another payload.
    #[error(
        "EVENT_KEY_CONFLICT: {event_key:?} was written before, by event {original}, with another payload (SHA-256 \
         {stored_hash}, now {new_hash}); a new fact needs a new key"
    )]
    EventKeyConflict {
        /// The key.
        event_key: String,
        /// The event that has it.
        original: Uuid,
        /// Of its payload.
        stored_hash: String,
        /// Of the payload that was refused.
        new_hash: String,
    },
    /// The id is known with another payload.
    #[error(
        "EVENT_ID_CONFLICT: event {event_id} was written before with another payload (SHA-256 {stored_hash}, now {new_hash})"
    )]
    EventIdConflict {
        /// The id.
        event_id: Uuid,
        /// Of the payload in the log.
        stored_hash: String,
        /// Of the payload that was refused.
        new_hash: String,
    },
    /// Personal data could not be moved out.
    #[cfg(feature = "personal")]
    #[error(transparent)]
    Personal(#[from] crate::subject::PersonalError),
    /// More events than one batch may have.
    #[error("{0} events in one batch, more than 10,000")]
    BatchTooLarge(usize),
    /// Two transactions were in each other's way (serialization failure, deadlock, SQLite busy): roll back and do all
    /// of it again.
    #[error("the transaction must be retried")]
    Retry(#[source] sqlx::Error),
    /// The database refused or did not answer: roll back.
    #[error("the event could not be written")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        if crate::outbox::is_retryable(&error) { Self::Retry(error) } else { Self::Database(error) }
    }
}

impl<DB: Engine> Outbox<DB> {
    /// Logs an event for the record, in the caller's transaction: no destination gets it.
    ///
    /// Its key or id may be known: then nothing is added, and the first event is the answer.
    pub async fn write_event<PT: Serialize>(
        &self,
        tx: &mut Transaction<'_, DB>,
        event: impl Into<Draft<PT>>,
    ) -> Result<AddOutcome, WriteError> {
        let row = Row { deliverable: false, ..self.row(event.into())? };
        self.write_one(tx, row).await
    }

    /// Writes an event, in the caller's transaction, for every destination that has a route for it. Rolling back leaves
    /// nothing of it.
    ///
    /// Its key or id may be known: then nothing is added, the first event is the answer, and the transaction goes on.
    ///
    /// Order: events of one order key are delivered in the order in which their transactions committed, as long as
    /// those did not overlap. Lock the row of the aggregate, as for any change to it.
    pub async fn write_event_with_outbox<PT: Serialize>(
        &self,
        tx: &mut Transaction<'_, DB>,
        event: impl Into<Draft<PT>>,
    ) -> Result<AddOutcome, WriteError> {
        let row = self.row(event.into())?;
        self.write_one(tx, row).await
    }

    /// Writes up to 10,000 events, in order, as [`Self::write_event_with_outbox`] does each; all or, on an error, none.
    pub async fn write_event_batch<PT: Serialize, D: Into<Draft<PT>>>(
        &self,
        tx: &mut Transaction<'_, DB>,
        events: impl IntoIterator<Item = D>,
    ) -> Result<Vec<AddOutcome>, WriteError> {
        let rows = events.into_iter().map(|event| self.row(event.into())).collect::<Result<Vec<_>, _>>()?;
        if rows.len() > BATCH_EVENTS {
            return Err(WriteError::BatchTooLarge(rows.len()));
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        // A conflict in the middle must leave nothing of the batch, and the transaction usable.
        let mut savepoint = tx.begin().await?;
        let outcomes = self.write_rows(&mut *savepoint, rows).await?;
        savepoint.commit().await?;
        Ok(outcomes)
    }

    pub(crate) fn row<PT: Serialize>(&self, draft: Draft<PT>) -> Result<Row, WriteError> {
        let agent = draft.agent.or(self.agent);
        Row::new(Draft { agent, ..draft }, &self.strategy, self.payload_limit)
    }

    async fn write_one(&self, tx: &mut Transaction<'_, DB>, row: Row) -> Result<AddOutcome, WriteError> {
        let outcomes = self.write_rows(&mut *tx, vec![row]).await?;
        outcomes.into_iter().next().ok_or(WriteError::Database(sqlx::Error::RowNotFound))
    }

    pub(crate) async fn write_rows(
        &self,
        connection: &mut <DB as Database>::Connection,
        rows: Vec<Row>,
    ) -> Result<Vec<AddOutcome>, WriteError> {
        #[cfg(feature = "personal")]
        let rows = self.move_personal(connection, rows).await?;
        let rows = rows.as_slice();
        let fresh = DB::insert_events(connection, &self.schema, self.scope, rows, self.bulk_from).await?;
        let met = || rows.iter().zip(&fresh).filter(|(_, fresh)| fresh.is_none()).map(|(row, _)| row);
        let ids: Vec<Uuid> = met().map(|row| row.event_id).collect();
        let known = if ids.is_empty() {
            Vec::new()
        } else {
            let keys = met().filter_map(|row| row.event_key.clone()).collect();
            DB::identities(connection, &self.schema, self.scope, ids, keys).await?
        };
        let outcomes = resolve::resolve(rows, &fresh, &known, self.on_conflict)?;
        #[cfg(feature = "personal")]
        self.keep_personal(connection, rows, &fresh).await?;
        Ok(outcomes)
    }
}
