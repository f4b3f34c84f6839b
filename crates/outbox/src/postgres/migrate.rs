//! Migrations of PostgreSQL: all missing ones in one transaction.

use sqlx::{AssertSqlSafe, Error, PgPool, SqlSafeStr as _};

use crate::migrate::{Migration, missing};
use crate::schema::Schema;

pub(super) static MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "log", sql: include_str!("../../migrations/postgres/0001_log.sql") },
    Migration { version: 2, name: "delivery", sql: include_str!("../../migrations/postgres/0002_delivery.sql") },
    Migration { version: 3, name: "operations", sql: include_str!("../../migrations/postgres/0003_operations.sql") },
    Migration { version: 4, name: "views", sql: include_str!("../../migrations/postgres/0004_views.sql") },
    Migration { version: 5, name: "policies", sql: include_str!("../../migrations/postgres/0005_policies.sql") },
    Migration { version: 6, name: "jobs", sql: include_str!("../../migrations/postgres/0006_jobs.sql") },
    Migration { version: 7, name: "consumer", sql: include_str!("../../migrations/postgres/0007_consumer.sql") },
    Migration { version: 8, name: "archive", sql: include_str!("../../migrations/postgres/0008_archive.sql") },
    Migration { version: 9, name: "subjects", sql: include_str!("../../migrations/postgres/0009_subjects.sql") },
    Migration { version: 12, name: "rollup", sql: include_str!("../../migrations/postgres/0012_rollup.sql") },
    Migration { version: 13, name: "unseen", sql: include_str!("../../migrations/postgres/0013_unseen.sql") },
];

/// Held while migrating, so that processes which start at once do it one after the other. Any number of our own.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('stateset-outbox ' || $1, 0))";

pub(super) async fn migrate(pool: &PgPool, schema: &Schema) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    sqlx::query(LOCK).bind(schema.name()).execute(&mut *tx).await?;
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut *tx).await?;
    if encoding != "UTF8" {
        let why = format!("the database's encoding is {encoding}; payloads are kept byte for byte and need UTF8");
        return Err(Error::Configuration(why.into()));
    }
    let create = format!(
        "CREATE SCHEMA IF NOT EXISTS \"{0}\"; CREATE TABLE IF NOT EXISTS \"{0}\".outbox_migration \
         (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
        schema.name()
    );
    sqlx::raw_sql(AssertSqlSafe(create).into_sql_str()).execute(&mut *tx).await?;
    let applied: Vec<i32> =
        sqlx::query_scalar(schema.sql("SELECT version FROM outbox.outbox_migration ORDER BY version"))
            .fetch_all(&mut *tx)
            .await?;
    for step in missing(MIGRATIONS, &applied)? {
        sqlx::raw_sql(schema.sql(step.sql)).execute(&mut *tx).await?;
        sqlx::query(schema.sql("INSERT INTO outbox.outbox_migration (version, name) VALUES ($1, $2)"))
            .bind(step.version)
            .bind(step.name)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}
