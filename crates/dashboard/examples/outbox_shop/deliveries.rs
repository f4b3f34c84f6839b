//! Where it went: four destinations, and what can become of a delivery.

use std::time::Duration;

use stateset_outbox::delivery::{
    AttemptRecord, Breaker, BreakerState, Change, Chunk, DeadLetter, DeliveryRow, DeliveryState as State,
    DeliveryStore, Destination, Evidence, Heartbeat, HeldReason, LaneChange, Lease, LoggedEvent, NewRoute,
    Registration, Settlement, Start,
};
use stateset_outbox::{Engine, Outbox};

use super::Done;
use super::orders::{ORDERS, order_id};

/// More than there are.
const ALL: u16 = 1_000;
const HOUR: Duration = Duration::from_hours(1);

/// Destinations with the leases of their workers.
pub(crate) struct Places {
    sequencer: (Destination, Lease),
    kafka: (Destination, Lease),
    webhook: (Destination, Lease),
    mail: Destination,
}

impl Places {
    pub(crate) async fn register<DB: Engine>(outbox: &Outbox<DB>) -> Done<Self> {
        let store = &*outbox.deliveries();
        let sequencer = register(store, "sequencer", "sequencer", "*").await?;
        let kafka = register(store, "kafka-orders", "kafka", "*").await?;
        let webhook = register(store, "erp-webhook", "webhook", "*").await?;
        let mail = register(store, "mail", "mail", "order.*").await?;
        Ok(Self {
            sequencer: (sequencer.clone(), lease(store, &sequencer, "worker-a.3121").await?),
            kafka: (kafka.clone(), lease(store, &kafka, "worker-a.3121").await?),
            webhook: (webhook.clone(), lease(store, &webhook, "worker-b.877").await?),
            mail,
        })
    }

    /// What became of the day's deliveries.
    pub(crate) async fn settle<DB: Engine>(&self, outbox: &Outbox<DB>) -> Done<()> {
        let store = &*outbox.deliveries();
        let chunk = store.poll(&self.sequencer.1, ALL).await?;
        let receipts = chunk.events.iter().zip(1..).map(|(event, place)| Evidence {
            log_id: event.log_id,
            kind: "sequencer".to_owned(),
            remote_sequence: Some(place),
            evidence: "{}".to_owned(),
        });
        let plan = Settlement { receipts: receipts.collect(), ..all_of(&chunk) };
        store.settle(&self.sequencer.1, &plan).await?;

        let chunk = store.poll(&self.kafka.1, ALL).await?;
        store.settle(&self.kafka.1, &all_of(&chunk)).await?;

        let (destination, lease) = &self.webhook;
        let chunk = store.poll(lease, ALL).await?;
        let mut plan = all_of(&chunk);
        for number in 0..ORDERS {
            let lane: Vec<&LoggedEvent> = of_order(&chunk, number).collect();
            become_of(destination, number, &lane, &mut plan);
        }
        store.settle(lease, &plan).await?;
        // The second and the third try of what is tried again.
        for tries in 2..=3 {
            let again =
                (0..ORDERS).filter(|number| number % 12 == 3).filter_map(|number| of_order(&chunk, number).next());
            let changes =
                again.map(|event| Change { from: Some(State::RetryWait), ..retry(destination, event, tries) });
            store.settle(lease, &Settlement { changes: changes.collect(), ..Settlement::default() }).await?;
        }
        let before = store.breaker(self.mail.id).await?;
        let breaker = Breaker {
            state: BreakerState::Open,
            failures: 5,
            reason: Some("connection to mail.example:587 refused".to_owned()),
            probe_in: Some(Duration::from_mins(2)),
            ..before
        };
        store.set_breaker(&breaker).await?;
        Ok(())
    }

    /// A worker is at work on some of what came late.
    pub(crate) async fn publish_some<DB: Engine>(&self, outbox: &Outbox<DB>) -> Done<()> {
        let store = &*outbox.deliveries();
        let chunk = store.poll(&self.kafka.1, 4).await?;
        let heartbeat = Heartbeat { lease: self.kafka.1.clone(), in_flight: Some(chunk.advance()) };
        store.renew(&[heartbeat], HOUR).await?;
        Ok(())
    }
}

