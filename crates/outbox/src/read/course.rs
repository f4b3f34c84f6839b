//! Reading the log along a way: how many events lie on it, and the next stretch of it.
//!
//! However rare what matches is, a stretch passes over so many events and no more, and says where it stopped.

use sqlx::Transaction;

use super::way::{MERGED, Sized, Way, choose};
use super::{COUNTED, LOOKED_AT, Order, Query, ReadError, Reader};
use crate::delivery::{LoggedEvent, read_event};
use crate::engine::Engine;
use crate::sql::{Arg, Cell, Cells, args, statement};

/// Entity types of a scope that an entity's id is looked for under.
const KINDS: i64 = 64;

/// An event of a page, and whether any destination gets it.
pub(super) type Found = (LoggedEvent, bool);

/// What is read of each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Whole,
    /// Without payload and metadata.
    Slim,
    Payloads,
    Places,
}

impl What {
    fn lines(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &["rows", "whole"],
            Self::Slim => &["rows", "slim"],
            Self::Payloads => &["payloads"],
            Self::Places => &["places"],
        }
    }
}

/// A query, and the way that is taken for it.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// Merged in the order of the log.
    pub(super) parts: Vec<Query>,
    pub(super) way: Way,
    /// Events on the way, counted to one more than [`COUNTED`].
    pub(super) events: i64,
    /// How many match, as far as indexes alone say so, and whether that is exact.
    known_total: Option<(i64, bool)>,
}

impl Course {
    /// Whether every event on it may be looked at for one page.
    pub(super) fn is_short(&self) -> bool {
        self.events <= COUNTED
    }

    /// Whether rows must be looked at, and passed over, without a bound.
    pub(super) fn passes_over(&self) -> bool {
        !self.is_short() && self.parts.iter().any(|part| part.passes_over(self.way))
    }

    /// Events that may be looked at for one page. In the order of the log they lie beside each other; an index leads to
    /// each by itself.
    pub(super) fn may_look_at(&self) -> i64 {
        if self.way == Way::Log { LOOKED_AT } else { LOOKED_AT / 2 }
    }

    /// Whether indexes alone do not say how many match.
    pub(super) fn unknown_total(&self) -> bool {
        self.known_total.is_none()
    }

    /// The part of it behind a cursor.
    pub(super) fn behind(&self, cursor: Option<i64>, order: Order) -> Self {
        Self { parts: self.parts.iter().map(|part| part.behind(cursor, order)).collect(), ..self.clone() }
    }
}

impl Query {
    /// The query behind a cursor.
    pub(super) fn behind(&self, cursor: Option<i64>, order: Order) -> Self {
        let mut query = self.clone();
        match (cursor, order) {
            (Some(cursor), Order::NewestFirst) => query.before = query.before.min(cursor),
            (Some(cursor), Order::OldestFirst) => query.after = query.after.max(cursor),
            (None, _) => {},
        }
        query
    }

    /// The query as far as a place, which belongs to it: a window's last.
    fn upto(&self, place: i64, order: Order) -> Self {
        let mut query = Self { few: true, ..self.clone() };
        match order {
            Order::NewestFirst => query.after = query.after.max(place.saturating_sub(1)),
            Order::OldestFirst => query.before = query.before.min(place.saturating_add(1)),
        }
        query
    }
}

/// What was found on a stretch.
pub(super) struct Stretch<T = Cells> {
    /// In order, with the place of each.
    pub(super) found: Vec<(i64, T)>,
    /// Where it stopped; `None`: at the end of the way.
    pub(super) upto: Option<i64>,
}

/// The end that comes first.
fn nearer(one: Option<i64>, other: Option<i64>, order: Order) -> Option<i64> {
    match (one, other, order) {
        (Some(one), Some(other), Order::NewestFirst) => Some(one.max(other)),
        (Some(one), Some(other), Order::OldestFirst) => Some(one.min(other)),
        (one, other, _) => one.or(other),
    }
}

/// Whether a place is not behind an end.
fn is_within(place: i64, end: Option<i64>, order: Order) -> bool {
    end.is_none_or(|end| match order {
        Order::NewestFirst => place >= end,
        Order::OldestFirst => place <= end,
    })
}

/// Merges what parts found, each as far as all of them were read, at most `limit`: pure.
pub(super) fn merge<T>(parts: Vec<Stretch<T>>, order: Order, limit: usize) -> Stretch<T> {
    let mut upto = None;
    let mut all = Vec::new();
    for part in parts {
        upto = nearer(upto, part.upto, order);
        all.extend(part.found);
    }
    all.retain(|(place, _)| is_within(*place, upto, order));
    all.sort_by_key(|(place, _)| if order == Order::NewestFirst { -place } else { *place });
    all.dedup_by_key(|(place, _)| *place);
    if all.len() > limit {
        all.truncate(limit);
        upto = all.last().map(|(place, _)| *place);
    }
    Stretch { found: all, upto }
}

