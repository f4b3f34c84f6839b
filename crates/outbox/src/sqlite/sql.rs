//! Arguments in, rows out.

use std::future::ready;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Error, Row as _, SqlStr, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _};

use crate::sql::{Arg, Cell, Cells, decode};

fn query(sql: SqlStr, args: Vec<Arg>) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(sql);
    for arg in args {
        query = match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
            Arg::Id(value) => query.bind(value),
            Arg::Bytes(value) => query.bind(value),
            Arg::Flag(value) => query.bind(value),
        };
    }
    query
}

pub(super) async fn execute(connection: &mut SqliteConnection, sql: SqlStr, args: Vec<Arg>) -> Result<u64, Error> {
    Ok(query(sql, args).execute(connection).await?.rows_affected())
}

pub(super) async fn fetch(connection: &mut SqliteConnection, sql: SqlStr, args: Vec<Arg>) -> Result<Vec<Cells>, Error> {
    query(sql, args).fetch(connection).and_then(|row| ready(cells(&row))).try_collect().await
}

fn cells(row: &SqliteRow) -> Result<Cells, Error> {
    let cells = (0..row.len()).map(|at| {
        let raw = row.try_get_raw(at)?;
        let kind = raw.type_info();
        match kind.name() {
            "NULL" => Ok(Cell::Null),
            _ if raw.is_null() => Ok(Cell::Null),
            "INTEGER" => row.try_get_unchecked(at).map(Cell::Int),
            // Anyone may write the file, and SQLite checks no text: one bad row must not take its page down.
            "TEXT" => Ok(row.try_get_unchecked(at).map_or(Cell::Unreadable, Cell::Text)),
            "BLOB" => row.try_get_unchecked(at).map(Cell::Bytes),
            _ => Err(decode("a column has a type that no statement should give")),
        }
    });
    Ok(Cells(cells.collect::<Result<Vec<_>, Error>>()?.into_iter()))
}
