//! Statements that take many rows at once.
//!
//! SQLite has no array parameters, and a call of the driver costs more than a row does. So a statement file holds one row
//! of parameters, `(?, ?, ?)`, which is repeated here; the texts are made once, for powers of two, so that each is prepared
//! once. Rows beyond the last are left unbound and arrive as nulls, which the statements pass over.

use std::sync::OnceLock;

use sqlx::encode::Encode;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments as _, Sqlite, Type};

/// Most rows of one execution. 256 rows of the widest table are 5,888 of the 32,766 parameters that SQLite allows.
const MOST: usize = 256;
const TEXTS: usize = MOST.ilog2() as usize + 1;

/// A statement with one row of parameters, and its texts for 1, 2, 4, … rows.
#[derive(Debug)]
pub(super) struct Rows {
    sql: &'static str,
    texts: [OnceLock<String>; TEXTS],
}

impl Rows {
    pub(super) const fn new(sql: &'static str) -> Self {
        Self { sql, texts: [const { OnceLock::new() }; TEXTS] }
    }

    /// Executes the statement for all `rows` and collects what it returns. `bind` pushes one row's parameters.
    pub(super) async fn run<T>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Values),
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::new();
        for chunk in rows.chunks(MOST) {
            let mut values = Values::default();
            for row in chunk {
                bind(row, &mut values);
            }
            let mut part = sqlx::query_with(self.text(chunk.len()), values.0).fetch_all(&mut *connection).await?;
            found.append(&mut part);
        }
        Ok(found)
    }

    /// The statement with at least as many rows.
    fn text(&self, rows: usize) -> &str {
        let doublings = rows.next_power_of_two().ilog2();
        self.texts[doublings as usize].get_or_init(|| {
            let (before, rest) = self.sql.split_once("(?").expect("a row of parameters starts with (?");
            let (row, after) = rest.split_once(')').expect("a row of parameters ends with )");
            let row = format!("(?{row})");
            let rows = vec![row.as_str(); 1 << doublings].join(", ");
            format!("{before}{rows}{after}")
        })
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
    fn the_row_is_repeated_up_to_the_next_power_of_two() {
        static STATEMENT: Rows = Rows::new("WITH w (a, b) AS (VALUES (?, ?)) SELECT a FROM w WHERE b > 0");
        assert_eq!(STATEMENT.text(1), STATEMENT.sql);
        assert_eq!(
            STATEMENT.text(3),
            "WITH w (a, b) AS (VALUES (?, ?), (?, ?), (?, ?), (?, ?)) SELECT a FROM w WHERE b > 0"
        );
    }
}
