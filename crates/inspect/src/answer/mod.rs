//! What is answered: the exact JSON of the command line, of agents' tools and of the dashboard.
//!
//! Members that the product's published tools promise come first and under their names; members that a source cannot know
//! are left out, never guessed. Times are RFC 3339 in UTC, durations end in their unit.

mod change;
mod events;
mod keys;
mod outbox;
mod overview;
mod state;
mod text;

pub use change::{Change, Job, JobList, Planned, Sample};
pub use events::{Detail, Diagnostics, EventList, EventRow, Proof, Signature, Verdict, WithoutFilter};
pub use keys::{KeyAnswer, KeyList};
pub use outbox::{
    Attempt, BreakerAnswer, DeadLetter, DeadLetterGroup, DeadLetterList, Delivery, DestinationStatus, OutboxAnswer,
    StatusCounts,
};
pub use overview::{AuditEntry, AuditList, Explanation, Finding, Findings, Stats, Timeline, TypeCount};
pub use state::{Changed, EntityState};
pub use text::{counted, duration_text, instant_text};
