//! The state of an event at a destination, from what the tables say: pure. The view `delivery_state` says the same in SQL.

use uuid::Uuid;

use super::facts::Facts;
use crate::delivery::{DeliveryState, Destination, LoggedEvent, Position};
use crate::filter::Filter;

/// One event on one destination, as it stands. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Number of the destination.
    pub destination_id: i32,
    /// Its name.
    pub destination: String,
    /// Its kind: `kafka`, `webhook`, …
    pub kind: String,
    /// The job that asked for this delivery again; `None`: the first delivery.
    pub replay_job: Option<Uuid>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Whether it goes on by itself.
    pub will_retry: bool,
    /// Why it is held.
    pub reason: Option<String>,
    /// Real tries since it was written or redriven.
    pub attempts: i32,
    /// When it is tried again.
    pub next_attempt_at: Option<i64>,
    /// Class of the last failure.
    pub last_class: Option<String>,
    /// Its text.
    pub last_error: Option<String>,
    /// When it was delivered, where that is known: with a row always, without one for [`super::Reader::inspect`] only, and
    /// then as the time at which its chunk was settled.
    pub delivered_at: Option<i64>,
    /// When evidence was stored.
    pub acknowledged_at: Option<i64>,
    /// Its place at the destination, if the evidence says.
    pub remote_sequence: Option<i64>,
    /// Until when a worker has it.
    pub locked_until: Option<i64>,
    /// The open dead letter.
    pub dead_letter: Option<Uuid>,
    /// Route that sends it there, and its version.
    pub route: Option<(String, i32)>,
    /// The lane it waits in.
    pub lane: String,
    /// The shard group of the destination.
    pub shard_group: u16,
    /// Its row, if it has one.
    pub delivery_id: Option<i64>,
    /// When its row last changed.
    pub updated_at: Option<i64>,
}

impl Delivery {
    /// Whether it is what the filter says about deliveries.
    pub fn matches(&self, filter: &Filter) -> bool {
        (filter.states.is_empty() || filter.states.contains(&self.state))
            && filter.destination.as_ref().is_none_or(|name| *name == self.destination)
            && (filter.class.is_none() || filter.class == self.last_class)
    }
}

/// A row of `delivery`.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) log_id: i64,
    pub(crate) id: i64,
    pub(crate) destination: i32,
    pub(crate) replay_job: Option<Uuid>,
    pub(crate) lane: String,
    pub(crate) route: (String, i32),
    pub(crate) state: DeliveryState,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: i32,
    pub(crate) next_attempt_at: Option<i64>,
    pub(crate) last_class: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) updated_at: i64,
    pub(crate) finished_at: Option<i64>,
    pub(crate) dead_letter: Option<Uuid>,
}

/// A row of `delivery_cursor`.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) destination: i32,
    pub(crate) shard_group: u16,
    pub(crate) log_epoch: i16,
    pub(crate) prev: Position,
    pub(crate) cur: Option<Position>,
    pub(crate) last_id: i64,
    /// Ids after the first, up to the second, are still to be read.
    pub(crate) redeliver: (i64, i64),
    pub(crate) lease_until: i64,
    /// What the owner said that it is publishing.
    pub(crate) claim: Option<(Position, i64)>,
    pub(crate) settled_at: Option<i64>,
}

impl Cursor {
    /// Whether the event was read and settled.
    pub(crate) fn covers(&self, event: &LoggedEvent) -> bool {
        let (from, upto) = self.redeliver;
        let older = matches!(self.prev, Position::Snapshot { .. }) && event.log_epoch < self.log_epoch;
        if older && event.log_id > from && event.log_id <= upto {
            return false;
        }
        let page = self.cur.as_ref().is_some_and(|cur| event.log_id <= self.last_id && cur.covers(event));
        self.prev.covers(event) || page && event.log_epoch == self.log_epoch
    }

    fn claims(&self, event: &LoggedEvent, now: i64) -> bool {
        let said = self.claim.as_ref().is_some_and(|(snapshot, upto)| event.log_id <= *upto && snapshot.covers(event));
        said && self.lease_until > now
    }
}

