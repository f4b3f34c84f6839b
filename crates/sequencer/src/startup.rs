//! What a start needs before anything listens: keys and the data directory's lock.
//!
//! On the embedded database a first start makes its own keys, readable by their owner only, and says where they are. On
//! PostgreSQL nothing is invented.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stateset_ledger::id::TenantId;

use crate::clock::random;
use crate::config::{Config, Database, EncryptionMode};
use crate::identity::Access;
use crate::keyring::Keyring;

/// Name of the embedded database in the data directory.
pub const DATABASE_FILE: &str = "sequencer.db";
const PAYLOAD_KEY_FILE: &str = "payload.key";

/// Keys the server runs with.
pub struct Secrets {
    /// Who may call without a minted key or a token.
    pub access: Access,
    /// Ed25519 seed.
    pub signing_seed: [u8; 32],
    /// The current one first; none: payloads are stored in the clear.
    pub payload_keys: Vec<[u8; 32]>,
    /// Rings of tenants that have their own.
    pub tenant_keys: HashMap<TenantId, Vec<[u8; 32]>>,
    /// Files made by this start.
    pub created: Vec<PathBuf>,
}

/// Holds the data directory for this process.
pub struct DataDir {
    /// The directory.
    pub path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if need be and locks it; a second process is told who holds it.
    pub fn lock(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot create the data directory {}", path.display()))?;
        restrict(path, 0o700)?;
        let file = path.join("lock");
        let mut lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&file)?;
        match lock.try_lock() {
            Ok(()) => {},
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                lock.read_to_string(&mut owner).ok();
                anyhow::bail!(
                    "the data directory {} is in use by process {}; stop it, or set STATESET_DATA_DIR to another one",
                    path.display(),
                    owner.trim()
                );
            },
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the data directory"),
        }
        lock.set_len(0)?;
        write!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

/// The keys from the configuration, completed on the embedded database by files of the data directory.
pub fn secrets(config: &Config, data_dir: &Path) -> anyhow::Result<Secrets> {
    let mut created = Vec::new();
    let embedded = config.database == Database::Embedded;
    let mut stored_key = |name: &str| -> anyhow::Result<[u8; 32]> {
        let text = stored_secret(data_dir, name, &mut created)?;
        let mut key = [0; 32];
        const_hex::decode_to_slice(text.trim(), &mut key)
            .with_context(|| format!("{} must hold 64 hexadecimal digits", data_dir.join(name).display()))?;
        Ok(key)
    };
    let signing_seed = match config.signing_seed {
        Some(seed) => seed,
        None => stored_key("signing.key")?,
    };
    let payload_keys = match config.encryption {
        EncryptionMode::Disabled => Vec::new(),
        EncryptionMode::Required if embedded && config.payload_keys.is_empty() => vec![stored_key(PAYLOAD_KEY_FILE)?],
        EncryptionMode::Required | EncryptionMode::Optional => config.payload_keys.clone(),
    };
    let tenant_keys = match config.encryption {
        EncryptionMode::Disabled => HashMap::new(),
        EncryptionMode::Required | EncryptionMode::Optional => config.tenant_keys.clone(),
    };
    let access = match &config.bootstrap_key {
        _ if !config.auth_required => Access::Open,
        Some(key) => Access::Key(key.clone()),
        // On PostgreSQL there are tokens then: the configuration was checked.
        None if config.without_bootstrap || !embedded => Access::Minted,
        None => Access::Key(stored_secret(data_dir, "admin.key", &mut created)?.trim().to_owned()),
    };
    Ok(Secrets { access, signing_seed, payload_keys, tenant_keys, created })
}

/// The payload keys that a server with this configuration would use, as far as they are there already.
pub fn existing_payload_keys(config: &Config) -> anyhow::Result<Vec<[u8; 32]>> {
    if !config.payload_keys.is_empty() || config.database != Database::Embedded {
        return Ok(config.payload_keys.clone());
    }
    let path = config.data_dir.join(PAYLOAD_KEY_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut key = [0; 32];
    const_hex::decode_to_slice(text.trim(), &mut key)
        .with_context(|| format!("{} must hold 64 hexadecimal digits", path.display()))?;
    Ok(vec![key])
}

impl Secrets {
    /// The payload keys at work.
    pub fn keyring(&self) -> Keyring {
        Keyring::new(self.payload_keys.clone()).with_tenants(self.tenant_keys.clone())
    }
}

/// Reads a secret of the data directory, making it on the first start.
fn stored_secret(data_dir: &Path, name: &str, created: &mut Vec<PathBuf>) -> anyhow::Result<String> {
    let path = data_dir.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {},
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let secret = const_hex::encode(random::<32>());
    write_durably(&path, &secret)?;
    created.push(path);
    Ok(secret)
}

/// Writes a small file so that after a crash it is either whole or absent.
pub fn write_durably(path: &Path, text: &str) -> anyhow::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&draft)?;
    restrict(&draft, 0o600)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set permissions of {}", path.display()))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> anyhow::Result<()> {
    Ok(())
}
