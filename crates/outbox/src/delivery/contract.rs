//! The contract between whoever delivers and the database.

use std::pin::Pin;
use std::time::Duration;

use uuid::Uuid;

use super::{
    Breaker, Chunk, Counts, DeliveryError, Destination, Heartbeat, Lane, Lease, LogFault, LoggedEvent, ParkedLane,
    RebaseFrom, Registration, Rollup, Settlement, WaitingDelivery,
};

/// What a verb returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, DeliveryError>> + Send + 'a>>;

/// The verbs of delivery on one database.
///
/// Every verb is one transaction: it happened entirely, durably, when it returns `Ok`; on [`DeliveryError::Unavailable`]
/// it may have happened or not. Times are the database's clock, in microseconds since 1970 UTC. Whatever names a [`Lease`]
/// is refused with [`DeliveryError::LeaseLost`] as soon as another worker has acquired the shard group; a lease that has
/// merely run out while nobody else took it still counts, as nothing can have happened in between.
///
/// A worker that restarts simply acquires again: nothing it held in memory is needed.
pub trait DeliveryStore: Send + Sync {
    /// Creates or changes a destination with its routes, and gives back how they now stand.
    ///
    /// A route that differs from its newest version becomes a new version, which starts now; one that is missing from the
    /// registration becomes an inactive version. The same registration again changes nothing. A new destination's cursors
    /// start now or, with [`Start::Beginning`](super::Start), at the first event of the log.
    ///
    /// # Errors
    /// [`DeliveryError::Mismatch`] if the destination exists with another kind or number of shard groups.
    fn register<'a>(&'a self, registration: &'a Registration) -> BoxFuture<'a, Destination>;

    /// All destinations with all versions of their routes, by name.
    fn destinations(&self) -> BoxFuture<'_, Vec<Destination>>;

    /// Takes leases of up to `most` shard groups that nobody holds, and gives them back, each with a new epoch. `worker` must
    /// be unique among running workers, such as host, process id and a random part; it is shown to people.
    fn acquire<'a>(
        &'a self,
        destination: i32,
        worker: &'a str,
        lease: Duration,
        most: u16,
    ) -> BoxFuture<'a, Vec<Lease>>;

    /// Extends leases to `lease` from now and records what each is publishing, which is what makes a delivery visible as
    /// `in_flight`. Gives back those that are still the worker's; work under any other must stop before its next publish.
    fn renew<'a>(&'a self, heartbeats: &'a [Heartbeat], lease: Duration) -> BoxFuture<'a, Vec<Lease>>;

    /// Gives leases up so that another worker need not wait for their end. Lost ones are skipped.
    fn release<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, ()>;

    /// Workers with a live lease on a destination and how many shard groups each holds. One that holds more than its
    /// share lets some go.
    fn workers(&self, destination: i32) -> BoxFuture<'_, Vec<(String, u16)>>;

    /// The next events of the lease's shard group, at most `most`, in the order of the log. Changes nothing: polled again
    /// without a settlement in between, at least the same events come.
    ///
    /// Lanes that are parked are not left out; see [`parked`](Self::parked).
    ///
    /// # Errors
    /// [`DeliveryError::Log`] if the database was restored, or is a standby: see [`LogFault`].
    fn poll<'a>(&'a self, lease: &'a Lease, most: u16) -> BoxFuture<'a, Chunk>;

    /// All parked lanes of the lease's shard group that a worker must know to hold later events behind them, at most
    /// `most`, ordered by lane, after `after`. Read once after [`acquire`](Self::acquire); from then on the worker's own
    /// settlements, and [`due`](Self::due), say what changes.
    fn parked<'a>(&'a self, lease: &'a Lease, after: Option<&'a Lane>, most: u16) -> BoxFuture<'a, Vec<ParkedLane>>;

    /// Lanes of the shard group whose time has come, the longest due first; also those an operator has redriven.
    fn due<'a>(&'a self, lease: &'a Lease, most: u16) -> BoxFuture<'a, Vec<ParkedLane>>;

    /// How long until the next parked lane of the shard group is due; `None` if none waits for a time.
    fn next_due<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Option<Duration>>;

    /// The open deliveries of a parked lane in the order of the log, with their events, at most `most`. The first is the
    /// one to try; `dead` ones are not open.
    fn waiting<'a>(&'a self, lease: &'a Lease, lane: &'a Lane, most: u16) -> BoxFuture<'a, Vec<WaitingDelivery>>;

    /// Commits one plan: cursor, marks, deliveries, attempts, dead letters, parked lanes and receipts together.
    ///
    /// # Errors
    /// [`DeliveryError::LeaseLost`]; [`DeliveryError::Conflict`] if a delivery or the cursor was not in the state the
    /// plan was made from, as when an operator was faster: read it again and plan anew. Nothing is written then.
    fn settle<'a>(&'a self, lease: &'a Lease, settlement: &'a Settlement) -> BoxFuture<'a, ()>;

    /// The breaker of a destination; closed if none was ever stored.
    fn breaker(&self, destination: i32) -> BoxFuture<'_, Breaker>;

    /// Stores a breaker if it is still at the version it was read with. `false`: another worker changed it first.
    fn set_breaker<'a>(&'a self, breaker: &'a Breaker) -> BoxFuture<'a, bool>;

    /// How many deliveries of a destination are in each state, how old the oldest pending one is. Pending ones, which
    /// have no rows, are counted up to 10,000.
    fn counts(&self, destination: i32) -> BoxFuture<'_, Counts>;

    /// Events by their place in the log, in its order; those that were archived are missing.
    fn events<'a>(&'a self, log_ids: &'a [i64]) -> BoxFuture<'a, Vec<LoggedEvent>>;

    /// Opens a dead letter's delivery again, its attempts counted anew and its history kept, in the same transaction in
    /// which the letter is closed. `false`: the letter was closed before; nothing changed.
    fn redrive<'a>(&'a self, dead_letter: Uuid, actor: &'a str) -> BoxFuture<'a, bool>;

    /// Gives a dead letter up for good, with the reason; its lane goes on. `false`: it was closed before.
    fn discard<'a>(&'a self, dead_letter: Uuid, reason: &'a str, actor: &'a str) -> BoxFuture<'a, bool>;

    /// What is wrong with the log, if the cursors must not run on it. `poll` looks at the same facts.
    fn check_log(&self) -> BoxFuture<'_, Option<LogFault>>;

    /// Accepts that the database was restored: begins a new log epoch, after which cursors run again, and delivers again
    /// what `from` says. Waits for all writers of the log, and needs the rights of the schema's owner.
    fn rebase(&self, from: RebaseFrom) -> BoxFuture<'_, ()>;

    /// Collects what is finished for longer than `keep`: delivery rows, their attempts, delivery marks; at most `most`
    /// rows at a time. Gives back how many went; call it again while that is not zero. The log itself is never collected.
    fn collect(&self, keep: Duration, most: u32) -> BoxFuture<'_, u64>;

    /// Stores what this worker counted, replacing its own earlier counts of the same minutes, and forgets everything
    /// that is older than `keep`. Idempotent.
    fn record_rollups<'a>(&'a self, rollups: &'a [Rollup], keep: Duration) -> BoxFuture<'a, ()>;

    /// What all workers counted in the last `window`, which is rounded up to whole minutes, the oldest first.
    fn rollups(&self, window: Duration) -> BoxFuture<'_, Vec<Rollup>>;

    /// Completes when a writer on any process has hinted at new events, or after `most`. A hint can be missed; polling is
    /// the truth.
    fn wait(&self, most: Duration) -> BoxFuture<'_, ()>;
}
