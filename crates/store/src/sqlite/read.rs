//! Reading events: pages of a stream and look-ups by id.

use sqlx::{QueryBuilder, Sqlite};
use stateset_ledger::id::{EventId, StoreId, TenantId};

use super::rows::Rows;
use super::{SqliteStore, store_error};
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
     WHERE p.stream_no = e.stream_no AND p.first_seq <= e.seq)";

const PAYLOAD_SEGMENTS: Rows = Rows(include_str!("../../sql/sqlite/payload_segments.sql"));

impl SqliteStore {
    /// The head is read first: whatever it covers is visible to the later statement, because streams grow in commit order.
    pub(super) async fn page(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(store_error)?;
        let size: Option<i64> = sqlx::query_scalar(include_str!("../../sql/sqlite/stream_size.sql"))
            .bind(query.stream.0)
            .fetch_optional(&mut *connection)
            .await
            .map_err(store_error)?;
        let size = size.unwrap_or(0);
        let last = query.upto.map_or(size, |upto| size.min(raw::column(upto.get())));
        let limit = query.limit.clamp(1, PAGE_EVENTS);
        let mut rows = QueryBuilder::<Sqlite>::new(COLUMNS);
        push_from_where(&mut rows, query, last);
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
                let mut count = QueryBuilder::<Sqlite>::new("SELECT count(*) FROM (SELECT 1");
                push_from_where(&mut count, query, last);
                count.push(" LIMIT ").push_bind(raw::column(EXACT_TOTAL + 1)).push(") AS matching");
                let count: i64 = count.build_query_scalar().fetch_one(&mut *connection).await.map_err(store_error)?;
                Some(raw::count(count)?)
            },
        };
        let segments = segments(&mut connection, query.stream, &events).await?;
        Ok(EventPage { events, segments, head_size: raw::count(size)?, has_more, total })
    }

    pub(super) async fn find_event(
        &self,
        tenant: TenantId,
        stores: Option<&[StoreId]>,
        id: EventId,
    ) -> Result<Vec<FoundEvent>, StoreError> {
        let rows = sqlx::query(include_str!("../../sql/sqlite/event_by_id.sql"))
            .bind(id.0)
            .bind(tenant.0)
            .fetch_all(&self.readers)
            .await
            .map_err(store_error)?;
        let found = rows.iter().map(found_event);
        // One id is in few stores, so those that were not asked for are cheaper to drop here than to exclude by parameters.
        let asked = |found: &FoundEvent| stores.is_none_or(|stores| stores.contains(&found.scope.store));
        found.filter(|found| found.as_ref().map_or(true, asked)).collect()
    }
}

fn push_from_where(sql: &mut QueryBuilder<Sqlite>, query: &EventQuery, last: i64) {
    let EventFilter { entity_type, entity_id, event_type, agent, correlation_id, order_key, since, until } =
        &query.filter;
    // Named, because the planner believes that the bounds of seq make the primary key as good as any index.
    let index = match (correlation_id, order_key, entity_type, entity_id) {
        (Some(_), _, _, _) => " INDEXED BY events_correlation",
        (_, Some(_), _, _) => " INDEXED BY events_order_key",
        (_, _, Some(_), Some(_)) => " INDEXED BY events_entity",
        _ => "",
    };
    sql.push(" FROM events AS e").push(index);
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
        sql.push(" AND e.event_type GLOB ").push_bind(pattern(glob));
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

/// Only `*` is special in our globs; what else GLOB would interpret is put in brackets.
fn pattern(glob: &str) -> String {
    let mut pattern = String::with_capacity(glob.len() + 4);
    for c in glob.chars() {
        match c {
            '?' | '[' => pattern.extend(['[', c, ']']),
            other => pattern.push(other),
        }
    }
    pattern
}

async fn segments(
    connection: &mut sqlx::SqliteConnection,
    stream: StreamNo,
    events: &[StoredEvent],
) -> Result<Vec<PayloadSegment>, StoreError> {
    let mut firsts: Vec<i64> = events.iter().map(|event| raw::column(event.segment.get())).collect();
    firsts.dedup();
    let rows = PAYLOAD_SEGMENTS
        .run(connection, &firsts, |&first, row| {
            row.push(stream.0).push(first);
        })
        .await
        .map_err(store_error)?;
    rows.iter().map(|row| segment(row, 0)).collect()
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite};
    use stateset_ledger::id::{AgentId, Sequence};

    use super::{COLUMNS, SqliteStore, pattern, push_from_where};
    use crate::read::{EventFilter, EventQuery};
    use crate::stream::StreamNo;

    #[test]
    fn only_the_star_stays_special() {
        assert_eq!(pattern("order.*"), "order.*");
        assert_eq!(pattern("a?b[c]"), "a[?]b[[]c]");
    }

    /// How the database finds the events of a page and puts them in order.
    async fn plan(store: &SqliteStore, filter: EventFilter) -> String {
        let query = EventQuery { filter, ..EventQuery::new(StreamNo(1), Sequence::FIRST, 10) };
        let mut rows = QueryBuilder::<Sqlite>::new(COLUMNS);
        push_from_where(&mut rows, &query, 1_000_000);
        rows.push(" ORDER BY e.seq LIMIT ").push_bind(11_i64);
        let explain = format!("EXPLAIN QUERY PLAN {}", rows.sql().as_str());
        let steps = sqlx::query(AssertSqlSafe(explain)).fetch_all(&store.readers).await.expect("it is explained");
        let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
        steps.join("; ")
    }

    #[tokio::test]
    async fn filters_use_their_indexes_and_nothing_is_sorted() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(directory.path().join("log.sqlite"), 1).await.expect("the file opens");
        store.migrate().await.expect("the migrations run");
        let text = || Some("x".to_owned());
        let none = EventFilter::default;
        let cases = [
            (none(), "USING PRIMARY KEY (stream_no=? AND seq>? AND seq<?)"),
            (
                EventFilter { entity_type: text(), entity_id: text(), ..none() },
                "events_entity (stream_no=? AND entity_type=? AND entity_id=? AND seq>? AND seq<?)",
            ),
            (
                EventFilter { correlation_id: text(), event_type: text(), ..none() },
                "events_correlation (stream_no=? AND correlation_id=? AND seq>? AND seq<?)",
            ),
            (
                EventFilter { order_key: text(), agent: Some(AgentId::NIL), ..none() },
                "events_order_key (stream_no=? AND order_key=? AND seq>? AND seq<?)",
            ),
            (EventFilter { entity_type: text(), ..none() }, "SEARCH e USING"),
        ];
        for (filter, expected) in cases {
            let found = plan(&store, filter.clone()).await;
            println!("{filter:?}: {found}");
            assert!(found.contains(expected), "{found}");
            assert!(!found.contains("SCAN"), "{found}");
        }
    }
}
