//! Records of the head log: the one public, append-only log in which every stream's growth is pinned.
//!
//! A public entry is always 32 bytes, a salted hash of its record ([`blind`]), whatever the record is: the public sees that
//! the log only grows, the tenant and named auditors receive salt and record and see what was logged. Every field has a
//! fixed width, so a record is its own canonical form.

use sha2::{Digest as _, Sha256};

use crate::bytes::{Hash, Preimage, Salt};
use crate::domain;
use crate::id::Micros;

/// One record, before blinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// A stream was opened.
    Open {
        /// Which stream.
        stream_id: Hash,
        /// Its first sequence, always 1.
        first_sequence: u64,
        /// When.
        created_at: Micros,
    },
    /// A stream reached a size. The records of one stream form a linked list of growing sizes.
    Head {
        /// Which stream.
        stream_id: Hash,
        /// Events in it.
        size: u64,
        /// Root of its tree.
        root: Hash,
        /// Index of the stream's previous `Head` record in this log plus one; 0 for the first.
        previous_plus_one: u64,
    },
    /// A VES batch was committed.
    Batch {
        /// Which stream.
        stream_id: Hash,
        /// First sequence of the batch.
        start: u64,
        /// Last sequence of the batch.
        end: u64,
        /// Root of the batch tree.
        merkle_root: Hash,
        /// State root before.
        previous_state_root: Hash,
        /// State root after.
        new_state_root: Hash,
    },
}

/// Bytes that are no record of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a head-log record")]
pub struct NotARecord;

impl Record {
    /// The record's bytes: domain, then the fields in order, all of fixed width and big-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160);
        match self {
            Self::Open { stream_id, first_sequence, created_at } => {
                bytes.extend_from_slice(domain::OPEN.as_bytes());
                bytes.extend_from_slice(&stream_id.0);
                bytes.extend_from_slice(&first_sequence.to_be_bytes());
                bytes.extend_from_slice(&created_at.0.to_be_bytes());
            },
            Self::Head { stream_id, size, root, previous_plus_one } => {
                bytes.extend_from_slice(domain::HEAD.as_bytes());
                bytes.extend_from_slice(&stream_id.0);
                bytes.extend_from_slice(&size.to_be_bytes());
                bytes.extend_from_slice(&root.0);
                bytes.extend_from_slice(&previous_plus_one.to_be_bytes());
            },
            Self::Batch { stream_id, start, end, merkle_root, previous_state_root, new_state_root } => {
                bytes.extend_from_slice(domain::BATCH.as_bytes());
                bytes.extend_from_slice(&stream_id.0);
                bytes.extend_from_slice(&start.to_be_bytes());
                bytes.extend_from_slice(&end.to_be_bytes());
                for hash in [merkle_root, previous_state_root, new_state_root] {
                    bytes.extend_from_slice(&hash.0);
                }
            },
        }
        bytes
    }

    /// Reads a record back; exact length, no trailing bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotARecord> {
        let mut fields = Fields(bytes);
        let domain = fields.take::<11>()?;
        let record = if domain == domain::OPEN.as_bytes() {
            Self::Open {
                stream_id: fields.hash()?,
                first_sequence: fields.number()?,
                created_at: Micros(i64::from_be_bytes(fields.take()?)),
            }
        } else if domain == domain::HEAD.as_bytes() {
            Self::Head {
                stream_id: fields.hash()?,
                size: fields.number()?,
                root: fields.hash()?,
                previous_plus_one: fields.number()?,
            }
        } else if domain == domain::BATCH.as_bytes() {
            Self::Batch {
                stream_id: fields.hash()?,
                start: fields.number()?,
                end: fields.number()?,
                merkle_root: fields.hash()?,
                previous_state_root: fields.hash()?,
                new_state_root: fields.hash()?,
            }
        } else {
            return Err(NotARecord);
        };
        if fields.0.is_empty() { Ok(record) } else { Err(NotARecord) }
    }

    /// The stream the record is about, and a number that tells its records apart: what the salt is derived from.
    pub fn subject(&self) -> (Hash, u64) {
        match *self {
            Self::Open { stream_id, .. } => (stream_id, 0),
            Self::Head { stream_id, size, .. } => (stream_id, size),
            Self::Batch { stream_id, end, .. } => (stream_id, end),
        }
    }
}

/// The salt of a record: the first 16 bytes of HMAC-SHA-256 under the log's blinding key over `stream id ‖ u64 number` of
/// its [subject](Record::subject). Derived, so that salts need no backup; whoever is shown one learns nothing of the others.
pub fn salt(blinding_key: &[u8; 32], (stream_id, number): (Hash, u64)) -> Salt {
    let code = hmac(blinding_key, &[&stream_id.0[..], &number.to_be_bytes()].concat());
    Salt(*code.0.first_chunk().expect("a hash is longer than a salt"))
}

/// RFC 2104 with SHA-256, for a key shorter than a block.
fn hmac(key: &[u8; 32], message: &[u8]) -> Hash {
    const BLOCK: usize = 64;
    let padded = |pad: u8| {
        let mut block = [pad; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Hash(Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into())
}

/// The public 32-byte entry for `record`.
pub fn blind(salt: &Salt, record: &[u8]) -> Hash {
    Preimage::new(domain::BLINDED).fixed(&salt.0).raw(record).hash()
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], NotARecord> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(NotARecord)?;
        self.0 = rest;
        Ok(*field)
    }

    fn hash(&mut self) -> Result<Hash, NotARecord> {
        self.take().map(Hash)
    }

    fn number(&mut self) -> Result<u64, NotARecord> {
        self.take().map(u64::from_be_bytes)
    }
}
