//! The contract on both engines: the order of statements is written here once, the statements are under `sql/`.

mod lanes;
mod leases;
mod maintain;
mod operate;
mod register;
mod rollups;
mod settle;

pub(crate) use operate::{ClosedBy, close_letter};
pub(crate) use register::read_destinations;

use std::sync::Arc;
use std::time::Duration;

use sqlx::Transaction;
use sqlx::pool::PoolConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    BoxFuture, Breaker, Chunk, Counts, CursorRow, CursorState, DeliveryError, DeliveryStore, Destination, Heartbeat,
    Lane, Lease, LogFault, LoggedEvent, ParkedLane, RebaseFrom, Registration, Rollup, Settlement, WaitingDelivery,
    read_event,
};
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{self, Arg, Cells, Statement, args, micros, statement};

impl<DB: Engine> Outbox<DB> {
    /// What delivers this outbox's log. Woken by every clone of this handle, and by other processes.
    ///
    /// It sees every tenant: with row-level security, give it the pool of a role that the policies let see all.
    pub fn deliveries(&self) -> Arc<dyn DeliveryStore> {
        Arc::new(Deliveries { outbox: self.clone(), listener: Mutex::new(DB::Listener::default()) })
    }
}

/// The tables of one outbox.
struct Deliveries<DB: Engine> {
    outbox: Outbox<DB>,
    listener: Mutex<DB::Listener>,
}

impl From<sqlx::Error> for DeliveryError {
    fn from(error: sqlx::Error) -> Self {
        if crate::outbox::is_retryable(&error) {
            return Self::Conflict;
        }
        match &error {
            sqlx::Error::Database(fault) => {
                let code = fault.code().unwrap_or_default();
                // undefined table, column, function, schema; SQLite's generic error; constraints of our own tables
                let ours = ["42", "3F", "22", "23"].iter().any(|class| code.len() == 5 && code.starts_with(class));
                if ours || code == "1" { Self::Corrupt(error) } else { Self::Unavailable(error) }
            },
            sqlx::Error::Decode(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::TypeNotFound { .. } => Self::Corrupt(error),
            _ => Self::Unavailable(error),
        }
    }
}

impl<DB: Engine> Deliveries<DB> {
    async fn acquire_connection(&self) -> Result<PoolConnection<DB>, DeliveryError> {
        Ok(self.outbox.pool.acquire().await?)
    }

    async fn begin(&self) -> Result<Transaction<'static, DB>, DeliveryError> {
        Ok(self.outbox.pool.begin_with(sqlx::SqlSafeStr::into_sql_str(DB::BEGIN_DELIVERY)).await?)
    }

    async fn fetch(&self, statement: Statement, args: Vec<Arg>) -> Result<Vec<Cells>, DeliveryError> {
        let mut connection = self.acquire_connection().await?;
        Ok(sql::fetch::<DB>(&mut connection, &self.outbox.schema, statement, args).await?)
    }

    /// Runs a statement in a transaction and gives how many rows it changed.
    async fn change(
        &self,
        tx: &mut Transaction<'static, DB>,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<u64, DeliveryError> {
        Ok(sql::execute::<DB>(tx, &self.outbox.schema, statement, args).await?)
    }

    /// Runs a statement in a transaction and gives its one row, if there is one.
    async fn row(
        &self,
        tx: &mut Transaction<'static, DB>,
        statement: Statement,
        args: Vec<Arg>,
    ) -> Result<Option<Cells>, DeliveryError> {
        Ok(sql::fetch_optional::<DB>(tx, &self.outbox.schema, statement, args).await?)
    }

    async fn read_chunk(&self, lease: &Lease, most: u16) -> Result<Chunk, DeliveryError> {
        let mut connection = self.acquire_connection().await?;
        let schema = &self.outbox.schema;
        let args = args![lease.destination, lease.shard_group, lease.epoch];
        let cursor = sql::fetch_optional::<DB>(&mut connection, schema, statement!("cursor"), args).await?;
        let Some(mut row) = cursor else { return Err(DeliveryError::LeaseLost) };
        let state = CursorState {
            log_epoch: row.int()?,
            row: CursorRow { prev: row.text()?, cur: row.opt_text()?, last_id: row.int()?, redeliver_from: row.int()? },
            redeliver_upto: row.int()?,
        };
        if row.flag()? {
            return Err(LogFault::Standby.into());
        }
        if row.flag()? {
            let evidence = "a cursor is ahead of the database's transactions".to_owned();
            return Err(LogFault::Restored { evidence }.into());
        }
        Ok(DB::poll(&mut connection, schema, lease, state, most.max(1)).await?)
    }

    async fn read_events(&self, log_ids: &[i64]) -> Result<Vec<LoggedEvent>, DeliveryError> {
        let list = serde_json::to_string(log_ids).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let rows = self.fetch(statement!("events"), args![list]).await?;
        Ok(rows.into_iter().map(|mut row| read_event(&mut row)).collect::<Result<_, _>>()?)
    }

