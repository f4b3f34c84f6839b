//! Names of things: tenants, stores, events, agents, keys and places in the order.
//!
//! All ids are UUIDs and are hashed as their 16 bytes in RFC 9562 order. A [`Sequence`] starts at 1 and never
//! leaves the range of a signed 64-bit column, so that both databases can store it.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The all-zero id, used where the protocol asks for "nobody".
            pub const NIL: Self = Self(Uuid::nil());

            /// The 16 bytes that go into hash preimages.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

uuid_id!(
    /// A customer of the service; nothing of one tenant is ever visible to another.
    TenantId
);
uuid_id!(
    /// One shop of a tenant. The nil store of a tenant holds its key stream.
    StoreId
);
uuid_id!(
    /// Identity of one event, unique within its [`Scope`].
    EventId
);
uuid_id!(
    /// A program or person that signs events.
    AgentId
);
uuid_id!(
    /// One VES batch commitment.
    BatchId
);

/// The unit of order: one store of one tenant. Every key of every table starts with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// Owner of the store.
    pub tenant: TenantId,
    /// The store whose history this is.
    pub store: StoreId,
}

impl Scope {
    /// Joins a tenant and a store.
    pub const fn new(tenant: TenantId, store: StoreId) -> Self {
        Self { tenant, store }
    }

    /// The reserved stream in which a tenant's agent-key changes are logged.
    pub const fn key_stream(tenant: TenantId) -> Self {
        Self { tenant, store: StoreId::NIL }
    }

    /// Whether this is a reserved key stream, which clients may read and never push to.
    pub fn is_key_stream(&self) -> bool {
        self.store == StoreId::NIL
    }
}

/// Largest sequence number: both databases keep it in a signed 64-bit column.
pub const MAX_SEQUENCE: u64 = i64::MAX as u64;

/// A place in a stream's gapless order, from 1 to [`MAX_SEQUENCE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Sequence(u64);

/// A number that is no sequence number: zero, or beyond [`MAX_SEQUENCE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a sequence number; they run from 1 to {MAX_SEQUENCE}")]
pub struct NotASequence(pub u64);

impl Sequence {
    /// The first place of every stream.
    pub const FIRST: Self = Self(1);

    /// Validates `value`.
    pub const fn new(value: u64) -> Result<Self, NotASequence> {
        if value == 0 || value > MAX_SEQUENCE { Err(NotASequence(value)) } else { Ok(Self(value)) }
    }

    /// The place of the leaf with this zero-based index in the stream's tree.
    pub const fn from_index(index: u64) -> Result<Self, NotASequence> {
        Self::new(index.wrapping_add(1))
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Zero-based index of this event's leaf in the stream's tree.
    pub const fn index(self) -> u64 {
        self.0 - 1
    }
}

impl TryFrom<u64> for Sequence {
    type Error = NotASequence;

    fn try_from(value: u64) -> Result<Self, NotASequence> {
        Self::new(value)
    }
}

impl From<Sequence> for u64 {
    fn from(value: Sequence) -> Self {
        value.0
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of an agent's key within (tenant, agent), or of the sequencer's own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u32);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Microseconds since 1970-01-01T00:00:00Z. Both databases store time this way, so that they agree to the digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// The instant as RFC 3339 text in UTC with six fraction digits, `2026-01-02T03:04:05.000006Z`.
    pub fn to_rfc3339(self) -> String {
        crate::clock::format_micros(self)
    }
}
