//! From a filter to a statement.

use sqlx::Transaction;

use super::{Order, ReadError, Reader, json};
use crate::delivery::type_matches;
use crate::engine::Engine;
use crate::filter::{EventRef, Filter};
use crate::sql::{Arg, Cells, args, statement};

/// How far the time of a row may be out of order with its place: clocks are set back, and servers change. An hour,
const CLOCK_SLACK: i64 = 3_600_000_000;
/// and no more than so many places: they are read for every filter on time.
const PLACE_SLACK: i64 = 10_000;
/// Most types of a scope that are looked at.
const TYPES: i64 = 1_000;

/// The part of a filter that statements answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// Ids behind this one and before that one.
    pub(crate) after: i64,
    pub(crate) before: i64,
    /// `None`: any.
    pub(crate) types: Option<Vec<String>>,
    pub(crate) entity_type: Option<String>,
    pub(crate) entity_id: Option<String>,
    pub(crate) order_key: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) causation: Option<String>,
    pub(crate) command: Option<uuid::Uuid>,
    pub(crate) agent: Option<uuid::Uuid>,
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
    /// Only these; `None`: any.
    pub(crate) ids: Option<Vec<i64>>,
    /// No more than a page may look at lies between its ends, on the way that was chosen.
    pub(crate) few: bool,
}

impl Query {
    /// Nothing can match.
    pub(crate) fn is_void(&self) -> bool {
        let none = |list: &Option<Vec<String>>| list.as_ref().is_some_and(Vec::is_empty);
        none(&self.types) || self.ids.as_ref().is_some_and(Vec::is_empty) || self.before <= self.after.saturating_add(1)
    }

    /// Whether all that lies between its ends is read, and sorted if an order is asked for, because a scan in this order
    /// would run past the other end.
    pub(super) fn is_closed(&self, order: Option<Order>) -> bool {
        let (begins, ends) = (self.after >= 0, self.before < i64::MAX);
        self.few
            && match order {
                Some(Order::NewestFirst) => begins,
                Some(Order::OldestFirst) => ends,
                None => begins && ends,
            }
    }

    /// Its conditions, as `read_events.sql` names them.
    pub(super) fn conditions(&self) -> Vec<&'static str> {
        let types = self.types.as_ref().map(Vec::len);
        let all = [
            ("type", types == Some(1)),
            ("types", types.is_some_and(|count| count != 1)),
            ("entity_type", self.entity_type.is_some()),
            ("entity_id", self.entity_id.is_some()),
            ("order_key", self.order_key.is_some()),
            ("correlation", self.correlation.is_some()),
            ("causation", self.causation.is_some()),
            ("command", self.command.is_some()),
            ("agent", self.agent.is_some()),
            ("since", self.since.is_some()),
            ("until", self.until.is_some()),
            ("ids", self.ids.is_some()),
        ];
        all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
    }

    pub(super) fn args(&self, scope: crate::Scope, limit: i64) -> Result<Vec<Arg>, ReadError> {
        let types = self.types.as_deref().unwrap_or_default();
        let mut args = args![scope.tenant, scope.store, self.after, self.before, types.first(), json(types)?];
        args.extend(args![self.entity_type.as_ref(), self.entity_id.as_ref(), self.order_key.as_ref()]);
        args.extend(args![self.correlation.as_ref(), self.causation.as_ref(), self.command, self.agent]);
        args.extend(args![self.since, self.until, json(self.ids.as_deref().unwrap_or_default())?, limit]);
        Ok(args)
    }
}

impl<DB: Engine> Reader<DB> {
    /// What of the filter statements can answer, with everything looked up that needs it: the event, the types that are
    /// there, the places that belong to times.
    pub(crate) async fn query(&self, tx: &mut Transaction<'static, DB>, filter: &Filter) -> Result<Query, ReadError> {
        let mut query = Query {
            after: filter.first.map_or(-1, |first| first - 1),
            before: filter.last.map_or(i64::MAX, |last| last.saturating_add(1)),
            entity_type: filter.entity_type.clone(),
            entity_id: filter.entity_id.clone(),
            order_key: filter.order_key.clone(),
            correlation: filter.correlation.clone(),
            causation: filter.causation.clone(),
            command: filter.command,
            agent: filter.agent,
            since: filter.since,
            until: filter.until,
            ..Query::default()
        };
        if !filter.types.is_empty() {
            query.types = Some(self.matching_types(tx, filter).await?);
        }
        if filter.event.is_some() || filter.event_key.is_some() {
            query.ids = Some(self.identified(tx, filter.event.as_ref(), filter.event_key.as_ref()).await?);
        }
        if let Some(since) = filter.since {
            let (near, far) = (self.place(tx, since).await?, self.place(tx, since.saturating_sub(CLOCK_SLACK)).await?);
            query.after = query.after.max(far.max(near.saturating_sub(PLACE_SLACK)) - 1);
        }
        if let Some(until) = filter.until {
            let (near, far) = (self.place(tx, until).await?, self.place(tx, until.saturating_add(CLOCK_SLACK)).await?);
            query.before = query.before.min(far.min(near.saturating_add(PLACE_SLACK)));
        }
        Ok(query)
    }

    async fn matching_types(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
    ) -> Result<Vec<String>, ReadError> {
        if filter.types.iter().all(crate::filter::TypeGlob::is_exact) {
            return Ok(filter.types.iter().map(|glob| glob.as_str().to_owned()).collect());
        }
        let known = self.known_types(tx).await?;
        let wanted = |name: &String| filter.types.iter().any(|glob| type_matches(glob.as_str(), name));
        Ok(known.into_iter().filter(wanted).collect())
    }

    /// Every type of the scope, in the order of the alphabet.
    pub(super) async fn known_types(&self, tx: &mut Transaction<'static, DB>) -> Result<Vec<String>, ReadError> {
        let scope = self.outbox.scope;
        let rows = self.rows(tx, statement!("read_types"), args![scope.tenant, scope.store, TYPES]).await?;
        Ok(rows.into_iter().map(|mut row| row.text()).collect::<Result<_, _>>()?)
    }

    async fn identified(
        &self,
        tx: &mut Transaction<'static, DB>,
        event: Option<&EventRef>,
        key: Option<&String>,
    ) -> Result<Vec<i64>, ReadError> {
        let (least, greatest) = event.map(EventRef::range).unzip();
        let on: Vec<&str> = [event.map(|_| "id"), key.map(|_| "key")].into_iter().flatten().collect();
        let scope = self.outbox.scope;
        let args = args![scope.tenant, scope.store, least, greatest, key, 100_i64];
        let rows = self.composed(tx, statement!("read_identity"), &on, args).await?;
        let place = |mut row: Cells| -> Result<i64, sqlx::Error> {
            row.id()?;
            row.opt_text()?;
            row.int()
        };
        Ok(rows.into_iter().map(place).collect::<Result<_, _>>()?)
    }

    async fn place(&self, tx: &mut Transaction<'static, DB>, time: i64) -> Result<i64, ReadError> {
        let rows = self.rows(tx, statement!("read_place"), args![time]).await?;
        Ok(rows.into_iter().next().map_or(Ok(0), |mut row| row.int())?)
    }
}
