//! One settlement, one transaction. The cursor row comes first: whoever holds it is alone with its shard group, which
//! keeps settlements and operators from waiting for each other crosswise.

use sqlx::Transaction;
use uuid::Uuid;

use super::{Deliveries, DeliveryError, Lease, Settlement, args, micros, statement};
use crate::delivery::{Advance, AttemptRecord, Change, DeadLetter, DeliveryState, HeldReason, LaneChange};
use crate::engine::Engine;

/// Bytes of an error text that are kept.
const ERROR_BYTES: usize = 4096;

impl<DB: Engine> Deliveries<DB> {
    pub(super) async fn commit_settlement(&self, lease: &Lease, plan: &Settlement) -> Result<(), DeliveryError> {
        let mut tx = self.begin().await?;
        self.hold_group(&mut tx, lease, plan.advance.as_ref()).await?;
        if let Some(advance) = plan.advance.as_ref().filter(|_| plan.events + plan.unrouted > 0) {
            let (snapshot, upto) = advance.mark();
            let (destination, group) = (lease.destination, lease.shard_group);
            let args = args![destination, group, advance.log_epoch, snapshot, upto, plan.events, plan.unrouted];
            self.change(&mut tx, statement!("mark_add"), args).await?;
        }
        for change in &plan.changes {
            self.commit_change(&mut tx, lease, change).await?;
        }
        for receipt in &plan.receipts {
            let (kind, evidence) = (&receipt.kind, &receipt.evidence);
            let args = args![lease.destination, receipt.log_id, kind, receipt.remote_sequence, evidence];
            self.change(&mut tx, statement!("receipt_add"), args).await?;
        }
        for lane in &plan.lanes {
            self.commit_lane(&mut tx, lease, lane).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Moves the cursor, or touches it, and so finds out whether the lease still holds.
    async fn hold_group(
        &self,
        tx: &mut Transaction<'static, DB>,
        lease: &Lease,
        advance: Option<&Advance>,
    ) -> Result<(), DeliveryError> {
        let fence = args![lease.destination, lease.shard_group, lease.epoch];
        let Some(advance) = advance else {
            let held = self.change(tx, statement!("settle_fence"), fence).await?;
            return if held == 1 { Ok(()) } else { Err(DeliveryError::LeaseLost) };
        };
        let (to, from) = (&advance.to, &advance.from);
        let mut args = fence.clone();
        args.extend(args![&to.prev, to.cur.as_ref(), to.last_id, to.redeliver_from, advance.log_epoch]);
        args.extend(args![&from.prev, from.cur.as_ref(), from.last_id, from.redeliver_from]);
        if self.change(tx, statement!("settle_cursor"), args).await? == 1 {
            return Ok(());
        }
        let held = self.change(tx, statement!("settle_fence"), fence).await?;
        Err(if held == 1 { DeliveryError::Conflict } else { DeliveryError::LeaseLost })
    }

    async fn commit_change(
        &self,
        tx: &mut Transaction<'static, DB>,
        lease: &Lease,
        change: &Change,
    ) -> Result<(), DeliveryError> {
        let failure = change.attempt.as_ref();
        let class = failure.and_then(|attempt| attempt.class.as_deref());
        let error = failure.and_then(|attempt| attempt.error.as_deref()).map(cut);
        let reason = change.reason.map(HeldReason::as_str);
        let wait = change.next_attempt_in.map(micros);
        let row = &change.delivery;
        let (statement, args) = match change.from {
            None => {
                let (lane, group) = (&row.lane, lease.shard_group);
                let mut args =
                    args![lease.destination, row.log_id, row.replay_job, lane.tenant, lane.store, row.event_id];
                args.extend(args![&row.event_type, &lane.key, group, &row.route, row.route_version]);
                args.extend(args![change.to.as_str(), reason, change.attempts, wait, class, error, lease.epoch]);
                (statement!("delivery_add"), args)
            },
            Some(from) => {
                let mut args = args![lease.destination, row.log_id, row.replay_job, change.to.as_str(), reason];
                args.extend(args![change.attempts, wait, class, error, lease.epoch, from.as_str()]);
                (statement!("delivery_change"), args)
            },
        };
        let id: i64 = self.row(tx, statement, args).await?.ok_or(DeliveryError::Conflict)?.int()?;
        if let Some(attempt) = &change.attempt {
            self.add_attempt(tx, lease, id, attempt).await?;
        }
        match &change.dead_letter {
            Some(letter) if change.to == DeliveryState::Dead => self.add_letter(tx, lease, id, letter).await,
            None if change.to != DeliveryState::Dead => Ok(()),
            Some(_) | None => {
                Err(DeliveryError::Mismatch("a dead delivery and its dead letter come together".to_owned()))
            },
        }
    }

    async fn add_attempt(
        &self,
        tx: &mut Transaction<'static, DB>,
        lease: &Lease,
        delivery: i64,
        attempt: &AttemptRecord,
    ) -> Result<(), DeliveryError> {
        let error = attempt.error.as_deref().map(cut);
        let mut args = args![delivery, micros(attempt.started_ago), micros(attempt.took), attempt.outcome];
        args.extend(args![attempt.class.as_ref(), error, &lease.owner, lease.epoch]);
        self.change(tx, statement!("attempt_add"), args).await?;
        Ok(())
    }

    async fn add_letter(
        &self,
        tx: &mut Transaction<'static, DB>,
        lease: &Lease,
        delivery: i64,
        letter: &DeadLetter,
    ) -> Result<(), DeliveryError> {
        let args = args![Uuid::now_v7(), delivery, &letter.class, cut(&letter.error), &lease.owner];
        self.change(tx, statement!("dead_letter_add"), args).await?;
        Ok(())
    }

    async fn commit_lane(
        &self,
        tx: &mut Transaction<'static, DB>,
        lease: &Lease,
        change: &LaneChange,
    ) -> Result<(), DeliveryError> {
        match change {
            LaneChange::Park { lane, due_in, reason } => {
                let mut args = args![lease.destination, lane.tenant, lane.store, &lane.key, lease.shard_group];
                args.extend(args![due_in.map(micros), reason]);
                self.change(tx, statement!("lane_park"), args).await?;
                Ok(())
            },
            LaneChange::Unpark { lane } => {
                let args = args![lease.destination, lane.tenant, lane.store, &lane.key, lease.shard_group];
                let gone = self.change(tx, statement!("lane_unpark"), args).await?;
                if gone == 1 { Ok(()) } else { Err(DeliveryError::Conflict) }
            },
        }
    }
}

/// At most [`ERROR_BYTES`], without splitting a character; NUL, which PostgreSQL's text cannot hold, replaced.
fn cut(error: &str) -> String {
    let end =
        error.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= ERROR_BYTES).last();
    error.get(..end.unwrap_or(0)).unwrap_or_default().replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::{ERROR_BYTES, cut};

    #[test]
    fn long_errors_are_cut_between_characters() {
        assert_eq!(cut("short\0"), "short\u{fffd}");
        assert_eq!(cut(&"é".repeat(ERROR_BYTES)).len(), ERROR_BYTES);
        assert_eq!(cut(&format!("x{}", "é".repeat(ERROR_BYTES))).len(), ERROR_BYTES - 1);
    }
}
