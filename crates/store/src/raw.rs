//! From column values to domain values, once for both engines. A value that cannot be is [`StoreError::Corrupt`].

use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes, Salt, Signature};
use stateset_ledger::event::{Annotations, EnvelopeVersion, Header, KnownEvent, PayloadForm, ReceiptSignature, Seal};
use stateset_ledger::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use uuid::Uuid;

use crate::api_key::ApiKey;
use crate::error::StoreError;
use crate::read::StoredEvent;
use crate::schema::{SchemaStatus, SchemaVersion};
use crate::stream::{HeadSignature, StreamNo, StreamRow};

/// A row of `events`, in the order of its columns behind `stream_no`.
#[derive(Debug)]
pub(crate) struct RawEvent {
    pub seq: i64,
    pub event_id: Uuid,
    pub version: i64,
    pub agent_id: Uuid,
    pub agent_key_id: Option<i64>,
    pub entity_type: String,
    pub entity_id: String,
    pub event_type: String,
    pub created_at: String,
    pub payload_form: i64,
    pub payload_hash: Vec<u8>,
    pub cipher_hash: Option<Vec<u8>>,
    pub content_hash: Vec<u8>,
    pub seal: Vec<u8>,
    pub command_id: Option<Uuid>,
    pub base_version: Option<i64>,
    pub order_key: Option<String>,
    pub correlation_id: Option<String>,
    pub annotations: Option<String>,
    pub sequenced_at: i64,
    pub receipt_key_id: Option<i64>,
    pub receipt_signature: Option<Vec<u8>>,
    pub segment: i64,
}

impl RawEvent {
    pub(crate) fn into_stored(self) -> Result<StoredEvent, StoreError> {
        let header = Header {
            event_id: EventId(self.event_id),
            version: number(self.version, EnvelopeVersion::from_number)?,
            agent: AgentId(self.agent_id),
            entity_type: self.entity_type,
            entity_id: self.entity_id,
            event_type: self.event_type,
            created_at: self.created_at,
            payload_form: number(self.payload_form, PayloadForm::from_number)?,
            payload_hash: hash(&self.payload_hash)?,
            cipher_hash: self.cipher_hash.as_deref().map_or(Ok(Hash::ZERO), hash)?,
            content_hash: hash(&self.content_hash)?,
            seal: seal(self.agent_key_id, &self.seal)?,
            command_id: self.command_id,
            base_version: self.base_version.map(i64::cast_unsigned),
            order_key: self.order_key,
            correlation_id: self.correlation_id,
            annotations: annotations_from(self.annotations.as_deref())?,
        };
        Ok(StoredEvent {
            sequence: sequence(self.seq)?,
            sequenced_at: Micros(self.sequenced_at),
            header,
            receipt: receipt(self.receipt_key_id, self.receipt_signature.as_deref())?,
            segment: sequence(self.segment)?,
        })
    }
}

/// The columns of `events` that answer "is this id known".
#[derive(Debug)]
pub(crate) struct RawKnown {
    pub event_id: Uuid,
    pub seq: i64,
    pub sequenced_at: i64,
    pub content_hash: Vec<u8>,
    pub agent_key_id: Option<i64>,
    pub seal: Vec<u8>,
    pub command_id: Option<Uuid>,
    pub base_version: Option<i64>,
    pub receipt_key_id: Option<i64>,
    pub receipt_signature: Option<Vec<u8>>,
}

impl RawKnown {
    pub(crate) fn into_known(self) -> Result<KnownEvent, StoreError> {
        Ok(KnownEvent {
            event_id: EventId(self.event_id),
            sequence: sequence(self.seq)?,
            sequenced_at: Micros(self.sequenced_at),
            content_hash: hash(&self.content_hash)?,
            seal: seal(self.agent_key_id, &self.seal)?,
            command_id: self.command_id,
            base_version: self.base_version.map(i64::cast_unsigned),
            receipt: receipt(self.receipt_key_id, self.receipt_signature.as_deref())?,
        })
    }
}

/// A row of `streams` as readers see it.
#[derive(Debug)]
pub(crate) struct RawStream {
    pub stream_no: i64,
    pub scope: Scope,
    pub size: i64,
    pub root: Vec<u8>,
    pub last_at: Option<i64>,
    pub head_key_id: Option<i64>,
    pub head_signature: Option<Vec<u8>>,
    pub opened_at: i64,
}

impl RawStream {
    pub(crate) fn into_row(self) -> Result<StreamRow, StoreError> {
        let signed = receipt(self.head_key_id, self.head_signature.as_deref())?;
        Ok(StreamRow {
            stream: StreamNo(self.stream_no),
            scope: self.scope,
            size: count(self.size)?,
            root: hash(&self.root)?,
            last_at: self.last_at.map(Micros),
            signed: signed.map(|s| HeadSignature { key: s.key, signature: s.signature }),
            opened_at: Micros(self.opened_at),
        })
    }
}

/// A row of `agent_keys`.
#[derive(Debug)]
pub(crate) struct RawAgentKey {
    pub agent_id: Uuid,
    pub key_id: i64,
    pub public_key: Vec<u8>,
    pub valid_from: Option<i64>,
    pub valid_to: Option<i64>,
    pub revoked_at: Option<i64>,
    pub registered: i64,
}

impl RawAgentKey {
    pub(crate) fn into_key(self) -> Result<AgentKey, StoreError> {
        Ok(AgentKey {
            agent: AgentId(self.agent_id),
            key: key_id(self.key_id)?,
            public_key: public_key(&self.public_key)?,
            valid_from: self.valid_from.map(Micros),
            valid_to: self.valid_to.map(Micros),
            revoked_at: self.revoked_at.map(Micros),
            registered: sequence(self.registered)?,
        })
    }
}

