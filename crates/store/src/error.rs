//! What can go wrong in a store, sorted by what the caller should do about it.

use std::error::Error;

/// The cause below a store error, kept for logs.
pub type Source = Box<dyn Error + Send + Sync + 'static>;

/// A failed store call.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed what this write relied on, and nothing was written: load the facts again and retry.
    #[error("the stored state moved since it was read")]
    Conflict,
    /// The database cannot be reached or did not answer. After a write it is unknown whether it landed: forget everything
    /// cached, back off, reload.
    #[error("the database is not available")]
    Unavailable(#[source] Source),
    /// The database answers, but what it holds cannot be: stop and run `fsck`.
    #[error("the stored data is inconsistent")]
    Corrupt(#[source] Source),
}

impl StoreError {
    /// A [`Self::Corrupt`] with a sentence that says what does not fit.
    pub fn corrupt(what: impl Into<Source>) -> Self {
        Self::Corrupt(what.into())
    }

    /// An [`Self::Unavailable`] with its cause.
    pub fn unavailable(cause: impl Into<Source>) -> Self {
        Self::Unavailable(cause.into())
    }
}
