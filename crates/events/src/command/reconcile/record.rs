//! What the log has for a destination, by the record of deliveries.

use stateset_inspect::answer::EventRow;
use stateset_inspect::{Fault, Filter, Inspect, Kind, Page};
use stateset_outbox::filter::parse_time;
use stateset_relay::reconcile::{Recorded, Standing};
use uuid::Uuid;

/// Most events of one comparison.
const MOST_EVENTS: usize = 1_000_000;

/// The events of a range of the log.
pub(super) struct Record {
    /// First and last place; the first is behind the last if there is nothing.
    pub(super) range: (i64, i64),
    /// When the first of them was written, microseconds since 1970 UTC.
    #[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "topics are read from a time on"))]
    pub(super) begun_at: i64,
    pub(super) events: Vec<Recorded>,
}

/// Reads it. What is delivered is read last: an event that moves on meanwhile is seen twice, not missed.
pub(super) async fn read(inspect: &dyn Inspect, range: &Filter, destination: &str) -> Result<Record, Fault> {
    let one = |newest_first| Page { limit: 1, newest_first, ..Page::default() };
    let first = inspect.list(range, &one(false)).await?.events.pop();
    let last = inspect.list(range, &one(true)).await?.events.pop();
    let place = |row: &Option<EventRow>| row.as_ref().and_then(|row| row.local_sequence);
    let (Some(from), Some(to)) = (place(&first), place(&last)) else {
        return Ok(Record { range: (1, 0), begun_at: i64::MAX, events: Vec::new() });
    };
    let recorded_at = first.and_then(|row| row.recorded_at);
    let begun_at = recorded_at.and_then(|text| parse_time(&text, 0).ok()).unwrap_or_default();
    let mut events = Vec::new();
    for standing in [Standing::GivenUp, Standing::Waiting, Standing::Delivered] {
        let filter = Filter {
            first: Some(from),
            last: Some(to),
            states: standing.states(),
            destination: Some(destination.to_owned()),
            ..Filter::default()
        };
        let mut page = Page { limit: 1_000, ..Page::default() };
        loop {
            let list = inspect.list(&filter, &page).await?;
            events.extend(list.events.iter().filter_map(|row| recorded(row, standing)));
            if events.len() > MOST_EVENTS {
                let message = "there are more than 1,000,000 events to compare";
                return Err(Fault::new(Kind::Usage, "TOO_MANY_EVENTS", message, "take a shorter time: --since 3h"));
            }
            page.cursor = list.next_cursor;
            if page.cursor.is_none() {
                break;
            }
        }
    }
    Ok(Record { range: (from, to), begun_at, events })
}

fn recorded(row: &EventRow, standing: Standing) -> Option<Recorded> {
    Some(Recorded {
        log_id: row.local_sequence?,
        event_id: Uuid::try_parse(&row.event_uuid).ok()?,
        standing,
        sequence: row.sequence_number,
    })
}
