//! PostgreSQL 15 or newer.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Column as _, Error, PgConnection, Postgres, Row as _, TypeInfo as _};

use super::{Cell, Dialect, Row, SqlFuture, Statement, Value};

impl Dialect for Postgres {
    fn change(connection: &mut PgConnection, statement: Statement, values: Vec<Value>) -> SqlFuture<'_, u64> {
        Box::pin(async move { Ok(query(statement, values).execute(connection).await?.rows_affected()) })
    }

    fn look(connection: &mut PgConnection, statement: Statement, values: Vec<Value>) -> SqlFuture<'_, Vec<Row>> {
        Box::pin(async move {
            let rows = query(statement, values).fetch_all(connection).await?;
            rows.iter().map(read).collect()
        })
    }

    fn script(connection: &mut PgConnection, script: Statement) -> SqlFuture<'_, ()> {
        Box::pin(async move { sqlx::raw_sql(script.postgres).execute(connection).await.map(drop) })
    }
}

fn query(statement: Statement, values: Vec<Value>) -> sqlx::query::Query<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(statement.postgres);
    for value in values {
        query = match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
        };
    }
    query
}

fn read(row: &PgRow) -> Result<Row, Error> {
    let cell = |(at, column): (usize, &sqlx::postgres::PgColumn)| match column.type_info().name() {
        "INT8" => Ok(row.try_get::<Option<_>, _>(at)?.map_or(Cell::Null, Cell::Int)),
        "TEXT" => Ok(row.try_get::<Option<_>, _>(at)?.map_or(Cell::Null, Cell::Text)),
        other => Err(Error::Decode(format!("no statement should give a column of type {other}").into())),
    };
    row.columns().iter().enumerate().map(cell).collect::<Result<_, _>>().map(Row::new)
}
