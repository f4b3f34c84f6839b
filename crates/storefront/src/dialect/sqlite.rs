//! SQLite.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Error, Row as _, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _};

use super::{Cell, Dialect, Row, SqlFuture, Statement, Value};

impl Dialect for Sqlite {
    fn change(connection: &mut SqliteConnection, statement: Statement, values: Vec<Value>) -> SqlFuture<'_, u64> {
        Box::pin(async move { Ok(query(statement, values).execute(connection).await?.rows_affected()) })
    }

    fn look(connection: &mut SqliteConnection, statement: Statement, values: Vec<Value>) -> SqlFuture<'_, Vec<Row>> {
        Box::pin(async move {
            let rows = query(statement, values).fetch_all(connection).await?;
            rows.iter().map(read).collect()
        })
    }

    fn script(connection: &mut SqliteConnection, script: Statement) -> SqlFuture<'_, ()> {
        Box::pin(async move { sqlx::raw_sql(script.sqlite).execute(connection).await.map(drop) })
    }
}

fn query(statement: Statement, values: Vec<Value>) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(statement.sqlite);
    for value in values {
        query = match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
        };
    }
    query
}

fn read(row: &SqliteRow) -> Result<Row, Error> {
    let cell = |at| {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Cell::Null);
        }
        match raw.type_info().name() {
            "INTEGER" => row.try_get_unchecked(at).map(Cell::Int),
            "TEXT" => row.try_get_unchecked(at).map(Cell::Text),
            other => Err(Error::Decode(format!("no statement should give a column of type {other}").into())),
        }
    };
    (0..row.len()).map(cell).collect::<Result<_, _>>().map(Row::new)
}
