//! Appends: one transaction of four statements, each for all streams at once.

use std::sync::LazyLock;

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;
use stateset_ledger::agent_key::KeyChange;
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{Sequence, TenantId};
use stateset_ledger::stream::StreamTile;

use super::connect::{BEGIN, COMMIT};
use super::rows::{Rows, Script, Values};
use super::{SqliteStore, store_error};
use crate::append::{Appended, NewEvent, PayloadSegment, StreamAppend};
use crate::error::StoreError;
use crate::raw;

struct Statements {
    heads: Rows,
    events: Rows,
    payloads: Rows,
    tiles: Rows,
}

static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    let mut statements = include_str!("../../sql/sqlite/append.sql").split(";\n").map(Rows);
    let mut next = || statements.next().expect("append.sql has four statements");
    Statements { heads: next(), events: next(), payloads: next(), tiles: next() }
});

impl SqliteStore {
    /// Two trips when the events are few: one that begins and moves the heads, one that writes what belongs to the streams
    /// that took part, and commits.
    pub(super) async fn append_all(&self, appends: &[StreamAppend<'_>]) -> Result<Vec<Appended>, StoreError> {
        let mut turn = self.writer.turn().await?;
        let outcome = commit(&mut turn.connection, appends).await.map_err(store_error);
        let moved = turn.settle(outcome).await?;
        Ok(appends
            .iter()
            .map(|append| if moved.contains(&append.stream.0) { Appended::Committed } else { Appended::Moved })
            .collect())
    }
}

/// The whole transaction. Returns the streams that took part.
async fn commit(connection: &mut SqliteConnection, appends: &[StreamAppend<'_>]) -> Result<Vec<i64>, sqlx::Error> {
    let mut script = Script::default();
    script.push(BEGIN);
    script.add(connection, STATEMENTS.heads, appends, bind_head).await?;
    let moved = script.run(connection).await?;
    let moved = moved.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let appends: Vec<_> = appends.iter().filter(|append| moved.contains(&append.stream.0)).collect();

    for append in &appends {
        for (sequence, change) in &append.key_changes {
            apply_key_change(connection, append.scope.tenant, *sequence, change).await?;
        }
    }
    let events: Vec<_> = appends.iter().flat_map(|a| a.events.iter().map(move |event| (*a, event))).collect();
    let payloads: Vec<_> = appends.iter().flat_map(|a| a.payloads.iter().map(|p| (a.stream.0, p))).collect();
    let tiles: Vec<_> = appends.iter().flat_map(|a| a.tiles.iter().map(|tile| (a.stream.0, tile))).collect();
    let mut script = Script::default();
    script.add(connection, STATEMENTS.events, &events, bind_event).await?;
    script.add(connection, STATEMENTS.payloads, &payloads, bind_payload).await?;
    script.add(connection, STATEMENTS.tiles, &tiles, bind_tile).await?;
    script.push(COMMIT);
    script.run(connection).await?;
    Ok(moved)
}

fn bind_head(append: &StreamAppend<'_>, row: &mut Values) {
    row.push(append.stream.0)
        .push(raw::column(append.expected_size))
        .push(raw::column(append.head.size()))
        .push(append.head.frontier().to_bytes())
        .push(append.root.0.as_slice())
        .push(append.at.0)
        .push(i64::from(append.signed.key.0))
        .push(append.signed.signature.0.as_slice())
        .push(append.key_stream.map(|(stream, _)| stream.0))
        .push(append.key_stream.map(|(_, size)| raw::column(size)));
}

fn bind_event((append, event): &(&StreamAppend<'_>, &NewEvent<'_>), row: &mut Values) {
    let header = event.header;
    let (agent_key_id, seal) = raw::seal_columns(&header.seal);
    let cipher_hash = (header.cipher_hash != Hash::ZERO).then_some(header.cipher_hash.0.as_slice());
    row.push(append.stream.0)
        .push(raw::column(event.sequence.get()))
        .push(header.event_id.0)
        .push(i64::from(header.version.number()))
        .push(header.agent.0)
        .push(agent_key_id)
        .push(header.entity_type.as_str())
        .push(header.entity_id.as_str())
        .push(header.event_type.as_str())
        .push(header.created_at.as_str())
        .push(i64::from(header.payload_form.number()))
        .push(header.payload_hash.0.as_slice())
        .push(cipher_hash)
        .push(header.content_hash.0.as_slice())
        .push(seal)
        .push(header.command_id)
        .push(header.base_version.map(u64::cast_signed))
        .push(header.order_key.as_deref())
        .push(header.correlation_id.as_deref())
        .push(raw::annotations_column(&header.annotations))
        .push(append.at.0)
        .push(event.receipt.map(|receipt| i64::from(receipt.key.0)))
        .push(event.receipt.as_ref().map(|receipt| receipt.signature.0.as_slice()));
}

fn bind_payload(&(stream, segment): &(i64, &PayloadSegment), row: &mut Values) {
    row.push(stream)
        .push(raw::column(segment.first.get()))
        .push(raw::column(segment.last.get()))
        .push(segment.key_id.as_ref().map(<[u8; 8]>::as_slice))
        .push(segment.sealed.as_slice());
}

fn bind_tile(&(stream, tile): &(i64, &StreamTile), row: &mut Values) {
    row.push(stream)
        .push(i64::from(tile.level))
        .push(raw::column(tile.index))
        .push(tile.root.0.as_slice())
        .push(raw::hashes_column(&tile.hashes));
}

async fn apply_key_change(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    sequence: Sequence,
    change: &KeyChange,
) -> Result<(), sqlx::Error> {
    match change {
        KeyChange::Register { agent, key, public_key, valid_from, valid_to } => {
            sqlx::query(include_str!("../../sql/sqlite/register_agent_key.sql"))
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
            sqlx::query(include_str!("../../sql/sqlite/revoke_agent_key.sql"))
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
