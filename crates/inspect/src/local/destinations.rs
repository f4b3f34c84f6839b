//! Deliveries and their destinations.

use std::collections::BTreeMap;
use std::time::Duration;

use stateset_outbox::Engine;
use stateset_outbox::delivery::{Breaker, DeliveryState};
use stateset_outbox::filter::{Filter, nearest};
use stateset_outbox::read;

use super::events::request;
use super::rows::{self, unsigned};
use super::{Local, of_delivery, of_read};
use crate::answer::{BreakerAnswer, DestinationStatus, OutboxAnswer, StatusCounts};
use crate::fault::{Fault, Kind};
use crate::surface::Page;

/// What waits, or needs somebody.
const UNFINISHED: [DeliveryState; 5] = [
    DeliveryState::Pending,
    DeliveryState::Held,
    DeliveryState::InFlight,
    DeliveryState::RetryWait,
    DeliveryState::Dead,
];

impl<DB: Engine> Local<DB> {
    pub(super) async fn deliveries(&self, filter: &Filter, page: &Page) -> Result<OutboxAnswer, Fault> {
        let mut filter = filter.clone();
        if filter.states.is_empty() {
            filter.states = UNFINISHED.to_vec();
        }
        let found = self.reader.list(&filter, request(page)?).await.map_err(of_read)?;
        let limits = self.limits().await?;
        let mut deliveries = Vec::new();
        for item in &found.events {
            let matching = item.deliveries.iter().filter(|delivery| delivery.matches(&filter));
            deliveries.extend(matching.map(|delivery| rows::delivery(&item.event, delivery, &limits)));
        }
        let all = self.reader.destinations().await.map_err(of_read)?;
        let asked = all.iter().filter(|one| filter.destination.as_ref().is_none_or(|name| *name == one.name));
        let destinations: Vec<DestinationStatus> = asked.map(status).collect();
        Ok(OutboxAnswer {
            deliveries,
            total: unsigned(found.total),
            next_cursor: found.next_cursor.map(|cursor| cursor.to_string()),
            total_exact: found.total_exact,
            counts: counts(&destinations),
            destinations,
            diagnostics: found.diagnostics.map(rows::diagnostics),
        })
    }

    pub(super) async fn breaker_of(&self, destination: &str) -> Result<BreakerAnswer, Fault> {
        Ok(breaker(&self.stored_breaker(destination).await?))
    }

    pub(super) async fn stored_breaker(&self, destination: &str) -> Result<Breaker, Fault> {
        let store = self.outbox.deliveries();
        let all = store.destinations().await.map_err(of_delivery)?;
        let Some(found) = all.iter().find(|one| one.name == destination) else {
            return Err(no_destination(destination, all.iter().map(|one| one.name.as_str())));
        };
        store.breaker(found.id).await.map_err(of_delivery)
    }
}

/// `DESTINATION_NOT_FOUND`, with the nearest known name.
pub(super) fn no_destination<'a>(asked: &str, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let fix = match (nearest(asked, known.clone()), known.collect::<Vec<_>>()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, known) if known.is_empty() => {
            "none is registered: `stateset-events routes apply <file> --apply`, or start a worker".to_owned()
        },
        (None, known) => format!("there are: {}", known.join(", ")),
    };
    Fault::new(Kind::NotFound, "DESTINATION_NOT_FOUND", format!("there is no destination {asked:.100?}"), fix)
}

fn status(one: &read::DestinationStatus) -> DestinationStatus {
    let states = DeliveryState::ALL.into_iter().map(|state| (state, unsigned::<u64>(one.in_state(state))));
    let states: BTreeMap<String, u64> =
        states.filter(|(_, count)| *count > 0).map(|(state, count)| (state.as_str().to_owned(), count)).collect();
    DestinationStatus {
        destination: one.name.clone(),
        kind: one.kind.clone(),
        states,
        pending_capped: one.counts.pending_capped,
        oldest_pending_ms: one.counts.oldest.map(millis),
        parked_lanes: unsigned(one.counts.parked_lanes),
        dead_letters: unsigned(one.counts.dead_letters),
        breaker: breaker(&one.breaker),
        workers: one.workers.iter().map(|(name, _)| name.clone()).collect(),
        passed_last_day: unsigned(one.passed_last_day),
    }
}

fn counts(destinations: &[DestinationStatus]) -> StatusCounts {
    let sum = |states: &[DeliveryState]| {
        let of = |one: &DestinationStatus| states.iter().filter_map(|state| one.states.get(state.as_str())).sum::<u64>();
        destinations.iter().map(of).sum::<u64>()
    };
    let statuses = |word: &str| -> Vec<DeliveryState> {
        DeliveryState::ALL.into_iter().filter(|state| state.sync_status() == word).collect()
    };
    StatusCounts {
        pending: sum(&statuses("Pending")),
        pending_capped: destinations.iter().any(|one| one.pending_capped),
        failed: sum(&statuses("Failed")),
        failed_will_retry: sum(&[DeliveryState::RetryWait]),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn breaker(breaker: &Breaker) -> BreakerAnswer {
    BreakerAnswer {
        state: breaker.state.as_str().to_owned(),
        failures: unsigned(breaker.failures.into()),
        reason: breaker.reason.clone(),
        since_ms: (breaker.version > 0).then(|| millis(breaker.since)),
        probe_in_ms: breaker.probe_in.map(millis),
    }
}
