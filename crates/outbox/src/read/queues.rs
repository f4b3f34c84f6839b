//! How each destination stands.

use crate::delivery::{Breaker, Counts, DeliveryState};
use crate::engine::Engine;
use crate::sql::{args, statement};
use uuid::Uuid;

use super::{ReadError, Reader};

/// Lanes that are shown, the fullest first.
const LANES: i64 = 10;
/// Marks of the last day are summed up.
const DAY: i64 = 86_400_000_000;

/// How one destination stands. It speaks of all tenants: a destination is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationStatus {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// `kafka`, `webhook`, …
    pub kind: String,
    /// Deliveries by state, the age of the oldest that is not finished, parked lanes and open dead letters.
    pub counts: Counts,
    /// Whether it is up.
    pub breaker: Breaker,
    /// Workers with a live lease, and how many shard groups each has.
    pub workers: Vec<(String, u16)>,
    /// Number of shard groups.
    pub shard_groups: u16,
    /// Events that were delivered, retried or given up in the last 24 hours, from the marks that are kept.
    pub passed_last_day: i64,
    /// When something was last settled, microseconds since 1970 UTC.
    pub settled_at: Option<i64>,
    /// Where most is waiting.
    pub lanes: Vec<LaneDepth>,
}

impl DestinationStatus {
    /// Deliveries in a state: those with a row, and the ones behind the cursors, which are pending.
    pub fn in_state(&self, state: DeliveryState) -> i64 {
        let rows = self.counts.rows.iter().filter(|(of, _)| *of == state).map(|(_, count)| count).sum::<i64>();
        if state == DeliveryState::Pending { rows + self.counts.pending } else { rows }
    }
}

/// A lane in which deliveries wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneDepth {
    /// Number of the destination.
    pub destination_id: i32,
    /// Tenant and store.
    pub scope: (Uuid, Uuid),
    /// The order key, else entity type, U+001F, entity id; a replay's lane has a part of its own behind U+001E.
    pub lane: String,
    /// Open deliveries with a row.
    pub depth: i64,
    /// When the oldest of these rows was made, microseconds since 1970 UTC.
    pub since: i64,
    /// Why the lane is parked: `retry`, `dead`, `paused`, `unmapped`, …
    pub reason: Option<String>,
    /// When its first delivery is tried, microseconds since 1970 UTC; `None`: waits for an operator.
    pub due_at: Option<i64>,
}

impl<DB: Engine> Reader<DB> {
    /// How every destination stands, by name.
    pub async fn destinations(&self) -> Result<Vec<DestinationStatus>, ReadError> {
        let store = self.outbox.deliveries();
        let facts = {
            let mut tx = self.begin().await?;
            self.facts(&mut tx, &[]).await?
        };
        let mut all = Vec::with_capacity(facts.destinations.len());
        for destination in &facts.destinations {
            let settled = facts.cursors.iter().filter(|cursor| cursor.destination == destination.id);
            all.push(DestinationStatus {
                id: destination.id,
                name: destination.name.clone(),
                kind: destination.kind.clone(),
                counts: store.counts(destination.id).await?,
                breaker: store.breaker(destination.id).await?,
                workers: store.workers(destination.id).await?,
                shard_groups: destination.shard_groups,
                passed_last_day: 0,
                settled_at: settled.filter_map(|cursor| cursor.settled_at).max(),
                lanes: self.lane_depths(Some(destination.id), None).await?,
            });
        }
        let mut tx = self.begin().await?;
        for mut row in self.rows(&mut tx, statement!("read_marks"), args![facts.now - DAY]).await? {
            let (id, events): (i32, i64) = (row.int()?, row.int()?);
            all.iter_mut().filter(|status| status.id == id).for_each(|status| status.passed_last_day = events);
        }
        Ok(all)
    }

    /// The fullest lanes of a destination, or one lane of this scope at each destination.
    pub async fn lane_depths(&self, destination: Option<i32>, lane: Option<&str>) -> Result<Vec<LaneDepth>, ReadError> {
        let mut tx = self.begin().await?;
        let on: Vec<&str> = [destination.map(|_| "destination"), lane.map(|_| "lane")].into_iter().flatten().collect();
        let scope = self.outbox.scope;
        let args = args![destination.map(i64::from), scope.tenant, scope.store, lane, LANES];
        let rows = self.composed(&mut tx, statement!("read_lane_depth"), &on, args).await?;
        let read = |mut row: crate::sql::Cells| {
            let (destination_id, scope, lane) = (row.int()?, (row.id()?, row.id()?), row.text()?);
            let (depth, since) = (row.int()?, row.int()?);
            let (reason, due_at) = (row.opt_text()?, row.opt_int()?);
            Ok(LaneDepth { destination_id, scope, lane, depth, since, reason, due_at })
        };
        Ok(rows.into_iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }
}
