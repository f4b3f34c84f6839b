//! Between the pure decisions and the storage contract: what was read becomes candidates and records, a plan becomes one
//! settlement.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::de::IgnoredAny;
use stateset_outbox::delivery::{
    Advance, AttemptRecord, Change, DeadLetter, DeliveryRow, DeliveryState, Destination, Evidence, HeldReason, Lane,
    LaneChange, LoggedEvent, RouteVersion, Settlement, WaitingDelivery,
};

use crate::delivery::may_become;
use crate::lane::{Candidate, Content, Origin, Plan, Row, Standing};
use crate::policy::{NotAPolicy, OnDead, Policy};
use crate::record::Record;
use crate::sink::{Sink, Why};

/// A destination with its policies read.
pub(super) struct Routes {
    destination: Destination,
    /// By route and version.
    rules: HashMap<String, HashMap<i32, Rule>>,
    /// Of events that no route wants.
    default_policy: Arc<Policy>,
}

/// A route version and its policy.
struct Rule {
    route: Arc<RouteVersion>,
    policy: Arc<Policy>,
}

/// The delivery behind a candidate.
pub(super) enum Subject {
    /// No route wants the event.
    NotWanted,
    /// Fresh from the log, under this route: nearly all go through without a row, so none is made before it is needed.
    Fresh(Arc<RouteVersion>),
    /// There is a row, which must still be in this state.
    Open(DeliveryRow, DeliveryState),
}

impl Subject {
    fn state(&self) -> Option<DeliveryState> {
        match self {
            Self::Open(_, state) => Some(*state),
            Self::NotWanted | Self::Fresh(_) => None,
        }
    }

    fn row(&self, event: &LoggedEvent) -> Option<DeliveryRow> {
        match self {
            Self::NotWanted => None,
            Self::Fresh(route) => Some(DeliveryRow::of(event, route)),
            Self::Open(row, _) => Some(row.clone()),
        }
    }
}

/// A round as it was read.
#[derive(Default)]
pub(super) struct Round {
    pub(super) candidates: Vec<Candidate>,
    pub(super) records: Vec<Record>,
    subjects: Vec<Subject>,
}

/// When the sink was called, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    pub(super) started_ago: Duration,
    pub(super) took: Duration,
}

impl Routes {
    pub(super) fn new(destination: Destination) -> Result<Self, NotAPolicy> {
        let mut rules: HashMap<String, HashMap<i32, Rule>> = HashMap::new();
        for route in &destination.routes {
            let policy = Arc::new(Policy::from_json(&route.policy)?);
            let rule = Rule { route: Arc::new(route.clone()), policy };
            rules.entry(route.name.clone()).or_default().insert(route.version, rule);
        }
        Ok(Self { destination, rules, default_policy: Arc::default() })
    }

    pub(super) fn id(&self) -> i32 {
        self.destination.id
    }

    pub(super) fn name(&self) -> &str {
        &self.destination.name
    }

    /// If several routes take an event it is delivered once, under the first by name.
    fn route_of<'a>(&'a self, event: &'a LoggedEvent) -> Option<&'a RouteVersion> {
        self.destination.routes_of(event).next()
    }

    fn rule(&self, route: &str, version: i32) -> Option<&Rule> {
        self.rules.get(route).and_then(|versions| versions.get(&version))
    }

    /// Events from the log.
    pub(super) fn fresh(&self, events: Vec<LoggedEvent>, sink: &dyn Sink) -> Round {
        let mut round = Round::default();
        for event in events {
            let rule = self.route_of(&event).and_then(|route| self.rule(&route.name, route.version));
            let record = Record::new(event);
            let lane = record.lane();
            let (content, policy, subject) = match rule {
                Some(rule) => {
                    (content(&record, sink), Arc::clone(&rule.policy), Subject::Fresh(Arc::clone(&rule.route)))
                },
                None => (Content::NotWanted, Arc::clone(&self.default_policy), Subject::NotWanted),
            };
            round.push((record, lane), Origin::Fresh, content, policy, subject);
        }
        round
    }

    /// The open deliveries of one parked lane.
    pub(super) fn parked(&self, waiting: Vec<WaitingDelivery>, sink: &dyn Sink) -> Round {
        let mut round = Round::default();
        for WaitingDelivery { delivery, state, attempts, event, .. } in waiting {
            let rule = self.rule(&delivery.route, delivery.route_version);
            let mut policy = Arc::clone(rule.map_or(&self.default_policy, |rule| &rule.policy));
            if delivery.replay_job.is_some() && policy.on_dead == OnDead::Stop {
                // A replay that fails is its operator's business; live events go on.
                policy = Arc::new(Policy { on_dead: OnDead::Wait, ..*policy });
            }
            // Its own, of a replay.
            let lane = delivery.lane.clone();
            let record = Record { event, replay_job: delivery.replay_job };
            let content = content(&record, sink);
            let attempts = u32::try_from(attempts).unwrap_or(0);
            let subject = Subject::Open(delivery, state);
            round.push((record, lane), Origin::Parked { attempts }, content, policy, subject);
        }
        round
    }
}

/// One event that cannot be read parks its key, not its batch.
fn content(record: &Record, sink: &dyn Sink) -> Content {
    if let Err(fault) = serde_json::from_str::<IgnoredAny>(&record.event.payload) {
        // What could not be read at all says so in place of the payload.
        let why = match record.event.payload.strip_prefix("unreadable ") {
            Some(column) => format!("the stored event cannot be read: {column}"),
            None => format!("the stored payload is no JSON: {fault}"),
        };
        return Content::Undecodable(Why::new("undecodable", why));
    }
    sink.unmapped(record).map_or(Content::Event, Content::Unmapped)
}

