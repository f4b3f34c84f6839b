//! The backend of an outbox database.

mod change;
mod destinations;
mod events;
mod explain;
mod follow;
mod jobs;
mod keys;
mod letters;
mod open;
mod plan_id;
mod rows;

use stateset_outbox::delivery::DeliveryError;
use stateset_outbox::filter::{EventRef, Filter};
use stateset_outbox::read::{ReadError, Reader};
use stateset_outbox::{Engine, EventId, OperationError, Outbox};

use crate::answer::{
    AuditList, BreakerAnswer, Change, DeadLetterList, Detail, EventList, Explanation, Findings, Job, JobList, KeyList,
    OutboxAnswer, Stats, Timeline,
};
use crate::fault::{Fault, Kind};
use crate::surface::{
    Answer, Apply, Following, From, GroupBy, Inspect, Intent, Page, Source, SourceKind, Subject, TimelineOf,
};

pub use open::{Database, OpenMode, OpenSettings};

const DATABASE: &str = "the outbox database";

/// An outbox, of one tenant and store.
pub struct Local<DB: Engine> {
    outbox: Outbox<DB>,
    reader: Reader<DB>,
    kind: SourceKind,
    place: String,
}

impl<DB: Engine> Local<DB> {
    /// Asks this outbox about the events of its scope. `place` is shown to people: no secrets.
    pub fn new(outbox: Outbox<DB>, kind: SourceKind, place: impl Into<String>) -> Self {
        Self { reader: outbox.reader(), outbox, kind, place: place.into() }
    }
}

/// What a read ran into.
fn of_read(error: ReadError) -> Fault {
    match error {
        ReadError::NotFound(what) => Fault::new(
            Kind::NotFound,
            "EVENT_NOT_FOUND",
            format!("there is no {what} in this tenant and store"),
            "look it up with `stateset-events list`; --tenant and --store say whose events are searched",
        ),
        ReadError::Archived(id) => Fault::new(
            Kind::NotFound,
            "EVENT_ARCHIVED",
            format!(
                "event {} was archived; its identity is kept, its payload is in the archive",
                EventId(id).display()
            ),
            "read the archive segment that covers it",
        ),
        ReadError::Ambiguous { prefix, candidates } => {
            let ids: Vec<String> = candidates.iter().map(|id| EventId(*id).display()).collect();
            let message = format!("{prefix} begins the ids of several events: {}", ids.join(", "));
            Fault::new(Kind::Conflict, "AMBIGUOUS_EVENT_ID", message, "give more digits, or one of these ids")
        },
        ReadError::Database(error) => of_delivery(error),
    }
}

/// What a verb of delivery ran into.
fn of_delivery(error: DeliveryError) -> Fault {
    match error {
        DeliveryError::LeaseLost | DeliveryError::Conflict => Fault::new(
            Kind::Conflict,
            "CONFLICT",
            "somebody else changed it at the same time",
            "look again, then decide again",
        ),
        DeliveryError::Mismatch(why) => Fault::usage(why, "compare with `stateset-events routes list`"),
        DeliveryError::Log(fault) => {
            let fix = "on a standby: connect to the primary; after a restore: begin again with --since, and `rebase` the workers";
            Fault::new(Kind::Conflict, "LOG_NOT_CONTINUED", fault.to_string(), fix)
        },
        DeliveryError::Unavailable(error) => open::of_connecting(error),
        DeliveryError::Corrupt(error) => of_statement(error),
    }
}

fn of_operation(error: OperationError) -> Fault {
    match error {
        OperationError::Invalid { field } => {
            Fault::usage(format!("{field} must have 1 to 255 printable characters"), "shorten it")
        },
        OperationError::Lost => of_delivery(DeliveryError::Conflict),
        OperationError::Database(error) => of_delivery(error.into()),
    }
}

/// What a statement ran into that no retry mends.
fn of_statement(error: sqlx::Error) -> Fault {
    let code = error.as_database_error().and_then(|fault| fault.code().map(std::borrow::Cow::into_owned));
    let message = error.to_string();
    // undefined table, undefined schema; SQLite has one code for all faults of a statement
    if matches!(code.as_deref(), Some("42P01" | "3F000")) || message.contains("no such table") {
        let fix = "create them with `stateset-events migrate --apply`, or name the schema they are in with --schema";
        return Fault::new(Kind::Conflict, "NO_OUTBOX_TABLES", "the database has no outbox tables", fix).because(error);
    }
    // PostgreSQL has no text with a zero character in it, and so no log has.
    if code.as_deref() == Some("22021") {
        return Fault::usage("a text with a zero character is in no log", "leave the character out").because(error);
    }
    Fault::corrupt(DATABASE, error)
}

impl<DB: Engine> Inspect for Local<DB> {
    fn source(&self) -> Source {
        let scope = self.outbox.scope();
        Source {
            kind: self.kind,
            place: self.place.clone(),
            tenant: scope.tenant.to_string(),
            store: scope.store.to_string(),
        }
    }

    fn list<'a>(&'a self, filter: &'a Filter, page: &'a Page) -> Answer<'a, EventList> {
        Box::pin(self.page_of(filter, page))
    }

    fn event<'a>(&'a self, event: &'a EventRef, attempts: bool) -> Answer<'a, Detail> {
        Box::pin(self.one(event, attempts))
    }

    fn outbox<'a>(&'a self, filter: &'a Filter, page: &'a Page) -> Answer<'a, OutboxAnswer> {
        Box::pin(self.deliveries(filter, page))
    }

    fn dead_letters<'a>(
        &'a self,
        filter: &'a Filter,
        page: &'a Page,
        group: Option<GroupBy>,
    ) -> Answer<'a, DeadLetterList> {
        Box::pin(self.letters(filter, page, group))
    }

    fn timeline<'a>(&'a self, of: &'a TimelineOf, page: &'a Page) -> Answer<'a, Timeline> {
        Box::pin(self.history(of, page))
    }

    fn stats<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Stats> {
        Box::pin(self.sums(filter))
    }

    fn keys<'a>(&'a self, key: &'a str, operation: Option<&'a str>) -> Answer<'a, KeyList> {
        Box::pin(self.keys_of(key, operation))
    }

    fn explain<'a>(&'a self, subject: &'a Subject) -> Answer<'a, Explanation> {
        Box::pin(self.explained(subject))
    }

    fn follow<'a>(&'a self, filter: &'a Filter, from: From, page: u16) -> Following<'a> {
        self.events(filter, from, page)
    }

    fn breaker<'a>(&'a self, destination: &'a str) -> Answer<'a, BreakerAnswer> {
        Box::pin(self.breaker_of(destination))
    }

    fn jobs(&self, most: u16) -> Answer<'_, JobList> {
        Box::pin(self.all_jobs(most))
    }

    fn job<'a>(&'a self, id: &'a str) -> Answer<'a, Job> {
        Box::pin(self.one_job(id))
    }

    fn audit<'a>(&'a self, actor: Option<&'a str>, page: &'a Page) -> Answer<'a, AuditList> {
        Box::pin(self.audited(actor, page))
    }

    fn check<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Findings> {
        Box::pin(self.verified(filter))
    }

    fn change<'a>(&'a self, intent: &'a Intent, apply: &'a Apply) -> Answer<'a, Change> {
        Box::pin(self.changed(intent, apply))
    }
}
