//! Why one event of a batch was not sequenced. A rejection never consumes a sequence number and never harms its batch.

use std::fmt;

use crate::id::Micros;

/// The cause, with what a client needs to repair it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A member is missing, of the wrong type, too long, or otherwise not as the envelope demands.
    Field {
        /// Name of the member.
        field: String,
        /// What is wrong and what would be right.
        fault: String,
    },
    /// A required member is absent or null.
    Missing(&'static str),
    /// The envelope is no JSON object of the right shape at all.
    Malformed(String),
    /// `ves_version` is not one this log takes.
    UnsupportedVersion(u32),
    /// A signature scheme other than Ed25519.
    UnsupportedScheme(u32),
    /// The event names another tenant or store than its batch.
    ScopeMismatch,
    /// The event names another agent than its batch.
    AgentMismatch,
    /// The payload is larger than allowed.
    PayloadTooLarge {
        /// Size received, in bytes.
        bytes: usize,
        /// Size allowed, in bytes.
        limit: usize,
    },
    /// The stated payload hash is not the hash of the payload; holds the hash that was computed.
    PayloadHash(String),
    /// The stated cipher hash does not follow from the encrypted payload; holds the hash that was computed.
    CipherHash(String),
    /// No key with this id is registered for the agent.
    KeyUnknown,
    /// The key's validity begins later.
    KeyNotYetValid(Micros),
    /// The key's validity has ended.
    KeyExpired(Micros),
    /// The key was revoked.
    KeyRevoked,
    /// The signature does not verify.
    Signature,
    /// An event with this id and other content is already in the log.
    EventIdConflict,
    /// `base_version` is not the entity's version.
    VersionConflict {
        /// What the event expected.
        expected: u64,
        /// What the entity is at.
        actual: u64,
    },
    /// The scope takes signed events only.
    UnsignedRefused,
    /// `created_at` is further ahead than the scope allows.
    TooFarInFuture {
        /// Distance, in milliseconds.
        ahead_ms: i64,
    },
    /// The payload does not keep the schema that is registered for its type; says where.
    Schema(String),
    /// No schema is registered for the type, and the tenant takes no event without one.
    SchemaNotFound(String),
}

impl Cause {
    /// A fault of one named member.
    pub fn field(field: impl Into<String>, fault: impl Into<String>) -> Self {
        Self::Field { field: field.into(), fault: fault.into() }
    }

