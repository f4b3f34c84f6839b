//! What the dashboard asks of the program that mounts it.

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::guard::Names;
use crate::place::Scope;

/// Who is looking, and what that permits. It decides what is offered; what is permitted is decided by the API, again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// What the visitor is called on the page: never a secret.
    pub name: String,
    /// The one tenant; `None`: all of them.
    pub tenant: Option<Uuid>,
    /// The stores it may see; `None`: all of its tenants.
    pub stores: Option<Vec<Uuid>>,
    /// Whether it may read events.
    pub read: bool,
    /// Whether it may write.
    pub write: bool,
    /// Whether it may administer.
    pub admin: bool,
}

impl Who {
    /// What it may do, in a word or three.
    pub fn permissions(&self) -> String {
        let held = [(self.read, "read"), (self.write, "write"), (self.admin, "admin")];
        let names: Vec<&str> = held.into_iter().filter_map(|(holds, name)| holds.then_some(name)).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    /// The one stream it can be about, if there is but one.
    pub fn only_stream(&self) -> Option<(Uuid, Uuid)> {
        match (self.tenant, self.stores.as_deref()) {
            (Some(tenant), Some([store])) => Some((tenant, *store)),
            _ => None,
        }
    }
}

/// Why a credential is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is not one that is accepted. Never says what was wrong with it.
    #[error("the key is not valid")]
    Credential,
    /// It could not be found out.
    #[error("the database is not available")]
    Unavailable,
}

/// The program around the dashboard.
pub trait Host: Send + Sync + 'static {
    /// Who has this API key, now: asked for every page, so that a revoked key ends every session it began.
    fn identify<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Who, Denied>>;

    /// Who everybody is, where nobody is asked for a credential.
    fn everybody(&self) -> Option<Who>;

    /// Under which names the pages are reached.
    fn names(&self) -> Names {
        Names::Any
    }

    /// The streams that `who` may see, the ones that grew last first, at most [`MAX_STREAMS`].
    fn streams<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<StreamLine>, Denied>>;
}

/// Most streams that the first page lists.
pub const MAX_STREAMS: u32 = 200;

/// A stream in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLine {
    /// Tenant and store.
    pub scope: Scope,
    /// Events in it.
    pub size: u64,
    /// Root of its tree, hexadecimal.
    pub root: String,
    /// When its newest event was sequenced, microseconds since 1970.
    pub last_at_us: Option<i64>,
}