impl<DB: Engine> Reader<DB> {
    /// The way to take for a query.
    pub(super) async fn course(&self, tx: &mut Transaction<'static, DB>, query: &Query) -> Result<Course, ReadError> {
        if query.is_void() {
            return Ok(Course { parts: Vec::new(), way: Way::Ids, events: 0, known_total: Some((0, true)) });
        }
        if let Some(ids) = &query.ids {
            let events = i64::try_from(ids.len()).unwrap_or(i64::MAX);
            return Ok(Course { parts: vec![query.clone()], way: Way::Ids, events, known_total: None });
        }
        let kinds = self.kinds(tx, query).await?;
        let mut sized = Vec::new();
        if !kinds.is_empty() {
            let mut events = 0;
            for kind in &kinds {
                events += self.size(tx, kind, Way::Entity, COUNTED + 1 - events).await?;
            }
            sized.push(Sized { way: Way::Entity, events });
        }
        for way in query.ways() {
            // An empty way ends it; where another is short, nobody needs to know how long this one is.
            let least = sized.iter().map(|one| one.events).min().unwrap_or(COUNTED + 1);
            if least == 0 {
                break;
            }
            let events = self.size(tx, query, way, least.min(COUNTED) + 1).await?;
            sized.push(Sized { way, events });
        }
        let kind_of = kinds.first().unwrap_or(query);
        let says_all = |one: &&Sized| one.way != Way::Log && kind_of.rest(one.way).is_empty();
        let known_total = sized.iter().find(says_all).map(|one| (one.events.min(COUNTED), one.events <= COUNTED));
        let types = query.types.as_ref().map_or(0, Vec::len);
        let Sized { way, events } = choose(sized, types);
        if events == 0 {
            return Ok(Course { parts: Vec::new(), way, events, known_total: Some((0, true)) });
        }
        let query = Query { few: events <= COUNTED, ..query.clone() };
        let parts = match (way, &query.types) {
            (Way::Entity, _) if !kinds.is_empty() => kinds,
            (Way::Type, Some(types)) if types.len() > 1 => {
                types.iter().map(|one| Query { types: Some(vec![one.clone()]), ..query.clone() }).collect()
            },
            _ => vec![query],
        };
        Ok(Course { parts, way, events, known_total })
    }

    /// A query for an entity whose type is not said, by type; empty where it is said, or there are too many.
    async fn kinds(&self, tx: &mut Transaction<'static, DB>, query: &Query) -> Result<Vec<Query>, ReadError> {
        if query.entity_id.is_none() || query.entity_type.is_some() {
            return Ok(Vec::new());
        }
        let scope = self.outbox.scope;
        let args = args![scope.tenant, scope.store, KINDS];
        let rows = self.rows(tx, statement!("read_entity_types"), args).await?;
        if i64::try_from(rows.len()).is_ok_and(|count| count == KINDS) {
            return Ok(Vec::new());
        }
        let kind = |mut row: Cells| Ok(Query { entity_type: Some(row.text()?), ..query.clone() });
        Ok(rows.into_iter().map(kind).collect::<Result<_, sqlx::Error>>()?)
    }

    /// How many events lie on a way, counted up to `most`. The index alone has the answer.
    async fn size(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &Query,
        way: Way,
        most: i64,
    ) -> Result<i64, ReadError> {
        let mut on = vec!["count"];
        on.extend((way != Way::Log).then_some("scoped"));
        // Between two ends in any order; else from the end that is given: the other one may be far.
        let query = Query { few: true, ..query.clone() };
        let order = if query.before < i64::MAX { Order::NewestFirst } else { Order::OldestFirst };
        let order = (way.is_ordered() && !query.is_closed(None)).then_some(order);
        let rows = self.along(tx, &Query { few: order.is_none(), ..query }, way, on, order, (most, 0)).await?;
        Ok(rows.into_iter().next().map_or(Ok(0), |mut row| row.int())?)
    }

    /// How many events of a course match all conditions, counted to one more than [`COUNTED`], and whether that is exact.
    /// Where rows must be looked at, so many as for one page, from the beginning.
    pub(super) async fn total(
        &self,
        tx: &mut Transaction<'static, DB>,
        course: &Course,
        order: Order,
    ) -> Result<(i64, bool), ReadError> {
        if let Some(known) = course.known_total {
            return Ok(known);
        }
        let (mut total, mut exact) = (0, true);
        for part in &course.parts {
            let mut part = part.clone();
            if course.passes_over()
                && let Some(edge) = self.edge(tx, &part, course.way, order, share(course)).await?
            {
                (part, exact) = (part.upto(edge, order), false);
            }
            let mut on = vec!["count", "scoped"];
            on.extend(part.rest(course.way));
            let order = course.way.is_ordered().then_some(order);
            let rows = self.along(tx, &part, course.way, on, order, (COUNTED + 1 - total, 0)).await?;
            total += rows.into_iter().next().map_or(Ok(0), |mut row| row.int::<i64>())?;
        }
        Ok((total.min(COUNTED), exact && total <= COUNTED))
    }

