//! What delivers the log to destinations needs of the database, as verbs of the domain.
//!
//! [`DeliveryStore`] is the contract; [`Outbox::deliveries`](crate::Outbox::deliveries) gives what holds it. A worker *acquires*
//! the leases of shard groups, *polls* a chunk of events, publishes it, and *settles* it: one transaction that moves the
//! cursor and writes a row for everything that was not simply delivered, `WHERE epoch = mine`.
//!
//! Deliberately absent: decisions. Which events a route matches, when a failure is tried again, when a breaker opens is
//! decided by the caller; here one finished [`Settlement`] is committed, or nothing.

mod contract;
mod destination;
mod error;
mod event;
mod lease;
mod position;
mod rollup;
mod settlement;
mod state;
mod store;

pub use contract::{BoxFuture, DeliveryStore};
pub use destination::{Destination, NewRoute, Registration, RouteVersion, Start, type_matches};
pub use error::DeliveryError;
pub(crate) use event::read_event;
pub use event::{Lane, LoggedEvent};
pub use lease::{Heartbeat, Lease};
pub use position::{Advance, Chunk, Position, Snapshot};
pub(crate) use position::{CursorRow, CursorState, Way};
pub use rollup::{Histogram, Rollup};
pub use settlement::{
    AttemptRecord, Change, DeadLetter, DeliveryRow, Evidence, LaneChange, ParkedLane, Settlement, WaitingDelivery,
};
pub use state::{
    Breaker, BreakerState, Counts, DeliveryState, HeldReason, LogFault, OutboxStatus, RebaseFrom, SyncStatus,
    UnknownWord, WorkerStatus,
};
pub(crate) use store::{ClosedBy, close_letter, read_destinations};
