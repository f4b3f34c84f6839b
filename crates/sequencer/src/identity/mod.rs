//! Who calls, and what that permits. Nothing here knows of HTTP: a handler offers what the request carried and gets a
//! [`Credential`], or is refused.
//!
//! A key or token that is not accepted is not accepted for one and the same reason, whatever was wrong with it: nobody
//! learns here whether a key exists, is over or was revoked.

mod cache;
mod credential;
pub mod jwks;
pub mod key;
pub mod token;

use std::sync::Arc;

use stateset_ledger::bytes::Hash;
use stateset_ledger::id::Micros;
use stateset_store::api_key::ApiKey;
use stateset_store::{Store, StoreError};
use subtle::ConstantTimeEq as _;

use cache::KeyCache;
pub use cache::REVOCATION_BOUND;
pub use credential::{Credential, Permission, Shown};
use token::{TokenFault, Tokens};

/// Who may call without a minted key or a token.
pub enum Access {
    /// Everybody, everything: `AUTH_MODE=disabled`.
    Open,
    /// Who knows the bootstrap key, everything.
    Key(String),
    /// Nobody: there is no bootstrap key.
    Minted,
}

/// What a request carried.
#[derive(Clone, Copy, Debug)]
pub enum Offered<'a> {
    /// Text that should be an API key.
    Key(&'a str),
    /// Text that should be a JSON Web Token.
    Token(&'a str),
}

/// Why nobody is calling.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The key is none that is accepted.
    #[error("the API key is not valid")]
    Key,
    /// The token is none that is accepted.
    #[error("{0}")]
    Token(#[from] TokenFault),
    /// It could not be found out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Recognises callers.
pub struct Identity {
    open: bool,
    /// Hash of the bootstrap key, so that comparing takes the same time for keys of every length.
    bootstrap: Option<Hash>,
    tokens: Option<Tokens>,
    keys: KeyCache,
    everything: Arc<Credential>,
}

impl Identity {
    /// Recognises minted keys, and what `access` and `tokens` say besides.
    pub fn new(access: &Access, tokens: Option<Tokens>) -> Self {
        let (open, bootstrap) = match access {
            Access::Open => (true, None),
            Access::Key(key) => (false, Some(key::hash(key))),
            Access::Minted => (false, None),
        };
        Self { open, bootstrap, tokens, keys: KeyCache::default(), everything: Arc::new(Credential::everything()) }
    }

    /// The credential of everybody, if nobody is asked for one.
    pub fn unasked(&self) -> Option<Arc<Credential>> {
        self.open.then(|| Arc::clone(&self.everything))
    }

    /// The credential that was offered at `now`.
    pub async fn recognise(
        &self,
        store: &dyn Store,
        now: Micros,
        offered: Offered<'_>,
    ) -> Result<Arc<Credential>, Refused> {
        match offered {
            Offered::Key(text) => self.key(store, now, text).await,
            Offered::Token(text) => {
                let tokens = self.tokens.as_ref().ok_or(TokenFault::NotTaken)?;
                Ok(Arc::new(tokens.verify(text, now).await?))
            },
        }
    }

    /// Whether a credential that was recognised before still is: a stream of events may go on for days.
    pub async fn still_holds(
        &self,
        store: &dyn Store,
        now: Micros,
        credential: &Credential,
    ) -> Result<bool, StoreError> {
        match &credential.shown {
            Shown::Standing => Ok(true),
            Shown::Key(prefix) => {
                Ok(self.keys.get(store, prefix, now).await?.is_some_and(|known| known.key.is_live(now)))
            },
            Shown::Token(end) => Ok(now < *end),
        }
    }

    /// Forgets a key in this process at once; others do within [`REVOCATION_BOUND`].
    pub fn forget(&self, prefix: &str) {
        self.keys.forget(prefix);
    }

    async fn key(&self, store: &dyn Store, now: Micros, text: &str) -> Result<Arc<Credential>, Refused> {
        let hash = key::hash(text);
        if self.bootstrap.is_some_and(|bootstrap| bool::from(bootstrap.0.ct_eq(&hash.0))) {
            return Ok(Arc::clone(&self.everything));
        }
        let prefix = key::prefix(text).ok_or(Refused::Key)?;
        let known = self.keys.get(store, prefix, now).await?;
        // A key that is not there is compared as well, with something that nothing hashes to.
        let stored = known.as_ref().map_or(Hash::ZERO, |known| known.key.secret_hash);
        let same = bool::from(stored.0.ct_eq(&hash.0));
        match known {
            Some(known) if same && known.key.is_live(now) => Ok(Arc::clone(&known.credential)),
            _ => Err(Refused::Key),
        }
    }
}

/// What a stored key permits.
pub fn credential_of(key: &ApiKey) -> Credential {
    Credential {
        tenant: Some(key.tenant),
        stores: (!key.stores.is_empty()).then(|| key.stores.as_slice().into()),
        read: key.read,
        write: key.write,
        admin: key.admin,
        agent: key.agent,
        rate_limit: key.rate_limit,
        shown: Shown::Key(key.prefix.clone()),
    }
}
