//! Who may move which cursor.

use std::time::Duration;

use super::{Deliveries, DeliveryError, Heartbeat, Lease, args, micros, statement};
use crate::delivery::Advance;
use crate::engine::Engine;

impl<DB: Engine> Deliveries<DB> {
    pub(super) async fn acquire_leases(
        &self,
        destination: i32,
        worker: &str,
        lease: Duration,
        most: u16,
    ) -> Result<Vec<Lease>, DeliveryError> {
        if let Some(fault) = self.find_log_fault().await? {
            return Err(fault.into());
        }
        let mut tx = self.begin().await?;
        let args = args![destination, worker, micros(lease), most];
        let rows = crate::sql::fetch::<DB>(&mut tx, &self.outbox.schema, statement!("lease_acquire"), args).await?;
        let mut leases = Vec::with_capacity(rows.len());
        for mut row in rows {
            let (shard_group, epoch, groups) = (row.int::<u16>()?, row.int()?, row.int::<u16>()?);
            let shards = shards_of(shard_group, groups);
            leases.push(Lease { destination, shard_group, shards, epoch, owner: worker.to_owned() });
        }
        tx.commit().await?;
        leases.sort_by_key(|lease| lease.shard_group);
        Ok(leases)
    }

    pub(super) async fn renew_leases(&self, beats: &[Heartbeat], time: Duration) -> Result<Vec<Lease>, DeliveryError> {
        let mut tx = self.begin().await?;
        let mut kept = Vec::with_capacity(beats.len());
        for Heartbeat { lease, in_flight } in in_group_order(beats, |beat| &beat.lease) {
            let (snapshot, upto) = in_flight.as_ref().map(Advance::mark).unzip();
            let args = args![lease.destination, lease.shard_group, lease.epoch, micros(time), snapshot, upto];
            if self.change(&mut tx, statement!("lease_renew"), args).await? == 1 {
                kept.push(lease.clone());
            }
        }
        tx.commit().await?;
        Ok(kept)
    }

    pub(super) async fn release_leases(&self, leases: &[Lease]) -> Result<(), DeliveryError> {
        let mut tx = self.begin().await?;
        for lease in in_group_order(leases, |lease| lease) {
            let args = args![lease.destination, lease.shard_group, lease.epoch];
            self.change(&mut tx, statement!("lease_release"), args).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn lease_owners(&self, destination: i32) -> Result<Vec<(String, u16)>, DeliveryError> {
        let rows = self.fetch(statement!("lease_owners"), args![destination]).await?;
        Ok(rows.into_iter().map(|mut row| Ok((row.text()?, row.int()?))).collect::<Result<_, sqlx::Error>>()?)
    }
}

/// Several rows in one transaction are locked in one order, so that two workers cannot wait for each other.
fn in_group_order<T>(items: &[T], lease: impl Fn(&T) -> &Lease) -> Vec<&T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort_by_key(|item| (lease(item).destination, lease(item).shard_group));
    sorted
}

/// First and last of the consecutive shards of a group.
fn shards_of(group: u16, groups: u16) -> (u8, u8) {
    let width = 64 / groups.clamp(1, 64);
    let first = group * width;
    let shard = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
    (shard(first), shard(first + width - 1))
}

#[cfg(test)]
mod tests {
    use super::shards_of;

    #[test]
    fn groups_share_out_all_shards() {
        for groups in [1, 2, 4, 8, 16, 32, 64] {
            let shards: Vec<u8> = (0..groups).map(|group| shards_of(group, groups)).flat_map(|(a, b)| a..=b).collect();
            assert_eq!(shards, (0..64).collect::<Vec<u8>>());
        }
    }
}
