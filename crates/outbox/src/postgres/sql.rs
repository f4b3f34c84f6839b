//! Arguments in, rows out.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Column as _, Error, PgConnection, Postgres, Row as _, SqlStr, TypeInfo as _, ValueRef as _};
use uuid::Uuid;

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
    let rows = query(sql, args).fetch_all(connection).await?;
    rows.iter().map(cells).collect()
}

fn cells(row: &PgRow) -> Result<Cells, Error> {
    let cells = (0..row.len()).map(|at| {
        if row.try_get_raw(at)?.is_null() {
            return Ok(Cell::Null);
        }
        match row.column(at).type_info().name() {
            "INT8" => row.try_get(at).map(Cell::Int),
            "INT4" => row.try_get::<i32, _>(at).map(|value| Cell::Int(value.into())),
            "INT2" => row.try_get::<i16, _>(at).map(|value| Cell::Int(value.into())),
            "BOOL" => row.try_get::<bool, _>(at).map(|value| Cell::Int(value.into())),
            "TEXT" | "VARCHAR" => row.try_get(at).map(Cell::Text),
            "UUID" => row.try_get::<Uuid, _>(at).map(|value| Cell::Bytes(value.as_bytes().to_vec())),
            "BYTEA" => row.try_get(at).map(Cell::Bytes),
            _ => Err(decode("a column has a type that no statement should give")),
        }
    });
    Ok(Cells(cells.collect::<Result<Vec<_>, Error>>()?.into_iter()))
}
