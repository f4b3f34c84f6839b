//! VES-ENC-1, the dialect of the published servers: structure and hashes of an encrypted payload.
//!
//! The log holds no key to any payload, so nothing here decrypts. What can be checked without a key is checked: that the
//! object has the shape every recipient expects, and that `payload_cipher_hash` binds it to this one event. Three other
//! dialects share the name; they hash differently and are told apart by that hash only.

use std::borrow::Cow;
use std::fmt;

use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeSliceError, Engine as _};
use serde::Deserialize;

use crate::bytes::{Hash, Preimage};
use crate::domain;
use crate::id::{AgentId, EventId, KeyId, Scope};

/// Most recipients of one payload: each adds an HPKE wrap of about 150 bytes that every reader downloads.
pub const MAX_RECIPIENTS: usize = 1024;

const AEAD: &str = "AES-256-GCM";
const KDF: &str = "HKDF-SHA256";
const MODES: [&str; 3] = ["base", "hybrid-base", "pqc-base"];
const KEMS: [&str; 3] = ["X25519-HKDF-SHA256", "x25519+mlkem768", "mlkem768"];
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=3;
/// Hashed in front of every encrypted payload; a constant of the format, not `enc_version`.
const CIPHER_HASH_VERSION: u32 = 1;
/// Room for the largest field of fixed size, 48 bytes, and for `base64` to work in.
const FIXED_FIELD_ROOM: usize = 64;

/// Unpadded is what the format says; clients that pad are understood too, since only decoded bytes are hashed.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Text that borrows from the received JSON where it holds no escapes.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// `payload_encrypted` as received. Unknown members are ignored; a member that is null counts as missing.
#[derive(Clone, Debug, Deserialize)]
pub struct EncryptedPayload<'a> {
    enc_version: Option<u32>,
    #[serde(borrow)]
    aead: Option<Text<'a>>,
    #[serde(borrow)]
    nonce_b64u: Option<Text<'a>>,
    #[serde(borrow)]
    ciphertext_b64u: Option<Text<'a>>,
    #[serde(borrow)]
    tag_b64u: Option<Text<'a>>,
    #[serde(borrow)]
    hpke: Option<Suite<'a>>,
    #[serde(borrow)]
    recipients: Option<Vec<Recipient<'a>>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Suite<'a> {
    #[serde(borrow)]
    mode: Option<Text<'a>>,
    #[serde(borrow)]
    kem: Option<Text<'a>>,
    #[serde(borrow)]
    kdf: Option<Text<'a>>,
    #[serde(borrow)]
    aead: Option<Text<'a>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Recipient<'a> {
    #[serde(rename = "recipient_kid")]
    kid: Option<u32>,
    #[serde(borrow)]
    enc_b64u: Option<Text<'a>>,
    #[serde(borrow)]
    ct_b64u: Option<Text<'a>>,
}

/// A sound encrypted payload, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedParts {
    /// Nonce of the content encryption.
    pub nonce: [u8; 12],
    /// Salt and canonical payload, encrypted, without the tag.
    pub ciphertext: Vec<u8>,
    /// Tag of the content encryption.
    pub tag: [u8; 16],
    /// Who can decrypt, strictly ascending by key id; at least one.
    pub recipients: Vec<Wrap>,
}

/// The content key, encrypted to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// Key id of the recipient.
    pub recipient: KeyId,
    /// HPKE encapsulated key.
    pub encapsulated: [u8; 32],
    /// HPKE ciphertext of the content key with its tag.
    pub ciphertext: [u8; 48],
}

/// Place of a member within `payload_encrypted`, such as `recipients[2].ct_b64u`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberPath {
    /// Index among the recipients, for a recipient's member.
    pub recipient: Option<usize>,
    /// Name below that, with dots.
    pub name: &'static str,
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.recipient {
            Some(index) => write!(f, "recipients[{index}].{}", self.name),
            None => f.write_str(self.name),
        }
    }
}

const fn top(name: &'static str) -> MemberPath {
    MemberPath { recipient: None, name }
}