impl Round {
    fn push(
        &mut self,
        (record, lane): (Record, Lane),
        origin: Origin,
        content: Content,
        policy: Arc<Policy>,
        subject: Subject,
    ) {
        let log_id = record.event.log_id;
        self.candidates.push(Candidate { log_id, lane, origin, content, policy });
        self.records.push(record);
        self.subjects.push(subject);
    }

    /// Only the beginning: a probe does not need more.
    pub(super) fn truncate(&mut self, most: usize) {
        self.candidates.truncate(most);
        self.records.truncate(most);
        self.subjects.truncate(most);
    }

    /// The settlement that writes `plan`. `advance` gives the cursor's place behind an event of the chunk. `complete`:
    /// a parked lane has no open deliveries beyond this round.
    pub(super) fn settlement(
        &self,
        plan: &Plan,
        advance: Option<Advance>,
        timing: Timing,
        complete: bool,
    ) -> Settlement {
        let mut settlement = Settlement { advance, ..Settlement::default() };
        if let Some(upto) = plan.upto {
            let passed = self.candidates.iter().filter(|c| c.origin == Origin::Fresh && c.log_id <= upto);
            let (unrouted, routed): (Vec<_>, Vec<_>) = passed.partition(|c| c.content == Content::NotWanted);
            settlement.events = i32::try_from(routed.len()).unwrap_or(i32::MAX);
            settlement.unrouted = i32::try_from(unrouted.len()).unwrap_or(i32::MAX);
        }
        // Most rounds have no rows.
        let mut by_id: HashMap<i64, (&Record, &Subject)> = HashMap::new();
        if !plan.rows.is_empty() {
            let known = self.records.iter().zip(&self.subjects);
            by_id.extend(known.map(|(record, subject)| (record.event.log_id, (record, subject))));
        }
        for row in &plan.rows {
            let Some((record, subject)) = by_id.get(&row.log_id) else { continue };
            settlement.changes.extend(change(row, &record.event, subject, timing));
        }
        settlement.lanes = self.lanes(plan, complete);
        settlement.receipts = plan.receipts.iter().map(|(log_id, evidence)| receipt(*log_id, evidence)).collect();
        settlement
    }

    /// What becomes of each lane of the round.
    fn lanes(&self, plan: &Plan, complete: bool) -> Vec<LaneChange> {
        let blocking = |row: &&Row| !row.standing.lane_goes_on();
        let mut seen: HashSet<&Lane> = HashSet::new();
        let first_blocking = plan.rows.iter().filter(blocking).filter(|row| seen.insert(&row.lane));
        let mut changes: Vec<LaneChange> = first_blocking.filter_map(park).collect();
        let parked = self.candidates.iter().find(|candidate| candidate.origin != Origin::Fresh);
        if let Some(candidate) =
            parked.filter(|candidate| !plan.rows.iter().any(|row| row.lane == candidate.lane && blocking(&row)))
        {
            let lane = candidate.lane.clone();
            changes.push(if complete {
                LaneChange::Unpark { lane }
            } else {
                LaneChange::Park { lane, due_in: Some(Duration::ZERO), reason: "retry".to_owned() }
            });
        }
        changes
    }
}

fn park(row: &Row) -> Option<LaneChange> {
    let (due_in, reason) = match &row.standing {
        Standing::RetryWait { wait } => (Some(*wait), "retry"),
        Standing::Dead { .. } => (None, "dead"),
        Standing::Held(HeldReason::Unmapped, _) => (None, "unmapped"),
        Standing::Held(HeldReason::BreakerOpen, _) | Standing::Pending => (Some(Duration::ZERO), "retry"),
        // Its lane is parked already, for the reason of the one before it.
        _ => return None,
    };
    Some(LaneChange::Park { lane: row.lane.clone(), due_in, reason: reason.to_owned() })
}

/// `None`: the row says it already.
fn change(row: &Row, event: &LoggedEvent, subject: &Subject, timing: Timing) -> Option<Change> {
    let waits = matches!(
        row.standing,
        Standing::Pending | Standing::Held(HeldReason::LaneBlocked | HeldReason::BreakerOpen, _)
    );
    let from = subject.state();
    if from.is_some() && (waits || from == Some(DeliveryState::Held) && row.standing.state() == DeliveryState::Held) {
        return None;
    }
    let to = row.standing.state();
    debug_assert!(may_become(from.unwrap_or(DeliveryState::Pending), to), "{from:?} to {to:?}");
    let attempt = row.tried.as_ref().map(|tried| AttemptRecord {
        started_ago: timing.started_ago,
        took: timing.took,
        outcome: tried.outcome,
        class: tried.why.as_ref().map(|why| why.class.clone()),
        error: tried.why.as_ref().map(|why| why.message.clone()),
    });
    let (reason, next_attempt_in, dead_letter) = match &row.standing {
        Standing::Held(reason, _) => (Some(*reason), None, None),
        Standing::RetryWait { wait } => (None, Some(*wait), None),
        Standing::Dead { class, why, .. } => {
            let letter =
                DeadLetter { class: class.as_str().to_owned(), error: format!("{}: {}", why.class, why.message) };
            (None, None, Some(letter))
        },
        _ => (None, None, None),
    };
    Some(Change {
        delivery: subject.row(event)?,
        from,
        to,
        reason,
        attempts: i32::try_from(row.attempts).unwrap_or(i32::MAX),
        next_attempt_in,
        attempt,
        dead_letter,
    })
}

fn receipt(log_id: i64, evidence: &crate::sink::Evidence) -> Evidence {
    Evidence {
        log_id,
        kind: evidence.kind.to_owned(),
        remote_sequence: evidence.remote_sequence.and_then(|place| i64::try_from(place).ok()),
        evidence: evidence.body.to_string(),
    }
}
