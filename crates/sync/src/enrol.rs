//! Setting up an agent's machine: a key, a credential, and which sequencer is believed.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::SqlSafeStr as _;
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer as _};
use stateset_relay::clock::{Clock as _, SystemClock};
use stateset_relay::secret::Secret;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::{SyncError, unreadable};
use crate::keys::{self, PublishedKeys};
use crate::profile::{Profile, Secrets};
use crate::remote::{Remote, RemoteError};
use crate::replica::{Replica, connect, migrate};
use crate::{secret_file, sql};

/// Who is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Whose events.
    pub tenant: Uuid,
    /// Of which store.
    pub store: Uuid,
    /// Who writes them.
    pub agent: Uuid,
}

/// What `init` is told.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The file to make.
    pub database: PathBuf,
    /// Where the sequencer is.
    pub url: Url,
    /// Who is set up.
    pub enrolment: Enrolment,
    /// A one-time token for this agent: registers the key and gives the machine an API key of its own.
    pub token: Option<Secret>,
    /// Instead: an API key that may register keys, and is kept.
    pub api_key: Option<Secret>,
    /// A signing key to copy instead of making one: 32 bytes, hexadecimal or base64.
    pub import_key: Option<PathBuf>,
    /// Keys of the sequencer that a person has compared; without any, those of the first contact are believed.
    pub sequencer_keys: Vec<(u32, PublicKeyBytes)>,
}

/// What `init` did.
#[derive(Clone, Debug, Serialize)]
pub struct InitReport {
    /// The file.
    pub database: PathBuf,
    /// The agent.
    pub agent: Uuid,
    /// Number of its key.
    pub key_id: u32,
    /// Hexadecimal.
    pub public_key: String,
    /// Where the key's secret is.
    pub key_file: PathBuf,
    /// Keys of the sequencer that are believed from now on.
    pub trusted: Vec<TrustedKey>,
}

/// A key of the sequencer.
#[derive(Clone, Debug, Serialize)]
pub struct TrustedKey {
    /// Its number.
    pub key_version: u32,
    /// Hexadecimal.
    pub public_key: String,
    /// `given` by a person, or taken at `first_use`.
    pub origin: &'static str,
}

/// Sets a machine up, or goes on where an earlier attempt broke off: the key is the same, and a token whose answer was lost
/// is not needed again. On a machine that is set up it adds sequencer keys and changes the URL.
pub async fn init(options: &InitOptions) -> Result<(Replica, InitReport), SyncError> {
    let path = &options.database;
    let pool = connect(path).await?;
    migrate(&pool).await?;
    let known = Profile::read(&pool).await?;
    let published: PublishedKeys = Remote::new(&options.url, None)?.get("/.well-known/ves-keys", &[]).await?;
    let profile = profile(options, known.as_ref(), &published)?;
    let secrets = Secrets::of(path);
    secrets.create()?;
    let replica = Replica::assemble(path.clone(), pool, profile);
    let trusted = trust(&replica, options, &published).await?;

    let existing = replica.keys().await?;
    let current = existing.iter().rev().find(|key| key.retired_at.is_none());
    let key_id = current.map_or(1, |key| key.key_id);
    let key_file = secrets.agent_key(options.enrolment.agent, key_id);
    let signer = keys::ensure(&key_file, options.import_key.as_deref())?;
    // Written before the registration: what comes next may be repeated, and a second key would not be the first.
    remember(&replica, key_id, &signer, &key_file).await?;
    if options.token.is_some() || options.api_key.is_some() || current.is_none_or(|key| key.registered_at.is_none()) {
        register(options, &secrets, key_id, &signer).await?;
        let now = SystemClock.now().0;
        sqlx::query(sql!("key_registered")).bind(i64::from(key_id)).bind(now).execute(&replica.pool).await?;
    }
    let report = InitReport {
        database: path.clone(),
        agent: options.enrolment.agent,
        key_id,
        public_key: signer.public_key().to_hex(),
        key_file,
        trusted,
    };
    Ok((replica, report))
}

