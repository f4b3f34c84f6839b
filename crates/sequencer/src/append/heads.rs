//! Stream heads in memory, so that a flush starts with no query. The store refuses an append onto a head that is not the
//! stored one, so an old head costs a round trip and never an error.

use std::collections::HashMap;

use stateset_ledger::id::{Micros, Scope, TenantId};
use stateset_store::stream::OpenStream;
use stateset_store::{Store, StoreError};

/// Heads kept at most: a hot head holds up to 16 KB of tile tails.
const MAX_HEADS: usize = 2_048;

#[derive(Default)]
pub(super) struct Heads {
    open: HashMap<Scope, OpenStream>,
}

impl Heads {
    /// Takes the heads of `scopes` out of the cache, from the store where they are missing; in the order asked.
    pub(super) async fn take(
        &mut self,
        store: &dyn Store,
        scopes: &[Scope],
        now: Micros,
    ) -> Result<Vec<OpenStream>, StoreError> {
        let missing: Vec<Scope> = scopes.iter().filter(|scope| !self.open.contains_key(scope)).copied().collect();
        if !missing.is_empty() {
            for stream in store.open_streams(&missing, now).await? {
                self.open.insert(stream.scope, stream);
            }
        }
        scopes
            .iter()
            .map(|scope| self.open.remove(scope).ok_or_else(|| StoreError::corrupt("an opened stream is missing")))
            .collect()
    }

    /// Puts a head back that is known to be the stored one.
    pub(super) fn put(&mut self, stream: OpenStream) {
        if self.open.len() >= MAX_HEADS {
            self.open.clear();
        }
        self.open.insert(stream.scope, stream);
    }

    /// Notes that the key stream of `tenant` has grown to `size`.
    pub(super) fn key_stream_grew(&mut self, tenant: TenantId, size: u64) {
        for stream in self.open.values_mut().filter(|stream| stream.scope.tenant == tenant) {
            if let Some((_, known)) = &mut stream.key_stream {
                *known = size.max(*known);
            }
        }
    }

    /// Forgets everything, after a write of unknown outcome.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}
