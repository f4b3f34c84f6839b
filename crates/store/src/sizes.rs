//! What the operator's instruments show of a database.

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Streams, key streams included.
    pub streams: u64,
    /// Events in all of them.
    pub events: u64,
    /// Bytes the database takes; 0 where nobody knows.
    pub bytes: u64,
}

/// The connections of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Open now.
    pub open: u32,
    /// Of these, not in use.
    pub idle: u32,
    /// Most there may be.
    pub limit: u32,
}
