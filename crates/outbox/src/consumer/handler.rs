//! What a consumer's author writes.

use sqlx::Transaction;

use super::{Incoming, Verdict};
use crate::engine::Engine;

/// Why a handler could not read or write.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Rules and effects of a consumer: read facts, decide purely, write.
///
/// Implement the two that touch the database as `async fn`.
pub trait Handler<DB: Engine>: Send + Sync {
    /// What the rules look at, such as the status of the order.
    type State: Send;

    /// Reads the state that the event is about. What does not exist yet is a state too.
    fn read(
        &self,
        tx: &mut Transaction<'static, DB>,
        event: &Incoming,
    ) -> impl Future<Output = Result<Self::State, Failure>> + Send;

    /// Whether the event may change the state now. Pure: the same arguments, the same verdict.
    fn judge(&self, state: &Self::State, event: &Incoming) -> Verdict<Self::State>;

    /// Writes the state, and everything that follows from it, in the transaction. It never commits.
    fn apply(
        &self,
        tx: &mut Transaction<'static, DB>,
        next: Self::State,
        event: &Incoming,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

impl<DB: Engine, H: Handler<DB>> Handler<DB> for std::sync::Arc<H> {
    type State = H::State;

    async fn read(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<Self::State, Failure> {
        (**self).read(tx, event).await
    }

    fn judge(&self, state: &Self::State, event: &Incoming) -> Verdict<Self::State> {
        (**self).judge(state, event)
    }

    async fn apply(
        &self,
        tx: &mut Transaction<'static, DB>,
        next: Self::State,
        event: &Incoming,
    ) -> Result<(), Failure> {
        (**self).apply(tx, next, event).await
    }
}

/// Why an event was not taken. Roll back.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The handler failed: the event, or the handler. After some tries it belongs into quarantine.
    #[error("the handler failed: {0}")]
    Handler(#[source] Failure),
    /// Two transactions were in each other's way: do all of it again.
    #[error("the transaction must be retried")]
    Retry(#[source] sqlx::Error),
    /// The database did not answer. No fault of the event's: wait and do it again.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused a statement of ours.
    #[error("the consumer's tables are not as expected; was `migrate` run by this version?")]
    Corrupt(#[source] sqlx::Error),
}

impl ConsumeError {
    /// A handler passes the database's errors on; they mean what they mean anywhere else.
    pub(super) fn of_handler(failure: Failure) -> Self {
        match failure.downcast::<sqlx::Error>() {
            Ok(error) if crate::outbox::is_retryable(&error) || is_unavailable(&error) => (*error).into(),
            Ok(error) => Self::Handler(error),
            Err(failure) => Self::Handler(failure),
        }
    }
}

impl From<sqlx::Error> for ConsumeError {
    fn from(error: sqlx::Error) -> Self {
        if crate::outbox::is_retryable(&error) {
            Self::Retry(error)
        } else if is_unavailable(&error) {
            Self::Unavailable(error)
        } else {
            Self::Corrupt(error)
        }
    }
}

fn is_unavailable(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    // 57P01 to 57P03: the server shuts down or starts; class 08: the connection; 53: it has no room.
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let passing = code.is_some_and(|code| {
        ["08", "53"].iter().any(|class| code.starts_with(class)) || ["57P01", "57P02", "57P03"].contains(&&*code)
    });
    passing
        || matches!(error, E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Protocol(_))
}
