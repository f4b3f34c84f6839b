//! From column values to domain values, once for both engines. A value that cannot be is [`StoreError::Corrupt`].

use stateset_ledger::bytes::{Hash, PublicKeyBytes, Salt, Signature};
use stateset_ledger::event::{Annotations, Seal};
use stateset_ledger::id::{KeyId, Sequence};

use crate::error::StoreError;

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

/// A schema's number or version as the databases hold it; beyond them somebody counted wrongly.
pub(crate) fn schema_number(number: u32) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|_| StoreError::Conflict)
}
