//! Writing events on this machine: in the application's own transaction, with or without a network.

use serde::Serialize;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use stateset_outbox::delivery::DeliveryState;
use stateset_outbox::{AddOutcome, Draft, Entity};

use crate::error::{SyncError, unreadable};
use crate::replica::{Replica, number};
use crate::sql;

/// Which version of its entity an event builds on. The sequencer refuses it if the entity is at another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BaseVersion {
    /// It builds on none: it is true whatever else happened.
    #[default]
    Any,
    /// On what this machine knows: all that was pulled, and all that was written here.
    Known,
    /// On this one. 0: the entity must not exist.
    At(u64),
}

impl Replica {
    /// Begins a transaction to write events and the application's own rows in.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, SyncError> {
        Ok(self.outbox.begin().await?)
    }

    /// Commits; on return what was written is durable.
    pub async fn commit(&self, tx: Transaction<'static, Sqlite>) -> Result<(), SyncError> {
        Ok(self.outbox.commit(tx).await?)
    }

    /// Writes an event in the caller's transaction. It will be signed with the agent's key of this moment, whenever it is
    /// pushed.
    ///
    /// Its token or id may be known: then nothing is added, and the first event is the answer.
    pub async fn write_event<PT: Serialize>(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        draft: impl Into<Draft<PT>>,
        base: BaseVersion,
    ) -> Result<AddOutcome, SyncError> {
        let outcome = self.write_signed(tx, draft).await?;
        let base = match base {
            _ if outcome.is_duplicate() => return Ok(outcome),
            BaseVersion::Any => return Ok(outcome),
            BaseVersion::At(version) => i64::try_from(version).map_err(unreadable)?,
            // The event itself is in the log already.
            BaseVersion::Known => self.known_version_at(tx, outcome.written().log_id).await?,
        };
        let place = outcome.written().log_id;
        sqlx::query(sql!("event_base_version")).bind(place).bind(base).execute(&mut **tx).await?;
        Ok(outcome)
    }

    /// The version of an entity as this machine knows it: pulled events, and own ones on their way.
    pub async fn entity_version(&self, entity: &Entity) -> Result<u64, SyncError> {
        let mut connection = self.pool.acquire().await?;
        number(self.known_version(&mut connection, entity, i64::MAX).await?)
    }

    async fn known_version_at(&self, tx: &mut SqliteConnection, before: i64) -> Result<i64, SyncError> {
        let (kind, id): (String, String) = sqlx::query_as(sql!("entity_of")).bind(before).fetch_one(&mut *tx).await?;
        self.known_version(tx, &Entity { kind, id }, before).await
    }

    async fn known_version(
        &self,
        connection: &mut SqliteConnection,
        entity: &Entity,
        before: i64,
    ) -> Result<i64, SyncError> {
        Ok(sqlx::query_scalar(sql!("known_version"))
            .bind(self.profile.tenant)
            .bind(self.profile.store)
            .bind(&entity.kind)
            .bind(&entity.id)
            .bind(before)
            .fetch_one(connection)
            .await?)
    }

    pub(crate) async fn write_signed<PT: Serialize>(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        draft: impl Into<Draft<PT>>,
    ) -> Result<AddOutcome, SyncError> {
        // Read in the transaction that writes: a rotation comes wholly before or wholly after.
        let key: Option<i64> = sqlx::query_scalar(sql!("current_key")).fetch_optional(&mut **tx).await?;
        let key = key.ok_or_else(|| SyncError::NotInitialised(self.path.clone()))?;
        let key = u32::try_from(key).map_err(unreadable)?;
        let draft = draft.into().agent(self.profile.agent, key);
        Ok(self.outbox.write_event_with_outbox(tx, draft).await?)
    }
}

pub(crate) fn state_of(word: &str) -> Result<DeliveryState, SyncError> {
    word.parse().map_err(unreadable)
}
