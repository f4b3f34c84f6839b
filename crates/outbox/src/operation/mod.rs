//! Operations: a command under a key happens once, and answers the same ever after.
//!
//! [`Outbox::claim`], the business change, its events and [`Operation::complete`] are one transaction of the caller. A
//! crash before its commit leaves nothing, so the command is simply done again; after it, the stored answer is given.

mod judge;
mod keys;

use std::time::Duration;

use serde::Serialize;
use sqlx::Transaction;
use tokio::time::Instant;
use uuid::Uuid;

use crate::draft::Draft;
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{args, execute, fetch_optional, statement};
use crate::write::{AddOutcome, Row, WriteError};

use judge::{KeyRow, Verdict, judge};
pub use keys::{KeyRecord, KeyStatus};

/// How often a duplicate looks whether the first one has finished.
const LOOK: Duration = Duration::from_millis(10);
/// Longest name and key.
const CHARS: usize = 255;

/// Settings of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationPolicy {
    /// How long a stored answer is kept, from completion; how long a reserved key is, from its creation.
    pub ttl: Duration,
    /// How long a duplicate waits for the first one.
    pub wait: Duration,
    /// How long a command that was committed in progress counts as being worked on.
    pub lease: Duration,
}

impl Default for OperationPolicy {
    fn default() -> Self {
        Self { ttl: Duration::from_hours(24), wait: Duration::from_secs(5), lease: Duration::from_mins(1) }
    }
}

/// A command that is about to be done.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Such as `POST /orders/checkout`. The same key under another operation is another command.
    pub operation: &'a str,
    /// The caller's key: 1 to 255 printable characters, such as `create_order_ORD-123`.
    pub key: &'a str,
    /// SHA-256 of the request: with another one the key was reused.
    pub fingerprint: [u8; 32],
    /// Settings of the operation.
    pub policy: OperationPolicy,
}

/// What to do about a command.
#[derive(Debug)]
pub enum Claim {
    /// It is this transaction's to do.
    Fresh(Operation),
    /// It was done: answer this, byte for byte, and change nothing.
    Replay(StoredResponse),
    /// `IDEMPOTENCY_KEY_REUSED`: the key belongs to a different request.
    Reused,
    /// `IN_PROGRESS`: another transaction is at it, and did not finish in the time to wait.
    InProgress {
        /// When to ask again.
        retry_after: Duration,
    },
    /// A worker died between an external call and its record: nobody knows whether the call happened. Find out, for
    /// which [`Operation::command_id`] helps if it was given to the other side, and complete the operation; or let the
    /// transaction go.
    Uncertain {
        /// This transaction's to finish.
        operation: Operation,
        /// What was said before the call.
        recovery_point: String,
    },
}

/// An answer as it was first given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// Byte for byte.
    pub body: Vec<u8>,
}

/// Why a command could not be claimed or completed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// Nothing was asked of the database.
    #[error("{field} must have 1 to 255 printable characters")]
    Invalid {
        /// `operation` or `Idempotency-Key`.
        field: &'static str,
    },
    /// Another worker has taken the operation over, or an operator has reset its key: roll back.
    #[error("the operation is no longer this transaction's; its key was reset, or its lease ran out")]
    Lost,
    /// The database refused or did not answer: roll back.
    #[error("the operation could not be recorded")]
    Database(#[from] sqlx::Error),
}

/// A command that is this transaction's to do. Dropping it, with the transaction, leaves nothing.
#[derive(Debug)]
pub struct Operation {
    name: String,
    key: String,
    generation: i32,
    command_id: Uuid,
    policy: OperationPolicy,
    events: u32,
}

