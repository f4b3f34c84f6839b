//! The facts of an explanation.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::rules::{DeliveryFacts, KeyFacts, explain_delivery, explain_destination, explain_key, explain_nowhere};
use super::{Explanation, Subject};
use crate::delivery::{Breaker, DeliveryState};
use crate::engine::Engine;
use crate::filter::{EventRef, Filter};
use crate::read::{Delivery, Item, KeySearch, Order, PageRequest, ReadError, Reader};

/// Events of one order key that are looked at, the newest first.
const EVENTS: u16 = 1_000;

/// What is known of a destination as a whole.
struct Place {
    breaker: Breaker,
    workers: usize,
}

impl<DB: Engine> Reader<DB> {
    /// Says where something is, why, since when, what happens next and when, and the command that mends it.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] and those of [`Reader::inspect`].
    pub async fn explain(&self, subject: &Subject) -> Result<Explanation, ReadError> {
        match subject {
            Subject::Event(event) => self.explain_event(event).await,
            Subject::OrderKey(key) => self.explain_order(key).await,
            Subject::IdempotencyKey { operation, key } => self.explain_operation(operation.as_ref(), key).await,
            Subject::Destination(name) => self.explain_place(name).await,
        }
    }

    async fn explain_event(&self, event: &EventRef) -> Result<Explanation, ReadError> {
        let found = self.inspect(event).await?;
        let lane = found.event.order_key.clone().map_or_else(
            || Filter {
                entity_type: Some(found.event.entity_type.clone()),
                entity_id: Some(found.event.entity_id.clone()),
                ..Filter::default()
            },
            |key| Filter { order_key: Some(key), ..Filter::default() },
        );
        let lane = Filter { last: Some(found.event.log_id - 1), ..lane };
        let request = PageRequest { limit: EVENTS, deliveries: true, total: false, ..PageRequest::default() };
        let mut earlier = self.list(&lane, request).await?.events;
        // Events without an order key that share the entity are in its lane only if this one has none either.
        earlier.retain(|item| item.event.lane() == found.event.lane());
        earlier.reverse();
        let subject = format!("event {}", found.event.event_id);
        let events = vec![(found.event.log_id, found.event.event_id)];
        let item = Item { event: found.event, deliverable: found.deliverable, deliveries: found.deliveries };
        self.lines(subject, &[item], &earlier, events).await
    }

    async fn explain_order(&self, key: &str) -> Result<Explanation, ReadError> {
        let filter = Filter { order_key: Some(key.to_owned()), ..Filter::default() };
        let request = PageRequest { limit: EVENTS, deliveries: true, total: false, ..PageRequest::default() };
        let mut items = self.list(&filter, request).await?.events;
        if items.is_empty() {
            return Err(ReadError::NotFound(format!("event with the order key {key:?}")));
        }
        items.reverse();
        let events = items.iter().map(|item| (item.event.log_id, item.event.event_id)).collect();
        // One line per destination: its first delivery that is not done, else its last.
        let mut shown: HashMap<String, Item> = HashMap::new();
        for item in &items {
            for delivery in item.deliveries.iter().filter(|delivery| delivery.replay_job.is_none()) {
                let known = shown.get(&delivery.destination).and_then(|item| item.deliveries.first());
                if known.is_none_or(is_done) {
                    let one = Item { deliveries: vec![delivery.clone()], ..item.clone() };
                    shown.insert(delivery.destination.clone(), one);
                }
            }
        }
        let mut shown: Vec<Item> = shown.into_values().collect();
        shown.sort_by(|a, b| a.deliveries[0].destination.cmp(&b.deliveries[0].destination));
        // Nothing of it goes anywhere: the last event stands for all.
        if shown.is_empty() {
            shown.extend(items.pop());
        }
        self.lines(format!("order key {key}"), &shown, &[], events).await
    }

    /// A line for each delivery. `earlier` are the events of the lane before it, the oldest first.
    async fn lines(
        &self,
        subject: String,
        items: &[Item],
        earlier: &[Item],
        events: Vec<(i64, uuid::Uuid)>,
    ) -> Result<Explanation, ReadError> {
        let now = self.now().await?;
        let mut places = HashMap::new();
        let mut lines = Vec::new();
        for item in items {
            if item.deliveries.is_empty() {
                lines.push(explain_nowhere(&item.event.event_type, item.deliverable, item.event.written_at));
            }
            for delivery in &item.deliveries {
                let Place { breaker, workers } = match places.entry(delivery.destination_id) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.place_of(delivery.destination_id).await?),
                };
                let open: Vec<&Delivery> = earlier.iter().flat_map(|item| blocking(item, delivery)).collect();
                let count = i64::try_from(open.len()).unwrap_or(i64::MAX);
                let before = open.first().map(|first| (count, *first)).filter(|_| delivery.replay_job.is_none());
                let written_at = item.event.written_at;
                let facts = DeliveryFacts { delivery, written_at, breaker, workers: *workers, before, now };
                lines.push(explain_delivery(&facts));
            }
        }
        Ok(Explanation::new(subject, now, lines, events))
    }

    async fn place_of(&self, destination: i32) -> Result<Place, ReadError> {
        let store = self.outbox.deliveries();
        let workers = store.workers(destination).await?.len();
        Ok(Place { breaker: store.breaker(destination).await?, workers })
    }

    async fn explain_operation(&self, operation: Option<&String>, key: &str) -> Result<Explanation, ReadError> {
        let search = KeySearch { operation: operation.cloned(), prefix: Some(key.to_owned()), ..KeySearch::default() };
        let now = self.now().await?;
        let page = self.idempotency_keys(&search, None, 100).await?;
        let (mut lines, mut events) = (Vec::new(), Vec::new());
        for found in page.keys.iter().filter(|found| found.key == key) {
            let filter = Filter { command: Some(found.command_id), ..Filter::default() };
            let request = PageRequest { order: Order::OldestFirst, limit: EVENTS, ..PageRequest::default() };
            let written = self.list(&filter, request).await?.events;
            lines.push(explain_key(&KeyFacts { key: found, events: written.len(), now }));
            events.extend(written.into_iter().map(|item| (item.event.log_id, item.event.event_id)));
        }
        if lines.is_empty() {
            return Err(ReadError::NotFound(format!("idempotency key {key:?}")));
        }
        Ok(Explanation::new(format!("idempotency key {key}"), now, lines, events))
    }

    async fn explain_place(&self, name: &str) -> Result<Explanation, ReadError> {
        let all = self.destinations().await?;
        let known: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        let found = all.iter().find(|one| one.name == name);
        let found = found
            .ok_or_else(|| ReadError::NotFound(format!("destination {name:?}; there are {}", known.join(", "))))?;
        let now = self.now().await?;
        Ok(Explanation::new(format!("destination {name}"), now, explain_destination(found, now), Vec::new()))
    }
}

fn is_done(delivery: &Delivery) -> bool {
    !delivery.state.will_retry() && delivery.state != DeliveryState::Dead
}

/// First deliveries of an event at the same destination that hold later ones up. A dead one does if its lane is parked,
/// which the one behind it shows by being held.
fn blocking<'a>(item: &'a Item, delivery: &Delivery) -> impl Iterator<Item = &'a Delivery> {
    let (destination, waits) = (delivery.destination_id, delivery.state.will_retry());
    item.deliveries.iter().filter(move |other| {
        waits && other.destination_id == destination && other.replay_job.is_none() && !is_done(other)
    })
}
