//! One destination: takes leases of its shard groups, keeps them alive while their groups work, gives them back.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use stateset_outbox::delivery::{DeliveryError, Heartbeat, Lease};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::group::{Group, Life, Shared};
use super::rollups;
use crate::task::joined;

/// How often a worker without all the groups it may have looks for free ones.
const LOOK_FOR_FREE: Duration = Duration::from_secs(1);

pub(super) struct Manager {
    pub(super) shared: Arc<Shared>,
    pub(super) worker: String,
    /// Most shard groups this worker takes.
    pub(super) most: u16,
    /// Ends everything in order.
    pub(super) stop: CancellationToken,
    /// Until nothing is to be done now.
    pub(super) once: bool,
    pub(super) wake: watch::Sender<u64>,
}

struct Held {
    lease: Lease,
    life: Arc<Life>,
}

type Ended = (u16, Result<(), DeliveryError>);

impl Manager {
    /// Runs until the stop is called; the first fault that no waiting mends ends it earlier.
    pub(super) async fn run(self) -> Result<(), DeliveryError> {
        let mut groups: JoinSet<Ended> = JoinSet::new();
        let mut held: HashMap<u16, Held> = HashMap::new();
        let result = self.work(&mut groups, &mut held).await;
        for Held { life, .. } in held.values() {
            life.end.cancel();
        }
        // Rounds in flight are finished and settled while their leases are kept alive.
        let mut done: Vec<Lease> = Vec::new();
        while !groups.is_empty() {
            tokio::select! {
                ended = groups.join_next() => {
                    if let Some(Ok((group, _))) = ended && let Some(held) = held.remove(&group) {
                        done.push(held.lease);
                    }
                },
                () = sleep(self.shared.options.lease / 3) => self.renew(&mut held).await,
            }
        }
        done.extend(held.into_values().map(|held| held.lease));
        self.shared.stats.groups(0);
        self.write_rollups().await;
        self.release(done).await;
        result
    }

    /// A worker that cannot write its counts goes on: they are not worth an event.
    async fn write_rollups(&self) {
        let taken = self.shared.rollups.take(self.shared.clock.now());
        if taken.is_empty() {
            return;
        }
        if let Err(error) = self.shared.store.record_rollups(&taken, self.shared.options.keep_metrics).await {
            tracing::warn!(destination = self.shared.routes.name(), %error, "counts could not be written");
            self.shared.rollups.failed(taken);
        }
    }

    async fn release(&self, leases: Vec<Lease>) {
        if let Err(error) = self.shared.store.release(&leases).await {
            let destination = self.shared.routes.name();
            tracing::warn!(destination, %error, "leases could not be given back; they run out");
        }
    }

    async fn work(&self, groups: &mut JoinSet<Ended>, held: &mut HashMap<u16, Held>) -> Result<(), DeliveryError> {
        let beat = self.shared.options.lease / 3;
        let mut next_beat = Instant::now() + beat;
        let mut next_rollup = Instant::now() + rollups::INTERVAL;
        let mut begun = false;
        while !self.stop.is_cancelled() {
            if held.len() < usize::from(self.most) && !(self.once && begun) {
                begun |= self.acquire(groups, held).await?;
            }
            if self.once && groups.is_empty() {
                return Ok(());
            }
            let free = if held.len() < usize::from(self.most) { LOOK_FOR_FREE } else { beat };
            tokio::select! {
                () = self.stop.cancelled() => {},
                Some(ended) = groups.join_next() => {
                    let (group, result) = joined(ended).await;
                    let gone = held.remove(&group);
                    self.shared.stats.groups(held.len());
                    result?;
                    // It had nothing more to do, or lost its lease; giving back a lost one does nothing.
                    self.release(gone.into_iter().map(|held| held.lease).collect()).await;
                },
                () = self.shared.store_wait(), if !self.once => self.wake.send_modify(|count| *count = count.wrapping_add(1)),
                () = sleep(free.min(next_beat.min(next_rollup).saturating_duration_since(Instant::now()))) => {},
            }
            if Instant::now() >= next_beat {
                self.renew(held).await;
                next_beat = Instant::now() + beat;
            }
            if Instant::now() >= next_rollup {
                self.write_rollups().await;
                next_rollup = Instant::now() + rollups::INTERVAL;
            }
        }
        Ok(())
    }

    /// Takes free groups. `false`: the database did not answer.
    async fn acquire(&self, groups: &mut JoinSet<Ended>, held: &mut HashMap<u16, Held>) -> Result<bool, DeliveryError> {
        let asked = Instant::now();
        let most = self.most - u16::try_from(held.len()).unwrap_or(self.most);
        let lease = self.shared.options.lease;
        let leases = match self.shared.store.acquire(self.shared.routes.id(), &self.worker, lease, most).await {
            Ok(leases) => leases,
            Err(DeliveryError::Unavailable(source)) => {
                tracing::warn!(destination = self.shared.routes.name(), %source, "the database does not answer");
                return Ok(false);
            },
            Err(error) => return Err(error),
        };
        for lease in leases {
            let life = Arc::new(Life::new(asked + self.shared.options.lease, CancellationToken::new()));
            let number = lease.shard_group;
            let group = Group::new(Arc::clone(&self.shared), lease.clone(), Arc::clone(&life));
            let once = self.once;
            groups.spawn(async move { (number, group.run(once).await) });
            held.insert(number, Held { lease, life });
        }
        self.shared.stats.groups(held.len());
        Ok(true)
    }

    /// Extends all leases; a group whose lease is gone is told to end.
    async fn renew(&self, held: &mut HashMap<u16, Held>) {
        let asked = Instant::now();
        let beats: Vec<Heartbeat> = held
            .values()
            .map(|Held { lease, life }| {
                let in_flight = life.in_flight.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Heartbeat { lease: lease.clone(), in_flight }
            })
            .collect();
        if beats.is_empty() {
            return;
        }
        match self.shared.store.renew(&beats, self.shared.options.lease).await {
            Ok(kept) => {
                for Held { lease, life } in held.values() {
                    if kept.contains(lease) {
                        life.extend(asked + self.shared.options.lease);
                    } else {
                        tracing::warn!(
                            destination = self.shared.routes.name(),
                            group = lease.shard_group,
                            "lease lost"
                        );
                        life.end.cancel();
                    }
                }
            },
            // The leases run out by themselves if this lasts; until then the groups go on.
            Err(error) => {
                tracing::warn!(destination = self.shared.routes.name(), %error, "the leases could not be extended");
            },
        }
    }
}

impl Shared {
    /// A hint of a writer, or the longest poll interval. Without an answer, as long as that.
    async fn store_wait(&self) {
        if self.store.wait(self.options.poll_max).await.is_err() {
            sleep(self.options.poll_max).await;
        }
    }
}
