//! What people and their tools see and do: breakers, counts, dead letters.

use sqlx::Transaction;
use uuid::Uuid;

use super::{Breaker, Counts, Deliveries, DeliveryError, args, left, micros, statement};
use crate::audit::Entry;
use crate::delivery::BreakerState;
use crate::engine::Engine;
use crate::schema::Schema;
use crate::scope::Scope;
use crate::sql::{execute, fetch, fetch_optional};

/// Pending events have no rows: counting them reads the log.
const COUNTED: i64 = 10_000;

impl<DB: Engine> Deliveries<DB> {
    pub(super) async fn read_breaker(&self, destination: i32) -> Result<Breaker, DeliveryError> {
        let rows = self.fetch(statement!("breaker"), args![destination]).await?;
        let Some(mut row) = rows.into_iter().next() else {
            let state = BreakerState::Closed;
            let (reason, probe_in, since) = (None, None, std::time::Duration::ZERO);
            return Ok(Breaker { destination, state, failures: 0, reason, probe_in, since, version: 0 });
        };
        Ok(Breaker {
            destination,
            state: row.word()?,
            failures: row.int()?,
            reason: row.opt_text()?,
            probe_in: row.opt_int()?.map(left),
            since: left(row.int()?),
            version: row.int()?,
        })
    }

    pub(super) async fn store_breaker(&self, breaker: &Breaker) -> Result<bool, DeliveryError> {
        let mut tx = self.begin().await?;
        let (state, probe) = (breaker.state.as_str(), breaker.probe_in.map(micros));
        let args = args![breaker.destination, state, breaker.failures, breaker.reason.as_ref(), probe, breaker.version];
        let stored = self.change(&mut tx, statement!("breaker_set"), args).await? == 1;
        tx.commit().await?;
        Ok(stored)
    }

    pub(super) async fn count(&self, destination: i32) -> Result<Counts, DeliveryError> {
        let mut tx = self.outbox.begin_read().await?;
        let schema = &self.outbox.schema;
        let states = fetch::<DB>(&mut tx, schema, statement!("delivery_counts"), args![destination]).await?;
        let rows =
            states.into_iter().map(|mut row| Ok((row.word()?, row.int()?))).collect::<Result<_, sqlx::Error>>()?;
        let one = |rows: Vec<_>| rows.into_iter().next().ok_or(DeliveryError::Conflict);
        let pending = args![destination, COUNTED + 1];
        let mut pending = one(fetch::<DB>(&mut tx, schema, statement!("pending"), pending).await?)?;
        let open = fetch::<DB>(&mut tx, schema, statement!("open_counts"), args![destination]).await?;
        let mut open = one(open)?;
        tx.commit().await?;
        let (waiting, oldest_waiting) = (pending.int::<i64>()?, pending.opt_int()?);
        let (parked_lanes, dead_letters, oldest_open) = (open.int()?, open.int()?, open.opt_int()?);
        let now: i64 = open.int()?;
        let oldest = oldest_waiting.into_iter().chain(oldest_open).min();
        Ok(Counts {
            pending: waiting.min(COUNTED),
            pending_capped: waiting > COUNTED,
            rows,
            lag: oldest_waiting.map(|written| left(now - written)),
            oldest: oldest.map(|written| left(now - written)),
            parked_lanes,
            dead_letters,
        })
    }

    pub(super) async fn redrive_letter(&self, letter: Uuid, actor: &str) -> Result<bool, DeliveryError> {
        self.close(letter, "redriven", ClosedBy { actor, reason: None, job: None }).await
    }

    pub(super) async fn discard_letter(&self, letter: Uuid, reason: &str, actor: &str) -> Result<bool, DeliveryError> {
        self.close(letter, "discarded", ClosedBy { actor, reason: Some(reason), job: None }).await
    }

    async fn close(&self, letter: Uuid, resolution: &'static str, by: ClosedBy<'_>) -> Result<bool, DeliveryError> {
        let mut tx = self.begin().await?;
        self.change(&mut tx, statement!("dead_letter_fence"), args![letter]).await?;
        let closed = close_letter(&mut tx, &self.outbox.schema, letter, resolution, by).await?;
        if closed {
            self.commit_and_wake(tx).await?;
        }
        Ok(closed)
    }

    async fn commit_and_wake(&self, tx: Transaction<'static, DB>) -> Result<(), DeliveryError> {
        Ok(self.outbox.commit(tx).await?)
    }
}

/// Who closes a dead letter, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosedBy<'a> {
    pub(crate) actor: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) job: Option<Uuid>,
}

/// Closes a dead letter as `redriven` or `discarded`, in a transaction that holds its shard group. `false`: it was closed
/// before.
pub(crate) async fn close_letter<DB: Engine>(
    tx: &mut Transaction<'static, DB>,
    schema: &Schema,
    letter: Uuid,
    resolution: &'static str,
    by: ClosedBy<'_>,
) -> Result<bool, DeliveryError> {
    let (delivery, lane, action) = match resolution {
        "redriven" => (statement!("delivery_reopen"), statement!("lane_redriven"), "dead_letter.redriven"),
        _ => (statement!("delivery_discard"), statement!("lane_resume"), "dead_letter.discarded"),
    };
    let close = args![letter, resolution, by.reason, by.actor];
    let Some(mut closed) = fetch_optional::<DB>(tx, schema, statement!("dead_letter_close"), close).await? else {
        return Ok(false);
    };
    let changed = fetch_optional::<DB>(tx, schema, delivery, args![closed.int::<i64>()?]).await?;
    let mut changed = changed.ok_or(DeliveryError::Conflict)?;
    let (destination, tenant, store) = (changed.int::<i32>()?, changed.id()?, changed.id()?);
    let (key, group) = (changed.text()?, changed.int::<u16>()?);
    execute::<DB>(tx, schema, lane, args![destination, tenant, store, key, group]).await?;
    let entry = Entry {
        actor: by.actor.to_owned(),
        action,
        subject: format!("dead_letter:{letter}"),
        before: Some("dead".to_owned()),
        after: Some(if resolution == "redriven" { "pending" } else { "discarded" }.to_owned()),
        reason: by.reason.map(str::to_owned),
        job: by.job,
    };
    entry.add::<DB>(tx, schema, Scope { tenant, store }).await?;
    Ok(true)
}
