//! One shard group under one lease: read, decide, publish, settle, until the lease is lost or the worker stops.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stateset_outbox::delivery::{
    Advance, BreakerState, Chunk, DeliveryError, DeliveryStore, Lane, LaneChange, Lease, ParkedLane, Settlement,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::rollups::Rollups;
use super::round::{Round, Routes, Timing};
use super::stats::Stats;
use super::{Options, SinkHandle};
use crate::breaker::{self, Permit};
use crate::clock::{Clock, seed};
use crate::lane::{Choice, Content, Origin, Plan, Row, Standing, choose, settle};
use crate::metrics::{EventMetric, EventMetrics, MetricOutcome};
use crate::record::Record;
use crate::sink::{Batch, Dead, Outcome};

/// Events of a first chunk; from then on as many as fit into the byte budget.
const FIRST_CHUNK: u16 = 256;
/// Fewest events of a chunk.
const LEAST_CHUNK: usize = 16;
/// Payload bytes a chunk aims at, which bounds the memory of a group.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;
/// Events that are sent to find out whether a destination is back.
const PROBE_EVENTS: usize = 16;
/// Due lanes of one turn.
const DUE_LANES: u16 = 64;
/// How long a turn is busy with replays before it looks at the log again.
const REPLAYS: Duration = Duration::from_millis(50);
/// Open deliveries of one lane sent at a time.
const LANE_RUN: u16 = 256;
/// Lanes of one page of the parked ones.
const PARKED_PAGE: u16 = 1_000;

/// How long a closed breaker is believed to be closed.
const BELIEVED: Duration = Duration::from_millis(250);

/// What a group shares with the manager of its destination.
pub(super) struct Shared {
    pub(super) store: Arc<dyn DeliveryStore>,
    pub(super) sink: SinkHandle,
    pub(super) routes: Routes,
    pub(super) options: Options,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stats: Stats,
    pub(super) metrics: Arc<EventMetrics>,
    pub(super) rollups: Rollups,
    /// When the breaker was last seen closed.
    pub(super) seen_closed: Mutex<Option<Instant>>,
    /// Counts wake-ups, so that none is missed between looking and waiting.
    pub(super) wake: watch::Receiver<u64>,
}

impl Shared {
    /// What the breaker allows. That it is closed is believed for a moment: single events would otherwise wait for one
    /// more round trip each, and a worker that sends a moment too long learns of the outage by itself.
    async fn permit(&self) -> Result<Permit, DeliveryError> {
        let seen = *self.seen_closed.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_some_and(|at| at.elapsed() < BELIEVED) {
            return Ok(Permit::Everything);
        }
        let stored = self.store.breaker(self.routes.id()).await?;
        let permit = breaker::permit(&stored, self.sink.call_limit() + self.options.lease);
        let closed = (permit == Permit::Everything).then(Instant::now);
        *self.seen_closed.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        Ok(permit)
    }
}

/// The life of a lease, written by the manager.
pub(super) struct Life {
    /// No publish begins after this time: another worker may have the group.
    until: Mutex<Instant>,
    /// What is being published.
    pub(super) in_flight: Mutex<Option<Advance>>,
    /// Lost, or the worker stops.
    pub(super) end: CancellationToken,
}

impl Life {
    pub(super) fn new(until: Instant, end: CancellationToken) -> Self {
        Self { until: Mutex::new(until), in_flight: Mutex::default(), end }
    }