    /// Stable code, upper snake case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Field { .. } => "INVALID_FIELD_VALUE",
            Self::Missing(_) => "MISSING_REQUIRED_FIELD",
            Self::Malformed(_) => "INVALID_ENVELOPE",
            Self::UnsupportedVersion(_) => "UNSUPPORTED_VERSION",
            Self::UnsupportedScheme(_) => "UNSUPPORTED_SIGNATURE_SCHEME",
            Self::ScopeMismatch => "SCOPE_MISMATCH",
            Self::AgentMismatch => "AGENT_MISMATCH",
            Self::PayloadTooLarge { .. } => "PAYLOAD_TOO_LARGE",
            Self::PayloadHash(_) => "INVALID_PAYLOAD_HASH",
            Self::CipherHash(_) => "INVALID_CIPHER_HASH",
            Self::KeyUnknown => "AGENT_KEY_NOT_FOUND",
            Self::KeyNotYetValid(_) => "AGENT_KEY_NOT_YET_VALID",
            Self::KeyExpired(_) => "AGENT_KEY_EXPIRED",
            Self::KeyRevoked => "AGENT_KEY_REVOKED",
            Self::Signature => "SIGNATURE_VERIFICATION_FAILED",
            Self::EventIdConflict => "EVENT_ID_CONFLICT",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::UnsignedRefused => "UNSIGNED_REFUSED",
            Self::TooFarInFuture { .. } => "CREATED_AT_IN_FUTURE",
            Self::Schema(_) => "SCHEMA_VALIDATION_FAILED",
            Self::SchemaNotFound(_) => "SCHEMA_NOT_FOUND",
        }
    }

    /// The reason as published clients know it, lower case.
    pub fn reason(&self) -> String {
        match self {
            Self::Field { field, .. } => format!("schema_validation: {field}"),
            Self::Missing(field) => format!("schema_validation: {field}"),
            Self::Malformed(_) | Self::Schema(_) | Self::SchemaNotFound(_) => "schema_validation".to_owned(),
            Self::UnsupportedVersion(_) => "unsupported_version".to_owned(),
            Self::UnsupportedScheme(_) => "unsupported_signature_scheme".to_owned(),
            Self::ScopeMismatch => "schema_validation: tenant_id/store_id".to_owned(),
            Self::AgentMismatch => "schema_validation: source_agent_id".to_owned(),
            Self::PayloadTooLarge { .. } => "payload_too_large".to_owned(),
            Self::PayloadHash(_) => "invalid_payload_hash".to_owned(),
            Self::CipherHash(_) => "invalid_cipher_hash".to_owned(),
            Self::KeyUnknown => "agent_key_invalid: not found".to_owned(),
            Self::KeyNotYetValid(_) => "agent_key_invalid: not yet valid".to_owned(),
            Self::KeyExpired(_) => "agent_key_invalid: expired".to_owned(),
            Self::KeyRevoked => "agent_key_invalid: revoked".to_owned(),
            Self::Signature => "invalid_signature".to_owned(),
            Self::EventIdConflict => "duplicate_event_id".to_owned(),
            Self::VersionConflict { expected, actual } => {
                format!("version_conflict: expected {expected}, actual {actual}")
            },
            Self::UnsignedRefused => "unsigned_refused".to_owned(),
            Self::TooFarInFuture { .. } => "schema_validation: created_at".to_owned(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { field, fault } => write!(f, "{field}: {fault}"),
            Self::Missing(field) => write!(f, "{field} is required and is missing or null"),
            Self::Malformed(fault) => write!(f, "not an event envelope: {fault}"),
            Self::UnsupportedVersion(found) => {
                write!(f, "ves_version {found} is not supported; send 1 or 2")
            },
            Self::UnsupportedScheme(found) => {
                write!(f, "signature scheme {found} is not supported; sign with Ed25519 (scheme 1)")
            },
            Self::ScopeMismatch => {
                f.write_str("tenant_id and store_id differ from those of the batch; a batch belongs to one store")
            },
            Self::AgentMismatch => f.write_str("the event's agent is not the agent of the batch"),
            Self::PayloadTooLarge { bytes, limit } => {
                write!(f, "the payload has {bytes} bytes; {limit} are allowed")
            },
            Self::PayloadHash(computed) => write!(
                f,
                "the stated payload hash is not the hash of this payload, which is {computed}; hash its RFC 8785 form"
            ),
            Self::CipherHash(computed) => write!(
                f,
                "payload_cipher_hash does not follow from payload_encrypted, for which {computed} was computed"
            ),
            Self::KeyUnknown => {
                f.write_str("no such key is registered for this agent; register it with POST /api/v1/agents/keys")
            },
            Self::KeyNotYetValid(from) => write!(f, "the agent key is valid from {}", from.to_rfc3339()),
            Self::KeyExpired(to) => write!(f, "the agent key was valid until {}", to.to_rfc3339()),
            Self::KeyRevoked => f.write_str("the agent key was revoked; sign with another key"),
            Self::Signature => {
                f.write_str("agent_signature does not verify over the event signing hash under the registered key")
            },
            Self::EventIdConflict => {
                f.write_str("this event id is in the log with other content; a changed event needs a new event_id")
            },
            Self::VersionConflict { expected, actual } => write!(
                f,
                "base_version {expected} is not the entity's version {actual}; read the entity and decide again"
            ),
            Self::UnsignedRefused => f.write_str("this store takes signed events only"),
            Self::TooFarInFuture { ahead_ms } => {
                write!(f, "created_at is {ahead_ms} ms ahead of the server's clock; check the client's clock")
            },
            Self::Schema(faults) => write!(f, "the payload does not keep its schema: {faults}"),
            Self::SchemaNotFound(event_type) => {
                write!(f, "no schema is registered for {event_type}, and no event is taken without one")
            },
        }
    }
}
