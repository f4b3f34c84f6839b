//! The agent's own signing keys: files beside the replica, numbered, replaced without a gap.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateset_ledger::signature::{SeedSigner, Signer as _, proof_of_possession_challenge};
use stateset_relay::secret::Secret;
use std::path::Path;
use zeroize::Zeroizing;

use crate::enrol::{Enrolment, NewCredential};
use crate::error::{SyncError, unreadable};
use crate::remote::RemoteError;
use crate::replica::{Replica, number};
use crate::session::Session;
use crate::{secret_file, sql};

/// One of the agent's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocalKey {
    /// Its number.
    pub key_id: u32,
    /// Hexadecimal.
    pub public_key: String,
    /// Where the secret is.
    pub file: String,
    /// When it was made, microseconds since 1970 UTC.
    pub created_at: i64,
    /// When the sequencer confirmed it.
    pub registered_at: Option<i64>,
    /// Since when it signs nothing new.
    pub retired_at: Option<i64>,
    /// Own events that are still to be pushed under it.
    pub open_events: u64,
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRotation {
    /// The new key.
    pub key_id: u32,
    /// Hexadecimal.
    pub public_key: String,
    /// Keys that sign nothing new any more.
    pub retired: Vec<u32>,
    /// Of these, keys that were revoked at the sequencer.
    pub revoked: Vec<u32>,
    /// What is left to do.
    pub next: Option<String>,
}

/// The signer of a key file: 32 bytes, hexadecimal or base64.
pub(crate) fn signer(text: &Secret) -> Result<SeedSigner, &'static str> {
    let text = text.reveal_text().trim();
    let mut seed = Zeroizing::new([0_u8; 32]);
    if const_hex::decode_to_slice(text, seed.as_mut_slice()).is_ok() {
        return Ok(SeedSigner::new(&seed));
    }
    let decoded =
        STANDARD.decode(text).map(Zeroizing::new).map_err(|_| "is no key: 32 bytes as hexadecimal or base64")?;
    let bytes: &[u8; 32] = decoded.as_slice().try_into().map_err(|_| "is no key: it must hold 32 bytes")?;
    *seed = *bytes;
    Ok(SeedSigner::new(&seed))
}

/// The key in `file`, made or copied from `import` if there is none: after a broken attempt it is the same.
pub(crate) fn ensure(file: &Path, import: Option<&Path>) -> Result<SeedSigner, SyncError> {
    let usage = |fault: &str| SyncError::Usage(format!("the key file {fault}"));
    if !file.exists() {
        let text = if let Some(import) = import {
            Zeroizing::new(secret_file::read(import)?.reveal_text().to_owned())
        } else {
            let mut seed = Zeroizing::new([0_u8; 32]);
            getrandom::fill(seed.as_mut_slice())
                .map_err(|fault| SyncError::File { path: file.to_owned(), source: std::io::Error::other(fault) })?;
            Zeroizing::new(const_hex::encode(*seed))
        };
        signer(&Secret::new(text.as_bytes())).map_err(usage)?;
        secret_file::create(file, &text)?;
    }
    signer(&secret_file::read(file)?).map_err(usage)
}

/// The body of a registration: the key, and proof that its secret is held.
pub(crate) fn registration(enrolment: &Enrolment, key_id: u32, signer: &SeedSigner) -> Value {
    let public_key = signer.public_key();
    let proof = signer.sign(&proof_of_possession_challenge(&public_key).0);
    json!({
        "tenantId": enrolment.tenant,
        "agentId": enrolment.agent,
        "keyId": key_id,
        "publicKey": public_key.to_hex(),
        "keyAlgorithm": 1,
        "proofOfPossessionBundle": { "ed25519Pop": proof.to_hex() },
    })
}

