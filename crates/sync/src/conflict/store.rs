//! Reading conflicts, and writing what resolves one.

use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{Row as _, Sqlite, SqliteConnection, Transaction};
use stateset_outbox::{Entity, Event, EventType, IdempotencyToken, Payload};
use uuid::Uuid;

use super::{Facts, Follower, Kind, Plan, Replacement, Strategy, plan, replacement_token};
use crate::error::{SyncError, unreadable};
use crate::replica::{Replica, number};
use crate::sql;
use crate::state::{Happened, after};
use crate::write::state_of;

/// A conflict for people and programs.
#[derive(Clone, Debug, Serialize)]
pub struct ConflictView {
    /// Names it.
    pub conflict_id: i64,
    /// The refused event.
    pub event_id: Uuid,
    /// `version` or `key`.
    pub kind: String,
    /// What it is about.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// What it says.
    pub event_type: String,
    /// The version it builds on.
    pub expected_version: Option<u64>,
    /// The version the entity was at.
    pub actual_version: Option<u64>,
    /// The entity's version as pulled here.
    pub known_version: u64,
    /// When it was refused, microseconds since 1970 UTC.
    pub detected_at: i64,
    /// Own events of the entity that wait for the resolution.
    pub held: u64,
    /// What happened meanwhile, newest first, as far as it was pulled.
    pub meanwhile: Vec<Meanwhile>,
    /// When it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<i64>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// The event that took the refused one's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Uuid>,
}

/// An event of somebody else.
#[derive(Clone, Debug, Serialize)]
pub struct Meanwhile {
    /// Its place.
    pub sequence: u64,
    /// What happened.
    pub event_type: String,
    /// Who said so.
    pub agent_id: Uuid,
}

/// Which open conflicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// One, by its number or its event's id.
    One(String),
}

/// How they are resolved.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The strategy.
    pub strategy: Strategy,
    /// The payload of [`Strategy::Manual`].
    pub payload: Option<String>,
}

/// What a resolution did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct Resolved {
    /// Which conflict.
    pub conflict_id: i64,
    /// The refused event.
    pub event_id: Uuid,
    /// How it was resolved.
    pub strategy: Strategy,
    /// The event that takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Uuid>,
    /// The version that one builds on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    /// Own events behind it whose base version was moved along.
    pub moved: usize,
    /// Own events behind it that were given up with it.
    pub given_up: usize,
}

/// A row of `sql/conflict_facts.sql`.
struct Refused {
    conflict_id: i64,
    local_seq: i64,
    position: i64,
    event_id: Uuid,
    entity_type: String,
    entity_id: String,
    event_type: String,
    kind: Kind,
    payload: String,
    order_key: Option<String>,
    schema_version: i32,
    metadata: Option<String>,
    correlation_id: Option<String>,
    command_id: Option<Uuid>,
    traceparent: Option<String>,
    sent: bool,
    state: String,
}

