//! Reading the log as it grows, without being a destination: nothing is written, not even how far the reader is.
//!
//! The place is the reader's to keep, as text. It is the same kind of place that a delivery cursor has, so events whose
//! transactions commit late are not skipped.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use uuid::Uuid;

use crate::delivery::{CursorRow, CursorState, DeliveryError, Lease, LogFault, LoggedEvent, read_event};
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{args, fetch, fetch_optional, statement};

/// All of the log, and no lease at all: nothing is going to be settled.
fn whole_log() -> Lease {
    Lease { destination: 0, shard_group: 0, shards: (0, 63), epoch: 0, owner: String::new() }
}

/// A place in the log, of one database. Its text is for keeping, not for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailCursor {
    log_epoch: i16,
    row: CursorRow,
    older_upto: i64,
    /// Last replayed delivery that was given.
    replays: i64,
}

/// Text that is no place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a log")]
pub struct NotACursor;

/// Where a tail begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailStart {
    /// With the first event of the log.
    Beginning,
    /// With what is committed from now on.
    Now,
}

/// What a tail found.
#[derive(Clone, Debug)]
pub struct TailPage {
    /// In the order of the log, of every scope.
    pub events: Vec<LoggedEvent>,
    /// Events that a replay has delivered again since, with the job.
    pub replays: Vec<(Uuid, LoggedEvent)>,
    /// Behind all of them.
    pub cursor: TailCursor,
    /// There may be more: read on at once.
    pub full: bool,
}

impl<DB: Engine> Outbox<DB> {
    /// Where a tail begins.
    ///
    /// # Errors
    /// [`DeliveryError::Log`] on a standby, whose snapshots lose events.
    pub async fn tail_from(&self, start: TailStart) -> Result<TailCursor, DeliveryError> {
        let state = self.tail_state(None).await?;
        Ok(match start {
            TailStart::Now => state.cursor,
            TailStart::Beginning => {
                let (row, replays) = (CursorRow { prev: DB::LOG_START.to_owned(), ..state.cursor.row }, 0);
                TailCursor { row, older_upto: state.older_upto, replays, ..state.cursor }
            },
        })
    }

    /// Whether a kept place still belongs to this log.
    ///
    /// # Errors
    /// [`DeliveryError::Log`] if the database was restored since, or is a standby.
    pub async fn tail_resume(&self, cursor: TailCursor) -> Result<TailCursor, DeliveryError> {
        let state = self.tail_state(Some(&cursor.row)).await?;
        if state.ahead || state.cursor.log_epoch != cursor.log_epoch {
            let evidence = "the kept place is of another state of this database".to_owned();
            return Err(LogFault::Restored { evidence }.into());
        }
        Ok(cursor)
    }

    /// The next events behind a place, at most `most`. Events for the record only, which no destination gets, are not
    /// among them.
    ///
    /// Replays are found by the order in which their deliveries were made: one whose transaction commits later than a
    /// younger one may be missed.
    ///
    /// # Errors
    /// [`DeliveryError::Unavailable`], [`DeliveryError::Corrupt`].
    pub async fn tail(&self, cursor: &TailCursor, most: u16) -> Result<TailPage, DeliveryError> {
        let mut connection = self.pool.acquire().await?;
        let state =
            CursorState { log_epoch: cursor.log_epoch, row: cursor.row.clone(), redeliver_upto: cursor.older_upto };
        let chunk = DB::poll(&mut connection, &self.schema, &whole_log(), state, most.max(1)).await?;
        let rows =
            fetch::<DB>(&mut connection, &self.schema, statement!("tail_replays"), args![cursor.replays, most]).await?;
        let mut last_replay = cursor.replays;
        let mut replays = Vec::with_capacity(rows.len());
        for mut row in rows {
            last_replay = row.int()?;
            replays.push((row.id()?, read_event(&mut row)?));
        }
        let full = chunk.full || replays.len() == usize::from(most);
        let cursor = TailCursor { row: chunk.advance().to, replays: last_replay, ..cursor.clone() };
        Ok(TailPage { events: chunk.events, replays, cursor, full })
    }

    /// Completes when a writer has hinted at new events, or after `most`.
    pub async fn tail_wait(&self, listener: &mut TailListener<DB>, most: Duration) -> Result<(), DeliveryError> {
        Ok(DB::listen(&self.pool, &self.schema, &mut listener.0, most).await?)
    }

    async fn tail_state(&self, kept: Option<&CursorRow>) -> Result<State, DeliveryError> {
        let mut connection = self.pool.acquire().await?;
        let args = args![kept.map(|row| &row.prev), kept.and_then(|row| row.cur.as_ref())];
        let row = fetch_optional::<DB>(&mut connection, &self.schema, statement!("tail_state"), args).await?;
        let mut row = row.ok_or(DeliveryError::Conflict)?;
        let log_epoch = row.int()?;
        let at = CursorRow { prev: row.text()?, cur: None, last_id: 0, redeliver_from: 0 };
        let (older_upto, replays) = (row.int()?, row.int()?);
        if row.flag()? {
            return Err(LogFault::Standby.into());
        }
        let cursor = TailCursor { log_epoch, row: at, older_upto: 0, replays };
        Ok(State { cursor, older_upto, ahead: row.flag()? })
    }
}

struct State {
    cursor: TailCursor,
    older_upto: i64,
    ahead: bool,
}

/// Hears of other processes' commits.
pub struct TailListener<DB: Engine>(DB::Listener);

impl<DB: Engine> Default for TailListener<DB> {
    fn default() -> Self {
        Self(DB::Listener::default())
    }
}

impl fmt::Display for TailCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = &self.row;
        let cur = row.cur.as_deref().unwrap_or_default();
        write!(
            f,
            "{};{};{cur};{};{};{};{}",
            self.log_epoch, row.prev, row.last_id, row.redeliver_from, self.older_upto, self.replays
        )
    }
}

impl FromStr for TailCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let parts: Vec<&str> = text.split(';').collect();
        let &[log_epoch, prev, cur, last_id, from, upto, replays] = parts.as_slice() else { return Err(NotACursor) };
        let place = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b',');
        if prev.is_empty() || !place(prev) || !place(cur) {
            return Err(NotACursor);
        }
        let number = |text: &str| text.parse::<i64>().map_err(|_| NotACursor);
        Ok(Self {
            log_epoch: log_epoch.parse().map_err(|_| NotACursor)?,
            row: CursorRow {
                prev: prev.to_owned(),
                cur: Some(cur.to_owned()).filter(|cur| !cur.is_empty()),
                last_id: number(last_id)?,
                redeliver_from: number(from)?,
            },
            older_upto: number(upto)?,
            replays: number(replays)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was_kept() {
        for text in ["1;10:14:10,12;;0;0;0;0", "2;10:14:;15:15:;7;3;9;4", "1;17;;0;0;0;3"] {
            assert_eq!(text.parse::<TailCursor>().expect("a place").to_string(), text);
        }
        for bad in ["", "1;x;;0;0;0;0", "1;1:1:;;0;0;0", "1;;;0;0;0;0", "1;1;;0;0;0;0;0"] {
            assert!(bad.parse::<TailCursor>().is_err(), "{bad}");
        }
    }
}
