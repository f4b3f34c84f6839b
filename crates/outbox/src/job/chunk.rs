//! The next changes of a job: read, then decided.

use std::collections::BTreeMap;

use sqlx::Transaction;
use uuid::Uuid;

use super::effect::{Chunk, Effect};
use super::rules::{Acknowledgement, judge_acknowledgement, replay_refusal, replay_route};
use super::{Job, JobError, JobKind, JobOptions, Sample};
use crate::delivery::{Destination, Lane};
use crate::engine::Engine;
use crate::filter::Filter;
use crate::read::{DeadLetter, Delivery, Facts, Item, LetterFilter, Order, PageRequest, Reader, group};

/// What of a job says which changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    pub(super) kind: JobKind,
    pub(super) filter: &'a Filter,
    pub(super) options: &'a JobOptions,
    pub(super) upto: i64,
    /// Letters of then and before, microseconds since 1970 UTC.
    pub(super) planned_at: i64,
}

impl Job {
    pub(super) fn task(&self) -> Task<'_> {
        let Self { kind, filter, options, upto, created_at, .. } = self;
        Task { kind: *kind, filter, options, upto: *upto, planned_at: *created_at }
    }
}

/// The changes behind a cursor, of at most `limit` events or dead letters.
pub(super) async fn next_chunk<DB: Engine>(
    reader: &Reader<DB>,
    tx: &mut Transaction<'static, DB>,
    task: Task<'_>,
    cursor: (i64, Uuid),
    limit: u16,
) -> Result<Chunk, JobError> {
    let facts = reader.facts(tx, &[]).await?;
    match task.kind {
        JobKind::Replay | JobKind::Acknowledge => events(reader, tx, task, cursor, limit, &facts).await,
        JobKind::Redrive | JobKind::Discard => letters(reader, tx, task, cursor, limit, &facts).await,
    }
}

async fn events<DB: Engine>(
    reader: &Reader<DB>,
    tx: &mut Transaction<'static, DB>,
    task: Task<'_>,
    cursor: (i64, Uuid),
    limit: u16,
    facts: &Facts,
) -> Result<Chunk, JobError> {
    let last = task.filter.last.map_or(task.upto, |last| last.min(task.upto));
    let filter = Filter { last: Some(last), ..task.filter.clone() };
    let behind = Some(cursor.0).filter(|place| *place >= 0);
    let request = PageRequest { order: Order::OldestFirst, limit, cursor: behind, deliveries: true, total: false };
    let page = reader.page(tx, &filter, request).await?;
    let mut chunk = Chunk { ended: page.next_cursor.is_none(), ..Chunk::default() };
    let seen = page.events.last().map_or(cursor.0, |item| item.event.log_id);
    chunk.cursor = (page.next_cursor.unwrap_or(seen), Uuid::nil());
    for item in &page.events {
        if !task.options.only.is_empty() && task.options.only.binary_search(&item.event.log_id).is_err() {
            continue;
        }
        let before = chunk.effects.len();
        let places = facts.destinations.iter().filter(|one| wanted(task, &one.name));
        for destination in places {
            let first =
                item.deliveries.iter().find(|one| one.destination_id == destination.id && one.replay_job.is_none());
            let effect = match task.kind {
                JobKind::Acknowledge => acknowledge(task, item, first),
                _ => replay(task, item, destination, first),
            };
            let sample = effect.as_ref().map(|_| sample(item, destination, first));
            chunk.effects.extend(effect.zip(Some(sample)));
        }
        if chunk.effects.len() == before {
            chunk.effects.push((Effect::Skip("no destination gets it"), None));
        }
    }
    Ok(chunk)
}

/// Whether the job is about the destination.
fn wanted(task: Task<'_>, name: &str) -> bool {
    task.options.to.as_deref().or(task.filter.destination.as_deref()).is_none_or(|wanted| wanted == name)
}