impl Replica {
    /// Conflicts, the open ones or all, oldest first.
    pub async fn conflicts(&self, resolved_too: bool) -> Result<Vec<ConflictView>, SyncError> {
        let rows = sqlx::query(sql!("conflicts")).bind(resolved_too).fetch_all(&self.pool).await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            let mut view = ConflictView {
                conflict_id: row.try_get(0)?,
                event_id: row.try_get(1)?,
                kind: row.try_get(2)?,
                entity_type: row.try_get(3)?,
                entity_id: row.try_get(4)?,
                event_type: row.try_get(5)?,
                expected_version: row.try_get::<Option<i64>, _>(6)?.map(number).transpose()?,
                actual_version: row.try_get::<Option<i64>, _>(7)?.map(number).transpose()?,
                known_version: number(row.try_get(8)?)?,
                detected_at: row.try_get(9)?,
                held: number(row.try_get(10)?)?,
                resolved_at: row.try_get(11)?,
                strategy: row.try_get(12)?,
                replacement: row.try_get(13)?,
                meanwhile: Vec::new(),
            };
            let expected = view.expected_version.and_then(|version| i64::try_from(version).ok()).unwrap_or(i64::MAX);
            let found = sqlx::query(sql!("meanwhile"))
                .bind(&view.entity_type)
                .bind(&view.entity_id)
                .bind(expected)
                .fetch_all(&self.pool)
                .await?;
            for row in found {
                let (sequence, event_type, agent_id) = (number(row.try_get(0)?)?, row.try_get(1)?, row.try_get(2)?);
                view.meanwhile.push(Meanwhile { sequence, event_type, agent_id });
            }
            views.push(view);
        }
        Ok(views)
    }

    /// Resolves conflicts, all in one transaction. Without `apply` nothing is written and the answer says what would be.
    pub async fn resolve(&self, which: &Which, choice: &Choice, apply: bool) -> Result<Vec<Resolved>, SyncError> {
        let mut tx = self.outbox.begin().await?;
        let wanted = match which {
            Which::All => None,
            Which::One(name) => Some(name.as_str()),
        };
        let rows = sqlx::query(sql!("conflict_facts")).fetch_all(&mut *tx).await?;
        let refused = rows.iter().map(read_refused).collect::<Result<Vec<_>, _>>()?;
        let named = |conflict: &Refused| {
            wanted.is_none_or(|name| name == conflict.conflict_id.to_string() || name == conflict.event_id.to_string())
        };
        let chosen: Vec<Refused> = refused.into_iter().filter(named).collect();
        if let (Some(name), true) = (wanted, chosen.is_empty()) {
            return Err(SyncError::NoSuchConflict(name.chars().take(40).collect()));
        }
        let mut resolved = Vec::with_capacity(chosen.len());
        for conflict in chosen {
            resolved.push(self.resolve_one(&mut tx, &conflict, choice).await?);
        }
        if apply {
            self.outbox.commit(tx).await?;
        } else {
            tx.rollback().await?;
        }
        Ok(resolved)
    }

    async fn resolve_one(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        conflict: &Refused,
        choice: &Choice,
    ) -> Result<Resolved, SyncError> {
        let state = state_of(&conflict.state)?;
        // Ruling 9, once more where it is written: only a definite no is replaced.
        if after(state, conflict.sent, Happened::GivenUp).is_err() {
            return Err(SyncError::OutcomeUnknown { event_id: conflict.event_id });
        }
        let facts = facts(tx, conflict).await?;
        let plan = plan(&facts, choice.strategy, choice.payload.as_deref())?;
        let replacement = match &plan.replacement {
            Some(replacement) => Some(self.replace(tx, conflict, replacement).await?),
            None => None,
        };
        write_plan(tx, conflict.local_seq, &plan, replacement.map(|(seq, _)| seq)).await?;
        sqlx::query(sql!("conflict_resolve"))
            .bind(conflict.conflict_id)
            .bind(self.clock.now().0)
            .bind(choice.strategy.as_str())
            .bind(replacement.map(|(seq, _)| seq))
            .execute(&mut **tx)
            .await?;
        Ok(Resolved {
            conflict_id: conflict.conflict_id,
            event_id: conflict.event_id,
            strategy: choice.strategy,
            replacement: replacement.map(|(_, id)| id),
            base_version: plan.replacement.and_then(|replacement| replacement.base_version),
            moved: plan.moved.len(),
            given_up: plan.given_up.len(),
        })
    }

    /// Writes the new event, signed under the current key when it is pushed, at the refused one's place in the order.
    async fn replace(
        &self,
        tx: &mut Transaction<'static, Sqlite>,
        conflict: &Refused,
        replacement: &Replacement,
    ) -> Result<(i64, Uuid), SyncError> {
        let payload = replacement.payload.as_ref().unwrap_or(&conflict.payload);
        let payload = RawValue::from_string(payload.clone()).map_err(unreadable)?;
        let token = IdempotencyToken::new(replacement_token(conflict.event_id));
        let event = Event::new(EventType::new(&conflict.event_type), Payload::new(payload), Some(token));
        let mut draft = event
            .about(Entity::new(&conflict.entity_type, &conflict.entity_id))
            .schema_version(conflict.schema_version)
            .causation_id(conflict.event_id.to_string());
        if let Some(key) = &conflict.order_key {
            draft = draft.order_key(key);
        }
        if let Some(id) = &conflict.correlation_id {
            draft = draft.correlation_id(id);
        }
        if let Some(id) = conflict.command_id {
            draft = draft.command_id(id);
        }
        if let Some(trace) = &conflict.traceparent {
            draft = draft.traceparent(trace);
        }
        if let Some(metadata) = &conflict.metadata {
            draft = draft.metadata(serde_json::from_str(metadata).map_err(unreadable)?);
        }
        let written = self.write_signed(tx, draft).await?.written();
        let base = replacement.base_version.map(i64::try_from).transpose().map_err(unreadable)?;
        sqlx::query(sql!("event_replaces"))
            .bind(written.log_id)
            .bind(conflict.position)
            .bind(base)
            .bind(conflict.local_seq)
            .execute(&mut **tx)
            .await?;
        Ok((written.log_id, written.event_id))
    }
}

