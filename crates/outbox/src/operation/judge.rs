//! What a key's row means for a command. Pure.

use super::{KeyStatus, StoredResponse};
use crate::sql::{Cells, decode};

/// A row of `idempotency_keys`; times are what is left of them, in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub(crate) generation: i32,
    pub(crate) status: KeyStatus,
    pub(crate) fingerprint: Option<Vec<u8>>,
    pub(crate) response: Option<StoredResponse>,
    pub(crate) recovery_point: Option<String>,
    pub(crate) command_id: uuid::Uuid,
    pub(crate) created_at: i64,
    pub(crate) completed_at: Option<i64>,
    pub(crate) expires_in: Option<i64>,
    pub(crate) lease_left: Option<i64>,
}

impl KeyRow {
    pub(crate) fn is_expired(&self) -> bool {
        self.expires_in.is_some_and(|left| left <= 0)
    }

    pub(super) fn is_reused(&self, fingerprint: &[u8; 32]) -> bool {
        !self.is_expired() && self.fingerprint.as_ref().is_some_and(|known| known != fingerprint)
    }
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Do it, under the generation that is there.
    Start,
    /// The key has expired: do it, under the next generation.
    StartAnew,
    Replay(StoredResponse),
    Reused,
    /// Another worker committed it in progress and may be alive.
    Busy,
    /// That worker is dead, and had said this before an external call.
    Uncertain(String),
}

pub(super) fn judge(row: Option<KeyRow>, fingerprint: &[u8; 32]) -> Verdict {
    let Some(row) = row else { return Verdict::Start };
    if row.is_expired() {
        return Verdict::StartAnew;
    }
    if row.is_reused(fingerprint) {
        return Verdict::Reused;
    }
    let alive = row.lease_left.is_some_and(|left| left > 0);
    match (row.status, row.response, row.recovery_point) {
        (KeyStatus::Completed | KeyStatus::Failed, Some(response), _) => Verdict::Replay(response),
        (KeyStatus::InProgress | KeyStatus::Uncertain, ..) if alive => Verdict::Busy,
        (KeyStatus::InProgress | KeyStatus::Uncertain, _, Some(recovery_point)) => Verdict::Uncertain(recovery_point),
        // Reserved; or all it did was in a database, under the same command id: doing it again is safe.
        _ => Verdict::Start,
    }
}

/// The columns of `operation_row.sql`.
pub(super) fn read_key(mut row: Cells) -> Result<KeyRow, sqlx::Error> {
    let (generation, status, fingerprint) = (row.int()?, row.word()?, row.opt_bytes()?);
    let (code, headers, body) = (row.opt_int()?, row.opt_text()?, row.opt_bytes()?);
    let response = match (code, headers) {
        (Some(code), Some(headers)) => Some(StoredResponse {
            status: u16::try_from(code).map_err(|_| decode("a stored status is none"))?,
            headers: serde_json::from_str(&headers).map_err(|_| decode("stored headers are none"))?,
            body: body.unwrap_or_default(),
        }),
        _ => None,
    };
    Ok(KeyRow {
        generation,
        status,
        fingerprint,
        response,
        recovery_point: row.opt_text()?,
        command_id: row.id()?,
        created_at: row.int()?,
        completed_at: row.opt_int()?,
        expires_in: row.opt_int()?,
        lease_left: row.opt_int()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [u8; 32] = [1; 32];
    const OTHER: [u8; 32] = [2; 32];

    fn row(status: KeyStatus) -> KeyRow {
        KeyRow {
            generation: 1,
            status,
            fingerprint: Some(REQUEST.to_vec()),
            response: None,
            recovery_point: None,
            command_id: uuid::Uuid::nil(),
            created_at: 0,
            completed_at: None,
            expires_in: None,
            lease_left: None,
        }
    }

    /// I02, I03, I09, I11, I14
    #[test]
    fn every_state_of_a_key() {
        let done = StoredResponse { status: 201, headers: vec![], body: b"x".to_vec() };
        let completed = KeyRow { response: Some(done.clone()), expires_in: Some(1), ..row(KeyStatus::Completed) };
        let failed = KeyRow { status: KeyStatus::Failed, ..completed.clone() };
        let expired = KeyRow { expires_in: Some(0), ..completed.clone() };
        let reserved = KeyRow { fingerprint: None, expires_in: Some(1), ..row(KeyStatus::Active) };
        let busy = KeyRow { lease_left: Some(1), ..row(KeyStatus::InProgress) };
        let dead = KeyRow { lease_left: Some(0), ..row(KeyStatus::InProgress) };
        let external = KeyRow { recovery_point: Some("charging".into()), ..dead.clone() };
        let probing = KeyRow { status: KeyStatus::Uncertain, lease_left: Some(1), ..external.clone() };
        for (row, expected) in [
            (None, Verdict::Start),
            (Some(completed.clone()), Verdict::Replay(done.clone())),
            (Some(failed), Verdict::Replay(done)),
            (Some(expired.clone()), Verdict::StartAnew),
            (Some(reserved), Verdict::Start),
            (Some(busy.clone()), Verdict::Busy),
            (Some(dead), Verdict::Start),
            (Some(external), Verdict::Uncertain("charging".into())),
            (Some(probing), Verdict::Busy),
        ] {
            assert_eq!(judge(row, &REQUEST), expected);
        }
        assert_eq!(judge(Some(completed), &OTHER), Verdict::Reused);
        assert_eq!(judge(Some(busy), &OTHER), Verdict::Reused, "before in progress");
        assert_eq!(judge(Some(expired), &OTHER), Verdict::StartAnew, "an expired key is free");
    }
}
