//! Parked lanes and what waits in them.

use std::time::Duration;

use super::{Deliveries, DeliveryError, Lane, Lease, ParkedLane, WaitingDelivery, args, left, read_event, statement};
use crate::delivery::DeliveryRow;
use crate::engine::Engine;
use crate::sql::Cells;

impl<DB: Engine> Deliveries<DB> {
    pub(super) async fn parked_lanes(
        &self,
        lease: &Lease,
        after: Option<&Lane>,
        most: u16,
    ) -> Result<Vec<ParkedLane>, DeliveryError> {
        let (tenant, store) = (after.map(|lane| lane.tenant), after.map(|lane| lane.store));
        let key = after.map(|lane| lane.key.as_str());
        let args = args![lease.destination, lease.shard_group, tenant, store, key, most];
        read_lanes(self.fetch(statement!("parked"), args).await?)
    }

    pub(super) async fn due_lanes(&self, lease: &Lease, most: u16) -> Result<Vec<ParkedLane>, DeliveryError> {
        let args = args![lease.destination, lease.shard_group, most];
        read_lanes(self.fetch(statement!("due"), args).await?)
    }

    pub(super) async fn next_due_lane(&self, lease: &Lease) -> Result<Option<Duration>, DeliveryError> {
        let rows = self.fetch(statement!("next_due"), args![lease.destination, lease.shard_group]).await?;
        let next = rows.into_iter().next().map_or(Ok(None), |mut row| row.opt_int())?;
        Ok(next.map(left))
    }

    pub(super) async fn waiting_deliveries(
        &self,
        lease: &Lease,
        lane: &Lane,
        most: u16,
    ) -> Result<Vec<WaitingDelivery>, DeliveryError> {
        let args = args![lease.destination, lease.shard_group, lane.tenant, lane.store, &lane.key, most];
        let rows = self.fetch(statement!("waiting"), args).await?;
        Ok(rows.into_iter().map(|row| read_waiting(row, lane)).collect::<Result<_, _>>()?)
    }
}

fn read_lanes(rows: Vec<Cells>) -> Result<Vec<ParkedLane>, DeliveryError> {
    let read = |mut row: Cells| {
        let lane = Lane { tenant: row.id()?, store: row.id()?, key: row.text()? };
        Ok(ParkedLane { lane, due_in: row.opt_int()?.map(left), reason: row.text()? })
    };
    Ok(rows.into_iter().map(read).collect::<Result<_, sqlx::Error>>()?)
}

fn read_waiting(mut row: Cells, lane: &Lane) -> Result<WaitingDelivery, sqlx::Error> {
    let (replay_job, route, route_version) = (row.opt_id()?, row.text()?, row.int()?);
    let (state, attempts, due_in) = (row.word()?, row.int()?, left(row.int()?));
    let event = read_event(&mut row)?;
    let delivery = DeliveryRow {
        log_id: event.log_id,
        replay_job,
        event_id: event.event_id,
        event_type: event.event_type.clone(),
        lane: lane.clone(),
        route,
        route_version,
    };
    Ok(WaitingDelivery { delivery, state, attempts, due_in, event })
}