async fn write_plan(
    tx: &mut SqliteConnection,
    refused: i64,
    plan: &Plan,
    replacement: Option<i64>,
) -> Result<(), SyncError> {
    for (local_seq, base_version) in &plan.moved {
        let base = i64::try_from(*base_version).map_err(unreadable)?;
        sqlx::query(sql!("event_base_version")).bind(local_seq).bind(base).execute(&mut *tx).await?;
    }
    let why = |seq: i64| match replacement {
        Some(_) if seq == refused => "replaced",
        _ if seq == refused => "given_up",
        _ => "built_on_given_up",
    };
    for local_seq in plan.given_up.iter().copied().chain([refused]) {
        sqlx::query(sql!("event_discard")).bind(local_seq).bind(why(local_seq)).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn facts(tx: &mut SqliteConnection, conflict: &Refused) -> Result<Facts, SyncError> {
    let (kind, id) = (&conflict.entity_type, &conflict.entity_id);
    let known: Option<i64> =
        sqlx::query_scalar(sql!("entity_version")).bind(kind).bind(id).fetch_optional(&mut *tx).await?;
    let expected = match conflict.kind {
        Kind::Version { expected, .. } => i64::try_from(expected).map_err(unreadable)?,
        Kind::Key { .. } => i64::MAX,
    };
    let mut remote: Vec<Option<String>> =
        sqlx::query_scalar(sql!("remote_payloads")).bind(kind).bind(id).bind(expected).fetch_all(&mut *tx).await?;
    let rows = sqlx::query(sql!("followers"))
        .bind(kind)
        .bind(id)
        .bind(conflict.position)
        .bind(conflict.local_seq)
        .fetch_all(&mut *tx)
        .await?;
    let mut followers = Vec::with_capacity(rows.len());
    for row in rows {
        let base_version = row.try_get::<Option<i64>, _>(1)?.map(number).transpose()?;
        followers.push(Follower { local_seq: row.try_get(0)?, base_version, sent: row.try_get(2)? });
    }
    let known = number(known.unwrap_or(0))?;
    // What is in quarantine counts as well and cannot be read.
    let missing = matches!(conflict.kind, Kind::Version { expected, .. }
        if usize::try_from(known.saturating_sub(expected)).is_ok_and(|count| count > remote.len()));
    if missing {
        remote.push(None);
    }
    Ok(Facts {
        kind: conflict.kind,
        known,
        local_payload: conflict.payload.clone(),
        remote_payloads: remote,
        followers,
    })
}

fn read_refused(row: &sqlx::sqlite::SqliteRow) -> Result<Refused, SyncError> {
    let version = |index: usize| -> Result<Option<u64>, SyncError> {
        row.try_get::<Option<i64>, _>(index)?.map(number).transpose()
    };
    let kind = match (row.try_get::<String, _>(7)?.as_str(), version(8)?, version(9)?) {
        ("version", Some(expected), Some(actual)) => Kind::Version { expected, actual },
        (_, base_version, _) => Kind::Key { base_version },
    };
    Ok(Refused {
        conflict_id: row.try_get(0)?,
        local_seq: row.try_get(1)?,
        position: row.try_get(2)?,
        event_id: row.try_get(3)?,
        entity_type: row.try_get(4)?,
        entity_id: row.try_get(5)?,
        event_type: row.try_get(6)?,
        kind,
        payload: row.try_get(10)?,
        order_key: row.try_get(11)?,
        schema_version: row.try_get(12)?,
        metadata: row.try_get(13)?,
        correlation_id: row.try_get(14)?,
        command_id: row.try_get(15)?,
        traceparent: row.try_get(16)?,
        sent: row.try_get(17)?,
        state: row.try_get(18)?,
    })
}
