//! Ed25519 as this project admits it: strict verification, nothing else.
//!
//! A strict-valid signature is valid under every rule in use (Go, OpenSSL, ZIP-215), so evidence admitted here is evidence
//! everywhere. Batch verification is deliberately absent: it is cofactorless with random coefficients, and a crafted
//! signature can pass a batch and fail every single verifier.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use crate::bytes::{Hash, Preimage, PublicKeyBytes, Signature};
use crate::domain;

/// A public key that is a point of the curve and not of small order, decompressed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Bytes that are no usable Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Not the encoding of a curve point.
    #[error("the bytes are not a point of the Ed25519 curve")]
    NotAPoint,
    /// A key under which anybody can sign.
    #[error("the key is of small order: anybody could sign for it")]
    SmallOrder,
}

/// A signature that does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify under this key")]
pub struct BadSignature;

impl PublicKey {
    /// Decompresses and checks a key.
    pub fn new(bytes: &PublicKeyBytes) -> Result<Self, NotAKey> {
        let key = VerifyingKey::from_bytes(&bytes.0).map_err(|_| NotAKey::NotAPoint)?;
        if key.is_weak() { Err(NotAKey::SmallOrder) } else { Ok(Self(key)) }
    }

    /// The compressed form.
    pub fn to_bytes(&self) -> PublicKeyBytes {
        PublicKeyBytes(self.0.to_bytes())
    }

    /// Checks `signature` over `message`, strictly (RFC 8032 with canonical R, S < L, no small order).
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0)).map_err(|_| BadSignature)
    }
}

/// Something that signs with one Ed25519 key: the sequencer's key, an agent's, a hardware module.
pub trait Signer: Send + Sync {
    /// The key under which [`Self::sign`]'s results verify.
    fn public_key(&self) -> PublicKeyBytes;
    /// Signs `message` as Ed25519 (pure, not pre-hashed).
    fn sign(&self, message: &[u8]) -> Signature;
}

/// A signer from a 32-byte seed, in software. The seed is wiped when it is dropped.
pub struct SeedSigner(SigningKey);

impl SeedSigner {
    /// The signer whose secret is `seed`.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
}

impl Signer for SeedSigner {
    fn public_key(&self) -> PublicKeyBytes {
        PublicKeyBytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

/// What a registrant signs to show that it holds the secret of `key`.
pub fn proof_of_possession_challenge(key: &PublicKeyBytes) -> Hash {
    Preimage::new(domain::PROOF_OF_POSSESSION).fixed(&key.0).hash()
}
