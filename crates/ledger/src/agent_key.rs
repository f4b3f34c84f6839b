//! Agent keys: who may sign, from when until when.
//!
//! A key is identified by (tenant, agent, key id) and its bytes never change, so a signature verified once stays verified;
//! what can change is whether the key may still be used, and that is judged at the moment of sequencing.

use crate::bytes::PublicKeyBytes;
use crate::id::{AgentId, KeyId, Micros, Sequence};
use crate::rejection::Cause;

/// One registered key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentKey {
    /// Whose key.
    pub agent: AgentId,
    /// Which of the agent's keys.
    pub key: KeyId,
    /// Ed25519 public key.
    pub public_key: PublicKeyBytes,
    /// First instant of validity, if bounded.
    pub valid_from: Option<Micros>,
    /// Last instant of validity, inclusive, if bounded.
    pub valid_to: Option<Micros>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Micros>,
    /// Place of the registration in the tenant's key stream.
    pub registered: Sequence,
}

/// Whether a key may sign at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It may.
    Active,
    /// Its validity begins later.
    NotYetValid,
    /// Its validity has ended.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyStatus {
    /// Lower-case name, as the API shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl AgentKey {
    /// The key's status at `at`. The order of tests is the published one: revoked, too early, too late.
    pub fn status(&self, at: Micros) -> KeyStatus {
        if self.revoked_at.is_some_and(|revoked| revoked <= at) {
            KeyStatus::Revoked
        } else if self.valid_from.is_some_and(|from| at < from) {
            KeyStatus::NotYetValid
        } else if self.valid_to.is_some_and(|to| at > to) {
            KeyStatus::Expired
        } else {
            KeyStatus::Active
        }
    }

    /// Refuses a signature made with this key at `at`, unless the key is active then.
    pub fn admit(&self, at: Micros) -> Result<(), Cause> {
        match self.status(at) {
            KeyStatus::Active => Ok(()),
            KeyStatus::NotYetValid => Err(Cause::KeyNotYetValid(self.valid_from.unwrap_or(at))),
            KeyStatus::Expired => Err(Cause::KeyExpired(self.valid_to.unwrap_or(at))),
            KeyStatus::Revoked => Err(Cause::KeyRevoked),
        }
    }
}

/// A change of the key registry. Each is an event of the tenant's key stream, applied in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// A new key.
    Register {
        /// Whose key.
        agent: AgentId,
        /// Which of the agent's keys.
        key: KeyId,
        /// Ed25519 public key.
        public_key: PublicKeyBytes,
        /// First instant of validity.
        valid_from: Option<Micros>,
        /// Last instant of validity, inclusive.
        valid_to: Option<Micros>,
    },
    /// The end of a key.
    Revoke {
        /// Whose key.
        agent: AgentId,
        /// Which of the agent's keys.
        key: KeyId,
        /// From when on it is refused.
        revoked_at: Micros,
    },
}
