//! `Idempotency-Key` on the routes that make API keys: a retry whose first reply was lost gets the same key again.
//!
//! Nothing is stored for it. Prefix and secret of the new key follow from the request, so a repetition makes the same key,
//! meets the stored one, and shows it again ([decision 54](../../../../docs/decisions/0054-derived-api-keys.md)).

use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use stateset_api::code::Code;
use stateset_ledger::id::{AgentId, Micros, TenantId};
use stateset_store::api_key::ApiKey;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::credential::{Admin, Caller};
use super::problem::{ApiError, ApiResult};
use crate::identity::key::{self, Minted};
use crate::service::Service;

const NAME: &str = "idempotency-key";
const MAX_BYTES: usize = 255;
/// How long after its making a key is shown again, in microseconds: 24 hours.
const SHOWN_AGAIN: i64 = 24 * 60 * 60 * 1_000_000;

/// The request's `Idempotency-Key`, if it has one.
pub struct IdempotencyKey(Option<String>);

impl FromRequestParts<Arc<Service>> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Service>) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(NAME).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value
            .to_str()
            .ok()
            .filter(|text| (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
        match text {
            Some(text) if values.next().is_none() => Ok(Self(Some(text.to_owned()))),
            _ => {
                let message = format!("must be one text of 1 to {MAX_BYTES} printable ASCII characters without spaces");
                Err(ApiError::fault(Code::InvalidParameter, "Idempotency-Key", message))
            },
        }
    }
}

/// The key that a request makes, and whether it may exist already.
pub struct Making {
    minted: Minted,
    agent: AgentId,
    repeatable: bool,
}

impl IdempotencyKey {
    /// The key for a request of `caller` on `tenant`. `request` is everything that decides what is made.
    pub fn making(&self, service: &Service, caller: &Caller<Admin>, tenant: TenantId, request: &[&str]) -> Making {
        let Some(own) = &self.0 else {
            return Making { minted: key::mint(), agent: AgentId(Uuid::new_v4()), repeatable: false };
        };
        let tenant = tenant.to_string();
        let who = [tenant.as_str(), &caller.name(), own];
        // Processes on one database share this key, so another one finds the prefix taken, whatever key it signs with.
        let shared = hmac::Key::new(hmac::HMAC_SHA256, &service.blinding_key);
        let place = hmac::sign(&shared, &framed("VES_API_KEY_PREFIX_V1", &who, &[]));
        let (mut prefix, mut agent) = ([0; 8], [0; 16]);
        prefix.copy_from_slice(&place.as_ref()[..8]);
        agent.copy_from_slice(&place.as_ref()[8..24]);
        let secret = Zeroizing::new(service.signer.derive(&framed("VES_API_KEY_SECRET_V1", &who, request)));
        let agent = AgentId(uuid::Builder::from_random_bytes(agent).into_uuid());
        Making { minted: key::of(prefix, &secret), agent, repeatable: true }
    }
}

impl Making {
    /// Text, prefix and hash.
    pub fn minted(&self) -> &Minted {
        &self.minted
    }

    /// Id of a new agent.
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// The stored key, if the same request has made it before; an error if another one has.
    pub async fn made_before(&self, service: &Service, tenant: TenantId, now: Micros) -> ApiResult<Option<ApiKey>> {
        if !self.repeatable {
            return Ok(None);
        }
        let Some(stored) = service.store.api_key(&self.minted.prefix).await? else { return Ok(None) };
        let same = bool::from(stored.secret_hash.0.ct_eq(&self.minted.hash.0)) && stored.tenant == tenant;
        let recent = now.0 < stored.created_at.0.saturating_add(SHOWN_AGAIN);
        if same && recent {
            return Ok(Some(stored));
        }
        Err(ApiError::new(
            Code::IdempotencyKeyReused,
            format!(
                "another request made key {} with this Idempotency-Key, or the same one more than 24 hours ago, or before \
                 the server's signing key changed",
                self.minted.prefix
            ),
        ))
    }
}

/// The texts one after the other, each behind its length, so that no two lists give the same bytes.
fn framed(purpose: &str, who: &[&str], request: &[&str]) -> Vec<u8> {
    let mut bytes = purpose.as_bytes().to_vec();
    for text in who.iter().chain(request) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::framed;

    #[test]
    fn no_two_lists_give_the_same_bytes() {
        assert_ne!(framed("p", &["ab"], &["c"]), framed("p", &["a"], &["bc"]));
        assert_ne!(framed("p", &["ab"], &[]), framed("p", &["a", "b"], &[]));
        assert_ne!(framed("p", &["a", ""], &[]), framed("p", &["a"], &[]));
    }
}
