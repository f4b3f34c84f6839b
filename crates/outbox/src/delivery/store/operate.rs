//! What people and their tools see and do: breakers, counts, dead letters.

use sqlx::Transaction;
use uuid::Uuid;

use super::{Breaker, Counts, Deliveries, DeliveryError, args, left, micros, statement};
use crate::delivery::BreakerState;
use crate::engine::Engine;
use crate::sql::{Arg, Statement};

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
        let states = self.fetch(statement!("delivery_counts"), args![destination]).await?;
        let rows =
            states.into_iter().map(|mut row| Ok((row.word()?, row.int()?))).collect::<Result<_, sqlx::Error>>()?;
        let one = |rows: Vec<_>| rows.into_iter().next().ok_or(DeliveryError::Conflict);
        let mut pending = one(self.fetch(statement!("pending"), args![destination, COUNTED + 1]).await?)?;
        let mut open = one(self.fetch(statement!("open_counts"), args![destination]).await?)?;
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
        let close = args![letter, "redriven", None::<&str>, actor];
        self.close_letter(letter, close, statement!("delivery_reopen"), statement!("lane_redriven")).await
    }

    pub(super) async fn discard_letter(&self, letter: Uuid, reason: &str, actor: &str) -> Result<bool, DeliveryError> {
        let close = args![letter, "discarded", reason, actor];
        self.close_letter(letter, close, statement!("delivery_discard"), statement!("lane_resume")).await
    }

    async fn close_letter(
        &self,
        letter: Uuid,
        close: Vec<Arg>,
        delivery: Statement,
        lane: Statement,
    ) -> Result<bool, DeliveryError> {
        let mut tx = self.begin().await?;
        self.change(&mut tx, statement!("dead_letter_fence"), args![letter]).await?;
        let Some(mut closed) = self.row(&mut tx, statement!("dead_letter_close"), close).await? else {
            return Ok(false);
        };
        let changed = self.row(&mut tx, delivery, args![closed.int::<i64>()?]).await?;
        let mut changed = changed.ok_or(DeliveryError::Conflict)?;
        let (destination, tenant, store) = (changed.int::<i32>()?, changed.id()?, changed.id()?);
        let (key, group) = (changed.text()?, changed.int::<u16>()?);
        self.change(&mut tx, lane, args![destination, tenant, store, key, group]).await?;
        self.commit_and_wake(tx).await?;
        Ok(true)
    }

    async fn commit_and_wake(&self, tx: Transaction<'static, DB>) -> Result<(), DeliveryError> {
        Ok(self.outbox.commit(tx).await?)
    }
}
