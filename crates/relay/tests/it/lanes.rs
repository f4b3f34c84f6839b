//! The rules of a round: for any answers of a sink nothing is lost, lanes keep their order, attempts are real.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;
use stateset_outbox::delivery::DeliveryState::{self, Dead, Held, RetryWait};
use stateset_outbox::delivery::{HeldReason, Lane};
use stateset_relay::backoff::Backoff;
use stateset_relay::lane::{Candidate, Choice, Content, Origin, Plan, Standing, choose, settle};
use stateset_relay::policy::{OnDead, Policy};
use stateset_relay::sink::{Outcome, Why};
use uuid::Uuid;

fn lane(key: &str) -> Lane {
    Lane { tenant: Uuid::nil(), store: Uuid::nil(), key: key.to_owned() }
}

fn fresh(log_id: i64, key: &str) -> Candidate {
    Candidate {
        log_id,
        lane: lane(key),
        origin: Origin::Fresh,
        content: Content::Event,
        policy: Arc::new(Policy::default()),
    }
}

fn why() -> Why {
    Why::new("test", "as the test wants it")
}

fn retry() -> Outcome {
    Outcome::retry("test", "as the test wants it")
}

fn sent(candidates: &[Candidate], outcomes: Vec<Outcome>) -> Plan {
    let choices = choose(candidates, &HashSet::new());
    settle(candidates, &choices, outcomes, 1)
}

fn standings(plan: &Plan) -> Vec<(i64, DeliveryState, u32)> {
    plan.rows.iter().map(|row| (row.log_id, row.standing.state(), row.attempts)).collect()
}

/// The happy path writes no row.
#[test]
fn what_is_accepted_has_no_row() {
    let plan = sent(&[fresh(1, "a"), fresh(2, "b")], vec![Outcome::Accepted(None), Outcome::Accepted(None)]);
    assert_eq!((plan.upto, plan.delivered, plan.rows.len()), (Some(2), 2, 0));
}

/// F14: one lane waits behind its failure, also for what the destination took already; the other flows.
#[test]
fn a_failure_parks_its_lane_only() {
    let round = [fresh(1, "a"), fresh(2, "a"), fresh(3, "b"), fresh(4, "a")];
    let plan = sent(&round, vec![retry(), Outcome::Accepted(None), Outcome::Accepted(None), Outcome::NotTried]);
    assert_eq!(standings(&plan), [(1, RetryWait, 1), (2, Held, 0), (4, Held, 0)]);
    assert_eq!((plan.upto, plan.delivered, plan.to_repeat), (Some(4), 1, 1));
}

/// F08: nobody's attempt is used up by an outage, and what lies behind it stays unread.
#[test]
fn an_outage_costs_no_attempts_and_no_rows() {
    let round = [fresh(1, "a"), fresh(2, "b"), fresh(3, "a"), fresh(4, "c")];
    let down = || Outcome::Unavailable(why());
    let plan = sent(&round, vec![down(), down(), Outcome::NotTried, Outcome::NotTried]);
    assert_eq!((plan.upto, plan.rows.len(), plan.reached), (None, 0, false));
    // A broker that dies in the middle: only what lies before the last success needs rows.
    let plan = sent(&round, vec![down(), Outcome::Accepted(None), down(), Outcome::NotTried]);
    assert_eq!(standings(&plan), [(1, Held, 0)]);
    assert_eq!(plan.upto, Some(2));
}

/// G01, G06, G09, ruling 44: what a dead letter does to its lane is the route's policy.
#[test]
fn on_dead_decides_for_the_lane() {
    let with = |on_dead| {
        let policy = Arc::new(Policy { on_dead, ..Policy::default() });
        let round: Vec<Candidate> =
            (1..=3).map(|id| Candidate { policy: Arc::clone(&policy), ..fresh(id, "a") }).collect();
        sent(&round, vec![Outcome::Refused(why()), Outcome::Accepted(None), Outcome::Accepted(None)])
    };
    let wait = with(OnDead::Wait);
    assert_eq!(standings(&wait), [(1, Dead, 1), (2, Held, 0), (3, Held, 0)]);
    assert!(wait.stop.is_none());
    let go_on = with(OnDead::Continue);
    assert_eq!((standings(&go_on), go_on.delivered), (vec![(1, Dead, 1)], 2));
    let stop = with(OnDead::Stop);
    assert_eq!(stop.stop.as_ref().map(|(id, _)| *id), Some(1));
    assert_eq!(standings(&stop), [(1, Dead, 1), (2, Held, 0), (3, Held, 0)]);
}

/// Ruling 43: a destination's deterministic no is final, and its lane goes on.
#[test]
fn a_rejection_lets_the_lane_go_on() {
    let plan = sent(&[fresh(1, "a"), fresh(2, "a")], vec![Outcome::Rejected(why()), Outcome::Accepted(None)]);
    assert_eq!(standings(&plan), [(1, DeliveryState::Rejected, 1)]);
    assert_eq!(plan.delivered, 1);
}

/// An event that cannot be read parks its key, never its batch (E13 for the one without a form).
#[test]
fn a_poisoned_event_parks_its_key() {
    let poison = Candidate { content: Content::Undecodable(why()), ..fresh(1, "a") };
    let unmapped = Candidate { content: Content::Unmapped(why()), ..fresh(3, "c") };
    let round = [poison, fresh(2, "b"), unmapped, fresh(4, "a")];
    let choices = choose(&round, &HashSet::new());
    assert_eq!(choices, [Choice::Fault, Choice::Send, Choice::Fault, Choice::Behind]);
    let plan = settle(&round, &choices, vec![Outcome::Accepted(None)], 1);
    assert_eq!(standings(&plan), [(1, Dead, 0), (3, Held, 0), (4, Held, 0)]);
    assert_eq!(plan.rows[1].standing, Standing::Held(HeldReason::Unmapped, Some(why())));
}

