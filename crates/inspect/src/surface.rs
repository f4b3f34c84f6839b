//! The questions.

use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::Stream;
use serde::Serialize;
use stateset_outbox::filter::{EventRef, Filter};
use uuid::Uuid;

use crate::answer::{
    AuditList, BreakerAnswer, Change, DeadLetterList, Detail, EventList, EventRow, Explanation, Findings, Job, JobList,
    KeyList, OutboxAnswer, Stats, Timeline,
};
use crate::fault::Fault;

/// What a question returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Events as they come, page after page.
pub type Following<'a> = Pin<Box<dyn Stream<Item = Result<Followed, Fault>> + Send + 'a>>;

/// A log that can be asked. Every question is answered from one moment's state and changes nothing; only [`change`]
/// writes, and not with [`Apply::Preview`].
///
/// [`change`]: Self::change
pub trait Inspect: Send + Sync {
    /// What answers.
    fn source(&self) -> Source;

    /// Events that pass, in the order of the log.
    fn list<'a>(&'a self, filter: &'a Filter, page: &'a Page) -> Answer<'a, EventList>;

    /// One event with its payload, who vouches for it, and where it went; with each delivery's tries if `attempts`.
    ///
    /// # Errors
    /// `EVENT_NOT_FOUND`; `AMBIGUOUS_EVENT_ID` if a prefix fits several.
    fn event<'a>(&'a self, event: &'a EventRef, attempts: bool) -> Answer<'a, Detail>;

    /// Deliveries that pass, and how their destinations stand. Without a state in the filter: those that are not finished.
    fn outbox<'a>(&'a self, filter: &'a Filter, page: &'a Page) -> Answer<'a, OutboxAnswer>;

    /// Open dead letters that pass.
    fn dead_letters<'a>(
        &'a self,
        filter: &'a Filter,
        page: &'a Page,
        group: Option<GroupBy>,
    ) -> Answer<'a, DeadLetterList>;

    /// The history of something.
    fn timeline<'a>(&'a self, of: &'a TimelineOf, page: &'a Page) -> Answer<'a, Timeline>;

    /// Numbers of the events that pass.
    fn stats<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Stats>;

    /// What is known of an idempotency key: of one operation, or of every operation it was used with. A key nobody used is
    /// an answer, not a fault.
    fn keys<'a>(&'a self, key: &'a str, operation: Option<&'a str>) -> Answer<'a, KeyList>;

    /// Where something is, why, since when, what happens next, and the command that mends it.
    fn explain<'a>(&'a self, subject: &'a Subject) -> Answer<'a, Explanation>;

    /// Events from a place on, as they come, for ever: what was missed first, then live, replays among them. Nothing is
    /// skipped, whatever the order in which transactions commit; after an interruption events of the last page may come
    /// again.
    fn follow<'a>(&'a self, filter: &'a Filter, from: From, page: u16) -> Following<'a>;

    /// The breaker of a destination.
    fn breaker<'a>(&'a self, destination: &'a str) -> Answer<'a, BreakerAnswer>;

    /// Bulk actions, newest first.
    fn jobs(&self, most: u16) -> Answer<'_, JobList>;

    /// One bulk action; its id may be shortened as long as it stays unique.
    fn job<'a>(&'a self, id: &'a str) -> Answer<'a, Job>;

    /// Interventions, newest first; of one actor if that is given.
    fn audit<'a>(&'a self, actor: Option<&'a str>, page: &'a Page) -> Answer<'a, AuditList>;

    /// Looks for what must not be: gaps, duplicate keys, disorder, deliveries that do not add up.
    fn check<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Findings>;

    /// Does what `intent` says, or says exactly what it would do.
    fn change<'a>(&'a self, intent: &'a Intent, apply: &'a Apply) -> Answer<'a, Change>;
}

/// What answers, for people. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Which kind.
    pub kind: SourceKind,
    /// A path, or a host and a database.
    pub place: String,
    /// Whose events.
    pub tenant: String,
    /// Of which store.
    pub store: String,
}

/// Kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// An outbox in `SQLite`.
    Sqlite,
    /// An outbox in `PostgreSQL`.
    Postgres,
    /// A sequencer.
    Sequencer,
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Most entries: 1 to 1,000.
    pub limit: u16,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// From the end of the log backwards.
    pub newest_first: bool,
    /// With payloads.
    pub payload: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 100, cursor: None, newest_first: false, payload: false }
    }
}

/// By what dead letters are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The failure, numbers left out.
    Error,
    /// The class of the last failure.
    Class,
    /// The destination.
    Destination,
    /// The event type.
    Type,
}

