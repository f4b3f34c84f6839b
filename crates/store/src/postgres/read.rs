//! Reading events: pages of a stream and look-ups by id.

use sqlx::{Postgres, QueryBuilder};
use stateset_ledger::id::{EventId, StoreId, TenantId};
use uuid::Uuid;

use super::{PostgresStore, store_error};
use crate::append::PayloadSegment;
use crate::error::StoreError;
use crate::raw;
use crate::read::{EXACT_TOTAL, EventFilter, EventPage, EventQuery, FoundEvent, PAGE_EVENTS, StoredEvent, order};
use crate::row::{found_event, segment, stored_event};
use crate::stream::StreamNo;

const COLUMNS: &str = "SELECT e.seq, e.event_id, e.version, e.agent_id, e.agent_key_id, e.entity_type, e.entity_id, \
     e.event_type, e.created_at, e.payload_form, e.payload_hash, e.cipher_hash, e.content_hash, e.seal, e.command_id, \
     e.base_version, e.order_key, e.correlation_id, e.annotations, e.sequenced_at, e.receipt_key_id, \
     e.receipt_signature, (SELECT max(p.first_seq) FROM event_payload AS p \
     WHERE p.stream_no = e.stream_no AND p.first_seq <= e.seq) FROM events AS e";

impl PostgresStore {
    /// The head is read first: whatever it covers is visible to the later statement, because streams grow in commit order.
    pub(super) async fn page(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        let mut reader = self.reader().await?;
        let connection = reader.connection();
        let size: Option<i64> = sqlx::query_scalar(include_str!("../../sql/postgres/stream_size.sql"))
            .bind(query.stream.0)
            .fetch_optional(&mut *connection)
            .await
            .map_err(store_error)?;
        let size = size.unwrap_or(0);
        let last = query.upto.map_or(size, |upto| size.min(raw::column(upto.get())));
        let limit = query.limit.clamp(1, PAGE_EVENTS);
        let mut rows = QueryBuilder::<Postgres>::new(COLUMNS);
        push_where(&mut rows, query, last);
        rows.push(order(query)).push_bind(i64::from(limit) + 1);
        let rows = rows.build().fetch_all(&mut *connection).await.map_err(store_error)?;
        let mut events = rows.iter().map(stored_event).collect::<Result<Vec<_>, _>>()?;
        let has_more = events.len() > limit as usize;
        events.truncate(limit as usize);
        if query.newest_first {
            events.reverse();
        }
        let total = match (query.count, query.filter.admits_all()) {
            (false, _) => None,
            (true, true) => Some(raw::count((last - raw::column(query.from.index())).max(0))?),
            (true, false) => {
                let mut count = QueryBuilder::<Postgres>::new("SELECT count(*) FROM (SELECT 1 FROM events AS e");
                push_where(&mut count, query, last);
                count.push(" LIMIT ").push_bind(raw::column(EXACT_TOTAL + 1)).push(") AS matching");
                let count: i64 = count.build_query_scalar().fetch_one(&mut *connection).await.map_err(store_error)?;
                Some(raw::count(count)?)
            },
        };
        let segments = segments(connection, query.stream, &events).await?;
        Ok(EventPage { events, segments, head_size: raw::count(size)?, has_more, total })
    }

    pub(super) async fn find_event(
        &self,
        tenant: TenantId,
        stores: Option<&[StoreId]>,
        id: EventId,
    ) -> Result<Vec<FoundEvent>, StoreError> {
        let rows = self
            .rows(
                sqlx::query(include_str!("../../sql/postgres/event_by_id.sql"))
                    .bind(id.0)
                    .bind(tenant.0)
                    .bind(stores.map(|stores| stores.iter().map(|store| store.0).collect::<Vec<Uuid>>())),
            )
            .await?;
        rows.iter().map(found_event).collect()
    }
}

fn push_where(sql: &mut QueryBuilder<Postgres>, query: &EventQuery, last: i64) {
    let EventFilter { entity_type, entity_id, event_type, agent, correlation_id, order_key, since, until } =
        &query.filter;
    sql.push(" WHERE e.stream_no = ").push_bind(query.stream.0);
    sql.push(" AND e.seq >= ").push_bind(raw::column(query.from.get()));
    sql.push(" AND e.seq <= ").push_bind(last);
    let texts = [
        ("entity_type", entity_type),
        ("entity_id", entity_id),
        ("correlation_id", correlation_id),
        ("order_key", order_key),
    ];
    for (column, wanted) in texts {
        if let Some(wanted) = wanted {
            sql.push(" AND e.").push(column).push(" = ").push_bind(wanted.clone());
        }
    }
    if let Some(glob) = event_type {
        sql.push(" AND e.event_type LIKE ").push_bind(like_pattern(glob));
    }
    if let Some(agent) = agent {
        sql.push(" AND e.agent_id = ").push_bind(agent.0);
    }
    if let Some(since) = since {
        sql.push(" AND e.sequenced_at >= ").push_bind(since.0);
    }
    if let Some(until) = until {
        sql.push(" AND e.sequenced_at < ").push_bind(until.0);
    }
}

/// Only `*` is special in our globs; what LIKE would interpret is escaped.
fn like_pattern(glob: &str) -> String {
    let mut pattern = String::with_capacity(glob.len() + 4);
    for c in glob.chars() {
        match c {
            '*' => pattern.push('%'),
            '%' | '_' | '\\' => pattern.extend(['\\', c]),
            other => pattern.push(other),
        }
    }
    pattern
}

async fn segments(
    connection: &mut sqlx::PgConnection,
    stream: StreamNo,
    events: &[StoredEvent],
) -> Result<Vec<PayloadSegment>, StoreError> {
    let mut firsts: Vec<i64> = events.iter().map(|event| raw::column(event.segment.get())).collect();
    firsts.dedup();
    let rows = sqlx::query(include_str!("../../sql/postgres/payload_segments.sql"))
        .bind(stream.0)
        .bind(firsts)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    rows.iter().map(|row| segment(row, 0)).collect()
}
