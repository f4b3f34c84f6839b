//! Appends: one statement, retried when the engine asks for it.

use sqlx::{Connection as _, PgConnection};
use stateset_ledger::agent_key::KeyChange;
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{Sequence, TenantId};
use uuid::Uuid;

use super::{PostgresStore, store_error};
use crate::append::{Appended, StreamAppend};
use crate::error::StoreError;
use crate::raw;

/// Serialization failures and deadlocks (40001, 40P01) are the engine's way to say "again".
const MAX_ATTEMPTS: u32 = 5;

impl PostgresStore {
    pub(super) async fn append_all(&self, appends: &[StreamAppend<'_>]) -> Result<Vec<Appended>, StoreError> {
        let mut slot = self.appender.lock().await;
        // Taken out, so that a future dropped half-way drops the connection with it.
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect_appender().await?,
        };
        let mut attempt = 1;
        let moved = loop {
            match commit(&mut connection, appends).await {
                Err(error) if is_transient(&error) && attempt < MAX_ATTEMPTS => attempt += 1,
                other => break other,
            }
        };
        let moved = moved.map_err(store_error);
        if !matches!(moved, Err(StoreError::Unavailable(_))) {
            *slot = Some(connection);
        }
        let moved = moved?;
        Ok(appends
            .iter()
            .map(|append| if moved.contains(&append.stream.0) { Appended::Committed } else { Appended::Moved })
            .collect())
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    matches!(error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(), Some("40001" | "40P01"))
}

/// Key changes are rare and need a second statement; everything else commits by itself.
async fn commit(connection: &mut PgConnection, appends: &[StreamAppend<'_>]) -> Result<Vec<i64>, sqlx::Error> {
    if appends.iter().all(|append| append.key_changes.is_empty()) {
        return append_statement(connection, appends).await;
    }
    let mut transaction = connection.begin().await?;
    let moved = append_statement(&mut transaction, appends).await?;
    for append in appends.iter().filter(|append| moved.contains(&append.stream.0)) {
        for (sequence, change) in &append.key_changes {
            apply_key_change(&mut transaction, append.scope.tenant, *sequence, change).await?;
        }
    }
    transaction.commit().await?;
    Ok(moved)
}

async fn append_statement(
    connection: &mut PgConnection,
    appends: &[StreamAppend<'_>],
) -> Result<Vec<i64>, sqlx::Error> {
    let mut ordered: Vec<&StreamAppend<'_>> = appends.iter().collect();
    ordered.sort_unstable_by_key(|append| append.stream);
    let query = bind_streams(sqlx::query_scalar(include_str!("../../sql/postgres/append.sql")), &ordered);
    let query = bind_events(query, &ordered);
    bind_tiles(bind_payloads(query, &ordered), &ordered).fetch_all(connection).await
}

type Query<'q> = sqlx::query::QueryScalar<'q, sqlx::Postgres, i64, sqlx::postgres::PgArguments>;

fn bind_streams<'q>(query: Query<'q>, appends: &[&'q StreamAppend<'q>]) -> Query<'q> {
    let column = |value: &dyn Fn(&StreamAppend<'_>) -> i64| appends.iter().map(|a| value(a)).collect::<Vec<i64>>();
    query
        .bind(column(&|a| a.stream.0))
        .bind(column(&|a| raw::column(a.expected_size)))
        .bind(column(&|a| raw::column(a.head.size())))
        .bind(appends.iter().map(|a| a.head.frontier().to_bytes()).collect::<Vec<_>>())
        .bind(appends.iter().map(|a| a.root.0.to_vec()).collect::<Vec<_>>())
        .bind(column(&|a| a.at.0))
        .bind(column(&|a| i64::from(a.signed.key.0)))
        .bind(appends.iter().map(|a| a.signed.signature.0.to_vec()).collect::<Vec<_>>())
        .bind(appends.iter().map(|a| a.key_stream.map(|(stream, _)| stream.0)).collect::<Vec<_>>())
        .bind(appends.iter().map(|a| a.key_stream.map(|(_, size)| raw::column(size))).collect::<Vec<_>>())
}

/// One vector per column; the strings and hashes are borrowed, so a row costs no allocation of its own.
#[derive(Default)]
struct EventColumns<'a> {
    stream_no: Vec<i64>,
    seq: Vec<i64>,
    event_id: Vec<Uuid>,
    version: Vec<i16>,
    agent_id: Vec<Uuid>,
    agent_key_id: Vec<Option<i64>>,
    entity_type: Vec<&'a str>,
    entity_id: Vec<&'a str>,
    event_type: Vec<&'a str>,
    created_at: Vec<&'a str>,
    payload_form: Vec<i16>,
    payload_hash: Vec<&'a [u8]>,
    cipher_hash: Vec<Option<&'a [u8]>>,
    content_hash: Vec<&'a [u8]>,
    seal: Vec<&'a [u8]>,
    command_id: Vec<Option<Uuid>>,
    base_version: Vec<Option<i64>>,
    order_key: Vec<Option<&'a str>>,
    correlation_id: Vec<Option<&'a str>>,
    annotations: Vec<Option<String>>,
    sequenced_at: Vec<i64>,
    receipt_key_id: Vec<Option<i64>>,
    receipt_signature: Vec<Option<&'a [u8]>>,
}

impl<'a> EventColumns<'a> {
    fn push_all(&mut self, append: &'a StreamAppend<'a>) {
        for event in &append.events {
            let header = event.header;
            let (agent_key_id, seal) = raw::seal_columns(&header.seal);
            self.stream_no.push(append.stream.0);
            self.seq.push(raw::column(event.sequence.get()));
            self.event_id.push(header.event_id.0);
            self.version.push(i16::from(header.version.number()));
            self.agent_id.push(header.agent.0);
            self.agent_key_id.push(agent_key_id);
            self.entity_type.push(&header.entity_type);
            self.entity_id.push(&header.entity_id);
            self.event_type.push(&header.event_type);
            self.created_at.push(&header.created_at);
            self.payload_form.push(i16::from(header.payload_form.number()));
            self.payload_hash.push(&header.payload_hash.0);
            self.cipher_hash.push((header.cipher_hash != Hash::ZERO).then_some(&header.cipher_hash.0));
            self.content_hash.push(&header.content_hash.0);
            self.seal.push(seal);
            self.command_id.push(header.command_id);
            self.base_version.push(header.base_version.map(u64::cast_signed));
            self.order_key.push(header.order_key.as_deref());
            self.correlation_id.push(header.correlation_id.as_deref());
            self.annotations.push(raw::annotations_column(&header.annotations));
            self.sequenced_at.push(append.at.0);
            self.receipt_key_id.push(event.receipt.map(|receipt| i64::from(receipt.key.0)));
            self.receipt_signature.push(event.receipt.as_ref().map(|receipt| receipt.signature.0.as_slice()));
        }
    }
}

fn bind_events<'q>(query: Query<'q>, appends: &[&'q StreamAppend<'q>]) -> Query<'q> {
    let mut columns = EventColumns::default();
    for append in appends {
        columns.push_all(append);
    }
    query
        .bind(columns.stream_no)
        .bind(columns.seq)
        .bind(columns.event_id)
        .bind(columns.version)
        .bind(columns.agent_id)
        .bind(columns.agent_key_id)
        .bind(columns.entity_type)
        .bind(columns.entity_id)
        .bind(columns.event_type)
        .bind(columns.created_at)
        .bind(columns.payload_form)
        .bind(columns.payload_hash)
        .bind(columns.cipher_hash)
        .bind(columns.content_hash)
        .bind(columns.seal)
        .bind(columns.command_id)
        .bind(columns.base_version)
        .bind(columns.order_key)
        .bind(columns.correlation_id)
        .bind(columns.annotations)
        .bind(columns.sequenced_at)
        .bind(columns.receipt_key_id)
        .bind(columns.receipt_signature)
}

