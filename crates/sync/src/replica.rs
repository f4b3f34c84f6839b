//! The file on this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqlSafeStr as _, Sqlite, SqlitePool, Transaction};
use stateset_outbox::{Outbox, Scope, sqlite_pool};
use stateset_relay::clock::{Clock, SystemClock};
use uuid::Uuid;

use crate::error::{SyncError, unreadable};
use crate::profile::{Profile, Secrets};
use crate::sql;

/// Longest wait for another process's transaction. One that pulls a page of large events takes a while.
const BUSY: Duration = Duration::from_secs(30);
/// Readers beside one writer; each is a thread.
const CONNECTIONS: u32 = 4;
/// Most events of one read by a consumer.
const READ_EVENTS: u32 = 1_000;

/// An agent's local log and its copy of the store's. Any number of processes may open the same file.
#[derive(Clone)]
pub struct Replica {
    pub(crate) path: PathBuf,
    pub(crate) pool: SqlitePool,
    pub(crate) outbox: Outbox<Sqlite>,
    pub(crate) profile: Profile,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One of everybody's events, checked.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PulledEvent {
    /// Its place.
    pub sequence: u64,
    /// Its id.
    pub event_id: Uuid,
    /// What it is about.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// Version of the entity after it.
    pub entity_version: u64,
    /// What happened.
    pub event_type: String,
    /// Who said so.
    pub agent_id: Uuid,
    /// Whether the agent signed it; else nobody vouches for its content.
    pub signed: bool,
    /// Whether it was written on this machine.
    pub own: bool,
    /// The envelope as received, JSON.
    pub envelope: String,
}

impl Replica {
    /// Opens the file of an agent that `init` has set up.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, SyncError> {
        let path = path.into();
        if !path.exists() {
            return Err(SyncError::NotInitialised(path));
        }
        let pool = connect(&path).await?;
        migrate(&pool).await?;
        let profile = Profile::read(&pool).await?.ok_or_else(|| SyncError::NotInitialised(path.clone()))?;
        Ok(Self::assemble(path, pool, profile))
    }

    /// Whether `path` is an agent's file, whoever's. Changes nothing, and creates nothing.
    pub async fn is_at(path: &Path) -> bool {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY);
        let Ok(mut connection) = options.connect().await else { return false };
        let found = sqlx::query_scalar::<_, i64>(sql!("is_replica")).fetch_optional(&mut connection).await;
        connection.close().await.ok();
        matches!(found, Ok(Some(_)))
    }

    pub(crate) fn assemble(path: PathBuf, pool: SqlitePool, profile: Profile) -> Self {
        let scope = Scope { tenant: profile.tenant, store: profile.store };
        let outbox = Outbox::new(pool.clone()).for_scope(scope);
        Self { path, pool, outbox, profile, clock: Arc::new(SystemClock) }
    }

    /// Whose it is.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The outbox in the same file: what it writes is pushed too, if it names this agent and a key of it.
    pub fn outbox(&self) -> &Outbox<Sqlite> {
        &self.outbox
    }

    /// Connections to the file, for the application's own tables.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::of(&self.path)
    }

    /// The next events behind what `consumer` has taken, in order, at most 1000.
    pub async fn next_for(&self, consumer: &str) -> Result<Vec<PulledEvent>, SyncError> {
        let rows = sqlx::query(sql!("consumer_next")).bind(consumer).bind(READ_EVENTS).fetch_all(&self.pool).await?;
        rows.iter().map(read_pulled).collect()
    }

    /// Notes in the consumer's own transaction that it has taken everything up to `sequence`. It never goes back.
    pub async fn taken(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        consumer: &str,
        sequence: u64,
    ) -> Result<(), SyncError> {
        let sequence = i64::try_from(sequence).map_err(unreadable)?;
        sqlx::query(sql!("consumer_taken")).bind(consumer).bind(sequence).execute(&mut **tx).await?;
        Ok(())
    }
}

fn read_pulled(row: &sqlx::sqlite::SqliteRow) -> Result<PulledEvent, SyncError> {
    Ok(PulledEvent {
        sequence: number(row.try_get(0)?)?,
        event_id: row.try_get(1)?,
        entity_type: row.try_get(2)?,
        entity_id: row.try_get(3)?,
        entity_version: number(row.try_get(4)?)?,
        event_type: row.try_get(5)?,
        agent_id: row.try_get(6)?,
        signed: row.try_get(7)?,
        own: row.try_get(8)?,
        envelope: row.try_get(9)?,
    })
}

/// Opens the file, creating it for its owner only.
pub(crate) async fn connect(path: &Path) -> Result<SqlitePool, SyncError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(SyncError::File { path: path.to_owned(), source });
        },
        _ => {},
    }
    let options = SqliteConnectOptions::new().filename(path).pragma("cache_size", "-16384");
    Ok(sqlite_pool(options, CONNECTIONS, BUSY).await?)
}

const MIGRATIONS: [(i64, &str); 1] = [(1, include_str!("../migrations/0001_sync.sql"))];
const CREATE: &str = "CREATE TABLE IF NOT EXISTS sync_migration (version integer PRIMARY KEY, applied_at text NOT NULL \
                      DEFAULT CURRENT_TIMESTAMP) STRICT";

/// Creates the tables of the outbox and of this crate, or brings them to this version.
pub(crate) async fn migrate(pool: &SqlitePool) -> Result<(), SyncError> {
    Outbox::new(pool.clone()).migrate().await?;
    let mut tx = pool.begin_with("BEGIN IMMEDIATE".into_sql_str()).await?;
    sqlx::query(CREATE).execute(&mut *tx).await?;
    let applied: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM sync_migration").fetch_one(&mut *tx).await?;
    let applied = applied.unwrap_or(0);
    if MIGRATIONS.last().is_some_and(|(newest, _)| applied > *newest) {
        return Err(unreadable(format!("tables of version {applied}, which a newer program made; update this one")));
    }
    for (version, statements) in MIGRATIONS.iter().filter(|(version, _)| *version > applied) {
        sqlx::raw_sql(*statements).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO sync_migration (version) VALUES (?1)").bind(version).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A count or version, which is never negative.
pub(crate) fn number(value: i64) -> Result<u64, SyncError> {
    u64::try_from(value).map_err(|_| unreadable(format!("{value} where a count should be")))
}