impl<DB: Engine> Outbox<DB> {
    /// Claims a command in the caller's transaction, which must be at READ COMMITTED, the default, on PostgreSQL and
    /// begun with [`Outbox::begin`] on SQLite. Waits for a duplicate that is at work, up to the policy's time.
    pub async fn claim(&self, tx: &mut Transaction<'_, DB>, command: Command<'_>) -> Result<Claim, OperationError> {
        check("operation", command.operation)?;
        check("Idempotency-Key", command.key)?;
        let end = Instant::now() + command.policy.wait;
        loop {
            if let Some(claim) = self.try_claim(tx, command).await? {
                return Ok(claim);
            }
            if Instant::now() >= end {
                return Ok(Claim::InProgress { retry_after: command.policy.wait.max(Duration::from_secs(1)) });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// `None`: somebody else is at work; ask again.
    async fn try_claim(
        &self,
        tx: &mut Transaction<'_, DB>,
        command: Command<'_>,
    ) -> Result<Option<Claim>, OperationError> {
        let (tenant, store) = (self.scope.tenant, self.scope.store);
        let key = || args![tenant, store, command.operation, command.key];
        let locked = fetch_optional::<DB>(tx, &self.schema, statement!("operation_lock"), key()).await?;
        if !locked.map_or(Ok(false), |mut row| row.flag())? {
            // Reused comes before in progress: what can be seen of the key may tell.
            let seen = self.key_row(tx, command.operation, command.key).await?;
            return Ok(seen.filter(|row| row.is_reused(&command.fingerprint)).map(|_| Claim::Reused));
        }
        let row = self.key_row(tx, command.operation, command.key).await?;
        let generation = row.as_ref().map_or(1, |row| row.generation);
        match judge(row, &command.fingerprint) {
            Verdict::Start => self.start(tx, command, generation).await.map(Some),
            Verdict::StartAnew => {
                let mut archive = key();
                archive.extend(args!["expired", None::<&str>]);
                execute::<DB>(tx, &self.schema, statement!("operation_archive"), archive).await?;
                self.start(tx, command, generation + 1).await.map(Some)
            },
            Verdict::Replay(response) => Ok(Some(Claim::Replay(response))),
            Verdict::Reused => Ok(Some(Claim::Reused)),
            Verdict::Busy => Ok(None),
            Verdict::Uncertain(recovery_point) => {
                let mut uncertain = key();
                uncertain.extend(args![crate::sql::micros(command.policy.lease)]);
                execute::<DB>(tx, &self.schema, statement!("operation_uncertain"), uncertain).await?;
                let operation = self.operation(command, generation);
                Ok(Some(Claim::Uncertain { operation, recovery_point }))
            },
        }
    }

    async fn start(
        &self,
        tx: &mut Transaction<'_, DB>,
        command: Command<'_>,
        generation: i32,
    ) -> Result<Claim, OperationError> {
        let operation = self.operation(command, generation);
        let mut args = args![self.scope.tenant, self.scope.store, command.operation, command.key, generation];
        args.extend(args![command.fingerprint.as_slice(), operation.command_id]);
        args.extend(args![crate::sql::micros(command.policy.lease)]);
        execute::<DB>(tx, &self.schema, statement!("operation_start"), args).await?;
        Ok(Claim::Fresh(operation))
    }

    fn operation(&self, command: Command<'_>, generation: i32) -> Operation {
        Operation {
            name: command.operation.to_owned(),
            key: command.key.to_owned(),
            generation,
            command_id: command_id(self.scope.tenant, self.scope.store, command.operation, command.key, generation),
            policy: command.policy,
            events: 0,
        }
    }

    async fn key_row(
        &self,
        tx: &mut Transaction<'_, DB>,
        operation: &str,
        key: &str,
    ) -> Result<Option<KeyRow>, OperationError> {
        let args = args![self.scope.tenant, self.scope.store, operation, key];
        let row = fetch_optional::<DB>(tx, &self.schema, statement!("operation_row"), args).await?;
        Ok(row.map(judge::read_key).transpose()?)
    }
}

impl Operation {
    /// Same for every try of the command, and on all its events.
    pub fn command_id(&self) -> Uuid {
        self.command_id
    }

    /// Writes an event of the command. Without a token of its own it gets `command_id#ordinal`, so that the command can
    /// never write it twice; write the command's events in the same order at each try.
    pub async fn write_event<DB: Engine, PT: Serialize>(
        &mut self,
        outbox: &Outbox<DB>,
        tx: &mut Transaction<'_, DB>,
        event: impl Into<Draft<PT>>,
    ) -> Result<AddOutcome, WriteError> {
        let mut draft: Draft<PT> = event.into();
        draft.command_id = Some(self.command_id);
        self.events += 1;
        let ordinal = self.events;
        if draft.event.idempotency_token.is_none() {
            let token = format!("{}#{ordinal}", self.command_id);
            draft.event.idempotency_token = Some(crate::event::IdempotencyToken(token));
        }
        let row: Row = outbox.row(draft)?;
        let outcomes = outbox.write_rows(&mut *tx, vec![row]).await?;
        outcomes.into_iter().next().ok_or(WriteError::Database(sqlx::Error::RowNotFound))
    }

    /// Stores the answer of a command that was done. It counts when the transaction commits.
    pub async fn complete<DB: Engine>(
        self,
        outbox: &Outbox<DB>,
        tx: &mut Transaction<'_, DB>,
        response: &StoredResponse,
    ) -> Result<(), OperationError> {
        self.finish(outbox, tx, "completed", response).await
    }

    /// Stores the answer of a command that can never be done, such as one for an order that is cancelled: asking again
    /// gives the same refusal. Not for a faulty request (400, 422), which may be mended and sent under the same key, nor
    /// for what may pass (5xx, 429): roll those back.
    pub async fn fail<DB: Engine>(
        self,
        outbox: &Outbox<DB>,
        tx: &mut Transaction<'_, DB>,
        response: &StoredResponse,
    ) -> Result<(), OperationError> {
        self.finish(outbox, tx, "failed", response).await
    }

    /// Says that an external call comes next. Commit the transaction, make the call, and complete the operation in
    /// another transaction. Should this process die in between, the next claim is [`Claim::Uncertain`] with these words
    /// once the policy's lease is over.
    pub async fn before_external_call<DB: Engine>(
        &self,
        outbox: &Outbox<DB>,
        tx: &mut Transaction<'_, DB>,
        recovery_point: &str,
    ) -> Result<(), OperationError> {
        let mut args = args![outbox.scope.tenant, outbox.scope.store, &self.name, &self.key, recovery_point];
        args.extend(args![crate::sql::micros(self.policy.lease), self.generation]);
        match execute::<DB>(tx, &outbox.schema, statement!("operation_external"), args).await? {
            1 => Ok(()),
            _ => Err(OperationError::Lost),
        }
    }

    async fn finish<DB: Engine>(
        self,
        outbox: &Outbox<DB>,
        tx: &mut Transaction<'_, DB>,
        status: &str,
        response: &StoredResponse,
    ) -> Result<(), OperationError> {
        let headers = serde_json::to_string(&response.headers).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let mut args = args![outbox.scope.tenant, outbox.scope.store, &self.name, &self.key, status];
        args.extend(args![response.status, headers, response.body.as_slice()]);
        args.extend(args![crate::sql::micros(self.policy.ttl), self.generation]);
        match execute::<DB>(tx, &outbox.schema, statement!("operation_finish"), args).await? {
            1 => Ok(()),
            _ => Err(OperationError::Lost),
        }
    }
}

fn check(field: &'static str, text: &str) -> Result<(), OperationError> {
    let fits = (1..=CHARS).contains(&text.chars().count()) && !text.contains(char::is_control);
    if fits { Ok(()) } else { Err(OperationError::Invalid { field }) }
}

/// `UUIDv5` in the tenant's namespace over store, operation, key and generation, separated by U+001F, which none holds.
fn command_id(tenant: Uuid, store: Uuid, operation: &str, key: &str, generation: i32) -> Uuid {
    Uuid::new_v5(&tenant, format!("{store}\u{1f}{operation}\u{1f}{key}\u{1f}{generation}").as_bytes())
}
