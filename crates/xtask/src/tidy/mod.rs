//! The rules of this repository that no compiler knows.
//!
//! A rule takes the files or the crates and returns one line per breach, beginning with where it is.

mod arrows;
mod catalogue;
mod ledger;
mod requirements;
mod size;
mod sql;
mod words;

use anyhow::ensure;
use serde_json::Value;

use crate::program::cargo;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let files = workspace.files()?;
    let metadata = cargo(workspace, &["metadata", "--format-version", "1", "--no-deps", "--locked"]).output()?;
    let crates = arrows::crates(&serde_json::from_str::<Value>(&metadata)?)?;

    let mut breaches = Vec::new();
    breaches.extend(arrows::check(&crates));
    breaches.extend(ledger::check_dependencies(&crates));
    breaches.extend(ledger::check_source(&files));
    breaches.extend(size::check(&files));
    breaches.extend(words::check(&files));
    breaches.extend(sql::check(&files));
    breaches.extend(catalogue::check(&files));
    for breach in &breaches {
        println!("{breach}");
    }
    ensure!(breaches.is_empty(), "{} breaches of the rules in crates/xtask/src/tidy", breaches.len());

    println!("{} files and {} crates are tidy", files.len(), crates.len());
    if let Some(summary) = requirements::summary(&files) {
        println!("{summary}");
    }
    Ok(())
}