fn bind_payloads<'q>(query: Query<'q>, appends: &[&'q StreamAppend<'q>]) -> Query<'q> {
    let rows: Vec<_> = appends.iter().flat_map(|a| a.payloads.iter().map(|segment| (a.stream.0, segment))).collect();
    query
        .bind(rows.iter().map(|(stream, _)| *stream).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, segment)| raw::column(segment.first.get())).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, segment)| raw::column(segment.last.get())).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, segment)| segment.key_id.as_ref().map(<[u8; 8]>::as_slice)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, segment)| segment.sealed.as_slice()).collect::<Vec<_>>())
}

fn bind_tiles<'q>(query: Query<'q>, appends: &[&'q StreamAppend<'q>]) -> Query<'q> {
    let rows: Vec<_> = appends.iter().flat_map(|a| a.tiles.iter().map(|tile| (a.stream.0, tile))).collect();
    query
        .bind(rows.iter().map(|(stream, _)| *stream).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, tile)| i16::from(tile.level)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, tile)| raw::column(tile.index)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, tile)| tile.root.0.as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, tile)| raw::hashes_column(&tile.hashes)).collect::<Vec<_>>())
}

async fn apply_key_change(
    connection: &mut PgConnection,
    tenant: TenantId,
    sequence: Sequence,
    change: &KeyChange,
) -> Result<(), sqlx::Error> {
    match change {
        KeyChange::Register { agent, key, public_key, valid_from, valid_to } => {
            sqlx::query(include_str!("../../sql/postgres/register_agent_key.sql"))
                .bind(tenant.0)
                .bind(agent.0)
                .bind(i64::from(key.0))
                .bind(public_key.0.as_slice())
                .bind(valid_from.map(|at| at.0))
                .bind(valid_to.map(|at| at.0))
                .bind(raw::column(sequence.get()))
                .execute(connection)
                .await?
        },
        KeyChange::Revoke { agent, key, revoked_at } => {
            sqlx::query(include_str!("../../sql/postgres/revoke_agent_key.sql"))
                .bind(tenant.0)
                .bind(agent.0)
                .bind(i64::from(key.0))
                .bind(revoked_at.0)
                .execute(connection)
                .await?
        },
    };
    Ok(())
}
