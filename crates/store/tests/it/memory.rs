//! The suite on the oracle itself.

use stateset_store::memory::MemoryStore;

use crate::suite::{Factory, store_suite};

pub(crate) struct MemoryFactory(MemoryStore);

impl Factory for MemoryFactory {
    type Store = MemoryStore;

    async fn create() -> Self {
        Self(MemoryStore::new())
    }

    async fn open(&self) -> MemoryStore {
        self.0.clone()
    }
}

store_suite!(MemoryFactory);
