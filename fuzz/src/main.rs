//! Runs all targets for a while on stable Rust: `stateset-fuzz --seconds 60 [--seed N] [TARGET]…`.
//!
//! A panic ends the run: the input is written to `fuzz/artifacts`, and the exit status is 1. Give the file's name instead
//! of a target to run that input again.

use std::process::ExitCode;

fn main() -> ExitCode {
    stateset_fuzz::driver::run(stateset_fuzz::targets::ALL, &stateset_fuzz::seeds::all())
}
