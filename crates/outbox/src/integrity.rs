//! Whether the tables are what they should be. Nothing is mended: a finding says what contradicts what.
//!
//! Events are read page by page and judged by a pure function; rows that belong together are compared by the database.

use std::fmt;

use sqlx::Transaction;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::engine::Engine;
use crate::read::{ReadError, Reader};
use crate::sql::{Arg, Cells, Statement, args, fetch, statement};

/// Events of one page.
const PAGE: i64 = 1_000;
/// Findings of one kind.
const EACH: i64 = 100;
/// Findings of one check.
const MOST: usize = 10_000;
/// How far time may go back from one event to the next: several transactions number and stamp their events at once.
const BACK: i64 = 1_000_000;
/// How far the producer's time may be from the database's.
const SKEW: i64 = 300_000_000;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong with the data.
    Warning,
    /// The tables contradict each other.
    Fault,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Two events have one key.
    DuplicateEventKey,
    /// Two events have one id.
    DuplicateEventId,
    /// An event has no identity: it could be written again.
    EventWithoutIdentity,
    /// An identity's event is gone, and was not archived: a gap.
    IdentityWithoutEvent,
    /// An event and its identity have different keys or places.
    IdentityDiffers,
    /// A payload is not what was written.
    PayloadChanged,
    /// An event is in another shard than its key: its order is not kept.
    WrongShard,
    /// An event was written earlier than the one before it.
    TimeRegression,
    /// The producer's time is far from the database's.
    CreatedAtSkew,
    /// A destination has the events of a lane in another order.
    RemoteOrder,
    /// A cursor is behind the end of the log.
    CursorBeyondLog,
    /// The log does not belong to this database server.
    LogMoved,
    /// An open dead letter has no dead delivery.
    DeadLetterWithoutDelivery,
    /// A dead delivery has no open letter.
    DeadDeliveryWithoutLetter,
    /// An open delivery is in no parked lane: it is never tried.
    DeliveryWithoutLane,
    /// A delivery's event is gone, and was not archived.
    DeliveryWithoutEvent,
    /// A delivery and its event disagree about who they are.
    DeliveryOfAnotherEvent,
    /// A delivery is in another shard group than its event.
    DeliveryInAnotherGroup,
    /// A delivery's state and its end disagree.
    DeliveryWithoutEnd,
    /// A receipt's event is gone, and was not archived.
    ReceiptWithoutEvent,
}

