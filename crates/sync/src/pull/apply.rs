//! A page that was checked, into the database: one transaction, on the very tree it continues.

use sqlx::{Sqlite, Transaction};
use stateset_ledger::agent_key::KeyChange;
use stateset_ledger::tree::Frontier;
use uuid::Uuid;

use super::page::Page;
use crate::error::{SyncError, unreadable};
use crate::replica::Replica;
use crate::session::Stream;
use crate::sql;
use crate::verify::{Checked, Judged, Suspect, read_change};

/// What a page changed.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) kept: u64,
    pub(super) own: u64,
    pub(super) quarantined: u64,
    pub(super) key_changes: u64,
    /// An own event that is not where its receipt says; then nothing was written.
    pub(super) misplaced: Option<String>,
}

impl Replica {
    /// Keeps the page, unless another process has been faster: then nothing is written, and the tree is read again.
    pub(super) async fn apply(&self, stream: Stream, before: &Frontier, page: Page) -> Result<Applied, SyncError> {
        let mut tx = self.outbox.begin().await?;
        let moved = sqlx::query(sql!("stream_grow"))
            .bind(stream.name())
            .bind(i64::try_from(before.size()).map_err(unreadable)?)
            .bind(i64::try_from(page.frontier.size()).map_err(unreadable)?)
            .bind(page.frontier.to_bytes())
            .execute(&mut *tx)
            .await?;
        if moved.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(Applied::default());
        }
        let mut applied = Applied::default();
        for (event, leaf) in page.events.iter().zip(&page.leaves) {
            match &event.verdict {
                Ok(checked) if stream == Stream::Events => {
                    let own = self.keep(&mut tx, event, checked).await?;
                    applied.own += u64::from(own);
                    applied.kept += 1;
                },
                Ok(checked) => applied.key_changes += u64::from(change_key(&mut tx, event, checked).await?),
                Err(suspect) => {
                    self.quarantine(&mut tx, stream, event, suspect, &leaf.0).await?;
                    applied.quarantined += 1;
                },
            }
        }
        if stream == Stream::Events {
            let (first, last) = (before.size() + 1, page.frontier.size());
            applied.misplaced = misplaced(&mut tx, first, last).await?;
            if applied.misplaced.is_some() {
                tx.rollback().await?;
                return Ok(Applied { misplaced: applied.misplaced, ..Applied::default() });
            }
        }
        tx.commit().await?;
        Ok(applied)
    }

    async fn keep(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        event: &Judged,
        checked: &Checked,
    ) -> Result<bool, SyncError> {
        let header = &checked.header;
        let version = next_version(tx, &header.entity_type, &header.entity_id).await?;
        let now = self.clock.now().0;
        let sequence = i64::try_from(event.sequence.get()).map_err(unreadable)?;
        // Somebody else may have used the same id; only this agent's signature makes it this agent's event.
        let own = checked.signed
            && header.agent == self.profile.agent_id()
            && sqlx::query(sql!("event_found"))
                .bind(header.event_id.0)
                .bind(sequence)
                .bind(now)
                .execute(&mut **tx)
                .await?
                .rows_affected()
                == 1;
        sqlx::query(sql!("pulled_add"))
            .bind(sequence)
            .bind(header.event_id.0)
            .bind(&header.entity_type)
            .bind(&header.entity_id)
            .bind(version)
            .bind(&header.event_type)
            .bind(header.agent.0)
            .bind(checked.signed)
            .bind(own)
            .bind(event.raw.get())
            .bind(&checked.sequenced_at)
            .bind(now)
            .execute(&mut **tx)
            .await?;
        Ok(own)
    }

    async fn quarantine(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        stream: Stream,
        event: &Judged,
        suspect: &Suspect,
        leaf: &[u8],
    ) -> Result<(), SyncError> {
        if let (Stream::Events, Some((kind, id))) = (stream, &suspect.entity) {
            next_version(tx, kind, id).await?;
        }
        sqlx::query(sql!("quarantine_add"))
            .bind(stream.name())
            .bind(i64::try_from(event.sequence.get()).map_err(unreadable)?)
            .bind(suspect.code)
            .bind(&suspect.reason)
            .bind(event.raw.get())
            .bind(leaf)
            .bind(self.clock.now().0)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

/// Counts an event of the entity, as the sequencer does.
async fn next_version(tx: &mut Transaction<'static, Sqlite>, kind: &str, id: &str) -> Result<i64, SyncError> {
    Ok(sqlx::query_scalar(sql!("entity_grow")).bind(kind).bind(id).fetch_one(&mut **tx).await?)
}

async fn change_key(
    tx: &mut Transaction<'static, Sqlite>,
    event: &Judged,
    checked: &Checked,
) -> Result<bool, SyncError> {
    let done = match read_change(checked) {
        Some(KeyChange::Register { agent, key, public_key, valid_from, valid_to }) => {
            sqlx::query(sql!("peer_key_add"))
                .bind(agent.0)
                .bind(i64::from(key.0))
                .bind(public_key.0.as_slice())
                .bind(valid_from.map(|at| at.0))
                .bind(valid_to.map(|at| at.0))
                .bind(i64::try_from(event.sequence.get()).map_err(unreadable)?)
                .execute(&mut **tx)
                .await?
        },
        Some(KeyChange::Revoke { agent, key, revoked_at }) => {
            sqlx::query(sql!("peer_key_revoke"))
                .bind(agent.0)
                .bind(i64::from(key.0))
                .bind(revoked_at.0)
                .execute(&mut **tx)
                .await?
        },
        None => return Ok(false),
    };
    Ok(done.rows_affected() == 1)
}

/// Own events whose receipt names a place of this page where something else stands.
async fn misplaced(tx: &mut Transaction<'static, Sqlite>, first: u64, last: u64) -> Result<Option<String>, SyncError> {
    let (first, last) = (i64::try_from(first).map_err(unreadable)?, i64::try_from(last).map_err(unreadable)?);
    let found: Option<(Uuid, i64)> =
        sqlx::query_as(sql!("receipts_without_event")).bind(first).bind(last).fetch_optional(&mut **tx).await?;
    Ok(found.map(|(event, place)| {
        format!("the receipt of event {event} names place {place}, where the sequencer now shows another event")
    }))
}
