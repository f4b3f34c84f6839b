//! Hashes, signatures and the way fields enter a preimage.
//!
//! Every hash of the protocol is SHA-256 over a domain separator (raw ASCII, no length, no NUL) followed by fixed-width
//! big-endian numbers, 16-byte UUIDs and length-prefixed strings. [`Preimage`] is the only writer of that form.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// All zero bytes, the protocol's "absent".
            pub const ZERO: Self = Self([0; $len]);

            /// Reads hexadecimal of either case, with or without `0x`.
            pub fn from_hex(text: &str) -> Result<Self, NotHex> {
                let mut bytes = [0; $len];
                const_hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| NotHex { expected_bytes: $len, found_chars: text.len() })?;
                Ok(Self(bytes))
            }

            /// Lower-case hexadecimal without prefix.
            pub fn to_hex(&self) -> String {
                const_hex::encode(self.0)
            }

            /// Lower-case hexadecimal with `0x`, as envelopes carry it.
            pub fn to_prefixed_hex(&self) -> String {
                const_hex::encode_prefixed(self.0)
            }

            /// The bytes themselves.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = WrongLength;

            fn try_from(bytes: &[u8]) -> Result<Self, WrongLength> {
                bytes
                    .try_into()
                    .map(Self)
                    .map_err(|_| WrongLength { expected: $len, found: bytes.len() })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.to_hex())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = [0_u8; $len * 2];
                const_hex::encode_to_slice(self.0, &mut text).map_err(serde::ser::Error::custom)?;
                serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::from_hex(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Text that is not the hexadecimal form of a value of fixed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected_bytes} bytes as hexadecimal, found {found_chars} characters")]
pub struct NotHex {
    /// Size of the value in bytes.
    pub expected_bytes: usize,
    /// Length of the text that was offered.
    pub found_chars: usize,
}

/// Bytes of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} bytes, found {found}")]
pub struct WrongLength {
    /// Bytes wanted.
    pub expected: usize,
    /// Bytes given.
    pub found: usize,
}

fixed_bytes!(
    /// A SHA-256 hash, 32 bytes. Displayed as bare lower-case hexadecimal.
    Hash,
    32
);
fixed_bytes!(
    /// An Ed25519 signature, 64 bytes.
    Signature,
    64
);
fixed_bytes!(
    /// An Ed25519 public key in its compressed form, 32 bytes, not yet known to be a point of the curve.
    PublicKeyBytes,
    32
);
fixed_bytes!(
    /// 16 random bytes that hide what is hashed with them.
    Salt,
    16
);

impl Hash {
    /// SHA-256 of the concatenation of `parts`.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

/// Builds the preimage of one protocol hash, field by field, and hashes it without an intermediate buffer.
#[derive(Clone)]
pub struct Preimage(Sha256);

impl Preimage {
    /// Starts with a domain separator: its raw ASCII bytes.
    pub fn new(domain: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(domain.as_bytes());
        Self(hasher)
    }

    /// Bytes of fixed width: UUIDs, hashes, signatures, salts.
    #[must_use]
    pub fn fixed<const N: usize>(mut self, bytes: &[u8; N]) -> Self {
        self.0.update(bytes);
        self
    }

    /// Bytes whose length is not bound here; only for the last field or one whose length was written before.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    /// One byte.
    #[must_use]
    pub fn u8(self, value: u8) -> Self {
        self.fixed(&[value])
    }

    /// Four bytes, big-endian.
    #[must_use]
    pub fn u32(self, value: u32) -> Self {
        self.fixed(&value.to_be_bytes())
    }

    /// Eight bytes, big-endian.
    #[must_use]
    pub fn u64(self, value: u64) -> Self {
        self.fixed(&value.to_be_bytes())
    }

    /// `u32 length ‖ bytes`; the length of any field the protocol carries fits, because limits are checked first.
    #[must_use]
    pub fn sized(self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("fields are limited far below 4 GiB before they are hashed");
        self.u32(length).raw(bytes)
    }

    /// `enc_str`: a string as [`Self::sized`] UTF-8, neither normalised, folded nor trimmed.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.sized(text.as_bytes())
    }

    /// A presence byte, then the value's bytes if there is one.
    #[must_use]
    pub fn option<const N: usize>(self, value: Option<&[u8; N]>) -> Self {
        match value {
            Some(bytes) => self.u8(1).fixed(bytes),
            None => self.u8(0),
        }
    }

    /// A presence byte, then the string as [`Self::text`] if there is one.
    #[must_use]
    pub fn optional_text(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.u8(1).text(text),
            None => self.u8(0),
        }
    }

    /// The SHA-256 of everything written.
    pub fn hash(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}
