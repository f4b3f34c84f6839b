//! When what was done last, and when it is done again by itself.

use std::time::Duration;

use sqlx::Row as _;
use stateset_relay::backoff::Backoff;
use stateset_relay::clock;

use crate::error::{Direction, SyncError};
use crate::replica::Replica;
use crate::sql;

/// M03: a second, doubled at each failure in a row, at most a minute, ±20 %; for as long as it takes.
const BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(1),
    factor: 2,
    max: Duration::from_mins(1),
    retries: u32::MAX,
    jitter_percent: 20,
};
/// Longest pause that a sequencer is granted.
const LONGEST: Duration = Duration::from_hours(24);

/// A row of `sync_progress`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// When it last went well, microseconds since 1970 UTC.
    pub succeeded_at: Option<i64>,
    /// When it last failed.
    pub failed_at: Option<i64>,
    /// Failures since it last went well.
    pub failures: u32,
    /// When it is tried again by itself.
    pub next_at: Option<i64>,
    /// Why it failed.
    pub error_code: Option<String>,
    /// Why, in words.
    pub error: Option<String>,
}

impl Replica {
    pub(crate) async fn progress(&self, direction: Direction) -> Result<Progress, SyncError> {
        let row = sqlx::query(sql!("progress")).bind(direction.name()).fetch_one(&self.pool).await?;
        Ok(Progress {
            succeeded_at: row.try_get(0)?,
            failed_at: row.try_get(1)?,
            failures: u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(u32::MAX),
            next_at: row.try_get(3)?,
            error_code: row.try_get(4)?,
            error: row.try_get(5)?,
        })
    }

    pub(crate) async fn note_success(&self, direction: Direction) -> Result<(), SyncError> {
        let now = self.clock.now().0;
        sqlx::query(sql!("progress_success")).bind(direction.name()).bind(now).execute(&self.pool).await?;
        Ok(())
    }

    /// Notes the failure; gives the pause before the next try.
    pub(crate) async fn note_failure(&self, direction: Direction, error: &SyncError) -> Result<Duration, SyncError> {
        let failures = self.progress(direction).await?.failures;
        let asked = match error {
            SyncError::Remote(error) => error.after().unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let pause = BACKOFF.delay(failures, clock::seed()).max(asked).min(LONGEST);
        let now = self.clock.now().0;
        let next = now.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
        sqlx::query(sql!("progress_failure"))
            .bind(direction.name())
            .bind(now)
            .bind(error.is_retryable().then_some(next))
            .bind(error.code())
            .bind(error.report().message)
            .execute(&self.pool)
            .await?;
        Ok(pause)
    }
}
