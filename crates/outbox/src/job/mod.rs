//! What people and agents change: jobs over many deliveries, single changes, and the record of all of them.
//!
//! A change is first a *plan*: [`Operator::plan`] says what would happen and changes nothing. [`Operator::apply`] takes
//! the plan's id, once and within 15 minutes, and [`Operator::run`] carries it out in chunks at a limited rate. The cursor
//! of a job moves in the transaction of each chunk: a process that is killed anywhere is followed by one that applies the
//! same id again, and nothing is done twice.
//!
//! What is done to each event is decided by the pure functions of `rules`. Deliberately absent: a way to change a fact.

mod chunk;
mod effect;
mod operator;
mod plan;
mod rules;
mod run;
mod store;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::delivery::{DeliveryError, DeliveryState, UnknownWord};
use crate::filter::{Filter, FilterError};
use crate::read::ReadError;

pub use operator::{LetterOutcome, Operator};
pub use rules::{Acknowledgement, judge_acknowledgement};
pub use run::Step;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Delivers events again, marked as a replay; live traffic goes on beside it.
    Replay,
    /// Opens dead letters again, in order.
    Redrive,
    /// Gives dead letters up for good.
    Discard,
    /// Notes that destinations have accepted what was delivered.
    Acknowledge,
}

impl JobKind {
    /// As in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Redrive => "redrive",
            Self::Discard => "discard",
            Self::Acknowledge => "acknowledge",
        }
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Nothing has happened.
    Planned,
    /// It was applied, and is carried out, or broke off.
    Running,
    /// An operator halted it; applying it goes on.
    Paused,
    /// Everything is done.
    Done,
    /// An operator ended it; what was done stays.
    Aborted,
    /// It cannot go on; applying it tries again.
    Failed,
}

impl JobState {
    /// As in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
        }
    }
}

macro_rules! words {
    ($name:ident: $($variant:ident)+) => {
        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let all = [$(Self::$variant),+];
                all.into_iter().find(|one| one.as_str() == word).ok_or_else(|| UnknownWord(word.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}
words!(JobKind: Replay Redrive Discard Acknowledge);
words!(JobState: Planned Running Paused Done Aborted Failed);

/// What a job is told beside its filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobOptions {
    /// Replay, acknowledge: at this destination only.
    pub to: Option<String>,
    /// Replay: only what the destination has not got.
    pub missing: bool,
    /// Replay: of these places of the log only, in order; empty: any. At most [`MOST_PLACES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<i64>,
    /// Redrive, discard: this dead letter only.
    pub letter: Option<Uuid>,
    /// Acknowledge: also deliveries that are not delivered, as far as that can be.
    pub force: bool,
    /// Acknowledge: the place of the event at the destination; for a filter of one event.
    pub remote_sequence: Option<i64>,
    /// Acknowledge: what the destination gave as proof, a JSON value.
    pub receipt: Option<serde_json::Value>,
}

/// Most places of [`JobOptions::only`].
pub const MOST_PLACES: usize = 10_000;

/// A change to be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub kind: JobKind,
    /// With which events. Must say something; `type:*` says everything.
    pub filter: Filter,
    /// How.
    pub options: JobOptions,
    /// Most changes per second: 1 to 100,000.
    pub rate: u32,
    /// Why; needed for discard, for acknowledge without evidence, and with force.
    pub reason: Option<String>,
}

impl Request {
    /// At most 50 changes per second, no options, no reason.
    pub fn new(kind: JobKind, filter: Filter) -> Self {
        Self { kind, filter, options: JobOptions::default(), rate: 50, reason: None }
    }
}

/// A job, planned or more. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Also the plan's id.
    pub id: Uuid,
    /// What it does.
    pub kind: JobKind,
    /// With which events.
    pub filter: Filter,
    /// How.
    pub options: JobOptions,
    /// Where it stands.
    pub state: JobState,
    /// Events behind this place are not its business: they were written after the plan.
    pub upto: i64,
    /// How far it is: place in the log, and dead letter.
    pub cursor: (i64, Uuid),
    /// Changes that the plan foresaw, counted up to 10,000.
    pub planned: i64,
    /// Changes made.
    pub done: i64,
    /// Looked at and left alone.
    pub skipped: i64,
    /// Most changes per second.
    pub rate: u32,
    /// Grows with every start.
    pub epoch: i64,
    /// Who planned it.
    pub actor: String,
    /// Who started it last.
    pub applied_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was planned.
    pub created_at: i64,
    /// Until when the plan may be applied.
    pub expires_at: i64,
    /// When it was first applied.
    pub started_at: Option<i64>,
    /// When it last moved.
    pub updated_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
}

