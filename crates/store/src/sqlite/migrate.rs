//! Migrations: embedded, forward only, idempotent.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection as _, SqlStr};

use super::connect::BEGIN;
use super::{SqliteStore, store_error};
use crate::error::StoreError;

const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "log", include_str!("../../migrations/sqlite/0001_log.sql")),
    (2, "identity", include_str!("../../migrations/sqlite/0002_identity.sql")),
    (3, "schemas", include_str!("../../migrations/sqlite/0003_schemas.sql")),
];

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
    /// Brings the database to this program's schema, all of it or nothing. A database that is ahead of this program is
    /// refused. Several processes may do so at once: each waits for the one before.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut turn = self.writer.turn().await?;
        // Not the migrator's own transactions: they read first and ask for the write lock later, which SQLite refuses.
        let mut alone = turn.connection.begin_with(BEGIN).await.map_err(store_error)?;
        migrator().run(&mut *alone).await.map_err(refused)?;
        alone.commit().await.map_err(store_error)?;
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
