//! What became of each event of a write: added, or known before, or in conflict with what is known. Pure.

use std::collections::HashMap;

use uuid::Uuid;

use super::{AddOutcome, Row, WriteError, Written};
use crate::engine::Identity;

/// What happens to an event whose key or id is known with another payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The write fails.
    #[default]
    Fail,
    /// The first one counts, the new one is a duplicate.
    FirstWins,
}

/// `fresh` holds the place of each row that was added, `known` the identities that the others may have met.
pub(super) fn resolve(
    rows: &[Row],
    fresh: &[Option<i64>],
    known: &[Identity],
    on_conflict: OnConflict,
) -> Result<Vec<AddOutcome>, WriteError> {
    let by_id: HashMap<Uuid, &Identity> = known.iter().map(|identity| (identity.event_id, identity)).collect();
    let with_key = known.iter().filter_map(|identity| Some((identity.event_key.as_deref()?, identity)));
    let by_key: HashMap<&str, &Identity> = with_key.collect();
    let outcome = |(row, fresh): (&Row, &Option<i64>)| {
        if let Some(log_id) = *fresh {
            return Ok(AddOutcome::Created(Written { log_id, event_id: row.event_id }));
        }
        let same_id = by_id.get(&row.event_id);
        let same_key = row.event_key.as_deref().and_then(|key| by_key.get(key));
        let original = same_id.or(same_key).ok_or(WriteError::Database(sqlx::Error::RowNotFound))?;
        if original.payload_hash != row.payload_hash && on_conflict == OnConflict::Fail {
            return Err(conflict(row, original, same_id.is_some()));
        }
        Ok(AddOutcome::Duplicate { original: Written { log_id: original.log_id, event_id: original.event_id } })
    };
    rows.iter().zip(fresh).map(outcome).collect()
}

fn conflict(row: &Row, original: &Identity, by_id: bool) -> WriteError {
    let stored_hash = crate::hex(&original.payload_hash);
    let new_hash = crate::hex(&row.payload_hash);
    match &row.event_key {
        Some(event_key) if !by_id => WriteError::EventKeyConflict {
            event_key: event_key.clone(),
            original: original.event_id,
            stored_hash,
            new_hash,
        },
        _ => WriteError::EventIdConflict { event_id: row.event_id, stored_hash, new_hash },
    }
}
