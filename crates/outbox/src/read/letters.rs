//! Dead letters.

use sqlx::Transaction;
use uuid::Uuid;

use super::course::What;
use super::{COUNTED, Facts, LOOKED_AT, Order, ReadError, Reader, json};
use crate::delivery::DeliveryState;
use crate::engine::Engine;
use crate::filter::Filter;
use crate::sql::{Arg, Cells, args, statement};

/// Most groups by error.
const GROUPS: i64 = 100;
/// Events that a filter of dead letters may narrow them to.
const EVENTS: usize = 10_000;

/// A delivery that was given up. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its identity.
    pub id: Uuid,
    /// The delivery.
    pub delivery_id: i64,
    /// Number and name of the destination.
    pub destination: (i32, String),
    /// Place of the event in the log.
    pub log_id: i64,
    /// The event.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// The lane, which waits if the route says so.
    pub lane: String,
    /// `exhausted`, `refused`, `undecodable`.
    pub class: String,
    /// Text of the last failure.
    pub error: String,
    /// Real tries.
    pub attempts: i32,
    /// Who tried last.
    pub worker: String,
    /// When it was given up.
    pub failed_at: i64,
    /// When it was redriven or discarded.
    pub closed_at: Option<i64>,
    /// `redriven` or `discarded`.
    pub resolution: Option<String>,
    /// The operator's reason.
    pub reason: Option<String>,
    /// The operator.
    pub actor: Option<String>,
    /// State of the delivery now; `None`: its row was collected.
    pub state: Option<DeliveryState>,
    /// The replay whose delivery it was.
    pub replay_job: Option<Uuid>,
}

/// Which dead letters. Times of the filter are when they were given up, and its class is theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Of which events, and when.
    pub filter: Filter,
    /// One letter.
    pub letter: Option<Uuid>,
    /// Closed ones too.
    pub closed: bool,
}

/// Dead letters of one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterGroup {
    /// Class.
    pub class: String,
    /// Text.
    pub error: String,
    /// How many.
    pub count: i64,
    /// When the first and the last of them were given up, microseconds since 1970 UTC.
    pub failed_at: (i64, i64),
}

/// A page of dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterPage {
    /// In the order of their events.
    pub letters: Vec<DeadLetter>,
    /// How many match.
    pub total: i64,
    /// `false`: there are at least `total`.
    pub total_exact: bool,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<(i64, Uuid)>,
}

/// What the statement is asked for.
pub(crate) struct LetterQuery {
    on: Vec<&'static str>,
    args: Vec<Arg>,
    void: bool,
}

impl LetterQuery {
    /// Behind a cursor, at most so many.
    pub(crate) fn lines(
        &self,
        first: &[&'static str],
        after: (i64, Uuid),
        limit: i64,
    ) -> (Vec<&'static str>, Vec<Arg>) {
        let mut args = self.args.clone();
        args.splice(2..4, args![after.0, after.1]);
        args.push(Arg::from(limit));
        (self.on.iter().chain(first).copied().collect(), args)
    }

    /// Nothing can match.
    pub(crate) fn is_void(&self) -> bool {
        self.void
    }
}

impl<DB: Engine> Reader<DB> {
    /// Dead letters that match, in the order of their events, behind a cursor.
    pub async fn dead_letters(
        &self,
        wanted: &LetterFilter,
        cursor: Option<(i64, Uuid)>,
        limit: u16,
    ) -> Result<LetterPage, ReadError> {
        let mut tx = self.begin().await?;
        let query = self.letter_query(&mut tx, wanted).await?;
        let limit = usize::from(limit.clamp(1, super::PAGE));
        let facts = self.facts(&mut tx, &[]).await?;
        let mut letters = self.letters(&mut tx, &query, cursor.unwrap_or((-1, Uuid::nil())), limit + 1, &facts).await?;
        let more = letters.len() > limit;
        letters.truncate(limit);
        let total = self.count_letters(&mut tx, &query).await?;
        Ok(LetterPage {
            next_cursor: letters.last().filter(|_| more).map(|letter| (letter.log_id, letter.id)),
            letters,
            total: total.min(COUNTED),
            total_exact: total <= COUNTED,
        })
    }

