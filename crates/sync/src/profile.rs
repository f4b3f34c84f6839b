//! Whose machine this is, and where its secrets are.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use sqlx::{SqliteConnection, SqlitePool};
use stateset_ledger::id::{AgentId, Scope, StoreId, TenantId};
use url::Url;
use uuid::Uuid;

use crate::error::{SyncError, unreadable};
use crate::sql;

/// What `init` settled, for good but for the URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Where the sequencer is.
    #[serde(serialize_with = "as_text")]
    pub url: Url,
    /// Whose events.
    pub tenant: Uuid,
    /// Of which store.
    pub store: Uuid,
    /// Who writes here.
    pub agent: Uuid,
    /// Name of the head log, without which a checkpoint says nothing.
    pub log_origin: String,
    /// Name of the sequencer in receipts.
    pub sequencer_id: String,
}

fn as_text<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.as_str())
}

impl Profile {
    /// Tenant and store in the ledger's type.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(TenantId(self.tenant), StoreId(self.store))
    }

    /// The agent in the ledger's type.
    pub(crate) fn agent_id(&self) -> AgentId {
        AgentId(self.agent)
    }

    /// Reads it; `None` before `init`.
    pub(crate) async fn read(pool: &SqlitePool) -> Result<Option<Self>, SyncError> {
        let rows: Vec<(String, String)> = sqlx::query_as(sql!("settings")).fetch_all(pool).await?;
        let get = |name: &str| rows.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let Some(agent) = get("agent") else { return Ok(None) };
        let missing = |name: &str| unreadable(format!("the setting {name} is missing"));
        let need = |name: &str| get(name).ok_or_else(|| missing(name));
        Ok(Some(Self {
            url: need("url")?.parse().map_err(unreadable)?,
            tenant: need("tenant")?.parse().map_err(unreadable)?,
            store: need("store")?.parse().map_err(unreadable)?,
            agent: agent.parse().map_err(unreadable)?,
            log_origin: need("log_origin")?.to_owned(),
            sequencer_id: need("sequencer_id")?.to_owned(),
        }))
    }

    /// Writes it, in the transaction that also writes the first key.
    pub(crate) async fn write(&self, connection: &mut SqliteConnection) -> Result<(), SyncError> {
        for (name, value) in [
            ("url", self.url.to_string()),
            ("tenant", self.tenant.to_string()),
            ("store", self.store.to_string()),
            ("agent", self.agent.to_string()),
            ("log_origin", self.log_origin.clone()),
            ("sequencer_id", self.sequencer_id.clone()),
        ] {
            sqlx::query(sql!("setting_put")).bind(name).bind(value).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// Files beside the database.
#[derive(Clone, Debug)]
pub(crate) struct Secrets(PathBuf);

impl Secrets {
    /// Of the database at `path`.
    pub(crate) fn of(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push("-secrets");
        Self(PathBuf::from(name))
    }

    /// Makes the folder, for its owner only.
    pub(crate) fn create(&self) -> Result<(), SyncError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0).map_err(|source| SyncError::File { path: self.0.clone(), source })
    }

    /// The API key.
    pub(crate) fn credential(&self) -> PathBuf {
        self.0.join("api.key")
    }

    /// An API key of which it is not known yet whether the sequencer has taken it.
    pub(crate) fn new_credential(&self) -> PathBuf {
        self.0.join("api.key.enrolling")
    }

    /// The seed of a signing key.
    pub(crate) fn agent_key(&self, agent: Uuid, key_id: u32) -> PathBuf {
        self.0.join(format!("agent-{agent}-{key_id}.key"))
    }
}
