//! Looking at keys, reserving and resetting them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use uuid::Uuid;

use super::{KeyRow, OperationError, StoredResponse, check, command_id};
use crate::delivery::UnknownWord;
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{args, execute, fetch, fetch_optional, statement};

/// State of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    /// Reserved; the command has not been sent.
    Active,
    /// Committed by a worker that has not finished.
    InProgress,
    /// Done; the answer is stored.
    Completed,
    /// Refused for good; the answer is stored.
    Failed,
    /// An external call may have happened.
    Uncertain,
    /// Its time is over: the next command under it is done.
    Expired,
}

impl KeyStatus {
    /// As in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for KeyStatus {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Active, Self::InProgress, Self::Completed, Self::Failed, Self::Uncertain, Self::Expired];
        all.into_iter().find(|status| status.as_str() == word).ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

impl fmt::Display for KeyStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// State now.
    pub status: KeyStatus,
    /// Counts expiries and resets, from 1.
    pub generation: i32,
    /// On every event of the command.
    pub command_id: Uuid,
    /// SHA-256 of the request.
    pub fingerprint: Option<Vec<u8>>,
    /// The stored answer.
    pub response: Option<StoredResponse>,
    /// Microseconds since 1970 UTC.
    pub created_at: i64,
    /// Microseconds since 1970 UTC.
    pub completed_at: Option<i64>,
    /// Time left.
    pub expires_in: Option<Duration>,
    /// Events that the command wrote, in order.
    pub event_ids: Vec<Uuid>,
}

impl<DB: Engine> Outbox<DB> {
    /// What is known of a key; `None` if it was never used.
    pub async fn idempotency_key(&self, operation: &str, key: &str) -> Result<Option<KeyRecord>, OperationError> {
        let mut tx = self.begin_read().await?;
        let row = self.key_row(&mut tx, operation, key).await?;
        let idle = row.as_ref().is_none_or(|row| row.is_expired() || row.status == KeyStatus::Active);
        if idle && let Some(record) = self.at_work(&mut tx, operation, key, row.as_ref()).await? {
            return Ok(Some(record));
        }
        let Some(row) = row else { return Ok(None) };
        let args = args![self.scope.tenant, self.scope.store, row.command_id];
        let events = fetch::<DB>(&mut tx, &self.schema, statement!("operation_events"), args).await?;
        let expired = row.is_expired();
        Ok(Some(KeyRecord {
            status: if expired { KeyStatus::Expired } else { row.status },
            generation: row.generation,
            command_id: row.command_id,
            fingerprint: row.fingerprint,
            response: row.response,
            created_at: row.created_at,
            completed_at: row.completed_at,
            expires_in: row.expires_in.map(|left| Duration::from_micros(u64::try_from(left).unwrap_or(0))),
            event_ids: events.into_iter().map(|mut row| row.id()).collect::<Result<_, _>>()?,
        }))
    }

    /// What is known of a command whose transaction is open: it has written nothing that others can see, and holds the
    /// lock of its key. On `SQLite` that cannot be told.
    async fn at_work(
        &self,
        tx: &mut sqlx::Transaction<'static, DB>,
        operation: &str,
        key: &str,
        row: Option<&KeyRow>,
    ) -> Result<Option<KeyRecord>, OperationError> {
        let (tenant, store) = (self.scope.tenant, self.scope.store);
        let args = args![tenant, store, operation, key];
        let found = fetch_optional::<DB>(tx, &self.schema, statement!("operation_at_work"), args).await?;
        let Some(mut found) = found else { return Ok(None) };
        let generation = row.map_or(1, |row| row.generation + i32::from(row.is_expired()));
        Ok(Some(KeyRecord {
            status: KeyStatus::InProgress,
            generation,
            command_id: command_id(tenant, store, operation, key, generation),
            fingerprint: None,
            response: None,
            created_at: found.int()?,
            completed_at: None,
            expires_in: None,
            event_ids: Vec::new(),
        }))
    }

    /// Reserves a key for a command to come. `false`: the key is in use, and nothing changed.
    pub async fn create_idempotency_key(
        &self,
        operation: &str,
        key: &str,
        ttl: Duration,
    ) -> Result<bool, OperationError> {
        check("operation", operation)?;
        check("Idempotency-Key", key)?;
        let mut tx = self.begin().await?;
        let row = self.key_row(&mut tx, operation, key).await?;
        if row.as_ref().is_some_and(|row| !row.is_expired()) {
            return Ok(false);
        }
        self.renew_key(&mut tx, operation, key, row.map(|row| row.generation), ttl, ("expired", None)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Frees a key whose command should be done again, and keeps what it was in the history. `false`: there is none.
    pub async fn reset_idempotency_key(
        &self,
        operation: &str,
        key: &str,
        reason: &str,
        actor: &str,
    ) -> Result<bool, OperationError> {
        let mut tx = self.begin().await?;
        let Some(row) = self.key_row(&mut tx, operation, key).await? else { return Ok(false) };
        let ttl = super::OperationPolicy::default().ttl;
        self.renew_key(&mut tx, operation, key, Some(row.generation), ttl, (actor, Some(reason))).await?;
        let entry = crate::audit::Entry {
            actor: actor.to_owned(),
            action: "key.reset",
            subject: format!("key:{operation} {key}"),
            before: Some(row.status.as_str().to_owned()),
            after: Some(KeyStatus::Active.as_str().to_owned()),
            reason: Some(reason.to_owned()),
            job: None,
        };
        entry.add::<DB>(&mut tx, &self.schema, self.scope).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn renew_key(
        &self,
        tx: &mut sqlx::Transaction<'static, DB>,
        operation: &str,
        key: &str,
        ended: Option<i32>,
        ttl: Duration,
        why: (&str, Option<&str>),
    ) -> Result<(), OperationError> {
        let (tenant, store) = (self.scope.tenant, self.scope.store);
        if ended.is_some() {
            let args = args![tenant, store, operation, key, why.0, why.1];
            execute::<DB>(tx, &self.schema, statement!("operation_archive"), args).await?;
        }
        let generation = ended.unwrap_or(0) + 1;
        let command_id = command_id(tenant, store, operation, key, generation);
        let args = args![tenant, store, operation, key, generation, command_id, crate::sql::micros(ttl)];
        execute::<DB>(tx, &self.schema, statement!("operation_reserve"), args).await?;
        Ok(())
    }
}