/// `None`: the event has nothing to do with the destination.
fn replay(task: Task<'_>, item: &Item, destination: &Destination, first: Option<&Delivery>) -> Option<Effect> {
    if first.is_none() && task.options.to.is_none() {
        return None;
    }
    if !item.deliverable {
        return Some(Effect::Skip("for the record only"));
    }
    if let Some(why) = replay_refusal(first, task.options.missing) {
        return Some(Effect::Skip(why));
    }
    let Some(route) = replay_route(destination, &item.event) else {
        return Some(Effect::Skip("no route of the destination takes its type"));
    };
    Some(Effect::Replay {
        event: Box::new(item.event.clone()),
        destination: destination.id,
        group: group(item.event.shard, destination),
        route: (route.name.clone(), route.version),
    })
}

fn acknowledge(task: Task<'_>, item: &Item, first: Option<&Delivery>) -> Option<Effect> {
    let delivery = first?;
    let (log_id, destination, group) = (item.event.log_id, delivery.destination_id, delivery.shard_group);
    Some(match judge_acknowledgement(delivery.state, delivery.delivery_id.is_some(), task.options.force) {
        Acknowledgement::Store => Effect::Acknowledge { log_id, destination, group },
        Acknowledgement::Already => Effect::Skip("acknowledged before"),
        Acknowledgement::Refused(why) => Effect::Skip(why),
        Acknowledgement::Force => Effect::Force {
            log_id,
            delivery: delivery.delivery_id.unwrap_or_default(),
            state: delivery.state,
            letter: delivery.dead_letter,
            destination,
            group,
        },
    })
}

fn sample(item: &Item, destination: &Destination, first: Option<&Delivery>) -> Sample {
    Sample {
        log_id: item.event.log_id,
        event_id: item.event.event_id,
        event_type: item.event.event_type.clone(),
        destination: destination.name.clone(),
        lane: item.event.lane().key,
        state: first.map(|delivery| delivery.state),
    }
}

async fn letters<DB: Engine>(
    reader: &Reader<DB>,
    tx: &mut Transaction<'static, DB>,
    task: Task<'_>,
    cursor: (i64, Uuid),
    limit: u16,
    facts: &Facts,
) -> Result<Chunk, JobError> {
    // A letter that is written after the plan is not what was looked at.
    let until = task.filter.until.map_or(task.planned_at + 1, |until| until.min(task.planned_at + 1));
    let filter = Filter { until: Some(until), ..task.filter.clone() };
    let wanted = LetterFilter { filter, letter: task.options.letter, closed: false };
    let query = reader.letter_query(tx, &wanted).await?;
    let found = reader.letters(tx, &query, cursor, usize::from(limit), facts).await?;
    let mut chunk = Chunk { ended: found.len() < usize::from(limit), cursor, ..Chunk::default() };
    let groups: BTreeMap<i32, &Destination> = facts.destinations.iter().map(|one| (one.id, one)).collect();
    for letter in found {
        chunk.cursor = (letter.log_id, letter.id);
        let effect = close(task.kind, reader.outbox.scope, &letter, groups.get(&letter.destination.0).copied());
        chunk.effects.push((effect, Some(letter_sample(letter))));
    }
    Ok(chunk)
}

fn close(kind: JobKind, scope: crate::Scope, letter: &DeadLetter, destination: Option<&Destination>) -> Effect {
    let Some(destination) = destination.filter(|_| letter.state.is_some()) else {
        return Effect::Skip("its delivery is gone");
    };
    let lane = Lane { tenant: scope.tenant, store: scope.store, key: letter.lane.clone() };
    let (letter, group) = (letter.id, group(lane.shard(), destination));
    let destination = destination.id;
    match kind {
        JobKind::Discard => Effect::Discard { letter, destination, group },
        _ => Effect::Redrive { letter, destination, group },
    }
}

fn letter_sample(letter: DeadLetter) -> Sample {
    Sample {
        log_id: letter.log_id,
        event_id: letter.event_id,
        event_type: letter.event_type,
        destination: letter.destination.1,
        lane: letter.lane,
        state: letter.state,
    }
}
