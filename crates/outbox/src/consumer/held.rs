//! Events that wait for one that comes before them.

use sqlx::Transaction;

use super::incoming::read_incoming;
use super::{ConsumeError, Consumer, Handler, Incoming, QuarantineClass, Step, Taken};
use crate::engine::Engine;
use crate::sql::{Cells, args, decode, execute, fetch, micros, statement};

/// Why an event waits; the only reason there is.
const REASON: &str = "waiting_for_predecessor";

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldEvent {
    /// Its place in the table.
    pub id: i64,
    /// The event.
    pub event: Incoming,
    /// What is missing, for people.
    pub waits_for: String,
    /// Microseconds since 1970 UTC.
    pub held_at: i64,
    /// When it goes to quarantine, microseconds since 1970 UTC.
    pub deadline_at: i64,
}

impl<DB: Engine, H: Handler<DB>> Consumer<DB, H> {
    /// What waits, after this place in the table, at most `most`.
    pub async fn held(&self, after: i64, most: u16) -> Result<Vec<HeldEvent>, sqlx::Error> {
        let mut tx = self.outbox.begin().await?;
        let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("held_list"), args![&self.name, after, most]);
        rows.await?.into_iter().map(read_listed).collect()
    }

    /// Puts what has waited past its deadline into quarantine, at most `most` at a time; gives how many. Call it now and
    /// then, and again while it is not zero.
    pub async fn expire_held(&self, most: u16) -> Result<u64, ConsumeError> {
        let mut tx = self.outbox.begin().await?;
        let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("held_expired"), args![&self.name, most]);
        let mut gone = 0;
        for mut row in rows.await? {
            let (_, event) = read_held(&mut row)?;
            let why = format!("its predecessor did not come in time: {}", row.text()?);
            self.put_away(&mut tx, &event, QuarantineClass::NoPredecessor, &why).await?;
            gone += 1;
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// Lets an event wait, unless too many do.
    pub(super) async fn hold(
        &self,
        tx: &mut Transaction<'static, DB>,
        event: &Incoming,
        waits_for: &str,
    ) -> Result<Taken, ConsumeError> {
        let scope = event.scope;
        let lane = args![&self.name, scope.tenant, scope.store, &event.key];
        let rows = fetch::<DB>(tx, &self.outbox.schema, statement!("held_counts"), lane.clone()).await?;
        let mut row = rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
        let (of_key, total): (i64, i64) = (row.int()?, row.int()?);
        if of_key >= i64::from(self.limits.per_key) || total >= i64::from(self.limits.total) {
            let why = format!("{of_key} events of its key and {total} in all wait already; {waits_for}");
            self.put_away(tx, event, QuarantineClass::TooManyHeld, &why).await?;
            return Ok(Taken::Quarantined(QuarantineClass::TooManyHeld));
        }
        let mut args = lane;
        args.extend(args![event.event_id, &event.event_type, event.schema_version, event.sequence]);
        args.extend(args![&event.payload, event.notes_json(), REASON, waits_for, micros(self.limits.deadline)]);
        execute::<DB>(tx, &self.outbox.schema, statement!("held_add"), args).await?;
        Ok(Taken::Held)
    }

    /// Applies what waited for `applied`, in order, and again from the first as long as that lets more through. Gives
    /// how many were applied.
    pub(super) async fn release_held(
        &self,
        tx: &mut Transaction<'static, DB>,
        applied: &Incoming,
    ) -> Result<u32, ConsumeError> {
        let lane = args![&self.name, applied.scope.tenant, applied.scope.store, &applied.key];
        let rows = fetch::<DB>(tx, &self.outbox.schema, statement!("held_of_lane"), lane).await?;
        let mut waiting = rows.into_iter().map(|mut row| read_held(&mut row)).collect::<Result<Vec<_>, _>>()?;
        let mut released = 0;
        let mut progress = true;
        while std::mem::take(&mut progress) {
            let mut still = Vec::with_capacity(waiting.len());
            for (id, event) in waiting {
                match self.judge(tx, &event).await? {
                    Step::Hold(_) => {
                        still.push((id, event));
                        continue;
                    },
                    Step::Applied => {
                        released += 1;
                        progress = true;
                    },
                    Step::Ignored(_) => {},
                    Step::Quarantine(class, why) => self.put_away(tx, &event, class, &why).await?,
                }
                execute::<DB>(tx, &self.outbox.schema, statement!("held_remove"), args![id]).await?;
            }
            waiting = still;
        }
        Ok(released)
    }
}

fn read_held(row: &mut Cells) -> Result<(i64, Incoming), sqlx::Error> {
    let id = row.int()?;
    let (_, event) = read_incoming(row)?;
    Ok((id, event.ok_or_else(|| decode("a held event has no id"))?))
}

fn read_listed(mut row: Cells) -> Result<HeldEvent, sqlx::Error> {
    let (id, event) = read_held(&mut row)?;
    Ok(HeldEvent { id, event, waits_for: row.text()?, held_at: row.int()?, deadline_at: row.int()? })
}
