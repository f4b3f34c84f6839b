//! A filter as a request: what the sequencer filters by itself, what is looked at afterwards, and what it does not have.

use serde_json::Value;
use stateset_api::event::Envelope;
use stateset_outbox::filter::{Filter, format_time};

use super::{A_SEQUENCER, ASK_THE_OUTBOX};
use crate::fault::Fault;

/// Pages of 1,000 that are looked at for a filter which the sequencer does not have.
pub(super) const MOST_PAGES: usize = 10;

/// A filter, divided.
#[derive(Debug)]
pub(super) struct Query<'a> {
    filter: &'a Filter,
    /// Pairs of the query, escaped.
    pub(super) parameters: String,
    /// Something remains to be looked at in the events themselves.
    pub(super) looks_inside: bool,
    /// First place that may appear.
    pub(super) first: u64,
    /// Last place that may appear.
    pub(super) last: Option<u64>,
}

impl<'a> Query<'a> {
    pub(super) fn new(filter: &'a Filter, scope: &str) -> Result<Self, Fault> {
        refuse_deliveries(filter)?;
        if filter.event_key.is_some() {
            return Err(Fault::unsupported_filter("event_key", A_SEQUENCER, ASK_THE_OUTBOX));
        }
        let mut parameters = scope.to_owned();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let escaped: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                parameters.push_str(&format!("&{name}={escaped}"));
            }
        };
        let one_type = filter.types.first().filter(|_| filter.types.len() == 1);
        // `*` alone says that everything is meant.
        add("event_type", one_type.filter(|glob| glob.as_str() != "*").map(ToString::to_string));
        add("entity_type", filter.entity_type.clone());
        add("entity_id", filter.entity_id.clone());
        add("order_key", filter.order_key.clone());
        add("since", filter.since.map(format_time));
        add("until", filter.until.map(format_time));
        add("agent_id", filter.agent.map(|id| id.to_string()));
        add("correlation_id", filter.correlation.clone());
        let looks_inside = filter.types.len() > 1
            || filter.causation.is_some()
            || filter.command.is_some()
            || filter.event.is_some()
            || !filter.payload.is_empty();
        let place = |place: i64| u64::try_from(place).unwrap_or(0);
        let (first, last) = (filter.first.map_or(1, place).max(1), filter.last.map(place));
        Ok(Self { filter, parameters, looks_inside, first, last })
    }

    /// What the sequencer did not look at.
    pub(super) fn takes(&self, event: &Envelope) -> bool {
        let filter = self.filter;
        let inside = || {
            let parse = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
            let payload = parse(event.payload.as_ref().map(|raw| raw.get()));
            let metadata = parse(event.metadata.as_ref().map(|raw| raw.get()));
            filter.payload.iter().all(|comparison| comparison.holds(&payload, &metadata))
        };
        self.last.is_none_or(|last| event.sequence_number <= last)
            && filter.matches_type(&event.event_type)
            && (filter.causation.is_none() || filter.causation == event.causation_id)
            && (filter.command.is_none() || filter.command == event.command_id)
            && filter.event.as_ref().is_none_or(|wanted| wanted.matches(event.event_id))
            && (filter.payload.is_empty() || inside())
    }

    /// Whether nothing but a range of places is asked for.
    pub(super) fn is_range(&self) -> bool {
        !self.looks_inside && self.parameters.matches('=').count() == 2
    }
}

fn refuse_deliveries(filter: &Filter) -> Result<(), Fault> {
    let asked = [
        ("state", !filter.states.is_empty()),
        ("destination", filter.destination.is_some()),
        ("class", filter.class.is_some()),
    ];
    match asked.into_iter().find(|(_, asked)| *asked) {
        Some((name, _)) => Err(Fault::unsupported_filter(name, A_SEQUENCER, ASK_THE_OUTBOX)),
        None => Ok(()),
    }
}
