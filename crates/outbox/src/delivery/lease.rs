//! The right of one worker to move one shard group of one destination.

use super::Advance;

/// A lease that was acquired. Its epoch fences every write made under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The destination's number.
    pub destination: i32,
    /// Which of its shard groups.
    pub shard_group: u16,
    /// First and last shard of the group.
    pub shards: (u8, u8),
    /// Grows with every change of owner.
    pub epoch: i64,
    /// Name of the worker that holds it.
    pub owner: String,
}

/// A sign of life for one lease.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The lease to extend.
    pub lease: Lease,
    /// The chunk that is being published right now, as it will be settled.
    pub in_flight: Option<Advance>,
}
