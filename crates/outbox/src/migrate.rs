//! Migrations: embedded, forward only. Their own table, because the application has migrations of its own.

use sqlx::Error;

/// One step, the same number for both engines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub(crate) version: i32,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
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