impl Replica {
    /// The agent's keys on this machine, oldest first.
    pub async fn keys(&self) -> Result<Vec<LocalKey>, SyncError> {
        type Row = (i64, Vec<u8>, String, i64, Option<i64>, Option<i64>, i64);
        let rows: Vec<Row> = sqlx::query_as(sql!("keys")).fetch_all(&self.pool).await?;
        let key = |(key_id, public_key, file, created_at, registered_at, retired_at, open): Row| {
            Ok(LocalKey {
                key_id: u32::try_from(key_id).map_err(unreadable)?,
                public_key: stateset_ledger::bytes::PublicKeyBytes::try_from(public_key.as_slice())
                    .map_err(unreadable)?
                    .to_hex(),
                file,
                created_at,
                registered_at,
                retired_at,
                open_events: number(open)?,
            })
        };
        rows.into_iter().map(key).collect()
    }
}

impl Session {
    /// Replaces the agent's key: makes the next one, has it registered, and signs with it whatever is written from then on.
    /// Events written before are still pushed under the old key, so revoke that only when they are: with `revoke` it is
    /// done here, if nothing waits under it and the credential may.
    pub async fn rotate_key(
        &self,
        token: Option<Secret>,
        import: Option<&Path>,
        revoke: bool,
    ) -> Result<KeyRotation, SyncError> {
        let replica = &self.replica;
        let profile = &replica.profile;
        let enrolment = Enrolment { tenant: profile.tenant, store: profile.store, agent: profile.agent };
        let known = replica.keys().await?;
        let key_id = known.iter().map(|key| key.key_id).max().unwrap_or(0) + 1;
        let file = replica.secrets().agent_key(profile.agent, key_id);
        let signer = ensure(&file, import)?;
        let body = registration(&enrolment, key_id, &signer);
        match token {
            Some(token) => {
                NewCredential::ensure(&replica.secrets())?.enrol(&profile.url, &enrolment, &token, body).await?;
            },
            None => {
                self.remote.post::<Value>("/api/v1/agents/keys", &body).await?;
            },
        }
        let now = replica.clock.now().0;
        let mut tx = replica.outbox.begin().await?;
        sqlx::query(sql!("keys_retire")).bind(now).execute(&mut *tx).await?;
        sqlx::query(sql!("key_add"))
            .bind(i64::from(key_id))
            .bind(signer.public_key().0.as_slice())
            .bind(crate::enrol::stored_path(&replica.path, &file))
            .bind(now)
            .bind(Some(now))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        let retired: Vec<u32> = known.iter().filter(|key| key.retired_at.is_none()).map(|key| key.key_id).collect();
        let mut rotation =
            KeyRotation { key_id, public_key: signer.public_key().to_hex(), retired, revoked: Vec::new(), next: None };
        self.revoke_retired(&mut rotation, revoke).await?;
        Ok(rotation)
    }

    async fn revoke_retired(&self, rotation: &mut KeyRotation, revoke: bool) -> Result<(), SyncError> {
        let open = self.replica.keys().await?;
        let waits = |key_id: u32| open.iter().any(|key| key.key_id == key_id && key.open_events > 0);
        for key_id in rotation.retired.clone() {
            if waits(key_id) {
                let text = format!("push first: events wait under key {key_id}, which is then to be revoked");
                rotation.next = Some(text);
            } else if !revoke {
                rotation.next = Some(format!("have key {key_id} revoked: nothing waits under it"));
            } else {
                let (agent, tenant) = (self.replica.profile.agent, self.replica.profile.tenant.to_string());
                let path = format!("/api/v1/agents/{agent}/keys/{key_id}");
                match self.remote.delete(&path, &[("tenant_id", &tenant)]).await {
                    Ok(()) => rotation.revoked.push(key_id),
                    Err(error @ RemoteError::Refused { .. }) => {
                        rotation.next = Some(format!("an administrator must revoke key {key_id}: {error}"));
                    },
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}

/// Keys of the sequencer as it publishes them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublishedKeys {
    pub(crate) sequencer_id: String,
    pub(crate) log_origin: String,
    pub(crate) keys: Vec<PublishedKey>,
}

/// One of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublishedKey {
    pub(crate) key_version: u32,
    pub(crate) public_key: stateset_ledger::bytes::PublicKeyBytes,
    pub(crate) current: bool,
}
