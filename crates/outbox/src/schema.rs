//! Where the tables are.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// The name that the `.sql` files use.
const WRITTEN: &str = "outbox";

/// The PostgreSQL schema of the outbox tables. SQLite has none; there the tables are in the application's own file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema(Arc<str>);

/// A schema name that is not admissible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no schema name: 1 to 40 of a-z, 0-9 and _, beginning with a letter")]
pub struct InvalidSchema(String);

impl Default for Schema {
    fn default() -> Self {
        Self(WRITTEN.into())
    }
}

impl Schema {
    /// Checks a name.
    pub fn new(name: &str) -> Result<Self, InvalidSchema> {
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let admissible =
            plain && (1..=40).contains(&name.len()) && name.starts_with(|first: char| first.is_ascii_lowercase());
        if admissible { Ok(Self(name.into())) } else { Err(InvalidSchema(name.chars().take(80).collect())) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The statement of a file, for this schema. The files are valid as they stand and name the default one, `outbox.`; a
    /// checked name holds nothing that could change what the statement means.
    pub(crate) fn sql(&self, written: &'static str) -> SqlStr {
        if &*self.0 == WRITTEN {
            return written.into_sql_str();
        }
        self.composed(written)
    }

    /// The same for lines of a file. They hold no value that anyone gave: values are arguments.
    pub(crate) fn composed(&self, lines: &str) -> SqlStr {
        AssertSqlSafe(lines.replace("outbox.", &format!("\"{}\".", self.0))).into_sql_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_put_in() {
        let schema = Schema::new("shop_events2").expect("a name");
        assert_eq!(schema.sql("SELECT 1 FROM outbox.event_log").as_str(), "SELECT 1 FROM \"shop_events2\".event_log");
        assert_eq!(Schema::default().sql("outbox.x").as_str(), "outbox.x");
        for bad in ["", "1a", "A", "a\"b", "a.b", "a b", "pg;drop", &"a".repeat(41)] {
            assert!(Schema::new(bad).is_err(), "{bad}");
        }
    }
}
