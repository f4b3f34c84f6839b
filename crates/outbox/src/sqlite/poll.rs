//! Reading the log by id, and hearing of other processes' commits.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Error, SqlSafeStr as _, Sqlite, SqliteConnection, SqlitePool};
use tokio::time::Instant;

use super::sql;
use crate::delivery::{Chunk, CursorRow, CursorState, Lease, Way, read_event};
use crate::sql::args;

/// How often the file is looked at for commits of other processes.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn poll(
    connection: &mut SqliteConnection,
    lease: &Lease,
    cursor: CursorState,
    most: u16,
) -> Result<Chunk, Error> {
    let (first, last) = lease.shards;
    let prev: i64 = cursor.row.prev.parse().map_err(|_| crate::sql::decode("a cursor is no number"))?;
    let statement = include_str!("../../sql/sqlite/poll_head.sql").into_sql_str();
    let rows = sql::fetch(connection, statement, args![prev, first, last, most]).await?;
    let mut seen = prev.to_string();
    let mut events = Vec::with_capacity(rows.len());
    for mut row in rows {
        seen = row.text()?;
        if !row.at_null() {
            events.push(read_event(&mut row)?);
        }
    }
    let full = events.len() == usize::from(most);
    if let Some(event) = events.last().filter(|_| full) {
        seen = event.log_id.to_string();
    }
    let mark = (seen.clone(), i64::MAX);
    let all = CursorRow { prev: seen.clone(), ..cursor.row.clone() };
    Ok(cursor.chunk(Way::PlainId, events, full, (all, mark), (cursor.row.clone(), seen)))
}

/// A connection whose `data_version` changes with commits of others.
#[derive(Default)]
pub struct Listener(Option<(PoolConnection<Sqlite>, i64)>);

pub(super) async fn listen(pool: &SqlitePool, listener: &mut Listener, most: Duration) -> Result<(), Error> {
    let end = Instant::now() + most;
    let (mut connection, before) = if let Some(slot) = listener.0.take() {
        slot
    } else {
        let mut connection = pool.acquire().await?;
        let now = data_version(&mut connection).await?;
        (connection, now)
    };
    loop {
        let now = data_version(&mut connection).await?;
        if now != before || Instant::now() >= end {
            listener.0 = Some((connection, now));
            return Ok(());
        }
        tokio::time::sleep(LOOK.min(end - Instant::now())).await;
    }
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, Error> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await
}
