//! The published keys of a token issuer, from a file or a URL.
//!
//! The set is read when it is first needed, again when it has grown old, and when a token names a key that is not in it,
//! the latter ever more rarely while it finds nothing: tokens with invented key names must not become requests to the
//! issuer. If it cannot be read, the set that is there stays in use.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use stateset_ledger::id::Micros;

/// After this the set is read again, so that a key the issuer has withdrawn ends.
const MAX_AGE: i64 = 300_000_000;
/// Pause after a read, doubled with every one in vain.
const FIRST_PAUSE: i64 = 2_000_000;
const LONGEST_PAUSE: i64 = 300_000_000;
/// Largest document.
const MAX_BYTES: usize = 1 << 20;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the set is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// An address; redirects are not followed.
    Url(String),
}

/// One key with its one algorithm.
pub struct PublishedKey {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// The keys of an issuer by name.
pub struct KeySet {
    source: Source,
    client: reqwest::Client,
    state: Mutex<State>,
    /// Held by the one who reads the source.
    reading: tokio::sync::Mutex<()>,
}

/// Keys by name.
pub type Keys = HashMap<String, Arc<PublishedKey>>;

#[derive(Default)]
struct State {
    keys: Keys,
    read_at: Option<Micros>,
    /// No read before this.
    not_before: Option<Micros>,
    pause: i64,
    reads: u64,
}

impl State {
    fn is_fresh(&self, now: Micros) -> bool {
        self.read_at.is_some_and(|at| (at.0..at.0.saturating_add(MAX_AGE)).contains(&now.0))
    }

    /// A clock that was set far back does not keep it waiting.
    fn may_read(&self, now: Micros) -> bool {
        self.not_before.is_none_or(|from| now >= from || from.0 - now.0 > LONGEST_PAUSE)
    }

    /// Takes what was read, if anything was, and says when to read again.
    fn settle(&mut self, read: Option<Keys>, name: &str, now: Micros) -> Option<Arc<PublishedKey>> {
        self.reads += 1;
        if let Some(keys) = read {
            self.keys = keys;
            self.read_at = Some(now);
        }
        let found = self.keys.get(name).cloned();
        self.pause = if found.is_some() { FIRST_PAUSE } else { (2 * self.pause).clamp(FIRST_PAUSE, LONGEST_PAUSE) };
        self.not_before = Some(Micros(now.0.saturating_add(self.pause)));
        found
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// The set published at `source`, which is not read yet.
    ///
    /// # Errors
    /// Without the system's root certificates nothing can be fetched.
    pub fn new(source: Source) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(FETCH_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok(Self { source, client, state: Mutex::default(), reading: tokio::sync::Mutex::default() })
    }

    /// The key of this name at `now`. A key that is known waits for nobody but the one request that reads the set anew.
    pub async fn find(&self, name: &str, now: Micros) -> Option<Arc<PublishedKey>> {
        let (known, decided) = self.known(name, now);
        if decided {
            return known;
        }
        let reading = match self.reading.try_lock() {
            Ok(reading) => reading,
            Err(_) if known.is_some() => return known,
            Err(_) => self.reading.lock().await,
        };
        // Somebody else may have read it meanwhile.
        let (known, decided) = self.known(name, now);
        if decided {
            return known;
        }
        let read = self.read().await;
        if let Err(error) = &read {
            tracing::warn!(error = format!("{error:#}"), "cannot read the token issuer's keys");
        }
        let found = self.state().settle(read.ok(), name, now);
        drop(reading);
        found
    }

    /// The key as far as it is known, and whether that is the answer or takes a read.
    fn known(&self, name: &str, now: Micros) -> (Option<Arc<PublishedKey>>, bool) {
        let state = self.state();
        let known = state.keys.get(name).cloned();
        let decided = (state.is_fresh(now) && known.is_some()) || !state.may_read(now);
        (known, decided)
    }

    /// How often the source was read.
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) -> anyhow::Result<Keys> {
        let text = match &self.source {
            Source::File(path) => {
                let path = path.clone();
                let bytes = tokio::task::spawn_blocking(move || std::fs::read(path)).await??;
                anyhow::ensure!(bytes.len() <= MAX_BYTES, "the key set has more than {MAX_BYTES} bytes");
                bytes
            },
            Source::Url(url) => self.fetch(url).await?,
        };
        Ok(keys(&text)?)
    }