/// What a timeline is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimelineOf {
    /// An entity, with the events of other entities that name it as their order.
    Entity {
        /// Such as `order`.
        entity_type: String,
        /// Such as `ORD-1`.
        entity_id: String,
    },
    /// Everything that belongs to one operation across services.
    Correlation(String),
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Why an event is where it is.
    Event(EventRef),
    /// Why an order, or another lane, does not go on: its key, or `entity_type/entity_id`.
    Order(String),
    /// Why a command answers as it does.
    Key {
        /// The key.
        key: String,
        /// Of which operation, if it was used with several.
        operation: Option<String>,
    },
    /// Why a destination gets nothing.
    Destination(String),
}

/// Where following begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// With what comes from now on.
    Now,
    /// With the first event of the log.
    Beginning,
    /// With the first event written at or after this time, microseconds since 1970 UTC.
    Time(i64),
    /// Behind the page with this cursor.
    Cursor(String),
}

/// A page of followed events.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Those that pass, in the order of the log; replays last.
    pub events: Vec<EventRow>,
    /// To be kept once the page has been dealt with.
    pub cursor: String,
}

/// Whether a change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apply {
    /// It is not.
    Preview {
        /// Who asks.
        actor: String,
    },
    /// It is.
    Execute {
        /// Who does it; kept for the audit.
        actor: String,
    },
    /// It is, and a bulk action is only begun: the answer comes as soon as its job is there, which goes on in this process.
    Begin {
        /// Who does it; kept for the audit.
        actor: String,
    },
}

impl Apply {
    /// Who.
    pub fn actor(&self) -> &str {
        match self {
            Self::Preview { actor } | Self::Execute { actor } | Self::Begin { actor } => actor,
        }
    }

    /// Whether it is.
    pub fn is_execute(&self) -> bool {
        !matches!(self, Self::Preview { .. })
    }
}

/// What is to be changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// Deliver events again, as replays. Never makes a fact.
    Replay {
        /// Which; an empty filter is refused.
        filter: Filter,
        /// Where to.
        destination: String,
        /// Only what the destination has not got.
        missing: bool,
        /// Most per second.
        rate: Option<u32>,
    },
    /// Open dead letters again.
    Redrive {
        /// Which; an empty filter is refused, unless one letter is named.
        filter: Filter,
        /// This dead letter only.
        letter: Option<Uuid>,
        /// Most per second.
        rate: Option<u32>,
    },
    /// Give dead letters up for good.
    Discard {
        /// Which; an empty filter is refused, unless one letter is named.
        filter: Filter,
        /// This dead letter only.
        letter: Option<Uuid>,
        /// Why.
        reason: String,
        /// Most per second.
        rate: Option<u32>,
    },
    /// Mark deliveries as acknowledged.
    Acknowledge {
        /// Which; an empty filter is refused.
        filter: Filter,
        /// Where, if the filter does not say.
        destination: Option<String>,
        /// Why a person vouches for it.
        reason: String,
        /// Even what was never delivered.
        force: bool,
    },
    /// Carry out what was previewed: what came after the preview is not touched.
    Plan {
        /// The `plan_id` of the preview, valid for 15 minutes.
        plan: String,
        /// The action that the plan must be for, such as `redrive`; `None`: any.
        kind: Option<&'static str>,
        /// Most per second, if other than previewed.
        rate: Option<u32>,
    },
    /// Reserve an idempotency key.
    CreateKey {
        /// The key.
        key: String,
        /// Whose.
        operation: String,
        /// How long it is kept.
        ttl: Duration,
    },
    /// Free an idempotency key for a command that should be done again.
    ResetKey {
        /// The key.
        key: String,
        /// Whose.
        operation: String,
        /// Why.
        reason: String,
    },
    /// Close or open the breaker of a destination.
    Breaker {
        /// Which destination.
        destination: String,
        /// Whether it is to be left alone.
        open: bool,
        /// Why.
        reason: String,
    },
    /// End a bulk action where it is.
    AbortJob {
        /// Which.
        job: String,
    },
    /// Let an interrupted one go on.
    ResumeJob {
        /// Which.
        job: String,
    },
    /// Write an event, for trying things out.
    Trigger {
        /// Such as `order.created`.
        event_type: String,
        /// Such as `order`.
        entity_type: String,
        /// Such as `ORD-1`.
        entity_id: String,
        /// Root it belongs to.
        order_key: Option<String>,
        /// A JSON object.
        payload: String,
    },
}
