//! From rows of either engine to values, written once. A value that cannot be is [`StoreError::Corrupt`].

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::Hash;
use stateset_ledger::event::{Annotations, EnvelopeVersion, Header, KnownEvent, PayloadForm, ReceiptSignature};
use stateset_ledger::id::{AgentId, BatchId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::stream::StreamTile;
use uuid::Uuid;

use crate::api_key::ApiKey;
use crate::append::PayloadSegment;
use crate::batch::Batch;
use crate::error::StoreError;
use crate::head_log::{Checkpoint, StoredRecord};
use crate::maintenance::{EngineFacts, KeyUse, LoggedHead};
use crate::raw;
use crate::read::{FoundEvent, StoredEvent};
use crate::schema::{SchemaPolicy, SchemaStatus, SchemaVersion};
use crate::stream::{HeadSignature, StreamNo, StreamRow};

type Read<T> = Result<T, StoreError>;

/// The columns of a row, counted from the left.
pub(crate) trait Row {
    fn opt_int(&self, at: usize) -> Read<Option<i64>>;
    /// A number that PostgreSQL keeps in two bytes.
    fn small(&self, at: usize) -> Read<i64>;
    /// A number that PostgreSQL keeps in four.
    fn medium(&self, at: usize) -> Read<i64>;
    fn flag(&self, at: usize) -> Read<bool>;
    fn opt_text(&self, at: usize) -> Read<Option<String>>;
    fn opt_bytes(&self, at: usize) -> Read<Option<&[u8]>>;
    fn opt_id(&self, at: usize) -> Read<Option<Uuid>>;
    fn ids(&self, at: usize) -> Read<Vec<Uuid>>;

    fn int(&self, at: usize) -> Read<i64> {
        self.opt_int(at)?.ok_or_else(|| null(at))
    }

    fn text(&self, at: usize) -> Read<String> {
        self.opt_text(at)?.ok_or_else(|| null(at))
    }

    fn bytes(&self, at: usize) -> Read<&[u8]> {
        self.opt_bytes(at)?.ok_or_else(|| null(at))
    }

    fn id(&self, at: usize) -> Read<Uuid> {
        self.opt_id(at)?.ok_or_else(|| null(at))
    }

    fn count(&self, at: usize) -> Read<u64> {
        raw::count(self.int(at)?)
    }

    fn opt_count(&self, at: usize) -> Read<Option<u64>> {
        self.opt_int(at)?.map(raw::count).transpose()
    }

    fn sequence(&self, at: usize) -> Read<Sequence> {
        raw::sequence(self.int(at)?)
    }

    fn micros(&self, at: usize) -> Read<Micros> {
        self.int(at).map(Micros)
    }

    fn opt_micros(&self, at: usize) -> Read<Option<Micros>> {
        Ok(self.opt_int(at)?.map(Micros))
    }

    fn stream_no(&self, at: usize) -> Read<StreamNo> {
        self.int(at).map(StreamNo)
    }

    fn key(&self, at: usize) -> Read<KeyId> {
        raw::key_id(self.int(at)?)
    }

    fn hash(&self, at: usize) -> Read<Hash> {
        raw::hash(self.bytes(at)?)
    }

    fn hashes(&self, at: usize) -> Read<Vec<Hash>> {
        raw::hashes(self.bytes(at)?)
    }

    /// A number that stands for one of a few things.
    fn one_of<T>(&self, at: usize, from: impl Fn(u8) -> Option<T>) -> Read<T> {
        let number = self.small(at)?;
        u8::try_from(number)
            .ok()
            .and_then(from)
            .ok_or_else(|| StoreError::corrupt(format!("{number} is not a number this program has given to anything")))
    }

    /// Tenant and store from two adjacent columns.
    fn scope(&self, at: usize) -> Read<Scope> {
        Ok(Scope::new(TenantId(self.id(at)?), StoreId(self.id(at + 1)?)))
    }
}

fn null(at: usize) -> StoreError {
    StoreError::corrupt(format!("column {at} of a row is NULL"))
}

/// Implements [`Row`] for the rows of an engine: the row, its errors, the types of small and of medium numbers, and how ids
/// are read from one column.
macro_rules! row_of_engine {
    ($row:ty, $error:expr, $small:ty, $medium:ty, $ids:expr) => {
        impl $crate::row::Row for $row {
            fn opt_int(&self, at: usize) -> Result<Option<i64>, $crate::error::StoreError> {
                self.try_get(at).map_err($error)
            }

            fn small(&self, at: usize) -> Result<i64, $crate::error::StoreError> {
                self.try_get::<$small, _>(at).map(i64::from).map_err($error)
            }

            fn medium(&self, at: usize) -> Result<i64, $crate::error::StoreError> {
                self.try_get::<$medium, _>(at).map(i64::from).map_err($error)
            }

            fn flag(&self, at: usize) -> Result<bool, $crate::error::StoreError> {
                self.try_get(at).map_err($error)
            }

            fn opt_text(&self, at: usize) -> Result<Option<String>, $crate::error::StoreError> {
                self.try_get(at).map_err($error)
            }

            fn opt_bytes(&self, at: usize) -> Result<Option<&[u8]>, $crate::error::StoreError> {
                self.try_get(at).map_err($error)
            }

            fn opt_id(&self, at: usize) -> Result<Option<uuid::Uuid>, $crate::error::StoreError> {
                self.try_get(at).map_err($error)
            }

            fn ids(&self, at: usize) -> Result<Vec<uuid::Uuid>, $crate::error::StoreError> {
                $ids(self, at)
            }
        }
    };
}
pub(crate) use row_of_engine;

/// An event, its columns in the order of the table behind `stream_no`, and the first place of its segment.
pub(crate) fn stored_event(row: &impl Row) -> Read<StoredEvent> {
    let header = Header {
        event_id: EventId(row.id(1)?),
        version: row.one_of(2, EnvelopeVersion::from_number)?,
        agent: AgentId(row.id(3)?),
        entity_type: row.text(5)?,
        entity_id: row.text(6)?,
        event_type: row.text(7)?,
        created_at: row.text(8)?,
        payload_form: row.one_of(9, PayloadForm::from_number)?,
        payload_hash: row.hash(10)?,
        cipher_hash: row.opt_bytes(11)?.map_or(Ok(Hash::ZERO), raw::hash)?,
        content_hash: row.hash(12)?,
        seal: raw::seal(row.opt_int(4)?, row.bytes(13)?)?,
        command_id: row.opt_id(14)?,
        base_version: row.opt_int(15)?.map(i64::cast_unsigned),
        order_key: row.opt_text(16)?,
        correlation_id: row.opt_text(17)?,
        annotations: annotations(row.opt_text(18)?)?,
    };
    Ok(StoredEvent {
        sequence: row.sequence(0)?,
        sequenced_at: row.micros(19)?,
        header,
        receipt: receipt(row, 20)?,
        segment: row.sequence(22)?,
    })
}

/// An event with the rest of its segment, its stream and scope, and the stream's size.
pub(crate) fn found_event(row: &impl Row) -> Read<FoundEvent> {
    Ok(FoundEvent {
        stream: row.stream_no(26)?,
        scope: row.scope(27)?,
        event: stored_event(row)?,
        segment: segment(row, 22)?,
        head_size: row.count(29)?,
    })
}

/// What answers "is this id known".
pub(crate) fn known_event(row: &impl Row) -> Read<KnownEvent> {
    Ok(KnownEvent {
        event_id: EventId(row.id(0)?),
        sequence: row.sequence(1)?,
        sequenced_at: row.micros(2)?,
        content_hash: row.hash(3)?,
        seal: raw::seal(row.opt_int(4)?, row.bytes(5)?)?,
        command_id: row.opt_id(6)?,
        base_version: row.opt_int(7)?.map(i64::cast_unsigned),
        receipt: receipt(row, 8)?,
    })
}

/// Key and signature from two adjacent columns.
fn receipt(row: &impl Row, at: usize) -> Read<Option<ReceiptSignature>> {
    let Some((key, signature)) = row.opt_int(at)?.zip(row.opt_bytes(at + 1)?) else { return Ok(None) };
    let signature = signature.try_into().map_err(StoreError::corrupt)?;
    Ok(Some(ReceiptSignature { key: raw::key_id(key)?, signature }))
}

fn annotations(column: Option<String>) -> Read<Annotations> {
    column.map_or(Ok(Annotations::default()), |json| serde_json::from_str(&json).map_err(StoreError::corrupt))
}

/// First and last place, key and sealed bytes from four adjacent columns.
pub(crate) fn segment(row: &impl Row, at: usize) -> Read<PayloadSegment> {
    Ok(PayloadSegment {
        first: row.sequence(at)?,
        last: row.sequence(at + 1)?,
        key_id: payload_key(row, at + 2)?,
        sealed: row.bytes(at + 3)?.to_vec(),
    })
}

fn payload_key(row: &impl Row, at: usize) -> Read<Option<[u8; 8]>> {
    row.opt_bytes(at)?.map(|key| key.try_into().map_err(StoreError::corrupt)).transpose()
}

/// A stream from nine adjacent columns.
pub(crate) fn stream_row(row: &impl Row, at: usize) -> Read<StreamRow> {
    let signed = receipt(row, at + 6)?;
    Ok(StreamRow {
        stream: row.stream_no(at)?,
        scope: row.scope(at + 1)?,
        size: row.count(at + 3)?,
        root: row.hash(at + 4)?,
        last_at: row.opt_micros(at + 5)?,
        signed: signed.map(|signed| HeadSignature { key: signed.key, signature: signed.signature }),
        opened_at: row.micros(at + 8)?,
    })
}

/// The size of the tenant's key stream, and one of its keys if it has any.
pub(crate) fn agent_key(row: &impl Row) -> Read<(u64, Option<AgentKey>)> {
    let Some(agent) = row.opt_id(1)? else { return Ok((row.count(0)?, None)) };
    let key = AgentKey {
        agent: AgentId(agent),
        key: row.key(2)?,
        public_key: raw::public_key(row.bytes(3)?)?,
        valid_from: row.opt_micros(4)?,
        valid_to: row.opt_micros(5)?,
        revoked_at: row.opt_micros(6)?,
        registered: row.sequence(7)?,
    };
    Ok((row.count(0)?, Some(key)))
}

/// An API key.
pub(crate) fn api_key(row: &impl Row) -> Read<ApiKey> {
    Ok(ApiKey {
        prefix: row.text(0)?,
        secret_hash: row.hash(1)?,
        tenant: TenantId(row.id(2)?),
        stores: row.ids(3)?.into_iter().map(StoreId).collect(),
        read: row.flag(4)?,
        write: row.flag(5)?,
        admin: row.flag(6)?,
        agent: row.opt_id(7)?.map(AgentId),
        rate_limit: row.opt_int(8)?.map(u32::try_from).transpose().map_err(StoreError::corrupt)?,
        name: row.text(9)?,
        created_at: row.micros(10)?,
        expires_at: row.opt_micros(11)?,
        revoked_at: row.opt_micros(12)?,
    })
}

/// A registered schema.
pub(crate) fn schema(row: &impl Row) -> Read<SchemaVersion> {
    let positive = |at| {
        row.medium(at).and_then(|number| {
            u32::try_from(number).map_err(|_| StoreError::corrupt("a schema's number is out of range"))
        })
    };
    let status = row.text(3)?;
    Ok(SchemaVersion {
        number: positive(0)?,
        subject: row.text(1)?,
        version: positive(2)?,
        status: SchemaStatus::of(&status).ok_or_else(|| StoreError::corrupt("an unknown status of a schema"))?,
        text: row.text(4)?,
        description: row.text(5)?,
        created_at: row.micros(6)?,
    })
}

/// What holds for the schemas of one subject.
pub(crate) fn schema_policy(row: &impl Row) -> Read<SchemaPolicy> {
    Ok(SchemaPolicy { subject: row.text(0)?, mode: row.opt_text(1)?, compatibility: row.opt_text(2)? })
}

/// A batch from the first ten columns.
pub(crate) fn batch(row: &impl Row) -> Read<Batch> {
    Ok(Batch {
        batch: BatchId(row.id(0)?),
        stream: row.stream_no(1)?,
        start: row.sequence(2)?,
        end: row.sequence(3)?,
        merkle_root: row.hash(4)?,
        previous_state_root: row.hash(5)?,
        state_root: row.hash(6)?,
        chunk_roots: row.hashes(7)?,
        committed_at: row.micros(8)?,
        log_index: row.opt_count(9)?,
    })
}

/// A record of the head log.
pub(crate) fn record(row: &impl Row) -> Read<StoredRecord> {
    Ok(StoredRecord { index: row.count(0)?, stream: row.stream_no(1)?, record: row.bytes(2)?.to_vec() })
}

/// Size and signed note from two adjacent columns.
pub(crate) fn checkpoint(row: &impl Row, at: usize) -> Read<Checkpoint> {
    Ok(Checkpoint { size: row.count(at)?, note: row.text(at + 1)? })
}

/// What the database says of itself.
pub(crate) fn engine_facts(row: &impl Row) -> Read<EngineFacts> {
    Ok(EngineFacts { version: row.text(0)?, now: row.micros(1)?, durability: row.text(2)? })
}

/// How much one payload key has sealed.
pub(crate) fn key_use(row: &impl Row) -> Read<KeyUse> {
    Ok(KeyUse {
        tenant: TenantId(row.id(0)?),
        key_id: payload_key(row, 1)?,
        segments: row.count(2)?,
        events: row.count(3)?,
    })
}

/// A tile of a stream's tree.
pub(crate) fn stream_tile(row: &impl Row) -> Read<StreamTile> {
    Ok(StreamTile { level: row.one_of(0, Some)?, index: row.count(1)?, root: row.hash(2)?, hashes: row.hashes(3)? })
}

/// Which head of a stream the head log last recorded.
pub(crate) fn logged_head(row: &impl Row) -> Read<LoggedHead> {
    Ok(LoggedHead { stream: row.stream_no(0)?, size: row.count(1)?, log_index: row.count(2)? })
}
