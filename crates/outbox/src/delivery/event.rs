//! An event as it stands in the log.

use uuid::Uuid;

use crate::sql::{Cells, decode};

/// Separates entity type and id in the lane of an event without an order key. The writer refuses control characters in
/// all three, so no order key looks like it.
const UNIT_SEPARATOR: char = '\u{1f}';

/// The FIFO unit at one destination: events of one lane are delivered one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// Tenant of the events.
    pub tenant: Uuid,
    /// Store of the events.
    pub store: Uuid,
    /// The order key, else entity type, U+001F, entity id.
    pub key: String,
}

/// Separates a lane from the replay whose own lane it is. Refused by the writer like the other.
const RECORD_SEPARATOR: char = '\u{1e}';

impl Lane {
    /// The lane of a replay beside this one: what is delivered again neither waits for live events nor holds them up.
    #[must_use]
    pub fn of_replay(&self, job: Uuid) -> Self {
        Self { key: format!("{}{RECORD_SEPARATOR}{job}", self.key), ..self.clone() }
    }

    /// In which of 64 shards it is.
    pub(crate) fn shard(&self) -> u8 {
        let live = self.key.split(RECORD_SEPARATOR).next().unwrap_or_default();
        match live.split_once(UNIT_SEPARATOR) {
            Some((kind, id)) => crate::shard(None, kind, id),
            None => crate::shard(Some(live), "", ""),
        }
    }

    /// Whether it is a replay's.
    pub fn is_replay(&self) -> bool {
        self.key.contains(RECORD_SEPARATOR)
    }
}

/// A row of the log. Text is as the producer wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Place in the log.
    pub log_id: i64,
    /// Epoch of the log in which it was written.
    pub log_epoch: i16,
    /// The transaction that wrote it; 0 on SQLite, where ids alone tell what was read.
    pub xid: u64,
    /// 0 to 63, from the lane.
    pub shard: u8,
    /// Tenant.
    pub tenant: Uuid,
    /// Store.
    pub store: Uuid,
    /// Identity of the event within its scope.
    pub event_id: Uuid,
    /// The token that dedupes the fact.
    pub event_key: Option<String>,
    /// Such as `order.created`.
    pub event_type: String,
    /// Version of the payload's schema, from 1.
    pub schema_version: i32,
    /// Such as `order`.
    pub entity_type: String,
    /// Such as `ord_123`.
    pub entity_id: String,
    /// The root the event belongs to.
    pub order_key: Option<String>,
    /// A JSON object, exactly as written.
    pub payload: String,
    /// A JSON object, or nothing.
    pub metadata: Option<String>,
    /// What the event belongs to, across services.
    pub correlation_id: Option<String>,
    /// The event or request that caused it.
    pub causation_id: Option<String>,
    /// The operation it was written by.
    pub command_id: Option<Uuid>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// The agent whose signature a push to a sequencer carries.
    pub agent_id: Option<Uuid>,
    /// The number of the agent's key.
    pub agent_key_id: Option<i64>,
    /// RFC 3339.
    pub created_at: String,
    /// When the row was written, microseconds since 1970 UTC.
    pub written_at: i64,
}

impl LoggedEvent {
    /// The lane the event waits in.
    pub fn lane(&self) -> Lane {
        Lane { tenant: self.tenant, store: self.store, key: self.lane_key() }
    }

    fn lane_key(&self) -> String {
        match &self.order_key {
            Some(key) => key.clone(),
            None => format!("{}{UNIT_SEPARATOR}{}", self.entity_type, self.entity_id),
        }
    }
}

/// Reads the columns that every statement of `sql/` gives for an event, in their order.
///
/// Only the place in the log must be readable. Another column that is not what it should be, as when a program of another
/// language wrote it, makes this one event undecodable, not its page: its payload is then the fault, which is no JSON.
pub(crate) fn read_event(row: &mut Cells) -> Result<LoggedEvent, sqlx::Error> {
    let mut faults = Faults(None);
    let event = LoggedEvent {
        log_id: row.int()?,
        log_epoch: row.int()?,
        xid: read_xid(row)?,
        shard: row.int()?,
        tenant: faults.note("tenant_id", row.id()),
        store: faults.note("store_id", row.id()),
        event_id: faults.note("event_id", row.id()),
        event_key: faults.note("event_key", row.opt_text()),
        event_type: faults.note("event_type", row.text()),
        schema_version: faults.note("schema_version", row.int()),
        entity_type: faults.note("entity_type", row.text()),
        entity_id: faults.note("entity_id", row.text()),
        order_key: faults.note("order_key", row.opt_text()),
        payload: faults.note("payload", row.text()),
        metadata: faults.note("metadata", row.opt_text()),
        correlation_id: faults.note("correlation_id", row.opt_text()),
        causation_id: faults.note("causation_id", row.opt_text()),
        command_id: faults.note("command_id", row.opt_id()),
        traceparent: faults.note("traceparent", row.opt_text()),
        agent_id: faults.note("agent_id", row.opt_id()),
        agent_key_id: faults.note("agent_key_id", row.opt_int()),
        created_at: faults.note("created_at", row.text()),
        written_at: faults.note("written_at", row.int()),
    };
    Ok(match faults.0 {
        Some(fault) => LoggedEvent { payload: fault, ..event },
        None => event,
    })
}

/// The first column that could not be read.
struct Faults(Option<String>);

impl Faults {
    fn note<T: Default>(&mut self, column: &str, value: Result<T, sqlx::Error>) -> T {
        value.unwrap_or_else(|error| {
            self.0.get_or_insert_with(|| format!("unreadable column {column}: {error}"));
            T::default()
        })
    }
}

/// Unsigned and 64 bits wide, hence text; SQLite has none and says '0'.
fn read_xid(row: &mut Cells) -> Result<u64, sqlx::Error> {
    row.text()?.parse().map_err(|_| decode("a transaction id is none"))
}
