//! Reading the log again.

use crate::delivery::{LoggedEvent, read_event};
use crate::draft::Entity;
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{args, fetch, statement};

/// Which events of the scope. All that is given must hold; the default is every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayFilter {
    /// Behind this place in the log: 0, then the last one of the page before.
    pub after: i64,
    /// `order.created`, `product.*`.
    pub type_glob: Option<String>,
    /// What they belong to across services.
    pub correlation_id: Option<String>,
    /// What they are about.
    pub entity: Option<Entity>,
    /// The root they belong to.
    pub order_key: Option<String>,
    /// Written at or after, microseconds since 1970 UTC.
    pub since: Option<i64>,
    /// Written before, microseconds since 1970 UTC.
    pub until: Option<i64>,
}

impl<DB: Engine> Outbox<DB> {
    /// The next events of this scope that match, in the order of the log, at most `most`. A full page is followed by
    /// another: ask again with `after` at its last event. Changes nothing.
    ///
    /// A transaction that is still open may add events before the last one of a page; for delivering, use a cursor.
    pub async fn events_for_replay(&self, filter: &ReplayFilter, most: u16) -> Result<Vec<LoggedEvent>, sqlx::Error> {
        let entity = filter.entity.as_ref();
        let mut args = args![self.scope.tenant, self.scope.store, filter.after, filter.type_glob.as_ref()];
        args.extend(args![filter.correlation_id.as_ref(), entity.map(|it| &it.kind), entity.map(|it| &it.id)]);
        args.extend(args![filter.order_key.as_ref(), filter.since, filter.until, most]);
        let mut tx = self.begin().await?;
        let rows = fetch::<DB>(&mut tx, &self.schema, statement!("events_for_replay"), args).await?;
        rows.into_iter().map(|mut row| read_event(&mut row)).collect()
    }
}
