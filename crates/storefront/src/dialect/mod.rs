//! Statements that both engines understand, so that what is done with them is written once.
//!
//! A stranger's service has one database and writes `sqlx::query` where it stands. These services run on two, so each
//! statement is a file per engine under `sql/`, with the same name.

mod postgres;
mod row;
mod sqlite;

use std::pin::Pin;

use sqlx::Error;
use stateset_outbox::Engine;

pub(crate) use row::Cell;
pub use row::Row;

/// One statement, in the dialect of each engine.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// For PostgreSQL.
    pub postgres: &'static str,
    /// For SQLite.
    pub sqlite: &'static str,
}

/// The statement of this name under `sql/`.
macro_rules! statement {
    ($name:literal) => {
        $crate::dialect::Statement {
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/postgres/", $name, ".sql")),
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/sqlite/", $name, ".sql")),
        }
    };
}
/// The script of this name under `migrations/`.
macro_rules! migration {
    ($name:literal) => {
        $crate::dialect::Statement {
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/", $name, ".sql")),
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $name, ".sql")),
        }
    };
}
pub(crate) use {migration, statement};

/// An argument. Its kind is known even where its value is not.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
}

macro_rules! value_from {
    ($($variant:ident($from:ty) $value:ident => $into:expr;)+) => { $(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$variant($into)
            }
        }
    )+ };
}
value_from! {
    Int(i64) value => Some(value);
    Int(Option<i64>) value => value;
    Text(&str) value => Some(value.to_owned());
    Text(&String) value => Some(value.clone());
    Text(Option<&str>) value => value.map(str::to_owned);
    Text(Option<String>) value => value;
    Text(String) value => Some(value);
}

/// Arguments from values of any of these kinds.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::dialect::Value::from($value)),*] };
}
pub(crate) use values;

/// What a statement comes to.
pub type SqlFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// An engine of the outbox on which these services run: `sqlx::Postgres` or `sqlx::Sqlite`.
pub trait Dialect: Engine {
    /// Runs a statement; gives the number of rows it changed.
    fn change(connection: &mut Self::Connection, statement: Statement, values: Vec<Value>) -> SqlFuture<'_, u64>;

    /// Runs a statement; gives its rows.
    fn look(connection: &mut Self::Connection, statement: Statement, values: Vec<Value>) -> SqlFuture<'_, Vec<Row>>;

    /// Runs the statements of a script.
    fn script(connection: &mut Self::Connection, script: Statement) -> SqlFuture<'_, ()>;
}

/// Runs a statement that has at most one row.
pub(crate) async fn look_once<DB: Dialect>(
    connection: &mut DB::Connection,
    statement: Statement,
    values: Vec<Value>,
) -> Result<Option<Row>, Error> {
    Ok(DB::look(connection, statement, values).await?.into_iter().next())
}

/// Runs a statement that has one row.
pub(crate) async fn look_one<DB: Dialect>(
    connection: &mut DB::Connection,
    statement: Statement,
    values: Vec<Value>,
) -> Result<Row, Error> {
    look_once::<DB>(connection, statement, values).await?.ok_or(Error::RowNotFound)
}
