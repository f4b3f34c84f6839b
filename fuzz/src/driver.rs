//! Runs targets for a while on stable Rust.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::mutate::{Random, input};
use crate::targets::Target;

struct Run {
    seconds: u64,
    seed: u64,
    targets: Vec<Target>,
    files: Vec<PathBuf>,
}

/// Runs the targets that the command line names, or all.
#[expect(clippy::disallowed_methods, reason = "a program of its own, which has no clock to be given")]
pub fn run(all: &[Target], seeds: &[Vec<u8>]) -> ExitCode {
    let run = match arguments(all) {
        Ok(run) => run,
        Err(fault) => {
            eprintln!("stateset-fuzz: {fault}");
            return ExitCode::from(2);
        },
    };
    println!("{} seeds, seed {}, {} s", seeds.len(), run.seed, run.seconds);
    for file in &run.files {
        let bytes = std::fs::read(file).unwrap_or_default();
        for (name, target) in &run.targets {
            println!("{name} {}", file.display());
            target(&bytes);
        }
    }
    if !run.files.is_empty() {
        return ExitCode::SUCCESS;
    }
    let share = Duration::from_secs(run.seconds) / u32::try_from(run.targets.len()).unwrap_or(1);
    for (name, target) in run.targets {
        let mut random = Random::new(run.seed);
        // Good inputs first, as they are.
        let mut done = 0_u64;
        for seed in seeds {
            if !survives(name, target, seed) {
                return ExitCode::FAILURE;
            }
            done += 1;
        }
        let started = Instant::now();
        while started.elapsed() < share {
            if !survives(name, target, &input(&mut random, seeds)) {
                return ExitCode::FAILURE;
            }
            done += 1;
        }
        println!("{name:<16} {done:>10} inputs");
    }
    ExitCode::SUCCESS
}

/// Whether the target ends without a panic; if not, the input is kept.
fn survives(name: &str, target: fn(&[u8]), bytes: &[u8]) -> bool {
    if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok() {
        return true;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let file = folder.join(format!("{name}-{sum:016x}"));
    let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, bytes));
    eprintln!("{name} panicked; the input is in {} ({kept:?})", file.display());
    false
}

fn arguments(all: &[Target]) -> Result<Run, String> {
    let mut run = Run { seconds: 30, seed: 1, targets: Vec::new(), files: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|text| text.parse().ok()).ok_or(format!("{word} wants a number"));
        match word.as_str() {
            "--seconds" => run.seconds = number()?,
            "--seed" => run.seed = number()?,
            name => match all.iter().find(|(known, _)| *known == name) {
                Some(target) => run.targets.push(*target),
                None if Path::new(name).is_file() => run.files.push(PathBuf::from(name)),
                None => return Err(format!("{name} is no target and no file")),
            },
        }
    }
    if run.targets.is_empty() {
        run.targets = all.to_vec();
    }
    Ok(run)
}
