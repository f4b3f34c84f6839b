//! Writing down what was sent and what became of it: one transaction per reply.

use serde_json::{Value, json};
use sqlx::{Sqlite, Transaction};
use stateset_ledger::id::Micros;

use super::queue::{Prepared, Signed};
use super::reply::{Verdict, Verdicts};
use crate::error::{SignatureFault, SyncError};
use crate::remote::RemoteError;
use crate::replica::Replica;
use crate::session::Session;
use crate::sql;

/// What a reply changed.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) acknowledged: u64,
    pub(super) repeated: u64,
    pub(super) conflicts: u64,
    pub(super) rejected: u64,
    pub(super) last_sequence: Option<u64>,
    /// A receipt that names another place than was known before.
    pub(super) misplaced: Option<String>,
    /// What keeps the push from going on.
    pub(super) obstacle: Option<Obstacle>,
}

/// Something that somebody has to see to, or that a later push finds mended.
pub(super) struct Obstacle {
    event_id: uuid::Uuid,
    key_id: u32,
    signed_hash: String,
    code: String,
    message: String,
    flaw: bool,
}

/// Rows of one statement, as a JSON array.
fn rows(rows: impl Iterator<Item = Value>) -> Option<String> {
    let rows: Vec<Value> = rows.collect();
    (!rows.is_empty()).then(|| Value::Array(rows).to_string())
}

impl Replica {
    /// Notes, durably, that the events are about to leave. `false`: one of them is not what was signed any more.
    pub(super) async fn mark_sent(&self, batch: &Prepared) -> Result<bool, SyncError> {
        let Some(events) = rows(batch.events.iter().map(|event| json!([event.local_seq, event.base_version]))) else {
            return Ok(true);
        };
        let mut tx = self.outbox.begin().await?;
        let marked = sqlx::query(sql!("events_sent")).bind(events).bind(self.clock.now().0).execute(&mut *tx).await?;
        if usize::try_from(marked.rows_affected()) == Ok(batch.events.len()) {
            tx.commit().await?;
            return Ok(true);
        }
        tx.rollback().await?;
        Ok(false)
    }

    /// Ends events that have no signed form. `false`: the queue has changed by that.
    pub(super) async fn reject_unsignable(&self, batch: &Prepared) -> Result<bool, SyncError> {
        let unsignable = batch.unsignable.iter();
        let Some(events) = rows(unsignable.map(|(seq, why)| json!([seq, why.class, why.message]))) else {
            return Ok(true);
        };
        sqlx::query(sql!("events_rejected")).bind(events).execute(&self.pool).await?;
        Ok(false)
    }

    /// The request brought no verdict.
    pub(super) async fn mark_unanswered(&self, batch: &Prepared, error: &RemoteError) -> Result<(), SyncError> {
        let (code, text) = (error.code(), error.to_string());
        let Some(events) = rows(batch.events.iter().map(|event| json!([event.local_seq, code, text]))) else {
            return Ok(());
        };
        sqlx::query(sql!("events_unanswered")).bind(events).execute(&self.pool).await?;
        Ok(())
    }

