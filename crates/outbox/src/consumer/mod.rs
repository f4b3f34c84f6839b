//! What a consumer needs so that an event has one effect, in a legal order, and none is lost or silently misapplied.
//!
//! [`Consumer::take`] runs in the consumer's own transaction. It notes the event in the inbox, reads its payload in the
//! newest version ([`Upcasts`]), asks the pure rules ([`Handler::judge`]), and does what they say: apply, ignore, hold
//! until the predecessor has come, or put into quarantine. Applying an event releases, in the same transaction, those
//! that waited for it. Rolling back leaves nothing of any of this.
//!
//! Deliberately absent: where events come from. The relay's handler, its Kafka consumer, or a webhook of yours makes an
//! [`Incoming`] and calls.

mod handler;
mod held;
mod incoming;
mod quarantine;
#[cfg(feature = "testing")]
pub mod testing;
mod upcast;
mod verdict;

use std::time::Duration;

use sqlx::Transaction;

use crate::engine::Engine;
use crate::inbox::Receipt;
use crate::outbox::Outbox;
use crate::sql::{args, execute, statement};

pub use handler::{ConsumeError, Failure, Handler};
pub use held::HeldEvent;
pub use incoming::{Incoming, Notes};
pub use quarantine::{QuarantineClass, Quarantined, Released, Undecodable};
pub use upcast::{UpcastError, Upcasts};
pub use verdict::{Ignored, Machine, Verdict};

/// How much may wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldLimits {
    /// Most events held of one key; one more goes to quarantine.
    pub per_key: u16,
    /// Most events held in all.
    pub total: u32,
    /// How long one waits before it goes to quarantine.
    pub deadline: Duration,
}

impl Default for HoldLimits {
    /// 100 of a key, 10,000 in all, one day.
    fn default() -> Self {
        Self { per_key: 100, total: 10_000, deadline: Duration::from_hours(24) }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It took its effect, and so did these many that had waited for it.
    Applied {
        /// Held events that were applied after it.
        released: u32,
    },
    /// It has no effect.
    Ignored(Ignored),
    /// It waits for its predecessor.
    Held,
    /// It will not be taken unless somebody releases it.
    Quarantined(QuarantineClass),
}

/// How a consumer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Events that wait.
    pub held: i64,
    /// How long the first of them has waited.
    pub oldest_held: Option<Duration>,
    /// Events in quarantine.
    pub quarantined: i64,
    /// How long the first of them has been there.
    pub oldest_quarantined: Option<Duration>,
}

/// A named consumer: its rules, its effects, and what it has taken.
pub struct Consumer<DB: Engine, H> {
    pub(crate) name: String,
    pub(crate) outbox: Outbox<DB>,
    pub(crate) handler: H,
    upcasts: Upcasts,
    limits: HoldLimits,
}

impl<DB: Engine, H: Handler<DB>> Consumer<DB, H> {
    /// A consumer of this name in this database. The name is what its inbox is known by: consumers of different names
    /// each take every event, and one that is renamed takes all of them again.
    pub fn new(outbox: Outbox<DB>, name: impl Into<String>, handler: H) -> Self {
        Self { name: name.into(), outbox, handler, upcasts: Upcasts::new(), limits: HoldLimits::default() }
    }

    /// Reads old payloads as new ones.
    #[must_use]
    pub fn with_upcasts(mut self, upcasts: Upcasts) -> Self {
        self.upcasts = upcasts;
        self
    }

    /// How much may wait, and for how long.
    #[must_use]
    pub fn with_hold_limits(mut self, limits: HoldLimits) -> Self {
        self.limits = limits;
        self
    }

    /// What its inbox is known by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database it works on.
    pub fn outbox(&self) -> &Outbox<DB> {
        &self.outbox
    }

    /// Takes an event in the caller's transaction. On an error roll back: the event has had no effect and may come again.
    ///
    /// One event per transaction: two transactions that take the same two keys in different orders would wait for each
    /// other. On PostgreSQL the transaction is READ COMMITTED, or a predecessor may be overlooked.
    pub async fn take(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<Taken, ConsumeError> {
        let outbox = self.outbox.for_scope(event.scope);
        self.lock_lane(tx, event).await?;
        if outbox.receive(tx, &self.name, event.event_id).await? == Receipt::Seen {
            return Ok(Taken::Ignored(Ignored::Duplicate));
        }
        match self.judge(tx, event).await? {
            Step::Applied => Ok(Taken::Applied { released: self.release_held(tx, event).await? }),
            Step::Ignored(why) => Ok(Taken::Ignored(why)),
            Step::Hold(waits_for) => self.hold(tx, event, &waits_for).await,
            Step::Quarantine(class, why) => {
                self.put_away(tx, event, class, &why).await?;
                Ok(Taken::Quarantined(class))
            },
        }
    }

    /// Takes an event in a transaction of its own.
    pub async fn take_alone(&self, event: &Incoming) -> Result<Taken, ConsumeError> {
        let outbox = self.outbox.for_scope(event.scope);
        let mut tx = outbox.begin().await?;
        let taken = self.take(&mut tx, event).await?;
        // What the effect wrote may be events too.
        outbox.commit(tx).await?;
        Ok(taken)
    }

    /// What waits and what is in quarantine.
    pub async fn standing(&self) -> Result<Standing, sqlx::Error> {
        let mut tx = self.outbox.begin().await?;
        let args = args![&self.name];
        let mut rows =
            crate::sql::fetch::<DB>(&mut tx, &self.outbox.schema, statement!("consumer_standing"), args).await?;
        let mut row = rows.pop().ok_or(sqlx::Error::RowNotFound)?;
        let age = |micros: Option<i64>| micros.map(|it| Duration::from_micros(u64::try_from(it).unwrap_or(0)));
        Ok(Standing {
            held: row.int()?,
            oldest_held: age(row.opt_int()?),
            quarantined: row.int()?,
            oldest_quarantined: age(row.opt_int()?),
        })
    }

    async fn lock_lane(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<(), sqlx::Error> {
        let args = args![&self.name, event.scope.tenant, event.scope.store, &event.key];
        execute::<DB>(tx, &self.outbox.schema, statement!("lane_lock"), args).await?;
        Ok(())
    }

    /// Reads the event in its newest version and lets the rules decide; applies it if they say so.
    async fn judge(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<Step, ConsumeError> {
        let (schema_version, payload) = match self.upcasts.read(&event.event_type, event.schema_version, &event.payload)
        {
            Ok((version, payload)) => (version, payload.into_owned()),
            Err(fault) => return Ok(Step::Quarantine(QuarantineClass::Upcast, fault.to_string())),
        };
        let read = Incoming { schema_version, payload, ..event.clone() };
        let state = self.handler.read(tx, &read).await.map_err(ConsumeError::of_handler)?;
        Ok(match self.handler.judge(&state, &read) {
            Verdict::Apply(next) => {
                self.handler.apply(tx, next, &read).await.map_err(ConsumeError::of_handler)?;
                Step::Applied
            },
            Verdict::Ignore(why) => Step::Ignored(why),
            Verdict::Hold(waits_for) => Step::Hold(waits_for),
            Verdict::Quarantine(why) => Step::Quarantine(QuarantineClass::Illegal, why),
        })
    }
}

/// What the rules said, done as far as the handler is concerned.
enum Step {
    Applied,
    Ignored(Ignored),
    Hold(String),
    Quarantine(QuarantineClass, String),
}
