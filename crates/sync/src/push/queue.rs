//! What is sent next, signed.

use futures_util::TryStreamExt as _;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use stateset_outbox::delivery::LoggedEvent;
use stateset_relay::record::Record;
use stateset_relay::sink::Why;
use stateset_relay::sink::sequencer::Envelope;
use uuid::Uuid;

use crate::batch::{Queued, cut};
use crate::error::{SyncError, unreadable};
use crate::replica::{Replica, number};
use crate::session::Session;
use crate::sql;

/// Events of one request: the sequencer's own default limit.
const BATCH_EVENTS: usize = 1_000;
/// Bytes of one request, well below the sequencer's default limit of 10 MiB.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// What an envelope has besides payload and names.
const ENVELOPE_BYTES: usize = 900;

/// A place in the order of pushing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct After {
    position: i64,
    local_seq: i64,
}

impl After {
    pub(super) const START: Self = Self { position: 0, local_seq: 0 };
}

/// An open event of the log.
pub(super) struct Open {
    place: After,
    base_version: Option<u64>,
    record: Record,
}

impl Queued for Open {
    fn entity(&self) -> (&str, &str) {
        (&self.record.event.entity_type, &self.record.event.entity_id)
    }

    fn is_versioned(&self) -> bool {
        self.base_version.is_some()
    }

    fn bytes(&self) -> usize {
        ENVELOPE_BYTES + self.record.event.payload.len() + self.record.event.entity_id.len()
    }
}

/// A signed event of a request.
pub(super) struct Signed {
    pub(super) local_seq: i64,
    pub(super) event_id: Uuid,
    pub(super) key_id: u32,
    pub(super) entity: (String, String),
    pub(super) base_version: Option<u64>,
    pub(super) envelope: Envelope,
}

/// A request in the making.
pub(super) struct Prepared {
    pub(super) events: Vec<Signed>,
    /// Events that have no signed form, ever.
    pub(super) unsignable: Vec<(i64, Why)>,
    /// Where the next request begins.
    pub(super) end: After,
}

impl Prepared {
    pub(super) fn body(&self, agent: Uuid) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Push<'a> {
            agent_id: Uuid,
            events: Vec<&'a RawValue>,
        }
        let events = self.events.iter().map(|event| &*event.envelope.json).collect();
        serde_json::to_vec(&Push { agent_id: agent, events }).expect("envelopes are JSON already")
    }
}

impl Session {
    /// The next request behind a place; `None` if nothing is left that may be sent.
    pub(super) async fn prepare(&self, after: After) -> Result<Option<Prepared>, SyncError> {
        let mut open = self.replica.open_events(after).await?;
        open.truncate(cut(&open, BATCH_EVENTS, BATCH_BYTES));
        let Some(last) = open.last() else { return Ok(None) };
        let end = last.place;
        let signers = std::sync::Arc::clone(&self.signers);
        if let Some(event) = open.iter().find(|event| signers.unmapped(&event.record).is_some()) {
            let event = &event.record.event;
            let key_id = event.agent_key_id.and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
            let path = self.replica.secrets().agent_key(self.replica.profile.agent, key_id);
            let fault = format!("is not there, so event {} cannot be pushed", event.event_id);
            return Err(SyncError::LocalKey { key_id, path, fault });
        }
        let signing = tokio::task::spawn_blocking(move || {
            let mut prepared = Prepared { events: Vec::with_capacity(open.len()), unsignable: Vec::new(), end };
            for Open { place, base_version, record } in open {
                match signers.envelope(&record, base_version) {
                    Ok(envelope) => prepared.events.push(Signed {
                        local_seq: place.local_seq,
                        event_id: record.event.event_id,
                        key_id: record.event.agent_key_id.and_then(|id| u32::try_from(id).ok()).unwrap_or(0),
                        entity: (record.event.entity_type, record.event.entity_id),
                        base_version,
                        envelope,
                    }),
                    Err(why) => prepared.unsignable.push((place.local_seq, why)),
                }
            }
            prepared
        });
        signing.await.map(Some).map_err(|fault| unreadable(fault.to_string()))
    }
}

impl Replica {
    async fn open_events(&self, after: After) -> Result<Vec<Open>, SyncError> {
        let limit = i64::try_from(BATCH_EVENTS).unwrap_or(i64::MAX);
        let mut rows = sqlx::query(sql!("queue"))
            .bind(after.position)
            .bind(after.local_seq)
            .bind(self.profile.tenant)
            .bind(self.profile.store)
            .bind(self.profile.agent)
            .bind(limit)
            .fetch(&self.pool);
        let (mut open, mut bytes) = (Vec::new(), 0);
        // Row by row: a thousand payloads of a mebibyte each would not fit a small machine's memory.
        while let Some(row) = rows.try_next().await? {
            let event = self.read_open(&row)?;
            bytes += event.bytes();
            open.push(event);
            if bytes > BATCH_BYTES {
                break;
            }
        }
        Ok(open)
    }

    fn read_open(&self, row: &SqliteRow) -> Result<Open, SyncError> {
        let local_seq = row.try_get(1)?;
        let event = LoggedEvent {
            log_id: local_seq,
            log_epoch: 1,
            xid: 0,
            shard: 0,
            tenant: self.profile.tenant,
            store: self.profile.store,
            event_id: row.try_get(3)?,
            event_key: None,
            event_type: row.try_get(4)?,
            schema_version: row.try_get(5)?,
            entity_type: row.try_get(6)?,
            entity_id: row.try_get(7)?,
            order_key: row.try_get(8)?,
            payload: row.try_get(9)?,
            metadata: None,
            correlation_id: row.try_get(10)?,
            causation_id: row.try_get(11)?,
            command_id: row.try_get(12)?,
            traceparent: None,
            agent_id: Some(self.profile.agent),
            agent_key_id: row.try_get(13)?,
            created_at: row.try_get(14)?,
            written_at: 0,
        };
        Ok(Open {
            place: After { position: row.try_get(0)?, local_seq },
            base_version: row.try_get::<Option<i64>, _>(2)?.map(number).transpose()?,
            record: Record::new(event),
        })
    }
}