impl FindingKind {
    const WORDS: [(Self, &'static str); 20] = [
        (Self::DuplicateEventKey, "duplicate_event_key"),
        (Self::DuplicateEventId, "duplicate_event_id"),
        (Self::EventWithoutIdentity, "event_without_identity"),
        (Self::IdentityWithoutEvent, "identity_without_event"),
        (Self::IdentityDiffers, "identity_differs"),
        (Self::PayloadChanged, "payload_changed"),
        (Self::WrongShard, "wrong_shard"),
        (Self::TimeRegression, "time_regression"),
        (Self::CreatedAtSkew, "created_at_skew"),
        (Self::RemoteOrder, "remote_order"),
        (Self::CursorBeyondLog, "cursor_beyond_log"),
        (Self::LogMoved, "log_moved"),
        (Self::DeadLetterWithoutDelivery, "dead_letter_without_delivery"),
        (Self::DeadDeliveryWithoutLetter, "dead_delivery_without_letter"),
        (Self::DeliveryWithoutLane, "delivery_without_lane"),
        (Self::DeliveryWithoutEvent, "delivery_without_event"),
        (Self::DeliveryOfAnotherEvent, "delivery_of_another_event"),
        (Self::DeliveryInAnotherGroup, "delivery_in_another_group"),
        (Self::DeliveryWithoutEnd, "delivery_without_end"),
        (Self::ReceiptWithoutEvent, "receipt_without_event"),
    ];

    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// Whether something is broken.
    pub fn severity(self) -> Severity {
        match self {
            Self::TimeRegression | Self::CreatedAtSkew => Severity::Warning,
            _ => Severity::Fault,
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Something that contradicts something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What is wrong.
    pub kind: FindingKind,
    /// With what: a kind, a colon, its id.
    pub subject: String,
    /// In words.
    pub detail: String,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Events that were read and hashed.
    pub events: i64,
    /// Place of the last of them.
    pub upto: i64,
    /// By kind and subject; of each kind that the database looks for, 100 at most.
    pub findings: Vec<Finding>,
}

impl Integrity {
    /// Whether something is broken.
    pub fn is_faulty(&self) -> bool {
        self.findings.iter().any(|finding| finding.kind.severity() == Severity::Fault)
    }
}

/// An event with the identity that belongs to it.
#[derive(Clone, Debug)]
struct Checked {
    log_id: i64,
    event_id: Uuid,
    event_key: Option<String>,
    shard: u8,
    entity: (String, String),
    order_key: Option<String>,
    payload: String,
    created_at: String,
    written_at: i64,
    identity: Option<(i64, Option<String>, Vec<u8>)>,
}

/// What is wrong with an event. `before`: when the one before it was written.
fn judge(event: &Checked, before: Option<i64>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |kind, detail: String| {
        findings.push(Finding { kind, subject: format!("event:{}", event.event_id), detail });
    };
    match &event.identity {
        None => add(FindingKind::EventWithoutIdentity, format!("place {}", event.log_id)),
        Some((place, key, _)) if *place != event.log_id || *key != event.event_key => {
            add(FindingKind::IdentityDiffers, format!("place {}, in its identity {place}", event.log_id));
        },
        Some((_, _, hash)) if crate::write::payload_hash(&event.payload) != hash.as_slice() => {
            let now = crate::hex(&crate::write::payload_hash(&event.payload));
            add(FindingKind::PayloadChanged, format!("SHA-256 {now}, written as {}", crate::hex(hash)));
        },
        Some(_) => {},
    }
    let shard = crate::shard(event.order_key.as_deref(), &event.entity.0, &event.entity.1);
    if shard != event.shard {
        add(FindingKind::WrongShard, format!("in shard {}, its key's is {shard}", event.shard));
    }
    if let Some(before) = before.filter(|before| event.written_at < before - BACK) {
        add(
            FindingKind::TimeRegression,
            format!("{} s before the event before it", (before - event.written_at) / 1_000_000),
        );
    }
    match OffsetDateTime::parse(&event.created_at, &Rfc3339) {
        Ok(created) => {
            let created = i64::try_from(created.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
            let skew = created.saturating_sub(event.written_at);
            if skew.abs() > SKEW {
                add(
                    FindingKind::CreatedAtSkew,
                    format!("created_at is {} s from when it was written", skew / 1_000_000),
                );
            }
        },
        Err(_) => add(FindingKind::CreatedAtSkew, format!("created_at {:?} is no time", event.created_at)),
    }
    findings
}

impl<DB: Engine> Reader<DB> {
    /// Reads every event of this scope behind `after` up to `upto` and compares the tables with each other. Takes no lock
    /// that anyone waits for; it takes as long as reading everything does.
    pub async fn verify(&self, after: Option<i64>, upto: Option<i64>) -> Result<Integrity, ReadError> {
        let mut found = Integrity { upto: after.unwrap_or(-1), ..Integrity::default() };
        if let Some(fault) = self.outbox.deliveries().check_log().await? {
            let (kind, subject) = (FindingKind::LogMoved, "log".to_owned());
            found.findings.push(Finding { kind, subject, detail: fault.to_string() });
        }
        let scope = self.outbox.scope;
        let mut tx = self.outbox.begin_read().await?;
        for statement in [statement!("verify_rows"), statement!("verify_keys"), statement!("verify_remote_order")] {
            self.compare(&mut tx, statement, args![scope.tenant, scope.store, EACH], &mut found).await?;
        }
        self.compare(&mut tx, statement!("verify_cursors"), args![EACH], &mut found).await?;
        let mut before = None;
        loop {
            let args = args![scope.tenant, scope.store, found.upto, upto.unwrap_or(i64::MAX), PAGE];
            let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("verify_events"), args).await?;
            let full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
            for row in rows {
                let event = read_checked(row)?;
                found.findings.extend(judge(&event, before));
                (before, found.upto) = (Some(event.written_at), event.log_id);
                found.events += 1;
            }
            if !full || found.findings.len() >= MOST {
                break;
            }
        }
        found.findings.truncate(MOST);
        found.findings.sort();
        Ok(found)
    }

    async fn compare(
        &self,
        tx: &mut Transaction<'static, DB>,
        statement: Statement,
        args: Vec<Arg>,
        found: &mut Integrity,
    ) -> Result<(), ReadError> {
        for mut row in fetch::<DB>(tx, &self.outbox.schema, statement, args).await? {
            let word = row.text()?;
            let kind = FindingKind::WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind);
            let kind = kind.ok_or_else(|| crate::sql::decode("a finding is of no kind"))?;
            found.findings.push(Finding { kind, subject: row.text()?, detail: row.text()? });
        }
        Ok(())
    }
}

fn read_checked(mut row: Cells) -> Result<Checked, sqlx::Error> {
    Ok(Checked {
        log_id: row.int()?,
        event_id: row.id()?,
        event_key: row.opt_text()?,
        shard: row.int()?,
        entity: (row.text()?, row.text()?),
        order_key: row.opt_text()?,
        payload: row.text()?,
        created_at: row.text()?,
        written_at: row.int()?,
        identity: match row.opt_int()? {
            Some(place) => Some((place, row.opt_text()?, row.opt_bytes()?.unwrap_or_default())),
            None => None,
        },
    })
}
