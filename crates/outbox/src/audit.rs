//! Who changed what, and why. Written in the transaction of the change; nothing changes it afterwards.

use sqlx::Database;
use uuid::Uuid;

use crate::engine::Engine;
use crate::read::{ReadError, Reader};
use crate::schema::Schema;
use crate::scope::Scope;
use crate::sql::{Cells, args, execute, fetch_composed, statement};

/// A change to be recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) job: Option<Uuid>,
}

impl Entry {
    pub(crate) async fn add<DB: Engine>(
        self,
        connection: &mut <DB as Database>::Connection,
        schema: &Schema,
        scope: Scope,
    ) -> Result<(), sqlx::Error> {
        let mut args = args![scope.tenant, scope.store, self.actor, self.action, self.subject, self.before, self.after];
        args.extend(args![self.reason, self.job]);
        execute::<DB>(connection, schema, statement!("audit_add"), args).await?;
        Ok(())
    }
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Grows with time.
    pub id: i64,
    /// When, microseconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// `dead_letter.redriven`, `dead_letter.discarded`, `delivery.acknowledged`, `job.planned`, `job.applied`,
    /// `job.paused`, `job.aborted`, `job.done`, `job.failed`, `key.created`, `key.reset`, `breaker.closed`, `breaker.opened`,
    /// `subject.erased`.
    pub action: String,
    /// What: a kind, a colon, its id.
    pub subject: String,
    /// What it was.
    pub before: Option<String>,
    /// What it became.
    pub after: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The job it was a part of.
    pub job: Option<Uuid>,
}

/// Which changes. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By whom.
    pub actor: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// To this.
    pub subject: Option<String>,
    /// In this job.
    pub job: Option<Uuid>,
    /// At or after, microseconds since 1970 UTC.
    pub since: Option<i64>,
    /// Before, microseconds since 1970 UTC.
    pub until: Option<i64>,
}

impl<DB: Engine> Reader<DB> {
    /// Changes that match, the newest first, before `cursor` (the id of the last one of the page before).
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        cursor: Option<i64>,
        limit: u16,
    ) -> Result<Vec<AuditEntry>, ReadError> {
        let mut tx = self.outbox.begin_read().await?;
        let on = [
            ("actor", filter.actor.is_some()),
            ("action", filter.action.is_some()),
            ("subject", filter.subject.is_some()),
            ("job", filter.job.is_some()),
            ("since", filter.since.is_some()),
            ("until", filter.until.is_some()),
        ];
        let on: Vec<&str> = on.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
        let scope = self.outbox.scope;
        let mut args = args![scope.tenant, scope.store, cursor.unwrap_or(i64::MAX), filter.actor.as_ref()];
        args.extend(args![filter.action.as_ref(), filter.subject.as_ref(), filter.job, filter.since, filter.until]);
        args.extend(args![limit.clamp(1, crate::read::PAGE)]);
        let rows = fetch_composed::<DB>(&mut tx, &self.outbox.schema, statement!("read_audit"), &on, args).await?;
        let read = |mut row: Cells| {
            Ok(AuditEntry {
                id: row.int()?,
                at: row.int()?,
                actor: row.text()?,
                action: row.text()?,
                subject: row.text()?,
                before: row.opt_text()?,
                after: row.opt_text()?,
                reason: row.opt_text()?,
                job: row.opt_id()?,
            })
        };
        Ok(rows.into_iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }
}
