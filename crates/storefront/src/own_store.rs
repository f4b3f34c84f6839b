//! A shop takes the news of its own store: topics may carry those of others, whose orders have the same numbers.

use sqlx::Transaction;
use stateset_outbox::Scope;
use stateset_outbox::consumer::{Failure, Handler, Ignored, Incoming, Verdict};

use crate::dialect::Dialect;

/// Passes over what happened in another store.
pub(crate) struct OwnStore<H> {
    own: Scope,
    handler: H,
}

impl<H> OwnStore<H> {
    pub(crate) fn new(own: Scope, handler: H) -> Self {
        Self { own, handler }
    }
}

impl<DB: Dialect, H: Handler<DB>> Handler<DB> for OwnStore<H> {
    type State = H::State;

    async fn read(&self, tx: &mut Transaction<'static, DB>, event: &Incoming) -> Result<H::State, Failure> {
        self.handler.read(tx, event).await
    }

    fn judge(&self, state: &H::State, event: &Incoming) -> Verdict<H::State> {
        if event.scope == self.own { self.handler.judge(state, event) } else { Verdict::Ignore(Ignored::NotOurs) }
    }

    async fn apply(&self, tx: &mut Transaction<'static, DB>, next: H::State, event: &Incoming) -> Result<(), Failure> {
        self.handler.apply(tx, next, event).await
    }
}
