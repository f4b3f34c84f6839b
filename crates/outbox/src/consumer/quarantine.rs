//! Events that were not taken, and what becomes of them.

use std::fmt;
use std::str::FromStr;

use sqlx::Transaction;
use uuid::Uuid;

use super::incoming::read_incoming;
use super::{ConsumeError, Consumer, Handler, Incoming, Step};
use crate::delivery::UnknownWord;
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::scope::Scope;
use crate::sql::{Cells, args, execute, fetch, fetch_optional, statement};

/// Bytes that are kept of a record that could not be read.
const RAW_BYTES: usize = 1024 * 1024;
/// Bytes that are kept of a reason.
const REASON_BYTES: usize = 4096;

/// Why an event is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuarantineClass {
    /// The record could not be read.
    Undecodable,
    /// Its payload could not be read in the newest version.
    Upcast,
    /// The rules do not allow it.
    Illegal,
    /// What comes before it did not come in time.
    NoPredecessor,
    /// Too many wait already.
    TooManyHeld,
    /// The handler failed each time.
    Exhausted,
}

impl QuarantineClass {
    /// As in SQL and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Upcast => "upcast",
            Self::Illegal => "illegal",
            Self::NoPredecessor => "no_predecessor",
            Self::TooManyHeld => "too_many_held",
            Self::Exhausted => "exhausted",
        }
    }
}

impl FromStr for QuarantineClass {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all =
            [Self::Undecodable, Self::Upcast, Self::Illegal, Self::NoPredecessor, Self::TooManyHeld, Self::Exhausted];
        all.into_iter().find(|class| class.as_str() == word).ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

impl fmt::Display for QuarantineClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A record that could not be read.
#[derive(Clone, Copy, Debug)]
pub struct Undecodable<'a> {
    /// Where it came from, such as `order.events/2/4711`: it goes into quarantine once.
    pub source: &'a str,
    /// Its bytes; the first 1 MiB are kept.
    pub bytes: &'a [u8],
    /// What is wrong with it.
    pub why: &'a str,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its identity; grows with time.
    pub id: Uuid,
    /// Whose it is; for a record that could not be read, the consumer's own scope.
    pub scope: Scope,
    /// The event, unless it could not be read.
    pub event: Option<Incoming>,
    /// The bytes of a record that could not be read.
    pub raw: Option<Vec<u8>>,
    /// Where it came from.
    pub source: String,
    /// Why it is here.
    pub class: QuarantineClass,
    /// The same in words.
    pub reason: String,
    /// Microseconds since 1970 UTC.
    pub quarantined_at: i64,
}

/// What became of an entry that somebody released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// It took its effect, or had none left to take; the entry is closed.
    Taken {
        /// Held events that were applied after it.
        released: u32,
    },
    /// It waits for its predecessor now; the entry is closed.
    Held,
    /// It still cannot be taken: the entry stays, and this is why.
    Refused(String),
    /// There is no such open entry: it was closed before.
    Closed,
}

