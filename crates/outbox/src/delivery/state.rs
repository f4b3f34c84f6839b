//! States of deliveries, breakers and the log, and the words that others use for them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The one state of a delivery. The other vocabularies are projections of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Waits for its turn.
    Pending,
    /// Waits for something else; no attempt is counted. See [`HeldReason`].
    Held,
    /// A worker is publishing it.
    InFlight,
    /// Failed and is tried again at a known time.
    RetryWait,
    /// The destination has it.
    Delivered,
    /// And there is evidence.
    Acknowledged,
    /// Given up; an operator may redrive or discard it.
    Dead,
    /// The destination's deterministic no.
    Rejected,
    /// Given up for good, with a reason.
    Discarded,
}

/// Why a delivery is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldReason {
    /// An earlier event of its lane is not resolved.
    LaneBlocked,
    /// The destination is down.
    BreakerOpen,
    /// An operator paused it.
    Paused,
    /// The destination needs something the event does not have.
    Unmapped,
    /// It must come after an event that has not come yet.
    MissingPredecessor,
}

/// Words of the first outbox view (`Pending`, `Synced`, `Failed`, `Acknowledged`).
pub type SyncStatus = &'static str;
/// Words of the worker view (`PENDING`, `PROCESSING`, `COMPLETED`, `FAILED`).
pub type WorkerStatus = &'static str;
/// Words of `Event<PT>` (`Pending`, `Processing`, `Sent`); `None` for deliveries that it calls dead letters.
pub type OutboxStatus = Option<&'static str>;

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Held,
        Self::InFlight,
        Self::RetryWait,
        Self::Delivered,
        Self::Acknowledged,
        Self::Dead,
        Self::Rejected,
        Self::Discarded,
    ];

    /// As in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::InFlight => "in_flight",
            Self::RetryWait => "retry_wait",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Dead => "dead",
            Self::Rejected => "rejected",
            Self::Discarded => "discarded",
        }
    }

    /// Whether the delivery still goes on by itself.
    pub const fn will_retry(self) -> bool {
        matches!(self, Self::Pending | Self::Held | Self::InFlight | Self::RetryWait)
    }

    /// E07: the vocabulary Pending, Synced, Failed, Acknowledged.
    pub const fn sync_status(self) -> SyncStatus {
        match self {
            Self::Pending | Self::Held | Self::InFlight => "Pending",
            Self::Delivered => "Synced",
            Self::Acknowledged => "Acknowledged",
            Self::RetryWait | Self::Dead | Self::Rejected | Self::Discarded => "Failed",
        }
    }

    /// E06: the vocabulary PENDING, PROCESSING, COMPLETED, FAILED.
    pub const fn worker_status(self) -> WorkerStatus {
        match self {
            Self::Pending | Self::Held | Self::RetryWait => "PENDING",
            Self::InFlight => "PROCESSING",
            Self::Delivered | Self::Acknowledged => "COMPLETED",
            Self::Dead | Self::Rejected | Self::Discarded => "FAILED",
        }
    }

    /// E05: the vocabulary Pending, Processing, Sent.
    pub const fn outbox_status(self) -> OutboxStatus {
        match self {
            Self::Pending | Self::Held | Self::RetryWait => Some("Pending"),
            Self::InFlight => Some("Processing"),
            Self::Delivered | Self::Acknowledged => Some("Sent"),
            Self::Dead | Self::Rejected | Self::Discarded => None,
        }
    }
}

/// A word that the program does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a word of this version")]
pub struct UnknownWord(pub String);

impl FromStr for DeliveryState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl HeldReason {
    /// As in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LaneBlocked => "lane_blocked",
            Self::BreakerOpen => "breaker_open",
            Self::Paused => "paused",
            Self::Unmapped => "unmapped",
            Self::MissingPredecessor => "missing_predecessor",
        }
    }
}

/// Whether a destination as a whole is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerState {
    /// It is.
    #[default]
    Closed,
    /// It is not: nothing is attempted.
    Open,
    /// One try finds out.
    HalfOpen,
}

impl BreakerState {
    /// As in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl FromStr for BreakerState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Closed, Self::Open, Self::HalfOpen];
        all.into_iter().find(|state| state.as_str() == word).ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

/// The breaker of one destination, shared by all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// The destination's number.
    pub destination: i32,
    /// Whether it lets anything through.
    pub state: BreakerState,
    /// Consecutive failures.
    pub failures: i32,
    /// The last of them.
    pub reason: Option<String>,
    /// Time left until an open one is tried.
    pub probe_in: Option<Duration>,
    /// How long it has been in this state; ignored when it is stored.
    pub since: Duration,
    /// 0 if it was never stored. Storing compares it and adds one.
    pub version: i64,
}

/// How a destination stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events behind the cursors that a route takes, without a row of their own, up to 10,000.
    pub pending: i64,
    /// There are more than that.
    pub pending_capped: bool,
    /// Rows by state.
    pub rows: Vec<(DeliveryState, i64)>,
    /// Age of the oldest of the pending events: how far delivery is behind. What waits for a retry, or for an operator, has
    /// a row and does not count.
    pub lag: Option<Duration>,
    /// Age of the oldest event that is not finished, whatever it waits for.
    pub oldest: Option<Duration>,
    /// Lanes that are parked.
    pub parked_lanes: i64,
    /// Dead letters that are open.
    pub dead_letters: i64,
}

/// Why cursors must not run on the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// A standby's snapshots do not hold what the cursor needs.
    #[error("the database is a standby (pg_is_in_recovery): connect the worker to the primary")]
    Standby,
    /// The transaction ids of the log and those of the cluster do not belong together.
    #[error(
        "the database was restored or moved ({evidence}): cursors would lose or repeat events; say with `rebase` from \
         which event or time to deliver again"
    )]
    Restored {
        /// What was found.
        evidence: String,
    },
}

/// What to deliver again after a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebaseFrom {
    /// Nothing is wrong with the transaction ids, as after a planned promotion of a standby: every cursor stays where it
    /// is. Refused if they do not fit.
    Resume,
    /// Nothing: everything in the log counts as delivered.
    Nothing,
    /// Events behind this place in the log.
    After(i64),
    /// Events written at or after this time, microseconds since 1970 UTC.
    WrittenSince(i64),
}

#[cfg(test)]
mod tests {
    use super::DeliveryState as S;

    /// E05, E06, E07, E12: the table of the model, line by line.
    #[test]
    fn vocabularies_are_projections() {
        for (state, sync, worker, outbox, will_retry) in [
            (S::Pending, "Pending", "PENDING", Some("Pending"), true),
            (S::Held, "Pending", "PENDING", Some("Pending"), true),
            (S::InFlight, "Pending", "PROCESSING", Some("Processing"), true),
            (S::RetryWait, "Failed", "PENDING", Some("Pending"), true),
            (S::Delivered, "Synced", "COMPLETED", Some("Sent"), false),
            (S::Acknowledged, "Acknowledged", "COMPLETED", Some("Sent"), false),
            (S::Dead, "Failed", "FAILED", None, false),
            (S::Rejected, "Failed", "FAILED", None, false),
            (S::Discarded, "Failed", "FAILED", None, false),
        ] {
            let found = (state.sync_status(), state.worker_status(), state.outbox_status(), state.will_retry());
            assert_eq!(found, (sync, worker, outbox, will_retry), "{state}");
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }
}
