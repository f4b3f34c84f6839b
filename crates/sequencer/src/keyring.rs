//! Payload encryption at rest: AES-256-GCM under a key per row.
//!
//! The row key is HKDF-SHA-256 of the keyring's current key and the row's identity, the nonce is random, and the additional
//! data binds table, tenant, stream, place and event id: a ciphertext moved to another row does not open. One key with
//! random nonces would reach its bound within days at twenty thousand events a second; a key per row never does.

use std::collections::HashMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{EventId, Scope, Sequence, TenantId};
use stateset_ledger::receipt::stream_id;
use zeroize::Zeroize as _;

use crate::clock::random;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const TABLE: &[u8] = b"event_payload";

/// Public name of a payload key: the first bytes of a hash of it.
pub type PayloadKeyId = [u8; 8];

/// The payload keys, the current one first. Without keys payloads are stored in the clear.
///
/// A tenant may have a ring of its own. It seals under that one and reads under it and, because a tenant's own ring comes
/// later than its first events, under the common one; no other tenant's ring is ever tried.
#[derive(Default)]
pub struct Keyring {
    keys: Vec<PayloadKey>,
    by_tenant: HashMap<TenantId, Vec<PayloadKey>>,
}

struct PayloadKey {
    id: PayloadKeyId,
    secret: Prk,
}

/// Which row a payload belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Tenant and store.
    pub scope: Scope,
    /// Place of the event.
    pub sequence: Sequence,
    /// The event.
    pub event_id: EventId,
}

/// A payload that does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// None of the configured keys has the id the payload was sealed under.
    #[error("the payload is sealed under key {}, which is not in PAYLOAD_ENCRYPTION_KEYS", const_hex::encode(.0))]
    UnknownKey(PayloadKeyId),
    /// The ciphertext is damaged, belongs to another row, or was sealed under another key.
    #[error("the payload does not open: its ciphertext is damaged or was moved")]
    Damaged,
}

impl Keyring {
    /// A ring of the given 32-byte keys, the current one first; wipes the copies.
    pub fn new(keys: Vec<[u8; 32]>) -> Self {
        Self { keys: ring(keys), by_tenant: HashMap::new() }
    }

    /// The same with rings of their own for some tenants.
    #[must_use]
    pub fn with_tenants(mut self, rings: HashMap<TenantId, Vec<[u8; 32]>>) -> Self {
        self.by_tenant.extend(rings.into_iter().map(|(tenant, keys)| (tenant, ring(keys))));
        self
    }

    /// The key under which new payloads of the tenant are sealed; `None` if they are stored in the clear.
    pub fn current(&self, tenant: TenantId) -> Option<PayloadKeyId> {
        self.sealing_key(tenant).map(|key| key.id)
    }

    /// Names of all keys with whose ring each is in, `None` for the common one, and whether it seals.
    pub fn ids(&self) -> Vec<(Option<TenantId>, PayloadKeyId, bool)> {
        let named = |tenant, keys: &[PayloadKey]| -> Vec<_> {
            keys.iter().enumerate().map(|(place, key)| (tenant, key.id, place == 0)).collect()
        };
        let mut ids = named(None, &self.keys);
        let mut tenants: Vec<_> = self.by_tenant.iter().collect();
        tenants.sort_unstable_by_key(|(tenant, _)| **tenant);
        ids.extend(tenants.into_iter().flat_map(|(tenant, keys)| named(Some(*tenant), keys)));
        ids
    }

    /// Whether payloads of the tenant sealed under this key can be opened.
    pub fn holds(&self, tenant: TenantId, key_id: PayloadKeyId) -> bool {
        self.find(tenant, key_id).is_some()
    }

    fn sealing_key(&self, tenant: TenantId) -> Option<&PayloadKey> {
        self.by_tenant.get(&tenant).unwrap_or(&self.keys).first()
    }

    fn find(&self, tenant: TenantId, key_id: PayloadKeyId) -> Option<&PayloadKey> {
        let own = self.by_tenant.get(&tenant).into_iter().flatten();
        own.chain(&self.keys).find(|key| key.id == key_id)
    }

    /// Seals `payload` for `row` and appends `nonce ‖ ciphertext ‖ tag` to `out`; without keys appends it as it is.
    pub fn seal(&self, row: &Row, payload: &[u8], out: &mut Vec<u8>) {
        let Some(key) = self.sealing_key(row.scope.tenant) else {
            out.extend_from_slice(payload);
            return;
        };
        let identity = Identity::of(row);
        let nonce: [u8; NONCE_BYTES] = random();
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(payload);
        let tag = row_key(&key.secret, &identity)
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), identity.aad(), &mut out[start..])
            .expect("payloads are limited far below the bound of AES-GCM");
        out.extend_from_slice(tag.as_ref());
    }

    /// Opens what [`Self::seal`] made for `row` under the key named `key_id`.
    pub fn open(&self, row: &Row, key_id: Option<PayloadKeyId>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let Some(key_id) = key_id else { return Ok(sealed.to_vec()) };
        let key = self.find(row.scope.tenant, key_id).ok_or(OpenError::UnknownKey(key_id))?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
        let identity = Identity::of(row);
        let mut buffer = rest.to_vec();
        row_key(&key.secret, &identity)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), identity.aad(), &mut buffer)
            .map_err(|_| OpenError::Damaged)?;
        buffer.truncate(rest.len() - TAG_BYTES);
        Ok(buffer)
    }
}

