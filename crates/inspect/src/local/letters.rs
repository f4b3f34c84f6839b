//! Dead letters.

use std::collections::BTreeMap;

use stateset_outbox::filter::Filter;
use stateset_outbox::read::{self, LetterFilter};
use stateset_outbox::{Engine, EventId};
use uuid::Uuid;

use super::rows::{self, unsigned};
use super::{Local, of_read};
use crate::answer::{DeadLetter, DeadLetterGroup, DeadLetterList, Diagnostics, WithoutFilter, instant_text};
use crate::fault::Fault;
use crate::surface::{GroupBy, Page};

/// Dead letters that are grouped by anything but their error.
const GROUPED: u16 = 1_000;

impl<DB: Engine> Local<DB> {
    pub(super) async fn letters(
        &self,
        filter: &Filter,
        page: &Page,
        group: Option<GroupBy>,
    ) -> Result<DeadLetterList, Fault> {
        let wanted = LetterFilter { filter: filter.clone(), letter: None, closed: false };
        let cursor = page.cursor.as_deref().map(cursor).transpose()?;
        let limit = if group.is_some() { GROUPED } else { page.limit };
        let found = self.reader.dead_letters(&wanted, cursor, limit).await.map_err(of_read)?;
        let mut list = DeadLetterList {
            total: unsigned(found.total),
            total_exact: found.total_exact,
            next_cursor: found.next_cursor.map(|(place, id)| format!("{place}.{id}")),
            groups: group.map(|by| groups(&found.letters, by)).unwrap_or_default(),
            dead_letters: found.letters.iter().take(usize::from(page.limit)).map(letter).collect(),
            diagnostics: None,
        };
        if list.total == 0 && !filter.is_empty() {
            list.diagnostics = Some(self.letters_without(filter).await?);
        }
        Ok(list)
    }

    /// How many open dead letters there are without each part of the filter.
    async fn letters_without(&self, filter: &Filter) -> Result<Diagnostics, Fault> {
        let mut why = Diagnostics { unfiltered: self.count_letters(Filter::default()).await?.0, ..Diagnostics::default() };
        for key in stateset_outbox::filter::KEYS {
            if let Some(less) = filter.without(key) {
                let (total, total_exact) = self.count_letters(less).await?;
                why.without.push(WithoutFilter { filter: key.to_owned(), total, total_exact });
            }
        }
        // Two names of one thing say the same twice.
        why.without.dedup_by(|one, other| one.filter.starts_with("entity_") && other.filter.starts_with("entity"));
        Ok(why)
    }

    async fn count_letters(&self, filter: Filter) -> Result<(u64, bool), Fault> {
        let wanted = LetterFilter { filter, letter: None, closed: false };
        let found = self.reader.dead_letters(&wanted, None, 1).await.map_err(of_read)?;
        Ok((unsigned(found.total), found.total_exact))
    }
}

fn cursor(text: &str) -> Result<(i64, Uuid), Fault> {
    let parts = text.split_once('.').and_then(|(place, id)| Some((place.parse().ok()?, Uuid::try_parse(id).ok()?)));
    parts.ok_or_else(|| {
        Fault::usage(format!("{text:.60?} is no cursor of dead letters"), "give next_cursor of the page before, unchanged")
    })
}

fn letter(one: &read::DeadLetter) -> DeadLetter {
    DeadLetter {
        dead_letter: one.id.to_string(),
        event_id: EventId(one.event_id).display(),
        event_type: one.event_type.clone(),
        destination: one.destination.1.clone(),
        lane: rows::lane(&one.lane),
        class: one.class.clone(),
        error: one.error.clone(),
        attempts: unsigned(one.attempts.into()),
        failed_at: instant_text(one.failed_at),
        closed_at: one.closed_at.map(instant_text),
        resolution: one.resolution.clone(),
    }
}

/// What has the same shape failed alike: digits differ from event to event.
fn shape(error: &str) -> String {
    let mut text = String::new();
    for letter in error.chars().take(200) {
        match letter {
            '0'..='9' if text.ends_with('#') => {},
            '0'..='9' => text.push('#'),
            other => text.push(other),
        }
    }
    text
}

fn groups(letters: &[read::DeadLetter], by: GroupBy) -> Vec<DeadLetterGroup> {
    let mut groups: BTreeMap<String, DeadLetterGroup> = BTreeMap::new();
    for one in letters {
        let name = match by {
            GroupBy::Error => format!("{}: {}", one.class, shape(&one.error)),
            GroupBy::Class => one.class.clone(),
            GroupBy::Destination => one.destination.1.clone(),
            GroupBy::Type => one.event_type.clone(),
        };
        let at = instant_text(one.failed_at);
        let group = groups.entry(name.clone()).or_insert_with(|| DeadLetterGroup {
            group: name,
            count: 0,
            first_failed_at: at.clone(),
            last_failed_at: at.clone(),
            sample_event_id: EventId(one.event_id).display(),
        });
        group.count += 1;
        group.first_failed_at = group.first_failed_at.clone().min(at.clone());
        group.last_failed_at = group.last_failed_at.clone().max(at);
    }
    let mut groups: Vec<DeadLetterGroup> = groups.into_values().collect();
    groups.sort_by(|one, other| other.count.cmp(&one.count));
    groups
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn errors_that_differ_in_numbers_are_one() {
        assert_eq!(shape("order 123: field 7 missing"), "order #: field # missing");
    }
}
