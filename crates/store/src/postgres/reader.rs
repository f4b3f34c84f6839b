//! Reads of one tenant, to which the database shows nothing else.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use stateset_ledger::id::TenantId;

use super::{PostgresStore, store_error};
use crate::error::StoreError;
use crate::tenancy;

/// Whether this login may act as `stateset_api`, and whether row security does not hold for it. Asked once.
const ISOLATION: &str = "SELECT coalesce((SELECT pg_has_role(current_user, r.oid, \
                             CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) \
                         FROM pg_roles AS r WHERE r.rolname = 'stateset_api'), false) \
           AND EXISTS (SELECT FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'of_api'), \
           (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles AS r WHERE r.rolname = current_user)";

/// How the database keeps tenants apart for this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Reads of a tenant run as `stateset_api`, which sees that tenant's rows only.
    Role,
    /// There is no such role for this server's login. The policies hold for the login itself while a tenant is named.
    Setting,
    /// Neither: the login is a superuser, or bypasses row security.
    None,
}

/// A connection for one read.
pub(super) enum Reader {
    /// Of a task, for all tenants.
    All(sqlx::pool::PoolConnection<Postgres>),
    /// Of a request, for one. Ends with the value, which nobody waits for.
    One(Transaction<'static, Postgres>),
}

impl Reader {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::All(connection) => connection,
            Self::One(transaction) => transaction,
        }
    }
}

impl PostgresStore {
    /// What keeps tenants apart, as the database says.
    pub async fn isolation(&self) -> Result<Isolation, StoreError> {
        let found = self
            .isolation
            .get_or_try_init(async || {
                let (role, bypasses): (bool, bool) =
                    sqlx::query_as(ISOLATION).fetch_one(&self.pool).await.map_err(store_error)?;
                Ok::<_, StoreError>(match (role, bypasses) {
                    (true, _) => Isolation::Role,
                    (false, false) => Isolation::Setting,
                    (false, true) => Isolation::None,
                })
            })
            .await?;
        Ok(*found)
    }

    /// A connection that sees what the work at hand may see ([`tenancy::tenant`]).
    pub(super) async fn reader(&self) -> Result<Reader, StoreError> {
        match tenancy::tenant() {
            None => self.pool.acquire().await.map(Reader::All).map_err(store_error),
            Some(tenant) => {
                let begin = begin(tenant, self.isolation().await?);
                self.pool.begin_with(AssertSqlSafe(begin)).await.map(Reader::One).map_err(store_error)
            },
        }
    }

    /// All rows of a read.
    pub(super) async fn rows(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, StoreError> {
        query.fetch_all(self.reader().await?.connection()).await.map_err(store_error)
    }

    /// The row of a read that finds one at most.
    pub(super) async fn row(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Option<PgRow>, StoreError> {
        query.fetch_optional(self.reader().await?.connection()).await.map_err(store_error)
    }
}

/// One round trip. Both settings end with the transaction, so no later user of the connection inherits them.
fn begin(tenant: TenantId, isolation: Isolation) -> String {
    let role = if isolation == Isolation::Role { "; SET LOCAL ROLE stateset_api" } else { "" };
    format!("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL stateset.tenant = '{tenant}'{role}")
}
