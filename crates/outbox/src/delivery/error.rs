//! What can go wrong with delivery, by what a worker does about it.

use super::LogFault;

/// Why a verb was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Another worker has the shard group. Drop everything in hand and publish nothing more of it.
    #[error("the lease of the shard group was lost")]
    LeaseLost,
    /// What the plan was made from has changed. Read again, plan again.
    #[error("the delivery changed in the meantime")]
    Conflict,
    /// What was asked for contradicts what the database holds.
    #[error("{0}")]
    Mismatch(String),
    /// The cursors must not run on this log.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// The database does not answer, or not in time. It may have happened; back off and read again.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The database answers what cannot be. Stop.
    #[error("the outbox tables are not as expected; was `migrate` run by this version?")]
    Corrupt(#[source] sqlx::Error),
}
