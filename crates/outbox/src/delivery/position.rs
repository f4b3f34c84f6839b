//! How far the log was read. On PostgreSQL that is a snapshot, because ids become visible out of order; on SQLite an id.

use std::str::FromStr;

use super::LoggedEvent;

/// PostgreSQL's `pg_snapshot`: which transactions had finished when it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    xmin: u64,
    xmax: u64,
    in_progress: Vec<u64>,
}

impl Snapshot {
    /// Whether the transaction had finished.
    pub fn sees(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && !self.in_progress.contains(&xid))
    }
}

impl FromStr for Snapshot {
    type Err = std::num::ParseIntError;

    /// `xmin:xmax:xip,xip`
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        let mut number = || parts.next().unwrap_or_default().parse();
        let (xmin, xmax) = (number()?, number()?);
        let list = parts.next().unwrap_or_default();
        let in_progress = list.split(',').filter(|xid| !xid.is_empty()).map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { xmin, xmax, in_progress })
    }
}

/// A place between events, in a log whose events become visible in an order of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// PostgreSQL.
    Snapshot {
        /// Epoch of the log in which it was taken.
        log_epoch: i16,
        /// Events it sees are before it.
        snapshot: Snapshot,
    },
    /// SQLite: events up to this id are before it.
    Id(i64),
}

impl Position {
    /// As the database writes it. A snapshot has colons, an id has none.
    pub(crate) fn read(log_epoch: i16, text: &str) -> Result<Self, sqlx::Error> {
        let wrong = |_| crate::sql::decode("a snapshot is none");
        if text.contains(':') {
            Ok(Self::Snapshot { log_epoch, snapshot: text.parse().map_err(wrong)? })
        } else {
            Ok(Self::Id(text.parse().map_err(wrong)?))
        }
    }

    /// Whether the event is before the position.
    pub fn covers(&self, event: &LoggedEvent) -> bool {
        match self {
            Self::Snapshot { log_epoch, snapshot } if event.log_epoch == *log_epoch => snapshot.sees(event.xid),
            Self::Snapshot { log_epoch, .. } => event.log_epoch < *log_epoch,
            Self::Id(id) => event.log_id <= *id,
        }
    }
}

/// Where a cursor stands after a settlement. Made by [`Chunk`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    pub(crate) log_epoch: i16,
    /// What the cursor must still be for the settlement to hold.
    pub(crate) from: CursorRow,
    pub(crate) to: CursorRow,
    pub(crate) way: Way,
    /// What the mark covers: events that this snapshot sees, up to this id.
    pub(crate) mark: (String, i64),
}

impl Advance {
    /// What a mark or a claim covers: events that this snapshot sees, up to this id.
    pub(crate) fn mark(&self) -> (&str, i64) {
        (&self.mark.0, self.mark.1)
    }
}

/// How a chunk was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// PostgreSQL, by snapshot.
    #[cfg(feature = "postgres")]
    Snapshot,
    /// SQLite, by id.
    #[cfg(feature = "sqlite")]
    PlainId,
    /// PostgreSQL, by id, from the time before a restore.
    #[cfg(feature = "postgres")]
    OlderEpoch,
}

/// A cursor row, as its owner reads it.
#[derive(Clone, Debug)]
pub struct CursorState {
    pub(crate) log_epoch: i16,
    pub(crate) row: CursorRow,
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite goes back by its plain id"))]
    pub(crate) redeliver_upto: i64,
}

impl CursorState {
    /// The chunk of these events: `all` is where the cursor stands behind them, `part` where it stands in the middle.
    pub(crate) fn chunk(
        &self,
        way: Way,
        events: Vec<LoggedEvent>,
        full: bool,
        all: (CursorRow, (String, i64)),
        part: (CursorRow, String),
    ) -> Chunk {
        let advance = |to, mark| Advance { log_epoch: self.log_epoch, way, from: self.row.clone(), to, mark };
        Chunk { events, full, all: advance(all.0, all.1), part: advance(part.0, (part.1, 0)) }
    }
}

/// The moving part of a cursor row; snapshots as PostgreSQL writes them, ids on SQLite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CursorRow {
    pub(crate) prev: String,
    pub(crate) cur: Option<String>,
    pub(crate) last_id: i64,
    pub(crate) redeliver_from: i64,
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// In the order of the log.
    pub events: Vec<LoggedEvent>,
    /// There may be more behind it: poll again at once.
    pub full: bool,
    pub(crate) all: Advance,
    /// How the cursor stands behind an event in the middle, but for the id.
    pub(crate) part: Advance,
}

impl Chunk {
    /// Behind the whole chunk. Worth settling even for an empty chunk now and then, because a cursor that stays behind
    /// an ever older snapshot makes polls slower.
    pub fn advance(&self) -> Advance {
        self.all.clone()
    }

    /// Behind this event of the chunk and all before it, for a chunk of which only the beginning was published.
    pub fn advance_through(&self, event: &LoggedEvent) -> Advance {
        let mut advance = self.part.clone();
        match advance.way {
            #[cfg(feature = "postgres")]
            Way::Snapshot => advance.to.last_id = event.log_id,
            #[cfg(feature = "sqlite")]
            Way::PlainId => advance.to.prev = event.log_id.to_string(),
            #[cfg(feature = "postgres")]
            Way::OlderEpoch => advance.to.redeliver_from = event.log_id,
        }
        advance.mark.1 = event.log_id;
        advance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_read_like_the_database_does() {
        let snapshot: Snapshot = "10:14:10,12".parse().expect("a snapshot");
        let seen: Vec<bool> = (9..=14).map(|xid| snapshot.sees(xid)).collect();
        assert_eq!(seen, [true, false, true, false, true, false]);
        assert!(!"3:3:".parse::<Snapshot>().expect("an empty one").sees(3));
        "".parse::<Snapshot>().expect_err("no snapshot");
        "1:2:x".parse::<Snapshot>().expect_err("no number");
    }
}
