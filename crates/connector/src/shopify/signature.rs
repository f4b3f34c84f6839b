//! `X-Shopify-Hmac-Sha256`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Shorter is no secret.
const LEAST: usize = 16;
/// Longer is no secret either.
const MOST: usize = 512;
/// The one in force, and those before it while the shop still signs with them.
const SECRETS: usize = 4;

/// The app's secrets. The first one is in force.
#[derive(Clone)]
pub struct Secrets(Vec<Zeroizing<Vec<u8>>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// Text that holds no secrets. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has 16 to 512 characters on a line of its own; at most 4, the one in force first")]
pub struct NoSecret;

impl Secrets {
    /// A line per secret, the one in force first: after a rotation a shop may sign with the one before for an hour.
    pub fn parse(text: &str) -> Result<Self, NoSecret> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<_> = lines.map(|line| Zeroizing::new(line.as_bytes().to_vec())).collect();
        let admissible = secrets.iter().all(|secret| (LEAST..=MOST).contains(&secret.len()));
        if !admissible || !(1..=SECRETS).contains(&secrets.len()) {
            return Err(NoSecret);
        }
        Ok(Self(secrets))
    }

    /// Whether `header` is of `body` under one of the secrets. Takes equally long wherever they differ.
    pub(super) fn verify(&self, header: &[u8], body: &[u8]) -> bool {
        let Ok(tag) = STANDARD.decode(header) else { return false };
        // Every secret is tried, so that nothing says which one fits.
        self.0.iter().fold(false, |fits, secret| mac(secret, body).verify_slice(&tag).is_ok() | fits)
    }

    pub(super) fn sign(&self, body: &[u8]) -> String {
        let secret = self.0.first().map_or(&[][..], |secret| secret.as_slice());
        STANDARD.encode(mac(secret, body).finalize().into_bytes())
    }
}

fn mac(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hush-hush-hush-hush";

    /// Computed with Python's hmac, hashlib and base64.
    const BODY: &[u8] = br#"{"id":788032119674292922}"#;
    const TAG: &str = "gje6/J9zdPmfYONF+dN+i0Ui7x7W0UIGrQOQzRUgEGk=";

    #[test]
    fn a_signature_is_of_one_body_under_one_secret() {
        let secrets = Secrets::parse(&format!("{SECRET}\n\n  an-older-secret-of-ours \n")).expect("two secrets");
        assert_eq!(secrets.sign(BODY), TAG);
        assert!(secrets.verify(TAG.as_bytes(), BODY));
        let older = Secrets::parse("an-older-secret-of-ours").expect("a secret").sign(BODY);
        assert!(secrets.verify(older.as_bytes(), BODY));
        let stranger = Secrets::parse("nobody-knows-this-one").expect("a secret").sign(BODY);
        for (tag, body) in [
            (stranger.as_str(), BODY),
            (TAG, &BODY[1..]),
            (&TAG[..40], BODY),
            ("", BODY),
            ("not base64!", BODY),
            (&format!(" {TAG}"), BODY),
        ] {
            assert!(!secrets.verify(tag.as_bytes(), body), "{tag}");
        }
        for bad in
            ["", "short", "\n\n", &format!("{SECRET}\nshort"), &"x".repeat(513), &format!("{SECRET}\n").repeat(5)]
        {
            assert_eq!(Secrets::parse(bad).err(), Some(NoSecret));
        }
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
    }
}
