//! Migrations: embedded, forward only. Their own table, because the application has migrations of its own.

use sqlx::Error;

use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{fetch, statement};

/// One step, the same number for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub(crate) version: i32,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// One step, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStep {
    /// Ascending.
    pub version: i32,
    /// What it is about.
    pub name: &'static str,
    /// For the schema of the handle.
    pub sql: String,
}

/// Which steps there are, and which were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationState {
    /// All that this version knows.
    pub steps: Vec<MigrationStep>,
    /// Versions of those that were taken.
    pub applied: Vec<i32>,
}

impl<DB: Engine> Outbox<DB> {
    /// Which migrations there are, and which were taken. Changes nothing.
    pub async fn migrations(&self) -> Result<MigrationState, Error> {
        let mut connection = self.pool.acquire().await?;
        let rows = fetch::<DB>(&mut connection, &self.schema, statement!("migrations_applied"), Vec::new()).await;
        let applied = match rows {
            Ok(rows) => rows.into_iter().map(|mut row| row.int()).collect::<Result<_, _>>()?,
            Err(error) if is_without_table(&error) => Vec::new(),
            Err(error) => return Err(error),
        };
        let step = |step: &Migration| MigrationStep {
            version: step.version,
            name: step.name,
            sql: self.schema.sql(step.sql).as_str().to_owned(),
        };
        Ok(MigrationState { steps: DB::MIGRATIONS.iter().map(step).collect(), applied })
    }
}

/// Nobody has migrated yet: undefined table or schema; SQLite has one code for all faults of a statement.
fn is_without_table(error: &Error) -> bool {
    let Some(fault) = error.as_database_error() else { return false };
    matches!(fault.code().as_deref(), Some("42P01" | "3F000")) || fault.message().starts_with("no such table")
}

/// The steps that are missing, from those that were taken: pure.
pub(crate) fn missing(all: &'static [Migration], applied: &[i32]) -> Result<&'static [Migration], Error> {
    let known = all.iter().map(|step| step.version);
    if applied.len() > all.len() || !known.zip(applied).all(|(known, applied)| known == *applied) {
        let newest = all.last().map_or(0, |step| step.version);
        return Err(Error::Configuration(
            format!(
                "the outbox tables have migrations {applied:?}, this version knows 1 to {newest}: a newer version has been \
                 at work, update this program"
            )
            .into(),
        ));
    }
    Ok(all.get(applied.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    static ALL: [Migration; 2] =
        [Migration { version: 1, name: "a", sql: "" }, Migration { version: 2, name: "b", sql: "" }];

    #[test]
    fn only_the_tail_is_applied_and_a_newer_schema_refused() {
        assert_eq!(missing(&ALL, &[]).expect("fresh").len(), 2);
        assert_eq!(missing(&ALL, &[1]).expect("behind").len(), 1);
        assert!(missing(&ALL, &[1, 2]).expect("up to date").is_empty());
        assert!(missing(&ALL, &[1, 2, 3]).is_err() && missing(&ALL, &[2]).is_err());
    }
}
