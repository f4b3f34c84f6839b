//! Migrations: embedded, forward only, idempotent, safe when several processes start at once.

use std::borrow::Cow;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::{PostgresStore, store_error};
use crate::error::StoreError;

const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "log", include_str!("../../migrations/postgres/0001_log.sql")),
    (2, "identity", include_str!("../../migrations/postgres/0002_identity.sql")),
    (3, "schemas", include_str!("../../migrations/postgres/0003_schemas.sql")),
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

impl PostgresStore {
    /// Brings the database to this program's schema. A database that is ahead of this program is refused.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(store_error)?;
        migrator().run(&mut *connection).await.map_err(|fault| match fault {
            sqlx::migrate::MigrateError::Execute(error) | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => {
                store_error(error)
            },
            other => StoreError::corrupt(other),
        })
    }

    /// What has been applied; nothing in a database in which nothing has.
    pub(super) async fn list_applied(&self) -> Result<Vec<i64>, StoreError> {
        let applied =
            sqlx::query_scalar(include_str!("../../sql/postgres/applied_migrations.sql")).fetch_all(&self.pool).await;
        match applied {
            Err(sqlx::Error::Database(fault)) if fault.code().as_deref() == Some("42P01") => Ok(Vec::new()),
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
                "the database has migrations {applied:?}, this program needs {:?}; start it with DB_MIGRATE_ON_STARTUP=true to migrate",
                MIGRATIONS.map(|m| m.0)
            )))
        }
    }
}
