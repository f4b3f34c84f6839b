//! The place the tools work on: the configured database and keys.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use stateset_store::maintenance::Maintenance;
use stateset_store::postgres::PostgresStore;
use stateset_store::sqlite::SqliteStore;

use crate::config::{Config, Database};
use crate::keyring::Keyring;
use crate::startup::{DATABASE_FILE, existing_payload_keys};

/// Connections of the tools: two page through the log, the rest looks things up.
const CONNECTIONS: u32 = 4;

/// An open database. The engine matters only for migrations.
enum Engine {
    Embedded(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

/// The configured database with the configured keys.
pub struct Site {
    engine: Engine,
    /// The payload keys.
    pub keyring: Arc<Keyring>,
}

/// Which migrations a database has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Migrations {
    /// What it had.
    pub before: Vec<i64>,
    /// What it has.
    pub after: Vec<i64>,
}

impl Site {
    /// Opens the database and reads the keys; creates neither.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if config.database == Database::Embedded {
            let file = database_file(config);
            anyhow::ensure!(
                file.exists(),
                "there is no database at {}; set DATABASE_URL or STATESET_DATA_DIR, or start the server once",
                file.display()
            );
        }
        Self::open_or_create(config).await
    }

    /// The same, with a new file if the embedded database is not there yet: for the first migration.
    pub async fn open_or_create(config: &Config) -> anyhow::Result<Self> {
        let engine = match &config.database {
            Database::Embedded => {
                std::fs::create_dir_all(&config.data_dir)
                    .with_context(|| format!("cannot create the data directory {}", config.data_dir.display()))?;
                Engine::Embedded(Arc::new(
                    SqliteStore::open(&database_file(config), CONNECTIONS).await.map_err(explain)?,
                ))
            },
            Database::Postgres(url) => {
                Engine::Postgres(Arc::new(PostgresStore::new(url, CONNECTIONS).map_err(explain)?))
            },
        };
        let keys = existing_payload_keys(config)?;
        let keyring = Arc::new(Keyring::new(keys).with_tenants(config.tenant_keys.clone()));
        Ok(Self { engine, keyring })
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn Maintenance> {
        match &self.engine {
            Engine::Embedded(store) => Arc::clone(store) as Arc<dyn Maintenance>,
            Engine::Postgres(store) => Arc::clone(store) as Arc<dyn Maintenance>,
        }
    }

    /// Brings the database to this program's schema. Doing it again changes nothing.
    pub async fn migrate(&self) -> anyhow::Result<Migrations> {
        let store = self.store();
        let before = store.applied_migrations().await.map_err(explain)?;
        match &self.engine {
            Engine::Embedded(store) => store.migrate().await,
            Engine::Postgres(store) => store.migrate().await,
        }
        .map_err(explain)?;
        Ok(Migrations { before, after: store.applied_migrations().await.map_err(explain)? })
    }
}

/// Where the embedded database is.
pub fn database_file(config: &Config) -> PathBuf {
    config.data_dir.join(DATABASE_FILE)
}

/// A store's fault with its cause, for people.
pub fn explain(error: stateset_store::StoreError) -> anyhow::Error {
    anyhow::Error::new(error)
}
