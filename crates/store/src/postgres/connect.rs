//! Connections: a pool for everything but appends, one tuned connection for those.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::sync::{Mutex, OnceCell};

use super::{PostgresStore, store_error};
use crate::error::StoreError;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is checked before use; a busy one is known to work.
const TRUST_IDLE: Duration = Duration::from_secs(1);

impl PostgresStore {
    /// Prepares a pool of at most `max_connections` (one of them is the appender's); connects on first use, so that the
    /// service can start before its database.
    ///
    /// # Errors
    /// A `url` that cannot be understood.
    pub fn new(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(StoreError::unavailable)?
            .application_name("stateset-sequencer")
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections.saturating_sub(1).max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(commit_durably(connection)))
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUST_IDLE {
                        sqlx::Connection::ping(connection).await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Self { pool, appender: Mutex::new(None), options, isolation: OnceCell::new() })
    }

    /// `synchronous_commit` as it is in force for appends and for everything else.
    pub async fn commit_settings(&self) -> Result<[String; 2], StoreError> {
        const SHOW: &str = "SHOW synchronous_commit";
        let mut appender = self.connect_appender().await?;
        let appends = sqlx::query_scalar(SHOW).fetch_one(&mut appender).await.map_err(store_error)?;
        Ok([appends, sqlx::query_scalar(SHOW).fetch_one(&self.pool).await.map_err(store_error)?])
    }

    /// A connection for appends. A plan made while a table was empty would scan it for ever after, so the generic plan over
    /// the unique index is forced and everything that could tempt the planner away is off.
    pub(super) async fn connect_appender(&self) -> Result<PgConnection, StoreError> {
        let connect = self.options.clone().options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "60s"),
        ]);
        let connect = async {
            let mut connection = connect.connect().await?;
            commit_durably(&mut connection).await?;
            Ok(connection)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connect).await.map_err(StoreError::unavailable)?.map_err(store_error)
    }
}

/// An answer means durable, whatever the database's or the role's default says. Stronger settings are left alone.
async fn commit_durably(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    const COMMIT_DURABLY: &str = "SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local')";
    sqlx::query(COMMIT_DURABLY).execute(connection).await?;
    Ok(())
}
