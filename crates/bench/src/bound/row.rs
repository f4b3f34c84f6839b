//! A row like those of the server's table of events, and its form in `COPY … (FORMAT binary)`.

use uuid::Uuid;

use crate::event::{PAYLOAD_BYTES, mix};

/// Nonce and tag of a sealed payload.
const SEAL_BYTES: usize = 28;
/// Columns of the table, nulls included.
const COLUMNS: i16 = 24;

/// The values of a row. Bytes look random, so that nothing compresses.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) stream: i64,
    pub(super) seq: i64,
    pub(super) event_id: Uuid,
    pub(super) agent_id: Uuid,
    pub(super) entity_id: String,
    pub(super) payload_hash: Vec<u8>,
    pub(super) content_hash: Vec<u8>,
    pub(super) seal: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

pub(super) const VERSION: i16 = 1;
pub(super) const KEY_ID: i64 = 1;
pub(super) const ENTITY_TYPE: &str = "order";
pub(super) const EVENT_TYPE: &str = "order.line_added";
pub(super) const CREATED_AT: &str = "2026-01-02T03:04:05.006007Z";
pub(super) const PAYLOAD_FORM: i16 = 0;
pub(super) const SEQUENCED_AT: i64 = 1_767_323_045_006_007;

impl Row {
    pub(super) fn new(stream: i64, seq: i64) -> Self {
        let seed = mix(stream.unsigned_abs() << 40 ^ seq.unsigned_abs());
        Self {
            stream,
            seq,
            event_id: event_id(stream, seq),
            agent_id: Uuid::from_u64_pair(1, 2),
            entity_id: format!("order-{:08}", seq / 4),
            payload_hash: noise(seed, 32),
            content_hash: noise(seed ^ 1, 32),
            seal: noise(seed ^ 2, 64),
            payload: noise(seed ^ 3, PAYLOAD_BYTES + SEAL_BYTES),
        }
    }
}

fn event_id(stream: i64, seq: i64) -> Uuid {
    Uuid::from_u64_pair(seq.unsigned_abs(), mix(stream.unsigned_abs()))
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    (0..).flat_map(|word: u64| mix(seed.wrapping_add(word << 32)).to_le_bytes()).take(length).collect()
}

/// A thousand rows encoded once. Only what must differ between commits is written again, so that the measurement is the
/// database's.
pub(super) struct CopyBlock {
    stream: i64,
    bytes: Vec<u8>,
    /// Where in `bytes` the sequence of each row stands.
    seq_at: Vec<usize>,
    /// Where the event id stands.
    id_at: Vec<usize>,
}

impl CopyBlock {
    pub(super) fn new(stream: i64, rows: usize) -> Self {
        let mut block = Self { stream, bytes: Vec::new(), seq_at: Vec::new(), id_at: Vec::new() };
        block.bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        block.bytes.extend_from_slice(&[0; 8]);
        for seq in (1..).take(rows) {
            block.push(&Row::new(stream, seq));
        }
        block.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        block
    }

    /// The block with rows from `first` on.
    pub(super) fn starting_at(&mut self, first: i64) -> &[u8] {
        for ((seq, seq_at), id_at) in (first..).zip(&self.seq_at).zip(&self.id_at) {
            self.bytes[*seq_at..seq_at + 8].copy_from_slice(&seq.to_be_bytes());
            self.bytes[*id_at..id_at + 16].copy_from_slice(event_id(self.stream, seq).as_bytes());
        }
        &self.bytes
    }

    fn push(&mut self, row: &Row) {
        self.bytes.extend_from_slice(&COLUMNS.to_be_bytes());
        self.field(&row.stream.to_be_bytes());
        let at = self.field(&row.seq.to_be_bytes());
        self.seq_at.push(at);
        let at = self.field(row.event_id.as_bytes());
        self.id_at.push(at);
        self.field(&VERSION.to_be_bytes());
        self.field(row.agent_id.as_bytes());
        self.field(&KEY_ID.to_be_bytes());
        self.field(ENTITY_TYPE.as_bytes());
        self.field(row.entity_id.as_bytes());
        self.field(EVENT_TYPE.as_bytes());
        self.field(CREATED_AT.as_bytes());
        self.field(&PAYLOAD_FORM.to_be_bytes());
        self.field(&row.payload_hash);
        self.null();
        self.field(&row.content_hash);
        self.field(&row.seal);
        for _ in 0..5 {
            self.null();
        }
        self.field(&SEQUENCED_AT.to_be_bytes());
        self.null();
        self.null();
        self.field(&row.payload);
    }

    /// Appends a value and tells where it begins.
    fn field(&mut self, value: &[u8]) -> usize {
        let length = i32::try_from(value.len()).expect("values of a few hundred bytes");
        self.bytes.extend_from_slice(&length.to_be_bytes());
        let at = self.bytes.len();
        self.bytes.extend_from_slice(value);
        at
    }

    fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_moves_to_other_sequences() {
        let mut block = CopyBlock::new(1, 3);
        let first = block.starting_at(1).to_vec();
        let later = block.starting_at(100).to_vec();
        assert_eq!(first.len(), later.len());
        assert_ne!(first, later);
        assert_eq!(block.starting_at(1), first);
        let at = block.seq_at[2];
        assert_eq!(later[at..at + 8], 102_i64.to_be_bytes());
    }
}
