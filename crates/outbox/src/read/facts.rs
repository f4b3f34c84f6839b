//! What the tables say about deliveries, read together.

use std::collections::HashMap;

use sqlx::Transaction;

use super::derive::{Cursor, Row};
use super::{Item, ReadError, Reader, json};
use crate::delivery::{Destination, Position, read_destinations};
use crate::engine::Engine;
use crate::sql::{Cells, args, statement};

/// Evidence that a destination accepted an event.
#[derive(Clone, Debug)]
pub(crate) struct ReceiptFact {
    pub(crate) kind: String,
    pub(crate) evidence: String,
    pub(crate) remote_sequence: Option<i64>,
    pub(crate) received_at: i64,
}

/// Destinations and cursors, and what rows say about some events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// By the database's clock.
    pub(crate) now: i64,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) cursors: Vec<Cursor>,
    /// By place of the event in the log.
    pub(crate) rows: HashMap<i64, Vec<Row>>,
    /// By place of the event, and destination.
    pub(crate) receipts: HashMap<(i64, i32), ReceiptFact>,
}

impl<DB: Engine> Reader<DB> {
    pub(crate) async fn facts(&self, tx: &mut Transaction<'static, DB>, log_ids: &[i64]) -> Result<Facts, ReadError> {
        let destinations = self.rows(tx, statement!("destinations"), Vec::new()).await?;
        let routes = self.rows(tx, statement!("routes"), Vec::new()).await?;
        let destinations = read_destinations(destinations, routes)?;
        let mut facts = Facts { destinations, ..Facts::default() };
        for mut row in self.rows(tx, statement!("read_cursors"), Vec::new()).await? {
            let (cursor, now) = read_cursor(&mut row)?;
            facts.now = now;
            facts.cursors.push(cursor);
        }
        let list = json(log_ids)?;
        for row in self.rows(tx, statement!("read_deliveries"), args![&list]).await? {
            let row = read_row(row)?;
            facts.rows.entry(row.log_id).or_default().push(row);
        }
        let receipts = self.rows(tx, statement!("read_receipts"), args![&list]).await?;
        facts.receipts = receipts.into_iter().map(read_receipt).collect::<Result<_, _>>()?;
        Ok(facts)
    }

    /// Says of each event what became of it.
    pub(super) async fn add_deliveries(
        &self,
        tx: &mut Transaction<'static, DB>,
        items: &mut [Item],
    ) -> Result<(), ReadError> {
        if items.is_empty() {
            return Ok(());
        }
        let log_ids: Vec<i64> = items.iter().map(|item| item.event.log_id).collect();
        let facts = self.facts(tx, &log_ids).await?;
        for item in items {
            item.deliveries = facts.deliveries(&item.event, item.deliverable);
        }
        Ok(())
    }
}

fn read_cursor(row: &mut Cells) -> Result<(Cursor, i64), sqlx::Error> {
    let (destination, shard_group, log_epoch) = (row.int()?, row.int()?, row.int()?);
    let prev = Position::read(log_epoch, &row.text()?)?;
    let cur = row.opt_text()?.map(|text| Position::read(log_epoch, &text)).transpose()?;
    let (last_id, redeliver) = (row.int()?, (row.int()?, row.int()?));
    let lease_until = row.int()?;
    let snapshot = row.opt_text()?.map(|text| Position::read(log_epoch, &text)).transpose()?;
    let claim = snapshot.zip(row.opt_int()?);
    let settled_at = row.opt_int()?;
    let cursor =
        Cursor { destination, shard_group, log_epoch, prev, cur, last_id, redeliver, lease_until, claim, settled_at };
    Ok((cursor, row.int()?))
}

fn read_row(mut row: Cells) -> Result<Row, sqlx::Error> {
    let (log_id, id, destination, replay_job, lane) = (row.int()?, row.int()?, row.int()?, row.opt_id()?, row.text()?);
    let (route, state, reason) = ((row.text()?, row.int()?), row.word()?, row.opt_text()?);
    let (attempts, next_attempt_at) = (row.int()?, row.opt_int()?);
    let (last_class, last_error) = (row.opt_text()?, row.opt_text()?);
    let _created: i64 = row.int()?;
    let updated_at = row.int()?;
    let (finished_at, dead_letter) = (row.opt_int()?, row.opt_id()?);
    Ok(Row {
        log_id,
        id,
        destination,
        replay_job,
        lane,
        route,
        state,
        reason,
        attempts,
        next_attempt_at,
        last_class,
        last_error,
        updated_at,
        finished_at,
        dead_letter,
    })
}

fn read_receipt(mut row: Cells) -> Result<((i64, i32), ReceiptFact), sqlx::Error> {
    let place = (row.int()?, row.int()?);
    let (kind, remote_sequence, evidence) = (row.text()?, row.opt_int()?, row.text()?);
    Ok((place, ReceiptFact { kind, remote_sequence, evidence, received_at: row.int()? }))
}
