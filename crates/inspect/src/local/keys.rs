//! Idempotency keys.

use std::time::Duration;

use stateset_outbox::read::KeySearch;
use stateset_outbox::{Engine, EventId, KeyRecord, KeyStatus};

use super::rows::{self, unsigned};
use super::{Local, of_operation, of_read};
use crate::answer::{KeyAnswer, KeyList, instant_text};
use crate::fault::Fault;

/// When a command that is at work is worth asking about again.
const ASK_AGAIN: Duration = Duration::from_millis(800);
/// Operations that one key is looked for in.
const OPERATIONS: u16 = 100;

impl<DB: Engine> Local<DB> {
    pub(super) async fn keys_of(&self, key: &str, operation: Option<&str>) -> Result<KeyList, Fault> {
        let operations = match operation {
            Some(operation) => vec![operation.to_owned()],
            None => {
                let search = KeySearch { prefix: Some(key.to_owned()), ..KeySearch::default() };
                let found = self.reader.idempotency_keys(&search, None, OPERATIONS).await.map_err(of_read)?;
                found.keys.into_iter().filter(|one| one.key == key).map(|one| one.operation).collect()
            },
        };
        let mut list = KeyList::default();
        for operation in operations {
            list.keys.push(self.key(key, &operation).await?);
        }
        if list.keys.is_empty() {
            list.keys.push(not_found(key, None));
        }
        list.total = u64::try_from(list.keys.iter().filter(|one| one.status != NOT_FOUND).count()).unwrap_or(u64::MAX);
        Ok(list)
    }

    pub(super) async fn key(&self, key: &str, operation: &str) -> Result<KeyAnswer, Fault> {
        let record = self.outbox.idempotency_key(operation, key).await.map_err(of_operation)?;
        let Some(record) = record else { return Ok(not_found(key, Some(operation))) };
        let now = self.reader.now().await.map_err(of_read)?;
        Ok(answer(key, operation, record, now))
    }
}

const NOT_FOUND: &str = "not_found";

fn not_found(key: &str, operation: Option<&str>) -> KeyAnswer {
    KeyAnswer {
        status: NOT_FOUND.to_owned(),
        key: key.to_owned(),
        operation: operation.map(str::to_owned),
        generation: None,
        command_id: None,
        fingerprint: None,
        created_at: None,
        completed_at: None,
        expires_at: None,
        event_ids: Vec::new(),
        response_status: None,
        result: None,
        retry_after_ms: None,
        disposition: "new_request".to_owned(),
        explanation: "nobody has used this key: the command was not done, and may be sent under it".to_owned(),
    }
}

fn answer(key: &str, operation: &str, record: KeyRecord, now: i64) -> KeyAnswer {
    let (disposition, explanation) = match record.status {
        KeyStatus::Active => ("same_key", "reserved: the command was not done; send it under this key"),
        KeyStatus::InProgress => ("same_key", "a worker is at it; ask again, or send the same command under this key, which waits for it"),
        KeyStatus::Completed => ("use_result", "done: sending the command again answers the stored result and does nothing"),
        KeyStatus::Failed => ("use_result", "refused for good: sending it again answers the same refusal; a changed command needs a new key"),
        KeyStatus::Uncertain => ("operator", "a worker died at an external call: find out with the command id whether it happened, then complete or reset the key"),
        KeyStatus::Expired => ("new_request", "its time is over: the next command under it is done anew"),
    };
    let micros = |left: Duration| now.saturating_add(i64::try_from(left.as_micros()).unwrap_or(i64::MAX));
    let body = record.response.as_ref().and_then(|response| std::str::from_utf8(&response.body).ok());
    KeyAnswer {
        status: record.status.as_str().to_owned(),
        key: key.to_owned(),
        operation: Some(operation.to_owned()),
        generation: Some(unsigned(record.generation.into())),
        command_id: Some(record.command_id.to_string()),
        fingerprint: record.fingerprint.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
        created_at: Some(instant_text(record.created_at)),
        completed_at: record.completed_at.map(instant_text),
        expires_at: record.expires_in.map(micros).map(instant_text),
        event_ids: record.event_ids.into_iter().map(|id| EventId(id).display()).collect(),
        response_status: record.response.as_ref().map(|response| response.status),
        result: body.filter(|text| !text.is_empty()).and_then(rows::raw),
        retry_after_ms: (record.status == KeyStatus::InProgress)
            .then(|| u64::try_from(ASK_AGAIN.as_millis()).unwrap_or(u64::MAX)),
        disposition: disposition.to_owned(),
        explanation: explanation.to_owned(),
    }
}
