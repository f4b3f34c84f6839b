//! Migrations: embedded, forward only, idempotent.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use tokio::time::{Instant, sleep};

use super::{SqliteStore, store_error};
use crate::error::StoreError;

const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "log", include_str!("../../migrations/sqlite/0001_log.sql")),
    (2, "identity", include_str!("../../migrations/sqlite/0002_identity.sql")),
    (3, "schemas", include_str!("../../migrations/sqlite/0003_schemas.sql")),
];

/// How long another process's migration is waited for: a transaction that began by reading is refused at once.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Numbers of this program's migrations.
pub(super) fn own() -> Vec<i64> {
    MIGRATIONS.iter().map(|migration| migration.0).collect()
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|&(version, name, sql)| {
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, SqlStr::from_static(sql), false)
        })
        .collect();
    Migrator::with_migrations(migrations)
}

impl SqliteStore {
    /// Brings the database to this program's schema. A database that is ahead of this program is refused. Several
    /// processes may do so at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = self.list_applied().await?;
            let Err(error) = self.run_migrations().await else { return Ok(()) };
            // Each migration is one transaction, so whoever comes second fails without a trace, and goes on behind the first.
            let others_did = self.list_applied().await?.len() > before.len();
            let others_do = matches!(error, StoreError::Unavailable(_)) && Instant::now() < deadline;
            if !others_did && !others_do {
                return Err(error);
            }
            sleep(PAUSE).await;
        }
    }

    async fn run_migrations(&self) -> Result<(), StoreError> {
        let mut turn = self.writer.turn().await?;
        migrator().run(&mut turn.connection).await.map_err(refused)?;
        turn.put_back();
        Ok(())
    }

    /// What has been applied; nothing in a database in which nothing has.
    pub(super) async fn list_applied(&self) -> Result<Vec<i64>, StoreError> {
        let applied =
            sqlx::query_scalar(include_str!("../../sql/sqlite/applied_migrations.sql")).fetch_all(&self.readers).await;
        match applied {
            Err(sqlx::Error::Database(fault)) if fault.message().starts_with("no such table") => Ok(Vec::new()),
            applied => applied.map_err(store_error),
        }
    }

    /// Whether exactly this program's migrations have been applied.
    pub(super) async fn check_schema(&self) -> Result<(), StoreError> {
        let applied = self.list_applied().await?;
        if applied.iter().copied().eq(MIGRATIONS.iter().map(|m| m.0)) {
            Ok(())
        } else {
            Err(StoreError::corrupt(format!(
                "the database has migrations {applied:?}, this program needs {:?}",
                MIGRATIONS.map(|m| m.0)
            )))
        }
    }
}

fn refused(fault: MigrateError) -> StoreError {
    if let MigrateError::Execute(error) = fault {
        return store_error(error);
    }
    if let MigrateError::VersionMissing(version) = fault {
        return StoreError::corrupt(format!(
            "a newer program has been at work: the database has migration {version}, this one knows {:?}",
            MIGRATIONS.map(|m| m.0)
        ));
    }
    StoreError::corrupt(fault)
}
