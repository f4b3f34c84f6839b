//! JSON Web Tokens: HS256 under a shared secret, or a signature under a published key.
//!
//! The algorithm never follows from the token: HS256 is checked with the secret and nothing else, and every published key
//! has one algorithm, which the token must name. What a token says about where its key is (`jku`, `jwk`, `x5u`, `x5c`) is
//! not looked at.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use stateset_ledger::id::{AgentId, Micros, StoreId, TenantId};
use uuid::Uuid;

use super::jwks::KeySet;
use super::{Credential, Shown};

/// How far the clocks of issuer and sequencer may be apart, in seconds.
const LEEWAY: f64 = 60.0;

/// Why a token is not accepted. Says nothing about keys or other tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The server has neither a secret nor published keys.
    #[error("tokens are not taken here; send `Authorization: ApiKey <key>`")]
    NotTaken,
    /// Form, algorithm, key, signature, issuer, audience or a claim.
    #[error("the token is not valid")]
    Invalid,
    /// It was valid, and is over.
    #[error("the token has expired")]
    Expired,
}

/// Checks tokens of one issuer.
pub struct Tokens {
    issuer: String,
    audience: String,
    secret: Option<DecodingKey>,
    keys: Option<KeySet>,
}

/// The claims that count; others are ignored.
#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    stores: String,
    #[serde(default)]
    agent: Option<Uuid>,
    #[serde(default)]
    perms: String,
}

impl Tokens {
    /// Takes tokens of `issuer` for `audience`, signed with `secret` or under one of `keys`.
    pub fn new(issuer: &str, audience: &str, secret: Option<&str>, keys: Option<KeySet>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            secret: secret.map(|secret| DecodingKey::from_secret(secret.as_bytes())),
            keys,
        }
    }

    /// What the token permits at `now`.
    pub async fn verify(&self, token: &str, now: Micros) -> Result<Credential, TokenFault> {
        let header = decode_header(token).map_err(|_| TokenFault::Invalid)?;
        // Extensions that must be understood, and none is.
        if header.crit.is_some() {
            return Err(TokenFault::Invalid);
        }
        let claims = if header.alg == Algorithm::HS256 {
            let secret = self.secret.as_ref().ok_or(TokenFault::Invalid)?;
            self.decode(token, Algorithm::HS256, secret)?
        } else {
            let keys = self.keys.as_ref().ok_or(TokenFault::Invalid)?;
            let named = header.kid.as_deref().ok_or(TokenFault::Invalid)?;
            let key = keys.find(named, now).await.ok_or(TokenFault::Invalid)?;
            self.decode(token, key.algorithm, &key.key)?
        };
        claims.credential(now)
    }

    fn decode(&self, token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Claims, TokenFault> {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        // Times are compared below, with the service's clock.
        validation.validate_exp = false;
        decode::<Claims>(token, key, &validation).map(|data| data.claims).map_err(|_| TokenFault::Invalid)
    }
}

impl Claims {
    fn credential(self, now: Micros) -> Result<Credential, TokenFault> {
        #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit 53 bits until 2255")]
        let now = now.0 as f64 / 1e6;
        if [self.nbf, self.iat].into_iter().flatten().any(|from| from > now + LEEWAY) {
            return Err(TokenFault::Invalid);
        }
        if self.exp <= now - LEEWAY {
            return Err(TokenFault::Expired);
        }
        let stores = list(&self.stores)
            .map(|id| id.parse().map(StoreId).map_err(|_| TokenFault::Invalid))
            .collect::<Result<Vec<_>, _>>()?;
        // A list of nothing must not become a list of everything.
        if stores.is_empty() && !self.stores.is_empty() {
            return Err(TokenFault::Invalid);
        }
        let has = |name: &str| list(&self.perms).any(|permission| permission == name);
        Ok(Credential {
            tenant: Some(TenantId(self.sub)),
            stores: (!stores.is_empty()).then(|| stores.into()),
            read: has("read"),
            write: has("write"),
            admin: has("admin"),
            agent: self.agent.map(AgentId),
            rate_limit: None,
            shown: Shown::Token(end(self.exp)),
        })
    }
}

/// The instant from which a token that expires at `exp` is refused.
fn end(exp: f64) -> Micros {
    #[expect(clippy::cast_possible_truncation, reason = "a conversion to whole numbers keeps to their range")]
    Micros(((exp + LEEWAY) * 1e6) as i64)
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