impl<DB: Engine, H: Handler<DB>> Consumer<DB, H> {
    /// Open entries, oldest first, after this one, at most `most`.
    pub async fn quarantined(&self, after: Option<Uuid>, most: u16) -> Result<Vec<Quarantined>, sqlx::Error> {
        let mut tx = self.outbox.begin().await?;
        let args = args![&self.name, after.unwrap_or_default(), most];
        let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("quarantine_list"), args).await?;
        rows.into_iter().map(read_entry).collect()
    }

    /// Takes an event out of quarantine: it is judged again as the state is now. A record that could not be read, or a
    /// payload that is wrong, needs `mended`, which is what is taken instead, under the id it brings.
    ///
    /// Safe to repeat: an entry is closed in the transaction of its effect.
    pub async fn release(&self, id: Uuid, mended: Option<Incoming>, actor: &str) -> Result<Released, ConsumeError> {
        let mut tx = self.outbox.begin().await?;
        let found =
            fetch_optional::<DB>(&mut tx, &self.outbox.schema, statement!("quarantine_get"), args![&self.name, id]);
        let Some(row) = found.await? else { return Ok(Released::Closed) };
        let entry = read_entry(row)?;
        let Some(event) = mended.or(entry.event) else {
            let how = "the record could not be read; mend it, or discard it";
            return Ok(Released::Refused(how.to_owned()));
        };
        self.lock_lane(&mut tx, &event).await?;
        // A mended event may be one that has not been noted under this id.
        self.outbox.for_scope(event.scope).receive(&mut tx, &self.name, event.event_id).await?;
        let done = match self.judge(&mut tx, &event).await? {
            Step::Applied => Released::Taken { released: self.release_held(&mut tx, &event).await? },
            Step::Ignored(_) => Released::Taken { released: 0 },
            Step::Hold(waits_for) => match self.hold(&mut tx, &event, &waits_for).await? {
                super::Taken::Held => Released::Held,
                _ => return Ok(Released::Refused(waits_for)),
            },
            Step::Quarantine(_, why) => return Ok(Released::Refused(why)),
        };
        close(&self.outbox, &mut tx, &self.name, id, ("released", None, actor)).await?;
        self.outbox.commit(tx).await?;
        Ok(done)
    }

    /// Gives an entry up for good, with the reason. `false`: it was closed before.
    pub async fn discard(&self, id: Uuid, reason: &str, actor: &str) -> Result<bool, sqlx::Error> {
        let mut tx = self.outbox.begin().await?;
        let closed = close(&self.outbox, &mut tx, &self.name, id, ("discarded", Some(reason), actor)).await?;
        tx.commit().await?;
        Ok(closed)
    }

    /// Puts a record that could not be read into quarantine, in the caller's transaction. `false`: it is there already.
    pub async fn quarantine_record(
        &self,
        tx: &mut Transaction<'static, DB>,
        record: Undecodable<'_>,
    ) -> Result<bool, sqlx::Error> {
        let raw = record.bytes.get(..RAW_BYTES).unwrap_or(record.bytes);
        let scope = self.outbox.scope();
        let none: Option<&str> = None;
        let mut args = args![Uuid::now_v7(), &self.name, scope.tenant, scope.store, record.source, none];
        args.extend(args![None::<Uuid>, none, None::<i64>, None::<i64>, none, none, raw]);
        args.extend(args![QuarantineClass::Undecodable.as_str(), cut(record.why)]);
        Ok(execute::<DB>(tx, &self.outbox.schema, statement!("quarantine_add"), args).await? == 1)
    }

    /// Puts an event that cannot be taken into quarantine, in the caller's transaction, and notes it as taken: for a
    /// handler that has failed too often. `false`: it was taken before.
    pub async fn quarantine_event(
        &self,
        tx: &mut Transaction<'static, DB>,
        event: &Incoming,
        class: QuarantineClass,
        why: &str,
    ) -> Result<bool, sqlx::Error> {
        let outbox = self.outbox.for_scope(event.scope);
        if outbox.receive(tx, &self.name, event.event_id).await? == crate::Receipt::Seen {
            return Ok(false);
        }
        self.put_away(tx, event, class, why).await?;
        Ok(true)
    }

    pub(super) async fn put_away(
        &self,
        tx: &mut Transaction<'static, DB>,
        event: &Incoming,
        class: QuarantineClass,
        why: &str,
    ) -> Result<(), sqlx::Error> {
        let scope = event.scope;
        let mut args = args![Uuid::now_v7(), &self.name, scope.tenant, scope.store, event.source(), &event.key];
        args.extend(args![event.event_id, &event.event_type, event.schema_version, event.sequence, &event.payload]);
        args.extend(args![event.notes_json(), None::<&[u8]>, class.as_str(), cut(why)]);
        execute::<DB>(tx, &self.outbox.schema, statement!("quarantine_add"), args).await?;
        Ok(())
    }
}

async fn close<DB: Engine>(
    outbox: &Outbox<DB>,
    tx: &mut Transaction<'static, DB>,
    consumer: &str,
    id: Uuid,
    (resolution, note, actor): (&str, Option<&str>, &str),
) -> Result<bool, sqlx::Error> {
    let args = args![consumer, id, resolution, note, actor];
    Ok(execute::<DB>(tx, &outbox.schema, statement!("quarantine_close"), args).await? == 1)
}

fn read_entry(mut row: Cells) -> Result<Quarantined, sqlx::Error> {
    let id = row.id()?;
    let (scope, event) = read_incoming(&mut row)?;
    Ok(Quarantined {
        id,
        scope,
        event,
        raw: row.opt_bytes()?,
        source: row.text()?,
        class: row.word()?,
        reason: row.text()?,
        quarantined_at: row.int()?,
    })
}

/// Bounded, and without NUL, which PostgreSQL's text cannot hold.
fn cut(text: &str) -> String {
    text.chars().take(REASON_BYTES / 4).map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).collect()
}
