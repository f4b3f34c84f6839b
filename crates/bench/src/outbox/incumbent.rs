//! The incumbent crate, in a program of its own: its dependencies must not meet ours.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use stateset_testkit::postgres::TestDatabase;
use tokio::process::Command;

use super::arena::{Arena, Cost, OldSnapshot};
use super::drain::{Drained, changes};
use super::event::Tally;
use super::latency::Latency;

/// The program of `benches/incumbent`.
pub(super) struct Incumbent {
    pub(super) program: PathBuf,
}

/// What it prints.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    events: u64,
    /// Without starting the program and connecting.
    micros: u64,
    lost: u64,
    duplicated: u64,
    inverted: u64,
    p50_us: u64,
    p99_us: u64,
}

impl Incumbent {
    async fn run(&self, database: &TestDatabase, arguments: &[String]) -> anyhow::Result<Answer> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("DATABASE_URL", database.url()).kill_on_drop(true);
        let output = command.output().await.with_context(|| format!("{} does not run", self.program.display()))?;
        ensure!(output.status.success(), "the incumbent failed: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("the incumbent's answer")
    }

    async fn measured(
        &self,
        arena: &Arena,
        database: &TestDatabase,
        call: &[String],
    ) -> anyhow::Result<(Cost, Answer)> {
        let meter = arena.meter()?;
        let answer = self.run(database, call).await?;
        let mut cost = arena.read(&meter, answer.events)?;
        cost.elapsed = Duration::from_micros(answer.micros);
        Ok((cost, answer))
    }

    pub(super) async fn set_up(&self, database: &TestDatabase) -> anyhow::Result<()> {
        self.run(database, &words(["schema"])).await.map(drop)
    }

    /// As many transactions of `batch` events as `clients` do in `time`.
    pub(super) async fn write(
        &self,
        arena: &Arena,
        database: &TestDatabase,
        (clients, batch): (usize, u64),
        time: Duration,
    ) -> anyhow::Result<Cost> {
        let call = words(["write", &clients.to_string(), &batch.to_string(), &time.as_millis().to_string()]);
        Ok(self.measured(arena, database, &call).await?.0)
    }

    pub(super) async fn drain(
        &self,
        arena: &Arena,
        events: u64,
        (workers, batch): (u16, u32),
        old_snapshot: bool,
    ) -> anyhow::Result<Drained> {
        let (database, pool) = arena.database("incumbent").await?;
        self.set_up(&database).await?;
        let old = if old_snapshot { Some(OldSnapshot::take(&database).await?) } else { None };
        self.run(&database, &words(["load", &events.to_string()])).await?;
        sqlx::raw_sql("ANALYZE").execute(&pool).await?;
        arena.settle().await?;
        let call = words(["drain", &workers.to_string(), &events.to_string(), &batch.to_string()]);
        let (cost, answer) = self.measured(arena, &database, &call).await?;
        pool.close().await;
        if let Some(old) = old {
            old.release().await?;
        }
        let (changed, dead) = changes(&database).await?;
        let tally = Tally { lost: answer.lost, duplicated: answer.duplicated, inverted: answer.inverted };
        Ok(Drained { cost, tally, changed, dead })
    }

    pub(super) async fn latency(&self, arena: &Arena, samples: u64) -> anyhow::Result<Latency> {
        let (database, _pool) = arena.database("incumbent").await?;
        self.set_up(&database).await?;
        arena.settle().await?;
        let answer = self.run(&database, &words(["latency", &samples.to_string()])).await?;
        Ok(Latency { p50: Duration::from_micros(answer.p50_us), p99: Duration::from_micros(answer.p99_us) })
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
