//! The `outbox` command: ours, plain SQL and the incumbent crate, in turns, on one throw-away database server.
//!
//! [`writes`] are transactions, [`drain`] empties a full log, [`latency`] is one event at a time; [`incumbent`] has the
//! others' program do the same. [`session`] is the order of it all and what must hold.

mod arena;
mod drain;
mod event;
mod incumbent;
mod latency;
mod session;
mod table;
mod writes;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::conditions;
use crate::report::{self, Style};
use crate::stage::Postgres;
use arena::Arena;
use incumbent::Incumbent;
use session::Session;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The program of `benches/incumbent`, built with optimisation; unset: ours and plain SQL only.
    #[arg(long)]
    incumbent: Option<PathBuf>,
    /// Events of one round of the incumbent, separated by commas: its default, and what suits it better. Targets are
    /// judged against the first.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000], num_args = 1..)]
    incumbent_batch: Vec<u32>,
    /// Events that are drained.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=5_000_000))]
    events: u64,
    /// Seconds of one turn of a writer.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Turns that each writer has.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// Events whose latency is measured.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    samples: u64,
    /// Only these parts, separated by commas: commits, batches, drain, snapshot, kafka, latency; copy and agents, which
    /// are measured only if they are named.
    #[arg(long, value_delimiter = ',')]
    parts: Vec<String>,
    /// Most seconds to wait, before each measurement, for others on this machine to finish what they do.
    #[arg(long, default_value_t = 30)]
    patience: u64,
    /// How the programs were built, to be printed with the conditions.
    #[arg(long, default_value = "release")]
    label: String,
    /// Write tables for a Markdown document.
    #[arg(long)]
    markdown: bool,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }
}

/// Measures everything that was asked for and prints it.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    const PARTS: [&str; 8] = ["commits", "batches", "drain", "snapshot", "kafka", "latency", "copy", "agents"];
    for part in &options.parts {
        anyhow::ensure!(PARTS.contains(&part.as_str()), "there is no part {part:?}; there are {}", PARTS.join(", "));
    }
    let style = if options.markdown { Style::Markdown } else { Style::Plain };
    let mut conditions = conditions::of_any(&options.label);
    let incumbent = options.incumbent.as_ref().map(|program| -> anyhow::Result<Incumbent> {
        let program = program.canonicalize().with_context(|| format!("no program at {}", program.display()))?;
        Ok(Incumbent { program })
    });
    let incumbent = incumbent.transpose()?;
    let postgres = Postgres::start().await?;
    conditions.push(conditions::of_postgres(&postgres).await?);
    let other = if incumbent.is_some() {
        "outbox-postgres 0.3.0 with outbox-core 0.6.0, a program of its own".to_owned()
    } else {
        "not measured".to_owned()
    };
    conditions.push(("incumbent".to_owned(), other));
    conditions.push((
        "turns".to_owned(),
        format!("{} of {} s for each writer, one after the other", options.rounds, options.seconds),
    ));
    let arena = Arena { postgres, patience: Duration::from_secs(options.patience) };
    let mut session = Session { options: &options, arena: &arena, incumbent, table: table::Table::default() };
    let measured = session.all().await;
    report::print_conditions(&conditions, style);
    session.table.print(style);
    measured
}
