//! PostgreSQL 15 or newer.

mod copy;
mod migrate;
mod notify;
mod poll;
mod sql;
mod write;

use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, SqlSafeStr as _, SqlStr};
use uuid::Uuid;

use crate::delivery::{Chunk, CursorState, Lease};
use crate::engine::{Engine, Identity, SqlFuture, Verbs};
use crate::hint::Hint;
use crate::schema::Schema;
use crate::scope::Scope;
use crate::sql::{Arg, Cells, Statement};
use crate::write::Row;

impl Engine for Postgres {}

impl Verbs for Postgres {
    const BEGIN: &'static str = "BEGIN";
    // Compiling a statement takes longer than any answer may.
    const BEGIN_READ: &'static str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off";
    const BEGIN_DELIVERY: &'static str =
        "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL jit = off";

    const MIGRATIONS: &'static [crate::migrate::Migration] = migrate::MIGRATIONS;
    const LOG_START: &'static str = "1:1:";

    fn migrate<'a>(pool: &'a PgPool, schema: &'a Schema) -> SqlFuture<'a, ()> {
        Box::pin(migrate::migrate(pool, schema))
    }

    fn insert_events<'a>(
        connection: &'a mut PgConnection,
        schema: &'a Schema,
        scope: Scope,
        rows: &'a [Row],
        bulk_from: usize,
    ) -> SqlFuture<'a, Vec<Option<i64>>> {
        Box::pin(write::insert_events(connection, schema, scope, rows, bulk_from))
    }

    fn identities<'a>(
        connection: &'a mut PgConnection,
        schema: &'a Schema,
        scope: Scope,
        ids: Vec<Uuid>,
        keys: Vec<String>,
    ) -> SqlFuture<'a, Vec<Identity>> {
        Box::pin(write::identities(connection, schema, scope, ids, keys))
    }

    fn dialect(statement: Statement) -> &'static str {
        statement.postgres
    }

    fn execute(connection: &mut PgConnection, sql: SqlStr, args: Vec<Arg>) -> SqlFuture<'_, u64> {
        Box::pin(sql::execute(connection, sql, args))
    }

    fn fetch(connection: &mut PgConnection, sql: SqlStr, args: Vec<Arg>) -> SqlFuture<'_, Vec<Cells>> {
        Box::pin(sql::fetch(connection, sql, args))
    }

    fn poll<'a>(
        connection: &'a mut PgConnection,
        schema: &'a Schema,
        lease: &'a Lease,
        cursor: CursorState,
        most: u16,
    ) -> SqlFuture<'a, Chunk> {
        Box::pin(poll::poll(connection, schema, lease, cursor, most))
    }

    /// The default of a column, not a look-up: writers, in any language, need not know of epochs. Changing it takes the
    /// table's strongest lock, which waits for every transaction that has written.
    fn begin_log_epoch<'a>(connection: &'a mut PgConnection, schema: &'a Schema, log_epoch: i16) -> SqlFuture<'a, ()> {
        let sql = format!("ALTER TABLE \"{}\".event_log ALTER COLUMN log_epoch SET DEFAULT {log_epoch}", schema.name());
        Box::pin(async move {
            sqlx::raw_sql(AssertSqlSafe(sql).into_sql_str()).execute(&mut *connection).await?;
            let reset = include_str!("../../sql/postgres/only/reset_ids.sql");
            sql::fetch(connection, schema.sql(reset), Vec::new()).await?;
            Ok(())
        })
    }

    fn prepare_room<'a>(connection: &'a mut PgConnection, schema: &'a Schema) -> SqlFuture<'a, ()> {
        Box::pin(async move {
            let add = include_str!("../../sql/postgres/only/add_partitions.sql");
            sqlx::raw_sql(schema.sql(add)).execute(connection).await?;
            Ok(())
        })
    }

    fn give_room_back<'a>(connection: &'a mut PgConnection, schema: &'a Schema) -> SqlFuture<'a, ()> {
        Box::pin(async move {
            let drop = include_str!("../../sql/postgres/only/drop_empty_partitions.sql");
            sqlx::raw_sql(schema.sql(drop)).execute(connection).await?;
            Ok(())
        })
    }

    type Listener = Option<PgListener>;

    fn listen<'a>(
        pool: &'a PgPool,
        schema: &'a Schema,
        listener: &'a mut Option<PgListener>,
        most: Duration,
    ) -> SqlFuture<'a, ()> {
        Box::pin(notify::listen(pool, schema, listener, most))
    }

    fn hint(pool: &PgPool, schema: &Schema) -> Hint {
        Hint::new(Some(notify::notifier(pool, schema)))
    }

    fn enter_scope(connection: &mut PgConnection, scope: Scope) -> SqlFuture<'_, ()> {
        Box::pin(async move {
            sqlx::query(include_str!("../../sql/postgres/only/enter_scope.sql"))
                .bind(scope.tenant.to_string())
                .execute(connection)
                .await?;
            Ok(())
        })
    }
}