fn ring(keys: Vec<[u8; 32]>) -> Vec<PayloadKey> {
    keys.into_iter()
        .map(|mut key| {
            let hash = Hash::of(&[b"STATESET_PAYLOAD_KEY_ID_V1", &key]);
            let mut id = [0; 8];
            id.copy_from_slice(&hash.0[..8]);
            let secret = Salt::new(HKDF_SHA256, b"STATESET_PAYLOAD_ROW_KEY_V1").extract(&key);
            key.zeroize();
            PayloadKey { id, secret }
        })
        .collect()
}

/// `table ‖ tenant ‖ stream id ‖ sequence ‖ event id`: additional data whole, key derivation from the stream on.
struct Identity([u8; Self::BYTES]);

impl Identity {
    const STREAM_AT: usize = TABLE.len() + 16;
    const BYTES: usize = Self::STREAM_AT + 32 + 8 + 16;

    fn of(row: &Row) -> Self {
        let mut bytes = [0; Self::BYTES];
        let mut rest = bytes.as_mut_slice();
        for field in [
            TABLE,
            row.scope.tenant.as_bytes(),
            &stream_id(row.scope).0,
            &row.sequence.get().to_be_bytes(),
            row.event_id.as_bytes(),
        ] {
            let (place, after) = rest.split_at_mut(field.len());
            place.copy_from_slice(field);
            rest = after;
        }
        Self(bytes)
    }

    fn aad(&self) -> Aad<&[u8]> {
        Aad::from(self.0.as_slice())
    }
}

struct RowKeyBytes;

impl KeyType for RowKeyBytes {
    fn len(&self) -> usize {
        32
    }
}

fn row_key(secret: &Prk, identity: &Identity) -> LessSafeKey {
    let mut key = [0; 32];
    secret
        .expand(&[&identity.0[Identity::STREAM_AT..]], RowKeyBytes)
        .and_then(|okm| okm.fill(&mut key))
        .expect("32 bytes are within HKDF's bound");
    let row_key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("AES-256 keys have 32 bytes"));
    key.zeroize();
    row_key
}

#[cfg(test)]
mod tests {
    use super::{Keyring, OpenError, Row};
    use stateset_ledger::id::{EventId, Scope, Sequence, StoreId, TenantId};
    use uuid::Uuid;

    fn row(sequence: u64) -> Row {
        let scope = Scope::new(TenantId(Uuid::from_u128(1)), StoreId(Uuid::from_u128(2)));
        Row { scope, sequence: Sequence::new(sequence).unwrap(), event_id: EventId(Uuid::from_u128(3)) }
    }

    /// L14–L16: payloads open after a rotation, under no foreign key, and in no other row.
    #[test]
    fn sealed_payloads_open_only_where_they_belong() {
        let (old, new) = ([1; 32], [2; 32]);
        let ring = Keyring::new(vec![old]);
        let mut sealed = Vec::new();
        ring.seal(&row(1), b"{\"a\":1}", &mut sealed);
        let id = ring.current(row(1).scope.tenant);
        let rotated = Keyring::new(vec![new, old]);
        assert_eq!(rotated.open(&row(1), id, &sealed).unwrap(), b"{\"a\":1}");
        assert_eq!(rotated.open(&row(2), id, &sealed), Err(OpenError::Damaged));
        assert_eq!(Keyring::new(vec![new]).open(&row(1), id, &sealed), Err(OpenError::UnknownKey(id.unwrap())));
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(rotated.open(&row(1), id, &sealed), Err(OpenError::Damaged));
        assert_eq!(rotated.open(&row(1), id, b"short"), Err(OpenError::Damaged));
    }

    /// L17: a tenant's own key opens nobody else's payloads, and nobody else's opens the tenant's.
    #[test]
    fn a_tenants_key_opens_its_own_payloads_only() {
        let (one, two) = (row(1), Row { scope: Scope::new(TenantId(Uuid::from_u128(8)), StoreId::NIL), ..row(1) });
        let rings = |tenant: TenantId, key| std::collections::HashMap::from([(tenant, vec![[key; 32]])]);
        let ring = Keyring::new(vec![[1; 32]]).with_tenants(rings(one.scope.tenant, 2));
        let (own, common) = (ring.current(one.scope.tenant), ring.current(two.scope.tenant));
        assert_ne!(own, common);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        ring.seal(&one, b"{}", &mut first);
        ring.seal(&two, b"{}", &mut second);
        assert_eq!(ring.open(&one, own, &first).unwrap(), b"{}");
        assert_eq!(ring.open(&two, common, &second).unwrap(), b"{}");
        assert_eq!(ring.open(&two, own, &first), Err(OpenError::UnknownKey(own.unwrap())));
        // Sealed before the tenant had a ring of its own.
        let mut early = Vec::new();
        Keyring::new(vec![[1; 32]]).seal(&one, b"{}", &mut early);
        assert_eq!(ring.open(&one, common, &early).unwrap(), b"{}");
        assert_eq!(ring.ids().iter().filter(|(.., seals)| *seals).count(), 2);
    }

    #[test]
    fn without_keys_payloads_are_stored_as_they_are() {
        let ring = Keyring::default();
        let mut stored = Vec::new();
        ring.seal(&row(1), b"1.10", &mut stored);
        assert_eq!((stored.as_slice(), ring.current(row(1).scope.tenant)), (b"1.10".as_slice(), None));
        assert_eq!(ring.open(&row(1), None, &stored).unwrap(), b"1.10");
    }
}
