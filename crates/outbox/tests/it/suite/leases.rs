//! Who may move a cursor. Times are the database's; a lease of no time is over at once, so that nothing has to wait.

use std::time::Duration;

use stateset_outbox::delivery::{DeliveryError, Heartbeat, Settlement, Start};

use super::{Factory, LEASE, Reader, order, registration, write};

/// F11, E08
pub(crate) async fn a_shard_group_has_one_owner<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let store = outbox.deliveries();
    let destination = store.register(&registration("all", 4, "*", Start::Now)).await.expect("registered").id;
    let first = store.acquire(destination, "a", LEASE, 3).await.expect("leases");
    assert_eq!(first.iter().map(|lease| lease.shard_group).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(first[1].shards, (16, 31));
    let second = store.acquire(destination, "b", LEASE, 3).await.expect("leases");
    assert_eq!(second.iter().map(|lease| lease.shard_group).collect::<Vec<_>>(), [3]);
    assert!(store.acquire(destination, "a", LEASE, 4).await.expect("none").is_empty());
    assert_eq!(store.workers(destination).await.expect("workers"), [("a".to_owned(), 3), ("b".to_owned(), 1)]);
}

/// F11: the worker that was paused past its lease writes nothing, whatever it still holds.
pub(crate) async fn a_lost_lease_settles_nothing<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let store = outbox.deliveries();
    let destination = store.register(&registration("all", 1, "*", Start::Now)).await.expect("registered").id;
    write(&outbox, order("1", 1)).await;
    let zombie = store.acquire(destination, "zombie", Duration::ZERO, 1).await.expect("a lease").remove(0);
    let chunk = store.poll(&zombie, 10).await.expect("a chunk");
    let owner = store.acquire(destination, "owner", LEASE, 1).await.expect("a lease").remove(0);
    assert_eq!(owner.epoch, zombie.epoch + 1);
    let plan = Settlement { advance: Some(chunk.advance()), events: 1, ..Settlement::default() };
    let lost =
        |result: Result<(), DeliveryError>| assert!(matches!(result, Err(DeliveryError::LeaseLost)), "{result:?}");
    lost(store.settle(&zombie, &plan).await);
    lost(store.settle(&zombie, &Settlement::default()).await);
    lost(store.poll(&zombie, 10).await.map(|_| ()));
    let beat = Heartbeat { lease: zombie.clone(), in_flight: None };
    assert!(store.renew(&[beat], LEASE).await.expect("it answers").is_empty());
    store.release(&[zombie]).await.expect("it answers");
    assert_eq!(store.poll(&owner, 10).await.expect("a chunk").events.len(), 1, "the owner's cursor did not move");
    store.settle(&owner, &plan).await.expect("the same chunk under the owner's lease");
}

/// F03
pub(crate) async fn a_released_lease_is_free_at_once<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 2, Start::Now).await;
    assert!(reader.store.acquire(reader.destination.id, "b", LEASE, 2).await.expect("none").is_empty());
    reader.store.release(&reader.leases).await.expect("released");
    assert_eq!(reader.store.acquire(reader.destination.id, "b", LEASE, 2).await.expect("leases").len(), 2);
}

/// F15, E08: and the worker keeps those it still has.
pub(crate) async fn heartbeats_keep_a_lease<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let store = outbox.deliveries();
    let destination = store.register(&registration("all", 2, "*", Start::Now)).await.expect("registered").id;
    let mine = store.acquire(destination, "a", Duration::ZERO, 2).await.expect("leases");
    let beat = |at: usize| Heartbeat { lease: mine[at].clone(), in_flight: None };
    assert_eq!(store.renew(&[beat(1)], LEASE).await.expect("it answers"), mine[1..]);
    let taken = store.acquire(destination, "b", LEASE, 2).await.expect("leases");
    assert_eq!(taken.iter().map(|lease| lease.shard_group).collect::<Vec<_>>(), [0]);
    assert_eq!(store.renew(&[beat(0), beat(1)], LEASE).await.expect("it answers"), mine[1..]);
}
