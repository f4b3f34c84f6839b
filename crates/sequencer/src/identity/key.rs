//! The text of an API key: `ss_<prefix>_<secret>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stateset_ledger::bytes::Hash;
use zeroize::Zeroizing;

use crate::clock::random;

const MARK: &str = "ss_";
const PREFIX_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
/// Digits of a prefix.
const PREFIX_CHARS: usize = 2 * PREFIX_BYTES;
/// Base64 of a secret.
const SECRET_CHARS: usize = 43;

/// A new key, which is shown once.
pub struct Minted {
    /// The whole key. Wiped when it is dropped.
    pub text: Zeroizing<String>,
    /// Its public part.
    pub prefix: String,
    /// What is stored of it.
    pub hash: Hash,
}

/// Makes a key of 256 random bits under a random prefix of 64.
pub fn mint() -> Minted {
    of(random::<PREFIX_BYTES>(), &Zeroizing::new(random::<SECRET_BYTES>()))
}

/// The key of these parts.
pub fn of(prefix: [u8; PREFIX_BYTES], secret: &[u8; SECRET_BYTES]) -> Minted {
    let prefix = const_hex::encode(prefix);
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret));
    let text = Zeroizing::new(format!("{MARK}{prefix}_{}", secret.as_str()));
    let hash = hash(&text);
    Minted { text, prefix, hash }
}

/// What is stored of a key. A plain hash is enough for a secret of 256 random bits.
pub fn hash(text: &str) -> Hash {
    Hash::of(&[text.as_bytes()])
}

/// The public part of a text that has the form of a key; `None` for everything that no key can be.
pub fn prefix(text: &str) -> Option<&str> {
    let (prefix, secret) = text.strip_prefix(MARK)?.split_once('_')?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let whole = prefix.len() == PREFIX_CHARS
        && secret.len() == SECRET_CHARS
        && prefix.bytes().all(hexadecimal)
        && secret.bytes().all(base64);
    whole.then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::{hash, mint, prefix};

    /// L07: what is shown once has the documented form, and neither its text nor its hash is the prefix.
    #[test]
    fn a_minted_key_is_recognised_by_its_prefix() {
        let (one, other) = (mint(), mint());
        assert_eq!(prefix(&one.text), Some(one.prefix.as_str()));
        assert_eq!(one.text.len(), 63);
        assert_eq!(hash(&one.text), one.hash);
        assert!(one.prefix != other.prefix && one.hash != other.hash);
    }

    /// Truncated, over-long and altered keys are no keys, and nothing is looked up for them.
    #[test]
    fn no_other_text_has_the_form_of_a_key() {
        let key = mint();
        let text = key.text.as_str();
        for end in 0..text.len() {
            assert_eq!(prefix(text.get(..end).unwrap()), None, "{end}");
        }
        for other in [
            format!("{text}A"),
            format!(" {text}"),
            format!("{text}\n"),
            text.to_uppercase(),
            text.replacen("ss_", "sk_", 1),
            text.replacen("ss_", "ss__", 1),
            format!("ss_{}_{}", "é".repeat(8), "A".repeat(43)),
            format!("ss_{}_{}", "g".repeat(16), "A".repeat(43)),
            format!("ss_{}_{}'", "a".repeat(16), "A".repeat(42)),
            "x".repeat(1 << 20),
        ] {
            assert_eq!(prefix(&other), None, "{other:.80}");
        }
    }
}
