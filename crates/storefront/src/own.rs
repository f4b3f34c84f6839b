//! The database of one service: its pool, its outbox, and how both come about.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Pool, Postgres, Sqlite};
use stateset_outbox::{Outbox, Schema, sqlite_pool};

use crate::dialect::{Dialect, Statement, look_once, statement, values};
use crate::error::StartError;
use crate::settings::{Service, Settings};

/// Connections of one service: its requests, its relay and its consumer share them.
const CONNECTIONS: u32 = 10;
/// The same for SQLite, which has one writer at a time.
const FILE_CONNECTIONS: u32 = 6;
/// How long a writer of SQLite waits for another.
const BUSY: Duration = Duration::from_secs(10);

/// The database of one service. Nobody else reads it.
pub(crate) struct Own<DB: Dialect> {
    pub(crate) pool: Pool<DB>,
    /// The service's outbox, beside its own tables.
    pub(crate) outbox: Outbox<DB>,
}

impl<DB: Dialect> Clone for Own<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), outbox: self.outbox.clone() }
    }
}

impl<DB: Dialect> Own<DB> {
    /// Creates the tables of the outbox and of the service, or leaves them. Safe when several processes do it at once.
    pub(crate) async fn migrate(&self, name: &str, script: Statement) -> Result<(), sqlx::Error> {
        self.outbox.migrate().await?;
        let mut tx = self.outbox.begin().await?;
        DB::look(&mut tx, statement!("migration_lock"), Vec::new()).await?;
        DB::script(&mut tx, statement!("migration_table")).await?;
        if DB::change(&mut tx, statement!("migration_add"), values![name]).await? == 1 {
            DB::script(&mut tx, script).await?;
        }
        tx.commit().await
    }

    /// A connection for whoever only looks.
    pub(crate) async fn connection(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        self.pool.acquire().await
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), sqlx::Error> {
        look_once::<DB>(&mut *self.connection().await?, statement!("ping"), Vec::new()).await.map(drop)
    }
}

/// The schema of a service's tables on PostgreSQL, and the name of its file on SQLite without `.db`.
pub(crate) fn place_of(service: Service) -> String {
    format!("storefront_{service}")
}

/// A service's schema of a PostgreSQL database.
pub(crate) async fn postgres(url: &str, service: Service, settings: &Settings) -> Result<Own<Postgres>, StartError> {
    let schema = Schema::new(&place_of(service)).map_err(|fault| StartError::Settings(fault.to_string()))?;
    let options = PgConnectOptions::from_str(url)
        .map_err(StartError::database)?
        .application_name(schema.name())
        .options([("search_path", schema.name())]);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await;
    let pool = pool.map_err(StartError::database)?;
    let outbox = told(&Outbox::in_schema(pool.clone(), schema), settings)?;
    Ok(Own { pool, outbox })
}

/// A service's file in a folder, which is made.
pub(crate) async fn sqlite(folder: &Path, service: Service, settings: &Settings) -> Result<Own<Sqlite>, StartError> {
    std::fs::create_dir_all(folder).map_err(|source| StartError::Folder { path: folder.to_owned(), source })?;
    let file = folder.join(format!("{}.db", place_of(service)));
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let pool = sqlite_pool(options, FILE_CONNECTIONS, BUSY).await.map_err(StartError::database)?;
    let outbox = told(&Outbox::new(pool.clone()), settings)?;
    Ok(Own { pool, outbox })
}

/// Whose events they are, who signs them, and under which keys customers' addresses are kept.
fn told<DB: Dialect>(outbox: &Outbox<DB>, settings: &Settings) -> Result<Outbox<DB>, StartError> {
    let mut outbox = outbox.for_scope(settings.scope);
    if let Some(place) = &settings.sequencer {
        outbox = outbox.with_agent(place.agent, place.agent_key_id);
    }
    if let Some(keys) = &settings.subject_keys {
        outbox = outbox.with_master_keys(keys.master_keys().map_err(StartError::Settings)?);
    }
    Ok(outbox)
}
