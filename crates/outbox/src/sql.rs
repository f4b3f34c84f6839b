//! Statements and values that both engines understand, so that what is done with them is written once.

use sqlx::{Database, Error};
use uuid::Uuid;

use crate::engine::Verbs;
use crate::schema::Schema;

/// One statement, in the dialect of each engine.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    pub postgres: &'static str,
    pub sqlite: &'static str,
}

/// The statement of this name under `sql/`.
macro_rules! statement {
    ($name:literal) => {
        $crate::sql::Statement {
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/postgres/", $name, ".sql")),
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/sqlite/", $name, ".sql")),
        }
    };
}
pub(crate) use statement;

/// The statement with the lines that are asked for: one that ends with `-- if x y` stays only if `x` and `y` are in `on`.
pub(crate) fn compose(statement: &str, on: &[&str]) -> String {
    let keep = |line: &'_ str| match line.split_once(" -- if ") {
        Some((text, condition)) => condition.split_whitespace().all(|name| on.contains(&name)).then(|| text.to_owned()),
        None => Some(line.to_owned()),
    };
    statement.lines().filter_map(keep).collect::<Vec<_>>().join("\n")
}

/// An argument. Its kind is known even where its value is not.
#[derive(Clone, Debug)]
pub enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
    Id(Option<Uuid>),
    Bytes(Option<Vec<u8>>),
    Flag(bool),
}

macro_rules! arg_from {
    ($($variant:ident($from:ty) $value:ident => $into:expr;)+) => { $(
        impl From<$from> for Arg {
            fn from($value: $from) -> Self {
                Self::$variant($into)
            }
        }
    )+ };
}
arg_from! {
    Int(i64) value => Some(value);
    Int(i32) value => Some(value.into());
    Int(i16) value => Some(value.into());
    Int(u16) value => Some(value.into());
    Int(u8) value => Some(value.into());
    Int(u32) value => Some(value.into());
    Int(Option<i64>) value => value;
    Text(&str) value => Some(value.to_owned());
    Text(&String) value => Some(value.clone());
    Text(Option<&str>) value => value.map(str::to_owned);
    Text(Option<&String>) value => value.cloned();
    Text(String) value => Some(value);
    Text(Option<String>) value => value;
    Id(Uuid) value => Some(value);
    Id(Option<Uuid>) value => value;
    Bytes(&[u8]) value => Some(value.to_vec());
    Bytes(Option<&[u8]>) value => value.map(<[u8]>::to_vec);
    Flag(bool) value => value;
}

/// Arguments from values of any of these kinds.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use args;

/// A value of a row.
#[derive(Clone, Debug)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// Postgres has a type for it; SQLite gives 16 bytes.
    Id(Uuid),
    /// Stored, but not what its type says: text that is no UTF-8.
    Unreadable,
}

/// A row, read column by column from the left.
#[derive(Debug)]
pub struct Cells(pub std::vec::IntoIter<Cell>);

impl Cells {
    fn next(&mut self) -> Result<Cell, Error> {
        self.0.next().ok_or_else(|| decode("a column is missing"))
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>, Error> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Int(value) => Ok(Some(value)),
            Cell::Text(_) | Cell::Bytes(_) | Cell::Id(_) | Cell::Unreadable => Err(decode("a number is none")),
        }
    }

    /// A number that fits the type.
    pub(crate) fn int<T: TryFrom<i64>>(&mut self) -> Result<T, Error> {
        let value = self.opt_int()?.ok_or_else(|| decode("a number is NULL"))?;
        T::try_from(value).map_err(|_| decode("a number is out of range"))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        self.int::<i64>().map(|value| value != 0)
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>, Error> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Text(value) => Ok(Some(value)),
            Cell::Int(_) | Cell::Bytes(_) | Cell::Id(_) | Cell::Unreadable => Err(decode("a text is none")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.opt_text()?.ok_or_else(|| decode("a text is NULL"))
    }

    pub(crate) fn opt_bytes(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Bytes(value) => Ok(Some(value)),
            Cell::Int(_) | Cell::Text(_) | Cell::Id(_) | Cell::Unreadable => Err(decode("bytes are none")),
        }
    }

    pub(crate) fn opt_id(&mut self) -> Result<Option<Uuid>, Error> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Id(value) => Ok(Some(value)),
            Cell::Bytes(bytes) => Uuid::from_slice(&bytes).map(Some).map_err(|_| decode("a UUID is none")),
            Cell::Int(_) | Cell::Text(_) | Cell::Unreadable => Err(decode("a UUID is none")),
        }
    }

    pub(crate) fn id(&mut self) -> Result<Uuid, Error> {
        self.opt_id()?.ok_or_else(|| decode("a UUID is NULL"))
    }

    /// A word that parses.
    pub(crate) fn word<T: std::str::FromStr>(&mut self) -> Result<T, Error> {
        self.text()?.parse().map_err(|_| decode("a word is unknown to this version"))
    }

    /// Whether the next column is NULL; it is not consumed.
    pub(crate) fn at_null(&self) -> bool {
        matches!(self.0.as_slice().first(), Some(Cell::Null))
    }
}

/// Microseconds, as the database counts.
pub(crate) fn micros(duration: std::time::Duration) -> i64 {
    // A quarter, so that adding it to a time cannot overflow.
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

pub(crate) fn decode(what: &'static str) -> Error {
    Error::Decode(what.into())
}

/// Runs a statement; gives the number of rows it changed.
pub(crate) async fn execute<DB: Verbs>(
    connection: &mut <DB as Database>::Connection,
    schema: &Schema,
    statement: Statement,
    args: Vec<Arg>,
) -> Result<u64, Error> {
    DB::execute(connection, schema.sql(DB::dialect(statement)), args).await
}

/// Runs a statement; gives its rows.
pub(crate) async fn fetch<DB: Verbs>(
    connection: &mut <DB as Database>::Connection,
    schema: &Schema,
    statement: Statement,
    args: Vec<Arg>,
) -> Result<Vec<Cells>, Error> {
    DB::fetch(connection, schema.sql(DB::dialect(statement)), args).await
}

/// Runs the lines of a statement that are asked for; gives its rows.
pub(crate) async fn fetch_composed<DB: Verbs>(
    connection: &mut <DB as Database>::Connection,
    schema: &Schema,
    statement: Statement,
    on: &[&str],
    args: Vec<Arg>,
) -> Result<Vec<Cells>, Error> {
    DB::fetch(connection, schema.composed(&compose(DB::dialect(statement), on)), args).await
}

/// Runs a statement that has at most one row.
pub(crate) async fn fetch_optional<DB: Verbs>(
    connection: &mut <DB as Database>::Connection,
    schema: &Schema,
    statement: Statement,
    args: Vec<Arg>,
) -> Result<Option<Cells>, Error> {
    Ok(fetch::<DB>(connection, schema, statement, args).await?.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::compose;

    #[test]
    fn lines_stay_where_they_are_asked_for() {
        let statement =
            "SELECT 1 -- if one\nSELECT 2 -- if two\n-- a comment\nLIMIT 1 -- if two one\nLIMIT 2 -- if two three";
        assert_eq!(compose(statement, &["two", "three"]), "SELECT 2\n-- a comment\nLIMIT 2");
    }
}
