//! What a destination is given of an event.

use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::id::{Micros, Scope, StoreId, TenantId};
use stateset_outbox::consumer::{Incoming, Notes};
use stateset_outbox::delivery::{Lane, LoggedEvent};
use uuid::Uuid;

/// One event on its way to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// As it stands in the log.
    pub event: LoggedEvent,
    /// The job of an operator that asked for this delivery again, if one did; sent along, so that a consumer can tell.
    pub replay_job: Option<Uuid>,
}

impl Record {
    /// The first delivery of an event.
    pub fn new(event: LoggedEvent) -> Self {
        Self { event, replay_job: None }
    }

    /// Tenant and store.
    pub fn scope(&self) -> Scope {
        Scope::new(TenantId(self.event.tenant), StoreId(self.event.store))
    }

    /// The FIFO unit.
    pub fn lane(&self) -> Lane {
        self.event.lane()
    }

    /// When the event was made; when it was written, if the text cannot be read.
    pub fn created_at(&self) -> Micros {
        parse_rfc3339(&self.event.created_at).unwrap_or(Micros(self.event.written_at))
    }

    /// The same for a consumer of this process: as it would read it from a topic.
    pub fn incoming(&self) -> Incoming {
        let incoming = Incoming::from(&self.event);
        let notes = Notes { user_email: self.user_email(), replay_job: self.replay_job, ..incoming.notes };
        Incoming { notes, ..incoming }
    }

    /// The customer's address, which writers put beside the payload as `metadata.user_email`: an address inside the
    /// payload would be signed and could never be erased.
    pub fn user_email(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Metadata {
            user_email: Option<String>,
        }
        let metadata = self.event.metadata.as_deref()?;
        serde_json::from_str::<Metadata>(metadata).ok()?.user_email
    }
}