/// Why an encrypted payload is not sound. Every fault names the member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionFault {
    /// A required member is absent or null.
    #[error("{0} is required and is missing or null")]
    Missing(MemberPath),
    /// An `enc_version` that does not exist.
    #[error("enc_version is {found}; it runs from {} to {}", VERSIONS.start(), VERSIONS.end())]
    UnsupportedVersion {
        /// What was sent.
        found: u32,
    },
    /// A label of an algorithm that is not offered.
    #[error("{member} is none of {}", accepted.join(", "))]
    UnsupportedAlgorithm {
        /// The member.
        member: MemberPath,
        /// What it may be.
        accepted: &'static [&'static str],
    },
    /// Not base64url.
    #[error("{0} is not base64url")]
    NotBase64Url(MemberPath),
    /// A field of fixed size has another size.
    #[error("{member} must decode to {expected} bytes")]
    WrongLength {
        /// The member.
        member: MemberPath,
        /// Size wanted, in bytes.
        expected: usize,
    },
    /// Nobody could decrypt this.
    #[error("recipients is empty; there must be at least one")]
    NoRecipients,
    /// More than [`MAX_RECIPIENTS`].
    #[error("recipients has {found} entries; {MAX_RECIPIENTS} are allowed")]
    TooManyRecipients {
        /// How many were sent.
        found: usize,
    },
    /// Recipients are not strictly ascending, so that one set of them would have several hashes.
    #[error("{member} is not above the one before it; recipients must be unique and ascending")]
    RecipientsOutOfOrder {
        /// The member that is not above its predecessor.
        member: MemberPath,
    },
}

impl EncryptedPayload<'_> {
    /// Checks the structure and decodes it.
    pub fn check(&self) -> Result<EncryptedParts, EncryptionFault> {
        let version = required(self.enc_version, top("enc_version"))?;
        if !VERSIONS.contains(&version) {
            return Err(EncryptionFault::UnsupportedVersion { found: version });
        }
        check_label(self.aead.as_ref(), top("aead"), &[AEAD])?;
        let suite = required(self.hpke.as_ref(), top("hpke"))?;
        check_label(suite.mode.as_ref(), top("hpke.mode"), &MODES)?;
        check_label(suite.kem.as_ref(), top("hpke.kem"), &KEMS)?;
        check_label(suite.kdf.as_ref(), top("hpke.kdf"), &[KDF])?;
        check_label(suite.aead.as_ref(), top("hpke.aead"), &[AEAD])?;
        Ok(EncryptedParts {
            nonce: fixed(self.nonce_b64u.as_ref(), top("nonce_b64u"))?,
            ciphertext: decoded(self.ciphertext_b64u.as_ref(), top("ciphertext_b64u"))?,
            tag: fixed(self.tag_b64u.as_ref(), top("tag_b64u"))?,
            recipients: check_recipients(required(self.recipients.as_deref(), top("recipients"))?)?,
        })
    }
}

fn check_recipients(recipients: &[Recipient<'_>]) -> Result<Vec<Wrap>, EncryptionFault> {
    if recipients.is_empty() {
        return Err(EncryptionFault::NoRecipients);
    }
    if recipients.len() > MAX_RECIPIENTS {
        return Err(EncryptionFault::TooManyRecipients { found: recipients.len() });
    }
    let mut wraps: Vec<Wrap> = Vec::with_capacity(recipients.len());
    for (index, recipient) in recipients.iter().enumerate() {
        let member = |name| MemberPath { recipient: Some(index), name };
        let kid = KeyId(required(recipient.kid, member("recipient_kid"))?);
        if wraps.last().is_some_and(|previous| previous.recipient >= kid) {
            return Err(EncryptionFault::RecipientsOutOfOrder { member: member("recipient_kid") });
        }
        wraps.push(Wrap {
            recipient: kid,
            encapsulated: fixed(recipient.enc_b64u.as_ref(), member("enc_b64u"))?,
            ciphertext: fixed(recipient.ct_b64u.as_ref(), member("ct_b64u"))?,
        });
    }
    Ok(wraps)
}

fn required<T>(value: Option<T>, member: MemberPath) -> Result<T, EncryptionFault> {
    value.ok_or(EncryptionFault::Missing(member))
}

fn check_label(
    label: Option<&Text<'_>>,
    member: MemberPath,
    accepted: &'static [&'static str],
) -> Result<(), EncryptionFault> {
    if accepted.contains(&&*required(label, member)?.0) {
        Ok(())
    } else {
        Err(EncryptionFault::UnsupportedAlgorithm { member, accepted })
    }
}