    /// Dead letters that match, by error, the most frequent first.
    pub async fn dead_letter_groups(&self, wanted: &LetterFilter) -> Result<Vec<LetterGroup>, ReadError> {
        let mut tx = self.begin().await?;
        let query = self.letter_query(&mut tx, wanted).await?;
        if query.is_void() {
            return Ok(Vec::new());
        }
        let (on, args) = query.lines(&["groups"], (-1, Uuid::nil()), GROUPS);
        let rows = self.composed(&mut tx, statement!("read_letters"), &on, args).await?;
        let read = |mut row: Cells| {
            let (class, error, count) = (row.text()?, row.text()?, row.int()?);
            Ok(LetterGroup { class, error, count, failed_at: (row.int()?, row.int()?) })
        };
        Ok(rows.into_iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    pub(crate) async fn count_letters(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &LetterQuery,
    ) -> Result<i64, ReadError> {
        if query.is_void() {
            return Ok(0);
        }
        let (on, args) = query.lines(&["count"], (-1, Uuid::nil()), COUNTED + 1);
        let rows = self.composed(tx, statement!("read_letters"), &on, args).await?;
        Ok(rows.into_iter().next().map_or(Ok(0), |mut row| row.int())?)
    }

    /// From the filter to the statement. What it says of events, beyond their type, narrows to at most 10,000 of them.
    pub(crate) async fn letter_query(
        &self,
        tx: &mut Transaction<'static, DB>,
        wanted: &LetterFilter,
    ) -> Result<LetterQuery, ReadError> {
        let filter = &wanted.filter;
        let of_events = Filter {
            since: None,
            until: None,
            class: None,
            destination: None,
            states: Vec::new(),
            types: Vec::new(),
            ..filter.clone()
        };
        let types = self.query(tx, &Filter { types: filter.types.clone(), ..Filter::default() }).await?.types;
        let ids = if of_events.is_empty() { None } else { Some(self.events_with_letters(tx, &of_events).await?) };
        // A state that is not dead: no open letter has it.
        let dead = filter.states.is_empty() || filter.states.contains(&DeliveryState::Dead);
        let none = |count: Option<usize>| count == Some(0);
        let void = !dead || none(types.as_ref().map(Vec::len)) || none(ids.as_ref().map(Vec::len));
        let on = [
            ("open", !wanted.closed),
            ("destination", filter.destination.is_some()),
            ("types", types.is_some()),
            ("class", filter.class.is_some()),
            ("since", filter.since.is_some()),
            ("until", filter.until.is_some()),
            ("ids", ids.is_some()),
            ("letter", wanted.letter.is_some()),
        ];
        let scope = self.outbox.scope;
        let mut args = args![scope.tenant, scope.store, -1_i64, Uuid::nil(), filter.destination.as_ref()];
        args.extend(args![
            json(types.as_deref().unwrap_or_default())?,
            filter.class.as_ref(),
            filter.since,
            filter.until
        ]);
        args.extend(args![json(ids.as_deref().unwrap_or_default())?, wanted.letter]);
        let on = on.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
        Ok(LetterQuery { on, args, void })
    }

    /// Places of events that match, from the smaller side: of all events that match what statements can ask, or of those
    /// that have letters.
    async fn events_with_letters(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
    ) -> Result<Vec<i64>, ReadError> {
        let query = self.query(tx, filter).await?;
        let course = self.course(tx, &query).await?;
        let mut matching = Vec::new();
        if course.is_short() && filter.payload.is_empty() {
            let all = self.stretch(tx, &course, What::Places, Order::NewestFirst, EVENTS, LOOKED_AT).await?;
            return Ok(all.found.into_iter().map(|(place, _)| place).collect());
        }
        let scope = self.outbox.scope;
        let most = i64::try_from(EVENTS).unwrap_or(i64::MAX);
        let rows = self.rows(tx, statement!("read_letter_ids"), args![scope.tenant, scope.store, most]).await?;
        let places = rows.into_iter().map(|mut row| row.int()).collect::<Result<Vec<i64>, _>>()?;
        for some in places.chunks(usize::from(super::PAGE)) {
            let what = if filter.payload.is_empty() { What::Places } else { What::Payloads };
            for (place, mut row) in self.of_places(tx, &query, some.to_vec(), what, Order::OldestFirst).await? {
                row.int::<i64>()?;
                if what == What::Places || filter.payload_matches(&row.text()?, row.opt_text()?.as_deref()) {
                    matching.push(place);
                }
            }
        }
        Ok(matching)
    }

    pub(crate) async fn letters(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &LetterQuery,
        after: (i64, Uuid),
        limit: usize,
        facts: &Facts,
    ) -> Result<Vec<DeadLetter>, ReadError> {
        if query.is_void() {
            return Ok(Vec::new());
        }
        let (on, args) = query.lines(&["rows"], after, i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.composed(tx, statement!("read_letters"), &on, args).await?;
        Ok(rows.into_iter().map(|row| read_letter(row, facts)).collect::<Result<_, _>>()?)
    }

    /// All letters of an event.
    pub(super) async fn letters_of(
        &self,
        tx: &mut Transaction<'static, DB>,
        log_id: i64,
        facts: &Facts,
    ) -> Result<Vec<DeadLetter>, ReadError> {
        let filter = Filter { first: Some(log_id), last: Some(log_id), ..Filter::default() };
        let query = self.letter_query(tx, &LetterFilter { filter, letter: None, closed: true }).await?;
        self.letters(tx, &query, (-1, Uuid::nil()), usize::from(super::PAGE), facts).await
    }
}

fn read_letter(mut row: Cells, facts: &Facts) -> Result<DeadLetter, sqlx::Error> {
    let (id, delivery_id, destination) = (row.id()?, row.int()?, row.int::<i32>()?);
    let name = facts.destinations.iter().find(|one| one.id == destination).map(|one| one.name.clone());
    Ok(DeadLetter {
        id,
        delivery_id,
        destination: (destination, name.unwrap_or_default()),
        log_id: row.int()?,
        event_id: row.id()?,
        event_type: row.text()?,
        lane: row.text()?,
        class: row.text()?,
        error: row.text()?,
        attempts: row.int()?,
        worker: row.text()?,
        failed_at: row.int()?,
        closed_at: row.opt_int()?,
        resolution: row.opt_text()?,
        reason: row.opt_text()?,
        actor: row.opt_text()?,
        state: if row.at_null() { row.opt_text().map(|_| None)? } else { Some(row.word()?) },
        replay_job: row.opt_id()?,
    })
}