    pub(super) fn extend(&self, until: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn holds(&self) -> bool {
        Instant::now() < *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a look at the work found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There was something, and there may be more.
    Work,
    /// Nothing to do.
    Nothing,
    /// The destination may not be tried for so long.
    Closed(Duration),
    /// The lease may have run out: wait for the manager.
    Expired,
}

pub(super) struct Group {
    pub(super) shared: Arc<Shared>,
    pub(super) lease: Lease,
    pub(super) life: Arc<Life>,
    parked: HashSet<Lane>,
    /// Held when this worker began, for want of something it may have been given since.
    unmapped: Vec<Lane>,
    chunk: u16,
}

impl Group {
    pub(super) fn new(shared: Arc<Shared>, lease: Lease, life: Arc<Life>) -> Self {
        Self { shared, lease, life, parked: HashSet::new(), unmapped: Vec::new(), chunk: FIRST_CHUNK }
    }

    /// Works until the end is called or the lease is lost. With `once`, until there is nothing to do now.
    pub(super) async fn run(mut self, once: bool) -> Result<(), DeliveryError> {
        let mut failures = 0;
        let mut known = false;
        let mut idle = self.shared.options.poll_min;
        while !self.life.end.is_cancelled() {
            let seen = *self.shared.wake.borrow();
            let found = match self.look(&mut known).await {
                Ok(found) => {
                    failures = 0;
                    found
                },
                Err(DeliveryError::LeaseLost) => return Ok(()),
                Err(DeliveryError::Conflict) => {
                    known = false;
                    failures += 1;
                    Found::Closed(self.shared.options.database_backoff.delay(failures, seed()))
                },
                Err(DeliveryError::Unavailable(source)) => {
                    tracing::warn!(destination = self.shared.routes.name(), %source, "the database does not answer");
                    failures += 1;
                    Found::Closed(self.shared.options.database_backoff.delay(failures, seed()))
                },
                Err(error) => return Err(error),
            };
            match found {
                Found::Work => idle = self.shared.options.poll_min,
                Found::Nothing | Found::Closed(_) if once && failures == 0 => return Ok(()),
                Found::Nothing => {
                    if self.rest(seen, idle).await? {
                        idle = self.shared.options.poll_min;
                    } else {
                        idle = (idle * 2).min(self.shared.options.poll_max);
                    }
                },
                Found::Closed(wait) => self.pause(wait).await,
                Found::Expired => self.pause(self.shared.options.lease / 10).await,
            }
        }
        Ok(())
    }

    /// One turn: the next chunk of the log, then the lanes that are due.
    async fn look(&mut self, known: &mut bool) -> Result<Found, DeliveryError> {
        if !*known {
            self.learn().await?;
            *known = true;
        }
        let mut found = Found::Nothing;
        while let Some(lane) = self.unmapped.pop() {
            match self.lane(lane).await? {
                Found::Work | Found::Nothing => {},
                other => return Ok(other),
            }
        }
        // The log first: what was written this moment should not wait for a look at the lanes.
        match self.log().await? {
            Found::Nothing => {},
            Found::Work => found = Found::Work,
            other => return Ok(other),
        }
        let due = self.shared.store.due(&self.lease, DUE_LANES).await?;
        let mut replaying = None;
        for ParkedLane { lane, .. } in due {
            if self.life.end.is_cancelled() {
                return Ok(found);
            }
            // Replays come last, and live events wait for no more than one call of them.
            if lane.is_replay() && replaying.get_or_insert_with(Instant::now).elapsed() > REPLAYS {
                return Ok(found);
            }
            match self.lane(lane).await? {
                Found::Work => found = Found::Work,
                Found::Nothing => {},
                other => return Ok(other),
            }
        }
        Ok(found)
    }

    /// Which lanes are parked.
    async fn learn(&mut self) -> Result<(), DeliveryError> {
        self.parked.clear();
        self.unmapped.clear();
        let mut after: Option<Lane> = None;
        loop {
            let page = self.shared.store.parked(&self.lease, after.as_ref(), PARKED_PAGE).await?;
            let full = page.len() >= usize::from(PARKED_PAGE);
            after = page.last().map(|parked| parked.lane.clone());
            for ParkedLane { lane, reason, .. } in page {
                if reason == "unmapped" {
                    self.unmapped.push(lane.clone());
                }
                self.parked.insert(lane);
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// A parked lane whose time has come.
    async fn lane(&mut self, lane: Lane) -> Result<Found, DeliveryError> {
        // One call of the sink: what follows a failure in the lane must not be in a call of its own.
        let limit = self.shared.sink.batch_limit().clamp(1, usize::from(LANE_RUN));
        let run = u16::try_from(limit).unwrap_or(LANE_RUN);
        let waiting = self.shared.store.waiting(&self.lease, &lane, run).await?;
        if waiting.is_empty() {
            // The last open delivery was discarded or redelivered: the lane flows.
            let lanes = vec![LaneChange::Unpark { lane: lane.clone() }];
            self.commit(&Settlement { lanes, ..Settlement::default() }).await?;
            self.parked.remove(&lane);
            return Ok(Found::Work);
        }
        let complete = waiting.len() < limit;
        let count = waiting.len();
        let mut round = self.shared.routes.parked(waiting, &*self.shared.sink);
        let most = round.candidates.len();
        self.deliver(&mut round, None, |round| complete && round.candidates.len() == most && most == count).await
    }

    /// The next chunk of the log.
    async fn log(&mut self) -> Result<Found, DeliveryError> {
        let limit = self.shared.sink.batch_limit().min(usize::from(self.shared.options.chunk));
        let most = self.chunk.min(u16::try_from(limit).unwrap_or(u16::MAX)).max(1);
        let mut chunk = self.shared.store.poll(&self.lease, most).await?;
        if chunk.events.is_empty() {
            return Ok(Found::Nothing);
        }
        let bytes: usize = chunk.events.iter().map(|event| event.payload.len() + 512).sum();
        let next = CHUNK_BYTES / (bytes / chunk.events.len()).max(1);
        self.chunk = u16::try_from(next.clamp(LEAST_CHUNK, limit.max(LEAST_CHUNK))).unwrap_or(u16::MAX);
        let events = std::mem::take(&mut chunk.events);
        let mut round = self.shared.routes.fresh(events, &*self.shared.sink);
        self.deliver(&mut round, Some(&chunk), |_| false).await
    }

    /// Asks the breaker, publishes, settles.
    async fn deliver(
        &mut self,
        round: &mut Round,
        chunk: Option<&Chunk>,
        complete: impl Fn(&Round) -> bool,
    ) -> Result<Found, DeliveryError> {
        let whole = round.candidates.len();
        let shared = Arc::clone(&self.shared);
        let mut choices = choose(&round.candidates, &self.parked);
        let sends = choices.contains(&Choice::Send);
        // What sends nothing need not ask.
        let permit = if sends { shared.permit().await? } else { Permit::Everything };
        let probing = match permit {
            Permit::Everything => false,
            Permit::Nothing(wait) => return Ok(Found::Closed(wait)),
            Permit::Probe(probe) => {
                if !shared.store.set_breaker(&probe).await? {
                    return Ok(Found::Closed(shared.options.poll_min));
                }
                let probed = choices.iter().position(|choice| *choice == Choice::Send).unwrap_or(0) + PROBE_EVENTS;
                round.truncate(probed);
                choices.truncate(probed);
                true
            },
        };
        if !self.life.holds() {
            return Ok(Found::Expired);
        }
        let place = |upto: i64| place(round, chunk, upto, whole);
        let last = round.candidates.last().and_then(|candidate| place(candidate.log_id));
        *self.life.in_flight.lock().unwrap_or_else(PoisonError::into_inner) = last;
        let started = Instant::now();
        let outcomes = self.publish(round, &choices).await;
        let took = started.elapsed();
        if sends {
            shared.stats.published(took);
        }
        *self.life.in_flight.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let plan = settle(&round.candidates, &choices, outcomes, seed());
        if probing || plan.unavailable.is_some() || plan.stop.is_some() {
            self.report(&plan).await?;
        }
        let advance = plan.upto.and_then(place);
        self.bury(round, &plan).await;
        let settlement = round.settlement(&plan, advance, Timing { started_ago: took, took }, complete(round));
        self.commit(&settlement).await?;
        self.remember(&settlement);
        self.count(round, &plan);
        Ok(if plan.unavailable.is_some() { Found::Closed(shared.options.poll_min) } else { Found::Work })
    }

    async fn publish(&self, round: &Round, choices: &[Choice]) -> Vec<Outcome> {
        let sent = choices.iter().filter(|choice| **choice == Choice::Send).count();
        if sent == 0 {
            return Vec::new();
        }
        // Nearly always everything is sent, and then nothing needs to be copied.
        let some: Vec<Record>;
        let records = if sent == round.records.len() {
            &round.records
        } else {
            let chosen = choices.iter().zip(&round.records).filter(|(choice, _)| **choice == Choice::Send);
            some = chosen.map(|(_, record)| record.clone()).collect();
            &some
        };
        let holds = || self.life.holds();
        let batch = Batch::new(self.lease.shard_group, records).while_holding(&holds);
        self.shared.sink.publish(batch).await
    }

    /// Before the settlement: after it, a crash would leave a dead letter without its copy.
    async fn bury(&self, round: &Round, plan: &Plan) {
        let mut dead = Vec::new();
        for row in &plan.rows {
            let Standing::Dead { class, why, .. } = &row.standing else { continue };
            let Some(record) = round.records.iter().find(|record| record.event.log_id == row.log_id) else { continue };
            dead.push(Dead { record, class: class.as_str(), why, attempts: row.attempts });
        }
        if !dead.is_empty() {
            self.shared.sink.bury(dead).await;
        }
    }

    /// Tells all workers whether the destination is up.
    async fn report(&self, plan: &Plan) -> Result<(), DeliveryError> {
        let (store, id) = (&self.shared.store, self.shared.routes.id());
        *self.shared.seen_closed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        loop {
            let stored = store.breaker(id).await?;
            let next = match (&plan.stop, &plan.unavailable) {
                (Some((log_id, why)), _) => {
                    let reason = format!("stopped: the event at {log_id} is dead: {}", why.message);
                    Some(breaker::stop(&stored, &reason))
                },
                (None, Some(why)) => breaker::unavailable(&stored, &format!("{}: {}", why.class, why.message), seed()),
                // An operator's stop ends with the operator, not with the answer to a batch that was out.
                (None, None) if stored.state != BreakerState::HalfOpen => None,
                (None, None) if plan.reached => breaker::reached(&stored),
                (None, None) => Some(breaker::probe_unused(&stored)),
            };
            match next {
                Some(next) if !store.set_breaker(&next).await? => {},
                Some(next) => {
                    let reason = next.reason.as_deref().unwrap_or("it answers again");
                    tracing::warn!(
                        destination = self.shared.routes.name(),
                        state = next.state.as_str(),
                        reason,
                        "breaker"
                    );
                    return Ok(());
                },
                None => return Ok(()),
            }
        }
    }

    /// Settles; while the database does not answer, again and again: what was published must not be published twice only
    /// because the database was away. If the first try did happen, the next one is a conflict, and nothing is lost.
    async fn commit(&self, settlement: &Settlement) -> Result<(), DeliveryError> {
        let mut failures = 0;
        loop {
            match self.shared.store.settle(&self.lease, settlement).await {
                // Two transactions were in each other's way, or an operator was faster: only the latter stays so.
                Err(DeliveryError::Conflict) if failures < 3 && !self.life.end.is_cancelled() => {
                    failures += 1;
                    self.pause(self.shared.options.poll_min).await;
                },
                Err(DeliveryError::Unavailable(source)) if failures < 100 && !self.life.end.is_cancelled() => {
                    tracing::warn!(destination = self.shared.routes.name(), %source, "a settlement has to wait");
                    let wait = self.shared.options.database_backoff.delay(failures, seed());
                    failures += 1;
                    self.pause(wait).await;
                },
                other => return other,
            }
        }
    }

    fn remember(&mut self, settlement: &Settlement) {
        for change in &settlement.lanes {
            match change {
                LaneChange::Park { lane, .. } => drop(self.parked.insert(lane.clone())),
                LaneChange::Unpark { lane } => drop(self.parked.remove(lane)),
            }
        }
    }

    /// Records what the settled round came to.
    fn count(&self, round: &Round, plan: &Plan) {
        let now = self.shared.clock.now();
        let with_row: HashMap<i64, &Row> = plan.rows.iter().map(|row| (row.log_id, row)).collect();
        let mut latencies = Vec::new();
        let mut metrics = Vec::new();
        for (candidate, record) in round.candidates.iter().zip(&round.records) {
            let passed = plan.upto.is_some_and(|upto| candidate.log_id <= upto);
            let fresh = candidate.origin == Origin::Fresh;
            let outcome = match with_row.get(&candidate.log_id).map(|row| &row.standing) {
                None if fresh && passed && candidate.content != Content::NotWanted => MetricOutcome::Success,
                Some(Standing::Delivered { .. }) => MetricOutcome::Success,
                Some(Standing::RetryWait { .. }) => MetricOutcome::Retry,
                Some(Standing::Dead { .. } | Standing::Rejected) => MetricOutcome::Failure,
                None | Some(Standing::Held(..) | Standing::Pending) => continue,
            };
            // How old a replayed event is says nothing about this worker.
            if record.replay_job.is_some() {
                continue;
            }
            let waited = u64::try_from(now.0.saturating_sub(record.event.written_at)).unwrap_or(0);
            let metric = EventMetric {
                event_id: record.event.event_id,
                event_type: record.event.event_type.clone(),
                tenant: record.event.tenant,
                correlation_id: record.event.correlation_id.clone(),
                at: now,
                latency: Duration::from_micros(waited),
                outcome,
            };
            if outcome == MetricOutcome::Success {
                latencies.push(metric.latency);
            }
            metrics.push(metric);
        }
        self.shared.rollups.count(self.shared.routes.id(), &self.shared.options.worker, &metrics);
        self.shared.stats.by_type(&metrics);
        self.shared.metrics.record_all(metrics);
        self.shared.stats.settled(plan, latencies);
    }

    /// Waits for a wake-up, the next due lane, or the poll interval. Whether something woke it.
    async fn rest(&mut self, seen: u64, idle: Duration) -> Result<bool, DeliveryError> {
        let due = match self.shared.store.next_due(&self.lease).await {
            Ok(due) => due.unwrap_or(idle),
            Err(DeliveryError::LeaseLost) => Duration::ZERO,
            Err(DeliveryError::Unavailable(_)) => idle,
            Err(error) => return Err(error),
        };
        let mut wake = self.shared.wake.clone();
        let limit = idle.min(due.max(Duration::from_millis(1)));
        tokio::select! {
            () = self.life.end.cancelled() => Ok(false),
            woken = timeout(limit, wake.wait_for(|count| *count != seen)) => Ok(woken.is_ok()),
        }
    }

    async fn pause(&self, wait: Duration) {
        tokio::select! {
            () = self.life.end.cancelled() => {},
            () = sleep(wait.min(self.shared.options.poll_max)) => {},
        }
    }
}

/// The cursor's place behind an event of the chunk.
fn place(round: &Round, chunk: Option<&Chunk>, upto: i64, whole: usize) -> Option<Advance> {
    let chunk = chunk?;
    let last = round.candidates.last().is_some_and(|candidate| candidate.log_id == upto);
    if last && round.candidates.len() == whole {
        return Some(chunk.advance());
    }
    let record = round.records.iter().find(|record| record.event.log_id == upto)?;
    Some(chunk.advance_through(&record.event))
}