fn decoded(text: Option<&Text<'_>>, member: MemberPath) -> Result<Vec<u8>, EncryptionFault> {
    let text = required(text, member)?;
    BASE64_URL.decode(text.0.as_bytes()).or(Err(EncryptionFault::NotBase64Url(member)))
}

fn fixed<const N: usize>(text: Option<&Text<'_>>, member: MemberPath) -> Result<[u8; N], EncryptionFault> {
    const { assert!(N <= FIXED_FIELD_ROOM) };
    let wrong_length = EncryptionFault::WrongLength { member, expected: N };
    let mut room = [0; FIXED_FIELD_ROOM];
    match BASE64_URL.decode_slice(required(text, member)?.0.as_bytes(), &mut room) {
        Ok(length) => room.get(..length).and_then(|bytes| bytes.try_into().ok()).ok_or(wrong_length),
        Err(DecodeSliceError::OutputSliceTooSmall) => Err(wrong_length),
        Err(DecodeSliceError::DecodeError(_)) => Err(EncryptionFault::NotBase64Url(member)),
    }
}

impl EncryptedParts {
    /// Hash over the recipients in their order.
    pub fn recipients_hash(&self) -> Hash {
        let preimage = self.recipients.iter().fold(Preimage::new(domain::RECIPIENTS), |preimage, wrap| {
            preimage.u32(wrap.recipient.0).sized(&wrap.encapsulated).sized(&wrap.ciphertext)
        });
        preimage.hash()
    }

    /// `payload_cipher_hash`, given the event's [`payload_aad`].
    pub fn payload_cipher_hash(&self, aad: &Hash) -> Hash {
        Preimage::new(domain::PAYLOAD_CIPHER)
            .u32(CIPHER_HASH_VERSION)
            .fixed(&self.nonce)
            .fixed(&aad.0)
            .sized(&self.ciphertext)
            .fixed(&self.tag)
            .fixed(&self.recipients_hash().0)
            .hash()
    }
}

/// The fields of an event that its encrypted payload is bound to.
#[derive(Clone, Copy, Debug)]
pub struct AadFields<'a> {
    /// Tenant and store of the event.
    pub scope: Scope,
    /// The event.
    pub event_id: EventId,
    /// Its author.
    pub source_agent: AgentId,
    /// The key it is signed with.
    pub agent_key_id: KeyId,
    /// Kind of the entity.
    pub entity_type: &'a str,
    /// The entity.
    pub entity_id: &'a str,
    /// What happened.
    pub event_type: &'a str,
    /// When, as the exact text of the envelope.
    pub created_at: &'a str,
    /// Salted hash of the plaintext.
    pub payload_plain_hash: &'a Hash,
}

/// Additional data of the content encryption and HPKE info at once.
pub fn payload_aad(fields: &AadFields<'_>) -> Hash {
    Preimage::new(domain::PAYLOAD_AAD)
        .fixed(fields.scope.tenant.as_bytes())
        .fixed(fields.scope.store.as_bytes())
        .fixed(fields.event_id.as_bytes())
        .fixed(fields.source_agent.as_bytes())
        .u32(fields.agent_key_id.0)
        .text(fields.entity_type)
        .text(fields.entity_id)
        .text(fields.event_type)
        .text(fields.created_at)
        .fixed(&fields.payload_plain_hash.0)
        .hash()
}
