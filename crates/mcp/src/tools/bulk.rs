//! Changes of whatever passes a filter: seen first, then done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stateset_inspect::answer::{Change, Planned};
use stateset_inspect::{Apply, Filter, Intent};

use crate::arguments::Which;
use crate::gate::{Decision, Reach};
use crate::outcome::{Failure, Next};
use crate::tool::{Call, Effect, Tool};

/// What was, or would be, changed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct BulkChange {
    /// False: this is a preview, and nothing was changed
    applied: bool,
    /// What was, or would be, done. A preview begins with NOT EXECUTED
    message: String,
    /// Names this preview: give it with apply: true and the same arguments
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_id: Option<String>,
    /// Until when that counts
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_expires_at: Option<String>,
    /// How many, where, and the first few
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Planned>,
    /// The job that does it
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    /// Whatever belongs to the action
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    result: serde_json::Value,
}

/// Arguments of every change of many.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct How {
    /// Most per second: 1 to 1000; 50 if it is left out
    #[schemars(range(min = 1, max = 1000))]
    rate: Option<u32>,
    /// The `plan_id` of a preview of the same arguments, at most 15 minutes old
    plan_id: Option<String>,
    /// Do it; otherwise it is only said what would be done
    apply: bool,
}

impl How {
    fn rate(&self) -> Result<Option<u32>, Failure> {
        match self.rate {
            Some(rate) if !(1..=1_000).contains(&rate) => Err(Failure::argument("rate is 1 to 1000 per second", "")),
            rate => Ok(rate),
        }
    }
}

/// Replaying and redriving everything is said, not forgotten.
fn something(filter: Filter) -> Result<Filter, Failure> {
    if filter.is_empty() {
        let refusal = Failure::argument("a filter is needed", "event_type: \"*\" says that everything is meant");
        return Err(Failure { code: "EMPTY_FILTER".to_owned(), ..refusal });
    }
    Ok(filter)
}

async fn change(call: &Call, intent: Intent, kind: &'static str) -> Result<BulkChange, Failure> {
    let inspect = &call.desk.inspect;
    let plan = match call.decision(Reach::Many)? {
        Decision::Execute(Some(plan)) => plan,
        Decision::Execute(None) => return Err(Failure::new("PLAN_REQUIRED", Next::Preview, "there is no plan", "")),
        decision @ Decision::Preview(because) => {
            let mut change = inspect.change(&intent, &decision.apply(&call.actor)).await?;
            let inner = change.plan_id.take();
            let previewed = call.previewed(&change.message, inner, because, Reach::Many)?;
            return Ok(BulkChange {
                message: previewed.message,
                plan_id: previewed.plan_id,
                plan_expires_at: previewed.plan_expires_at,
                ..BulkChange::of(change)
            });
        },
    };
    // Once, however often this plan is given: the outcome of the first time is everybody's.
    let outcome = plan.outcome.get_or_try_init(|| async {
        let apply = Apply::Execute { actor: call.actor.clone() };
        let exactly = match &plan.inner {
            Some(inner) => Intent::Plan { plan: inner.clone(), kind: Some(kind), rate: None },
            None => intent,
        };
        inspect.change(&exactly, &apply).await.map(BulkChange::of).map_err(Failure::from)
    });
    outcome.await.cloned()
}

impl BulkChange {
    fn of(change: Change) -> Self {
        Self {
            applied: change.applied,
            message: change.message,
            plan_id: None,
            plan_expires_at: None,
            plan: change.plan,
            job_id: change.job_id,
            result: change.result,
        }
    }
}

/// `replay_events`.
pub(crate) struct ReplayEvents;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ReplayArguments {
    #[serde(flatten)]
    which: Which,
    /// Destination that gets them again
    to: String,
    /// Only what that destination has not got
    #[serde(default)]
    missing: bool,
    #[serde(flatten)]
    how: How,
}

impl Tool for ReplayEvents {
    const NAME: &'static str = "replay_events";
    const TITLE: &'static str = "Replay events";
    const ABOUT: &'static str = "Delivers events that pass a filter again to one destination, marked as a replay, with the \
        same event ids; it never makes a new event. What the destination does with them may not be undone. Always preview \
        first (without apply), show a person what it says, then call again with the same arguments, apply: true and the \
        plan_id. A server without --apply only previews.";
    const EFFECT: Effect = Effect::Outside;
    type Arguments = ReplayArguments;
    type Output = BulkChange;

    async fn call(call: Call, arguments: ReplayArguments) -> Result<BulkChange, Failure> {
        let filter = something(arguments.which.read(call.now)?)?;
        let rate = arguments.how.rate()?;
        let intent = Intent::Replay { filter, destination: arguments.to, missing: arguments.missing, rate };
        change(&call, intent, "replay").await
    }

    fn sentence(answer: &BulkChange) -> Option<&str> {
        Some(&answer.message)
    }
}

/// `redrive_dead_letters`.
pub(crate) struct RedriveDeadLetters;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct RedriveArguments {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    how: How,
}

impl Tool for RedriveDeadLetters {
    const NAME: &'static str = "redrive_dead_letters";
    const TITLE: &'static str = "Redrive dead letters";
    const ABOUT: &'static str = "Opens deliveries that were given up again, in order; their attempts are counted anew. Find out \
        with explain why they failed, and that the cause is gone, before. Always preview first (without apply), show a \
        person what it says, then call again with the same arguments, apply: true and the plan_id. A server without \
        --apply only previews.";
    const EFFECT: Effect = Effect::Once;
    type Arguments = RedriveArguments;
    type Output = BulkChange;

    async fn call(call: Call, arguments: RedriveArguments) -> Result<BulkChange, Failure> {
        let filter = something(arguments.which.read(call.now)?)?;
        let rate = arguments.how.rate()?;
        change(&call, Intent::Redrive { filter, letter: None, rate }, "redrive").await
    }

    fn sentence(answer: &BulkChange) -> Option<&str> {
        Some(&answer.message)
    }
}
