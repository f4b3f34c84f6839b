//! Tables that several commands share.

use stateset_inspect::answer::{Delivery, Diagnostics, EventRow};

use crate::output::Sheet;

pub(super) const EVENT_COLUMNS: [&str; 7] =
    ["event_id", "event_type", "entity", "created_at", "sequence_number", "local_sequence", "order_key"];

/// A number, or the sign for one that is not there yet.
pub(super) fn number<T: ToString>(number: Option<T>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| number.to_string())
}

pub(super) fn text(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

pub(super) fn event_cells(event: &EventRow) -> [String; 7] {
    [
        event.event_id.clone(),
        event.event_type.clone(),
        format!("{}/{}", event.entity_type, event.entity_id),
        event.created_at.clone(),
        number(event.sequence_number),
        number(event.local_sequence),
        text(event.order_key.as_ref()),
    ]
}

pub(super) const DELIVERY_COLUMNS: [&str; 10] = [
    "event_id", "event_type", "entity", "destination", "status", "state", "will_retry", "attempts", "next_attempt_at", "reason",
];

pub(super) fn delivery_cells(delivery: &Delivery) -> [String; 10] {
    let attempts = match delivery.max_attempts {
        Some(most) => format!("{} of {most}", delivery.attempts),
        None => delivery.attempts.to_string(),
    };
    let why = [delivery.reason.as_ref(), delivery.last_class.as_ref(), delivery.last_error.as_ref()];
    let why: Vec<&str> = why.into_iter().flatten().map(String::as_str).collect();
    [
        delivery.event_id.clone(),
        delivery.event_type.clone(),
        format!("{}/{}", delivery.entity_type, delivery.entity_id),
        delivery.destination.clone(),
        delivery.status.clone(),
        delivery.state.clone(),
        if delivery.will_retry { "yes" } else { "no" }.to_owned(),
        attempts,
        text(delivery.next_attempt_at.as_ref()),
        why.join(": "),
    ]
}

/// Why there is nothing.
pub(super) fn explained(mut sheet: Sheet, what: &str, why: Option<&Diagnostics>) -> Sheet {
    let Some(why) = why else { return sheet.note(format!("no {what}")) };
    sheet = sheet.note(format!("no {what}; without any filter there are {}", why.unfiltered));
    for one in why.without.iter().filter(|one| one.total > 0) {
        let sign = if one.total_exact { "" } else { "at least " };
        sheet = sheet.note(format!("  without {}: {sign}{}", one.filter, one.total));
    }
    if !why.nearest_event_types.is_empty() {
        sheet = sheet.note(format!("  did you mean the type {}?", why.nearest_event_types.join(", ")));
    }
    if let Some(near) = &why.nearest_destination {
        sheet = sheet.note(format!("  did you mean the destination {near}?"));
    }
    sheet
}

/// How much of it is shown.
pub(super) fn shown(sheet: Sheet, count: usize, total: u64, exact: bool, cursor: Option<&String>) -> Sheet {
    let sign = if exact { "" } else { "at least " };
    let sheet = sheet.note(format!("{count} of {sign}{total}"));
    match cursor {
        Some(cursor) => sheet.note(format!("more: --cursor {cursor}")),
        None => sheet,
    }
}
