//! One finished plan: everything that changes with one chunk, one retry, or one lane.
//!
//! Times are given as what is left of them, and the database adds its own clock: workers' clocks differ.

use std::time::Duration;

use uuid::Uuid;

use super::{Advance, DeliveryState, HeldReason, Lane, LoggedEvent, RouteVersion};

/// What [`settle`](super::DeliveryStore::settle) commits together. The default changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// The cursor moves here; `None` for work on parked lanes.
    pub advance: Option<Advance>,
    /// Events that the cursor moves past and that a route took, for the mark.
    pub events: i32,
    /// Events that the cursor moves past and that no route took.
    pub unrouted: i32,
    /// Deliveries that are not simply delivered.
    pub changes: Vec<Change>,
    /// Lanes that are parked, or whose time changes, or that flow again.
    pub lanes: Vec<LaneChange>,
    /// Evidence of acceptance; also for deliveries without a row.
    pub receipts: Vec<Evidence>,
}

/// Which delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Place of the event in the log.
    pub log_id: i64,
    /// The replay that made the delivery; `None` for the first one.
    pub replay_job: Option<Uuid>,
    /// Identity of the event.
    pub event_id: Uuid,
    /// Type of the event.
    pub event_type: String,
    /// Where it waits.
    pub lane: Lane,
    /// Route in force at the event.
    pub route: String,
    /// And its version.
    pub route_version: i32,
}

impl DeliveryRow {
    /// The first delivery of an event, by a route in force for it.
    pub fn of(event: &LoggedEvent, route: &RouteVersion) -> Self {
        Self {
            log_id: event.log_id,
            replay_job: None,
            event_id: event.event_id,
            event_type: event.event_type.clone(),
            lane: event.lane(),
            route: route.name.clone(),
            route_version: route.version,
        }
    }
}

/// One transition of one delivery.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which delivery.
    pub delivery: DeliveryRow,
    /// The state it must be in; `None`: it must have no row yet.
    pub from: Option<DeliveryState>,
    /// The state it gets.
    pub to: DeliveryState,
    /// Why, for [`DeliveryState::Held`].
    pub reason: Option<HeldReason>,
    /// Tries since it was written or redriven, this one included.
    pub attempts: i32,
    /// For [`DeliveryState::RetryWait`].
    pub next_attempt_in: Option<Duration>,
    /// The try that this transition ends. Numbered by the database.
    pub attempt: Option<AttemptRecord>,
    /// For [`DeliveryState::Dead`], and only for it.
    pub dead_letter: Option<DeadLetter>,
}

/// An immutable record of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// How long ago it began.
    pub started_ago: Duration,
    /// How long it took.
    pub took: Duration,
    /// `accepted`, `retry`, `refused`, `rejected`.
    pub outcome: &'static str,
    /// Class of a failure: `handler`, `timeout`, `refused`, `http_503`.
    pub class: Option<String>,
    /// Text of a failure, without secrets, at most 4,096 bytes: longer ones are cut.
    pub error: Option<String>,
}

/// Why a delivery is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// `exhausted` or `refused`.
    pub class: String,
    /// Text of the last failure, as in [`AttemptRecord::error`].
    pub error: String,
}

/// What becomes of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneChange {
    /// Parks the lane, or gives a parked one another time or reason.
    Park {
        /// Which lane.
        lane: Lane,
        /// When its first open delivery is tried; `None`: waits for an operator.
        due_in: Option<Duration>,
        /// `retry`, `dead`, `paused`, `missing_predecessor`.
        reason: String,
    },
    /// The lane flows again. It must have no open delivery, else the settlement is a conflict.
    Unpark {
        /// Which lane.
        lane: Lane,
    },
}

/// Evidence that a destination accepted an event. A second one for the same event is ignored: the first counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Place of the event in the log.
    pub log_id: i64,
    /// `sequencer`, `consumer`, `manual`.
    pub kind: String,
    /// Place of the event at the destination.
    pub remote_sequence: Option<i64>,
    /// JSON.
    pub evidence: String,
}

/// A lane as it is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedLane {
    /// Which lane.
    pub lane: Lane,
    /// Time left until it is due, zero if it is; `None`: waits for an operator.
    pub due_in: Option<Duration>,
    /// As in [`LaneChange::Park`], or `redriven`.
    pub reason: String,
}

/// An open delivery of a parked lane.
#[derive(Clone, Debug)]
pub struct WaitingDelivery {
    /// Which delivery.
    pub delivery: DeliveryRow,
    /// `pending`, `held`, `in_flight` or `retry_wait`.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: i32,
    /// Time left until it may be tried, zero if it may.
    pub due_in: Duration,
    /// What is to be delivered.
    pub event: LoggedEvent,
}
