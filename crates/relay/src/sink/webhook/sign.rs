//! Signatures of Standard Webhooks 1.0: `v1,` and the base64 HMAC-SHA-256 of `id.timestamp.body`, one per secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// One secret, or two while receivers change from one to the other.
#[derive(Clone, Debug)]
pub struct Secrets {
    current: Secret,
    previous: Option<Secret>,
}

/// Text that is no webhook secret. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `whsec_` and the base64 of 24 to 64 random bytes")]
pub struct NotASecret;

impl Secrets {
    /// From the text that the receiver has too.
    pub fn new(current: &str) -> Result<Self, NotASecret> {
        Ok(Self { current: parse(current)?, previous: None })
    }

    /// Signs with the former secret as well, until every receiver knows the new one.
    pub fn and_previous(self, previous: &str) -> Result<Self, NotASecret> {
        Ok(Self { previous: Some(parse(previous)?), ..self })
    }

    /// The value of `webhook-signature`: newest first, separated by a space.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut signatures = one(&self.current, id, timestamp, body);
        if let Some(previous) = &self.previous {
            signatures.push(' ');
            signatures.push_str(&one(previous, id, timestamp, body));
        }
        signatures
    }
}

fn parse(text: &str) -> Result<Secret, NotASecret> {
    let encoded = text.strip_prefix("whsec_").ok_or(NotASecret)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
    if (24..=64).contains(&bytes.len()) { Ok(Secret::new(bytes)) } else { Err(NotASecret) }
}

fn one(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal()).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
