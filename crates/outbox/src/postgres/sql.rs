//! Arguments in, rows out.

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgColumn, PgRow};
use sqlx::{Column as _, Error, PgConnection, Postgres, Row as _, SqlStr, TypeInfo as _};

use crate::sql::{Arg, Cell, Cells, decode};

fn query(sql: SqlStr, args: Vec<Arg>) -> sqlx::query::Query<'static, Postgres, PgArguments> {
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

pub(super) async fn execute(connection: &mut PgConnection, sql: SqlStr, args: Vec<Arg>) -> Result<u64, Error> {
    Ok(query(sql, args).execute(connection).await?.rows_affected())
}

pub(super) async fn fetch(connection: &mut PgConnection, sql: SqlStr, args: Vec<Arg>) -> Result<Vec<Cells>, Error> {
    // Each row is read as it comes, while the database is at the next ones.
    let mut rows = query(sql, args).fetch(connection);
    let mut kinds = Vec::new();
    let mut all = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if all.is_empty() {
            kinds = row.columns().iter().map(kind).collect::<Result<Vec<_>, _>>()?;
        }
        all.push(cells(&row, &kinds)?);
    }
    Ok(all)
}

/// How a column is read.
#[derive(Clone, Copy)]
enum Kind {
    Int8,
    Int4,
    Int2,
    Flag,
    Text,
    Id,
    Bytes,
}

fn kind(column: &PgColumn) -> Result<Kind, Error> {
    Ok(match column.type_info().name() {
        "INT8" => Kind::Int8,
        "INT4" => Kind::Int4,
        "INT2" => Kind::Int2,
        "BOOL" => Kind::Flag,
        "TEXT" | "VARCHAR" => Kind::Text,
        "UUID" => Kind::Id,
        "BYTEA" => Kind::Bytes,
        _ => return Err(decode("a column has a type that no statement should give")),
    })
}

/// The kinds are of the columns, so the types of the values need no look at each row.
fn cells(row: &PgRow, kinds: &[Kind]) -> Result<Cells, Error> {
    let cells = kinds.iter().enumerate().map(|(at, kind)| {
        let cell = match kind {
            Kind::Int8 => row.try_get_unchecked::<Option<_>, _>(at)?.map(Cell::Int),
            Kind::Int4 => row.try_get_unchecked::<Option<i32>, _>(at)?.map(|value| Cell::Int(value.into())),
            Kind::Int2 => row.try_get_unchecked::<Option<i16>, _>(at)?.map(|value| Cell::Int(value.into())),
            Kind::Flag => row.try_get_unchecked::<Option<bool>, _>(at)?.map(|value| Cell::Int(value.into())),
            Kind::Text => row.try_get_unchecked::<Option<_>, _>(at)?.map(Cell::Text),
            Kind::Id => row.try_get_unchecked::<Option<_>, _>(at)?.map(Cell::Id),
            Kind::Bytes => row.try_get_unchecked::<Option<_>, _>(at)?.map(Cell::Bytes),
        };
        Ok(cell.unwrap_or(Cell::Null))
    });
    Ok(Cells(cells.collect::<Result<Vec<_>, Error>>()?.into_iter()))
}
