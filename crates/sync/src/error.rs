//! What can go wrong, by what a caller can do about it.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};
use stateset_api::exit::Exit;
use stateset_outbox::WriteError;
use uuid::Uuid;

use crate::conflict::Unmergeable;
use crate::history::Fork;
use crate::remote::RemoteError;
use crate::state::Impossible;

/// To the sequencer, or from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Own events out.
    Push,
    /// Everybody's events in.
    Pull,
}

impl Direction {
    /// As in SQL and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
        }
    }
}

/// Why a signature of this agent was not believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureFault {
    /// The event.
    pub event_id: Uuid,
    /// The key it was signed with.
    pub key_id: u32,
    /// The public key of that number here.
    pub local_public_key: String,
    /// The public key of that number at the sequencer; left out if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_public_key: Option<String>,
    /// The hash that was signed here.
    pub signed_hash: String,
    /// What most likely happened, and what to do.
    pub likely_cause: String,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The database is no agent's yet.
    #[error("{path} belongs to no agent yet: run `sync init`", path = .0.display())]
    NotInitialised(PathBuf),
    /// The database is another agent's, or another sequencer's.
    #[error("this database is already {what} {known}; for {wanted} use another database")]
    AlreadyInitialised {
        /// What differs.
        what: &'static str,
        /// As it is.
        known: String,
        /// As it was asked for.
        wanted: String,
    },
    /// An option that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The file could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The local database failed.
    #[error("the local database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A row of the local database is not one that this program wrote.
    #[error("the local database holds something this version cannot read: {0}")]
    Unreadable(String),
    /// The event was not written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The sequencer did not do what it was asked.
    #[error("EVENT_SYNC_FAILED: {0}")]
    Remote(#[from] RemoteError),
    /// The sequencer does not believe the agent's signature.
    #[error(
        "EVENT_SIGNATURE_INVALID: the sequencer does not accept the signature of event {event}, made with key {key} over \
         hash {hash}: {cause}",
        event = .0.event_id, key = .0.key_id, hash = .0.signed_hash, cause = .0.likely_cause
    )]
    Signature(Box<SignatureFault>),
    /// The sequencer tells another history than before.
    #[error("SYNC_HISTORY_FORKED: {0}")]
    Forked(Box<Fork>),
    /// The sequencer signs with a key that is not trusted.
    #[error(
        "SEQUENCER_KEY_UNKNOWN: the sequencer signs with its key {version}, which is not trusted here; compare it with its \
         operator, then run `sync init --sequencer-key {version}:<hex>`"
    )]
    SequencerKey {
        /// Its number.
        version: u32,
    },
    /// The sequencer's signature on something does not verify.
    #[error("SEQUENCER_SIGNATURE_INVALID: the sequencer's signature on {what} does not verify under its key {version}")]
    SequencerSignature {
        /// On what.
        what: &'static str,
        /// Number of the key.
        version: u32,
    },
    /// Another process is at it.
    #[error(
        "SYNC_BUSY: another process ({holder}) is doing the same on this database; {direction:?} again when it is done"
    )]
    Busy {
        /// What it does.
        direction: Direction,
        /// Who it is.
        holder: String,
    },
    /// The key file is missing or is another key's.
    #[error("AGENT_KEY_MISSING: events are signed with key {key_id}, whose file {path} {fault}", path = .path.display())]
    LocalKey {
        /// Its number.
        key_id: u32,
        /// Where it should be.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// There is no such open conflict.
    #[error("CONFLICT_NOT_FOUND: there is no open conflict {0}; `sync conflicts` lists them")]
    NoSuchConflict(String),
    /// The strategy cannot be applied.
    #[error("MERGE_IMPOSSIBLE: {0}")]
    Merge(#[from] Unmergeable),
    /// The event's outcome is not known, so it must not be replaced.
    #[error(
        "OUTCOME_UNKNOWN: event {event_id} was sent and no answer came: it may be in the log. Push again; only a definite \
         refusal can be rebased"
    )]
    OutcomeUnknown {
        /// Which event.
        event_id: Uuid,
    },
    /// A fact that contradicts an event's state.
    #[error("the local record of an event contradicts what happened: {0}")]
    Impossible(#[from] Impossible),
}

