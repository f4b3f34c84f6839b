//! In which of 64 shards an event's lane is.

use sha2::{Digest as _, Sha256};

/// First two bytes, big-endian, of SHA-256 over the order key, else over `entity_type NUL entity_id`, and 63. Part of the
/// contract: other writers compute the same.
pub fn shard(order_key: Option<&str>, entity_type: &str, entity_id: &str) -> u8 {
    let mut hash = Sha256::new();
    if let Some(key) = order_key {
        hash.update(key);
    } else {
        hash.update(entity_type);
        hash.update([0]);
        hash.update(entity_id);
    }
    // Of two big-endian bytes only the second has bits below 64.
    hash.finalize()[1] & 63
}

#[cfg(test)]
mod tests {
    use super::shard;

    /// Computed with Python: `int.from_bytes(hashlib.sha256(b).digest()[:2], 'big') & 63`.
    #[test]
    fn vectors() {
        for (key, expected) in VECTORS {
            assert_eq!(shard(Some(key), "order", "x"), expected, "{key:?}");
        }
        assert_eq!(shard(None, "order", "ord_123"), ENTITY);
        assert_eq!(shard(None, "order", "ord_123"), shard(Some("order\0ord_123"), "", ""));
    }

    const VECTORS: [(&str, u8); 6] =
        [("123", 37), ("ord_123", 32), ("ORD-1001", 6), ("", 48), ("ключ", 35), ("order\u{1f}ord_123", 37)];
    const ENTITY: u8 = 23;
}