fn profile(options: &InitOptions, known: Option<&Profile>, published: &PublishedKeys) -> Result<Profile, SyncError> {
    let wanted = Profile {
        url: options.url.clone(),
        tenant: options.enrolment.tenant,
        store: options.enrolment.store,
        agent: options.enrolment.agent,
        log_origin: published.log_origin.clone(),
        sequencer_id: published.sequencer_id.clone(),
    };
    let Some(known) = known else { return Ok(wanted) };
    for (what, known, wanted) in [
        ("of tenant", known.tenant.to_string(), wanted.tenant.to_string()),
        ("of store", known.store.to_string(), wanted.store.to_string()),
        ("of agent", known.agent.to_string(), wanted.agent.to_string()),
        ("a copy of the log", known.log_origin.clone(), wanted.log_origin.clone()),
    ] {
        if known != wanted {
            return Err(SyncError::AlreadyInitialised { what, known, wanted });
        }
    }
    Ok(wanted)
}

/// Which keys of the sequencer are believed: those that a person names; else, at the first contact, those it publishes.
/// Later ones are never taken on the sequencer's own word.
async fn trust(
    replica: &Replica,
    options: &InitOptions,
    published: &PublishedKeys,
) -> Result<Vec<TrustedKey>, SyncError> {
    let mut tx = replica.pool.begin_with("BEGIN IMMEDIATE".into_sql_str()).await?;
    let now = SystemClock.now().0;
    let known: i64 = sqlx::query_scalar(sql!("trusted_count")).fetch_one(&mut *tx).await?;
    let mut wanted: Vec<(u32, PublicKeyBytes, &'static str)> =
        options.sequencer_keys.iter().map(|(version, key)| (*version, *key, "given")).collect();
    if wanted.is_empty() && known == 0 {
        wanted = published.keys.iter().map(|key| (key.key_version, key.public_key, "first_use")).collect();
    }
    for (version, key, origin) in wanted {
        PublicKey::new(&key).map_err(|fault| SyncError::Usage(format!("sequencer key {version}: {fault}")))?;
        let bytes = key.0.as_slice();
        sqlx::query(sql!("trusted_add"))
            .bind(i64::from(version))
            .bind(bytes)
            .bind(now)
            .bind(origin)
            .execute(&mut *tx)
            .await?;
    }
    let rows: Vec<(i64, Vec<u8>, String)> = sqlx::query_as(sql!("trusted_all")).fetch_all(&mut *tx).await?;
    let current = published.keys.iter().find(|key| key.current);
    let believed = |current: &keys::PublishedKey| {
        rows.iter().any(|(version, key, _)| {
            *version == i64::from(current.key_version) && key.as_slice() == current.public_key.0.as_slice()
        })
    };
    if let Some(current) = current.filter(|current| !believed(current)) {
        return Err(SyncError::SequencerKey { version: current.key_version });
    }
    tx.commit().await?;
    let trusted = |(version, key, origin): (i64, Vec<u8>, String)| {
        let key = PublicKeyBytes::try_from(key.as_slice()).map_err(unreadable)?;
        let origin = if origin == "given" { "given" } else { "first_use" };
        let key_version = u32::try_from(version).map_err(unreadable)?;
        Ok(TrustedKey { key_version, public_key: key.to_hex(), origin })
    };
    rows.into_iter().map(trusted).collect()
}

async fn remember(replica: &Replica, key_id: u32, signer: &SeedSigner, file: &Path) -> Result<(), SyncError> {
    let mut tx = replica.pool.begin_with("BEGIN IMMEDIATE".into_sql_str()).await?;
    replica.profile.write(&mut tx).await?;
    sqlx::query(sql!("key_add"))
        .bind(i64::from(key_id))
        .bind(signer.public_key().0.as_slice())
        .bind(stored_path(&replica.path, file))
        .bind(SystemClock.now().0)
        .bind(None::<i64>)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Beside the database, so that the folder may be moved.
pub(crate) fn stored_path(database: &Path, file: &Path) -> String {
    let beside = database.parent().and_then(|folder| file.strip_prefix(folder).ok());
    beside.unwrap_or(file).to_string_lossy().into_owned()
}

async fn register(options: &InitOptions, secrets: &Secrets, key_id: u32, signer: &SeedSigner) -> Result<(), SyncError> {
    let body = keys::registration(&options.enrolment, key_id, signer);
    match (&options.token, &options.api_key) {
        (Some(token), _) => NewCredential::ensure(secrets)?.enrol(&options.url, &options.enrolment, token, body).await,
        (None, Some(api_key)) => {
            let remote = Remote::new(&options.url, Some(api_key.clone()))?;
            remote.post::<Value>("/api/v1/agents/keys", &body).await?;
            secret_file::replace(&secrets.credential(), api_key.reveal_text())
        },
        (None, None) => Err(SyncError::Usage(format!(
            "the agent's key must be registered: give a one-time token (--token, from POST \
             /api/v1/agents/{}/enrolment-tokens) or an API key that may register keys (STATESET_API_KEY)",
            options.enrolment.agent
        ))),
    }
}

/// An API key made here, of which the sequencer is told only the hash: so an answer that is lost costs nothing.
pub(crate) struct NewCredential {
    text: Zeroizing<String>,
    draft: PathBuf,
    place: PathBuf,
}

impl NewCredential {
    /// The one of an attempt whose answer was lost, or a new one.
    pub(crate) fn ensure(secrets: &Secrets) -> Result<Self, SyncError> {
        let (draft, place) = (secrets.new_credential(), secrets.credential());
        if !draft.exists() {
            let mut bytes = Zeroizing::new([0_u8; 40]);
            getrandom::fill(bytes.as_mut_slice())
                .map_err(|fault| SyncError::File { path: draft.clone(), source: std::io::Error::other(fault) })?;
            let (prefix, secret) = bytes.split_at(8);
            let prefix = const_hex::encode(prefix);
            let text = Zeroizing::new(format!("ss_{prefix}_{}", URL_SAFE_NO_PAD.encode(secret)));
            secret_file::create(&draft, &text)?;
        }
        let text = Zeroizing::new(secret_file::read(&draft)?.reveal_text().to_owned());
        Ok(Self { text, draft, place })
    }

    /// Spends the token: registers the agent's key and this credential.
    pub(crate) async fn enrol(
        &self,
        url: &Url,
        enrolment: &Enrolment,
        token: &Secret,
        mut body: Value,
    ) -> Result<(), SyncError> {
        let prefix = self.text.split('_').nth(1).ok_or_else(|| unreadable("the new credential"))?;
        body["apiKeyPrefix"] = json!(prefix);
        body["apiKeyHash"] = json!(Hash::of(&[self.text.as_bytes()]).to_hex());
        let remote = Remote::new(url, Some(token.clone()))?;
        match remote.post::<Value>("/api/v1/agents/enrol", &body).await {
            Ok(_) => {},
            // Spent, perhaps by an attempt of ours whose answer was lost: then the new credential is accepted already.
            Err(spent @ RemoteError::Refused { status: 401, .. }) => {
                let remote = Remote::new(url, Some(Secret::new(self.text.as_bytes())))?;
                let (tenant, store) = (enrolment.tenant.to_string(), enrolment.store.to_string());
                let query = [("tenant_id", tenant.as_str()), ("store_id", store.as_str())];
                match remote.get::<Value>("/api/v1/ves/head", &query).await {
                    Ok(_) => {},
                    Err(RemoteError::Refused { .. }) => return Err(spent.into()),
                    Err(error) => return Err(error.into()),
                }
            },
            Err(error) => return Err(error.into()),
        }
        secret_file::replace(&self.place, &self.text)?;
        std::fs::remove_file(&self.draft).map_err(|source| SyncError::File { path: self.draft.clone(), source })
    }
}