/// An error as machines read it.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorReport {
    /// Stable, upper snake case.
    pub code: String,
    /// A sentence that names the fault and the fix.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// More, by code.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl SyncError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInitialised(_) => "SYNC_NOT_INITIALISED",
            Self::AlreadyInitialised { .. } => "SYNC_ALREADY_INITIALISED",
            Self::Usage(_) => "INVALID_ARGUMENT",
            Self::File { .. } => "FILE_FAILED",
            Self::Database(_) => "DATABASE_FAILED",
            Self::Unreadable(_) | Self::Impossible(_) => "DATABASE_UNREADABLE",
            Self::Write(WriteError::EventKeyConflict { .. } | WriteError::EventIdConflict { .. }) => {
                "EVENT_DUPLICATE_KEY"
            },
            Self::Write(_) => "EVENT_NOT_WRITTEN",
            Self::Remote(_) => "EVENT_SYNC_FAILED",
            Self::Signature(_) => "EVENT_SIGNATURE_INVALID",
            Self::Forked(_) => "SYNC_HISTORY_FORKED",
            Self::SequencerKey { .. } => "SEQUENCER_KEY_UNKNOWN",
            Self::SequencerSignature { .. } => "SEQUENCER_SIGNATURE_INVALID",
            Self::Busy { .. } => "SYNC_BUSY",
            Self::LocalKey { .. } => "AGENT_KEY_MISSING",
            Self::NoSuchConflict(_) => "CONFLICT_NOT_FOUND",
            Self::Merge(_) => "MERGE_IMPOSSIBLE",
            Self::OutcomeUnknown { .. } => "OUTCOME_UNKNOWN",
        }
    }

    /// Whether the same call may succeed later, without anybody mending anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Remote(error) => error.is_retryable(),
            Self::Busy { .. } => true,
            Self::Write(error) => matches!(error, WriteError::Retry(_)),
            Self::Database(error) => {
                let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
                // SQLITE_BUSY and SQLITE_LOCKED
                matches!(code.as_deref(), Some("5" | "6" | "261" | "517" | "773"))
            },
            _ => false,
        }
    }

    /// How a program ends that ran into it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::NotInitialised(_) | Self::NoSuchConflict(_) => Exit::NotFound,
            Self::Remote(error) if error.is_refusal_of_credential() => Exit::Auth,
            Self::Signature(_) | Self::SequencerKey { .. } | Self::LocalKey { .. } => Exit::Auth,
            Self::AlreadyInitialised { .. }
            | Self::Forked(_)
            | Self::SequencerSignature { .. }
            | Self::Merge(_)
            | Self::OutcomeUnknown { .. }
            | Self::Write(WriteError::EventKeyConflict { .. } | WriteError::EventIdConflict { .. }) => Exit::Conflict,
            _ if self.is_retryable() => Exit::Unavailable,
            Self::Write(WriteError::Invalid(_) | WriteError::Payload(_)) => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    /// The error as machines read it.
    pub fn report(&self) -> ErrorReport {
        let details = match self {
            Self::Signature(fault) => json!(fault),
            Self::Forked(fork) => json!(fork),
            Self::Remote(error) => json!({ "remote_code": error.code(), "http_status": error.status() }),
            Self::Write(WriteError::EventKeyConflict { event_key, original, stored_hash, new_hash }) => {
                json!({ "event_key": event_key, "original": original, "expected_hash": stored_hash,
                        "actual_hash": new_hash })
            },
            Self::Write(WriteError::EventIdConflict { event_id, stored_hash, new_hash }) => {
                json!({ "event_id": event_id, "expected_hash": stored_hash, "actual_hash": new_hash })
            },
            _ => Value::Null,
        };
        let code = self.code();
        let message = self.to_string();
        let message = message.strip_prefix(&format!("{code}: ")).unwrap_or(&message).to_owned();
        ErrorReport { code: code.to_owned(), message, retryable: self.is_retryable(), details }
    }
}

/// A row that cannot be.
pub(crate) fn unreadable(what: impl std::fmt::Display) -> SyncError {
    SyncError::Unreadable(what.to_string())
}
