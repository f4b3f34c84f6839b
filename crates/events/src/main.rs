//! `stateset-events`: the tool for people and agents.
//!
//! [`cli`] names the commands, one file per command under `command/`; each asks through `stateset_inspect` and prints
//! through [`output`]. Where answers come from is decided in [`settings`]: flags, environment, profile.
//!
//! Deliberately absent: SQL, rules, and any way to write without `--apply` on the command line.
//!
//! To add a command: a file under `command/`, a line in `cli.rs`, and a case in `tests/it`, which knows every command.

mod cli;
mod command;
mod context;
mod exit;
mod filter;
mod output;
mod personal;
mod settings;
mod sinks;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => return exit::of_usage(&fault),
    };
    let format = cli.global.format();
    let quiet = cli.global.quiet;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(command::run(cli));
            // A connection that hangs must not hold the prompt.
            runtime.shutdown_timeout(std::time::Duration::from_millis(200));
            result
        },
        Err(error) => Err(stateset_inspect::Fault::unavailable("the operating system", error).into()),
    };
    match result {
        Ok(code) => code.into(),
        Err(stop) => exit::report(&stop, format, quiet),
    }
}
