//! What a destination itself says it holds.

use std::sync::Arc;

use stateset_inspect::answer::EventRow;
use stateset_inspect::{Credential, EventRef, Fault, Filter, Http, Inspect, Kind, Page, Remote};
use stateset_outbox::EventId;
use stateset_relay::reconcile::{Comparison, Held};
use uuid::Uuid;

use super::record::Record;
use crate::context::Context;
use crate::settings::secret_variable;
use crate::sinks::{Described, KafkaDestination, SequencerDestination};

/// Most events that are asked for one by one.
const MOST_ASKED: usize = 1_000;

/// What was found at the destination.
pub(super) struct Found {
    pub(super) held: Vec<Held>,
    /// What was asked, for people.
    pub(super) asked: String,
    pub(super) notes: Vec<String>,
    /// Who answers what the comparison leaves open.
    pub(super) ask: Option<Ask>,
}

/// Asks a sequencer.
pub(super) struct Ask {
    remote: Remote,
}

pub(super) async fn of(context: &Context, described: &Described, record: &Record) -> Result<Found, Fault> {
    if let Some(kafka) = described.kafka() {
        return topics(context, described, kafka, record).await;
    }
    if let Some(sequencer) = described.sequencer() {
        return stream(context, sequencer, record).await;
    }
    let message = format!("{:?} is a {}, which cannot be asked what it has", described.name, described.word());
    let fix = "leave --routes away: then the record of deliveries is compared with the log";
    Err(Fault::new(Kind::Unsupported, "UNSUPPORTED_HERE", message, fix))
}

#[cfg(feature = "kafka")]
async fn topics(
    context: &Context,
    described: &Described,
    kafka: &KafkaDestination,
    record: &Record,
) -> Result<Found, Fault> {
    use stateset_relay::reconcile::kafka::{ScanError, scan};
    /// A record is made after its event; but by another machine's clock.
    const SKEW_MICROS: i64 = 10 * 60 * 1_000_000;
    let since = record.begun_at.saturating_sub(SKEW_MICROS) / 1_000;
    let settings = described.kafka_settings(kafka)?;
    let found = scan(&settings, context.settings.scope, since).await.map_err(|error| match error {
        ScanError::Unreachable(_) => Fault::unavailable(&format!("Kafka at {}", settings.brokers), error),
        ScanError::TooMany => Fault::new(Kind::Usage, "TOO_MANY_EVENTS", error.to_string(), "such as --since 3h"),
        ScanError::Security(_) | ScanError::Client(_) => Fault::usage(error.to_string(), "see the file of routes"),
    })?;
    let mut notes = found.notes;
    if found.foreign > 0 {
        notes.push(format!("{} records are of another tenant or store, or of another writer", found.foreign));
    }
    let asked = format!("{}: {} records", found.topics.join(", "), found.held.len());
    Ok(Found { held: found.held, asked, notes, ask: None })
}

#[cfg(not(feature = "kafka"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn topics(_: &Context, described: &Described, _: &KafkaDestination, _: &Record) -> Result<Found, Fault> {
    described.sink()?;
    Err(Fault::unsupported("Kafka", "this build", "build it with --features kafka"))
}

/// The agent's events between the first and the last place that a receipt names.
async fn stream(context: &Context, destination: &SequencerDestination, record: &Record) -> Result<Found, Fault> {
    let key = Credential::ApiKey(secret_variable(&destination.api_key_env)?.into());
    let http = Http::new(&destination.url, Some(key), context.settings.timeout)
        .map_err(|error| Fault::usage(error.to_string(), "see url in the file of routes").because(error))?;
    let remote = Remote::new(Arc::new(http), context.settings.scope);
    let places = || record.events.iter().filter_map(|one| one.sequence).filter_map(|place| i64::try_from(place).ok());
    let (Some(first), Some(last)) = (places().min(), places().max()) else {
        let asked = format!("{}: no receipt names a place", remote.source().place);
        let note = "without receipts it is not known what the sequencer has besides: policy = { ack = \"receipt\" } keeps them";
        return Ok(Found { held: Vec::new(), asked, notes: vec![note.to_owned()], ask: Some(Ask { remote }) });
    };
    let filter = Filter { agent: Some(destination.agent), first: Some(first), last: Some(last), ..Filter::default() };
    let mut held = Vec::new();
    let mut page = Page { limit: 1_000, ..Page::default() };
    loop {
        let list = remote.list(&filter, &page).await?;
        held.extend(list.events.iter().filter_map(held_row));
        page.cursor = list.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    let asked = format!("{}: {} events of the agent from place {first} to {last}", remote.source().place, held.len());
    Ok(Found { held, asked, notes: Vec::new(), ask: Some(Ask { remote }) })
}

fn held_row(row: &EventRow) -> Option<Held> {
    Some(Held {
        event_id: Uuid::try_parse(&row.event_uuid).ok()?,
        log_id: None,
        sequence: row.sequence_number,
        at: format!("place {}", row.sequence_number?),
        replay: false,
    })
}

impl Ask {
    /// What was not found in the range may be elsewhere in the stream; what the range holds besides may be an event of
    /// another time, which the log knows.
    pub(super) async fn settle(&self, log: &dyn Inspect, found: &mut Comparison) -> Result<(), Fault> {
        let mut missing = Vec::new();
        for (number, one) in std::mem::take(&mut found.missing).into_iter().enumerate() {
            let elsewhere = if number < MOST_ASKED { find(&self.remote, one.event_id).await? } else { None };
            match elsewhere.as_ref().and_then(held_row) {
                Some(held) if one.sequence.is_none() || one.sequence == held.sequence => found.agreeing += 1,
                Some(held) => found.moved.push((one, held)),
                None => missing.push(one),
            }
        }
        found.missing = missing;
        for (number, one) in std::mem::take(&mut found.unplaced).into_iter().enumerate() {
            if number >= MOST_ASKED || find(log, one.event_id).await?.is_none() {
                found.extra.push(one);
            }
        }
        Ok(())
    }
}

/// The event, if there is one.
async fn find(place: &dyn Inspect, event: Uuid) -> Result<Option<EventRow>, Fault> {
    match place.event(&EventRef::Id(EventId(event).0), false).await {
        Ok(detail) => Ok(Some(detail.event)),
        Err(fault) if fault.kind == Kind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}