/// The stored form of a header's seal: key id column and seal column.
pub(crate) fn seal_columns(seal: &Seal) -> (Option<i64>, &[u8]) {
    match seal {
        Seal::Signed { key, signature } => (Some(i64::from(key.0)), &signature.0),
        Seal::Unsigned { salt } => (None, &salt.0),
    }
}

/// The stored form of annotations; `None` when there are none.
pub(crate) fn annotations_column(annotations: &Annotations) -> Option<String> {
    (!annotations.is_empty())
        .then(|| serde_json::to_string(annotations).expect("annotations hold only strings and numbers"))
}

/// The stored form of a sequence, size or index.
pub(crate) fn column(number: u64) -> i64 {
    i64::try_from(number).expect("sequences, sizes and indices stay below 2^63 by construction")
}

pub(crate) fn count(column: i64) -> Result<u64, StoreError> {
    u64::try_from(column).map_err(StoreError::corrupt)
}

pub(crate) fn sequence(column: i64) -> Result<Sequence, StoreError> {
    Sequence::new(count(column)?).map_err(StoreError::corrupt)
}

pub(crate) fn key_id(column: i64) -> Result<KeyId, StoreError> {
    u32::try_from(column).map(KeyId).map_err(StoreError::corrupt)
}

pub(crate) fn hash(column: &[u8]) -> Result<Hash, StoreError> {
    Hash::try_from(column).map_err(StoreError::corrupt)
}

pub(crate) fn public_key(column: &[u8]) -> Result<PublicKeyBytes, StoreError> {
    PublicKeyBytes::try_from(column).map_err(StoreError::corrupt)
}

/// A column of concatenated hashes.
pub(crate) fn hashes(column: &[u8]) -> Result<Vec<Hash>, StoreError> {
    let (chunks, rest) = column.as_chunks::<32>();
    if rest.is_empty() {
        Ok(chunks.iter().copied().map(Hash).collect())
    } else {
        Err(StoreError::corrupt("a column of hashes is not a multiple of 32 bytes long"))
    }
}

/// The inverse of [`hashes`].
pub(crate) fn hashes_column(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// A seal from its two columns.
pub(crate) fn seal(agent_key_id: Option<i64>, seal: &[u8]) -> Result<Seal, StoreError> {
    Ok(match agent_key_id {
        Some(key) => {
            Seal::Signed { key: key_id(key)?, signature: Signature::try_from(seal).map_err(StoreError::corrupt)? }
        },
        None => Seal::Unsigned { salt: Salt::try_from(seal).map_err(StoreError::corrupt)? },
    })
}

fn receipt(key: Option<i64>, signature: Option<&[u8]>) -> Result<Option<ReceiptSignature>, StoreError> {
    key.zip(signature)
        .map(|(key, signature)| {
            Ok(ReceiptSignature {
                key: key_id(key)?,
                signature: Signature::try_from(signature).map_err(StoreError::corrupt)?,
            })
        })
        .transpose()
}

fn annotations_from(column: Option<&str>) -> Result<Annotations, StoreError> {
    column.map_or(Ok(Annotations::default()), |json| serde_json::from_str(json).map_err(StoreError::corrupt))
}

fn number<T>(column: i64, from: impl Fn(u8) -> Option<T>) -> Result<T, StoreError> {
    u8::try_from(column)
        .ok()
        .and_then(from)
        .ok_or_else(|| StoreError::corrupt(format!("{column} is not a number this program has given to anything")))
}

/// A row of `api_keys`.
#[derive(Debug)]
pub(crate) struct RawApiKey {
    pub prefix: String,
    pub secret_hash: Vec<u8>,
    pub tenant_id: Uuid,
    pub stores: Vec<Uuid>,
    pub can_read: bool,
    pub can_write: bool,
    pub can_admin: bool,
    pub agent_id: Option<Uuid>,
    pub rate_limit: Option<i64>,
    pub name: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

impl RawApiKey {
    pub(crate) fn into_key(self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            prefix: self.prefix,
            secret_hash: hash(&self.secret_hash)?,
            tenant: TenantId(self.tenant_id),
            stores: self.stores.into_iter().map(StoreId).collect(),
            read: self.can_read,
            write: self.can_write,
            admin: self.can_admin,
            agent: self.agent_id.map(AgentId),
            rate_limit: self.rate_limit.map(u32::try_from).transpose().map_err(StoreError::corrupt)?,
            name: self.name,
            created_at: Micros(self.created_at),
            expires_at: self.expires_at.map(Micros),
            revoked_at: self.revoked_at.map(Micros),
        })
    }
}

/// A registered schema as its row has it.
pub(crate) struct RawSchema {
    pub(crate) number: i32,
    pub(crate) subject: String,
    pub(crate) version: i32,
    pub(crate) status: String,
    pub(crate) text: String,
    pub(crate) description: String,
    pub(crate) created_at: i64,
}

impl RawSchema {
    pub(crate) fn into_schema(self) -> Result<SchemaVersion, StoreError> {
        let positive =
            |value: i32| u32::try_from(value).map_err(|_| StoreError::corrupt("a schema's number is negative"));
        let status =
            SchemaStatus::of(&self.status).ok_or_else(|| StoreError::corrupt("an unknown status of a schema"))?;
        Ok(SchemaVersion {
            number: positive(self.number)?,
            subject: self.subject,
            version: positive(self.version)?,
            status,
            text: self.text,
            description: self.description,
            created_at: Micros(self.created_at),
        })
    }
}

/// A schema's number or version as the databases hold it; beyond them somebody counted wrongly.
pub(crate) fn schema_number(number: u32) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|_| StoreError::Conflict)
}
