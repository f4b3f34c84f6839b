//! The one filter grammar as flags and as positional text.

use clap::Args;
use stateset_inspect::{Fault, Filter, Page};

/// Which events.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FilterArgs {
    /// Filter as text, such as: type:order.* entity:order/ORD-1 since:10m where:data.amount_cents>10000
    #[arg(value_name = "FILTER")]
    text: Vec<String>,
    /// Event types; * stands for anything: order.*,payment.succeeded
    #[arg(long = "type", value_name = "GLOBS", help_heading = "Filter")]
    event_type: Option<String>,
    /// Entity: order/ORD-1, or only its type
    #[arg(long, value_name = "TYPE/ID", help_heading = "Filter")]
    entity: Option<String>,
    /// Entity type, such as order
    #[arg(long, value_name = "TYPE", help_heading = "Filter")]
    entity_type: Option<String>,
    /// Entity id, such as ORD-1
    #[arg(long, value_name = "ID", help_heading = "Filter")]
    entity_id: Option<String>,
    /// Order key: the root that events of several entities share
    #[arg(long, visible_alias = "order", value_name = "KEY", help_heading = "Filter")]
    order_key: Option<String>,
    /// Written at or after: 10m, 3h, 7d, or 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME", help_heading = "Filter")]
    since: Option<String>,
    /// Written before
    #[arg(long, value_name = "TIME", help_heading = "Filter")]
    until: Option<String>,
    /// Places in the log: 100..200, 100.., 7
    #[arg(long, value_name = "RANGE", help_heading = "Filter")]
    seq: Option<String>,
    /// State or status of a delivery: pending, failed, dead, synced, acknowledged, …
    #[arg(long, visible_alias = "state", value_name = "WORDS", help_heading = "Filter")]
    status: Option<String>,
    /// Destination of a delivery
    #[arg(long, value_name = "NAME", help_heading = "Filter")]
    destination: Option<String>,
    /// Class of the last failure, such as http_503
    #[arg(long, visible_alias = "class", value_name = "CLASS", help_heading = "Filter")]
    error_class: Option<String>,
    /// Agent that signs
    #[arg(long, value_name = "UUID", help_heading = "Filter")]
    agent: Option<String>,
    /// Correlation id
    #[arg(long, value_name = "ID", help_heading = "Filter")]
    correlation: Option<String>,
    /// Event or request that caused it
    #[arg(long, value_name = "ID", help_heading = "Filter")]
    causation: Option<String>,
    /// Operation that wrote it
    #[arg(long, value_name = "UUID", help_heading = "Filter")]
    command_id: Option<String>,
    /// One event: evt_…, a UUID, or how it begins
    #[arg(long, value_name = "ID", help_heading = "Filter")]
    event: Option<String>,
    /// Token that dedupes the fact
    #[arg(long, value_name = "KEY", help_heading = "Filter")]
    event_key: Option<String>,
    /// What the payload says: data.amount_cents>10000; may be repeated
    #[arg(long = "where", value_name = "COMPARISON", help_heading = "Filter")]
    payload: Vec<String>,
}

impl FilterArgs {
    /// Reads text and flags; relative times count from `now`.
    pub(crate) fn read(&self, now: i64) -> Result<Filter, Fault> {
        let wrong = |error: stateset_inspect::FilterError| {
            let fault = Fault::new(
                stateset_inspect::Kind::Usage,
                "INVALID_FILTER",
                error.to_string(),
                "the keys of a filter are in `stateset-events list --help`",
            );
            fault
        };
        let mut filter = Filter::parse(&self.text.join(" "), now).map_err(wrong)?;
        let flags = [
            ("type", &self.event_type),
            ("entity", &self.entity),
            ("entity_type", &self.entity_type),
            ("entity_id", &self.entity_id),
            ("key", &self.order_key),
            ("since", &self.since),
            ("until", &self.until),
            ("seq", &self.seq),
            ("status", &self.status),
            ("destination", &self.destination),
            ("class", &self.error_class),
            ("agent", &self.agent),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
            ("command", &self.command_id),
            ("event", &self.event),
            ("event_key", &self.event_key),
        ];
        for (key, value) in flags {
            match value.as_deref() {
                Some("all") if key == "status" => {
                    filter.states = stateset_outbox::delivery::DeliveryState::ALL.to_vec();
                },
                Some(value) => filter.set(key, value, now).map_err(wrong)?,
                None => {},
            }
        }
        for comparison in &self.payload {
            filter.set("where", comparison, now).map_err(wrong)?;
        }
        Ok(filter)
    }
}

/// Which part of a list.
#[derive(Args, Clone, Debug)]
pub(crate) struct PageArgs {
    /// Most entries: 1 to 1000
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    /// The `next_cursor` of the page before
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// In the order of the log; otherwise the newest comes first
    #[arg(long)]
    oldest_first: bool,
}

impl PageArgs {
    pub(crate) fn page(&self, payload: bool) -> Page {
        Page { limit: self.limit, cursor: self.cursor.clone(), newest_first: !self.oldest_first, payload }
    }
}

impl FilterArgs {
    /// The same; but a single word without a colon is an event, as in `replay evt_…`.
    pub(crate) async fn or_event<F, Fut>(&self, now: i64, named: F) -> Result<Filter, Fault>
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = Result<stateset_inspect::EventRef, Fault>>,
    {
        match self.text.as_slice() {
            [word] if !word.contains(':') => {
                let flags = Self { text: Vec::new(), ..self.clone() };
                let mut filter = flags.read(now)?;
                filter.event = Some(named(word.clone()).await?);
                Ok(filter)
            },
            _ => self.read(now),
        }
    }
}
