//! What a consumer has taken: an event that comes again has no second effect.

use std::time::Duration;

use sqlx::Transaction;
use uuid::Uuid;

use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{args, execute, micros, statement};

/// Whether an event is new to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Take its effect, in the same transaction.
    New,
    /// Its effect has been taken: do nothing.
    Seen,
}

impl<DB: Engine> Outbox<DB> {
    /// Notes, in the consumer's own transaction, that the consumer takes the event. The effect belongs in the same
    /// transaction: then it happens once, however often the event comes.
    pub async fn receive(
        &self,
        tx: &mut Transaction<'_, DB>,
        consumer: &str,
        event_id: Uuid,
    ) -> Result<Receipt, sqlx::Error> {
        let args = args![consumer, self.scope.tenant, self.scope.store, event_id];
        let added = execute::<DB>(tx, &self.schema, statement!("inbox_add"), args).await?;
        Ok(if added == 1 { Receipt::New } else { Receipt::Seen })
    }

    /// Forgets what the consumer took longer than `keep` ago. Keep more than the longest time after which an event can
    /// come again: the retention of a topic, the age of what a replay sends.
    pub async fn collect_inbox(&self, consumer: &str, keep: Duration) -> Result<u64, sqlx::Error> {
        let mut tx = self.begin().await?;
        let gone =
            execute::<DB>(&mut tx, &self.schema, statement!("inbox_collect"), args![consumer, micros(keep)]).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

/// Most events whose orders are tried: with duplicates, 6 have 720 orders of 12 deliveries each.
pub const MOST_PERMUTED: usize = 6;

/// Every order of `count` events in which each comes once, and each of these orders with every event coming again at the
/// end, and with every event coming twice in a row: what a consumer may meet. Places are numbers from 0.
///
/// Run a handler on each, with a fresh state, and demand one final state.
///
/// # Panics
/// For more than [`MOST_PERMUTED`] events.
pub fn permutations(count: usize) -> Vec<Vec<usize>> {
    assert!(count <= MOST_PERMUTED, "{count} events have too many orders; at most {MOST_PERMUTED}");
    let mut orders = vec![Vec::new()];
    for _ in 0..count {
        let longer = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            let missing = (0..count).filter(|place| !order.contains(place));
            missing.map(|place| order.iter().copied().chain([place]).collect()).collect()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    let again = |order: &Vec<usize>| order.iter().chain(order).copied().collect();
    let in_a_row = |order: &Vec<usize>| order.iter().flat_map(|place| [*place, *place]).collect();
    let repeated: Vec<Vec<usize>> = orders.iter().map(again).chain(orders.iter().map(in_a_row)).collect();
    orders.extend(repeated);
    orders
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::permutations;

    /// D06
    #[test]
    fn every_order_comes() {
        let all = permutations(3);
        assert_eq!(all.len(), 18);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 18);
        assert_eq!(all.iter().filter(|order| order.len() == 6).count(), 12);
        assert!(all.contains(&vec![2, 0, 1]) && all.contains(&vec![1, 0, 2, 1, 0, 2]));
        assert_eq!(permutations(0), vec![Vec::<usize>::new(); 3]);
    }
}
