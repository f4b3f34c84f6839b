//! What the two engines do differently. Sealed: [`Engine`] is a bound for callers, the verbs are ours.

use std::pin::Pin;

use std::time::Duration;

use sqlx::{Database, Pool, SqlStr};
use uuid::Uuid;

use crate::delivery::{Chunk, CursorState, Lease};
use crate::hint::Hint;
use crate::migrate::Migration;
use crate::schema::Schema;
use crate::scope::Scope;
use crate::sql::{Arg, Cells, Statement};
use crate::write::Row;

/// A database that the outbox runs in: `sqlx::Postgres` or `sqlx::Sqlite`.
pub trait Engine: Verbs {}

pub(crate) type SqlFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'a>>;

/// Identity of an event that is in the log, or was.
#[derive(Clone, Debug)]
pub struct Identity {
    pub event_id: Uuid,
    pub event_key: Option<String>,
    pub log_id: i64,
    pub payload_hash: Vec<u8>,
}

pub trait Verbs: Database {
    /// Begins a transaction that is going to write.
    const BEGIN: &'static str;

    /// Begins a transaction that only reads, and sees one state of the database throughout.
    const BEGIN_READ: &'static str;

    /// Begins a transaction of a worker, whose locks must not outlive its sign of life: a worker that is stopped between
    /// two statements would keep its shard group from everybody else.
    const BEGIN_DELIVERY: &'static str;

    /// All steps of the schema.
    const MIGRATIONS: &'static [Migration];

    /// The place before every event, as a cursor keeps it.
    const LOG_START: &'static str;

    /// Creates the tables, or brings them to this version. Idempotent, safe when several processes do it at once.
    fn migrate<'a>(pool: &'a Pool<Self>, schema: &'a Schema) -> SqlFuture<'a, ()>;

    /// Adds events that are not known yet, in order, and never fails because of one that is: gives the place in the log
    /// of each that was added. From `bulk_from` events on it may take a way that is faster for many.
    fn insert_events<'a>(
        connection: &'a mut Self::Connection,
        schema: &'a Schema,
        scope: Scope,
        rows: &'a [Row],
        bulk_from: usize,
    ) -> SqlFuture<'a, Vec<Option<i64>>>;

    /// Events known by one of these ids or keys.
    fn identities<'a>(
        connection: &'a mut Self::Connection,
        schema: &'a Schema,
        scope: Scope,
        ids: Vec<Uuid>,
        keys: Vec<String>,
    ) -> SqlFuture<'a, Vec<Identity>>;

    /// The statement in this engine's dialect.
    fn dialect(statement: Statement) -> &'static str;

    /// Runs a statement; gives the number of rows it changed.
    fn execute(connection: &mut Self::Connection, sql: SqlStr, args: Vec<Arg>) -> SqlFuture<'_, u64>;

    /// Runs a statement; gives its rows.
    fn fetch(connection: &mut Self::Connection, sql: SqlStr, args: Vec<Arg>) -> SqlFuture<'_, Vec<Cells>>;

    /// The next events behind a cursor.
    fn poll<'a>(
        connection: &'a mut Self::Connection,
        schema: &'a Schema,
        lease: &'a Lease,
        cursor: CursorState,
        most: u16,
    ) -> SqlFuture<'a, Chunk>;

    /// Makes events written from now on belong to a log epoch, waiting for every writer first.
    fn begin_log_epoch<'a>(
        connection: &'a mut Self::Connection,
        schema: &'a Schema,
        log_epoch: i16,
    ) -> SqlFuture<'a, ()>;

    /// Makes room for events to come.
    fn prepare_room<'a>(connection: &'a mut Self::Connection, schema: &'a Schema) -> SqlFuture<'a, ()>;

    /// Gives room back that archived events took, as far as that is cheap.
    fn give_room_back<'a>(connection: &'a mut Self::Connection, schema: &'a Schema) -> SqlFuture<'a, ()>;

    /// What listens for the commits of other processes.
    type Listener: Default + Send;

    /// Completes when another process has committed, or after `most`.
    fn listen<'a>(
        pool: &'a Pool<Self>,
        schema: &'a Schema,
        listener: &'a mut Self::Listener,
        most: Duration,
    ) -> SqlFuture<'a, ()>;

    /// What wakes workers after a commit.
    fn hint(pool: &Pool<Self>, schema: &Schema) -> Hint;

    /// Makes the transaction see the rows of this tenant only, where row-level security is on.
    fn enter_scope(connection: &mut Self::Connection, scope: Scope) -> SqlFuture<'_, ()>;
}
