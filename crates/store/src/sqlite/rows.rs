//! Statements that take many rows, and scripts of statements that travel together.
//!
//! SQLite has no array parameters, and a trip to the driver's thread costs more than a row does. So a statement file holds
//! one row of parameters, `(?, ?, ?)`, and is executed with that row repeated, up to the next power of two so that few
//! texts are ever prepared. Superfluous rows are null throughout, and the statements pass over them.

use std::mem;

use sqlx::encode::Encode;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Sqlite, Type};

use super::connect::CACHED_STATEMENTS;

/// Most rows of one execution. 256 rows of the widest table are 5,888 of the 32,766 parameters that SQLite allows.
const MOST: usize = 256;
/// Statements with at most this many rows wait for the next one. Every combination of sizes is a text of its own, so that
/// larger ones would fill the cache of prepared statements, and they are worth a trip anyway.
const FEW: usize = 16;
const _: () = assert!(CACHED_STATEMENTS > 2 * (FEW.ilog2() as usize + 1).pow(2));

/// A statement with one row of parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows(pub(super) &'static str);

impl Rows {
    /// Executes the statement for all `rows` and collects what it returns. `bind` pushes one row's parameters.
    pub(super) async fn run<T>(
        self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Values),
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut script = Script::default();
        script.add(connection, self, rows, bind).await?;
        script.run(connection).await
    }

    /// The statement with `2 ^ doublings` rows of parameters.
    fn text(self, doublings: u32) -> String {
        let (before, rest) = self.0.split_once("(?").expect("a row of parameters starts with (?");
        let (row, after) = rest.split_once(')').expect("a row of parameters ends with )");
        let mut text = String::with_capacity(self.0.len() + ((row.len() + 5) << doublings));
        text.push_str(before);
        for place in 0..1 << doublings {
            text.push_str(if place == 0 { "(?" } else { ", (?" });
            text.push_str(row);
            text.push(')');
        }
        text.push_str(after);
        text
    }

    fn columns(self) -> usize {
        self.0.matches('?').count()
    }
}

/// Statements that make one trip, in order, up to the first that fails.
#[derive(Debug, Default)]
pub(super) struct Script {
    sql: String,
    values: Values,
    returned: Vec<SqliteRow>,
}

impl Script {
    /// Adds a statement without parameters.
    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
        self.sql.push_str(";\n");
    }

    /// Adds `statement` for all `rows`; goes on the way at once with many.
    pub(super) async fn add<T>(
        &mut self,
        connection: &mut SqliteConnection,
        statement: Rows,
        rows: &[T],
        bind: impl Fn(&T, &mut Values),
    ) -> Result<(), sqlx::Error> {
        for chunk in rows.chunks(MOST) {
            let doublings = chunk.len().next_power_of_two().ilog2();
            self.push(&statement.text(doublings));
            for row in chunk {
                bind(row, &mut self.values);
            }
            for _ in 0..((1 << doublings) - chunk.len()) * statement.columns() {
                self.values.push(None::<i64>);
            }
            if chunk.len() > FEW {
                self.flush(connection).await?;
            }
        }
        Ok(())
    }

    /// Executes what is left and hands out all rows that were returned.
    pub(super) async fn run(mut self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, sqlx::Error> {
        self.flush(connection).await?;
        Ok(self.returned)
    }

    async fn flush(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if !self.sql.is_empty() {
            let sql = AssertSqlSafe(mem::take(&mut self.sql));
            let mut returned = sqlx::query_with(sql, mem::take(&mut self.values).0).fetch_all(connection).await?;
            self.returned.append(&mut returned);
        }
        Ok(())
    }
}

/// Parameters in order.
#[derive(Debug, Default)]
pub(super) struct Values(SqliteArguments);

impl Values {
    pub(super) fn push<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        self.0.add(value).expect("numbers, text and bytes can always be encoded");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn the_row_is_repeated() {
        let statement = Rows("WITH w (a, b) AS (VALUES (?, ?)) SELECT a FROM w WHERE b > 0");
        assert_eq!(statement.text(0), statement.0);
        assert_eq!(
            statement.text(2),
            "WITH w (a, b) AS (VALUES (?, ?), (?, ?), (?, ?), (?, ?)) SELECT a FROM w WHERE b > 0"
        );
        assert_eq!(statement.columns(), 2);
    }
}
