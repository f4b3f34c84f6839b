//! Keys, seals and commitments. Pure but for randomness.
//!
//! ```text
//! salt       = HMAC-SHA-256(subject key, "stateset-personal-salt-v1" 00 field 00 value)[..16]
//! commitment = SHA-256("stateset-personal-v1" 00 salt value)
//! sealed     = nonce12 AES-256-GCM(subject key, nonce, salt value, AAD = "stateset-personal-v1" tenant store event id field)
//! wrapped    = nonce12 AES-256-GCM(master key, nonce, subject key, AAD = "stateset-subject-key-v1" tenant store
//!              u32 generation subject)
//! ```
//!
//! A value is its JSON. The salt follows from the key, so that the same fact written again is the same bytes, and is gone
//! with the key: from then on a commitment says nothing, not even to somebody who guesses the value.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::PersonalError;
use crate::scope::Scope;

const FIELD: &[u8] = b"stateset-personal-v1";
const SALT: &[u8] = b"stateset-personal-salt-v1";
const WRAP: &[u8] = b"stateset-subject-key-v1";
const SALT_BYTES: usize = 16;

/// Keys that wrap the keys of subjects. They come from outside: a secret store, a file; never from the database.
pub struct MasterKeys {
    current: (String, Zeroizing<[u8; 32]>),
    older: Vec<(String, Zeroizing<[u8; 32]>)>,
}

/// Longest name of a master key.
const ID_BYTES: usize = 64;

/// Text that names no master keys. It is not repeated: it may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("master keys are written name=64 hexadecimal digits, several divided by commas, the one that wraps first")]
pub struct NotMasterKeys;

fn decode_hex(digits: &str, into: &mut [u8; 32]) -> Option<()> {
    let digits = digits.as_bytes();
    if digits.len() != into.len() * 2 {
        return None;
    }
    for (byte, pair) in into.iter_mut().zip(digits.chunks(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok()?;
    }
    Some(())
}

impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let older: Vec<&String> = self.older.iter().map(|(id, _)| id).collect();
        f.debug_struct("MasterKeys").field("current", &self.current.0).field("older", &older).finish()
    }
}

impl MasterKeys {
    /// 32 random bytes and their public name.
    pub fn new(id: impl Into<String>, key: [u8; 32]) -> Self {
        Self { current: (id.into(), Zeroizing::new(key)), older: Vec::new() }
    }

    /// Reads `2026=<64 hexadecimal digits>`, several divided by commas: the first one wraps, the others only unwrap. This is
    /// what a program's environment holds.
    pub fn parse(text: &str) -> Result<Self, NotMasterKeys> {
        let mut all = None;
        for part in text.split(',') {
            let (id, digits) = part.trim().split_once('=').ok_or(NotMasterKeys)?;
            if id.is_empty() || id.len() > ID_BYTES || id.contains(char::is_control) {
                return Err(NotMasterKeys);
            }
            let mut key = Zeroizing::new([0; 32]);
            decode_hex(digits.trim(), &mut key).ok_or(NotMasterKeys)?;
            all = Some(match all {
                None => Self::new(id, *key),
                Some(keys) => Self::and_older(keys, id, *key),
            });
        }
        all.ok_or(NotMasterKeys)
    }

    /// One that unwraps only: until [`rewrap_subjects`](crate::Outbox::rewrap_subjects) has found nothing more of it.
    #[must_use]
    pub fn and_older(mut self, id: impl Into<String>, key: [u8; 32]) -> Self {
        self.older.push((id.into(), Zeroizing::new(key)));
        self
    }

    /// The name of the one that wraps.
    pub fn current(&self) -> &str {
        &self.current.0
    }

    fn find(&self, id: &str) -> Result<&[u8; 32], PersonalError> {
        let all = std::iter::once(&self.current).chain(&self.older);
        let found = all.into_iter().find(|(name, _)| name == id).map(|(_, key)| &**key);
        found.ok_or_else(|| PersonalError::UnknownMasterKey(id.to_owned()))
    }

