//! What only the operator's tools ask of a database.
//!
//! Nothing here is in the way of an event. Every verb but one only reads; [`Maintenance::replace_segment`] is the one statement anywhere that rewrites something an event is made of: its
//! ciphertext.

use stateset_ledger::id::{AgentId, Micros, Sequence, TenantId};
use stateset_ledger::stream::StreamTile;

use crate::append::PayloadSegment;
use crate::contract::{Found, Store};
use crate::head_log::{Checkpoint, LogState};
use crate::stream::{StreamNo, StreamRow};

/// A stream with the stored form of its compact range, which is for the caller to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawHead {
    /// The row.
    pub row: StreamRow,
    /// Nodes of 32 bytes.
    pub frontier: Vec<u8>,
}

/// How much is sealed under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Whose payloads.
    pub tenant: TenantId,
    /// Which key; `None`: stored in the clear.
    pub key_id: Option<[u8; 8]>,
    /// Segments sealed under it.
    pub segments: u64,
    /// Events in them.
    pub events: u64,
}

/// What the engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineFacts {
    /// Name and version.
    pub version: String,
    /// Its clock.
    pub now: Micros,
    /// Whether a commit is on disk when it is answered: settings as the engine names them.
    pub durability: String,
}

/// The newest logged head of a stream, as a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedHead {
    /// Which stream.
    pub stream: StreamNo,
    /// Size that was logged.
    pub size: u64,
    /// Index of its record.
    pub log_index: u64,
}

/// The verbs.
pub trait Maintenance: Store {
    /// Migrations this program has.
    fn own_migrations(&self) -> Vec<i64>;

    /// Migrations the database has; none if it is empty.
    fn applied_migrations(&self) -> Found<'_, Vec<i64>>;

    /// Version, clock, durability.
    fn engine_facts(&self) -> Found<'_, EngineFacts>;

    /// Streams behind number `after`, in order of their numbers, at most `limit`.
    fn all_streams(&self, after: StreamNo, limit: u32) -> Found<'_, Vec<RawHead>>;

    /// Payload segments of a stream that start at or behind `from`, in order, at most `limit`.
    fn segments(&self, stream: StreamNo, from: Sequence, limit: u32) -> Found<'_, Vec<PayloadSegment>>;

    /// Puts `new` in the place of `old` if `old` is still what is stored; whether it was. Both cover the same events.
    fn replace_segment<'a>(
        &'a self,
        stream: StreamNo,
        old: &'a PayloadSegment,
        new: &'a PayloadSegment,
    ) -> Found<'a, bool>;

    /// How much is sealed under which key, by tenant.
    fn key_uses(&self) -> Found<'_, Vec<KeyUse>>;

    /// Stored tiles of one level, from index `from` on, in order, at most `limit`.
    fn tiles(&self, stream: StreamNo, level: u8, from: u64, limit: u32) -> Found<'_, Vec<StreamTile>>;

    /// Positions of a stream's pullers.
    fn cursors(&self, stream: StreamNo) -> Found<'_, Vec<(AgentId, u64)>>;

    /// Where the head log stands; `None` before there is one. Creates nothing.
    fn head_log(&self) -> Found<'_, Option<LogState>>;

    /// Checkpoints of more than `after` entries, in order, at most `limit`.
    fn checkpoints(&self, after: u64, limit: u32) -> Found<'_, Vec<Checkpoint>>;

    /// Logged heads of streams behind number `after`, at most `limit`.
    fn logged_heads(&self, after: StreamNo, limit: u32) -> Found<'_, Vec<LoggedHead>>;

    /// For each table that holds rows no stream or log can have: its name and how many, of one snapshot.
    fn strays(&self) -> Found<'_, Vec<(String, u64)>>;
}
