//! The sequencer's own key.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use stateset_ledger::bytes::{PublicKeyBytes, Signature};
use stateset_ledger::id::KeyId;
use stateset_ledger::signature::Signer;

/// Signs receipts, heads and checkpoints. Uses aws-lc, which signs twice as fast as the verifier's library; Ed25519 is
/// deterministic, so both give the same bytes.
pub struct SequencerKey {
    pair: Ed25519KeyPair,
    public: PublicKeyBytes,
    number: KeyId,
    derivation: hmac::Key,
}

/// A seed that no key can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key is not a 32-byte Ed25519 seed")]
pub struct BadSeed;

impl SequencerKey {
    /// The key whose secret is `seed`, not numbered yet.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, BadSeed> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadSeed)?;
        let public = PublicKeyBytes::try_from(pair.public_key().as_ref()).map_err(|_| BadSeed)?;
        Ok(Self { pair, public, number: KeyId(0), derivation: hmac::Key::new(hmac::HMAC_SHA256, seed) })
    }

    /// The same key under the number the store has given it.
    #[must_use]
    pub fn numbered(self, number: KeyId) -> Self {
        Self { number, ..self }
    }

    /// A secret that only holders of the seed can compute: HMAC-SHA-256 of `message` under it. The first bytes of `message`
    /// must name its purpose.
    pub fn derive(&self, message: &[u8]) -> [u8; 32] {
        let mut secret = [0; 32];
        secret.copy_from_slice(hmac::sign(&self.derivation, message).as_ref());
        secret
    }

    /// Number of the key, from 1; appears as `sequencerKeyVersion`.
    pub fn number(&self) -> KeyId {
        self.number
    }
}

impl Signer for SequencerKey {
    fn public_key(&self) -> PublicKeyBytes {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Signature {
        let signature = self.pair.sign(message);
        Signature::try_from(signature.as_ref()).expect("an Ed25519 signature has 64 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::SequencerKey;
    use stateset_ledger::signature::{PublicKey, SeedSigner, Signer as _};

    #[test]
    fn both_libraries_sign_the_same_bytes() {
        let seed = [7; 32];
        let (fast, plain) = (SequencerKey::from_seed(&seed).unwrap(), SeedSigner::new(&seed));
        assert_eq!(fast.public_key(), plain.public_key());
        let signature = fast.sign(b"message");
        assert_eq!(signature, plain.sign(b"message"));
        PublicKey::new(&fast.public_key()).unwrap().verify(b"message", &signature).unwrap();
    }
}
