//! Deliveries: where events are, why, and that a destination has one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stateset_inspect::answer::{Change, Delivery, Explanation, OutboxAnswer, Planned};
use stateset_inspect::{Apply, Filter, Intent, Subject};

use crate::arguments::{Part, Which, event};
use crate::gate::{Decision, Reach};
use crate::outcome::{Failure, Next};
use crate::tool::{Call, Effect, Tool};

/// `list_outbox`.
pub(crate) struct ListOutbox;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ListArguments {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    part: Part,
}

impl Tool for ListOutbox {
    const NAME: &'static str = "list_outbox";
    const TITLE: &'static str = "List the outbox";
    const ABOUT: &'static str = "Deliveries of events to destinations, with counts and the state of each destination. status \
        is pending, synced, failed, acknowledged, or all; without it, what is not finished. Every delivery says its exact \
        state and whether it will be retried by itself: failed and will_retry: false is what needs somebody.";
    const EFFECT: Effect = Effect::Read;
    type Arguments = ListArguments;
    type Output = OutboxAnswer;

    async fn call(call: Call, arguments: ListArguments) -> Result<OutboxAnswer, Failure> {
        let filter = arguments.which.read(call.now)?;
        let page = arguments.part.page(true, false)?;
        Ok(call.desk.inspect.outbox(&filter, &page).await?)
    }
}

/// `explain`.
pub(crate) struct Explain;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ExplainArguments {
    /// Why this event is where it is
    event_id: Option<String>,
    /// Why this order does not go on: its key, or `entity_type/entity_id`
    order: Option<String>,
    /// Why this idempotency key answers as it does
    key: Option<String>,
    /// Of which operation, if the key was used with several
    operation: Option<String>,
    /// Why this destination gets nothing
    destination: Option<String>,
}

impl ExplainArguments {
    fn subject(self) -> Result<Subject, Failure> {
        match (self.event_id, self.order, self.key, self.destination) {
            (Some(id), None, None, None) => Ok(Subject::Event(event(&id)?)),
            (None, Some(order), None, None) => Ok(Subject::Order(order)),
            (None, None, Some(key), None) => Ok(Subject::Key { key, operation: self.operation }),
            (None, None, None, Some(destination)) => Ok(Subject::Destination(destination)),
            _ => Err(Failure::argument("name exactly one of event_id, order, key and destination", "")),
        }
    }
}

impl Tool for Explain {
    const NAME: &'static str = "explain";
    const TITLE: &'static str = "Explain";
    const ABOUT: &'static str = "Where an event, an order, an idempotency key or a destination stands, why, since when, what \
        happens next by itself, and the commands that mend it, which a person runs. Ask this first when something did not \
        arrive.";
    const EFFECT: Effect = Effect::Read;
    type Arguments = ExplainArguments;
    type Output = Explanation;

    async fn call(call: Call, arguments: ExplainArguments) -> Result<Explanation, Failure> {
        Ok(call.desk.inspect.explain(&arguments.subject()?).await?)
    }
}

/// `acknowledge_event`.
pub(crate) struct AcknowledgeEvent;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AcknowledgeArguments {
    /// `evt_…`, a UUID, or at least 8 hexadecimal digits that begin it
    event_id: String,
    /// Where it has arrived; needed if it goes to several destinations
    #[serde(default)]
    destination: Option<String>,
    /// What shows that it has arrived; kept for the audit
    #[serde(default)]
    reason: Option<String>,
    /// Do it; otherwise it is only said what would be done
    #[serde(default)]
    #[expect(dead_code, reason = "read by the gate; here for the published schema")]
    apply: bool,
}

/// Why nothing of the event can be acknowledged.
fn not_possible(plan: Planned) -> Failure {
    let reasons: Vec<String> = plan.skipped.into_keys().collect();
    let message = match reasons.as_slice() {
        [] => "the event has no delivery there".to_owned(),
        reasons => format!("it cannot be acknowledged: {}", reasons.join("; ")),
    };
    Failure::new("NOT_ACKNOWLEDGEABLE", Next::Change, message, "explain says where it is, and what happens next")
}

/// What became of a change to one event.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Acknowledged {
    /// Whether it is acknowledged
    applied: bool,
    /// Deliveries of the event as they now are
    deliveries: Vec<Delivery>,
    /// The job that did it
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    /// What was, or would be, done. A preview begins with NOT EXECUTED
    message: String,
}

impl Tool for AcknowledgeEvent {
    const NAME: &'static str = "acknowledge_event";
    const TITLE: &'static str = "Acknowledge an event";
    const ABOUT: &'static str = "Notes that a destination has an event, where there is no receipt of its own: delivered becomes \
        acknowledged. Refused for what is not delivered. Without apply: true, and on a server without --apply, nothing is \
        changed and applied is false.";
    const EFFECT: Effect = Effect::Once;
    type Arguments = AcknowledgeArguments;
    type Output = Acknowledged;

    async fn call(call: Call, arguments: AcknowledgeArguments) -> Result<Acknowledged, Failure> {
        let decision = call.decision(Reach::One)?;
        let event = event(&arguments.event_id)?;
        // Before anything else: an event that is not there, or another tenant's, is refused as such.
        call.desk.inspect.event(&event, false).await?;
        let AcknowledgeArguments { destination, reason, .. } = arguments;
        let intent = Intent::Acknowledge {
            filter: Filter { event: Some(event.clone()), ..Filter::default() },
            destination: destination.clone(),
            reason: reason.unwrap_or_else(|| "acknowledged by an agent".to_owned()),
            force: false,
        };
        let look = Apply::Preview { actor: call.actor.clone() };
        let mut change: Change = call.desk.inspect.change(&intent, &look).await?;
        let possible = change.plan.as_ref().is_none_or(|plan| plan.count > 0);
        let mut deliveries = call.desk.inspect.event(&event, false).await?.deliveries;
        if !possible {
            let there = |one: &&Delivery| destination.as_ref().is_none_or(|name| *name == one.destination);
            let done = deliveries.iter().filter(there).any(|one| one.state == "acknowledged");
            if !done {
                return Err(not_possible(change.plan.unwrap_or_default()));
            }
            let message = "it was acknowledged before; nothing is changed".to_owned();
            return Ok(Acknowledged { applied: true, deliveries, job_id: None, message });
        }
        let message = match decision {
            Decision::Preview(because) => call.previewed(&change.message, None, because, Reach::One)?.message,
            Decision::Execute(_) => {
                change = call.desk.inspect.change(&intent, &Apply::Execute { actor: call.actor.clone() }).await?;
                deliveries = call.desk.inspect.event(&event, false).await?.deliveries;
                change.message
            },
        };
        Ok(Acknowledged { applied: change.applied, deliveries, job_id: change.job_id, message })
    }

    fn sentence(answer: &Acknowledged) -> Option<&str> {
        Some(&answer.message)
    }
}
