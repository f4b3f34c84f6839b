//! Restores, and what is finished.

use std::time::Duration;

use super::{Deliveries, DeliveryError, LogFault, RebaseFrom, args, micros, statement};
use crate::engine::Engine;
use crate::sql::{Cells, decode};

/// What a log and its server say about themselves.
#[derive(Clone, Debug)]
struct LogFacts {
    standby: bool,
    /// Stored, and as they are.
    systems: (String, String),
    timelines: (i64, i64),
    /// The first transaction that has not ended; everything in the database is before it.
    next_xid: u64,
    greatest_in_log: u64,
    greatest_in_cursors: u64,
}

impl LogFacts {
    /// `None`: cursors may run.
    fn fault(&self) -> Option<LogFault> {
        if self.standby {
            return Some(LogFault::Standby);
        }
        self.mismatch().or_else(|| self.moved()).map(|evidence| LogFault::Restored { evidence })
    }

    fn mismatch(&self) -> Option<String> {
        let Self { next_xid, greatest_in_log, greatest_in_cursors, .. } = self;
        // A running transaction that wrote is not before `next_xid`, but its rows cannot be seen either.
        if greatest_in_log >= next_xid && *greatest_in_log > 0 {
            return Some(format!("the log has transaction {greatest_in_log}, the server is at {next_xid}"));
        }
        (greatest_in_cursors > next_xid)
            .then(|| format!("a cursor is at transaction {greatest_in_cursors}, the server at {next_xid}"))
    }

    fn moved(&self) -> Option<String> {
        if self.systems.0 != self.systems.1 {
            return Some(format!("the log was written in cluster {}, this is {}", self.systems.0, self.systems.1));
        }
        let (stored, now) = self.timelines;
        (stored != now).then(|| format!("the log was written on timeline {stored}, this is {now}"))
    }
}

impl<DB: Engine> Deliveries<DB> {
    pub(super) async fn find_log_fault(&self) -> Result<Option<LogFault>, DeliveryError> {
        let rows = self.fetch(statement!("log_facts"), Vec::new()).await?;
        let row = rows.into_iter().next().ok_or(DeliveryError::Corrupt(sqlx::Error::RowNotFound))?;
        Ok(read_facts(row)?.fault())
    }

    pub(super) async fn begin_again(&self, from: RebaseFrom) -> Result<(), DeliveryError> {
        let mut tx = self.begin().await?;
        let schema = &self.outbox.schema;
        if from == RebaseFrom::Resume {
            let facts = self.row(&mut tx, statement!("log_facts"), Vec::new()).await?;
            let facts = read_facts(facts.ok_or(DeliveryError::Conflict)?)?;
            if let Some(evidence) = facts.mismatch() {
                return Err(LogFault::Restored { evidence }.into());
            }
            self.row(&mut tx, statement!("rebase_state"), args![0_i64]).await?;
            return Ok(tx.commit().await?);
        }
        let state = self.row(&mut tx, statement!("rebase_state"), args![1_i64]).await?;
        let log_epoch: i16 = state.ok_or(DeliveryError::Conflict)?.int()?;
        DB::begin_log_epoch(&mut tx, schema, log_epoch).await?;
        let since = if let RebaseFrom::WrittenSince(at) = from { at } else { 0 };
        let range = self.row(&mut tx, statement!("rebase_from"), args![since]).await?;
        let mut range = range.ok_or(DeliveryError::Conflict)?;
        let (last, before): (i64, i64) = (range.int()?, range.int()?);
        let after = match from {
            RebaseFrom::Nothing | RebaseFrom::Resume => last,
            RebaseFrom::After(id) => id.clamp(0, last),
            RebaseFrom::WrittenSince(_) => before,
        };
        self.change(&mut tx, statement!("rebase_cursors"), args![log_epoch, after, last]).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn collect_finished(&self, keep: Duration, most: u32) -> Result<u64, DeliveryError> {
        let mut tx = self.begin().await?;
        DB::prepare_room(&mut tx, &self.outbox.schema).await?;
        let args = || args![micros(keep), most];
        let deliveries = self.change(&mut tx, statement!("collect_deliveries"), args()).await?;
        let marks = self.change(&mut tx, statement!("collect_marks"), args()).await?;
        tx.commit().await?;
        Ok(deliveries + marks)
    }
}

fn read_facts(mut row: Cells) -> Result<LogFacts, sqlx::Error> {
    let standby = row.flag()?;
    let systems = (row.text()?, row.text()?);
    let timelines = (row.int()?, row.int()?);
    let mut xid = || row.text()?.parse().map_err(|_| decode("a transaction id is none"));
    Ok(LogFacts { standby, systems, timelines, next_xid: xid()?, greatest_in_log: xid()?, greatest_in_cursors: xid()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_of_a_restore_is_found() {
        let good = LogFacts {
            standby: false,
            systems: ("1".into(), "1".into()),
            timelines: (1, 1),
            next_xid: 10,
            greatest_in_log: 9,
            greatest_in_cursors: 10,
        };
        assert_eq!(good.fault(), None);
        assert_eq!(LogFacts { standby: true, ..good.clone() }.fault(), Some(LogFault::Standby));
        for (bad, word) in [
            (LogFacts { systems: ("1".into(), "2".into()), ..good.clone() }, "cluster"),
            (LogFacts { timelines: (1, 2), ..good.clone() }, "timeline"),
            (LogFacts { greatest_in_log: 10, ..good.clone() }, "the log has transaction 10"),
            (LogFacts { greatest_in_cursors: 11, ..good.clone() }, "a cursor is at transaction 11"),
        ] {
            let fault = bad.fault().expect("a fault");
            assert!(fault.to_string().contains(word), "{fault}");
        }
    }
}
