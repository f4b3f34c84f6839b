//! `cargo xtask`: the project's own commands.
//!
//! - `ci`: every check, in the order in which a mistake is cheapest to find. `scripts/test.sh` ends in it.
//! - `tidy`: rules of this repository that no compiler knows.
//! - `codegen`: writes `docs/reference` and `docs/contracts` from the programs themselves; `--check` tells whether it is up to date.
//! - `fuzz`: every parser of bytes from outside, for a while.
//! - `test`, `fmt`, `bench`: short names for long commands.
//!
//! It imports nothing of ours, so it builds and works while the rest does not. To add a check, add a
//! step to `ci.rs`; to add a rule, add a module to `tidy` and a line to its list.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod ci;
mod codegen;
mod program;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::program::{TEST, cargo};
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check there is; what a change must pass.
    Ci,
    /// Run the tests of all crates; further arguments go to `cargo test`.
    Test {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check the rules of this repository that no compiler knows.
    Tidy,
    /// Write the reference documents from the program itself.
    Codegen {
        /// Write nothing; fail if a document is not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Format the source.
    Fmt,
    /// Feed every parser of bytes from outside with spoilt inputs for a while; needs no nightly compiler.
    Fuzz {
        /// How long, over all targets.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// The target that needs the server, which takes minutes to build, instead of the others.
        #[arg(long)]
        service: bool,
        /// Names of targets, inputs to run again, `--seed N`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the load generator, optimised; further arguments go to it.
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
    }
}

/// A workspace of its own, so that its dependencies are not the product's.
pub(crate) fn fuzz(workspace: &Workspace, seconds: u64, service: bool, arguments: Vec<String>) -> anyhow::Result<()> {
    let light: &[&str] = &["--locked", "--manifest-path", "fuzz/Cargo.toml", "--bin", "stateset-fuzz"];
    let heavy: &[&str] = &["--manifest-path", "fuzz/service/Cargo.toml", "--bin", "stateset-fuzz-service"];
    let mut program = vec!["run", "--quiet"];
    program.extend(if service { heavy } else { light });
    let time = vec!["--".to_owned(), "--seconds".to_owned(), seconds.to_string()];
    cargo(workspace, &program).args(time).args(arguments).run()
}

fn run(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Ci => ci::run(&workspace),
        Command::Test { arguments } => cargo(&workspace, &TEST).args(arguments).run(),
        Command::Tidy => tidy::run(&workspace),
        Command::Codegen { check } => codegen::run(&workspace, check),
        Command::Fmt => cargo(&workspace, &["fmt", "--all"]).run(),
        Command::Fuzz { seconds, service, arguments } => fuzz(&workspace, seconds, service, arguments),
        Command::Bench { arguments } => bench(&workspace, arguments),
    }
}

/// The load generator needs what it measures, optimised: the server, or the incumbent outbox in its own workspace.
fn bench(workspace: &Workspace, mut arguments: Vec<String>) -> anyhow::Result<()> {
    if arguments.first().is_some_and(|command| command == "outbox") {
        let manifest = "benches/incumbent/Cargo.toml";
        let build = ["build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", "target/incumbent"];
        match cargo(workspace, &build).run() {
            Ok(()) => {
                let program = workspace.root().join("target/incumbent/release/bench-incumbent");
                arguments.extend(["--incumbent".to_owned(), program.display().to_string()]);
            },
            Err(error) => eprintln!("measuring without the incumbent crate: {error:#}"),
        }
    } else if arguments.first().is_none_or(|command| command != "reads") {
        cargo(workspace, &["build", "--release", "-p", "stateset-sequencer"]).run()?;
    }
    cargo(workspace, &["run", "--release", "-p", "stateset-bench", "--"]).args(arguments).run()
}