async fn register(store: &dyn DeliveryStore, name: &str, kind: &str, types: &str) -> Done<Destination> {
    let route = NewRoute { name: "all".into(), type_glob: types.into(), policy: r#"{"retries":5}"#.into() };
    let (name, kind) = (name.to_owned(), kind.to_owned());
    let registration = Registration { name, kind, shard_groups: 1, routes: vec![route], start: Start::Beginning };
    Ok(store.register(&registration).await?)
}

async fn lease(store: &dyn DeliveryStore, destination: &Destination, worker: &str) -> Done<Lease> {
    store.acquire(destination.id, worker, HOUR, 1).await?.into_iter().next().ok_or_else(|| "no lease".into())
}

/// Everything is delivered, unless more is said.
fn all_of(chunk: &Chunk) -> Settlement {
    let events = i32::try_from(chunk.events.len()).unwrap_or(i32::MAX);
    Settlement { advance: Some(chunk.advance()), events, ..Settlement::default() }
}

fn of_order(chunk: &Chunk, number: u32) -> impl Iterator<Item = &LoggedEvent> {
    let id = order_id(number);
    chunk.events.iter().filter(move |event| event.order_key.as_deref() == Some(id.as_str()))
}

fn change(destination: &Destination, event: &LoggedEvent, to: State) -> Change {
    let delivery = DeliveryRow::of(event, &destination.routes[0]);
    let (reason, attempts, next_attempt_in, attempt, dead_letter) = (None, 1, None, None, None);
    Change { delivery, from: None, to, reason, attempts, next_attempt_in, attempt, dead_letter }
}

fn tried(outcome: &'static str, class: &str, error: &str, took: u64) -> AttemptRecord {
    let took = Duration::from_millis(took);
    AttemptRecord { started_ago: took, took, outcome, class: Some(class.to_owned()), error: Some(error.to_owned()) }
}

fn retry(destination: &Destination, event: &LoggedEvent, tries: i32) -> Change {
    let error = "erp.example answered 503 Service Unavailable: the warehouse closes its books until 18:00";
    Change {
        attempts: tries,
        next_attempt_in: Some(Duration::from_secs(60 << tries)),
        attempt: Some(tried("retry", "http_503", error, 212)),
        ..change(destination, event, State::RetryWait)
    }
}

/// By the order's number: most are delivered, some are given up, rejected, or tried again, with what waits behind them.
fn become_of(destination: &Destination, number: u32, lane: &[&LoggedEvent], plan: &mut Settlement) {
    let Some((first, behind)) = lane.split_first() else { return };
    let letter = |class: &str, error: &str| Some(DeadLetter { class: class.to_owned(), error: error.to_owned() });
    let park = |due_in, reason: &str| LaneChange::Park { lane: first.lane(), due_in, reason: reason.to_owned() };
    let one = match number % 12 {
        1 => {
            let error = format!("erp.example answered 422: field vat_id is missing in order {}", order_id(number));
            plan.lanes.push(park(None, "dead"));
            Change {
                attempt: Some(tried("refused", "http_422", &error, 38)),
                dead_letter: letter("refused", &error),
                ..change(destination, first, State::Dead)
            }
        },
        3 => {
            plan.lanes.push(park(Some(Duration::from_mins(10)), "retry"));
            retry(destination, first, 1)
        },
        5 => {
            let error = "no answer within 10 s";
            plan.lanes.push(park(None, "dead"));
            Change {
                attempts: 5,
                attempt: Some(tried("refused", "timeout", error, 10_004)),
                dead_letter: letter("exhausted", error),
                ..change(destination, first, State::Dead)
            }
        },
        7 => {
            let error = "erp.example answered 409: this order was cancelled there";
            let attempt = Some(tried("rejected", "http_409", error, 41));
            plan.changes.push(Change { attempt, ..change(destination, first, State::Rejected) });
            return;
        },
        _ => return,
    };
    plan.changes.push(one);
    let held = |event| Change {
        reason: Some(HeldReason::LaneBlocked),
        attempts: 0,
        ..change(destination, event, State::Held)
    };
    plan.changes.extend(behind.iter().map(|event| held(event)));
}
