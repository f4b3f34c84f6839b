//! Reading the log by snapshot.
//!
//! At the head one statement finds the rows of transactions that the cursor's snapshot had not seen, and its own snapshot
//! is the next one. With more rows than fit, that snapshot is kept as `cur` and read page by page, by id. Three ways that
//! look simpler lose events or stall: ids greater than the last one; a sequence value paired with a snapshot; pairs of
//! transaction and id below the oldest running transaction.

use sqlx::{Error, PgConnection};

use super::sql;
use crate::delivery::{Chunk, CursorRow, CursorState, Lease, LoggedEvent, Way, read_event};
use crate::schema::Schema;
use crate::sql::{Cells, args};

pub(super) async fn poll(
    connection: &mut PgConnection,
    schema: &Schema,
    lease: &Lease,
    mut cursor: CursorState,
    most: u16,
) -> Result<Chunk, Error> {
    if cursor.row.redeliver_from < cursor.redeliver_upto {
        return poll_older(connection, schema, lease, cursor, most).await;
    }
    let stored = cursor.clone();
    let Some(cur) = cursor.row.cur.take() else {
        let (seen, events) = poll_head(connection, schema, lease, &cursor, most).await?;
        if events.len() <= usize::from(most) {
            return Ok(head_chunk(&stored, seen, events));
        }
        let last_id = floor(connection, schema, &cursor).await?;
        cursor.row.last_id = last_id;
        return page(connection, schema, lease, &stored, cursor, seen, most).await;
    };
    page(connection, schema, lease, &stored, cursor, cur, most).await
}

fn head_chunk(cursor: &CursorState, seen: String, events: Vec<LoggedEvent>) -> Chunk {
    let all = CursorRow { prev: seen.clone(), cur: None, last_id: 0, ..cursor.row.clone() };
    let part = CursorRow { cur: Some(seen.clone()), ..cursor.row.clone() };
    cursor.chunk(Way::Snapshot, events, false, (all, (seen.clone(), i64::MAX)), (part, seen))
}

async fn poll_head(
    connection: &mut PgConnection,
    schema: &Schema,
    lease: &Lease,
    cursor: &CursorState,
    most: u16,
) -> Result<(String, Vec<LoggedEvent>), Error> {
    let (first, last) = lease.shards;
    let args = args![cursor.log_epoch, &cursor.row.prev, first, last, i64::from(most) + 1];
    let rows = sql::fetch(connection, schema.sql(include_str!("../../sql/postgres/poll_head.sql")), args).await?;
    read_rows(rows)
}

/// Below it there is nothing that the page statement could give.
async fn floor(connection: &mut PgConnection, schema: &Schema, cursor: &CursorState) -> Result<i64, Error> {
    let statement = schema.sql(include_str!("../../sql/postgres/only/poll_floor.sql"));
    let rows = sql::fetch(connection, statement, args![cursor.log_epoch, &cursor.row.prev]).await?;
    let smallest = rows.into_iter().next().map_or(Ok(None), |mut row| row.opt_int())?;
    Ok(smallest.unwrap_or(1) - 1)
}

async fn page(
    connection: &mut PgConnection,
    schema: &Schema,
    lease: &Lease,
    stored: &CursorState,
    cursor: CursorState,
    cur: String,
    most: u16,
) -> Result<Chunk, Error> {
    let (first, last) = lease.shards;
    let args = args![cursor.log_epoch, &cursor.row.prev, &cur, cursor.row.last_id, first, last, most];
    let statement = schema.sql(include_str!("../../sql/postgres/only/poll_page.sql"));
    let (_, events) = read_rows(sql::fetch(connection, statement, args).await?)?;
    let full = events.len() == usize::from(most);
    let part = CursorRow { cur: Some(cur.clone()), ..cursor.row.clone() };
    let (all, upto) = match events.last() {
        Some(event) if full => (CursorRow { last_id: event.log_id, ..part.clone() }, event.log_id),
        _ => (CursorRow { prev: cur.clone(), cur: None, last_id: 0, ..cursor.row }, i64::MAX),
    };
    // The end of a page is not the head: events may have come since `cur` was taken.
    Ok(stored.chunk(Way::Snapshot, events, true, (all, (cur.clone(), upto)), (part, cur)))
}

async fn poll_older(
    connection: &mut PgConnection,
    schema: &Schema,
    lease: &Lease,
    cursor: CursorState,
    most: u16,
) -> Result<Chunk, Error> {
    let (first, last) = lease.shards;
    let (from, upto) = (cursor.row.redeliver_from, cursor.redeliver_upto);
    let args = args![&cursor.row.prev, from, upto, cursor.log_epoch, first, last, most];
    let statement = schema.sql(include_str!("../../sql/postgres/only/poll_redeliver.sql"));
    let (_, events) = read_rows(sql::fetch(connection, statement, args).await?)?;
    let full = events.len() == usize::from(most);
    let end = events.last().filter(|_| full).map_or(upto, |event| event.log_id);
    let prev = cursor.row.prev.clone();
    let all = CursorRow { redeliver_from: end, ..cursor.row.clone() };
    Ok(cursor.chunk(Way::OlderEpoch, events, true, (all, (prev.clone(), end)), (cursor.row.clone(), prev)))
}

/// The snapshot is in every row; a row without an event is there for its sake.
fn read_rows(rows: Vec<Cells>) -> Result<(String, Vec<LoggedEvent>), Error> {
    let mut seen = String::new();
    let mut events = Vec::with_capacity(rows.len());
    for mut row in rows {
        seen = row.text()?;
        if !row.at_null() {
            events.push(read_event(&mut row)?);
        }
    }
    Ok((seen, events))
}