impl Facts {
    /// What became of an event: one for each destination that gets it, then its replays.
    pub(crate) fn deliveries(&self, event: &LoggedEvent, deliverable: bool) -> Vec<Delivery> {
        let mut all = Vec::new();
        let of_event = self.rows.get(&event.log_id).map(Vec::as_slice).unwrap_or_default();
        for destination in &self.destinations {
            let rows = || of_event.iter().filter(|row| row.destination == destination.id);
            let first = rows().find(|row| row.replay_job.is_none());
            let route = destination.routes_of(event).next().filter(|_| deliverable);
            let route = route.map(|route| (route.name.clone(), route.version));
            if first.is_some() || route.is_some() {
                all.push(self.first(event, destination, first, route));
            }
            let replays = rows().filter(|row| row.replay_job.is_some());
            all.extend(replays.map(|row| of_row(event, destination, row)));
        }
        all
    }

    fn first(
        &self,
        event: &LoggedEvent,
        destination: &Destination,
        row: Option<&Row>,
        route: Option<(String, i32)>,
    ) -> Delivery {
        let mut delivery = match row {
            Some(row) => of_row(event, destination, row),
            None => Delivery { route, ..blank(event, destination) },
        };
        let cursor = self.cursor(event, destination);
        let covered = cursor.is_some_and(|cursor| cursor.covers(event));
        let claimed = !covered && cursor.is_some_and(|cursor| cursor.claims(event, self.now));
        if row.is_none() {
            delivery.state = match (covered, claimed) {
                (true, _) => DeliveryState::Delivered,
                (false, true) => DeliveryState::InFlight,
                (false, false) => DeliveryState::Pending,
            };
        }
        if claimed || row.is_some() && delivery.state == DeliveryState::InFlight {
            delivery.locked_until = cursor.map(|cursor| cursor.lease_until);
        }
        if let Some(receipt) = self.receipts.get(&(event.log_id, destination.id)) {
            delivery.acknowledged_at = Some(receipt.received_at);
            delivery.remote_sequence = receipt.remote_sequence;
            if row.is_none() || delivery.state == DeliveryState::Delivered {
                delivery.state = DeliveryState::Acknowledged;
            }
        }
        delivery.will_retry = delivery.state.will_retry();
        delivery
    }

    pub(crate) fn cursor(&self, event: &LoggedEvent, destination: &Destination) -> Option<&Cursor> {
        let group = group(event.shard, destination);
        self.cursors.iter().find(|cursor| cursor.destination == destination.id && cursor.shard_group == group)
    }
}

/// A delivery as its row says.
fn of_row(event: &LoggedEvent, destination: &Destination, row: &Row) -> Delivery {
    let done = matches!(row.state, DeliveryState::Delivered | DeliveryState::Acknowledged);
    Delivery {
        replay_job: row.replay_job,
        state: row.state,
        will_retry: row.state.will_retry(),
        reason: row.reason.clone(),
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        last_class: row.last_class.clone(),
        last_error: row.last_error.clone(),
        delivered_at: row.finished_at.filter(|_| done),
        dead_letter: row.dead_letter,
        route: Some(row.route.clone()),
        lane: row.lane.clone(),
        delivery_id: Some(row.id),
        updated_at: Some(row.updated_at),
        ..blank(event, destination)
    }
}

/// A delivery of which nothing is known yet.
fn blank(event: &LoggedEvent, destination: &Destination) -> Delivery {
    Delivery {
        destination_id: destination.id,
        destination: destination.name.clone(),
        kind: destination.kind.clone(),
        replay_job: None,
        state: DeliveryState::Pending,
        will_retry: true,
        reason: None,
        attempts: 0,
        next_attempt_at: None,
        last_class: None,
        last_error: None,
        delivered_at: None,
        acknowledged_at: None,
        remote_sequence: None,
        locked_until: None,
        dead_letter: None,
        route: None,
        lane: event.lane().key,
        shard_group: group(event.shard, destination),
        delivery_id: None,
        updated_at: None,
    }
}

/// The shard group of a destination that a shard belongs to.
pub(crate) fn group(shard: u8, destination: &Destination) -> u16 {
    u16::from(shard) * destination.shard_groups / 64
}
