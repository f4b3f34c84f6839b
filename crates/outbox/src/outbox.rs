//! The handle of an application.

use std::sync::Arc;

use sqlx::{Pool, SqlSafeStr as _, Transaction};
use uuid::Uuid;

use crate::engine::Engine;
use crate::hint::Hint;
use crate::schema::Schema;
use crate::scope::Scope;
use crate::write::{BULK_FROM, IdempotencyStrategy, OnConflict, PAYLOAD_BYTES};

/// Writes events and claims operations in the application's own transactions. Cheap to clone.
pub struct Outbox<DB: Engine> {
    pub(crate) pool: Pool<DB>,
    pub(crate) schema: Schema,
    pub(crate) scope: Scope,
    pub(crate) strategy: IdempotencyStrategy,
    pub(crate) on_conflict: OnConflict,
    pub(crate) payload_limit: usize,
    pub(crate) bulk_from: usize,
    pub(crate) hint: Arc<Hint>,
    pub(crate) agent: Option<(Uuid, i64)>,
    row_security: bool,
    #[cfg(feature = "personal")]
    pub(crate) master_keys: Option<Arc<crate::subject::MasterKeys>>,
}

impl<DB: Engine> Clone for Outbox<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            schema: self.schema.clone(),
            scope: self.scope,
            strategy: self.strategy.clone(),
            on_conflict: self.on_conflict,
            payload_limit: self.payload_limit,
            bulk_from: self.bulk_from,
            hint: Arc::clone(&self.hint),
            agent: self.agent,
            row_security: self.row_security,
            #[cfg(feature = "personal")]
            master_keys: self.master_keys.clone(),
        }
    }
}

impl<DB: Engine> Outbox<DB> {
    /// An outbox in the application's database: one tenant, the schema `outbox`, tokens as the events bring them. Every
    /// clone wakes the workers of every other.
    pub fn new(pool: Pool<DB>) -> Self {
        Self::in_schema(pool, Schema::default())
    }

    /// The same, in another schema. SQLite has no schemas: there it makes no difference.
    pub fn in_schema(pool: Pool<DB>, schema: Schema) -> Self {
        let hint = Arc::new(DB::hint(&pool, &schema));
        Self {
            pool,
            schema,
            scope: Scope::single_tenant(),
            strategy: IdempotencyStrategy::default(),
            on_conflict: OnConflict::default(),
            payload_limit: PAYLOAD_BYTES,
            bulk_from: BULK_FROM,
            hint,
            agent: None,
            row_security: false,
            #[cfg(feature = "personal")]
            master_keys: None,
        }
    }

    /// The same outbox for the events of another tenant and store.
    #[must_use]
    pub fn for_scope(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }

    /// How events without a token get one.
    #[must_use]
    pub fn with_strategy(mut self, strategy: IdempotencyStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// What happens to a known key with another payload.
    #[must_use]
    pub fn with_on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Most bytes of a payload; 1 MiB unless set.
    #[must_use]
    pub fn with_payload_limit(mut self, bytes: usize) -> Self {
        self.payload_limit = bytes;
        self
    }

    /// From how many events on a batch is written by COPY; 1,000 unless set. Only on PostgreSQL, only if none of its events
    /// has a key, and not under row-level security; a batch with a known id is written the usual way instead.
    #[must_use]
    pub fn with_copy_from(mut self, events: usize) -> Self {
        self.bulk_from = events.max(2);
        self
    }

    /// The agent, and the number of its key, with which a push to a sequencer signs events that name none themselves.
    #[must_use]
    pub fn with_agent(mut self, agent: Uuid, key_id: u32) -> Self {
        self.agent = Some((agent, i64::from(key_id)));
        self
    }

    /// Tells workers of this process only; those of others poll. For connection poolers, through which NOTIFY does not pass.
    #[must_use]
    pub fn without_notify(self) -> Self {
        self.hint.stop_notifying();
        self
    }

    /// Row-level security is on: [`Self::begin`] says which tenant's rows the transaction is about.
    #[must_use]
    pub fn with_row_security(mut self) -> Self {
        self.row_security = true;
        self
    }

    /// Moves marked fields out of events, encrypted under keys that these wrap, and reads them again.
    #[cfg(feature = "personal")]
    #[must_use]
    pub fn with_master_keys(mut self, keys: crate::subject::MasterKeys) -> Self {
        self.master_keys = Some(Arc::new(keys));
        self
    }

    /// Whose events this handle writes.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Creates the tables, or brings them to this version. Safe when several processes do it at once.
    pub async fn migrate(&self) -> Result<(), sqlx::Error> {
        DB::migrate(&self.pool, &self.schema).await
    }

    /// Begins a transaction that is going to write. Any other transaction of the same database will do as well; on
    /// SQLite begin it with `BEGIN IMMEDIATE`, as this does, or it may be refused half-way.
    pub async fn begin(&self) -> Result<Transaction<'static, DB>, sqlx::Error> {
        self.begin_as(DB::BEGIN).await
    }

    /// Begins a transaction that only reads.
    pub(crate) async fn begin_read(&self) -> Result<Transaction<'static, DB>, sqlx::Error> {
        self.begin_as(DB::BEGIN_READ).await
    }

    /// Begins a transaction that holds shard groups: should this process stop in it, its locks do not outlive it.
    pub(crate) async fn begin_holding(&self) -> Result<Transaction<'static, DB>, sqlx::Error> {
        self.begin_as(DB::BEGIN_DELIVERY).await
    }

    async fn begin_as(&self, begin: &'static str) -> Result<Transaction<'static, DB>, sqlx::Error> {
        let mut tx = self.pool.begin_with(begin.into_sql_str()).await?;
        if self.row_security {
            DB::enter_scope(&mut tx, self.scope).await?;
        }
        Ok(tx)
    }

    /// Commits and wakes the workers. Committing without it is safe: then polling finds the events.
    pub async fn commit(&self, tx: Transaction<'_, DB>) -> Result<(), sqlx::Error> {
        tx.commit().await?;
        self.hint.wake();
        Ok(())
    }
}

/// Serialization failures and deadlocks of PostgreSQL; a busy SQLite.
pub(crate) fn is_retryable(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    // SQLITE_BUSY and its extended codes, SQLITE_LOCKED
    matches!(code.as_deref(), Some("40001" | "40P01" | "5" | "6" | "261" | "517" | "773"))
}
