//! From the answers of a sink to what is written.

use std::collections::HashSet;

use stateset_ledger::id::Micros;

use super::{Attempt, Candidate, Choice, Content, DeadClass, Lane, Origin, Row, Settlement, Standing};
use crate::delivery::HeldReason;
use crate::route::{OnDead, Policy};
use crate::sink::{Outcome, Why};

/// Settles a round. `outcomes` are the sink's answers to the candidates that were chosen to be sent, in their order; an
/// answer that is missing counts as not tried. `seed` decides the jitter.
pub fn settle(
    candidates: &[Candidate],
    choices: &[Choice],
    outcomes: Vec<Outcome>,
    policy: &Policy,
    now: Micros,
    seed: u64,
) -> Settlement {
    let mut settling = Settling { policy, now, seed, stuck: HashSet::new(), plan: Settlement::default() };
    let mut outcomes = outcomes.into_iter();
    // The last fresh candidate that something was done about: the cursor has to pass it.
    let mut last_done = None;
    let mut last_fresh = None;
    for (candidate, choice) in candidates.iter().zip(choices) {
        let answer = (*choice == Choice::Send).then(|| outcomes.next().unwrap_or(Outcome::NotTried));
        let done = settling.one(candidate, *choice, answer);
        if candidate.origin == Origin::Fresh {
            last_fresh = Some(candidate.log_id);
            if done {
                last_done = last_fresh;
            }
        }
    }
    let mut plan = settling.plan;
    // While the destination is down, what nobody has dealt with stays unread instead of becoming one row each: an
    // outage costs no rows however much is written meanwhile.
    plan.upto = if plan.unavailable.is_some() { last_done } else { last_fresh };
    let fresh: HashSet<i64> =
        candidates.iter().filter(|c| c.origin == Origin::Fresh).map(|candidate| candidate.log_id).collect();
    plan.rows.retain(|row| !fresh.contains(&row.log_id) || plan.upto.is_some_and(|upto| row.log_id <= upto));
    plan
}

struct Settling<'a> {
    policy: &'a Policy,
    now: Micros,
    seed: u64,
    /// Lanes that have failed in this round.
    stuck: HashSet<Lane>,
    plan: Settlement,
}

impl Settling<'_> {
    /// Settles one candidate and says whether something was done about it that must not be done again.
    fn one(&mut self, candidate: &Candidate, choice: Choice, answer: Option<Outcome>) -> bool {
        let attempts = match candidate.origin {
            Origin::Fresh => 0,
            Origin::Parked { attempts } => attempts,
        };
        if let Some(answer) = &answer {
            self.plan.reached |= !matches!(answer, Outcome::Unavailable(_) | Outcome::NotTried);
        }
        let blocked = self.stuck.contains(&candidate.lane);
        let (attempts, standing) = match (choice, answer) {
            (Choice::Pass, _) => {
                self.plan.not_wanted += u64::from(candidate.origin == Origin::Fresh);
                // An event that is parked although the route no longer wants it is through.
                if candidate.origin != Origin::Fresh {
                    self.row(candidate, attempts, Standing::Delivered);
                }
                return true;
            },
            (_, answer) if blocked => {
                self.plan.to_repeat += u64::from(matches!(answer, Some(Outcome::Accepted(_))));
                if let Some(Outcome::Unavailable(why)) = answer {
                    self.plan.unavailable.get_or_insert(why);
                }
                (attempts, Standing::Held(HeldReason::LaneBlocked, None))
            },
            (Choice::Wait, _) => (attempts, Standing::Held(HeldReason::LaneBlocked, None)),
            // The fault was skipped by policy.
            (Choice::Behind, _) => (attempts, Standing::Pending),
            (Choice::Fault, _) => (attempts, self.fault(candidate)),
            (Choice::Send, answer) => self.answered(candidate, attempts, answer.unwrap_or(Outcome::NotTried)),
        };
        if !standing.lane_goes_on() {
            self.stuck.insert(candidate.lane.clone());
        }
        let done = !matches!(standing, Standing::Held(..) | Standing::Pending);
        if candidate.origin == Origin::Fresh && standing == Standing::Delivered {
            self.plan.delivered += 1;
        } else {
            self.row(candidate, attempts, standing);
        }
        done
    }

    fn answered(&mut self, candidate: &Candidate, attempts: u32, answer: Outcome) -> (u32, Standing) {
        let tried = attempts.saturating_add(1);
        let standing = match answer {
            Outcome::Accepted(evidence) => {
                if let Some(evidence) = evidence {
                    self.plan.receipts.push((candidate.log_id, evidence));
                }
                if candidate.origin != Origin::Fresh {
                    self.attempt(candidate, tried, None);
                }
                Standing::Delivered
            },
            Outcome::Retry { after, why } => {
                self.attempt(candidate, tried, Some(why.clone()));
                let seed = self.seed ^ candidate.log_id.unsigned_abs();
                match self.policy.backoff.after(tried, seed) {
                    Some(wait) => {
                        // The destination may ask for more, within a day: a mistaken header must not park for years.
                        let asked = after.unwrap_or_default().min(std::time::Duration::from_hours(24));
                        let wait = i64::try_from(wait.max(asked).as_micros()).unwrap_or(i64::MAX);
                        Standing::RetryWait { at: Micros(self.now.0.saturating_add(wait)), why }
                    },
                    None => self.dead(candidate, DeadClass::Exhausted, why),
                }
            },
            Outcome::Refused(why) => {
                self.attempt(candidate, tried, Some(why.clone()));
                self.dead(candidate, DeadClass::Refused, why)
            },
            Outcome::Rejected(why) => {
                self.attempt(candidate, tried, Some(why.clone()));
                Standing::Rejected(why)
            },
            Outcome::Unavailable(why) => {
                self.plan.unavailable.get_or_insert_with(|| why.clone());
                return (attempts, Standing::Held(HeldReason::BreakerOpen, Some(why)));
            },
            Outcome::NotTried => return (attempts, Standing::Pending),
        };
        (tried, standing)
    }

    fn fault(&mut self, candidate: &Candidate) -> Standing {
        match &candidate.content {
            Content::Undecodable(why) => self.dead(candidate, DeadClass::Undecodable, why.clone()),
            Content::Unmapped(why) => Standing::Held(HeldReason::Unmapped, Some(why.clone())),
            Content::Event | Content::NotWanted => Standing::Pending,
        }
    }

    fn dead(&mut self, candidate: &Candidate, class: DeadClass, why: Why) -> Standing {
        if self.policy.on_dead == OnDead::Stop {
            self.plan.stop.get_or_insert_with(|| (candidate.log_id, why.clone()));
        }
        Standing::Dead { lane_goes_on: self.policy.on_dead == OnDead::Continue, class, why }
    }

    fn attempt(&mut self, candidate: &Candidate, number: u32, why: Option<Why>) {
        self.plan.attempts.push(Attempt { log_id: candidate.log_id, number, why });
    }

    fn row(&mut self, candidate: &Candidate, attempts: u32, standing: Standing) {
        let lane = candidate.lane.clone();
        self.plan.rows.push(Row { log_id: candidate.log_id, lane, attempts, standing });
    }
}
