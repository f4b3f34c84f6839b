//! Idempotency keys: which there are, and what became of their commands.

use uuid::Uuid;

use super::{ReadError, Reader, json};
use crate::KeyStatus;
use crate::draft::Entity;
use crate::engine::Engine;
use crate::filter::{EventRef, Filter};
use crate::sql::{Cells, args, statement};

/// Commands that are looked at for one entity.
const COMMANDS: usize = 1_000;

/// Which keys. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySearch {
    /// Of this operation.
    pub operation: Option<String>,
    /// That begin like this.
    pub prefix: Option<String>,
    /// Whose command wrote this event.
    pub event: Option<EventRef>,
    /// Whose command wrote an event of this entity.
    pub entity: Option<Entity>,
    /// In this state.
    pub status: Option<KeyStatus>,
}

/// A key, as a list shows it. [`crate::Outbox::idempotency_key`] says the rest. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// Such as `POST /orders/checkout`.
    pub operation: String,
    /// The caller's key.
    pub key: String,
    /// Counts expiries and resets, from 1.
    pub generation: i32,
    /// State now.
    pub status: KeyStatus,
    /// On every event of the command.
    pub command_id: Uuid,
    /// When it was first used.
    pub created_at: i64,
    /// When its command was done.
    pub completed_at: Option<i64>,
    /// When it is free again.
    pub expires_at: Option<i64>,
    /// Until when the worker that has it counts as alive.
    pub lease_until: Option<i64>,
}

/// A page of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPage {
    /// By operation and key.
    pub keys: Vec<KeySummary>,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<(String, String)>,
}

impl<DB: Engine> Reader<DB> {
    /// Keys that match, by operation and key, behind a cursor.
    pub async fn idempotency_keys(
        &self,
        search: &KeySearch,
        cursor: Option<&(String, String)>,
        limit: u16,
    ) -> Result<KeyPage, ReadError> {
        let mut tx = self.begin().await?;
        let limit = usize::from(limit.clamp(1, super::PAGE));
        let commands = self.commands(&mut tx, search).await?;
        if commands.as_ref().is_some_and(Vec::is_empty) {
            return Ok(KeyPage { keys: Vec::new(), next_cursor: None });
        }
        let simple: Vec<String> = commands.iter().flatten().map(|id| id.simple().to_string()).collect();
        // What is expired is stored as what it was before.
        let stored = search.status.filter(|status| *status != KeyStatus::Expired);
        let on = [
            ("operation", search.operation.is_some()),
            ("prefix", search.prefix.is_some()),
            ("commands", commands.is_some()),
            ("status", stored.is_some()),
        ];
        let on: Vec<&str> = on.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
        let prefix = search.prefix.clone().unwrap_or_default();
        let behind = format!("{prefix}\u{10ffff}");
        let scope = self.outbox.scope;
        let mut after = cursor.cloned().unwrap_or_default();
        let mut keys: Vec<KeySummary> = Vec::new();
        let mut more = true;
        while more && keys.len() <= limit {
            let mut args =
                args![scope.tenant, scope.store, &after.0, &after.1, search.operation.as_ref(), &prefix, &behind];
            args.extend(args![json(&simple)?, stored.map(KeyStatus::as_str), i64::from(super::PAGE)]);
            let rows = self.composed(&mut tx, statement!("read_keys"), &on, args).await?;
            more = rows.len() == usize::from(super::PAGE);
            let found = rows.into_iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
            after = found.last().map_or(after, |key| (key.operation.clone(), key.key.clone()));
            keys.extend(found.into_iter().filter(|key| search.status.is_none_or(|status| status == key.status)));
        }
        let next = keys.len() > limit;
        keys.truncate(limit);
        let next_cursor = keys.last().filter(|_| next).map(|key| (key.operation.clone(), key.key.clone()));
        Ok(KeyPage { keys, next_cursor })
    }

    /// The commands that wrote the event or the entity's events; `None`: nobody asked.
    async fn commands(
        &self,
        tx: &mut sqlx::Transaction<'static, DB>,
        search: &KeySearch,
    ) -> Result<Option<Vec<Uuid>>, ReadError> {
        if search.event.is_none() && search.entity.is_none() {
            return Ok(None);
        }
        let filter = Filter {
            event: search.event.clone(),
            entity_type: search.entity.as_ref().map(|entity| entity.kind.clone()),
            entity_id: search.entity.as_ref().map(|entity| entity.id.clone()),
            ..Filter::default()
        };
        let query = self.query(tx, &filter).await?;
        let found = self.fetch(tx, &query, super::Order::NewestFirst, COMMANDS).await?;
        let mut commands: Vec<Uuid> = found.into_iter().filter_map(|(event, _)| event.command_id).collect();
        commands.sort();
        commands.dedup();
        Ok(Some(commands))
    }
}

fn read_key(mut row: Cells) -> Result<KeySummary, sqlx::Error> {
    let (operation, key, generation) = (row.text()?, row.text()?, row.int()?);
    let (status, command_id): (KeyStatus, Uuid) = (row.word()?, row.id()?);
    let (created_at, completed_at) = (row.int()?, row.opt_int()?);
    let (expires_at, lease_until) = (row.opt_int()?, row.opt_int()?);
    let now: i64 = row.int()?;
    let status = if expires_at.is_some_and(|at| at <= now) { KeyStatus::Expired } else { status };
    Ok(KeySummary { operation, key, generation, status, command_id, created_at, completed_at, expires_at, lease_until })
}