    /// One of all waiters listens for the others.
    async fn wait_for_hint(&self, most: Duration) -> Result<(), DeliveryError> {
        let hint = &self.outbox.hint;
        let others = async {
            if !hint.listens() {
                return std::future::pending().await;
            }
            let Ok(mut listener) = self.listener.try_lock() else { return std::future::pending().await };
            DB::listen(&self.outbox.pool, &self.outbox.schema, &mut listener, most).await?;
            hint.wake_local();
            Ok::<(), sqlx::Error>(())
        };
        tokio::select! {
            () = hint.woken() => Ok(()),
            heard = others => Ok(heard?),
            () = tokio::time::sleep(most) => Ok(()),
        }
    }
}

impl<DB: Engine> DeliveryStore for Deliveries<DB> {
    fn register<'a>(&'a self, registration: &'a Registration) -> BoxFuture<'a, Destination> {
        Box::pin(self.register_destination(registration))
    }

    fn destinations(&self) -> BoxFuture<'_, Vec<Destination>> {
        Box::pin(self.read_destinations())
    }

    fn acquire<'a>(
        &'a self,
        destination: i32,
        worker: &'a str,
        lease: Duration,
        most: u16,
    ) -> BoxFuture<'a, Vec<Lease>> {
        Box::pin(self.acquire_leases(destination, worker, lease, most))
    }

    fn renew<'a>(&'a self, heartbeats: &'a [Heartbeat], lease: Duration) -> BoxFuture<'a, Vec<Lease>> {
        Box::pin(self.renew_leases(heartbeats, lease))
    }

    fn release<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, ()> {
        Box::pin(self.release_leases(leases))
    }

    fn workers(&self, destination: i32) -> BoxFuture<'_, Vec<(String, u16)>> {
        Box::pin(self.lease_owners(destination))
    }

    fn poll<'a>(&'a self, lease: &'a Lease, most: u16) -> BoxFuture<'a, Chunk> {
        Box::pin(self.read_chunk(lease, most))
    }

    fn parked<'a>(&'a self, lease: &'a Lease, after: Option<&'a Lane>, most: u16) -> BoxFuture<'a, Vec<ParkedLane>> {
        Box::pin(self.parked_lanes(lease, after, most))
    }

    fn due<'a>(&'a self, lease: &'a Lease, most: u16) -> BoxFuture<'a, Vec<ParkedLane>> {
        Box::pin(self.due_lanes(lease, most))
    }

    fn next_due<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Option<Duration>> {
        Box::pin(self.next_due_lane(lease))
    }

    fn waiting<'a>(&'a self, lease: &'a Lease, lane: &'a Lane, most: u16) -> BoxFuture<'a, Vec<WaitingDelivery>> {
        Box::pin(self.waiting_deliveries(lease, lane, most))
    }

    fn settle<'a>(&'a self, lease: &'a Lease, settlement: &'a Settlement) -> BoxFuture<'a, ()> {
        Box::pin(self.commit_settlement(lease, settlement))
    }

    fn breaker(&self, destination: i32) -> BoxFuture<'_, Breaker> {
        Box::pin(self.read_breaker(destination))
    }

    fn set_breaker<'a>(&'a self, breaker: &'a Breaker) -> BoxFuture<'a, bool> {
        Box::pin(self.store_breaker(breaker))
    }

    fn counts(&self, destination: i32) -> BoxFuture<'_, Counts> {
        Box::pin(self.count(destination))
    }

    fn events<'a>(&'a self, log_ids: &'a [i64]) -> BoxFuture<'a, Vec<LoggedEvent>> {
        Box::pin(self.read_events(log_ids))
    }

    fn redrive<'a>(&'a self, dead_letter: Uuid, actor: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(self.redrive_letter(dead_letter, actor))
    }

    fn discard<'a>(&'a self, dead_letter: Uuid, reason: &'a str, actor: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(self.discard_letter(dead_letter, reason, actor))
    }

    fn check_log(&self) -> BoxFuture<'_, Option<LogFault>> {
        Box::pin(self.find_log_fault())
    }

    fn rebase(&self, from: RebaseFrom) -> BoxFuture<'_, ()> {
        Box::pin(self.begin_again(from))
    }

    fn collect(&self, keep: Duration, most: u32) -> BoxFuture<'_, u64> {
        Box::pin(self.collect_finished(keep, most))
    }

    fn record_rollups<'a>(&'a self, rollups: &'a [Rollup], keep: Duration) -> BoxFuture<'a, ()> {
        Box::pin(self.put_rollups(rollups, keep))
    }

    fn rollups(&self, window: Duration) -> BoxFuture<'_, Vec<Rollup>> {
        Box::pin(self.read_rollups(window))
    }

    fn wait(&self, most: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.wait_for_hint(most))
    }
}

/// What is left of a time; zero if it is past.
fn left(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
