//! From the answers of a sink to what is written.

use std::collections::HashSet;
use std::time::Duration;

use stateset_outbox::delivery::{HeldReason, Lane};

use super::{Candidate, Choice, Content, DeadClass, Origin, Plan, Row, Standing, Try};
use crate::policy::{Ack, OnDead, Policy};
use crate::sink::{Outcome, Why};

/// The longest wait a destination can ask for: a mistaken header must not park a lane for years.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// Settles a round. `outcomes` are the sink's answers to the candidates that were chosen to be sent, in their order; an
/// answer that is missing counts as not tried. `seed` decides the jitter.
pub fn settle(candidates: &[Candidate], choices: &[Choice], outcomes: Vec<Outcome>, seed: u64) -> Plan {
    let mut settling = Settling { seed, stuck: HashSet::new(), plan: Plan::default() };
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
    if !plan.rows.is_empty() {
        let fresh: HashSet<i64> =
            candidates.iter().filter(|c| c.origin == Origin::Fresh).map(|candidate| candidate.log_id).collect();
        plan.rows.retain(|row| !fresh.contains(&row.log_id) || plan.upto.is_some_and(|upto| row.log_id <= upto));
    }
    plan
}

struct Settling {
    seed: u64,
    /// Lanes that have failed in this round.
    stuck: HashSet<Lane>,
    plan: Plan,
}

/// Where a candidate stands after the round, how often it was tried, and the try of this round.
struct Verdict {
    attempts: u32,
    standing: Standing,
    tried: Option<Try>,
}

impl Verdict {
    fn untried(attempts: u32, standing: Standing) -> Self {
        Self { attempts, standing, tried: None }
    }
}

impl Settling {
    /// Settles one candidate and says whether something was done about it that must not be done again.
    fn one(&mut self, candidate: &Candidate, choice: Choice, answer: Option<Outcome>) -> bool {
        let attempts = match candidate.origin {
            Origin::Fresh => 0,
            Origin::Parked { attempts } => attempts,
        };
        if let Some(answer) = &answer {
            self.plan.reached |= !matches!(answer, Outcome::Unavailable(_) | Outcome::NotTried);
        }
        let fresh = candidate.origin == Origin::Fresh;
        if choice == Choice::Pass {
            self.plan.unrouted += u64::from(fresh);
            return true;
        }
        let verdict = if self.stuck.contains(&candidate.lane) {
            self.behind_failure(attempts, answer)
        } else {
            match (choice, answer) {
                (Choice::Send, answer) => self.answered(candidate, attempts, answer.unwrap_or(Outcome::NotTried)),
                (Choice::Fault, _) => Verdict::untried(attempts, self.fault(candidate)),
                // The fault before it was skipped by policy.
                (Choice::Behind, _) => Verdict::untried(attempts, Standing::Pending),
                (Choice::Wait | Choice::Pass, _) => {
                    Verdict::untried(attempts, Standing::Held(HeldReason::LaneBlocked, None))
                },
            }
        };
        let Verdict { attempts, standing, tried } = verdict;
        if !standing.lane_goes_on() {
            self.stuck.insert(candidate.lane.clone());
        }
        let done = !matches!(standing, Standing::Held(..) | Standing::Pending);
        let flawed = tried.as_ref().is_some_and(|tried| tried.why.is_some());
        if fresh && matches!(standing, Standing::Delivered { .. }) && !flawed {
            self.plan.delivered += 1;
        } else {
            let lane = candidate.lane.clone();
            self.plan.rows.push(Row { log_id: candidate.log_id, lane, attempts, standing, tried });
        }
        done
    }

    /// An earlier event of the lane failed in this round. Whatever the destination said to this one, it was too early.
    fn behind_failure(&mut self, attempts: u32, answer: Option<Outcome>) -> Verdict {
        self.plan.to_repeat += u64::from(matches!(answer, Some(Outcome::Accepted(_))));
        if let Some(Outcome::Unavailable(why)) = answer {
            self.plan.unavailable.get_or_insert(why);
        }
        Verdict::untried(attempts, Standing::Held(HeldReason::LaneBlocked, None))
    }

    fn answered(&mut self, candidate: &Candidate, attempts: u32, answer: Outcome) -> Verdict {
        let attempt = |outcome, why| Some(Try { outcome, why });
        let (standing, tried) = match answer {
            Outcome::Accepted(None) => (Standing::Delivered { proved: false }, attempt("accepted", None)),
            Outcome::Accepted(Some(evidence)) => {
                let flaw = evidence.flaw.clone();
                let proved = flaw.is_none() && candidate.policy.ack == Ack::Receipt;
                if proved {
                    self.plan.receipts.push((candidate.log_id, evidence));
                }
                (Standing::Delivered { proved }, attempt("accepted", flaw))
            },
            Outcome::Retry { after, why } => {
                let seed = self.seed ^ candidate.log_id.unsigned_abs();
                let standing = match candidate.policy.backoff.after(attempts.saturating_add(1), seed) {
                    Some(wait) => {
                        let asked = after.unwrap_or_default().min(LONGEST_ASKED);
                        Standing::RetryWait { wait: wait.max(asked) }
                    },
                    None => self.dead(candidate.log_id, &candidate.policy, DeadClass::Exhausted, why.clone()),
                };
                (standing, attempt("retry", Some(why)))
            },
            Outcome::Refused(why) => {
                let standing = self.dead(candidate.log_id, &candidate.policy, DeadClass::Refused, why.clone());
                (standing, attempt("refused", Some(why)))
            },
            Outcome::Rejected(why) => (Standing::Rejected, attempt("rejected", Some(why))),
            Outcome::Unavailable(why) => {
                self.plan.unavailable.get_or_insert_with(|| why.clone());
                return Verdict::untried(attempts, Standing::Held(HeldReason::BreakerOpen, Some(why)));
            },
            Outcome::NotTried => return Verdict::untried(attempts, Standing::Pending),
        };
        Verdict { attempts: attempts.saturating_add(1), standing, tried }
    }

    fn fault(&mut self, candidate: &Candidate) -> Standing {
        match &candidate.content {
            Content::Undecodable(why) => {
                self.dead(candidate.log_id, &candidate.policy, DeadClass::Undecodable, why.clone())
            },
            Content::Unmapped(why) => Standing::Held(HeldReason::Unmapped, Some(why.clone())),
            Content::Event | Content::NotWanted => Standing::Pending,
        }
    }

    fn dead(&mut self, log_id: i64, policy: &Policy, class: DeadClass, why: Why) -> Standing {
        if policy.on_dead == OnDead::Stop {
            self.plan.stop.get_or_insert_with(|| (log_id, why.clone()));
        }
        Standing::Dead { lane_goes_on: policy.on_dead == OnDead::Continue, class, why }
    }
}
