//! Runs the target for a while on stable Rust: `stateset-fuzz-service --seconds 60 [--seed N]`.

use std::process::ExitCode;

use stateset_fuzz_service::token::{SEEDS, token};

fn main() -> ExitCode {
    let mut seeds: Vec<Vec<u8>> = SEEDS.iter().map(|text| text.as_bytes().to_vec()).collect();
    seeds.extend(stateset_fuzz::seeds::all());
    stateset_fuzz::driver::run(&[("token", token)], &seeds)
}
