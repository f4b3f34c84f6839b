//! What `reconcile` answers.

use serde::Serialize;
use stateset_outbox::EventId;
use stateset_relay::reconcile::{Comparison, Held, Recorded};

use crate::output::Sheet;

/// Differences of each kind that are named.
const NAMED: usize = 20;

#[derive(Serialize)]
pub(super) struct Reconciliation {
    pub(super) applied: bool,
    pub(super) message: String,
    pub(super) destination: String,
    /// What was asked, and how much it had.
    compared_with: String,
    /// The range of the log.
    first_sequence: i64,
    last_sequence: i64,
    /// Whether nothing is missing, nothing is there besides, and everything is where its receipt says.
    agrees: bool,
    counts: Counts,
    /// The first of each kind.
    differences: Vec<Difference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) job_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) apply_with: Option<String>,
}

#[derive(Serialize)]
struct Counts {
    /// Delivered by the record, and there.
    agreeing: u64,
    /// Delivered by the record, and not there.
    missing: usize,
    /// There, and no such event goes there.
    extra: usize,
    /// There, at another place than the receipt says.
    moved: usize,
    /// There, and not recorded as delivered yet.
    ahead: usize,
    /// Still to come.
    waiting: u64,
    /// Dead, rejected or discarded.
    given_up: u64,
    /// Copies beyond the first.
    repeated: u64,
}

#[derive(Serialize)]
struct Difference {
    /// `missing`, `extra`, `moved`, `ahead`.
    kind: &'static str,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_sequence: Option<i64>,
    /// The place that the receipt names.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<u64>,
    /// Where the destination has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

impl Difference {
    fn of(kind: &'static str, one: &Recorded, held: Option<&Held>) -> Self {
        Self {
            kind,
            event_id: EventId(one.event_id).display(),
            local_sequence: Some(one.log_id),
            sequence_number: one.sequence,
            at: held.map(|held| held.at.clone()),
        }
    }
}

impl Reconciliation {
    pub(super) fn new(
        destination: String,
        compared_with: String,
        range: (i64, i64),
        found: &Comparison,
        mut notes: Vec<String>,
    ) -> Self {
        let extra = |held: &Held| Difference {
            kind: "extra",
            event_id: EventId(held.event_id).display(),
            local_sequence: held.log_id,
            sequence_number: None,
            at: Some(held.at.clone()),
        };
        let pair = |kind: &'static str, pairs: &[(Recorded, Held)]| {
            pairs.iter().take(NAMED).map(|(one, held)| Difference::of(kind, one, Some(held))).collect::<Vec<_>>()
        };
        let mut differences: Vec<Difference> =
            found.missing.iter().take(NAMED).map(|one| Difference::of("missing", one, None)).collect();
        differences.extend(found.extra.iter().take(NAMED).map(extra));
        differences.extend(pair("moved", &found.moved));
        differences.extend(pair("ahead", &found.ahead));
        let all = found.missing.len() + found.extra.len() + found.moved.len() + found.ahead.len();
        if all > differences.len() {
            notes.push(format!("{} more differences are not named", all - differences.len()));
        }
        Self {
            applied: false,
            message: String::new(),
            destination,
            compared_with,
            first_sequence: range.0,
            last_sequence: range.1,
            agrees: found.agrees(),
            counts: Counts {
                agreeing: found.agreeing,
                missing: found.missing.len(),
                extra: found.extra.len(),
                moved: found.moved.len(),
                ahead: found.ahead.len(),
                waiting: found.waiting,
                given_up: found.given_up,
                repeated: found.repeated,
            },
            differences,
            notes,
            job_ids: Vec::new(),
            apply_with: None,
        }
    }
}

pub(super) fn sheet(answer: &Reconciliation) -> Sheet {
    let Counts { agreeing, missing, extra, moved, ahead, waiting, given_up, repeated } = answer.counts;
    let place = |number: Option<String>| number.unwrap_or_else(|| "–".to_owned());
    let mut sheet = Sheet::new(&["event_id", "kind", "local_sequence", "sequence_number", "at"])
        .head(format!("applied: {}", answer.applied))
        .head(answer.message.clone())
        .head(format!("{} compared with {}", answer.destination, answer.compared_with));
    if answer.first_sequence > answer.last_sequence {
        return sheet.note("the log has no events in that range");
    }
    sheet = sheet.head(format!(
        "places {} to {} of the log: {agreeing} agree, {missing} missing, {extra} extra, {moved} moved, {ahead} ahead of the \
         record, {waiting} still to come, {given_up} given up, {repeated} repeated",
        answer.first_sequence, answer.last_sequence
    ));
    for one in &answer.differences {
        sheet = sheet.row([
            one.event_id.clone(),
            one.kind.to_owned(),
            place(one.local_sequence.map(|place| place.to_string())),
            place(one.sequence_number.map(|place| place.to_string())),
            place(one.at.clone()),
        ]);
    }
    for note in &answer.notes {
        sheet = sheet.foot(format!("note: {note}"));
    }
    for job in &answer.job_ids {
        sheet = sheet.foot(format!("job: {job}"));
    }
    match &answer.apply_with {
        Some(command) => sheet.foot(format!("to do it: {command}")),
        None => sheet,
    }
}