    /// Writes all verdicts of a reply that came at `received`.
    pub(super) async fn settle(&self, verdicts: &Verdicts, received: Micros) -> Result<Settled, SyncError> {
        let mut settled = Settled::default();
        let mut tx = self.outbox.begin().await?;
        self.settle_taken(&mut tx, verdicts, received, &mut settled).await?;
        let events = || verdicts.events.iter();
        let refused = events().filter_map(|(event, verdict)| refusal(event, verdict));
        if let Some(refused) = rows(refused) {
            let count = sqlx::query(sql!("events_rejected")).bind(refused).execute(&mut *tx).await?.rows_affected();
            settled.rejected = count;
        }
        if let Some(conflicts) = rows(events().filter_map(|(event, verdict)| conflict(event, verdict))) {
            let now = self.clock.now().0;
            let added = sqlx::query(sql!("conflicts_add")).bind(conflicts).bind(now).execute(&mut *tx).await?;
            settled.conflicts = added.rows_affected();
            settled.rejected = settled.rejected.saturating_sub(settled.conflicts);
        }
        if let Some(waiting) = rows(events().filter_map(|(event, verdict)| waiting(event, verdict))) {
            sqlx::query(sql!("events_unanswered")).bind(waiting).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        settled.obstacle = events().find_map(|(event, verdict)| obstacle(event, verdict));
        Ok(settled)
    }

    async fn settle_taken(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        verdicts: &Verdicts,
        received: Micros,
        settled: &mut Settled,
    ) -> Result<(), SyncError> {
        let taken = |event: &Signed, verdict: &Verdict| match verdict {
            Verdict::Proved { sequence, receipt, .. } => {
                Some(json!([event.local_seq, sequence, receipt.to_string(), null]))
            },
            Verdict::Delivered { sequence, receipt, flaw } => {
                Some(json!([event.local_seq, sequence, receipt.to_string(), flaw.message]))
            },
            _ => None,
        };
        let Some(taken) = rows(verdicts.events.iter().filter_map(|(event, verdict)| taken(event, verdict))) else {
            return Ok(());
        };
        let now = self.clock.now().0;
        sqlx::query(sql!("receipts_add")).bind(&taken).bind(now).execute(&mut **tx).await?;
        let known: Option<(i64, i64, i64)> =
            sqlx::query_as(sql!("misplaced")).bind(&taken).fetch_optional(&mut **tx).await?;
        settled.misplaced = known.map(|(local_seq, known, named)| {
            format!("event {local_seq} of this machine was at place {known}, its receipt now names {named}")
        });
        sqlx::query(sql!("events_taken")).bind(&taken).bind(received.0).bind(now).execute(&mut **tx).await?;
        for (_, verdict) in &verdicts.events {
            if let Verdict::Proved { sequence, repeated, .. } = verdict {
                settled.acknowledged += 1;
                settled.repeated += u64::from(*repeated);
                settled.last_sequence = settled.last_sequence.max(Some(*sequence));
            }
        }
        Ok(())
    }
}

fn refusal(event: &Signed, verdict: &Verdict) -> Option<Value> {
    match verdict {
        Verdict::VersionConflict { message, .. } => Some(json!([event.local_seq, "VERSION_CONFLICT", message])),
        Verdict::KeyEnded { code, message } | Verdict::Rejected { code, message } => {
            Some(json!([event.local_seq, code, message]))
        },
        _ => None,
    }
}

fn conflict(event: &Signed, verdict: &Verdict) -> Option<Value> {
    let (kind, id) = &event.entity;
    match verdict {
        Verdict::VersionConflict { expected, actual, .. } => {
            Some(json!([event.local_seq, "version", kind, id, expected, actual]))
        },
        Verdict::KeyEnded { .. } => Some(json!([event.local_seq, "key", kind, id, event.base_version, null])),
        _ => None,
    }
}

fn waiting(event: &Signed, verdict: &Verdict) -> Option<Value> {
    match verdict {
        Verdict::Obstacle { code, message } => Some(json!([event.local_seq, code, message])),
        Verdict::None(why) => Some(json!([event.local_seq, why.class, why.message])),
        _ => None,
    }
}

fn obstacle(event: &Signed, verdict: &Verdict) -> Option<Obstacle> {
    let (code, message, flaw) = match verdict {
        Verdict::Obstacle { code, message } => (code.clone(), message.clone(), false),
        Verdict::None(why) => (why.class.clone(), why.message.clone(), false),
        Verdict::Delivered { flaw, .. } => (flaw.class.clone(), flaw.message.clone(), true),
        _ => return None,
    };
    let signed_hash = event.envelope.content_hash.to_hex();
    Some(Obstacle { event_id: event.event_id, key_id: event.key_id, signed_hash, code, message, flaw })
}

impl Session {
    /// The obstacle as an error that names the fault and the fix.
    pub(super) async fn explain(&self, obstacle: Obstacle) -> SyncError {
        let Obstacle { event_id, key_id, signed_hash, code, message, flaw } = obstacle;
        if flaw {
            return RemoteError::Receipt { code: code.to_ascii_uppercase(), message }.into();
        }
        if !matches!(code.as_str(), "SIGNATURE_VERIFICATION_FAILED" | "AGENT_KEY_NOT_FOUND") {
            return RemoteError::EventRefused { event_id, code, message }.into();
        }
        let local_public_key = self.signers.keys.get(&key_id).map(|signer| signer.public_key().to_hex());
        let local_public_key = local_public_key.unwrap_or_default();
        let registered_public_key = self.registered_key(key_id).await;
        let likely_cause = match &registered_public_key {
            None => format!(
                "key {key_id} of this agent is not registered: run `sync init` again with a new enrolment token, or have \
                 the key registered"
            ),
            Some(registered) if *registered != local_public_key => format!(
                "the sequencer knows key {key_id} as {registered}, the key here is {local_public_key}: the key file was \
                 replaced, or another machine uses the same agent id; run `sync keys rotate`"
            ),
            Some(_) => {
                "the key is the registered one, so the event was changed on its way: look for a proxy that rewrites \
                        requests"
                    .to_owned()
            },
        };
        let fault =
            SignatureFault { event_id, key_id, local_public_key, registered_public_key, signed_hash, likely_cause };
        SyncError::Signature(Box::new(fault))
    }

    async fn registered_key(&self, key_id: u32) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Directory {
            keys: Vec<Key>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Key {
            key_id: u32,
            public_key: String,
        }
        let (agent, tenant) = (self.replica.profile.agent, self.replica.profile.tenant.to_string());
        let path = format!("/api/v1/agents/{agent}/signing-keys");
        let directory: Directory = self.remote.get(&path, &[("tenant_id", &tenant)]).await.ok()?;
        directory.keys.into_iter().find(|key| key.key_id == key_id).map(|key| key.public_key)
    }
}