    async fn fetch(&self, url: &str) -> anyhow::Result<Vec<u8>> {
        let mut response = self.client.get(url).send().await?;
        anyhow::ensure!(response.status().as_u16() == 200, "the issuer answered {}", response.status());
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            anyhow::ensure!(text.len() + chunk.len() <= MAX_BYTES, "the key set has more than {MAX_BYTES} bytes");
            text.extend_from_slice(&chunk);
        }
        Ok(text)
    }
}

/// The keys of a document that can be used. One that cannot be is passed over, as issuers publish others besides; a name
/// that stands twice is nobody's.
pub fn keys(text: &[u8]) -> Result<Keys, serde_json::Error> {
    let document: Document = serde_json::from_slice(text)?;
    let mut keys = HashMap::new();
    let mut twice = Vec::new();
    for value in document.keys {
        let Ok(jwk) = serde_json::from_value::<Jwk>(value) else { continue };
        let (Some(name), Some(key)) = (jwk.common.key_id.clone(), usable(&jwk)) else { continue };
        if keys.insert(name.clone(), Arc::new(key)).is_some() {
            twice.push(name);
        }
    }
    keys.retain(|name, _| !twice.contains(name));
    Ok(keys)
}

/// The key with the one algorithm it is for. Symmetric keys are never taken from a published set.
fn usable(jwk: &Jwk) -> Option<PublishedKey> {
    if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    let stated = jwk.common.key_algorithm;
    let algorithm = match (&jwk.algorithm, stated) {
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Algorithm::RS256,
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS384)) => Algorithm::RS384,
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS512)) => Algorithm::RS512,
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS256)) => Algorithm::PS256,
        (AlgorithmParameters::EllipticCurve(key), None | Some(KeyAlgorithm::ES256))
            if key.curve == EllipticCurve::P256 =>
        {
            Algorithm::ES256
        },
        (AlgorithmParameters::EllipticCurve(key), None | Some(KeyAlgorithm::ES384))
            if key.curve == EllipticCurve::P384 =>
        {
            Algorithm::ES384
        },
        (AlgorithmParameters::OctetKeyPair(key), None | Some(KeyAlgorithm::EdDSA))
            if key.curve == EllipticCurve::Ed25519 =>
        {
            Algorithm::EdDSA
        },
        _ => return None,
    };
    Some(PublishedKey { algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
}

#[cfg(test)]
mod tests {
    use super::keys;

    /// L08: what a set may and may not hold.
    #[test]
    fn only_public_signing_keys_with_one_name_are_usable() {
        let okp = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
        let document = format!(
            r#"{{"keys":[
                {{{okp},"kid":"good"}}, {{{okp},"kid":"stated","alg":"EdDSA","use":"sig"}},
                {{{okp},"kid":"twice"}}, {{{okp},"kid":"twice"}}, {{{okp}}},
                {{{okp},"kid":"enc","use":"enc"}}, {{{okp},"kid":"liar","alg":"HS256"}},
                {{{okp},"kid":"rsa?","alg":"RS256"}},
                {{"kty":"oct","kid":"secret","k":"c2VjcmV0"}}, {{"kty":"oct","kid":"hs","alg":"HS256","k":"c2VjcmV0"}},
                {{"kty":"new","kid":"new"}}, 7, {{"kid":9}}
            ]}}"#
        );
        let mut names: Vec<String> = keys(document.as_bytes()).unwrap().into_keys().collect();
        names.sort();
        assert_eq!(names, ["good", "stated"]);
        assert!(keys(b"{}").is_err() && keys(b"[]").is_err() && keys(b"").is_err());
    }
}