/// What a plan would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The plan; apply it by its id.
    pub job: Job,
    /// Changes, counted up to 10,000.
    pub changes: i64,
    /// `false`: there are more.
    pub exact: bool,
    /// The first of them.
    pub sample: Vec<Sample>,
    /// Changes at each destination.
    pub destinations: Vec<(String, i64)>,
    /// Lanes that are affected.
    pub lanes: i64,
    /// Deliveries that wait behind the dead letters, and follow them.
    pub followers: i64,
    /// What was looked at and would be left alone, and why.
    pub skipped: Vec<(String, i64)>,
}

/// What a change would do, without a plan of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Last place of the log that was looked at.
    pub upto: i64,
    /// When it was, by the database's clock, microseconds since 1970 UTC.
    pub planned_at: i64,
    /// Changes, counted up to 10,000.
    pub changes: i64,
    /// `false`: there are more.
    pub exact: bool,
    /// The first of them.
    pub sample: Vec<Sample>,
    /// Changes at each destination.
    pub destinations: Vec<(String, i64)>,
    /// Lanes that are affected.
    pub lanes: i64,
    /// Deliveries that wait behind the dead letters, and follow them.
    pub followers: i64,
    /// What was looked at and would be left alone, and why.
    pub skipped: Vec<(String, i64)>,
}

/// One change of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Place in the log.
    pub log_id: i64,
    /// The event.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Where.
    pub destination: String,
    /// The lane.
    pub lane: String,
    /// The state it is in now; `None`: no delivery there yet.
    pub state: Option<DeliveryState>,
}

/// How a job is getting on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The job.
    pub job: Job,
    /// Of a replay: its deliveries by state.
    pub outcomes: Vec<(DeliveryState, i64)>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The filter says nothing.
    #[error("EMPTY_FILTER: a filter is needed; say `type:*` if everything is meant")]
    EmptyFilter,
    /// What was asked for makes no sense.
    #[error("INVALID_REQUEST: {0}")]
    Invalid(String),
    /// There is no such plan or job in this scope.
    #[error("PLAN_NOT_FOUND: there is no plan or job {0}")]
    NotFound(Uuid),
    /// The plan is too old.
    #[error("PLAN_EXPIRED: plan {0} was valid for 15 minutes; plan again and look at it again")]
    Expired(Uuid),
    /// The plan was made for another filter.
    #[error("PLAN_MISMATCH: plan {id} is for `{planned}`, not for `{given}`; plan again")]
    OtherFilter {
        /// The plan.
        id: Uuid,
        /// Its filter.
        planned: String,
        /// What was given with it.
        given: String,
    },
    /// The job has ended, or does not run.
    #[error("JOB_STATE: job {id} is {state}; it cannot be {wanted}")]
    State {
        /// The job.
        id: Uuid,
        /// Where it stands.
        state: JobState,
        /// What was asked.
        wanted: &'static str,
    },
    /// Another process runs the job now.
    #[error("JOB_TAKEN_OVER: job {0} was applied again elsewhere, paused or aborted; this run has stopped")]
    TakenOver(Uuid),
    /// The stored filter is not understood by this version.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Reading.
    #[error(transparent)]
    Read(ReadError),
    /// The database.
    #[error(transparent)]
    Database(DeliveryError),
}

impl From<ReadError> for JobError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Database(error) => Self::Database(error),
            other => Self::Read(other),
        }
    }
}

impl From<DeliveryError> for JobError {
    fn from(error: DeliveryError) -> Self {
        Self::Database(error)
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
