//! Every check, one after the other; the first failure ends the run.

use std::time::Instant;

use anyhow::Context;

use crate::program::{TEST, cargo, program};
use crate::workspace::Workspace;
use crate::{codegen, tidy};

type Step = (&'static str, fn(&Workspace) -> anyhow::Result<Outcome>);

enum Outcome {
    Done,
    Skipped(&'static str),
}

/// Seconds in which every parser of outside bytes meets spoilt inputs.
const FUZZ_SECONDS: u64 = 20;

/// The cheap checks come first, except that `clippy` is the first to compile.
const STEPS: [Step; 13] = [
    ("format", |workspace| done(cargo(workspace, &["fmt", "--all", "--check"]).run())),
    ("tidy", |workspace| done(tidy::run(workspace))),
    ("typos", typos),
    ("clippy", clippy),
    ("documentation", documentation),
    ("tests", |workspace| done(cargo(workspace, &TEST).run())),
    ("reference documents", |workspace| done(codegen::run(workspace, true))),
    ("fuzz", |workspace| done(crate::fuzz(workspace, FUZZ_SECONDS, false, Vec::new()))),
    ("other languages", other_languages),
    ("agents", |workspace| done(program(workspace, "bash", &["scripts/mcp.sh"]).run())),
    ("live service", live_service),
    ("browser", |workspace| done(program(workspace, "bash", &["scripts/browser.sh"]).run())),
    ("dependencies", dependencies),
];

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for (name, step) in STEPS {
        println!("\n── {name}");
        let start = stopwatch();
        let outcome = step(workspace).with_context(|| format!("the step `{name}` failed"))?;
        let seconds = start.elapsed().as_secs_f32();
        let line = match outcome {
            Outcome::Done => format!("{name:<22} {seconds:>7.1} s"),
            Outcome::Skipped(why) => format!("{name:<22} skipped: {why}"),
        };
        println!("── {line}");
        lines.push(line);
    }
    println!("\nAll checks passed:\n  {}", lines.join("\n  "));
    Ok(())
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<Outcome> {
    result.map(|()| Outcome::Done)
}

fn clippy(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
    done(cargo(workspace, &arguments).run())
}

fn documentation(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let arguments = ["doc", "--workspace", "--all-features", "--no-deps", "--locked"];
    done(cargo(workspace, &arguments).variable("RUSTDOCFLAGS", "-D warnings").run())
}

fn other_languages(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !workspace.root().join("scripts/interop.sh").is_file() {
        return Ok(Outcome::Skipped("there is no scripts/interop.sh"));
    }
    done(program(workspace, "bash", &["scripts/interop.sh"]).run())
}

/// The real server, as the reference documents have just built it, under made-up calls, a strict reader of its metrics, and
/// many connections.
fn live_service(workspace: &Workspace) -> anyhow::Result<Outcome> {
    done(program(workspace, "bash", &["scripts/live.sh"]).run())
}

fn typos(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !program(workspace, "typos", &["--version"]).succeeds() {
        return Ok(Outcome::Skipped("`typos` is not installed"));
    }
    done(program(workspace, "typos", &[]).run())
}

/// Without the advisories, which need the network and change without us.
fn dependencies(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !cargo(workspace, &["deny", "--version"]).succeeds() {
        return Ok(Outcome::Skipped("`cargo-deny` is not installed"));
    }
    done(cargo(workspace, &["deny", "--offline", "check", "bans", "licenses", "sources"]).run())
}

#[expect(clippy::disallowed_methods, reason = "no test pauses this clock, and there is no runtime here")]
fn stopwatch() -> Instant {
    Instant::now()
}