/// F05: the sixth failure is the last.
#[test]
fn attempts_run_out() {
    let at = |attempts| {
        let round = [Candidate { origin: Origin::Parked { attempts }, ..fresh(1, "a") }];
        let plan = sent(&round, vec![retry()]);
        (plan.rows[0].standing.state(), plan.rows[0].attempts)
    };
    assert_eq!(at(4), (RetryWait, 5));
    assert_eq!(at(5), (Dead, 6));
}

/// Everything a worker's database would know, without one.
#[derive(Default)]
struct Model {
    cursor: i64,
    /// Open rows: lane, attempts, whether it waits for an operator.
    open: BTreeMap<i64, u32>,
    dead: HashSet<i64>,
    through: Vec<i64>,
    rejected: HashSet<i64>,
}

impl Model {
    fn apply(&mut self, round: &[Candidate], plan: &Plan) -> Result<(), TestCaseError> {
        let before = self.cursor;
        if let Some(upto) = plan.upto {
            prop_assert!(upto > before);
            self.cursor = upto;
        }
        let rows: HashMap<i64, &stateset_relay::lane::Row> = plan.rows.iter().map(|row| (row.log_id, row)).collect();
        prop_assert_eq!(rows.len(), plan.rows.len(), "one row per delivery");
        for candidate in round {
            let id = candidate.log_id;
            let is_fresh = candidate.origin == Origin::Fresh;
            match rows.get(&id) {
                Some(row) => {
                    prop_assert!(!is_fresh || id <= self.cursor, "a row behind the cursor would be made again");
                    let attempts = self.open.remove(&id).unwrap_or(0);
                    let grown = row.attempts - attempts;
                    prop_assert_eq!(grown, u32::from(row.tried.is_some()), "attempts are real tries");
                    match row.standing.state() {
                        DeliveryState::Delivered => self.through.push(id),
                        Dead => drop(self.dead.insert(id)),
                        DeliveryState::Rejected => drop(self.rejected.insert(id)),
                        _ => drop(self.open.insert(id, row.attempts)),
                    }
                },
                None if is_fresh && id <= self.cursor => self.through.push(id),
                None => prop_assert!(is_fresh, "a parked delivery always gets its row"),
            }
        }
        Ok(())
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Accepted(None)),
        2 => Just(retry()),
        1 => Just(Outcome::Unavailable(why())),
        1 => Just(Outcome::NotTried),
        1 => Just(Outcome::Refused(why())),
        1 => Just(Outcome::Rejected(why())),
    ]
}

const EVENTS: i64 = 40;

fn key_of(id: i64) -> String {
    format!("key {}", id * 7 % 5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// F14, E18 without a database: rounds over any answers, then a sink that works. Sum over states = events written;
    /// in each lane what got through got through in order, whatever was dead or rejected in between.
    #[test]
    fn nothing_is_lost_and_lanes_keep_their_order(
        answers in proptest::collection::vec(outcome(), 0..300),
        on_dead in proptest::sample::select(vec![OnDead::Wait, OnDead::Continue]),
        chunk in 1_i64..12,
        seed in any::<u64>(),
    ) {
        let policy = Arc::new(Policy { on_dead, backoff: Backoff { retries: 2, ..Backoff::default() }, ..Policy::default() });
        let candidate = |id, origin| Candidate { origin, policy: Arc::clone(&policy), ..fresh(id, &key_of(id)) };
        let mut answers = answers.into_iter();
        let mut model = Model::default();
        for step in 0..400 {
            // Every other round is about the log, the others about one parked lane, as the worker does it.
            let blocked = |id: &i64| on_dead == OnDead::Wait && model.dead.iter().any(|dead| key_of(*dead) == key_of(*id));
            let round: Vec<Candidate> = if step % 2 == 0 {
                let last = (model.cursor + chunk).min(EVENTS);
                (model.cursor + 1..=last).map(|id| candidate(id, Origin::Fresh)).collect()
            } else {
                let head = model.open.keys().find(|id| !blocked(id)).copied();
                let of_lane = model.open.iter().filter(|(id, _)| head.is_some_and(|head| key_of(head) == key_of(**id)));
                of_lane.map(|(id, attempts)| candidate(*id, Origin::Parked { attempts: *attempts })).collect()
            };
            let parked: HashSet<Lane> =
                model.open.keys().chain(model.dead.iter().filter(|id| blocked(id))).map(|id| lane(&key_of(*id))).collect();
            let choices = choose(&round, &parked);
            let count = choices.iter().filter(|choice| **choice == Choice::Send).count();
            let outcomes = (0..count).map(|_| answers.next().unwrap_or(Outcome::Accepted(None))).collect();
            let plan = settle(&round, &choices, outcomes, seed);
            model.apply(&round, &plan)?;
        }
        prop_assert_eq!(model.cursor, EVENTS, "the log was read to its end");
        let stuck = model.open.keys().filter(|id| !model.dead.iter().any(|dead| key_of(*dead) == key_of(**id))).count();
        prop_assert_eq!(stuck, 0, "only a dead letter keeps a lane waiting");
        let all = model.through.len() + model.dead.len() + model.rejected.len() + model.open.len();
        prop_assert_eq!(i64::try_from(all).unwrap(), EVENTS, "sum over states");
        let mut last: HashMap<String, i64> = HashMap::new();
        for id in &model.through {
            let before = last.insert(key_of(*id), *id).unwrap_or(0);
            prop_assert!(before < *id, "{} came after {} in its lane", id, before);
        }
    }
}
