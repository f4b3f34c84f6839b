use stateset_inspect::answer::{Attempt, Detail};
use stateset_inspect::{EventRef, Fault, Filter, Inspect, Page};

use super::sheets;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// evt_…, a UUID, or at least 8 hexadecimal digits that begin it
    event_id: String,
    /// With the payload and the metadata
    #[arg(long)]
    include_payload: bool,
    /// With every try of every delivery
    #[arg(long)]
    attempts: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let inspect = context.inspect().await?;
        let event = named(&*inspect, &self.event_id).await?;
        let mut detail = inspect.event(&event, self.attempts).await?;
        if !self.include_payload {
            (detail.event.payload, detail.event.metadata) = (None, None);
        }
        context.output.print(&detail, sheet)?;
        Ok(Done::Well)
    }
}

/// An event by its id, or by the name that other systems have for it: the member `external_ref` of its metadata.
pub(crate) async fn named(inspect: &dyn Inspect, text: &str) -> Result<EventRef, Fault> {
    if let Ok(event) = text.parse() {
        return Ok(event);
    }
    let mut filter = Filter::default();
    if filter.set("where", &format!("metadata.external_ref={text}"), 0).is_err() {
        return Err(Fault::no_event(text));
    }
    let found = inspect.list(&filter, &Page { limit: 2, ..Page::default() }).await?;
    match found.events.as_slice() {
        [one] => one.event_id.parse().map_err(|_| Fault::no_event(text)),
        _ => Err(Fault::no_event(text)),
    }
}

fn sheet(detail: &Detail) -> Sheet {
    let event = &detail.event;
    let mut sheet = Sheet::new(&["destination", "status", "state", "will_retry", "attempts", "delivered_at", "sequence_number", "reason"]);
    let fields = [
        ("event_id", Some(event.event_id.clone())),
        ("event_uuid", Some(event.event_uuid.clone())),
        ("event_type", Some(event.event_type.clone())),
        ("entity", Some(format!("{}/{}", event.entity_type, event.entity_id))),
        ("order_key", event.order_key.clone()),
        ("created_at", Some(event.created_at.clone())),
        ("recorded_at", event.recorded_at.clone()),
        ("sequence_number", Some(sheets::number(event.sequence_number))),
        ("local_sequence", event.local_sequence.map(|place| place.to_string())),
        ("correlation_id", event.correlation_id.clone()),
        ("causation_id", event.causation_id.clone()),
        ("command_id", event.command_id.clone()),
        ("event_key", event.event_key.clone()),
        ("schema_version", event.schema_version.map(|version| version.to_string())),
        ("source_agent", event.source_agent.clone()),
        ("agent_signature", event.agent_signature.clone()),
        ("signature", Some(format!("{}: {}", word(&detail.signature.state), detail.signature.explanation))),
        ("payload", event.payload.as_ref().map(|raw| raw.get().to_owned())),
        ("metadata", event.metadata.as_ref().map(|raw| raw.get().to_owned())),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            sheet = sheet.head(format!("{name:<16} {value}"));
        }
    }
    if let Some(proof) = &detail.proof {
        let batch = proof.batch_id.as_deref().unwrap_or("none yet");
        let logged = if proof.logged { "covers" } else { "does not cover" };
        sheet = sheet.head(format!(
            "{:<16} stream of {} events, batch {batch}, a checkpoint {logged} it",
            "proof", proof.stream_size
        ));
    }
    for one in &detail.deliveries {
        let [.., destination, status, state, will_retry, attempts, _, why] = sheets::delivery_cells(one);
        let delivered = sheets::text(one.delivered_at.as_ref());
        sheet = sheet.row([destination, status, state, will_retry, attempts, delivered, sheets::number(one.sequence_number), why]);
    }
    for one in &detail.deliveries {
        for attempt in one.history.iter().flatten() {
            sheet = sheet.foot(tried(&one.destination, attempt));
        }
    }
    sheet
}

fn tried(destination: &str, attempt: &Attempt) -> String {
    let class = sheets::text(attempt.class.as_ref());
    let error = sheets::text(attempt.error.as_ref());
    format!(
        "attempt {} at {destination}: {} {} in {} ms by {} {class} {error}",
        attempt.number,
        attempt.started_at,
        attempt.outcome,
        attempt.duration_us / 1_000,
        attempt.worker
    )
    .trim_end()
    .replace(|letter: char| letter.is_control(), " ")
}

/// As in JSON.
fn word<T: serde::Serialize>(word: &T) -> String {
    serde_json::to_value(word).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
