//! Writing many events by COPY, in its binary form: for events whose ids are new and which have no key. COPY knows no
//! `ON CONFLICT`; if an id is known after all, nothing of it stays, and the caller takes the other way.

use sqlx::{Connection as _, Error, PgConnection};

use crate::schema::Schema;
use crate::scope::Scope;
use crate::write::Row;

/// Signature, flags and length of the header's extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// Bytes of one message to the server.
const PIECE: usize = 256 * 1024;

// COPY cannot be prepared, so these are not among the statements of `sql/`, every one of which a test prepares.
const IDENTITIES: &str = "COPY outbox.event_identity (tenant_id, store_id, event_id, log_id, payload_hash) \
                          FROM STDIN (FORMAT binary)";
const EVENTS: &str = "COPY outbox.event_log (id, tenant_id, store_id, event_id, shard, event_type, schema_version, \
                      entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id, command_id, \
                      traceparent, agent_id, agent_key_id, created_at, deliverable) FROM STDIN (FORMAT binary)";
const PLACES: &str = include_str!("../../sql/postgres/only/places.sql");

/// Whether these events may be copied: pure. `from` keeps small batches away: a COPY that fits into one segment of a local
/// connection waits 40 ms, because the driver leaves Nagle's algorithm on and the end is a message of its own.
pub(super) fn suits(rows: &[Row], from: usize) -> bool {
    rows.len() >= from && rows.iter().all(|row| row.event_key.is_none())
}

/// The places of the events; `None`: one of them is known, or the table cannot be copied into (row-level security), and
/// nothing was written.
pub(super) async fn copy_events(
    connection: &mut PgConnection,
    schema: &Schema,
    scope: Scope,
    rows: &[Row],
) -> Result<Option<Vec<i64>>, Error> {
    let mut savepoint = connection.begin().await?;
    match copy(&mut savepoint, schema, scope, rows).await {
        Ok(places) => {
            savepoint.commit().await?;
            Ok(Some(places))
        },
        Err(error) if is_refused(&error) => {
            savepoint.rollback().await?;
            Ok(None)
        },
        Err(error) => Err(error),
    }
}

/// `unique_violation`, `feature_not_supported`
fn is_refused(error: &Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("23505" | "0A000"))
}

async fn copy(connection: &mut PgConnection, schema: &Schema, scope: Scope, rows: &[Row]) -> Result<Vec<i64>, Error> {
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let places: Vec<i64> = sqlx::query_scalar(schema.sql(PLACES)).bind(count).fetch_all(&mut *connection).await?;
    send(connection, schema, IDENTITIES, rows.iter().zip(&places), |out, (row, place)| {
        out.columns(5);
        out.some(scope.tenant.as_bytes());
        out.some(scope.store.as_bytes());
        out.some(row.event_id.as_bytes());
        out.some(&place.to_be_bytes());
        out.some(&row.payload_hash);
    })
    .await?;
    send(connection, schema, EVENTS, rows.iter().zip(&places), |out, (row, place)| event(out, scope, row, *place))
        .await?;
    Ok(places)
}

fn event(out: &mut Copied, scope: Scope, row: &Row, place: i64) {
    out.columns(20);
    out.some(&place.to_be_bytes());
    out.some(scope.tenant.as_bytes());
    out.some(scope.store.as_bytes());
    out.some(row.event_id.as_bytes());
    out.some(&i16::from(row.shard).to_be_bytes());
    out.some(row.event_type.as_bytes());
    out.some(&row.schema_version.to_be_bytes());
    out.some(row.entity_type.as_bytes());
    out.some(row.entity_id.as_bytes());
    out.text(row.order_key.as_ref());
    out.some(row.payload.as_bytes());
    out.text(row.metadata.as_ref());
    out.text(row.correlation_id.as_ref());
    out.text(row.causation_id.as_ref());
    out.column(row.command_id.as_ref().map(|id| id.as_bytes().as_slice()));
    out.text(row.traceparent.as_ref());
    out.column(row.agent_id.as_ref().map(|id| id.as_bytes().as_slice()));
    out.column(row.agent_key_id.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    out.some(row.created_at.as_bytes());
    out.some(&[u8::from(row.deliverable)]);
}

async fn send<T>(
    connection: &mut PgConnection,
    schema: &Schema,
    statement: &'static str,
    rows: impl Iterator<Item = T>,
    write: impl Fn(&mut Copied, T),
) -> Result<(), Error> {
    let mut copy = connection.copy_in_raw(schema.sql(statement).as_str()).await?;
    let mut out = Copied(HEADER.to_vec());
    for row in rows {
        write(&mut out, row);
        if out.0.len() >= PIECE {
            copy.send(std::mem::take(&mut out.0)).await?;
        }
    }
    out.0.extend_from_slice(&TRAILER);
    copy.send(out.0).await?;
    copy.finish().await?;
    Ok(())
}

/// Rows in COPY's binary form: a count of columns, then for each its length and bytes.
struct Copied(Vec<u8>);

impl Copied {
    fn columns(&mut self, count: i16) {
        self.0.extend_from_slice(&count.to_be_bytes());
    }

    fn some(&mut self, bytes: &[u8]) {
        self.column(Some(bytes));
    }

    fn text(&mut self, text: Option<&String>) {
        self.column(text.map(String::as_bytes));
    }

    fn column(&mut self, value: Option<&[u8]>) {
        // A value is at most a payload, whose limit is far below.
        let length = value.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value.unwrap_or_default());
    }
}
