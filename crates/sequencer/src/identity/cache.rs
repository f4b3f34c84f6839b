//! Minted keys in memory, for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stateset_ledger::id::Micros;
use stateset_store::api_key::ApiKey;
use stateset_store::{Store, StoreError};

use super::{Credential, credential_of};

/// How long after a revocation another process may still accept the key, in microseconds. This process forgets it at once.
pub const REVOCATION_BOUND: i64 = 2_000_000;
/// Keys remembered at most; beyond it the cache starts over, which costs one query per key in use.
const MAX_KEYS: usize = 10_000;

/// A key as it was when it was read.
pub(super) struct Known {
    pub(super) key: ApiKey,
    pub(super) credential: Arc<Credential>,
    read_at: Micros,
}

/// Only keys that exist are remembered, so strangers cannot fill it.
#[derive(Default)]
pub(super) struct KeyCache(Mutex<State>);

#[derive(Default)]
struct State {
    known: HashMap<String, Arc<Known>>,
    /// Grows with every [`KeyCache::forget`]: what was read before one is not remembered after it.
    forgotten: u64,
}

impl KeyCache {
    pub(super) async fn get(
        &self,
        store: &dyn Store,
        prefix: &str,
        now: Micros,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        let forgotten = {
            let state = self.lock();
            if let Some(known) = state.known.get(prefix)
                && (known.read_at.0..known.read_at.0.saturating_add(REVOCATION_BOUND)).contains(&now.0)
            {
                return Ok(Some(Arc::clone(known)));
            }
            state.forgotten
        };
        let Some(key) = store.api_key(prefix).await? else { return Ok(None) };
        let known = Arc::new(Known { credential: Arc::new(credential_of(&key)), key, read_at: now });
        let mut state = self.lock();
        if state.forgotten == forgotten {
            if state.known.len() >= MAX_KEYS {
                state.known.clear();
            }
            state.known.insert(prefix.to_owned(), Arc::clone(&known));
        }
        Ok(Some(known))
    }

    pub(super) fn forget(&self, prefix: &str) {
        let mut state = self.lock();
        state.known.remove(prefix);
        state.forgotten += 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
