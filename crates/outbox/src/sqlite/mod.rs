//! SQLite: one writer at a time, so ids become visible in order.

mod migrate;
mod poll;
mod pool;
mod sql;
mod write;

pub use self::pool::sqlite_pool;

use std::time::Duration;

use sqlx::{SqlStr, Sqlite, SqliteConnection, SqlitePool};
use uuid::Uuid;

use crate::delivery::{Chunk, CursorState, Lease};
use crate::engine::{Engine, Identity, SqlFuture, Verbs};
use crate::hint::Hint;
use crate::schema::Schema;
use crate::scope::Scope;
use crate::sql::{Arg, Cells, Statement};
use crate::write::Row;

impl Engine for Sqlite {}

impl Verbs for Sqlite {
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    // Takes no lock that a writer waits for, and works on a file that was opened for reading only.
    const BEGIN_READ: &'static str = "BEGIN DEFERRED";
    // A file lock belongs to the process, and nobody can take it away.
    const BEGIN_DELIVERY: &'static str = "BEGIN IMMEDIATE";

    const MIGRATIONS: &'static [crate::migrate::Migration] = migrate::MIGRATIONS;
    const LOG_START: &'static str = "0";

    fn migrate<'a>(pool: &'a SqlitePool, _: &'a Schema) -> SqlFuture<'a, ()> {
        Box::pin(migrate::migrate(pool))
    }

    fn insert_events<'a>(
        connection: &'a mut SqliteConnection,
        _: &'a Schema,
        scope: Scope,
        rows: &'a [Row],
        _: usize,
    ) -> SqlFuture<'a, Vec<Option<i64>>> {
        Box::pin(write::insert_events(connection, scope, rows))
    }

    fn identities<'a>(
        connection: &'a mut SqliteConnection,
        _: &'a Schema,
        scope: Scope,
        ids: Vec<Uuid>,
        keys: Vec<String>,
    ) -> SqlFuture<'a, Vec<Identity>> {
        Box::pin(write::identities(connection, scope, ids, keys))
    }

    fn dialect(statement: Statement) -> &'static str {
        statement.sqlite
    }

    fn execute(connection: &mut SqliteConnection, sql: SqlStr, args: Vec<Arg>) -> SqlFuture<'_, u64> {
        Box::pin(sql::execute(connection, sql, args))
    }

    fn fetch(connection: &mut SqliteConnection, sql: SqlStr, args: Vec<Arg>) -> SqlFuture<'_, Vec<Cells>> {
        Box::pin(sql::fetch(connection, sql, args))
    }

    fn poll<'a>(
        connection: &'a mut SqliteConnection,
        _: &'a Schema,
        lease: &'a Lease,
        cursor: CursorState,
        most: u16,
    ) -> SqlFuture<'a, Chunk> {
        Box::pin(poll::poll(connection, lease, cursor, most))
    }

    /// A new epoch is in `log_state` only: nothing compares transactions here.
    fn begin_log_epoch<'a>(_: &'a mut SqliteConnection, _: &'a Schema, _: i16) -> SqlFuture<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn prepare_room<'a>(_: &'a mut SqliteConnection, _: &'a Schema) -> SqlFuture<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// SQLite uses the room again by itself.
    fn give_room_back<'a>(_: &'a mut SqliteConnection, _: &'a Schema) -> SqlFuture<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    type Listener = poll::Listener;

    fn listen<'a>(
        pool: &'a SqlitePool,
        _: &'a Schema,
        listener: &'a mut poll::Listener,
        most: Duration,
    ) -> SqlFuture<'a, ()> {
        Box::pin(poll::listen(pool, listener, most))
    }

    fn hint(_: &SqlitePool, _: &Schema) -> Hint {
        Hint::new(None)
    }

    /// The file is one application's: there is no row-level security.
    fn enter_scope(_: &mut SqliteConnection, _: Scope) -> SqlFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
