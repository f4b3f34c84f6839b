//! Whether a stored event is still the one that was admitted: its hashes derived and its signature verified again.

use stateset_api::event::{SignatureVerdict, VerdictState};
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{PublicKeyBytes, Signature};
use stateset_ledger::content::content_fault;
use stateset_ledger::event::{Header, Seal};
use stateset_ledger::id::{AgentId, KeyId, Micros, Scope};
use stateset_ledger::signature::PublicKey;
use stateset_store::{Store, StoreError};

/// Judges the event with this header and payload, with keys fresh from the store. `now` dates the key's status only.
pub async fn judge(
    store: &dyn Store,
    scope: Scope,
    header: &Header,
    payload: &str,
    now: Micros,
) -> Result<SignatureVerdict, StoreError> {
    let mut verdict = SignatureVerdict {
        state: VerdictState::Absent,
        content_hash: header.derive_content_hash(scope),
        key_id: None,
        public_key: None,
        key_status: None,
        cause: None,
    };
    match header.seal {
        Seal::Signed { key, signature } => {
            verdict.key_id = Some(key.0);
            if let Some((bytes, registered)) = find_key(store, scope, header.agent, key).await? {
                verdict.public_key = Some(bytes.to_hex());
                verdict.key_status = registered.map(|key| key.status(now).name().to_owned());
                verify(&mut verdict, &bytes, &signature);
            } else {
                verdict.state = VerdictState::Unverifiable;
                verdict.cause = Some(format!("key {key} of agent {} is not registered", header.agent));
            }
        },
        Seal::Unsigned { .. } if header.annotations.legacy_signature.is_some() => {
            verdict.state = VerdictState::Unverifiable;
            verdict.cause = Some("signatures of the first API's form bind no unambiguous content".to_owned());
        },
        Seal::Unsigned { .. } => {},
    }
    if let Some(cause) = content_fault(&verdict.content_hash, header, scope, payload) {
        verdict.state = VerdictState::Invalid;
        verdict.cause = Some(cause);
    }
    Ok(verdict)
}

/// An agent's key as registered; the events of a key stream are signed by the sequencer's own keys, which have no status.
async fn find_key(
    store: &dyn Store,
    scope: Scope,
    agent: AgentId,
    number: KeyId,
) -> Result<Option<(PublicKeyBytes, Option<AgentKey>)>, StoreError> {
    if scope.is_key_stream() && agent == AgentId::NIL {
        let keys = store.sequencer_keys().await?;
        return Ok(keys.into_iter().find(|(known, ..)| *known == number).map(|(_, public, _)| (public, None)));
    }
    let (_, keys) = store.agent_keys(scope.tenant, Some(agent)).await?;
    Ok(keys.into_iter().find(|key| key.key == number).map(|key| (key.public_key, Some(key))))
}

fn verify(verdict: &mut SignatureVerdict, key: &PublicKeyBytes, signature: &Signature) {
    let outcome = match PublicKey::new(key) {
        Ok(key) => key.verify(&verdict.content_hash.0, signature).map_err(|fault| fault.to_string()),
        Err(fault) => Err(fault.to_string()),
    };
    (verdict.state, verdict.cause) = match outcome {
        Ok(()) => (VerdictState::Verified, None),
        Err(cause) => (VerdictState::Invalid, Some(cause)),
    };
}
