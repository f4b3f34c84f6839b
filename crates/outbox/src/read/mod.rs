//! Looking at an outbox: its events, what became of them, what waits.
//!
//! [`Reader`] answers what people and their tools ask, in the words of one [`Filter`](crate::filter::Filter). It opens transactions that only
//! read, so it never makes a writer wait and works on a SQLite file that was opened for reading, or on a standby.
//!
//! Statements fetch facts; what they mean (the state of a delivery, which way a filter takes) is decided by pure
//! functions. Deliberately absent: any change, and any word for people; both are elsewhere.

mod candidates;
mod course;
mod derive;
mod diagnose;
mod facts;
mod inspect;
mod keys;
mod letters;
mod list;
mod query;
mod queues;
mod state;
mod stats;
mod timeline;
mod walk;
mod way;

use sqlx::Transaction;

use crate::delivery::DeliveryError;
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{self, Arg, Cells, Statement};

pub use derive::Delivery;
pub(crate) use derive::group;

pub use diagnose::Diagnostics;
pub(crate) use facts::Facts;
pub use inspect::{Attempt, Inspection, Receipt};
pub use keys::{KeyPage, KeySearch, KeySummary};
pub use letters::{DeadLetter, LetterFilter, LetterGroup, LetterPage};
pub use list::{Item, Order, Page, PageRequest};
pub(crate) use query::Query;
pub use queues::{DestinationStatus, LaneDepth};
pub use state::{EntityState, LastEvent, STATE_EVENTS};
pub use stats::{Stats, TypeStats};
pub use timeline::TimelineEntry;

/// Up to here totals are exact.
pub const COUNTED: i64 = 10_000;
/// Most events of one page.
pub const PAGE: u16 = 1_000;
/// Most events that are looked at one by one for a page whose filter no index answers.
pub const LOOKED_AT: i64 = 10_000;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such thing.
    #[error("NOT_FOUND: there is no {0}")]
    NotFound(String),
    /// The event is known and no longer in the log.
    #[error("ARCHIVED: event {0} was archived; its identity is kept, its payload is in the archive")]
    Archived(uuid::Uuid),
    /// Several events begin like that.
    #[error("AMBIGUOUS_EVENT_ID: {prefix} begins the ids of {} and others; give more digits", .candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// The first events it may mean.
        candidates: Vec<uuid::Uuid>,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] DeliveryError),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Answers questions about one scope of an outbox. Cheap to clone.
pub struct Reader<DB: Engine> {
    pub(crate) outbox: Outbox<DB>,
}

impl<DB: Engine> Clone for Reader<DB> {
    fn clone(&self) -> Self {
        Self { outbox: self.outbox.clone() }
    }
}

impl<DB: Engine> Outbox<DB> {
    /// What answers questions about the events of this handle's scope.
    pub fn reader(&self) -> Reader<DB> {
        Reader { outbox: self.clone() }
    }
}

impl<DB: Engine> Reader<DB> {
    /// One answer is read in one such transaction, so that it does not contradict itself.
    async fn begin(&self) -> Result<Transaction<'static, DB>, ReadError> {
        Ok(self.outbox.begin_read().await?)
    }

    async fn rows(
        &self,
        tx: &mut Transaction<'static, DB>,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<Vec<Cells>, ReadError> {
        Ok(sql::fetch::<DB>(tx, &self.outbox.schema, statement, args).await?)
    }

    async fn composed(
        &self,
        tx: &mut Transaction<'static, DB>,
        statement: Statement,
        on: &[&str],
        args: Vec<Arg>,
    ) -> Result<Vec<Cells>, ReadError> {
        Ok(sql::fetch_composed::<DB>(tx, &self.outbox.schema, statement, on, args).await?)
    }
}

/// A list as the statements take it.
fn json<T: serde::Serialize>(list: &[T]) -> Result<String, ReadError> {
    serde_json::to_string(list).map_err(|error| sqlx::Error::Decode(error.into()).into())
}
