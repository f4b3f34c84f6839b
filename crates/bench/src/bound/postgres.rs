//! The bounds of PostgreSQL: binary `COPY` of a thousand rows per commit, and commits of a single row.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use sqlx::{Connection, PgConnection};
use stateset_testkit::postgres::{TestDatabase, TestPostgres};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::row::{self, CopyBlock, Row};
use super::{Bound, CLIENTS, ROWS_PER_COMMIT};
use crate::cells::BoundKind;
use crate::numbers::{micros_u64, per_second};

const TABLE: &str = "
    DROP TABLE IF EXISTS plain;
    CREATE TABLE plain (
        stream_no bigint NOT NULL, seq bigint NOT NULL, event_id uuid NOT NULL, version smallint NOT NULL,
        agent_id uuid NOT NULL, agent_key_id bigint, entity_type text COLLATE \"C\" NOT NULL,
        entity_id text COLLATE \"C\" NOT NULL, event_type text COLLATE \"C\" NOT NULL,
        created_at text COLLATE \"C\" NOT NULL, payload_form smallint NOT NULL, payload_hash bytea NOT NULL,
        cipher_hash bytea, content_hash bytea NOT NULL, seal bytea NOT NULL, command_id uuid, base_version bigint,
        order_key text COLLATE \"C\", correlation_id text COLLATE \"C\", annotations text COLLATE \"C\",
        sequenced_at bigint NOT NULL, receipt_key_id bigint, receipt_signature bytea, payload bytea NOT NULL,
        PRIMARY KEY (stream_no, seq)
    )";
/// What the server's table of events has beside its primary key.
const INDEXES: &str = "
    ALTER TABLE plain ADD UNIQUE (event_id, stream_no);
    CREATE INDEX ON plain (stream_no, entity_type, entity_id, seq);
    CREATE INDEX ON plain (stream_no, correlation_id, seq) WHERE correlation_id IS NOT NULL;
    CREATE INDEX ON plain (stream_no, order_key, seq) WHERE order_key IS NOT NULL";
/// The columns that are not null.
const INSERT: &str = "
    INSERT INTO plain (stream_no, seq, event_id, version, agent_id, agent_key_id, entity_type, entity_id, event_type,
                       created_at, payload_form, payload_hash, content_hash, seal, sequenced_at, payload)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const COPY: &str = "COPY plain FROM STDIN (FORMAT binary)";

/// What the rows are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    /// Nothing but the primary key.
    Bare,
    /// The indexes of the server's own table as well.
    Indexed,
}

/// A database of its own in the cluster that the server uses.
pub(crate) struct PostgresBounds {
    database: TestDatabase,
    /// Each run writes to streams that no earlier one wrote to.
    next_stream: AtomicI64,
}

impl PostgresBounds {
    pub(crate) async fn create(server: &TestPostgres) -> anyhow::Result<Self> {
        Ok(Self { database: server.create_database("bound").await?, next_stream: AtomicI64::new(1) })
    }

    pub(super) async fn measure(&self, kind: BoundKind, time: Duration) -> anyhow::Result<Bound> {
        match kind {
            // A server appends over one connection at a time, and keeps its table's indexes.
            BoundKind::Bulk => {
                let ceiling = self.run(Table::Bare, 2, time, copy_until).await?.rate;
                let equal = self.run(Table::Indexed, 1, time, copy_until).await?;
                Ok(Bound { ceiling: Some(ceiling), ..equal })
            },
            BoundKind::Commits => self.run(Table::Bare, CLIENTS, time, commit_until).await,
            BoundKind::LoneCommit => self.run(Table::Bare, 1, time, commit_until).await,
        }
    }

    async fn run<F, T>(&self, table: Table, connections: usize, time: Duration, act: F) -> anyhow::Result<Bound>
    where
        F: Fn(PgConnection, i64, Instant) -> T,
        T: Future<Output = anyhow::Result<Done>> + Send + 'static,
    {
        let mut admin = self.database.connect().await?;
        sqlx::raw_sql(TABLE).execute(&mut admin).await?;
        if table == Table::Indexed {
            sqlx::raw_sql(INDEXES).execute(&mut admin).await?;
        }
        let mut ready = Vec::new();
        for _ in 0..connections {
            ready.push(self.database.connect().await?);
        }
        let (begun, mut tasks) = (Instant::now(), JoinSet::new());
        for connection in ready {
            let stream = self.next_stream.fetch_add(1, Ordering::Relaxed);
            tasks.spawn(act(connection, stream, begun + time));
        }
        let mut total = Done::new()?;
        while let Some(done) = tasks.join_next().await {
            let Done { rows, commits } = done??;
            total.rows += rows;
            total.commits.add(commits)?;
        }
        let rate = per_second(total.rows, begun.elapsed());
        sqlx::raw_sql("DROP TABLE plain").execute(&mut admin).await?;
        admin.close().await?;
        let p50 = Duration::from_micros(total.commits.value_at_quantile(0.5));
        Ok(Bound { rate, p50, ceiling: None })
    }
}

struct Done {
    rows: u64,
    /// Microseconds of each commit.
    commits: Histogram<u64>,
}

impl Done {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { rows: 0, commits: Histogram::new(3)? })
    }

    fn record(&mut self, rows: u64, begun: Instant) -> anyhow::Result<()> {
        self.rows += rows;
        Ok(self.commits.record(micros_u64(begun.elapsed()))?)
    }
}

async fn copy_until(mut connection: PgConnection, stream: i64, end: Instant) -> anyhow::Result<Done> {
    let mut block = CopyBlock::new(stream, ROWS_PER_COMMIT);
    let (mut done, mut first) = (Done::new()?, 1);
    while Instant::now() < end {
        let begun = Instant::now();
        let mut copy = connection.copy_in_raw(COPY).await?;
        copy.send(block.starting_at(first)).await?;
        let rows = copy.finish().await?;
        done.record(rows, begun)?;
        first += i64::try_from(rows)?;
    }
    connection.close().await?;
    Ok(done)
}

async fn commit_until(mut connection: PgConnection, stream: i64, end: Instant) -> anyhow::Result<Done> {
    let (mut done, mut seq) = (Done::new()?, 1);
    while Instant::now() < end {
        let row = Row::new(stream, seq);
        let begun = Instant::now();
        let insert = sqlx::query(INSERT).bind(row.stream).bind(row.seq).bind(row.event_id).bind(row::VERSION);
        insert
            .bind(row.agent_id)
            .bind(row::KEY_ID)
            .bind(row::ENTITY_TYPE)
            .bind(row.entity_id)
            .bind(row::EVENT_TYPE)
            .bind(row::CREATED_AT)
            .bind(row::PAYLOAD_FORM)
            .bind(row.payload_hash)
            .bind(row.content_hash)
            .bind(row.seal)
            .bind(row::SEQUENCED_AT)
            .bind(row.payload)
            .execute(&mut connection)
            .await?;
        done.record(1, begun)?;
        seq += 1;
    }
    connection.close().await?;
    Ok(done)
}
