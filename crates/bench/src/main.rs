//! `stateset-bench`: what the sequencer and the outbox cost, as ratios to what the database can do by itself.
//!
//! - `ingest` drives the real server with requests made and signed beforehand, and measures the raw database in
//!   the same minutes through the same driver, so that a result means something on another machine.
//! - `proofs` times commitments and inclusion proofs on a long stream.
//! - `reads` times what people and pages ask of an outbox with many events.
//! - `sync` lets an agent's machine push and pull, beside a client that checks nothing.
//! - `outbox` measures the outbox and the relay, hand-written SQL and the incumbent crate, in turns on one database.
//!
//! It builds nothing: it is given an optimised server. Where to start reading: [`cells`] is the table of what is
//! measured and what must hold, [`ingest`] the order of events, [`load`] the clients, [`bound`] the raw database.
//! To measure one more shape, add a line to [`cells`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod bound;
mod cells;
mod conditions;
mod cpu;
mod event;
mod ingest;
mod judge;
mod load;
mod numbers;
mod outbox;
mod proofs;
mod reads;
mod report;
mod stage;
mod sync;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "stateset-bench", version, about = "What the sequencer costs, as ratios")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Load the ingest routes and the raw database in turns.
    Ingest(ingest::Options),
    /// Time commitments and inclusion proofs on a long stream.
    Proofs(proofs::Options),
    /// Write and drain events through the outbox, the incumbent crate and plain SQL, in turns.
    Outbox(outbox::Options),
    /// Ask an outbox with many events everything that its users ask.
    Reads(reads::Options),
    /// Write, push and pull as an agent's machine does that was offline for long.
    Sync(sync::Options),
}

/// Which server is measured.
#[derive(Args, Debug)]
struct ServerOptions {
    /// The optimised server; unset: `stateset-sequencer` beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// How the programs were built, to be printed with the conditions.
    #[arg(long, default_value = "release")]
    label: String,
}

impl ServerOptions {
    fn path(&self) -> anyhow::Result<PathBuf> {
        let path = match &self.server {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("stateset-sequencer"),
        };
        existing(&path)
    }
}

/// Absolute, because the server is started in a folder of its own.
fn existing(path: &std::path::Path) -> anyhow::Result<PathBuf> {
    let path = path.canonicalize().with_context(|| {
        format!("no server at {}: run `cargo build --release -p stateset-sequencer`, or name it", path.display())
    })?;
    ensure!(path.is_file(), "{} is not a program", path.display());
    Ok(path)
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Ingest(options) => Box::pin(ingest::run(options)).await,
            Command::Proofs(options) => Box::pin(proofs::run(options)).await,
            Command::Outbox(options) => Box::pin(outbox::run(options)).await,
            Command::Reads(options) => Box::pin(reads::run(options)).await,
            Command::Sync(options) => Box::pin(sync::run(options)).await,
        }
    })
}