    pub(super) fn wrap(&self, of: &KeyOf<'_>, key: &SubjectKey) -> Result<Vec<u8>, PersonalError> {
        seal(&self.current.1, &of.aad(), &*key.0)
    }

    pub(super) fn unwrap(&self, id: &str, of: &KeyOf<'_>, wrapped: &[u8]) -> Result<SubjectKey, PersonalError> {
        let plain = open(self.find(id)?, &of.aad(), wrapped)?;
        let key: [u8; 32] = plain.as_slice().try_into().map_err(|_| PersonalError::Unreadable)?;
        Ok(SubjectKey(Zeroizing::new(key)))
    }
}

/// Whose key it is.
pub(super) struct KeyOf<'a> {
    pub(super) scope: Scope,
    pub(super) subject: &'a str,
    pub(super) generation: i32,
}

impl KeyOf<'_> {
    fn aad(&self) -> Vec<u8> {
        let generation = self.generation.to_be_bytes();
        let (tenant, store) = (self.scope.tenant, self.scope.store);
        [WRAP, tenant.as_bytes(), store.as_bytes(), &generation, self.subject.as_bytes()].concat()
    }
}

/// The key of one subject.
pub(super) struct SubjectKey(Zeroizing<[u8; 32]>);

impl SubjectKey {
    pub(super) fn random() -> Result<Self, PersonalError> {
        let mut key = Zeroizing::new([0; 32]);
        rand::fill(&mut *key).map_err(|_| PersonalError::Cryptography)?;
        Ok(Self(key))
    }

    /// The commitment that takes the value's place, and what lies beside.
    pub(super) fn commit(&self, place: &Place<'_>, value: &str) -> Result<([u8; 32], Vec<u8>), PersonalError> {
        let mut text = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &*self.0));
        for part in [SALT, b"\0", place.field.as_bytes(), b"\0", value.as_bytes()] {
            text.update(part);
        }
        let tag = text.sign();
        let salt = tag.as_ref().get(..SALT_BYTES).unwrap_or_default();
        let plain = Zeroizing::new([salt, value.as_bytes()].concat());
        Ok((commitment(&plain), seal(&self.0, &place.aad(), &plain)?))
    }

    /// The value, and the commitment to it.
    pub(super) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<(String, [u8; 32]), PersonalError> {
        let plain = open(&self.0, &place.aad(), sealed)?;
        let value = plain.get(SALT_BYTES..).and_then(|value| std::str::from_utf8(value).ok());
        Ok((value.ok_or(PersonalError::Unreadable)?.to_owned(), commitment(&plain)))
    }
}

/// Where a value is.
pub(super) struct Place<'a> {
    pub(super) scope: Scope,
    pub(super) event_id: Uuid,
    pub(super) field: &'a str,
}

impl Place<'_> {
    fn aad(&self) -> Vec<u8> {
        let (tenant, store) = (self.scope.tenant, self.scope.store);
        [FIELD, tenant.as_bytes(), store.as_bytes(), self.event_id.as_bytes(), self.field.as_bytes()].concat()
    }
}

/// Over salt and value.
fn commitment(plain: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(FIELD);
    hash.update([0]);
    hash.update(plain);
    hash.finalize().into()
}

fn seal(key: &[u8; 32], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, PersonalError> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| PersonalError::Cryptography)?;
    let mut body = plain.to_vec();
    let key = UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| PersonalError::Cryptography)?;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
        .map_err(|_| PersonalError::Cryptography)?;
    Ok([nonce.as_slice(), &body].concat())
}

fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, PersonalError> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(PersonalError::Unreadable)?;
    let mut body = Zeroizing::new(body.to_vec());
    let key = UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| PersonalError::Cryptography)?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key.open_in_place(nonce, Aad::from(aad), &mut body).map_err(|_| PersonalError::Unreadable)?.len();
    body.truncate(length);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(field: &str) -> Place<'_> {
        Place { scope: Scope::single_tenant(), event_id: Uuid::from_u128(5), field }
    }

    #[test]
    fn the_same_value_is_the_same_commitment_and_another_seal() {
        let key = SubjectKey(Zeroizing::new([7; 32]));
        let (first, sealed) = key.commit(&place("payload:/email"), "\"a@b.c\"").expect("committed");
        let (second, other) = key.commit(&place("payload:/email"), "\"a@b.c\"").expect("committed");
        assert!(first == second && sealed != other);
        assert_eq!(key.open(&place("payload:/email"), &sealed).expect("opened"), ("\"a@b.c\"".to_owned(), first));
        assert_ne!(key.commit(&place("payload:/phone"), "\"a@b.c\"").expect("committed").0, first);
        assert_ne!(
            SubjectKey(Zeroizing::new([8; 32])).commit(&place("payload:/email"), "\"a@b.c\"").expect("ok").0,
            first
        );
        // A row that was put in another's place does not open.
        assert_eq!(key.open(&place("payload:/phone"), &sealed), Err(PersonalError::Unreadable));
        assert_eq!(key.open(&place("payload:/email"), b"short"), Err(PersonalError::Unreadable));
    }

    /// Computed with Python's hmac and hashlib from the module comment.
    #[test]
    fn commitments_are_as_written_down() {
        let key = SubjectKey(Zeroizing::new([7; 32]));
        let (commitment, _) = key.commit(&place("payload:/email"), "\"a@b.c\"").expect("committed");
        assert_eq!(crate::hex(&commitment), VECTOR);
    }

    const VECTOR: &str = "fad519d90817b26d7eaf20efa77ef2629741057840f2dc6adedad54c9cf2e148";

    #[test]
    fn master_keys_are_read_from_text() {
        let (one, two) = ("07".repeat(32), "08".repeat(32));
        let keys = MasterKeys::parse(&format!("2026={one}, 2025={two}")).expect("two keys");
        assert_eq!(format!("{keys:?}"), "MasterKeys { current: \"2026\", older: [\"2025\"] }");
        assert_eq!((keys.find("2026"), keys.find("2025")), (Ok(&[7; 32]), Ok(&[8; 32])));
        for bad in [
            "",
            "2026",
            &one,
            &format!("={one}"),
            &format!("a={one}0"),
            &format!("a={one},"),
            &format!("a={}", "zz".repeat(32)),
        ] {
            let fault = MasterKeys::parse(bad).expect_err("no keys").to_string();
            assert!(!fault.contains("0707"), "{fault}");
        }
    }

    #[test]
    fn keys_open_under_the_master_key_that_wrapped_them() {
        let of = |subject, generation| KeyOf { scope: Scope::single_tenant(), subject, generation };
        let (old, new) =
            (MasterKeys::new("2025", [1; 32]), MasterKeys::new("2026", [2; 32]).and_older("2025", [1; 32]));
        let key = SubjectKey::random().expect("random");
        let wrapped = old.wrap(&of("ann", 1), &key).expect("wrapped");
        assert_eq!(*new.unwrap("2025", &of("ann", 1), &wrapped).expect("unwrapped").0, *key.0);
        for (id, of, fault) in [
            ("2026", of("ann", 1), PersonalError::Unreadable),
            ("2025", of("bob", 1), PersonalError::Unreadable),
            ("2025", of("ann", 2), PersonalError::Unreadable),
            ("2024", of("ann", 1), PersonalError::UnknownMasterKey("2024".into())),
        ] {
            assert_eq!(new.unwrap(id, &of, &wrapped).err(), Some(fault));
        }
        assert_eq!(format!("{new:?}"), "MasterKeys { current: \"2026\", older: [\"2025\"] }");
    }
}
