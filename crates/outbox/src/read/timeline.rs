//! What happened to an entity, and in an operation.

use std::collections::BTreeMap;

use sqlx::Transaction;

use super::course::Found;
use super::{Item, Order, Page, PageRequest, Query, ReadError, Reader};
use crate::draft::Entity;
use crate::engine::Engine;
use crate::filter::Filter;

/// Order keys of one entity that are followed.
const KEYS: usize = 16;

/// An event of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The event.
    pub item: Item,
    /// It is about another entity of the same order.
    pub related: bool,
}

impl<DB: Engine> Reader<DB> {
    /// The events of an entity and of everything that shares its order key, so that an order's payments and shipments
    /// appear; the oldest first. The cursor is the place of the last entry; it is `None` on the last page.
    pub async fn timeline(
        &self,
        entity: &Entity,
        request: PageRequest,
    ) -> Result<(Vec<TimelineEntry>, Option<i64>), ReadError> {
        let mut tx = self.begin().await?;
        let own =
            Filter { entity_type: Some(entity.kind.clone()), entity_id: Some(entity.id.clone()), ..Filter::default() };
        let own = self.query(&mut tx, &own).await?;
        // The keys of its own events, first and last: an entity rarely changes the order it belongs to.
        let mut keys = Vec::new();
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let some = self.fetch(&mut tx, &own, order, KEYS).await?;
            keys.extend(some.into_iter().filter_map(|(event, _)| event.order_key));
        }
        keys.sort();
        keys.dedup();
        keys.truncate(KEYS);
        let mut parts = vec![own];
        for key in keys {
            let by_key = Filter { order_key: Some(key), ..Filter::default() };
            parts.push(self.query(&mut tx, &by_key).await?);
        }
        let page = self.union(&mut tx, parts, request).await?;
        let entry = |item: Item| {
            let related = item.event.entity_type != entity.kind || item.event.entity_id != entity.id;
            TimelineEntry { item, related }
        };
        Ok((page.events.into_iter().map(entry).collect(), page.next_cursor))
    }

    /// The events of one operation or correlation, as they were written. `id` is a correlation id, or the UUID of a
    /// command; only this scope is looked at.
    pub async fn trace(&self, id: &str, request: PageRequest) -> Result<Page, ReadError> {
        let mut tx = self.begin().await?;
        let correlation = Filter { correlation: Some(id.to_owned()), ..Filter::default() };
        let mut parts = vec![self.query(&mut tx, &correlation).await?];
        if let Ok(command) = uuid::Uuid::try_parse(id) {
            parts.push(self.query(&mut tx, &Filter { command: Some(command), ..Filter::default() }).await?);
        }
        let mut total = 0;
        for part in &parts {
            let course = self.course(&mut tx, part).await?;
            total += self.total(&mut tx, &course, request.order).await?.0;
        }
        let page = self.union(&mut tx, parts, request).await?;
        // An event with both counts twice.
        let whole = request.cursor.is_none() && page.next_cursor.is_none();
        let counted = i64::try_from(page.events.len()).unwrap_or(i64::MAX);
        Ok(Page { total: if whole { counted } else { total }, total_exact: whole, ..page })
    }

    /// What any of the queries finds, the oldest first unless said otherwise.
    async fn union(
        &self,
        tx: &mut Transaction<'static, DB>,
        parts: Vec<Query>,
        request: PageRequest,
    ) -> Result<Page, ReadError> {
        let newest = request.order == Order::NewestFirst;
        let limit = usize::from(request.limit.clamp(1, super::PAGE));
        let mut found: BTreeMap<i64, Found> = BTreeMap::new();
        for part in parts {
            let part = part.behind(request.cursor, request.order);
            for one in self.fetch(tx, &part, request.order, limit + 1).await? {
                found.insert(if newest { -one.0.log_id } else { one.0.log_id }, one);
            }
        }
        let mut page = Page::empty();
        page.fill(found.into_values().take(limit + 1).collect(), limit);
        if request.deliveries {
            self.add_deliveries(tx, &mut page.events).await?;
        }
        Ok(page)
    }
}
