//! Migrations of SQLite: all missing ones in one transaction.

use sqlx::{Error, SqlSafeStr as _, SqlitePool};

use crate::migrate::{Migration, missing};

pub(super) static MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "log", sql: include_str!("../../migrations/sqlite/0001_log.sql") },
    Migration { version: 2, name: "delivery", sql: include_str!("../../migrations/sqlite/0002_delivery.sql") },
    Migration { version: 3, name: "operations", sql: include_str!("../../migrations/sqlite/0003_operations.sql") },
    Migration { version: 4, name: "views", sql: include_str!("../../migrations/sqlite/0004_views.sql") },
    Migration { version: 5, name: "policies", sql: include_str!("../../migrations/sqlite/0005_policies.sql") },
    Migration { version: 6, name: "jobs", sql: include_str!("../../migrations/sqlite/0006_jobs.sql") },
    Migration { version: 7, name: "consumer", sql: include_str!("../../migrations/sqlite/0007_consumer.sql") },
    Migration { version: 8, name: "archive", sql: include_str!("../../migrations/sqlite/0008_archive.sql") },
    Migration { version: 12, name: "rollup", sql: include_str!("../../migrations/sqlite/0012_rollup.sql") },
];

const CREATE: &str = "CREATE TABLE IF NOT EXISTS outbox_migration (version integer PRIMARY KEY, name text NOT NULL, \
                      applied_at text NOT NULL DEFAULT CURRENT_TIMESTAMP) STRICT";

pub(super) async fn migrate(pool: &SqlitePool) -> Result<(), Error> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE".into_sql_str()).await?;
    sqlx::query(CREATE).execute(&mut *tx).await?;
    let applied: Vec<i32> =
        sqlx::query_scalar("SELECT version FROM outbox_migration ORDER BY version").fetch_all(&mut *tx).await?;
    for step in missing(MIGRATIONS, &applied)? {
        sqlx::raw_sql(step.sql).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO outbox_migration (version, name) VALUES (?1, ?2)")
            .bind(step.version)
            .bind(step.name)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}