    /// The next stretch of a course: at most `limit` events that match, and, where rows must be looked at, of the next
    /// `window` ones.
    pub(super) async fn stretch(
        &self,
        tx: &mut Transaction<'static, DB>,
        course: &Course,
        what: What,
        order: Order,
        limit: usize,
        window: i64,
    ) -> Result<Stretch, ReadError> {
        let mut parts = Vec::with_capacity(course.parts.len());
        for part in course.parts.iter().filter(|part| !part.is_void()) {
            let (mut part, mut end) = (part.clone(), None);
            if course.passes_over() {
                end = self.edge(tx, &part, course.way, order, window).await?;
                part = end.map_or(part.clone(), |edge| part.upto(edge, order));
            }
            let found = self.read(tx, &part, course.way, what, order, limit).await?;
            if found.len() >= limit {
                end = found.last().map(|(place, _)| *place);
            }
            parts.push(Stretch { found, upto: end });
        }
        Ok(merge(parts, order, limit))
    }

    /// What matches all conditions on a way, in order.
    pub(super) async fn read(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &Query,
        way: Way,
        what: What,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(i64, Cells)>, ReadError> {
        if query.is_void() {
            return Ok(Vec::new());
        }
        let mut on = what.lines().to_vec();
        on.push("scoped");
        on.extend(query.rest(way));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.along(tx, query, way, on, Some(order), (limit, 0)).await?;
        let place = |row: Cells| match row.0.as_slice().first() {
            Some(Cell::Int(place)) => Ok((*place, row)),
            _ => Err(crate::sql::decode("a place is no number")),
        };
        Ok(rows.into_iter().map(place).collect::<Result<_, _>>()?)
    }

    /// Events of a query that names one thing, of which there are few.
    pub(super) async fn fetch(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &Query,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Found>, ReadError> {
        let rows = self.read(tx, query, query.obvious_way(), What::Whole, order, limit).await?;
        rows.into_iter().map(|(_, row)| found(row)).collect()
    }

    /// The place of the last of the next `window` events on a way; `None`: there are fewer.
    async fn edge(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &Query,
        way: Way,
        order: Order,
        window: i64,
    ) -> Result<Option<i64>, ReadError> {
        let mut on = vec!["places"];
        on.extend((way != Way::Log).then_some("scoped"));
        let rows = self.along(tx, query, way, on, Some(order), (1, window.max(1) - 1)).await?;
        Ok(rows.into_iter().next().map(|mut row| row.int()).transpose()?)
    }

    async fn along(
        &self,
        tx: &mut Transaction<'static, DB>,
        query: &Query,
        way: Way,
        mut on: Vec<&str>,
        order: Option<Order>,
        (limit, offset): (i64, i64),
    ) -> Result<Vec<Cells>, ReadError> {
        on.push(way.line());
        on.push(if query.is_closed(order) && way.is_scanned_by_tuple() { "closed" } else { "open" });
        on.extend((way.is_ordered() && way != Way::Ids).then_some("by_one"));
        on.extend((matches!(way, Way::Log | Way::Ids | Way::Entity) || !way.is_ordered()).then_some("by_id"));
        on.extend(order.map(|order| if order == Order::NewestFirst { "newest" } else { "oldest" }));
        let mut args = query.args(self.outbox.scope, limit)?;
        args.push(Arg::from(offset));
        self.composed(tx, statement!("read_events"), &on, args).await
    }
}

/// Events that one part of a course may pass over for one page.
pub(super) fn share(course: &Course) -> i64 {
    course.may_look_at() / i64::try_from(course.parts.len().clamp(1, MERGED)).unwrap_or(1)
}

pub(super) fn found(mut row: Cells) -> Result<Found, ReadError> {
    Ok((read_event(&mut row)?, row.flag()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_merged_as_far_as_all_of_them_were_read() {
        let part = |places: &[i64], upto| Stretch { found: places.iter().map(|place| (*place, ())).collect(), upto };
        let read =
            |merged: Stretch<()>| (merged.found.into_iter().map(|(place, ())| place).collect::<Vec<_>>(), merged.upto);
        let merged = merge(vec![part(&[9, 7, 5], Some(5)), part(&[8, 2], None)], Order::NewestFirst, 10);
        assert_eq!(read(merged), (vec![9, 8, 7, 5], Some(5)), "2 may have others before it");
        let merged = merge(vec![part(&[1, 4], Some(6)), part(&[3, 8], Some(9))], Order::OldestFirst, 10);
        assert_eq!(read(merged), (vec![1, 3, 4], Some(6)), "a window may end behind what it found");
        let merged = merge(vec![part(&[1, 4], None), part(&[3, 4], None)], Order::OldestFirst, 2);
        assert_eq!(read(merged), (vec![1, 3], Some(3)));
        let merged = merge(vec![part(&[1], None), part(&[1], None)], Order::OldestFirst, 2);
        assert_eq!(read(merged), (vec![1], None));
    }
}
